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
memory=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$scratch" "$memory"' EXIT

# NAME COMMAND...: appends `wall-ms cpu-ms peak-MiB` to $scratch/NAME. That servers failed is status 1.
measure() {
    name=$1
    shift
    "$python" - "$scratch/$name" "$@" <<'PY'
import resource, subprocess, sys, time
begin = time.monotonic()
status = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL).returncode
wall = time.monotonic() - begin
if status not in (0, 1):
    sys.exit(f"{sys.argv[2]} ended with status {status}")
r = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "a") as out:
    out.write(f"{wall * 1e3:.1f} {(r.ru_utime + r.ru_stime) * 1e3:.1f} {r.ru_maxrss / 1024:.0f}\n")
PY
}
# NAME FOLDER SEED: a run with a new store in FOLDER, its logs there too
measure_muster() {
    rm -rf "$2/state" "$2/muster.log"
    XDG_STATE_HOME="$2/state" measure "$1" "$muster" run -q --log-file "$2/muster.log" \
        "--simulate=servers=$servers,seed=$3,delay=0"
}
for i in $(seq "$rounds"); do
    measure python "$python" "$here/tutorial.py" "$servers" 32 "$scratch/python.log"
    measure_muster muster "$scratch" "$i"
    measure_muster muster_in_memory "$memory" "$i"
done

show() { # FILE COLUMN
    sort -n -k "$2,$2" "$1" | awk -v c="$2" '{ v[NR] = $c }
        END { printf "%.0f (%.0f-%.0f)", v[int((NR + 1) / 2)], v[1], v[NR] }'
}
median() {
    sort -n -k "$2,$2" "$1" | awk -v c="$2" '{ v[NR] = $c } END { print v[int((NR + 1) / 2)] }'
}
row() { # TITLE FILE
    echo "| $1 | $(show "$scratch/$2" 1) | $(show "$scratch/$2" 2) | $(show "$scratch/$2" 3) |"
}
ratio() { # COLUMN
    echo "$(median "$scratch/python" "$1") $(median "$scratch/muster" "$1")" |
        awk '{ printf "%.1f", $1 / $2 }'
}
echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | sed 's/^ *//'), $(nproc) cores," \
    "Linux $(uname -r); $("$python" --version), $("$muster" --version); $servers servers, two" \
    "benchmarks each, $rounds rounds; files on $(stat -f -c %T "$scratch")"
echo
echo "| median (range) | wall, ms | processor time, ms | peak memory, MiB |"
echo "|---|---|---|---|"
row "Python, log to a file" python
row "muster, log to a file, run's own log, store" muster
row "the same, all files in memory (/dev/shm)" muster_in_memory
echo
echo "Python's median by muster's: wall $(ratio 1), processor time $(ratio 2)"
