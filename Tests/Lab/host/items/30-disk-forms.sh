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
in_host 'virsh destroy beta; virsh destroy gamma' >/dev/null 2>&1 || true
expect "gives all a VM" in_host -t 600 "
	set -e; device=\$(readlink -f /dev/zvol/tank/forms/device)
	while read -r name type source; do define-guest \$name \$type \"\${source/DEVICE/\$device}\"; await-guest \$name
	done <<'FORMS'
$(forms)
FORMS"
in_host 'for n in $(virsh list --name); do echo "$n $(virsh domblklist $n | grep vda)"; done' >"$HOST_RUN/before"
expect "one cycle over all" in_host -t 600 \
	'set -x; stillpoint snapshot -r tank/forms@a 2>&1 || { /usr/lib/stillpoint/pre-snapshot -r tank/forms@a && zfs snapshot -r tank/forms@a && /usr/lib/stillpoint/post-snapshot -r tank/forms@a; }'
cat "$HOST_RUN/said" | sed 's/^/    /' | tail -n 8
expect "each is on the path that was written" diff "$HOST_RUN/before" <(in_host 'for n in $(virsh list --name); do echo "$n $(virsh domblklist $n | grep vda)"; done')
for name in $(forms | awk '{print $1}'); do
	expect "$name was quiesced" in_host "zfs list -H -o stillpoint:vms -t snapshot -r tank/forms | grep -q '$name.*quiesced\|quiesced.*$name'"
done
in_host 'zfs list -H -o name,stillpoint:consistency,stillpoint:vms -t snapshot -r tank/forms' | sed 's/^/    /'
in_host 'for n in $(virsh list --name); do virsh destroy $n; done; sleep 2; umount /srv/legacy; vgchange -an vglab; cryptsetup close crypt
	for n in $(virsh list --all --name); do case $n in beta|gamma) ;; *) virsh undefine $n ;; esac; done; zfs destroy -r tank/forms
	virsh start beta; virsh start gamma; await-guest beta gamma' >/dev/null 2>&1 || true
