#!/bin/bash
# memory.sh BIN_DIR [ROUNDS]: how long a guest stands still for a RAM dump, by libvirt's events on the host's clock, and
# how fast dumps go to cold storage. Call it through `make bench`.
set -euo pipefail
bin=$1
rounds=${2:-10}
dataset=$LAB_POOL/memory
overlays=$LAB_DIR/overlays
results=$LAB_DIR/results
mkdir -p "$results"

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
spread() { sort -n "$1" | awk 'NR == 1 { low = $1 } { high = $1 } END { printf "%s-%s", low, high }'; }

"$LAB" dataset memory >/dev/null
"$LAB" guest ram --dataset memory --memory 256
"$LAB" wait ram
cat >/etc/stillpoint/stillpoint.conf <<C
[stillpoint]
overlay_dir = $overlays
ram_dir = $overlays
strategy = memory
C
virsh event ram --event lifecycle --loop --timestamp >"$LAB_DIR/events" &
events=$!
sleep 0.5

# Milliseconds between the last Suspended and the Resumed after it.
pause() {
    sleep 0.3
    awk '/Suspended/ { split($2, t, /[:+]/); s = t[1] * 3600 + t[2] * 60 + t[3] }
         /Resumed/ { split($2, t, /[:+]/); r = t[1] * 3600 + t[2] * 60 + t[3] } END { printf "%.0f\n", (r - s) * 1000 }' \
        "$LAB_DIR/events"
}

# virsh_dump NAME FLAGS…: the same snapshot by virsh.
virsh_dump() {
    local name=$1
    shift
    qemu-img create -q -f qcow2 -F raw -b "/$dataset/ram-vda.raw" "$overlays/v.qcow2"
    cat >"$LAB_DIR/snapshot.xml" <<X
<domainsnapshot><name>v</name><memory snapshot='external' file='$overlays/v.ram'/><disks>
<disk name='vda' snapshot='external' type='file'><driver type='qcow2'/><source file='$overlays/v.qcow2'/></disk>
</disks></domainsnapshot>
X
    virsh -q snapshot-create ram "$LAB_DIR/snapshot.xml" --atomic --reuse-external "$@" >/dev/null
    pause >>"$results/$name"
    virsh -q blockcommit ram vda --active --pivot --wait >/dev/null
    virsh -q snapshot-delete ram v --metadata >/dev/null
    rm -f "$overlays"/v.*
}

for ((round = 0; round < rounds; round++)); do
    virsh_dump still
    virsh_dump live --live
    "$bin/pre-snapshot" "$dataset@$round" 2>/dev/null
    pause >>"$results/stillpoint"
    # It says that no snapshot was taken.
    "$bin/post-snapshot" "$dataset@$round" 2>/dev/null || true
    rm -f "$overlays"/*.ram
done
kill "$events"
printf '\nA guest of 256 MiB stands still for its RAM dump, ms (median of %s, and from-to)\n' "$rounds"
printf '%-28s %8s   %s\n' 'virsh snapshot-create' "$(median "$results/still")" "$(spread "$results/still")" \
    'virsh snapshot-create --live' "$(median "$results/live")" "$(spread "$results/live")" \
    stillpoint "$(median "$results/stillpoint")" "$(spread "$results/stillpoint")"

# A dump of 1 GiB that compresses about as RAM does: zeros, programs, noise.
source=$LAB_DIR/big.ram
{
    head -c 300M /dev/zero
    cat /usr/lib/x86_64-linux-gnu/*.so* 2>/dev/null | head -c 424M || true
    head -c 300M /dev/urandom
} >"$source"
truncate -s 1G "$source"
mkdir -p "$LAB_DIR/cold"
points=/var/lib/stillpoint/restore-points
rm -rf "$points"

# archive NAME COMPRESSION: the catalogue says that a dump waits.
archive() {
    mkdir -p "$points" -m 0700
    cp --reflink=never "$source" "$overlays/big.ram"
    sync -f "$overlays"
    cat >"$points/20260101T000000Z-000000.json" <<J
{ "format": 1, "run": "20260101T000000Z-000000", "manager": "bench", "snapshots": [], "machines": [ { "hypervisor":
"local", "id": "x", "name": "big", "datasets": [ "$dataset" ], "consistency": "memory", "notes": [],
"dump": { "path": "$overlays/big.ram", "bytes": 1073741824 } } ] }
J
    : >"$points/20260101T000000Z-000000.archive"
    printf '[stillpoint]\ncold_storage = %s\nram_compression = %s\n' "$LAB_DIR/cold" "$2" >/etc/stillpoint/stillpoint.conf
    timed "$1" "$bin/stillpoint" archive
    rm -rf "$LAB_DIR/cold"/* "$points"
}

timed() {
    local name=$1 start=$EPOCHREALTIME
    shift
    "$@" 2>/dev/null
    awk -v s="$start" -v e="$EPOCHREALTIME" 'BEGIN { printf "%.2f\n", e - s }' >>"$results/$name"
}

# copy NAME: with or without waiting for the disk.
copy() {
    cp --reflink=never "$source" "$overlays/big.ram"
    sync -f "$overlays"
    timed "$1" sh -c "cp $overlays/big.ram $LAB_DIR/cold/big.ram $2"
    rm -f "$overlays/big.ram" "$LAB_DIR/cold/big.ram"
    sync -f "$overlays"
}

for ((round = 0; round < 5; round++)); do
    copy cp ''
    copy cp-sync "; sync $LAB_DIR/cold/big.ram"
    archive none none
    archive zstd zstd
done
printf '\n1 GiB to cold storage, seconds (median of 5, and from-to)\n'
for name in cp cp-sync none zstd; do
    printf '%-28s %8s   %s\n' "$name" "$(median "$results/$name")" "$(spread "$results/$name")"
done
