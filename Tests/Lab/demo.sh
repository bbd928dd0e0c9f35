#!/bin/bash
# demo.sh BIN_DIR: real sanoid takes a daily and an hourly snapshot of three running guests through the hooks in
# BIN_DIR, the guests' disks in a clone of the snapshot show what each of them got, and one guest is rewound with its RAM.
# Call it through `make demo`.
set -euo pipefail
bin=$1
dataset=$LAB_POOL/VM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
# The last second that the guest cache has counted.
counter() { grep -a '^RAM' "$LAB_DIR/cache.log" | tail -n 1 | tr -dc 0-9; }
fail() { echo "FAILED: $*" >&2; exit 1; }

say "1. A pool, and four guests that write numbered records, each with fsync, and count seconds in RAM"
"$LAB" dataset VM >/dev/null
"$LAB" guest web --dataset VM
"$LAB" guest db --dataset VM --disks 2
"$LAB" guest legacy --dataset VM --no-agent
"$LAB" guest cache --dataset VM
"$LAB" wait web db legacy cache
virsh list

say "2. The lines that switch Stillpoint on in sanoid.conf, and a VM whose RAM is wanted too in stillpoint.conf"
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
    pruning_script = $bin/prune-snapshot
    script_timeout = 60
C
mkdir "$LAB_DIR/cold"
cat >/etc/stillpoint/stillpoint.conf <<C
[stillpoint]
overlay_dir = $LAB_DIR/overlays
ram_dir = $LAB_DIR/overlays
cold_storage = $LAB_DIR/cold

[vm cache]
strategy = memory, quiesce
C
cat /etc/sanoid/sanoid.conf /etc/stillpoint/stillpoint.conf

say "3. sanoid --take-snapshots"
declare -A before
for name in web db legacy cache; do before[$name]=$("$LAB" durable "$name" vda); done
counter_before=$(counter)
# zfs-fuse knows no 'zfs list -p', of which sanoid complains at length.
time sanoid --take-snapshots --verbose 2>&1 | grep -E '^(stillpoint:|executing|taking|WARN|CRITICAL)' || fail "sanoid"
counter_at_snapshot=$(counter)

say "4. What is left behind: nothing"
for name in web db legacy cache; do
    virsh domblklist "$name" | grep /
    [ -z "$(virsh snapshot-list --name "$name" | tr -d '[:space:]')" ] || fail "$name has a libvirt snapshot"
    ! virsh domblklist "$name" | grep -q qcow2 || fail "$name is on an overlay"
done
[ -z "$(find "$LAB_DIR/overlays" -name '*.qcow2')" ] || fail "an overlay is left"
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
# zfs-fuse may call it busy for a moment.
zfs destroy "$LAB_POOL/look" 2>/dev/null || { sleep 1; zfs destroy "$LAB_POOL/look"; }

say "7. The RAM of cache is in cold storage by now"
"$bin/stillpoint" archive
find "$LAB_DIR/cold" -type f -printf '%s bytes  %P\n'
"$bin/stillpoint" list "$dataset"

say "8. cache is put back to the snapshot, RAM and all, while the others run on"
sleep 4
console=$(stat -c %s "$LAB_DIR/cache.log")
echo "its counter: $counter_before before the snapshot, $counter_at_snapshot after it, $(counter) now"
time "$bin/stillpoint" restore "${snapshots[0]}" --vm cache --in-place
"$LAB" wait cache
rewound=
for _ in {1..100}; do
    rewound=$(tail -c +$((console + 1)) "$LAB_DIR/cache.log" | grep -a '^RAM' | tr -dc '0-9\n' |
        awk -v limit="$((counter_at_snapshot + 1))" '$1 <= limit { print; exit }')
    [ -z "$rewound" ] || break
    sleep 0.1
done
[ -n "$rewound" ] && [ "$rewound" -ge "$counter_before" ] || fail "cache does not resume from the snapshot"
! tail -c +$((console + 1)) "$LAB_DIR/cache.log" | grep -aq '^BOOT' || fail "cache was booted"
echo "its counter continues at $rewound; its agent answers: $(virsh qemu-agent-command cache '{"execute":"guest-ping"}')"
say "Done: web and db were quiesced, legacy got what a power cut leaves, cache was rewound with its RAM, and the snapshot says so."
