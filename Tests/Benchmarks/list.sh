#!/bin/bash
# list.sh BIN_DIR [SNAPSHOTS] [VMS]: seconds and memory of stillpoint list, show, status and explain where there are many
# snapshots and VMs, of a catalogue and a history that are made up, and a zfs that prints what is in a file.
# Call it through `make bench`, or alone; it needs neither a pool nor a hypervisor.
set -euo pipefail
bin=$1 snapshots=${2:-20000} vms=${3:-1000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# scene NAME DATASETS SHAPE [SNAPSHOTS]: each VM on one of so many datasets; SHAPE is `apart` (a run for each dataset) or `together`
# (one run for all datasets of a time).
scene() {
    mkdir -p "$work/$1/bin"
    chmod 755 "$work/$1" "$work/$1/bin"
    python3 - "$work/$1" "${4:-$snapshots}" "$vms" "$2" "$3" <<'PYTHON'
import datetime, json, os, sys

work, snapshots, vms, datasets, shape = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
points = f"{work}/state/restore-points"
history = f"{work}/state/history"
for folder in (f"{work}/state", f"{work}/state/runs", points, history):
    os.mkdir(folder, 0o700)
rounds = snapshots // datasets
now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
reasons = ["agent-silent", "agent-missing", "freeze-failed", "no-room"]
guids, runs, words, days = [], [], [], {}
for turn in range(rounds):
    began = now - datetime.timedelta(hours=rounds - turn)
    stamp = began.strftime("%Y%m%dT%H%M%SZ")
    name = began.strftime("autosnap_%Y-%m-%d_%H:%M:%S_hourly")
    point = None
    for place in range(datasets):
        dataset = f"tank/VM/d{place:04}"
        run = f"{stamp}-{place if shape == 'apart' else 0:06x}"
        guid = str(10**18 + turn * datasets + place)
        if point is None or shape == "apart":
            point = {"format": 1, "run": run, "manager": "sanoid", "snapshots": [], "machines": []}
        point["snapshots"].append({"name": f"{dataset}@{name}", "guid": guid})
        claims = []
        for number in range(place, vms, datasets):
            vm, consistency, reason = f"vm{number:04}.example.com", "quiesced", ""
            notes = []
            if (number + turn) % 10 == 0:
                consistency, reason = "crash", reasons[number % 4]
                notes = [f"quiesce: {vm}: the guest agent did not answer within 5 s"]
            identity = f"c0ffee00-0000-4000-8000-{number:012}"
            point["machines"].append({
                "hypervisor": "local", "id": identity, "name": vm, "datasets": [dataset],
                "consistency": consistency, "frozenMilliseconds": 40 + number % 60, "notes": notes})
            claims.append(f"{vm}={consistency}" + (f":{reason}" if reason else ""))
            line = [run, "released", "sanoid", "local", identity, vm, dataset, name,
                    "crash-consistent" if reason else "quiesce", consistency, reason, str(40 + number % 60), "",
                    "4096"] + notes
            days.setdefault(began.strftime("%Y-%m-%d"), []).append("\n" + "\t".join(line))
        guids.append(f"{dataset}@{name}\tguid\t{guid}\n")
        runs.append(f"{dataset}@{name}\tlocal\t{run}\n")
        text = ",".join(claims)
        if len(text) > 1000:
            text = text[:text.rindex(",", 0, 1000)] + ",+1"
        words.append(f"{dataset}@{name}\tlocal\t{text}\n")
        if shape == "apart" or place == datasets - 1:
            with open(f"{points}/{run}.json", "w") as file:
                json.dump(point, file, indent=2, sort_keys=True)
for name, lines in (("guid", guids), ("run", runs), ("vms", words)):
    with open(f"{work}/{name}", "w") as file:
        file.writelines(lines)
for day, lines in days.items():
    with open(f"{history}/{day}.tsv", "w") as file:
        file.writelines(lines)
PYTHON
    cat >"$work/$1/bin/zfs" <<SCRIPT
#!/bin/sh
case "\$*" in
"list -H -o name -d 0") echo tank;;
list*) for name; do :; done; echo "\$name";;
get*" guid tank"*) cat $work/$1/guid;;
get*" stillpoint:run tank"*) cat $work/$1/run;;
get*" stillpoint:vms tank"*) cat $work/$1/vms;;
esac
SCRIPT
    chmod 755 "$work/$1/bin/zfs"
    printf '[stillpoint]\nstate_dir = %s/state\n' "$work/$1" >"$work/$1/stillpoint.conf"
    chmod -R go-w "$work/$1"
}

# measured SCENE WORD…: a line of the table
measured() {
    local scene=$1 lines
    shift
    PATH=$work/$scene/bin:$PATH /usr/bin/env python3 - "$bin/stillpoint" "$@" --config "$work/$scene/stillpoint.conf" \
        <<'PYTHON' >"$work/measured"
import os, subprocess, sys, tempfile, time

with tempfile.TemporaryFile() as output:
    began = time.monotonic()
    process = subprocess.Popen(sys.argv[1:], stdout=output)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - began
    output.seek(0)
    lines = sum(1 for _ in output)
    busy = usage.ru_utime + usage.ru_stime
    print(f"{took:.2f} {busy:.2f} {usage.ru_maxrss / 1024:.0f} {lines} {os.waitstatus_to_exitcode(status)}")
PYTHON
    read -r seconds busy memory lines code <"$work/measured"
    printf '%-38s %6s s (%6s of the processor) %5s MB %8s lines  exit %s\n' "$scene: $*" "$seconds" "$busy" "$memory" \
        "$lines" "$code"
}

printf '%s snapshots, %s VMs\n' "$snapshots" "$vms"
scene many "$vms" apart       # a run for each snapshot
scene recursive "$vms" together
scene whole 1 apart $((snapshots / vms)) # all VMs in each snapshot
scene crowded $((vms / 10)) apart # ten VMs in each snapshot: ten lines for each
for scene in many recursive whole crowded; do
    measured $scene list
    measured $scene list --json
    measured $scene status
    measured $scene explain vm0007.example.com
done
