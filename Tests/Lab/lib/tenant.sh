# shellcheck shell=bash
# Tenants: users without any right but that a dataset's mount point is theirs.

# Above what Debian gives away and below what systemd takes for containers: nobody's on any host.
TENANT_BASE=61000

lab_tenant() {
	local uid mountpoint lock

	(($# == 1)) || die "usage: lab tenant NAME"
	mountpoint=$(lab_dataset "$1")
	exec {lock}<"$LAB_DIR"/overlays
	flock "$lock"
	uid=$((TENANT_BASE + $(cat "$LAB_DIR/tenants" 2>/dev/null || echo 0)))
	echo $((uid - TENANT_BASE + 1)) >"$LAB_DIR/tenants"
	exec {lock}<&-
	chown "$uid:$uid" "$mountpoint"
	echo "$uid"
}

lab_as_tenant() {
	local uid=${1:-}

	[[ $uid =~ ^[0-9]+$ ]] && (($# > 1)) || die "usage: lab as-tenant UID CMD…"
	shift
	exec setpriv --reuid "$uid" --regid "$uid" --clear-groups --inh-caps=-all --no-new-privs "$@"
}
