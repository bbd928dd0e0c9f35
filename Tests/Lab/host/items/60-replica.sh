# A replica on a second pool: `list` there knows the restore points, and a VM comes to life with its RAM.
expect "a second pool and cold storage" in_host 'set -e; zpool create -f backup /dev/vdc; zfs create backup/cold
	printf "[stillpoint]\nstrategy = memory, quiesce\ncold_storage = /backup/cold\n" >/etc/stillpoint/stillpoint.conf; stillpoint check'
expect "a snapshot with RAM" in_host -t 600 '/usr/lib/stillpoint/pre-snapshot tank/VM/beta@replica && zfs snapshot tank/VM/beta@replica && /usr/lib/stillpoint/post-snapshot tank/VM/beta@replica'
sed 's/^/    /' "$HOST_RUN/said"
expect "it says memory" in_host 'zfs get -H -o value stillpoint:consistency tank/VM/beta@replica | grep -qx memory'
expect "zfs send -p | zfs receive" in_host 'zfs send -p tank/VM/beta@replica | zfs receive -u backup/beta'
expect "list on the replica" in_host 'stillpoint archive; stillpoint list backup/beta | tee /dev/stderr | grep -q "beta.*memory"'
expect "restored from the replica, with its RAM" in_host -t 600 'stillpoint restore backup/beta@replica --vm beta --as again && await-guest again'
sed 's/^/    /' "$HOST_RUN/said"
for options in --sendoptions=p --no-privilege-elevation; do
	expect "syncoid $options, and list" in_host -t 300 "zfs destroy -r backup/s 2>/dev/null; syncoid $options --quiet tank/VM/beta backup/s 2>&1
		stillpoint list backup/s | tee /dev/stderr | grep -q '@replica .*beta.*memory'"
	sed 's/^/    /' "$HOST_RUN/said" | tail -n 4
done
expect "a zvol guest with RAM, restored beside itself and in place" in_host -t 900 '
	set -e; /usr/lib/stillpoint/pre-snapshot tank/VM/zv1@replica; zfs snapshot tank/VM/zv1@replica; /usr/lib/stillpoint/post-snapshot tank/VM/zv1@replica
	zfs get -H -o value stillpoint:consistency tank/VM/zv1@replica | grep -qx memory
	stillpoint restore tank/VM/zv1@replica --vm gamma --as gamma2; await-guest gamma2; virsh destroy gamma2
	stillpoint restore tank/VM/zv1@replica --vm gamma --in-place; await-guest gamma; virsh domblklist gamma | grep "/dev/zvol/tank/VM/zv1$"'
sed 's/^/    /' "$HOST_RUN/said"
in_host ': >/etc/stillpoint/stillpoint.conf; virsh destroy again; zfs destroy -r backup/again' >/dev/null 2>&1 || true
