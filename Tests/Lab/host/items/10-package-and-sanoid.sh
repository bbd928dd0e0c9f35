# apt install, three lines in sanoid.conf, systemctl start sanoid: a zvol guest and a file guest are quiesced and back on
# their own disks, with `recursive = yes` and `zfs`, AppArmor enforced and QEMU as its default user.
expect "apt installs the package" in_host "cd /root && apt-get install -y --no-install-recommends ./$(basename "$DEB")"
expect "stillpoint check has nothing to say" in_host 'stillpoint check'
for recursive in yes zfs; do
	in_host "mkdir -p /etc/sanoid && cat >/etc/sanoid/sanoid.conf" <<-CONF
		[tank/VM]
		use_template = vm
		recursive = $recursive
		[template_vm]
		daily = 2
		hourly = 0
		frequently = 0
		monthly = 0
		yearly = 0
		autosnap = yes
		autoprune = yes
		pre_snapshot_script = /usr/lib/stillpoint/pre-snapshot
		post_snapshot_script = /usr/lib/stillpoint/post-snapshot
		pruning_script = /usr/lib/stillpoint/prune-snapshot
		script_timeout = 120
	CONF
	in_host 'zfs list -H -o name -t snapshot -r tank | xargs -r -n1 zfs destroy; rm -f /var/cache/sanoid/* /var/lib/sanoid/*' || true
	expect "recursive = $recursive: sanoid.service succeeds" in_host 'systemctl start sanoid.service'
	in_host 'journalctl -q -o cat -u sanoid.service -n 12' | sed 's/^/    /'
	for dataset in tank/VM/zv1 tank/VM/beta; do
		expect "recursive = $recursive: $dataset says quiesced" in_host \
			"zfs list -H -o stillpoint:consistency,stillpoint:vms -t snapshot -r $dataset | tee /dev/stderr | grep -q '^quiesced'"
	done
	expect "recursive = $recursive: gamma is on its zvol" in_host \
		"virsh domblklist gamma | grep -q '/dev/zvol/tank/VM/zv1$' && virsh dumpxml --inactive gamma | grep -q \"'/dev/zvol/tank/VM/zv1'\""
	expect "recursive = $recursive: beta is on its file" in_host "virsh domblklist beta | grep -q '/tank/VM/beta/beta.raw$'"
	expect "recursive = $recursive: nothing is left" in_host \
		'test -z "$(ls /var/lib/libvirt/stillpoint)" && test -z "$(ls /var/lib/stillpoint/runs)"'
done
expect "both QEMUs are confined" in_host 'test $(aa-status | grep -c "libvirt-.*qemu\|qemu-system.*libvirt-") -ge 2; aa-status | grep libvirt-'
expect "QEMU is libvirt-qemu" in_host 'ps -o user:20= -C qemu-system-x86_64 | sort -u | tee /dev/stderr | grep -qx "libvirt-qemu *"'
in_host 'aa-status | grep -E "libvirt-|qemu" | head -4; ps -o user:20,pid,comm -C qemu-system-x86_64' | sed 's/^/    /'
# The file systems in the snapshots themselves.
for snapshot in zv1 beta; do
	expect "the file system in $snapshot's snapshot needs no recovery" in_host "
		set -e; s=\$(zfs list -H -o name -t snapshot -r tank/VM/$snapshot | tail -n 1); zfs clone \$s tank/look; udevadm settle
		image=/dev/zvol/tank/look; [ -e \$image ] || image=/tank/look/beta.raw
		for i in 1 2 3 4 5; do [ -e \$image ] && break; sleep 1; done
		r=0; dumpe2fs -h \$image 2>/dev/null | grep -q needs_recovery && r=1; zfs destroy tank/look; exit \$r"
done
