# A LIO LUN on a zvol and an NFS export of a dataset are found in the kernel's own files: `check` and a dry run name them.
expect "a LUN and an export" in_host '
	set -e; modprobe target_core_mod; zfs create -s -V 128M tank/lun; zfs create tank/nfs; udevadm settle
	targetcli /backstores/block create name=lun dev=/dev/zvol/tank/lun >/dev/null
	systemctl start nfs-server; zfs set sharenfs=on tank/nfs; exportfs -v | grep -q /tank/nfs'
in_host 'cat /sys/kernel/config/target/core/iblock_0/lun/udev_path; exportfs -s' | sed 's/^/    /'
