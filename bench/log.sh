#!/bin/sh
# The log against structlog: log.sh [BUILD-FOLDER [ROUNDS]]. Both sides take turns, round by round,
# with the same lines into files of the same folder; shown are medians, and the range behind them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=$(cd "${1:-build-bench}" && pwd)/bench/log
rounds=${2:-7}
python=/usr/bin/python3
"$python" -c 'import structlog' || { echo "needs python3-structlog" >&2; exit 2; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The burst fits into the log's memory, so that no call waits for the disk; of 3,000,000 lines the
# callers log faster than they can be written, and wait.
round() { # NAME COMMAND...
    name=$1
    shift
    "$@" "$scratch/file" >>"$scratch/$name"
}
for _ in $(seq "$rounds"); do
    for threads in 1 8; do
        round "structlog, $threads threads" "$python" "$here/log.py" $threads 20000
        round "muster, $threads threads, burst of 200,000" "$program" $threads 200000
        round "muster, $threads threads, 3,000,000" "$program" $threads 3000000
    done
done

show() { # FILE COLUMN
    sort -n -k "$2,$2" "$1" | awk -v c="$2" '{ v[NR] = $c }
        END { printf "%d (%d-%d)", v[int((NR + 1) / 2)], v[1], v[NR] }'
}
version=$("$python" -c 'from importlib.metadata import version; print(version("structlog"))')
echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | sed 's/^ *//'), $(nproc) cores," \
    "Linux $(uname -r); $("$python" --version), structlog $version;" \
    "$rounds rounds, one file on $(stat -f -c %T "$scratch")"
echo
echo "| ns a line, median (range) | call | until written | processor time | lines a second |"
echo "|---|---|---|---|---|"
for name in "structlog, 1 threads" "muster, 1 threads, burst of 200,000" \
    "muster, 1 threads, 3,000,000" "structlog, 8 threads" \
    "muster, 8 threads, burst of 200,000" "muster, 8 threads, 3,000,000"; do
    file=$scratch/$name
    rate=$(sort -n -k 2,2 "$file" |
        awk '{ v[NR] = $2 } END { printf "%.0f", 1e9 / v[int((NR + 1) / 2)] }')
    echo "| $(echo "$name" | sed 's/ 1 threads/ 1 thread/') | $(show "$file" 1) | $(show "$file" 2) |" \
        "$(show "$file" 3) | $rate |"
done
