#!/bin/bash
# Runs in the storage host, once: a pool with a zvol and a file system, and a nested guest on each, agents answering.
set -euo pipefail
modprobe zfs
modprobe kvm_amd
zpool create -f -O compression=lz4 -O xattr=sa tank /dev/vdb
zfs create tank/VM
zfs create tank/VM/beta
zfs create -s -V 512M tank/VM/zv1
udevadm settle
mkfs.ext4 -q -F /dev/zvol/tank/VM/zv1
truncate -s 256M /tank/VM/beta/beta.raw
mkfs.ext4 -q -F /tank/VM/beta/beta.raw
systemctl start libvirtd

# define_guest NAME TYPE SOURCE: with one disk, virtio and raw.
cat >/usr/local/bin/define-guest <<'PROGRAM'
#!/bin/bash
set -euo pipefail
virsh -q define /dev/stdin <<XML
<domain type='kvm'><name>$1</name><memory unit='MiB'>192</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><kernel>/opt/inner/vmlinuz</kernel><initrd>/opt/inner/guest.gz</initrd>
    <cmdline>console=ttyS0 quiet panic=1 mitigations=off</cmdline></os>
  <features><acpi/></features><cpu mode='host-passthrough'/><on_reboot>destroy</on_reboot>
  <devices><disk type='$2' device='disk'><driver name='qemu' type='raw'/><source $3/><target dev='vda' bus='virtio'/></disk>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <serial type='file'><source path='/var/log/libvirt/$1.log'/></serial></devices></domain>
XML
virsh -q start "$1"
PROGRAM

# await-guest NAME…: until their agents answer.
cat >/usr/local/bin/await-guest <<'PROGRAM'
#!/bin/bash
for name; do
	for i in $(seq 120); do
		virsh qemu-agent-command "$name" '{"execute":"guest-ping"}' 2>/dev/null | grep -q return && continue 2
		sleep 1
	done
	echo "$name: its agent does not answer"
	exit 1
done
PROGRAM
chmod +x /usr/local/bin/*-guest
define-guest gamma block "dev='/dev/zvol/tank/VM/zv1'"
define-guest beta file "file='/tank/VM/beta/beta.raw'"
await-guest gamma beta
