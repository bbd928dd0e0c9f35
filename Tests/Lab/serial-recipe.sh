#!/bin/bash
# The recipe one finds for snapshots of running guests: one domain after another, virsh for
# every step. Here to be compared with. Overlays go to OVERLAY_DIR.
#
# usage: serial-recipe.sh pre|post NAME…
set -euo pipefail
overlays=${OVERLAY_DIR:-$LAB_DIR/overlays}

disks_of() {
	virsh domblklist "$1" --details | awk '$1 == "file" && $2 == "disk" { print $3 }'
}

pre() {
	local disk specs=() options=(--disk-only --atomic --no-metadata)

	for disk in $(disks_of "$1"); do
		specs+=(--diskspec "$disk,snapshot=external,file=$overlays/$1-$disk.qcow2")
	done
	# A guest without an agent cannot be quiesced; the recipes then do without.
	virsh -q snapshot-create-as "$1" recipe "${options[@]}" --quiesce "${specs[@]}" >/dev/null 2>&1 ||
		virsh -q snapshot-create-as "$1" recipe "${options[@]}" "${specs[@]}" >/dev/null
}

post() {
	local disk

	for disk in $(disks_of "$1"); do
		virsh -q blockcommit "$1" "$disk" --active --pivot --wait >/dev/null
		rm "$overlays/$1-$disk.qcow2"
	done
}

case ${1:-} in
pre | post) ;;
*)
	echo "usage: ${0##*/} pre|post NAME…" >&2
	exit 2
	;;
esac
phase=$1
shift
for name in "$@"; do
	"$phase" "$name"
done
