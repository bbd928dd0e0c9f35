# Sourced by host-test, boot.sh and each item: the storage host in a virtual machine, and how to reach it.
HOST_HOME=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
HOST_LAB=$(readlink -m "${HOST_LAB:-$HOST_HOME/../../../.build-lab/host}")
HOST_NAME=${HOST_NAME:-a}
HOST_RUN=$HOST_LAB/run/$HOST_NAME
export HOST_LAB HOST_NAME

die() {
	echo "host lab: $*" >&2
	exit 1
}

# in_host [-t SECONDS] COMMAND: runs it there; stdin, stdout, stderr and exit status pass through.
in_host() {
	local limit=300
	[[ $1 != -t ]] || { limit=$2 && shift 2; }
	timeout "$limit" ssh -q -i "$HOST_LAB/key" -p "$(<"$HOST_RUN/port")" -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o ConnectTimeout=10 -o ControlMaster=auto -o ControlPersist=60 \
		-o ControlPath="$HOST_RUN/ssh" root@127.0.0.1 "$@"
}

# put_in_host FOLDER FILE…
put_in_host() {
	local folder=$1 file
	shift
	for file in "$@"; do
		tar -C "$(dirname "$file")" -cf - "$(basename "$file")" | in_host "mkdir -p '$folder' && tar -C '$folder' -xf -"
	done
}

# host_monitor COMMAND…: QEMU's own commands.
host_monitor() {
	python3 - "$HOST_RUN/mon" "$@" <<-'PYTHON'
		import socket, sys
		monitor = socket.socket(socket.AF_UNIX)
		monitor.connect(sys.argv[1])
		def answer():
		    text = b""
		    while not text.endswith(b"(qemu) "):
		        piece = monitor.recv(4096)
		        if not piece:
		            break
		        text += piece
		    return text.decode(errors="replace")
		answer()
		for command in sys.argv[2:]:
		    monitor.sendall(command.encode() + b"\n")
		    print(answer())
	PYTHON
}

host_is_alive() { [[ -s $HOST_RUN/pid ]] && kill -0 "$(<"$HOST_RUN/pid")" 2>/dev/null; }

# wait_for_host: until ssh answers; its clock is set, since a saved state has that of its making.
wait_for_host() {
	local i
	for i in $(seq 400); do
		in_host -t 20 "date -s @$(date +%s.%N) >/dev/null" >/dev/null 2>&1 && return 0
		host_is_alive || { tail -n 20 "$HOST_RUN/console.log" >&2; die "its QEMU ended"; }
		sleep 0.3
	done
	tail -n 20 "$HOST_RUN/console.log" >&2
	die "no ssh"
}

# cut_power: what is not on its disks is gone. QEMU stays, so that the disks' own caches are as after a reset.
cut_power() {
	ssh -q -O exit -o ControlPath="$HOST_RUN/ssh" x 2>/dev/null || true
	host_monitor system_reset >/dev/null
	sleep 2
	wait_for_host
}

# expect WHAT COMMAND…: one line of a verdict; the item fails where one fails.
expect() {
	local what=$1
	shift
	if "$@" >"$HOST_RUN/said" 2>&1; then
		echo "  ok: $what"
	else
		echo "  NOT: $what"
		sed 's/^/      /' "$HOST_RUN/said" | tail -n 20
		FAILED=1
	fi
}
