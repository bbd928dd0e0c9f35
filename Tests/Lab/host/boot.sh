#!/bin/bash
# boot.sh [NAME]         boots the storage host; each NAME has its own disks and ssh port. From the saved state where
#                        there is one, which takes seconds.
# boot.sh --warm         boots once, makes pool and guests (setup.sh), saves RAM and disks for later boots
# boot.sh --stop [NAME]  powers it off
# Variables: FRESH=1 drops the instance's disks first; COLD=1 boots the kernel; PORT=2222, MEM=4096, SMP=2, DATA=8G,
# APPEND='apparmor=1 security=apparmor' (with COLD=1)
set -euo pipefail
mode=
case ${1:-} in --stop | --warm) mode=$1 && shift ;; esac
HOST_NAME=${1:-a}
[[ $mode != --warm ]] || HOST_NAME=.warm FRESH=1 COLD=1
# shellcheck source=host.sh
source "$(dirname "$(readlink -f "$0")")/host.sh"

stop() {
	host_is_alive || return 0
	in_host -t 60 'sync; systemctl poweroff --force --force' >/dev/null 2>&1 || true
	for _ in $(seq 40); do
		host_is_alive || return 0
		sleep 0.5
	done
	kill "$(<"$HOST_RUN/pid")"
}

if [[ $mode == --stop ]]; then
	stop
	exit
fi
[[ -e $HOST_LAB/lab.qcow2 ]] || die "no image; first: $HOST_HOME/image.sh"
! host_is_alive || die "$HOST_NAME runs already, process $(<"$HOST_RUN/pid")"
if [[ $mode == --warm ]]; then
	# Later instances' disks lie on the saved ones.
	! compgen -G "$HOST_LAB/run/*/root.qcow2" >/dev/null || die "first stop the instances, and: rm -rf $HOST_LAB/run"
	rm -rf "$HOST_LAB/warm"
	mkdir "$HOST_LAB/warm"
fi
mkdir -p "$HOST_RUN"
cd "$HOST_RUN"
[[ -z ${FRESH:-} ]] || rm -f root.qcow2 data?.qcow2
rm -f pid
base=$HOST_LAB/lab.qcow2
warm=
if [[ -z ${COLD:-} && ! -e root.qcow2 && $HOST_LAB/warm/state -nt $HOST_LAB/lab.qcow2 ]]; then
	warm=1
	base=$HOST_LAB/warm/root.qcow2
fi
[[ -e root.qcow2 ]] || qemu-img create -q -f qcow2 -F qcow2 -b "$base" root.qcow2
for disk in data1 data2; do
	[[ ! -e $disk.qcow2 ]] || continue
	if [[ -n $warm ]]; then
		qemu-img create -q -f qcow2 -F qcow2 -b "$HOST_LAB/warm/$disk.qcow2" $disk.qcow2
	else
		qemu-img create -q -f qcow2 $disk.qcow2 "${DATA:-8G}"
	fi
done
port=${PORT:-2222}
[[ $mode != --warm ]] || port=2199
echo "$port" >port
options=if=none,discard=unmap,cache=unsafe
incoming=()
[[ -z $warm ]] || incoming=(-incoming "exec:cat '$HOST_LAB/warm/state'")
start=$(date +%s)
setsid qemu-system-x86_64 -name "host-$HOST_NAME" -machine pc-q35-7.2 -accel tcg,thread=multi,tb-size=1024 \
	-cpu max,la57=off -smp "${SMP:-2}" -m "${MEM:-4096}" -kernel "$HOST_LAB/vmlinuz" -initrd "$HOST_LAB/initrd.gz" \
	-append "console=ttyS0 root=/dev/vda quiet mitigations=off nokaslr random.trust_cpu=on apparmor=0 audit=0 systemd.show_status=0 net.ifnames=0 ${APPEND:-}" \
	-drive file=root.qcow2,id=d0,$options -device virtio-blk-pci,drive=d0 \
	-drive file=data1.qcow2,id=d1,$options -device virtio-blk-pci,drive=d1,serial=DATA1 \
	-drive file=data2.qcow2,id=d2,$options -device virtio-blk-pci,drive=d2,serial=DATA2 \
	-netdev "user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:$port-:22" -device virtio-net-pci,netdev=n,romfile= \
	-device virtio-rng-pci -display none -vga none -serial file:console.log -monitor unix:mon,server,nowait \
	-pidfile pid "${incoming[@]}" </dev/null >qemu.log 2>&1 &
for _ in $(seq 100); do
	[[ ! -s pid ]] || break
	sleep 0.1
done
wait_for_host
echo "$HOST_NAME is up after $(($(date +%s) - start)) s${warm:+ (from the saved state)}, process $(<pid), port $port"
[[ $mode == --warm ]] || exit 0

put_in_host /root "$HOST_HOME/setup.sh"
in_host -t 900 '/root/setup.sh && sync'
ssh -q -O exit -o ControlPath="$HOST_RUN/ssh" x 2>/dev/null || true
sleep 1
host_monitor 'migrate_set_parameter max-bandwidth 10G' "migrate \"exec:cat > '$HOST_LAB/warm/state.tmp'\"" 'info migrate' |
	grep -E '^(Migration status|total time)'
host_monitor quit >/dev/null 2>&1 || true
mv root.qcow2 data?.qcow2 "$HOST_LAB/warm/"
mv "$HOST_LAB/warm/state.tmp" "$HOST_LAB/warm/state"
rm -rf "$HOST_RUN"
