#!/bin/bash
# bench.sh BIN_DIR [GUESTS] [ROUNDS]: measures the hooks in BIN_DIR against the serial virsh recipe and the bare
# concurrent program, all in one run in the lab, and prints one table. Call it through `make bench`.
set -euo pipefail
bin=$1 guests=${2:-6} rounds=${3:-10}
lab_folder=$(dirname "$LAB")

median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
# timed FILE CMD…: appends the milliseconds that CMD took
timed() {
    local file=$1 begin end
    shift
    begin=$(date +%s%N)
    "$@"
    end=$(date +%s%N)
    echo $(((end - begin) / 1000000)) >>"$file"
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

work=$LAB_DIR/bench
mkdir -p "$work" /etc/stillpoint
names=()
"$LAB" dataset bench >/dev/null
for i in $(seq "$guests"); do
    "$LAB" guest "bench$i" --dataset bench >/dev/null
    names+=("bench$i")
done
"$LAB" wait "${names[@]}"
printf '[stillpoint]\noverlay_dir = %s\n[%s/ignored]\nstrategy = ignore\n' "$LAB_DIR/overlays" "$LAB_POOL" \
    >/etc/stillpoint/stillpoint.conf
"$LAB" dataset ignored >/dev/null
"$LAB" dataset empty >/dev/null
tool=$("$LAB" bench-tool)
dataset=$LAB_POOL/bench

# frozen_of NAME COMMAND…: the windows that guest NAME reports while COMMAND runs, one line a window
frozen_of() {
    local name=$1 before
    shift
    before=$("$LAB" frozen "$name" | wc -l)
    "$@"
    sleep 0.3
    "$LAB" frozen "$name" | tail -n +$((before + 1))
}

# round KIND SUFFIX NAME…: one freeze and release by one of the three programs
round() {
    local kind=$1 suffix=$2 snapshot=$dataset@$RANDOM$RANDOM
    shift 2
    case $kind in
    serial)
        timed "$work/serial.pre$suffix" "$lab_folder/serial-recipe.sh" pre "$@"
        timed "$work/serial.post$suffix" "$lab_folder/serial-recipe.sh" post "$@"
        ;;
    bare)
        timed "$work/bare.pre$suffix" "$tool" pre "$LAB_DIR/overlays" "$@"
        timed "$work/bare.post$suffix" "$tool" post "$LAB_DIR/overlays" "$@"
        ;;
    stillpoint)
        timed "$work/stillpoint.pre$suffix" "$bin/pre-snapshot" "$snapshot"
        zfs snapshot "$snapshot"
        timed "$work/stillpoint.post$suffix" "$bin/post-snapshot" "$snapshot" 2>>"$work/stillpoint.log"
        zfs destroy "$snapshot"
        ;;
    esac
}

# The three take turns, so that a change of the machine's load meets all of them.
for _ in $(seq "$rounds"); do
    for kind in serial bare stillpoint; do
        frozen_of bench1 round $kind "" "${names[@]}" >>"$work/$kind.frozen"
    done
done

echo "guests: $guests, rounds: $rounds, medians in ms"
printf '%-34s %8s %8s %8s %8s\n' program pre post sum frozen
declare -A sum frozen
for kind in serial bare stillpoint; do
    pre=$(median <"$work/$kind.pre") post=$(median <"$work/$kind.post")
    sum[$kind]=$(awk -v a="$pre" -v b="$post" 'BEGIN { print a + b }')
    frozen[$kind]=$(median <"$work/$kind.frozen")
    printf '%-34s %8s %8s %8s %8s\n' $kind "$pre" "$post" "${sum[$kind]}" "${frozen[$kind]}"
done
echo "serial / stillpoint:        $(ratio "${sum[serial]}" "${sum[stillpoint]}")  (budget: at least 4)"
echo "stillpoint / bare:          $(ratio "${sum[stillpoint]}" "${sum[bare]}")  (budget: at most 1.5)"
echo "frozen, all at once / one after another: $(ratio "${frozen[stillpoint]}" "${frozen[serial]}")"

# One guest frozen at a time, the others running: virsh as it comes (the overlay beside the disk), virsh with the
# overlay where Stillpoint has it, Stillpoint, and a freeze and a thaw by a C program with nothing in between, which no
# program can go below.
only=$work/only.conf
{ cat /etc/stillpoint/stillpoint.conf; printf '[vm bench1]\nstrategy = quiesce\n[vm *]\nstrategy = ignore\n'; } >"$only"
virsh_once() {
    virsh -q snapshot-create-as bench1 once --disk-only --atomic --quiesce --no-metadata "$@" >/dev/null
    virsh -q blockcommit bench1 vda --active --pivot --wait >/dev/null
    rm -f "/$dataset/bench1-vda.once" "$LAB_DIR/overlays/once.qcow2"
}
stillpoint_once() {
    "$bin/pre-snapshot" --config "$only" "$dataset@once"
    # It says that no snapshot was taken.
    "$bin/post-snapshot" --config "$only" "$dataset@once" 2>>"$work/stillpoint.log" || true
}
for _ in $(seq "$rounds"); do
    frozen_of bench1 virsh_once >>"$work/once.default"
    frozen_of bench1 virsh_once --diskspec "vda,file=$LAB_DIR/overlays/once.qcow2" >>"$work/once.apart"
    frozen_of bench1 stillpoint_once >>"$work/once.stillpoint"
    frozen_of bench1 "$tool" window "$LAB_DIR/overlays" bench1 >>"$work/once.nothing"
done
default=$(median <"$work/once.default") apart=$(median <"$work/once.apart") ours=$(median <"$work/once.stillpoint")
nothing=$(median <"$work/once.nothing")
echo "one guest frozen, $guests running, medians of $rounds in ms"
printf '%-34s %8s\n' "snapshot-create-as --quiesce" "$default" "  with the overlay elsewhere" "$apart" stillpoint "$ours" \
    "freeze and thaw, nothing between" "$nothing"
echo "stillpoint / snapshot-create-as:    $(ratio "$ours" "$default")  (budget: at most 0.5; nothing between: $(ratio "$nothing" "$default"))"

# Small costs: many rounds of what does nothing, taking turns as well.
${CC:-cc} -O2 -x c -o "$work/empty" - <<<'int main(void) { return 0; }'
# small NAME CMD…: notes the microseconds that CMD took
small() {
    local file=$work/small.$1 begin end
    shift
    begin=$(date +%s%N)
    "$@" >/dev/null 2>&1
    end=$(date +%s%N)
    echo $(((end - begin) / 1000)) >>"$file"
}
turns=60
for _ in $(seq $turns); do
    small empty "$work/empty"
    small post "$bin/post-snapshot" "$dataset@none"
    small ignore "$bin/pre-snapshot" "$LAB_POOL/ignored@none"
    small none "$bin/pre-snapshot" "$LAB_POOL/empty@none"
    small virsh virsh list
done
empty=$(median <"$work/small.empty") none=$(median <"$work/small.none") virsh=$(median <"$work/small.virsh")
echo "medians of $turns in µs"
over() { awk -v a="$1" -v b="$empty" 'BEGIN { printf "%+.1f ms", (a - b) / 1000 }'; }
printf '%-34s %8s\n' "empty process" "$empty"
for kind in post ignore; do
    took=$(median <"$work/small.$kind")
    [ $kind = post ] && what="post without a run" || what="pre, strategy ignore"
    printf '%-34s %8s  %s (budget: at most +5 ms)\n' "$what" "$took" "$(over "$took")"
done
printf '%-34s %8s\n' "virsh list" "$virsh"
printf '%-34s %8s  %s of virsh list (budget: at most 1)\n' "pre, no VM on the dataset" "$none" "$(ratio "$none" "$virsh")"
