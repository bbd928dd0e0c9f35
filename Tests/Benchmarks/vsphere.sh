#!/bin/bash
# vsphere.sh BIN_DIR: pre and post on many VMs of the vSphere test server against a client that takes one VM after
# another, in one run in the lab. Call it through `make bench`.
set -euo pipefail
bin=$1
work=$LAB_DIR/vsphere-bench
program=$("$LAB" vcsim)
dataset=$LAB_POOL/vsphere-bench
mkdir -p "$work"
"$LAB" dataset vsphere-bench >/dev/null
umask 077
echo secret >"$work/password"

# serve VMS TASK_MS: starts a server with so many VMs; sets sdk, ctl, server
serve() {
    rm -f "$work/ready"
    "$program" -l 127.0.0.1:0 -ctl 127.0.0.1:0 -watch $$ -vms "$1" -taskdelay "$2" -certout "$work/ca.pem" \
        >"$work/ready" </dev/null &
    server=$!
    until [[ -s $work/ready ]]; do sleep 0.1; done
    sdk=$(sed 's/.*"sdk":"\([^"]*\)".*/\1/' "$work/ready")
    ctl=$(sed 's/.*"ctl":"\([^"]*\)".*/\1/' "$work/ready")
    rm -rf "$work/state"
    cat >"$work/stillpoint.conf" <<-C
	[stillpoint]
	state_dir = $work/state
	overlay_dir = $LAB_DIR/overlays
	[hypervisor vc1]
	kind = vsphere
	url = $sdk
	username = root
	password_file = $work/password
	ca_file = $work/ca.pem
	datastore = LocalDS_0=$dataset
	max_parallel = 30
	C
}

stop() {
    kill "$server"
    wait "$server" || true
}

# timed FILE CMD…: writes the seconds that CMD took, and its peak memory in MB
timed() {
    local file=$1
    shift
    python3 - "$file" "$@" <<-'P'
	import resource, subprocess, sys, time
	begin = time.monotonic()
	status = subprocess.call(sys.argv[2:])
	peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
	open(sys.argv[1], "w").write("%.2f %d\n" % (time.monotonic() - begin, peak))
	sys.exit(status)
	P
}

# trips: round trips since the last call
trips() {
    curl -sS "$ctl/counts" | sed 's/.*"total":\([0-9]*\).*/\1/'
    curl -sS -X POST "$ctl/reset"
}

row() { printf '%-34s %6s %8s %8s %8s %10s %8s\n' "$@"; }

# ours VMS / serial VMS: one cycle and its row
ours() {
    local n=$1
    curl -sS -X POST "$ctl/reset"
    timed "$work/pre" "$bin/pre-snapshot" --config "$work/stillpoint.conf" "$dataset@$n" 2>"$work/log"
    timed "$work/post" "$bin/post-snapshot" --config "$work/stillpoint.conf" "$dataset@$n" 2>>"$work/log" || true # it says that no snapshot was taken
    report stillpoint "$n"
}

serial() {
    local n=$1 phase
    curl -sS -X POST "$ctl/reset"
    for phase in pre post; do
        timed "$work/$phase" "$program-serial" -url "${sdk/:\/\//://root:secret@}" "$phase"
    done
    report 'one VM after another' "$n"
}

report() {
    local pre post peak total
    read -r pre peak <"$work/pre"
    read -r post _ <"$work/post"
    total=$(trips)
    sum=$(awk -v a="$pre" -v b="$post" 'BEGIN { printf "%.2f", a + b }')
    row "$1" "$2" "$pre" "$post" "$sum" "$(awk -v t="$total" -v n="$2" 'BEGIN { printf "%.2f", t / n }')" "$peak"
}

echo 'vSphere: seconds, round trips a VM, peak MB of pre'
row program VMs pre post sum trips/VM MB
serve 1000 0
# Before and after the other, so that a change of the machine's load meets both.
sums=()
for kind in ours ours serial ours; do
    $kind 1000
    if [[ $kind == ours ]]; then sums+=("$sum"); else slow=$sum; fi
done
mine=$(printf '%s\n' "${sums[@]}" | sort -n | sed -n 2p)
awk -v s="$slow" -v m="$mine" 'BEGIN { printf "serial / median of stillpoint: %.1f  (budget: at least 8; trips at most 2.2, memory below 150)\n", s / m }'
stop
echo 'tasks of 1 s'
serve 100 1000
ours 100
echo "pre + post: $sum s  (budget: at most 12)"
stop
serve 10 1000
serial 10
stop
