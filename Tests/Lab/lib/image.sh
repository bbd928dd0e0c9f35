# shellcheck shell=bash
# lab image: the guest, a Debian kernel with an initramfs of busybox, qemu-ga and the recorder.

GUEST_MODULES=(virtio_pci virtio_blk virtio_console virtio_scsi sd_mod button evdev)
GUEST_APPLETS=(sh cat echo insmod kill killall ln mkdir mount poweroff reboot sleep sync umount)

lab_image() {
	local kernel stamp

	kernel=$(printf '%s\n' /boot/vmlinuz-*-cloud-amd64 | sort -V | tail -n 1)
	[[ -r $kernel ]] || die "no kernel in /boot, try 'lab install'"
	make_cache
	# Two runs may start at the same time; the second then finds the image ready.
	exec {image_lock}<"$LAB_CACHE"
	flock "$image_lock"
	stamp=$(cat "$LAB_HOME"/guest/* "$LAB_HOME/lib/image.sh" /usr/sbin/qemu-ga /bin/busybox | sha256sum)
	stamp="${kernel##*/} ${stamp%% *}"
	if [[ $(cat "$LAB_CACHE/guest.stamp" 2>/dev/null) != "$stamp" ]]; then
		build_image "$kernel"
		echo "$stamp" >"$LAB_CACHE/guest.stamp"
	fi
	exec {image_lock}<&-
}

build_image() (
	kernel=$1 version=${1##*/vmlinuz-}
	root=$(mktemp -d)
	trap 'rm -rf "$root"' EXIT
	mkdir -p "$root"/{bin,sbin,dev,etc,mnt,modules,proc,run,sys,tmp}

	cp /bin/busybox "$root/bin/"
	for applet in "${GUEST_APPLETS[@]}"; do
		ln -s busybox "$root/bin/$applet"
	done
	cp "$LAB_HOME/guest/init" "$root/init"
	cp "$LAB_HOME/guest/shutdown" "$root/sbin/"
	gcc -O2 -Wall -Wextra -static -o "$root/bin/recorder" "$LAB_HOME/guest/recorder.c"
	ln -s recorder "$root/bin/fsfreeze-hook"
	gcc -O2 -Wall -Wextra -static -o "$root/bin/vss-agent" "$LAB_HOME/guest/vss-agent.c"

	cp /usr/sbin/qemu-ga "$root/bin/"
	ldd /usr/sbin/qemu-ga | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$root/${library%/*}"
		cp -L "$library" "$root/$library"
	done

	# Each once, in the order in which modprobe would insert them.
	for module in "${GUEST_MODULES[@]}"; do
		modprobe -S "$version" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r module; do
		cp "$module" "$root/modules/"
		echo "/modules/${module##*/}"
	done >"$root/etc/modules"

	# Not compressed: an emulated CPU takes longer to unpack it than QEMU to load it.
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$LAB_CACHE/initrd.new"
	cp "$kernel" "$LAB_CACHE/vmlinuz.new"
	mv "$LAB_CACHE/initrd.new" "$LAB_CACHE/initrd"
	mv "$LAB_CACHE/vmlinuz.new" "$LAB_CACHE/vmlinuz"
)

lab_bench_tool() {
	local source=$LAB_HOME/concurrent-libvirt.c tool=$LAB_CACHE/concurrent-libvirt

	make_cache
	[[ $tool -nt $source ]] || gcc -O2 -Wall -Wextra -pthread -o "$tool" "$source" -lvirt
	echo "$tool"
}
