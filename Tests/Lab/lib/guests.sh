# shellcheck shell=bash
# Guests: making, waiting for, and reading what they say on their consoles.

lab_dataset() {
	(($# == 1)) || die "usage: lab dataset NAME"
	zfs create -p "$LAB_POOL/$1"
	zfs get -H -o value mountpoint "$LAB_POOL/$1"
}

lab_guest() {
	local name='' dataset='' disks=1 size=64M format=raw agent=1 hook_delay=0 start=1 memory=128 nic=0 flood=0 self_thaw='' vss='' power=1 block=''
	local database='' initrd=initrd directory disk index

	while (($#)); do
		case $1 in
		--dataset) dataset=$2 ;;
		--disks) disks=$2 ;;
		--size) size=$2 ;;
		--format) format=$2 ;;
		--hook-delay) hook_delay=$2 ;;
		--memory) memory=$2 ;;
		--flood) flood=$2 ;;
		--self-thaw) self_thaw=$2 ;;
		--vss) vss=$2 ;;
		--block) block=$2 ;;
		--database) database=$2 ;;
		--no-agent | --no-start | --nic | --no-power-button)
			case $1 in
			--no-agent) agent=0 ;;
			--no-start) start=0 ;;
			--nic) nic=1 ;;
			--no-power-button) power=0 ;;
			esac
			shift
			continue
			;;
		-*) die "guest has no option $1" ;;
		*)
			name=$1
			shift
			continue
			;;
		esac
		shift 2
	done
	[[ $name =~ ^[A-Za-z0-9._-]+$ && -n $dataset ]] || die "usage: lab guest NAME --dataset DS [options]"
	directory=/$LAB_POOL/$dataset
	[[ -d $directory ]] || die "$directory: no such dataset"

	if [[ -n $database ]]; then
		initrd=initrd-$database memory=512 size=160M
		database_initrd "$database"
	fi
	for ((index = 0; index < disks; index++)); do
		disk=$(disk_name "$index")
		make_disk "$directory/$name-$disk.$format" "$format" "$size" "$database"
	done
	: >>"$LAB_DIR/$name.log" # QEMU's user may make no file in here
	domain_xml >"$LAB_DIR/$name.xml"
	virsh -q define "$LAB_DIR/$name.xml" >/dev/null
	if ((start)); then virsh -q start "$name" >/dev/null; fi
}

disk_name() {
	local letters=abcdefghijklmnopqrstuvwxyz

	echo "vd${letters:$1:1}"
}

# A small file system is made once for each size; its tables must not be written later, by the guest.
make_disk() {
	local image=$1 format=$2 size=$3 database=$4 template=$LAB_DIR/ext4-$3$4

	if [[ ! -e $template ]]; then
		truncate -s "$size" "$template.$$"
		make_ext4 "$template.$$" "$database"
		mv "$template.$$" "$template"
	fi
	case $format in
	raw) cp --sparse=always "$template" "$image" ;;
	qcow2) qemu-img convert -f raw -O qcow2 "$template" "$image" ;;
	*) die "unknown format $format" ;;
	esac
}

# make_ext4 FILE [DATABASE]: with an empty database on it.
make_ext4() {
	local options=(-q -b 4096 -J size=4 -E "lazy_itable_init=0,lazy_journal_init=0")

	if [[ -n ${2:-} ]]; then
		database_files "$2" "$1.files"
		options+=(-d "$1.files")
	fi
	mkfs.ext4 "${options[@]}" "$1" 2>/dev/null
	rm -rf "$1.files"
}

# Uses the variables of lab_guest.
domain_xml() {
	local index

	cat <<-XML
		<domain type='qemu'>
		  <name>$name</name>
		  <memory unit='MiB'>$memory</memory>
		  <vcpu>1</vcpu>
		  <os>
		    <type arch='x86_64' machine='pc'>hvm</type>
		    <kernel>$LAB_DIR/vmlinuz</kernel>
		    <initrd>$LAB_DIR/$initrd</initrd>
		    <cmdline>console=ttyS0 loglevel=3 mitigations=off panic=1 lab.agent=$agent lab.hook_delay=$hook_delay lab.flood=$flood lab.self_thaw=$self_thaw lab.vss=$vss lab.power=$power lab.block=$block lab.database=$database</cmdline>
		  </os>
		  <features><acpi/></features>
		  <devices>
	XML
	for ((index = 0; index < disks; index++)); do
		disk=$(disk_name "$index")
		cat <<-XML
			    <disk type='file' device='disk'>
			      <driver name='qemu' type='$format' cache='none'/>
			      <source file='$directory/$name-$disk.$format'/>
			      <target dev='$disk' bus='virtio'/>
			    </disk>
		XML
	done
	if ((agent)); then
		echo "    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"
	fi
	if ((nic)); then
		echo "    <interface type='user'><model type='virtio'/></interface>"
	fi
	# Appended to, so that a restored guest continues where it was.
	cat <<-XML
		    <serial type='file'><source path='$LAB_DIR/$name.log' append='on'/></serial>
		    <controller type='usb' model='none'/>
		    <memballoon model='none'/>
		  </devices>
		</domain>
	XML
}

lab_wait() {
	local name deadline=$((SECONDS + 90))

	for name in "$@"; do
		until guest_answers "$name"; do
			if ((SECONDS >= deadline)); then
				tail -n 20 "$LAB_DIR/$name.log" >&2
				die "$name is not ready"
			fi
			sleep 0.1
		done
	done
}

# READY in the log may be an earlier boot's; a new line after it is a sign of life.
guest_answers() {
	local log=$LAB_DIR/$1.log size

	size=$(stat -c %s "$log" 2>/dev/null) || return 1
	awk '/^BOOT\r/ { ready = 0 } /^READY\r/ { ready = 1 } END { exit !ready }' "$log" || return 1
	for _ in {1..30}; do
		if tail -c +$((size + 1)) "$log" | awk '/^(RAM|DURABLE) .*\r$/ { alive = 1 } END { exit !alive }'; then
			agent_answers "$1"
			return
		fi
		sleep 0.05
	done
	return 1
}

agent_answers() {
	[[ $(virsh dumpxml "$1" 2>/dev/null) == *org.qemu.guest_agent.0* ]] || return 0
	virsh qemu-agent-command --timeout 5 "$1" '{"execute":"guest-ping"}' >/dev/null 2>&1
}

# A complete line ends in CR LF; the last one may still be on its way.
lab_durable() {
	(($# == 2)) || die "usage: lab durable NAME DISK"
	awk -v disk="$2" '$1 == "DURABLE" && $2 == disk && /\r$/ { n = $3 + 0 } END { print n + 0 }' "$LAB_DIR/$1.log"
}

lab_frozen() {
	(($# == 1)) || die "usage: lab frozen NAME"
	awk '$1 == "FROZEN" && /\r$/ { print $2 + 0 }' "$LAB_DIR/$1.log"
}
