# shellcheck shell=bash
# lab install: the packages; zfs-auto-snapshot, which cannot be installed beside zfs-fuse; database servers; promtool;
# zfs-autobackup, which Debian has not.

LAB_PACKAGES=(
	libvirt-dev libvirt-daemon-system libvirt-daemon-driver-qemu libvirt-clients
	qemu-system-x86 qemu-utils linux-image-cloud-amd64 busybox-static qemu-guest-agent sanoid
	libzstd-dev libssl-dev libexpat1-dev libjansson-dev libcurl4-openssl-dev
	e2fsprogs cpio kmod procps strace util-linux zstd gcc libc6-dev
	golang-go golang-github-vmware-govmomi-dev openssl curl python3 python3-venv
	zsh fish mandoc man-db tidy python3-html5lib
)
POLICY=/usr/sbin/policy-rc.d
POLICY_MARK='# made by "lab install", which removes it when it is done'

lab_install() {
	local package packages=("${LAB_PACKAGES[@]}") missing=()

	((EUID == 0)) || die "install needs root"
	has_openzfs || packages+=(zfs-fuse)
	for package in "${packages[@]}"; do
		[[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) == ii* ]] || missing+=("$package")
	done
	if ((${#missing[@]})); then
		trap allow_services EXIT
		forbid_services
		export DEBIAN_FRONTEND=noninteractive
		apt-get update
		# zfs-fuse conflicts with zfsutils-linux: rather fail than take a user's tools away.
		apt-get install -y --no-install-recommends --no-remove "${missing[@]}"
	fi
	make_cache
	lab_vcsim >/dev/null
	[[ -x $LAB_CACHE/zfs-auto-snapshot/usr/sbin/zfs-auto-snapshot ]] || unpack_zfs_auto_snapshot
	[[ -x $DATABASES/usr/sbin/mariadbd && -x $DATABASES/usr/bin/redis-server ]] || unpack_databases
	"$LAB_CACHE/promtool/promtool" --version >/dev/null 2>&1 || unpack_promtool
	"$LAB_CACHE/zfs-autobackup/bin/zfs-autobackup" --version >/dev/null 2>&1 || install_zfs_autobackup
}

# The lab starts its own daemons: a package it brings must not start one on the host.
forbid_services() {
	[[ -e $POLICY ]] && return
	printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$POLICY"
	chmod +x "$POLICY"
}

allow_services() {
	if grep -qsF "$POLICY_MARK" "$POLICY"; then rm -f "$POLICY"; fi
}

# From the contrib component, through sources and lists of our own, so that the host's stay as they are.
unpack_zfs_auto_snapshot() (
	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
	mkdir -p "$scratch"/{sources,lists/partial,cache/archives/partial}
	cd "$scratch"
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
		# Other vendors' repositories have no contrib.
		grep -qs 'debian\.org\|/debian' "$file" || continue
		sed -E -e 's/^Components:.*/Components: contrib/' \
			-e 's/^(deb .*) main( .*)?$/\1 contrib/' "$file" >"sources/${file##*/}"
	done
	options=(
		-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$scratch/sources"
		-o Dir::State::lists="$scratch/lists" -o Dir::Cache="$scratch/cache" -o APT::Sandbox::User=root
	)
	apt-get -q "${options[@]}" update
	apt-get -q "${options[@]}" download zfs-auto-snapshot
	dpkg -x zfs-auto-snapshot_*.deb "$LAB_CACHE/zfs-auto-snapshot"
)

# Of the package prometheus nothing but promtool: the server of it is for nobody here.
unpack_promtool() (
	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
	cd "$scratch"
	download() { apt-get -q -o APT::Sandbox::User=root download prometheus; }
	download || {
		apt-get -q update
		download
	}
	dpkg --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
	mkdir -p "$LAB_CACHE/promtool"
	mv usr/bin/promtool "$LAB_CACHE/promtool/"
)

# From PyPI, one version of it, known by its digest. What it needs besides Python (colorama) is for colours alone.
ZFS_AUTOBACKUP='zfs-autobackup==3.3 --hash=sha256:1a23a70514873a5d4d627f297d00266b3ef2c054d1a1c7461b72634e5b71d0de'

install_zfs_autobackup() (
	folder=$LAB_CACHE/zfs-autobackup
	rm -rf "$folder"
	mkdir "$folder"
	python3 -m venv "$folder/venv"
	echo "$ZFS_AUTOBACKUP" >"$folder/requirements"
	"$folder/venv/bin/pip" --quiet --disable-pip-version-check install --no-deps --only-binary :all: --require-hashes \
		-r "$folder/requirements"
	# A folder of its own for the PATH: beside it are the venv's python3 and pip.
	mkdir "$folder/bin"
	ln -s ../venv/bin/zfs-autobackup "$folder/bin/"
)
