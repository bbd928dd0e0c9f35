#!/bin/bash
# stress.sh BIN_DIR [CYCLES] [KILLS] [SECONDS]: two snapshot managers at random against four writing guests on one dataset.
# KILLS is the share, in percent, of their calls of pre and post that kill -9 ends somewhere on the way. Afterwards
# nothing may be left behind, no record lost, and no process grown. No cycle begins after that many seconds, on a slow
# machine. Prints a table, which says how many cycles there were; exits 1 when anything is wrong.
#     Tests/Lab/lab run -- Tests/Benchmarks/stress.sh $PWD/.build/release 200
set -euo pipefail
bin=$(readlink -f "$1")
cycles=${2:-200}
kills=${3:-0}
limit=${4:-3600}
keep=3
# Milliseconds within which a kill comes; about as long as the hooks take.
declare -A reach=([pre]=1000 [post]=500)
guests=(one two pair ram)
dataset=$LAB_POOL/stress
overlays=$LAB_DIR/overlays
cold=$LAB_DIR/cold
state=/var/lib/stillpoint
work=$LAB_DIR/stress
mkdir -p "$work" "$cold" /etc/stillpoint /etc/sanoid

disks() { if [[ $1 == pair ]]; then echo vda vdb; else echo vda; fi; }
violation() { echo "$*" | tee -a "$work/violations"; }
now() { echo $((${EPOCHREALTIME/[^0-9]/} / 1000)); }
nap() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

# zfs-fuse may call a dataset busy for a moment.
destroy() {
    for _ in {1..20}; do
        if zfs destroy "$1" 2>"$work/destroy.$BASHPID"; then return; fi
        sleep 0.2
    done
    violation "$1 cannot be destroyed: $(<"$work/destroy.$BASHPID")"
}

take() { zfs snapshot "$dataset@$1" || violation "$dataset@$1 cannot be taken"; }

# hook MANAGER PHASE COMMAND…: calls a hook, or lets kill -9 end it; fails unless the hook came to its end with 0.
hook() {
    local manager=$1 phase=$2 status=0 log
    shift 2
    log=$work/said.$manager
    if ((RANDOM % 100 < kills)); then
        # Itself alone, as the kernel's OOM killer would; what it has started lives on.
        timeout --foreground -s KILL "$(printf '0.%03d' $((RANDOM % ${reach[$phase]})))" "$@" >"$log" 2>&1 || status=$?
        if ((status == 137)); then echo "$phase" >>"$work/killed"; fi
    else
        "$@" >"$log" 2>&1 || status=$?
        # Beside killed ones a hook may meet what it cannot finish yet; that must be gone at the end, no sooner.
        if ((status && !kills)); then violation "$manager: $phase-snapshot: exit status $status: $(<"$log")"; fi
    fi
    cat "$log" >>"$work/log"
    return "$status"
}


# One cycle, in a process that the guard takes for the manager. Where a hook was killed, its manager goes on as the real
# one does: none of the two calls post for a pre that failed, and sanoid takes the snapshot all the same.
cycle() {
    local manager=$1 name=$2 call
    case $manager in
    sanoid)
        echo sanoid >/proc/self/comm
        call=(env SANOID_TARGET="$dataset" SANOID_SNAPNAME="$name")
        if hook "$manager" pre "${call[@]}" SANOID_SCRIPT=pre "$bin/pre-snapshot"; then
            nap $((RANDOM % 300))
            take "$name"
            hook "$manager" post "${call[@]}" SANOID_SCRIPT=post "$bin/post-snapshot" || true
        else
            take "$name"
        fi
        ;;
    auto)
        echo zfs-auto-snapshot >/proc/self/comm
        if hook "$manager" pre "$bin/pre-snapshot" "$dataset" "$name"; then
            nap $((RANDOM % 300))
            take "$name"
            hook "$manager" post "$bin/post-snapshot" "$dataset" "$name" || true
        fi
        ;;
    esac
}

# manage MANAGER FIRST LAST: cycles, and what the manager destroys.
manage() {
    local manager=$1 number name began old
    RANDOM=$$$2${#manager}
    for ((number = $2; number <= $3; number++)); do
        ((SECONDS < limit)) || break
        nap $((RANDOM % 1500))
        name=${manager}_$(printf %04d "$number")
        began=$(now)
        (cycle "$manager" "$name")
        zfs get -H -o value stillpoint:vms "$dataset@$name" 2>/dev/null | tr , '\n' >>"$work/got" || true
        while read -r old; do
            destroy "$old"
            if [[ $manager == sanoid ]]; then
                env SANOID_SCRIPT=prune SANOID_TARGET="$dataset" SANOID_SNAPNAME="${old#*@}" "$bin/prune-snapshot" \
                    >>"$work/log" 2>&1 || violation "prune-snapshot of $old: exit status $?"
            fi
        done < <(zfs list -H -o name -t snapshot -r "$dataset" | grep "@${manager}_" | sort | head -n -$keep)
        if [[ $manager == auto ]] && ((number % 10 == 0)); then
            "$bin/stillpoint" prune --orphans >>"$work/log" 2>&1 || violation "prune --orphans: exit status $?"
        fi
        echo $(($(now) - began)) >>"$work/cycle-times"
    done
}

# Processes of ours: number, seconds since they began, what they call themselves.
ours() {
    local entry uptime began command
    read -r uptime _ </proc/uptime
    for entry in /proc/[0-9]*; do
        [[ $(readlink "$entry/exe" 2>/dev/null) == "$bin"/* ]] || continue
        command=$(tr '\0' ' ' 2>/dev/null <"$entry/cmdline") || continue
        began=$(sed 's/.*) //' "$entry/stat" 2>/dev/null | cut -d ' ' -f 20) || continue
        [[ -n $began ]] || continue
        echo "${entry#/proc/} $((${uptime%.*} - began / $(getconf CLK_TCK))) $command"
    done
}

# The longest that one of them lived, guards aside. Looked at once a second.
watch_ages() {
    while sleep 1; do
        ours | awk '$3 != "stillpoint-guard"' >>"$work/ages"
    done
}

# Until no process of ours is left and no run is open, which guards see to; at most a minute.
settle() {
    local end=$((SECONDS + 60)) status
    while ((SECONDS < end)); do
        status=0
        "$bin/stillpoint" recover >>"$work/log" 2>&1 || status=$?
        if ((!status)) && [[ -z $(ls -A "$state/runs") && -z $(ours) ]]; then return; fi
        sleep 0.5
    done
    violation "after a minute: recover exits $status; open: $(echo "$state/runs"/*); alive: $(ours)"
}

# process NAME: its number.
process() {
    if [[ $1 == qemu-* ]]; then cat "/run/libvirt/qemu/${1#qemu-}.pid"; else cat "/run/$1.pid"; fi
}

# sample WHEN: what processes weigh that live on: kB and open files.
sample() {
    local name id
    for name in libvirtd virtlogd virtlockd "${guests[@]/#/qemu-}"; do
        id=$(process "$name")
        echo "$name $(awk '$1 == "VmRSS:" { print $2 }' "/proc/$id/status") $(find "/proc/$id/fd" -type l | wc -l)"
    done >"$work/sample-$1"
}

run_cycles() {
    local one two
    manage sanoid "$1" "$2" &
    one=$!
    manage auto "$1" "$2" &
    two=$!
    wait "$one" || violation "the first manager failed"
    wait "$two" || violation "the second manager failed"
    settle
}

# MARK: what must hold

expect_own_disks() {
    local guest disk wanted definition
    for guest in "${guests[@]}"; do
        for disk in $(disks "$guest"); do
            wanted=/$dataset/$guest-$disk.raw
            for definition in '' --inactive; do
                [[ $(virsh domblklist $definition "$guest" | awk -v d="$disk" '$1 == d { print $2 }') == "$wanted" ]] \
                    || violation "$guest: $disk is not on its own disk ${definition:-(live)}"
            done
        done
        if virsh dumpxml "$guest" | grep -q "$overlays"; then violation "$guest: an overlay in its definition"; fi
        [[ -z $(virsh snapshot-list --name "$guest" | tr -d '[:space:]') ]] || violation "$guest: a libvirt snapshot"
        [[ $(virsh domstate "$guest") == running* ]] || violation "$guest does not run"
    done
}

expect_nothing_left() {
    local name run
    "$bin/stillpoint" archive >>"$work/log" 2>&1 || violation "archive: exit status $?"
    "$bin/stillpoint" prune --orphans >>"$work/log" 2>&1 || violation "prune --orphans: exit status $?"
    while read -r name; do violation "left in overlay_dir: $name"; done < <(ls -A "$overlays")
    while read -r name; do violation "left in runs: $name"; done < <(ls -A "$state/runs")
    while read -r name; do violation "left running: $name"; done < <(ours)
    [[ $(zfs list -H -o name -r "$LAB_POOL" | sort | tr '\n' ' ') == "$LAB_POOL $dataset " ]] || violation "a clone is left"
    zfs list -H -o name -t snapshot -r "$dataset" | while read -r name; do
        zfs get -H -o value stillpoint:run "$name"
    done | sort -u >"$work/runs-of-snapshots"
    while read -r name; do
        run=${name##*/}
        grep -qx "${run%.ram}" "$work/runs-of-snapshots" || violation "a RAM dump without a snapshot: $name"
    done < <(find "$cold" -name '*.ram')
    find "$cold" -name '*.ram' | wc -l >"$work/dumps"
}

# What the last snapshots say of their VMs must be true: a quiesced disk needs no journal recovery.
expect_truth() {
    local snapshot vm guest disk
    while read -r snapshot; do
        zfs clone "$snapshot" "$LAB_POOL/look"
        for vm in $(zfs get -H -o value stillpoint:vms "$snapshot" | tr , ' '); do
            guest=${vm%=*}
            [[ $vm == *=quiesced ]] || continue
            for disk in $(disks "$guest"); do
                "$LAB" clean-fs "/$LAB_POOL/look/$guest-$disk.raw" || violation "$snapshot: $guest-$disk is not quiesced"
            done
            echo "$vm" >>"$work/looked-at"
        done
        destroy "$LAB_POOL/look"
    done < <(zfs list -H -o name -t snapshot -r "$dataset")
}

expect_no_growth() {
    paste -d ' ' "$work/sample-early" "$work/sample-end" | while read -r name kb files _ kb_end files_end; do
        # Guests' memory is theirs to touch.
        if [[ $name != qemu-* ]] && ((kb_end - kb > (kb / 20 > 4096 ? kb / 20 : 4096))); then
            violation "$name grew from $kb to $kb_end kB"
        fi
        ((files_end <= files + 1)) || violation "$name had $files files open, now $files_end"
    done
}

expect_records() {
    local guest disk image durable found
    for guest in "${guests[@]}"; do virsh -q shutdown "$guest"; done
    for guest in "${guests[@]}"; do
        for _ in {1..300}; do
            [[ $(virsh domstate "$guest") == 'shut off'* ]] && break
            sleep 0.1
        done
        [[ $(virsh domstate "$guest") == 'shut off'* ]] || violation "$guest does not shut down"
        for disk in $(disks "$guest"); do
            image=/$dataset/$guest-$disk.raw
            fsck.ext4 -fn "$image" >"$work/fsck" 2>&1 || violation "$image: $(tail -n 3 "$work/fsck")"
            durable=$("$LAB" durable "$guest" "$disk")
            found=$("$LAB" records "$image") || found=0
            ((durable > 0 && found >= durable)) || violation "$guest-$disk: $found records, $durable were durable"
            printf '%-28s %12s %12s\n' "$guest-$disk" "$durable" "$found" >>"$work/records"
        done
    done
}

# When every snapshot is gone, so are dumps and what is known of them.
expect_empty_storage() {
    local name
    while read -r name; do destroy "$name"; done < <(zfs list -H -o name -t snapshot -r "$dataset")
    "$bin/stillpoint" prune --orphans >>"$work/log" 2>&1 || violation "prune --orphans: exit status $?"
    while read -r name; do violation "left without any snapshot: $name"; done \
        < <(find "$cold" "$overlays" "$state/restore-points" -type f ! -name lock)
}

report() {
    local count
    count=$(wc -l <"$work/cycle-times")
    printf '\n%s cycles by two managers, four writing guests, %s %% of the hooks killed: %s s\n\n' \
        "$count" "$kills" "$SECONDS"
    printf '%-28s %12s\n' 'pre killed' "$(grep -c pre "$work/killed" || true)" \
        'post killed' "$(grep -c post "$work/killed" || true)" \
        'longest cycle, s' "$((longest / 1000))" 'longest-lived hook, s' "$oldest" \
        'RAM dumps kept' "$(<"$work/dumps")" 'quiesced disks looked at' "$(wc -l <"$work/looked-at")"
    sort "$work/got" | uniq -c | while read -r count what; do printf '%-28s %12s\n' "${what//-/no properties}" "$count"; done
    printf '\nafter cycle %s, and at the end\n%-28s %12s %12s %12s %12s\n' "$((2 * early))" '' 'RSS, kB' 'RSS, kB' files files
    paste -d ' ' "$work/sample-early" "$work/sample-end" | while read -r name kb files _ kb_end files_end; do
        printf '%-28s %12s %12s %12s %12s\n' "$name" "$kb" "$kb_end" "$files" "$files_end"
    done
    printf '\n%-28s %12s %12s\n' 'records' 'durable' 'found'
    cat "$work/records"
    printf '\nviolations: %s\n' "$(wc -l <"$work/violations")"
    cat "$work/violations"
}

: | tee "$work"/{violations,killed,got,ages,looked-at,records,cycle-times,log} >/dev/null
"$LAB" dataset stress >/dev/null
for guest in "${guests[@]}"; do
    "$LAB" guest "$guest" --dataset stress --disks "$(disks "$guest" | wc -w)" --size 256M
done
"$LAB" wait "${guests[@]}"
cat >/etc/stillpoint/stillpoint.conf <<C
[stillpoint]
overlay_dir = $overlays
ram_dir = $overlays
cold_storage = $cold
# A post that was killed before it began is one that may still come: the guard waits so long, settle a minute.
max_hold = 30
[vm ram]
strategy = memory, quiesce
C
printf '[%s]\nscript_timeout = 60\n' "$dataset" >/etc/sanoid/sanoid.conf

# Each manager has half of the cycles. The first twenty of both are for libvirtd to take what it keeps.
last=$(((cycles + 1) / 2))
early=$((last > 20 ? 10 : (last + 1) / 2))
watch_ages &
watcher=$!
run_cycles 1 "$early"
sample early
run_cycles $((early + 1)) "$last"
kill "$watcher"
sample end
longest=$(sort -n "$work/cycle-times" | tail -n 1)
# An archiving goes on while cycles bring it new dumps; that it ends after them, settle has seen.
oldest=$(awk '!/ archive/ && $2 > age { age = $2 } END { print age + 0 }' "$work/ages")
((oldest <= (longest / 1000 > 10 ? longest / 1000 : 10))) \
    || violation "a process lived for $oldest s: $(grep -v ' archive' "$work/ages" | sort -nk 2 | tail -n 1)"
expect_own_disks
expect_truth
expect_nothing_left
expect_no_growth
expect_records
expect_empty_storage
report
[[ ! -s $work/violations ]]
