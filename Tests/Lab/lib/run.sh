# shellcheck shell=bash
# lab run: the namespace. The outer half owns the scratch directory, the inner half the daemons.

SCRATCH_BASE=/var/tmp # not /tmp, which may be memory: the pool lives here
SCRATCH_PREFIX=$SCRATCH_BASE/stillpoint-lab

lab_run() {
	local child status=0

	LAB_QEMU_USER=libvirt-qemu
	case ${1:-} in
	--default-user) shift ;;
	--root-user)
		LAB_QEMU_USER=root
		shift
		;;
	esac
	[[ ${1:-} == -- ]] && shift
	(($#)) || die "run needs a command"
	((EUID == 0)) || die "run needs root"
	[[ -z ${STILLPOINT_LAB:-} ]] || die "already inside a lab"
	lab_image

	if has_openzfs; then LAB_POOL=splab-$$; else LAB_POOL=splab; fi
	make_scratch
	trap remove_scratch EXIT
	trap '{ kill -KILL "$child"; wait "$child"; } 2>/dev/null || true; exit 143' TERM HUP
	# ^C is for the command, as it would be without the lab; bash makes background jobs
	# deaf to it, which env undoes.
	trap '' INT

	# Everything inside hangs on this one process: if it dies, or we do, by whatever signal,
	# the kernel ends the PID namespace and with it the mounts.
	export STILLPOINT_LAB=1 LAB LAB_DIR LAB_POOL LAB_QEMU_USER
	setpriv --pdeathsig KILL env --default-signal=INT,QUIT \
		unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
		"$LAB" inside "$@" <&0 &
	child=$!
	wait "$child" || status=$?
	exit "$status"
}

# A run holds a lock on its scratch directory as long as any of its processes lives.
make_scratch() {
	exec {base_lock}<"$SCRATCH_BASE"
	flock "$base_lock"
	remove_stale
	LAB_DIR=$(mktemp -d "$SCRATCH_PREFIX.XXXXXX")
	chmod 0711 "$LAB_DIR" # QEMU's user passes through, as through /var/lib/libvirt
	exec {scratch_lock}<"$LAB_DIR"
	flock "$scratch_lock"
	echo "$LAB_POOL" >"$LAB_DIR/pool"
	mkdir -p "/$LAB_POOL"
	exec {base_lock}<&-
}

remove_scratch() {
	trap '' TERM HUP
	# The last process of a killed namespace may need a moment to die.
	exec {scratch_lock}<&-
	exec {scratch_lock}<"$LAB_DIR"
	flock -w 30 "$scratch_lock" || true
	exec {scratch_lock}<&-
	exec {base_lock}<"$SCRATCH_BASE"
	flock "$base_lock"
	remove_stale
}

remove_stale() {
	local directory alive=0 lock

	for directory in "$SCRATCH_PREFIX".*; do
		[[ -d $directory && ! -L $directory && -O $directory ]] || continue
		exec {lock}<"$directory"
		if flock -n "$lock"; then
			destroy_left_pool "$directory"
			rm -rf --one-file-system "$directory"
		else
			alive=1
		fi
		exec {lock}<&-
	done
	# Removing a mount point detaches the mount in every namespace: not while another lab runs.
	if ((!alive)); then rmdir /splab 2>/dev/null || true; fi
}

# A pool of the kernel's outlives the namespace, one of zfs-fuse does not.
destroy_left_pool() {
	local pool

	has_openzfs || return 0
	read -r pool <"$1/pool" || return 0
	if [[ $pool == splab-* && $(zpool status -P "$pool" 2>/dev/null) == *"$1/pool.img"* ]]; then
		zpool destroy -f "$pool"
		rmdir "/$pool" 2>/dev/null || true
	fi
}

lab_inside() {
	local status=0

	make_private
	trap tear_down EXIT
	start_zfs
	start_libvirt
	export PATH=$LAB_DIR/bin:$LAB_CACHE/zfs-auto-snapshot/usr/sbin:$LAB_CACHE/zfs-autobackup/bin:$LAB_CACHE/promtool:$PATH:/usr/sbin:/sbin
	export LIBVIRT_DEFAULT_URI=qemu:///system
	"$@" || status=$?
	exit "$status"
}

make_private() {
	local directory private=$LAB_DIR/private

	# What is missing there must not be made on the host, so these become overlays first.
	mkdir "$private"
	mount -t tmpfs -o mode=755 tmpfs "$private"
	for directory in /etc /var/lib /var/cache; do
		mkdir -p "$private/upper$directory" "$private/work$directory"
		mount -t overlay -o "lowerdir=$directory,upperdir=$private/upper$directory,workdir=$private/work$directory" \
			overlay "$directory"
	done
	for directory in /etc/{libvirt,zfs,sanoid,stillpoint} /var/lib/{zfs,stillpoint} \
		/var/cache/{libvirt,sanoid} /var/log/libvirt; do
		mkdir -p "$directory"
		mount -t tmpfs -o mode=755 tmpfs "$directory"
	done
	# Overlays and RAM dumps are made here: on disk, and tmpfs has no O_DIRECT before Linux 6.6.
	mkdir -m 0711 "$LAB_DIR/libvirt" "$LAB_DIR/overlays"
	mount --bind "$LAB_DIR/libvirt" /var/lib/libvirt
	make_private_run
	# As under systemd: what is unmounted is so for each QEMU too, in whose namespace it would stay and be busy.
	mount --make-rshared /
	# libvirt would make cgroups that stay behind.
	umount --recursive --lazy /sys/fs/cgroup 2>/dev/null || true
}

# A /run of its own hides the host's sockets: libvirt's, zfs-fuse's, journald's, and D-Bus,
# over which machined would be told process numbers of this namespace.
make_private_run() {
	local directory new=$LAB_DIR/run

	mkdir "$new"
	mount -t tmpfs -o mode=755 tmpfs "$new"
	for directory in udev systemd/resolve; do
		[[ -d /run/$directory ]] || continue
		mkdir -p "$new/$directory"
		mount --rbind "/run/$directory" "$new/$directory"
	done
	mount --no-mtab --move "$new" /run
	mkdir /run/lock # /var/lock points here
	mkdir -p /var/run/{zfs,libvirt,sanoid} /var/lock/zfs
}

start_zfs() {
	if ! has_openzfs; then
		# As a child of a PID 1 it believes to be a daemon already, and never returns.
		zfs-fuse --no-daemon --no-kstat-mount >"$LAB_DIR/zfs-fuse.log" 2>&1 &
		wait_until 20 zfs-fuse zpool list
		make_zfs_shim
	fi
	truncate -s 8G "$LAB_DIR/pool.img"
	# What a dataset's mount point leaves when its mount is late or gone must not end up on the host.
	mount -t tmpfs -o mode=0755 lab "/$LAB_POOL"
	zpool create -o ashift=12 -O atime=off -m "/$LAB_POOL" "$LAB_POOL" "$LAB_DIR/pool.img"
}

# What zfs-fuse does not know: `zfs get -t` (sanoid lists snapshots so, and would never prune; zfs-autobackup finds its
# datasets so), and several snapshots in one `zfs snapshot`, which are taken one after another here.
make_zfs_shim() {
	local zfs

	zfs=$(type -P zfs || echo /usr/sbin/zfs)
	mkdir -p "$LAB_DIR/bin"
	cat >"$LAB_DIR/bin/zfs" <<-SHIM
		#!/bin/sh
		if [ "\$*" = "get -Hrpt snapshot creation" ]; then
		    $zfs get -r -H -p creation \$($zfs list -H -o name -d 0) | grep '^[^	]*@'
		    exit 0
		fi
		if [ "\$1 \$2 \$3 \$4 \$5 \$6" = "get -t volume,filesystem -o name,value,source -H" ]; then
		    $zfs get -r -H -o name,value,source "\$7" \$($zfs list -H -o name -d 0) | grep -v '^[^	]*@'
		    exit 0
		fi
		case "\$*" in
		"snapshot "*@*" "*@*)
		    shift
		    recursive=
		    [ "\$1" = -r ] && recursive=-r && shift
		    for name; do $zfs snapshot \$recursive "\$name" || exit; done
		    exit 0 ;;
		esac
		# What mounts and unmounts, one after another: two such at once can lock zfs-fuse up for good.
		case "\$1" in
		create | destroy | clone | rollback | rename) exec flock "$LAB_DIR/zfs.lock" $zfs "\$@" ;;
		esac
		exec $zfs "\$@"
	SHIM
	chmod +x "$LAB_DIR/bin/zfs"
}

start_libvirt() {
	local daemon

	qemu_configuration >/etc/libvirt/qemu.conf
	printf 'auth_unix_%s = "none"\n' ro rw >/etc/libvirt/libvirtd.conf

	# Asking QEMU for its capabilities takes seconds; libvirt checks whether they still hold.
	mkdir -p /var/cache/libvirt/qemu/capabilities
	cp -p "$LAB_CACHE"/qemu-capabilities/* /var/cache/libvirt/qemu/capabilities/ 2>/dev/null || true

	for daemon in virtlogd virtlockd; do
		"$daemon" -d -p "/run/$daemon.pid"
		wait_until 20 "$daemon" test -S "/run/libvirt/$daemon-sock"
	done
	# Without a network it cannot touch the host's bridges and packet filters.
	unshare --net libvirtd -d -p /run/libvirtd.pid
	wait_until 30 libvirtd virsh -c qemu:///system list
	cp "$LAB_CACHE"/{vmlinuz,initrd} "$LAB_DIR/" # a running lab keeps its guest when the cache changes
}

# The default user's has libvirt's own defaults, on Debian user and group libvirt-qemu, files that change hands and
# remember whose they were, a mount namespace for each QEMU; AppArmor and SELinux are where the host has them.
qemu_configuration() {
	# A guest's console reaches its log without a daemon between.
	echo 'stdio_handler = "file"'
	[[ $LAB_QEMU_USER == root ]] || return 0
	cat <<-'CONF'
		user = "root"
		group = "root"
		security_driver = "none"
		# Nothing to hide from each other in here, and every guest starts faster.
		namespaces = [ ]
		dynamic_ownership = 0
		remember_owner = 0
	CONF
}

# In order, but bounded: what does not end here, ends with the namespace.
tear_down() {
	local domain daemon try

	trap '' TERM HUP
	set +e
	exec >/dev/null 2>&1 </dev/null
	mkdir -p "$LAB_CACHE/qemu-capabilities"
	cp -p /var/cache/libvirt/qemu/capabilities/* "$LAB_CACHE/qemu-capabilities/"
	cd /
	timeout 10 virsh -c qemu:///system list --name | while read -r domain; do
		[[ -z $domain ]] || timeout 10 virsh -c qemu:///system destroy "$domain"
	done
	for daemon in libvirtd virtlockd virtlogd; do
		stop_daemon "/run/$daemon.pid"
	done
	for try in {1..5}; do # zfs-fuse may call a pool busy for a moment
		timeout 10 zpool destroy -f "$LAB_POOL" && break
		sleep 0.2
	done
	# zfs-fuse would take three seconds to end and has nothing left to save: the namespace ends it.
}

stop_daemon() {
	local pid try

	pid=$(<"$1") || return # libvirt's have no newline
	kill "$pid"
	for try in {1..50}; do
		kill -0 "$pid" || return
		sleep 0.1
	done
}
