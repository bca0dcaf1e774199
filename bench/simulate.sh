#!/bin/sh
# A run of simulated servers without delay, everything on, against the same in Python:
# simulate.sh [BUILD-FOLDER [SERVERS [ROUNDS]]]. Both sides take turns; medians and ranges.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
muster=$(cd "${1:-build-bench}" && pwd)/muster
servers=${2:-10000}
rounds=${3:-9}
python=/usr/bin/python3
"$python" -c 'import structlog' || { echo "needs python3-structlog" >&2; exit 2; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export XDG_STATE_HOME="$scratch/state"

# NAME COMMAND...: appends `wall-ms cpu-ms` to $scratch/NAME
measure() {
    name=$1
    shift
    "$python" - "$scratch/$name" "$@" <<'PY'
import os, resource, subprocess, sys, time
begin = time.monotonic()
subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
wall = time.monotonic() - begin
r = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "a") as out:
    out.write(f"{wall * 1e3:.1f} {(r.ru_utime + r.ru_stime) * 1e3:.1f} {r.ru_maxrss / 1024:.0f}\n")
PY
}
for i in $(seq "$rounds"); do
    measure python "$python" "$here/tutorial.py" "$servers" 32 "$scratch/python.log"
    rm -rf "$scratch/state"
    measure muster "$muster" run "--simulate=servers=$servers,seed=$i,delay=0" -q \
        --log-file "$scratch/muster.log"
done

show() { # FILE COLUMN
    sort -n -k "$2,$2" "$1" | awk -v c="$2" '{ v[NR] = $c }
        END { printf "%.0f (%.0f-%.0f)", v[int((NR + 1) / 2)], v[1], v[NR] }'
}
median() {
    sort -n -k "$2,$2" "$1" | awk -v c="$2" '{ v[NR] = $c } END { print v[int((NR + 1) / 2)] }'
}
echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | sed 's/^ *//'), $(nproc) cores," \
    "Linux $(uname -r); $("$python" --version), $("$muster" --version); $servers servers, two" \
    "benchmarks each, $rounds rounds; files on $(stat -f -c %T "$scratch")"
echo
echo "| median (range) | wall, ms | processor time, ms | peak memory, MiB |"
echo "|---|---|---|---|"
echo "| Python, log to a file | $(show "$scratch/python" 1) | $(show "$scratch/python" 2) | $(show "$scratch/python" 3) |"
echo "| muster, log to a file, run's own log, store | $(show "$scratch/muster" 1) | $(show "$scratch/muster" 2) | $(show "$scratch/muster" 3) |"
echo
echo "wall: 1/$(echo "$(median "$scratch/python" 1) $(median "$scratch/muster" 1)" | awk '{ printf "%.1f", $1 / $2 }')," \
    "processor time: 1/$(echo "$(median "$scratch/python" 2) $(median "$scratch/muster" 2)" | awk '{ printf "%.1f", $1 / $2 }')"
