# shellcheck shell=bash
# lab vcsim: the vSphere test server and its serial client, built once for each state of their source.

lab_vcsim() {
	local source=$LAB_HOME/../vcsim stamp

	type -P go >/dev/null || die "no Go, try 'lab install'"
	make_cache
	exec {vcsim_lock}<"$LAB_CACHE"
	flock "$vcsim_lock"
	stamp=$(cd "$source" && cat ./*.go serial/*.go "$LAB_HOME/lib/vcsim.sh" | sha256sum)
	if [[ ! -x $LAB_CACHE/vcsim || $(cat "$LAB_CACHE/vcsim.stamp" 2>/dev/null) != "$stamp" ]]; then
		build_vcsim "$source" "$LAB_CACHE/vcsim"
		build_vcsim "$source/serial" "$LAB_CACHE/vcsim-serial"
		echo "$stamp" >"$LAB_CACHE/vcsim.stamp"
	fi
	exec {vcsim_lock}<&-
	echo "$LAB_CACHE/vcsim"
}

# With Debian's libraries, nothing from the network.
build_vcsim() (
	cd "$1"
	export GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS='' HOME=${HOME:-/root}
	go build -ldflags='-s -w' -o "$2.new" . >&2
	mv "$2.new" "$2"
)
