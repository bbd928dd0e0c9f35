#!/bin/bash
# image.sh: builds a Debian lab image (OpenZFS module, sanoid, zfs-auto-snapshot, libvirt,
# QEMU, NFS, LIO) for direct kernel boot.  Needs root, debootstrap, qemu-utils, e2fsprogs,
# cpio, busybox (static, taken from the image), an apt mirror (read from this host's apt).
# Steps are re-runnable: a finished step leaves root/.done-<step>.
#   Results: lab.qcow2 vmlinuz initrd.gz key key.pub      (in $HOST_LAB, or .build-lab/host)
set -euo pipefail
HERE=$(dirname "$(readlink -f "$0")")
mkdir -p "${HOST_LAB:=$HERE/../../../.build-lab/host}"
cd "$HOST_LAB"
LAB=$PWD ROOT=$PWD/root SUITE=${SUITE:-bookworm}
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
t0=$SECONDS; say() { echo "[$((SECONDS-t0))s] $*"; }
mirror() { # URI of the first deb source whose suites do (not) match security
  awk -v want="$1" 'tolower($1)=="uris:"{u=$2} tolower($1)=="suites:"{s=$0; sec=(s ~ /-security/)?"sec":"main"; if (u!="" && sec==want){print u; exit}}
       $1=="deb"{for(i=2;i<=NF;i++) if($i ~ /^https?:/){sec=($(i+1)~/-security/)?"sec":"main"; if(sec==want){print $i; exit}}}' \
    /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null || true; }
M=${MIRROR:-$(mirror main)}; MS=${MIRROR_SEC:-$(mirror sec)}
[ -n "$M" ] || { echo "no mirror found; set MIRROR="; exit 1; }

if [ ! -e $ROOT/.done-base ]; then
  rm -rf --one-file-system "$ROOT"; mkdir -p "$ROOT" cache
  debootstrap --variant=minbase --components=main,contrib --cache-dir="$LAB/cache" \
    --include=ca-certificates,systemd,systemd-sysv,udev,dbus,kmod,iproute2,procps,openssh-server $SUITE "$ROOT" "$M"
  { echo "deb $M $SUITE main contrib"; echo "deb $M $SUITE-updates main contrib"
    [ -n "$MS" ] && echo "deb $MS $SUITE-security main contrib"; } > $ROOT/etc/apt/sources.list
  # plain settings the host needs to use its mirror (date checks), never credentials
  apt-config dump | grep -E '^Acquire::Check-(Valid-Until|Date) ' > $ROOT/etc/apt/apt.conf.d/99lab || true
  touch $ROOT/.done-base
fi
say base done

mnt() { mountpoint -q $ROOT/proc || mount -t proc p $ROOT/proc; mountpoint -q $ROOT/dev || mount --bind /dev $ROOT/dev
        mkdir -p cache/archives; mountpoint -q $ROOT/var/cache/apt/archives || mount --bind cache/archives $ROOT/var/cache/apt/archives; }
umnt() { for d in var/cache/apt/archives dev proc; do mountpoint -q $ROOT/$d && umount $ROOT/$d || true; done; }
trap umnt EXIT
in_root() { cp -L /etc/resolv.conf $ROOT/etc/resolv.conf; [ -d /etc/ssl/certs ] && cp -L /etc/ssl/certs/ca-certificates.crt $ROOT/etc/ssl/certs/ 2>/dev/null || true; chroot $ROOT "$@"; }
APT="apt-get -y -o APT::Keep-Downloaded-Packages=true -o Dpkg::Options::=--force-confnew --no-install-recommends"
if [ ! -e $ROOT/.done-pkgs ]; then
  printf '#!/bin/sh\nexit 101\n' > $ROOT/usr/sbin/policy-rc.d; chmod +x $ROOT/usr/sbin/policy-rc.d
  mnt
  in_root apt-get update
  # kernel + headers first, so that zfs-dkms's postinst can build for them
  in_root $APT install linux-image-cloud-amd64 linux-headers-cloud-amd64 initramfs-tools- dracut- busybox-static
  in_root $APT install zfsutils-linux zfs-auto-snapshot sanoid libvirt-daemon-system libvirt-clients libvirt-daemon-driver-qemu libvirt-daemon-driver-storage-zfs \
     qemu-system-x86 qemu-utils qemu-guest-agent e2fsprogs nfs-kernel-server targetcli-fb open-iscsi- \
     apparmor apparmor-utils cryptsetup-bin lvm2 dmsetup mbuffer xfsprogs python3 socat cpio rsync strace psmisc less file parted gdisk udev kmod dkms build-essential libelf-dev
  say packages installed
  in_root $APT install zfs-dkms
  KV=$(ls $ROOT/lib/modules | sort -V | tail -1)
  ls $ROOT/lib/modules/$KV/updates/dkms/zfs.ko >/dev/null 2>&1 || in_root dkms autoinstall -k $KV
  in_root depmod $KV
  umnt
  touch $ROOT/.done-pkgs
fi
KV=$(ls $ROOT/lib/modules | sort -V | tail -1)
ls -l $ROOT/lib/modules/$KV/updates/dkms/zfs.ko
say "zfs module built for $KV"

[ -e key ] || ssh-keygen -q -t ed25519 -N '' -C zlab -f key
mkdir -p $ROOT/root/.ssh; cp key.pub $ROOT/root/.ssh/authorized_keys; chmod 700 $ROOT/root/.ssh
echo zlab > $ROOT/etc/hostname
printf '127.0.0.1 localhost zlab\n' > $ROOT/etc/hosts
echo '# / is mounted rw by the initrd' > $ROOT/etc/fstab
cat > $ROOT/etc/systemd/system/lab-net.service <<'E'
[Unit]
DefaultDependencies=no
After=systemd-udevd.service systemd-udev-trigger.service
Wants=network.target
Before=network.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'modprobe virtio_net; n=0; until ip link set eth0 up 2>/dev/null || [ $n -gt 100 ]; do n=$((n+1)); sleep 0.1; done; ip link set lo up; ip addr add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2'
[Install]
WantedBy=sysinit.target
E
printf 'PermitRootLogin yes\nUseDNS no\nMaxStartups 50\nMaxSessions 50\n' > $ROOT/etc/ssh/sshd_config.d/lab.conf
echo 'nameserver 127.0.0.1' > $ROOT/etc/resolv.conf; sed -i 's/^hosts:.*/hosts: files/' $ROOT/etc/nsswitch.conf  # no name server here: fail at once
rm -f $ROOT/usr/sbin/policy-rc.d
chroot $ROOT passwd -d root >/dev/null
chroot $ROOT systemctl -q disable systemd-networkd 2>/dev/null || true
chroot $ROOT systemctl -q enable lab-net ssh
# nothing but what a test asks for starts automatically
for u in sanoid.timer sanoid.service libvirtd.service libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirt-guests.service \
  virtlogd.socket virtlockd.socket nfs-server.service nfs-kernel-server.service rpcbind.service rpcbind.socket nfs-client.target rtslib-fb-targetctl.service zfs-import-cache zfs-mount \
  zfs-share zfs-zed zfs-volume-wait apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer systemd-timesyncd.service qemu-guest-agent.service cron.service apparmor.service man-db.timer; do
  chroot $ROOT systemctl -q disable $u 2>/dev/null || true; done
chroot $ROOT systemctl -q mask systemd-udev-settle.service zfs-load-module.service systemd-binfmt.service modprobe@drm.service modprobe@efi_pstore.service systemd-networkd.service systemd-networkd.socket systemd-networkd-wait-online.service systemd-hwdb-update.service ldconfig.service 2>/dev/null || true
chroot $ROOT systemctl -q set-default multi-user.target
mkdir -p $ROOT/etc/modprobe.d; echo 'options zfs zfs_arc_max=536870912' > $ROOT/etc/modprobe.d/zfs.conf
: > $ROOT/etc/machine-id
cp $ROOT/boot/vmlinuz-$KV vmlinuz

mods() { for x in "$@"; do chroot $ROOT modprobe -S $KV --show-depends $x; done | awk '$1=="insmod"{print $2}' | awk '!s[$0]++'; }
# inner guest for nested VMs: /opt/inner/{vmlinuz,guest.gz} in the image (busybox + qemu-ga; mounts ext4 or XFS on /dev/vd[abc], writes /mnt/vda/counter)
G=$LAB/inner.d; rm -rf $G; mkdir -p $G/{bin,sbin,dev,proc,sys,run,tmp,etc,mnt,mods,var/log,var/run,lib64} $ROOT/opt/inner
cp $ROOT/bin/busybox $ROOT/usr/sbin/qemu-ga $G/bin/; chroot $ROOT ldd /usr/sbin/qemu-ga | grep -oE '/[^ ]+' | while read l; do mkdir -p $G$(dirname $l); cp -L $ROOT$l $G$l; done
i=10; for m in $(mods virtio_pci virtio_blk virtio_console virtio_scsi sd_mod virtio_net crc32c_generic xfs); do cp $ROOT$m $G/mods/$i-$(basename $m); i=$((i+1)); done
cat > $G/init <<'E'
#!/bin/busybox sh
export PATH=/bin:/sbin
/bin/busybox --install -s /bin
mount -t proc p /proc; mount -t sysfs s /sys; mount -t devtmpfs d /dev; mount -t tmpfs t /run
for m in /mods/*; do insmod $m; done; sleep 0.2
for d in vda vdb vdc; do [ -b /dev/$d ] && mkdir -p /mnt/$d && { mount -t ext4 /dev/$d /mnt/$d || mount -t xfs /dev/$d /mnt/$d || echo "mount $d failed"; }; done
mkdir -p /dev/virtio-ports
for p in /sys/class/virtio-ports/*; do n=$(cat $p/name 2>/dev/null); [ -n "$n" ] && ln -sf /dev/$(basename $p) /dev/virtio-ports/$n; done
qemu-ga -m virtio-serial -p /dev/virtio-ports/org.qemu.guest_agent.0 -t /run -l /run/ga.log -d
echo GUEST-READY; n=0
while true; do n=$((n+1)); echo $n > /mnt/vda/counter.tmp && mv /mnt/vda/counter.tmp /mnt/vda/counter; echo "tick $n"; sleep ${TICK:-0.5}; done
E
chmod +x $G/init; (cd $G; find . | cpio -o -H newc --quiet | gzip -1) > $ROOT/opt/inner/guest.gz; cp vmlinuz $ROOT/opt/inner/; rm -rf $G

# tiny initrd: busybox + virtio modules; ext4 is built in the cloud kernel
I=$LAB/initrd.d; rm -rf $I; mkdir -p $I/{bin,dev,proc,sys,new,m}
cp $ROOT/bin/busybox $I/bin/
i=10; for mod in $(mods virtio_pci virtio_blk); do
  cp $ROOT$mod $I/m/$i-$(basename $mod); i=$((i+1)); done
cat > $I/init <<'E'
#!/bin/busybox sh
B=/bin/busybox; $B mount -t devtmpfs d /dev; $B mount -t proc p /proc
for m in /m/*; do $B insmod $m; done
n=0; while [ ! -b /dev/vda ] && [ $n -lt 100 ]; do $B sleep 0.1; n=$((n+1)); done
$B mount -t ext4 -o noatime /dev/vda /new || exec $B sh
$B mount --move /dev /new/dev; $B mount --move /proc /new/proc
exec $B switch_root /new /lib/systemd/systemd
E
chmod +x $I/init; (cd $I; find . | cpio -o -H newc --quiet | gzip -1) > initrd.gz

# stage = hard links to root without what only the build needed
S=$LAB/stage; rm -rf --one-file-system "$S"; cp -al "$ROOT" "$S"
rm -rf "$S"/usr/src/* "$S"/lib/modules/*/{build,source} "$S"/var/lib/dkms "$S"/var/cache/apt/* "$S"/var/lib/apt/lists/* "$S"/.done-* \
  "$S"/usr/lib/gcc "$S"/usr/bin/x86_64-linux-gnu-{gcc,g++,cpp,lto}* "$S"/usr/share/{doc,man,locale,info} "$S"/usr/lib/linux-kbuild* "$S"/usr/lib/linux-compiler*
rm -f lab.raw lab.qcow2
truncate -s ${SIZE:-6G} lab.raw
mke2fs -q -t ext4 -L lab -E lazy_itable_init=0,nodiscard -d "$S" lab.raw
qemu-img convert -O qcow2 ${COMPRESS:+-c} lab.raw lab.qcow2; rm -f lab.raw; rm -rf --one-file-system "$S" "$I"
say "image: $(du -h lab.qcow2 | cut -f1) lab.qcow2, $(du -h vmlinuz initrd.gz | tr '\n' ' ')"
