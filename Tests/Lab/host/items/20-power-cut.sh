# The power fails while guests are on their overlays: after boot, without anyone's hand, they are on their own disks, in
# their definitions too.
in_host 'virsh autostart gamma; virsh autostart --disable beta; systemctl unmask zfs-load-module systemd-udev-settle; systemctl enable zfs-load-module libvirtd stillpoint-recover.service stillpoint-recover.timer
	systemctl enable zfs-import-cache zfs-mount zfs-volume-wait apparmor; sync' >"$HOST_RUN/said" 2>&1 || true
expect "pre-snapshot freezes both" in_host '/usr/lib/stillpoint/pre-snapshot -r tank/VM@cut && zfs snapshot -r tank/VM@cut'
expect "both are on overlays" in_host 'for n in gamma beta; do virsh domblklist $n | grep -q /var/lib/libvirt/stillpoint/ || exit 1; done'
in_host 'sleep 3; sync'
cut_power
expect "the host is up again" in_host -t 400 'timeout 300 systemctl is-system-running --wait; zpool list tank'
expect "recovery ends within 5 minutes, unattended" in_host -t 400 '
	for i in $(seq 300); do [ -z "$(ls /var/lib/stillpoint/runs/*.json 2>/dev/null)" ] && exit 0; sleep 1; done
	journalctl -q -o cat -b -u stillpoint-recover.service -n 20; exit 1'
expect "the definitions name their own disks" in_host \
	'virsh domblklist --inactive gamma | grep -q "/dev/zvol/tank/VM/zv1$" && virsh domblklist --inactive beta | grep -q "/tank/VM/beta/beta.raw$"'
expect "gamma, which starts with the host, runs on its own disk" in_host 'virsh domblklist gamma | grep "/dev/zvol/tank/VM/zv1$"'
expect "no overlay is left" in_host 'test -z "$(ls /var/lib/libvirt/stillpoint/*.qcow2 2>/dev/null)"'
expect "beta starts" in_host 'virsh -q start beta && await-guest beta gamma'
# Once more, with a pool that is imported only after the boot, as one is that waits for a disk or a passphrase.
expect "pre-snapshot freezes both again" in_host '/usr/lib/stillpoint/pre-snapshot -r tank/VM@late && zfs snapshot -r tank/VM@late'
in_host 'sleep 3; systemctl -q mask zfs-import-cache zfs-import-scan; sync'
cut_power
expect "the host is up without its pool" in_host -t 400 'timeout 300 systemctl is-system-running --wait; ! zpool list tank'
expect "recovery says to import it, and claims nothing about its snapshots" in_host '
	journalctl -q -o cat -b -u stillpoint-recover.service >/tmp/said; cat /tmp/said
	grep -q "import its pool" /tmp/said && ! grep -qE "none of the snapshots|no snapshot was taken|to keep what" /tmp/said'
sed 's/^/    /' "$HOST_RUN/said" | tail -n 8
expect "after zpool import the timer releases both" in_host -t 400 '
	systemctl -q unmask zfs-import-cache zfs-import-scan; zpool import tank && zfs mount -a
	for i in $(seq 300); do [ -z "$(ls /var/lib/stillpoint/runs/*.json 2>/dev/null)" ] && exit 0; sleep 1; done; exit 1'
expect "and their snapshot says quiesced" in_host 'zfs get -H -o value stillpoint:consistency tank/VM/zv1@late | grep -x quiesced'
expect "both start from their own disks" in_host -t 300 '
	virsh -q start gamma 2>/dev/null; virsh -q start beta; await-guest beta gamma
	virsh domblklist gamma | grep "/dev/zvol/tank/VM/zv1$" && virsh domblklist beta | grep "/tank/VM/beta/beta.raw$"'
