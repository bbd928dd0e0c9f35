# Under AppArmor, QEMU confined: two disks, RAM, a hot-plug and a CD ejected in the window, a VM started on its overlay, recover
# in the middle of a commit. libvirt before 12.1 writes a profile then that denies the commit.
in_host 'cat >/root/apparmor' <<'PROGRAM'
set -e
: >/etc/stillpoint/stillpoint.conf
truncate -s 64M /tank/VM/beta/second.raw /tank/VM/beta/third.raw
mkfs.ext4 -q -F /tank/VM/beta/second.raw
genisoimage -quiet -o /var/lib/libvirt/images/cd.iso /etc/hostname 2>/dev/null || dd if=/dev/zero of=/var/lib/libvirt/images/cd.iso bs=1M count=1
virsh -q destroy beta || true
virsh -q attach-disk beta /tank/VM/beta/second.raw vdb --subdriver raw --config
virsh -q attach-disk beta /var/lib/libvirt/images/cd.iso hda --type cdrom --mode readonly --config
virsh -q start beta
await-guest beta
aa-status --enforced >/dev/null
PROGRAM
expect "a guest with two disks and a CD, confined" in_host -t 300 'bash /root/apparmor; grep -l beta /proc/*/cmdline 2>/dev/null >/dev/null
	aa-status | grep libvirt-$(virsh domuuid beta)'
hooks=/usr/lib/stillpoint
# cycle NAME [IN_THE_WINDOW]: one cycle on beta's dataset; what the hooks said is printed.
cycle() {
	in_host -t 600 "$hooks/pre-snapshot tank/VM/beta@$1 2>&1 && zfs snapshot tank/VM/beta@$1 && { ${2:-true}; } 2>&1 && $hooks/post-snapshot tank/VM/beta@$1 2>&1"
}
back() { in_host 'virsh domblklist beta | grep -q "vda  */tank/VM/beta/beta.raw$" && virsh domblklist beta | grep -q "vdb  */tank/VM/beta/second.raw$" &&
	virsh dumpxml --inactive beta | grep -q /tank/VM/beta/second.raw && test -z "$(ls /var/lib/libvirt/stillpoint/*.qcow2 2>/dev/null)"'; }
says() { in_host "zfs get -H -o value stillpoint:consistency tank/VM/beta@$1 | tee /dev/stderr | grep -qx $2"; }
# Rules that say something new; libvirt repeats the others in each cycle, which the parser drops.
lines() { in_host 'sort -u /etc/apparmor.d/libvirt/libvirt-$(virsh domuuid beta).files | wc -l'; }
try() {
	expect "$1: a cycle" cycle "$2" "${4:-}"
	sed 's/^/    /' "$HOST_RUN/said"
	expect "$1: it says $3" says "$2" "$3"
	expect "$1: both disks are back" back
}
try "two disks" two quiesced
first=$(lines)
cycle again1 >/dev/null && cycle again2 >/dev/null
expect "the profile does not grow with each cycle" test "$(lines)" -le "$first"
echo "    $first different lines after one cycle, $(lines) after three"
in_host 'printf "[stillpoint]\nstrategy = memory, quiesce\n" >/etc/stillpoint/stillpoint.conf'
try "RAM" ram memory
in_host ': >/etc/stillpoint/stillpoint.conf'
try "a CD ejected in the window" eject quiesced 'virsh -q change-media beta hda --eject --live --config'
try "a disk plugged in in the window" plug quiesced \
	'virsh -q attach-disk beta /tank/VM/beta/third.raw vdc --subdriver raw --live'
in_host 'virsh -q detach-disk beta vdc --live' >/dev/null 2>&1 || true
try "destroyed and started on its overlay" started quiesced 'virsh -q destroy beta; virsh -q start beta; await-guest beta'
expect "post killed in the middle of its commit, and recover" in_host -t 600 "
	$hooks/pre-snapshot tank/VM/beta@kill 2>&1; zfs snapshot tank/VM/beta@kill; virsh -q destroy beta; virsh -q start beta; await-guest beta
	timeout -s KILL 0.7 $hooks/post-snapshot tank/VM/beta@kill; pkill -9 -x pre-snapshot; pkill -9 -x post-snapshot
	stillpoint recover; test -z \"\$(ls /var/lib/stillpoint/runs/*.json 2>/dev/null)\""
sed 's/^/    /' "$HOST_RUN/said"
expect "post killed: both disks are back" back
# How long the guest's file systems stood still, with and without the driver, in one run.
frozen() { in_host "stillpoint show tank/VM/beta@$1" | grep -oE '[0-9]+ ms' | head -n 1; }
cycle with1 >/dev/null; cycle with2 >/dev/null
in_host 'sed -i "s/^#*security_driver.*//" /etc/libvirt/qemu.conf; echo "security_driver = \"none\"" >>/etc/libvirt/qemu.conf
	virsh -q destroy beta; systemctl restart libvirtd; virsh -q start beta; await-guest beta' >/dev/null 2>&1
cycle without1 >/dev/null; cycle without2 >/dev/null
echo "    frozen with AppArmor $(frozen with1), $(frozen with2); without $(frozen without1), $(frozen without2)"
in_host 'sed -i "/^security_driver = \"none\"/d" /etc/libvirt/qemu.conf; virsh -q destroy beta; systemctl restart libvirtd
	virsh -q detach-disk beta vdb --config; virsh -q detach-disk beta hda --config; virsh -q start beta; await-guest beta' >/dev/null 2>&1
expect "beta is as before" in_host 'test $(virsh domblklist beta | grep -c /tank) = 1'
