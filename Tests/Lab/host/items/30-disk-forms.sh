# Every form in which a disk can name a volume: found, frozen, released, back on the very path the user wrote; ext4 and XFS.
forms() {
	cat <<-'FORMS'
		link     block dev='/dev/zvol/tank/forms/link'
		device   block dev='DEVICE'
		tank     block dev='/dev/tank/forms/tank'
		part     block dev='/dev/zvol/tank/forms/part-part1'
		crypt    block dev='/dev/mapper/crypt'
		lvm      block dev='/dev/vglab/root'
		space    block dev='/dev/zvol/tank/forms/a+b'
		xfs      block dev='/dev/zvol/tank/forms/xfs'
		locked   file  file='/tank/forms/locked/disk.raw'
		legacy   file  file='/srv/legacy/disk.raw'
		blank    file  file='/tank/forms/a dataset/disk.raw'
	FORMS
}
cat >"$HOST_RUN/forms.sh" <<'E2'
set -euo pipefail
zfs create tank/forms
for name in link device tank part crypt lvm 'a b' xfs; do zfs create -s -V 320M "tank/forms/$name"; done
udevadm settle
for name in link device tank a+b; do mkfs.ext4 -q -F /dev/zvol/tank/forms/$name; done
mkfs.xfs -q -f /dev/zvol/tank/forms/xfs
parted -s /dev/zvol/tank/forms/part mklabel gpt mkpart a ext4 1MiB 100%
udevadm settle; mkfs.ext4 -q -F /dev/zvol/tank/forms/part-part1
printf secret | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /dev/zvol/tank/forms/crypt -
printf secret | cryptsetup open /dev/zvol/tank/forms/crypt crypt -
mkfs.ext4 -q -F /dev/mapper/crypt
pvcreate -q /dev/zvol/tank/forms/lvm; vgcreate -q vglab /dev/zvol/tank/forms/lvm; lvcreate -q -n root -l 100%FREE vglab
mkfs.ext4 -q -F /dev/vglab/root
printf 'secretsecret\n' | zfs create -o encryption=on -o keyformat=passphrase tank/forms/locked
mkdir -p /srv/legacy; zfs create -o mountpoint=legacy tank/forms/legacy; mount -t zfs tank/forms/legacy /srv/legacy
zfs create "tank/forms/a dataset"
for folder in /tank/forms/locked /srv/legacy "/tank/forms/a dataset"; do
	truncate -s 256M "$folder/disk.raw"; mkfs.ext4 -q -F "$folder/disk.raw"
done
E2
put_in_host /root "$HOST_RUN/forms.sh"
expect "volumes of every form" in_host -t 600 'bash /root/forms.sh'
in_host 'for n in $(virsh list --name); do virsh destroy $n; done' >/dev/null 2>&1 || true
# Four at a time: a guest that only waits takes a third of a processor here.
mapfile -t all < <(forms)
for ((first = 0; first < ${#all[@]}; first += 4)); do
	rows=("${all[@]:first:4}")
	names=$(printf '%s\n' "${rows[@]}" | awk '{print $1}' | xargs)
	expect "VMs: $names" in_host -t 600 "
		set -e; device=\$(readlink -f /dev/zvol/tank/forms/device)
		while read -r name type source; do define-guest \$name \$type \"\${source/DEVICE/\$device}\"; done <<'FORMS'
$(printf '%s\n' "${rows[@]}")
FORMS
		await-guest $names"
	in_host 'for n in $(virsh list --name); do echo "$n $(virsh domblklist $n | grep vda)"; done' >"$HOST_RUN/before"
	expect "one cycle over all" in_host -t 600 "/usr/lib/stillpoint/pre-snapshot -r tank/forms@forms$first 2>&1 &&
		zfs snapshot -r tank/forms@forms$first && /usr/lib/stillpoint/post-snapshot -r tank/forms@forms$first 2>&1"
	sed 's/^/    /' "$HOST_RUN/said"
	expect "each is on the path that was written" \
		diff "$HOST_RUN/before" <(in_host 'for n in $(virsh list --name); do echo "$n $(virsh domblklist $n | grep vda)"; done')
	for name in $names; do
		expect "$name was quiesced" in_host "zfs list -H -o name,stillpoint:vms -t snapshot -r tank/forms |
			grep '@forms$first' | tee /dev/stderr | grep -q '[[:space:],]$name=quiesced'"
	done
	in_host "for n in $names; do virsh destroy \$n; virsh undefine \$n; done" >/dev/null 2>&1 || true
done
in_host 'zfs list -H -o name,stillpoint:consistency,stillpoint:vms -t snapshot -r tank/forms' | sed 's/^/    /'
in_host 'sleep 2; umount /srv/legacy; vgchange -an vglab; cryptsetup close crypt
	zfs destroy -r tank/forms; virsh start beta; virsh start gamma; await-guest beta gamma' >/dev/null 2>&1 || true
