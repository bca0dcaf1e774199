#!/bin/sh
# The gpu benchmark's numbers beside clpeak's, on the first OpenCL device of this machine, in turns.
#
# usage: bench/accuracy-gpu.sh [BUILD] [ROUNDS]
#
# clpeak prints a row for each width of its vectors; the best of them is what the device can do, and
# is what muster's one number stands beside. Medians of the rounds. Transfers are clpeak's
# enqueueWriteBuffer and enqueueReadBuffer. CUDA is hidden from both. Last, what a copy alone comes to
# where the two of them have their buffers.
set -eu
build=${1:-build}
rounds=${2:-5}
gpu=$build/gpu/muster-gpu-$(uname -m)
command -v clpeak >/dev/null || {
    echo "accuracy-gpu: clpeak is not installed: ./dev setup bench" >&2
    exit 2
}
export CUDA_VISIBLE_DEVICES=
results=$(mktemp)
trap 'rm -f "$results"' EXIT

clpeak_rows() {
    clpeak -p 0 -d 0 --compute-sp --global-bandwidth --transfer-bandwidth | awk '
        /bandwidth \(GBPS\)/ { section = /Transfer/ ? "transfer" : "memory_read" }
        /Single-precision/ { section = "fp32" }
        /^ *float[0-9]* *:/ && $NF > best[section] { best[section] = $NF }
        /enqueueWriteBuffer  *:/ { best["to_device"] = $NF }
        /enqueueReadBuffer  *:/ { best["from_device"] = $NF }
        END { for (s in best) print "clpeak", s, best[s] }'
}

muster_rows() {
    printf gg | "$gpu" 500 0 1 | awk '
        $1 == "problem" { print > "/dev/stderr" }
        $1 == "end" { ends++ }
        ends == 1 && /metric gpu0_/ {
            sub("gpu0_", "", $2)
            print "muster", $2, $2 == "fp32" ? $4 * 1000 : $4
        }'
}

i=0
while [ "$i" -lt "$rounds" ]; do
    clpeak_rows >>"$results"
    muster_rows >>"$results"
    i=$((i + 1))
done

median() { # WHO WHAT
    awk -v who="$1" -v what="$2" '$1 == who && $2 == what { print $3 }' "$results" | sort -g |
        awk '{ v[NR] = $1 } END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

printf '%-14s %-8s %10s %10s %10s\n' what unit clpeak muster difference
for row in fp32:GFLOP/s memory_read:GB/s to_device:GB/s from_device:GB/s; do
    what=${row%%:*}
    theirs=$(median clpeak "$what")
    ours=$(median muster "$what")
    if [ -z "$theirs" ] || [ -z "$ours" ]; then
        echo "$what: no number" >&2
        exit 1
    fi
    awk -v what="$what" -v unit="${row#*:}" -v a="$theirs" -v b="$ours" 'BEGIN {
        printf "%-14s %-8s %10.2f %10.2f %9.1f%%\n", what, unit, a, b, (b / a - 1) * 100 }'
done
echo
"$build/bench/copy" "$rounds"
