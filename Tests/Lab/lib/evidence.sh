# shellcheck shell=bash
# What an image holds. Everything is read from a copy, so any image may be asked: a disk in use,
# one in a clone, one on a read-only snapshot.

# in_copy IMAGE COMMAND…: runs COMMAND with a raw, sparse copy of IMAGE as its last argument.
in_copy() (
	image=$1
	shift
	[[ -r $image ]] || die "$image: cannot be read"
	copy=$(mktemp -p "${LAB_DIR:-/var/tmp}" image.XXXXXX)
	trap 'rm -rf "$copy" "$copy".*' EXIT
	if [[ $(qemu-img info -U "$image") == *$'\nfile format: raw'* ]]; then
		cp --sparse=always "$image" "$copy"
	else
		qemu-img convert -U -O raw "$image" "$copy"
	fi
	"$@" "$copy"
)

lab_records() {
	(($# == 1)) || die "usage: lab records IMAGE"
	in_copy "$1" count_records
}

lab_marks() {
	(($# == 1)) || die "usage: lab marks IMAGE"
	in_copy "$1" cat_file freeze-marks
}

lab_clean_fs() {
	(($# == 1)) || die "usage: lab clean-fs IMAGE"
	in_copy "$1" is_clean
}

# cat_file NAME COPY
cat_file() {
	replay_journal "$2"
	debugfs -R "cat /$1" "$2" 2>/dev/null
}

count_records() {
	local copy=$1 size

	replay_journal "$copy"
	debugfs -R "dump /records $copy.records" "$copy" >/dev/null 2>&1
	[[ -s $copy.records ]] || die "no records"
	size=$(($(stat -c %s "$copy.records") / 16))
	if ! seq -f '%015.0f' 1 "$size" | cmp -n $((size * 16)) - "$copy.records" >"$copy.difference" 2>&1; then
		die "records have a gap: $(<"$copy.difference")"
	fi
	echo "$size"
}

# 0: nothing to do, 1: repaired, which is what a replay counts as.
replay_journal() {
	e2fsck -fy "$1" >"$1.fsck" 2>&1 || (($? == 1)) || die "e2fsck cannot repair it: $(tail -n 3 "$1.fsck")"
}

is_clean() {
	local header

	header=$(dumpe2fs -h "$1" 2>/dev/null) || die "no ext4 file system"
	[[ $header != *needs_recovery* ]]
}
