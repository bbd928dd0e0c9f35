# shellcheck shell=bash
# Database servers of Debian, for guests that run one and for the host that starts it on what a snapshot holds. They are
# unpacked and never installed: no server of theirs may start on the host, and they would conflict with others.

DATABASE_PACKAGES=(mariadb-server-core mariadb-client-core redis-server redis-tools)
DATABASES=$LAB_CACHE/databases
DATABASE_LIBRARIES=$DATABASES/usr/lib/x86_64-linux-gnu
DATABASE_APPLETS=(awk chmod date grep head ls mkfifo sed syslogd tail timeout touch tr)

unpack_databases() (
	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
	cd "$scratch"
	download() { apt-get -q -o APT::Sandbox::User=root download "$@"; }
	download "${DATABASE_PACKAGES[@]}" || {
		apt-get -q update
		download "${DATABASE_PACKAGES[@]}"
	}
	for library in $(missing_libraries); do
		download "$library" || true # of two that would do, one may not exist
	done
	rm -rf "$DATABASES" "$DATABASES.new"
	for package in ./*.deb; do
		dpkg -x "$package" "$DATABASES.new"
	done
	mv "$DATABASES.new" "$DATABASES"
	for kind in mariadb redis; do
		[[ $(database_libraries "$kind") != *'not found'* ]] || die "$kind: $(database_libraries "$kind" | grep 'not found')"
	done
)

# The libraries that they need and the host has not.
missing_libraries() {
	local package

	apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
		"${DATABASE_PACKAGES[@]}" | grep -E '^lib' | sort -u | while read -r package; do
		[[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) == ii* ]] || echo "$package"
	done
}

# database_programs KIND: what a guest runs.
database_programs() {
	case $1 in
	mariadb) echo "$DATABASES"/usr/{sbin/mariadbd,bin/mariadb} ;;
	redis) echo "$DATABASES"/usr/bin/{redis-server,redis-cli} ;;
	*) die "unknown database $1" ;;
	esac
}

database_libraries() {
	# shellcheck disable=SC2046 # two paths
	LD_LIBRARY_PATH=$DATABASE_LIBRARIES ldd $(database_programs "$1")
}

# The kernel unpacks one archive after another: the guest's own, and this one with the server and the freeze hooks.
database_initrd() {
	local kind=$1 root

	root=$(mktemp -d -p "$LAB_DIR")
	mkdir -p "$root"/{etc/qemu/fsfreeze-hook.d,bin,usr/bin,usr/local/sbin,usr/lib/x86_64-linux-gnu,usr/share/mysql}
	echo 'root:x:0:0::/:/bin/sh' >"$root/etc/passwd"
	for applet in "${DATABASE_APPLETS[@]}"; do
		ln -s busybox "$root/bin/$applet"
	done
	install "$LAB_HOME/guest/database" "$root/usr/local/sbin/"
	install "$LAB_HOME/../../examples/guest/fsfreeze-hook" "$root/usr/local/sbin/"
	install "$LAB_HOME/../../examples/guest/fsfreeze-hook.d/$kind" "$root/etc/qemu/fsfreeze-hook.d/"
	install "$LAB_HOME/guest/z-proof" "$root/etc/qemu/fsfreeze-hook.d/"
	# shellcheck disable=SC2046 # two paths
	cp -L $(database_programs "$kind") "$root/usr/bin/"
	database_libraries "$kind" | grep -o '/[^ :]* ' | sort -u | while read -r library; do
		cp -L "$library" "$root/usr/lib/x86_64-linux-gnu/"
	done
	[[ $kind != mariadb ]] ||
		find "$DATABASES/usr/share" \( -name english -o -name charsets \) -exec cp -r {} "$root/usr/share/mysql" \;
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) | cat "$LAB_DIR/initrd" - >"$LAB_DIR/initrd-$kind"
	rm -rf "$root"
}

# database_files KIND FOLDER: an empty database.
database_files() {
	mkdir "$2"
	case $1 in
	mariadb)
		LD_LIBRARY_PATH=$DATABASE_LIBRARIES PATH=$DATABASES/usr/bin:$DATABASES/usr/sbin:$PATH \
			mariadb-install-db --no-defaults --basedir="$DATABASES/usr" --datadir="$2/mysql" --user=root \
			--auth-root-authentication-method=socket --skip-test-db --force --innodb-autoextend-increment=1 \
			--innodb-log-file-size=8M --innodb-buffer-pool-size=16M >"$2.log" 2>&1 ||
			die "mariadb-install-db: $(tail -n 5 "$2.log")"
		;;
	redis) mkdir "$2/redis" ;;
	esac
}

# What is acknowledged, by the guest's console: the last number; or, of its Nth freeze, the last before the lock, and how
# many while it held.
lab_acknowledged() {
	(($# == 1 || $# == 2)) || die "usage: lab acknowledged NAME [N]"
	awk -v freeze="${2:-0}" '
		!/\r$/ { next }
		{ sub(/\r$/, "") }
		$1 == "LOCKED" { locks++; locked = 1; if (locks == freeze) before = last }
		$1 == "UNLOCKING" { locked = 0 }
		$1 == "ACK" { last = $2 + 0; if (locked && locks == freeze) during++ }
		END { if (freeze) print before + 0, during + 0; else print last + 0 }
	' "$LAB_DIR/$1.log"
}

lab_database() {
	(($# == 2)) || die "usage: lab database mariadb|redis IMAGE"
	database_programs "$1" >/dev/null
	in_copy "$2" "start_$1"
}

# start_mariadb COPY: a server on its files; prints its log, what CHECK TABLE says, and count and greatest of each table.
start_mariadb() {
	local copy=$1 folder=$1.files server

	export LD_LIBRARY_PATH=$DATABASE_LIBRARIES
	extract mysql "$copy" "$folder"
	"$DATABASES/usr/sbin/mariadbd" --no-defaults --user=root --basedir="$DATABASES/usr" --datadir="$folder/mysql" \
		--socket="$folder/socket" --skip-networking --innodb-buffer-pool-size=16M --innodb-log-file-size=8M \
		--pid-file="$folder/pid" >"$folder/log" 2>&1 &
	server=$!
	ask() { timeout 20 "$DATABASES/usr/bin/mariadb" --no-defaults --socket="$folder/socket" -N -B -e "$1"; }
	(wait_until 30 mariadbd ask 'SELECT 1') || die "$(tail -n 20 "$folder/log")"
	# Before anything else opens the tables, and so repairs them.
	ask "CHECK TABLE test.innodb_rows, test.aria_rows, test.myisam_rows"
	for table in innodb_rows aria_rows myisam_rows; do
		ask "SELECT '$table', COUNT(*), MAX(n) FROM test.$table"
	done
	kill "$server"
	wait "$server" || true
	cat "$folder/log"
}

# start_redis COPY: prints what redis-check-aof says, how many numbers the server has, and whether none is missing.
start_redis() {
	local copy=$1 folder=$1.files server

	export LD_LIBRARY_PATH=$DATABASE_LIBRARIES
	extract redis "$copy" "$folder"
	"$DATABASES/usr/bin/redis-check-aof" "$folder/redis/appendonlydir/appendonly.aof.manifest" </dev/null || true
	"$DATABASES/usr/bin/redis-server" --port 0 --unixsocket "$folder/socket" --dir "$folder/redis" --save '' \
		--appendonly yes --aof-load-truncated no >"$folder/log" 2>&1 &
	server=$!
	ask() { timeout 20 "$DATABASES/usr/bin/redis-cli" -s "$folder/socket" "$@"; }
	answers() { [[ $(ask PING) == PONG ]]; }
	(wait_until 30 redis-server answers) || die "$(tail -n 20 "$folder/log")"
	ask LRANGE numbers 0 -1 | cmp - <(seq "$(ask LLEN numbers)") && echo "numbers $(ask LLEN numbers)"
	kill "$server"
	wait "$server" || true
	cat "$folder/log"
}

# extract NAME COPY FOLDER: a folder of the image.
extract() {
	replay_journal "$2"
	mkdir "$3"
	debugfs -R "rdump /$1 $3" "$2" 2>/dev/null
	[[ -d $3/$1 ]] || die "no $1 in the image"
}
