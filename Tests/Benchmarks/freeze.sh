#!/bin/bash
# freeze.sh BIN_DIR [GUESTS] [ROUNDS]: how long guests stay frozen by the strategy `freeze` when sanoid takes the snapshot,
# beside `virsh domfsfreeze` and `domfsthaw` as sanoid's hooks, in one run, measured in a guest. Call it through `make bench`.
set -euo pipefail
bin=$1 guests=${2:-3} rounds=${3:-10}

median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

work=$LAB_DIR/freeze
mkdir -p "$work" /etc/stillpoint /etc/sanoid
names=()
"$LAB" dataset frozen >/dev/null
for i in $(seq "$guests"); do
    "$LAB" guest "cold$i" --dataset frozen >/dev/null
    names+=("cold$i")
done
"$LAB" wait "${names[@]}"
printf '[stillpoint]\noverlay_dir = %s\nstrategy = freeze\n' "$LAB_DIR/overlays" >/etc/stillpoint/stillpoint.conf

for hook in freeze thaw; do
    { echo '#!/bin/sh'; printf "virsh -q domfs$hook %s >/dev/null\n" "${names[@]}"; } >"$work/virsh-$hook"
    chmod +x "$work/virsh-$hook"
done
# use PRE POST: sanoid's hooks
use() {
    cat >/etc/sanoid/sanoid.conf <<-C
	[$LAB_POOL/frozen]
	use_template = hooked
	[template_hooked]
	daily = 1
	hourly = 0
	monthly = 0
	autosnap = yes
	autoprune = no
	pre_snapshot_script = $1
	post_snapshot_script = $2
	script_timeout = 60
	C
    rm -f /var/cache/sanoid/*
}
# windows FILE: one snapshot by sanoid; appends the longest window of all guests, as they say themselves
windows() {
    local file=$1 name
    for name in "${names[@]}"; do "$LAB" frozen "$name" | wc -l >"$work/before.$name"; done
    sanoid --take-snapshots --force-update >>"$work/sanoid.log" 2>&1 || { cat "$work/sanoid.log"; exit 1; }
    sleep 0.5
    for name in "${names[@]}"; do
        "$LAB" frozen "$name" | tail -n +$(($(cat "$work/before.$name") + 1))
    done | sort -n | tail -n 1 >>"$file"
    zfs list -H -o name -t snapshot -r "$LAB_POOL/frozen" | while read -r snapshot; do zfs destroy "$snapshot"; done
}
# The two take turns, so that a change of the machine's load meets both.
for _ in $(seq "$rounds"); do
    use "$work/virsh-freeze" "$work/virsh-thaw"
    windows "$work/virsh"
    use "$bin/pre-snapshot" "$bin/post-snapshot"
    windows "$work/stillpoint"
done
virsh=$(median <"$work/virsh") ours=$(median <"$work/stillpoint")
echo "the longest freeze of $guests guests in a sanoid run, medians of $rounds in ms"
printf '%-34s %8s\n' "virsh domfsfreeze, domfsthaw" "$virsh" "stillpoint, strategy freeze" "$ours"
awk -v a="$ours" -v b="$virsh" 'BEGIN { printf "stillpoint / virsh:         %.2f  (budget: at most 1)\n", a / b }'
