# A LIO LUN on a zvol and an NFS export of a dataset, as ESXi would use them: a simulated vCenter has datastores with the
# same NAA and export; `check` and a dry run name the dataset of each. The NAA is what an initiator of the kernel's own says.
put_in_host /root "$("$HOST_HOME/../lab" vcsim)"
in_host 'cat >/root/make-exports' <<'PROGRAM'
set -e
modprobe target_core_mod
zfs create -s -V 128M tank/lun
zfs create -o sharenfs=off tank/nfs
zfs create "tank/nfs/by hand"
udevadm settle
targetcli /backstores/block create name=lun dev=/dev/zvol/tank/lun
targetcli /loopback create naa.5001405000000001
targetcli /loopback/naa.5001405000000001/luns create /backstores/block/lun
systemctl start nfs-server
zfs set sharenfs=on tank/nfs
exportfs -o rw,no_subtree_check '*:/tank/nfs/by hand'
PROGRAM
expect "a LUN and two exports" in_host 'bash -e /root/make-exports'
in_host 'cat >/root/vcenter' <<'PROGRAM'
set -e
udevadm settle
naa=
for disk in /sys/block/sd*; do
	grep -q LIO-ORG "$disk/device/vendor" && naa=$(cat "$disk/device/wwid")
done
[ -n "$naa" ]
echo "$naa"
cat >/root/inventory.json <<JSON
{"nas": [{"name": "shared", "remoteHost": "$(hostname)", "remotePath": "/tank/nfs"},
         {"name": "by-hand", "remoteHost": "127.0.0.1", "remotePath": "/tank/nfs/by hand"},
         {"name": "elsewhere", "remoteHost": "192.0.2.7", "remotePath": "/tank/nfs"}],
 "vmfs": [{"name": "block", "diskName": "$naa"}],
 "vms": [{"name": "web", "datastore": "shared", "disks": [{"datastore": "shared"}]},
         {"name": "db", "datastore": "block", "disks": [{"datastore": "block"}]},
         {"name": "mail", "datastore": "by-hand", "disks": [{"datastore": "by-hand"}]},
         {"name": "far", "datastore": "elsewhere", "disks": [{"datastore": "elsewhere"}]}]}
JSON
umask 077
printf 'secret\n' >/root/password
systemd-run -q --unit=vcsim /root/vcsim -l 127.0.0.1:8989 -vms 1 -inventory /root/inventory.json -certout /root/ca.pem
for i in $(seq 100); do (: </dev/tcp/127.0.0.1/8989) 2>/dev/null && [ -s /root/ca.pem ] && break; sleep 0.2; done
cat >/root/vcenter.conf <<CONF
[stillpoint]
[hypervisor vc1]
kind = vsphere
url = https://127.0.0.1:8989/sdk
username = root
password_file = /root/password
ca_file = /root/ca.pem
CONF
PROGRAM
expect "a vCenter that has them as datastores" in_host 'bash /root/vcenter'
sed 's/^/    the initiator calls the LUN /' "$HOST_RUN/said"
names() { in_host "stillpoint check --config /root/vcenter.conf 2>&1; for d in tank/lun tank/nfs 'tank/nfs/by hand'; do
	echo \"== \$d\"; /usr/lib/stillpoint/pre-snapshot --config /root/vcenter.conf --dry-run \"\$d@x\" 2>&1; done"; }
names >"$HOST_RUN/names" || true
sed 's/^/    /' "$HOST_RUN/names"
# of DATASET: the lines of its dry run.
of() { sed -n "/^== ${1//\//\\/}\$/,/^==/p" "$HOST_RUN/names"; }
has() { of "$1" | grep -q "$2" && ! of "$1" | grep -qE "$3"; }
expect "tank/lun is db's, by its NAA" has tank/lun 'db' 'web|mail|far'
expect "tank/nfs is web's, by what sharenfs exports" has tank/nfs 'web' 'db|mail|far'
expect "a dataset with a blank is mail's, by what exportfs was told by hand" has 'tank/nfs/by hand' 'mail' 'db|web|far'
expect "a datastore of another server is named" grep -q 'elsewhere' "$HOST_RUN/names"
in_host 'systemctl stop vcsim; targetcli clearconfig confirm=True; exportfs -ua; zfs destroy -r tank/nfs; zfs destroy tank/lun' \
	>"$HOST_RUN/said" 2>&1 || true
