#!/bin/sh
# The thread pool against Python's, GLib's and libuv's: exec.sh [BUILD-FOLDER [ROUNDS]]. All sides
# take turns, round by round, so that what else the machine does meets each; shown are medians, and
# the range behind them. A side whose library was not found is left out.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
programs=$(cd "${1:-build-bench}" && pwd)/bench
rounds=${2:-15}
python=/usr/bin/python3
jobs=200000
counts='1 2 4 8 16 32 64'
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

measure() { # SIDE THREADS
    case $1 in
    muster) "$programs/exec" "$2" $jobs ;;
    python) "$python" "$here/exec.py" "$2" $((jobs / 20)) ;; # or it would take minutes
    *) "$programs/exec_$1" "$2" $jobs ;;
    esac
}

sides='muster python'
for side in glib libuv; do
    [ ! -x "$programs/exec_$side" ] || sides="$sides $side"
done
for _ in $(seq "$rounds"); do
    for threads in $counts; do
        for side in $sides; do
            measure "$side" "$threads" >>"$scratch/$side.$threads"
        done
    done
done

show() { # FILE COLUMN FORMAT SCALE
    sort -n -k "$2,$2" "$1" | awk -v c="$2" -v f="$3 ($3-$3)" -v s="$4" '{ v[NR] = $c / s }
        END { printf f, v[int((NR + 1) / 2)], v[1], v[NR] }'
}
table() { # TITLE COLUMN FORMAT SCALE
    echo
    echo "| $1 | $(echo "$sides" | sed 's/ / | /g') |"
    echo "|---$(echo " $sides" | sed 's/ [a-z]*/|---/g')|"
    for threads in $counts; do
        printf '| %s |' "$threads"
        for side in $sides; do
            printf ' %s |' "$(show "$scratch/$side.$threads" "$2" "$3" "$4")"
        done
        echo
    done
}
version() { # LIBRARY
    pkg-config --modversion "$1" 2>/dev/null || echo "left out"
}
echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | sed 's/^ *//'), $(nproc) cores," \
    "$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release), Linux $(uname -r);" \
    "$("$python" --version), GLib $(version glib-2.0), libuv $(version libuv);" \
    "$rounds rounds of $jobs empty jobs ($((jobs / 20)) for Python)"
table 'threads: thousand jobs a second' 1 %.0f 1000
table 'threads: processor time, us a job' 2 %.2f 1
