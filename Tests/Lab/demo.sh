#!/bin/bash
# demo.sh BIN_DIR: real sanoid takes a daily and an hourly snapshot of three running guests through the hooks in
# BIN_DIR, and the guests' disks in a clone of the snapshot show what each of them got. Call it through `make demo`.
set -euo pipefail
bin=$1
dataset=$LAB_POOL/VM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }

say "1. A pool, and three guests that write numbered records, each with fsync"
"$LAB" dataset VM >/dev/null
"$LAB" guest web --dataset VM
"$LAB" guest db --dataset VM --disks 2
"$LAB" guest legacy --dataset VM --no-agent
"$LAB" wait web db legacy
virsh list

say "2. The lines that switch Stillpoint on in sanoid.conf"
mkdir -p /etc/sanoid /etc/stillpoint
cat >/etc/sanoid/sanoid.conf <<C
[$dataset]
    use_template = demo

[template_demo]
    daily = 7
    hourly = 24
    monthly = 0
    autosnap = yes
    autoprune = no
    pre_snapshot_script = $bin/pre-snapshot
    post_snapshot_script = $bin/post-snapshot
    script_timeout = 60
C
printf '[stillpoint]\noverlay_dir = %s\n' "$LAB_DIR/overlays" >/etc/stillpoint/stillpoint.conf
cat /etc/sanoid/sanoid.conf

say "3. sanoid --take-snapshots"
declare -A before
for name in web db legacy; do before[$name]=$("$LAB" durable "$name" vda); done
# zfs-fuse knows no 'zfs list -p', of which sanoid complains at length.
time sanoid --take-snapshots --verbose 2>&1 | grep -E '^(stillpoint:|executing|taking|WARN|CRITICAL)' || fail "sanoid"

say "4. What is left behind: nothing"
for name in web db legacy; do
    virsh domblklist "$name" | grep /
    [ -z "$(virsh snapshot-list --name "$name" | tr -d '[:space:]')" ] || fail "$name has a libvirt snapshot"
    ! virsh domblklist "$name" | grep -q qcow2 || fail "$name is on an overlay"
done
[ -z "$(ls -A "$LAB_DIR/overlays")" ] || fail "an overlay is left"
[ -z "$(ls -A /var/lib/stillpoint/runs)" ] || fail "a run is open"
echo "no overlay, no libvirt snapshot, no open run"

say "5. What the snapshots say of themselves"
mapfile -t snapshots < <(zfs list -H -o name -t snapshot -r "$dataset")
[ "${#snapshots[@]}" = 2 ] || fail "there are ${#snapshots[@]} snapshots, not a daily and an hourly one"
zfs get -H -o name,property,value all "${snapshots[@]}" | grep stillpoint:

say "6. What the guests' disks in a clone of the snapshot say"
zfs clone "${snapshots[0]}" "$LAB_POOL/look"
for image in web-vda db-vda db-vdb legacy-vda; do
    name=${image%-*}
    file=/$LAB_POOL/look/$image.raw
    state="needs journal recovery"
    if "$LAB" clean-fs "$file"; then state="clean"; fi
    mark=$("$LAB" marks "$file" 2>/dev/null | tail -n 1 || true)
    printf '%-12s %-24s mark: %-18s records: %s (durable before: %s)\n' "$image" "$state" "${mark:-none}" \
        "$("$LAB" records "$file")" "$([ "$image" = "$name-vda" ] && echo "${before[$name]}" || echo -)"
    case $name in
    legacy) [ "$state" != clean ] || fail "$image should need recovery" ;;
    *) [ "$state" = clean ] && [ -n "$mark" ] || fail "$image is not quiesced" ;;
    esac
done
say "Done: web and db were quiesced, legacy got what a power cut leaves, and the snapshot says so."
