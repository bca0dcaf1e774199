#!/bin/bash
# What looking names up costs a server: names.sh [BUILD-FOLDER [SERVERS [ROUNDS]]].
#
# SERVERS (10,000) names in an /etc/hosts of this run's own, each of another address of 127.0.0.0/8,
# on which nothing listens. muster at fan-out 1,000 over ssh, all of them refused: by name, by
# address, and by name where muster may not read /etc/hosts itself and asks getaddrinfo() for each.
# Against it getent, all names in one process (which is getaddrinfo() for each, and nothing else),
# and in a process for each name. All take turns; processor time, medians and ranges.
set -euo pipefail
build=$(cd "${1:-build-bench}" && pwd)
servers=${2:-10000} rounds=${3:-5}
here=$(cd "$(dirname "$0")" && pwd)
if [ "${MUSTER_BENCH_ISOLATED:-}" != yes ]; then
    export MUSTER_BENCH_ISOLATED=yes
    user=$([ "$(id -u)" = 0 ] || echo r) # who is not root is, there
    exec unshare "-${user}nm" "$here/names.sh" "$build" "$servers" "$rounds"
fi
scratch=$(mktemp -d)
trap 'cd /; umount /etc/hosts /etc/nsswitch.conf; rm -rf "$scratch"' EXIT
cd "$scratch"
export XDG_STATE_HOME=$scratch/state XDG_CACHE_HOME=$scratch/cache

ip link set lo up
for ((i = 1; i <= servers; i++)); do
    echo "127.$((1 + i / 62500)).$((i / 250 % 250)).$((1 + i % 250)) server$i.example.org server$i"
done >lines
cut -d' ' -f1 lines >addresses
cut -d' ' -f3 lines >names
echo '127.0.0.1 localhost' | cat - lines >hosts
echo 'hosts: files' >first
echo 'hosts: files [SUCCESS=return]' >asked
echo 'benchmarks: {}' >muster.yaml
mount --bind hosts /etc/hosts
cp first nsswitch
mount --bind nsswitch /etc/nsswitch.conf

# NAME PER COMMAND...: appends the microseconds of processor time for each of PER to the file NAME
measure() {
    local name=$1 per=$2 TIMEFORMAT='%U %S %R'
    shift 2
    { time "$@" >said 2>&1 </dev/null || true; } 2>&1 |
        awk -v per="$per" '{ print ($1 + $2) * 1e6 / per, $3 }' >>"$name"
}
muster_by() { # FILE-OF-SERVERS SERVICES
    cat "$2" >nsswitch
    "$build/muster" run -i "$1" -F none -p 1 -f 1000 --retries 0 -q --json | grep -c '"connection refused by' || true
}
one_by_one() {
    local name
    for name in $(head -n "$few" names); do getent ahosts "$name"; done
}
few=$((servers < 200 ? servers : 200))
mapfile -t all <names
for _ in $(seq "$rounds"); do
    measure by-address "$servers" muster_by addresses first
    [ "$(cat said)" = "$servers" ]
    measure by-name "$servers" muster_by names first
    [ "$(cat said)" = "$servers" ]
    measure by-getaddrinfo "$servers" muster_by names asked
    [ "$(cat said)" = "$servers" ]
    measure getent "$servers" getent ahosts "${all[@]}"
    measure getent-each "$few" one_by_one
done

summary() { # FILE COLUMN: median (range)
    cut -d' ' -f"$2" "$1" | sort -g | awk '{ v[NR] = $1 } END { printf "%.4g (%.4g-%.4g)", v[int((NR + 1) / 2)], v[1], v[NR] }'
}
less() { # of each round: what FILE costs more than by-address
    paste -d' ' "$1" by-address | awk '{ print $1 - $3 }' >"$1-less"
    summary "$1-less" 1
}
echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | sed 's/^ *//'), $(nproc) cores," \
    "Linux $(uname -r), $(getent --version | head -n 1); $servers servers, $rounds rounds"
echo
echo "| processor time a server, us, median (range) | in all | for the look-up | wall, s |"
echo "|---|---|---|---|"
echo "| muster, by address | $(summary by-address 1) | | $(summary by-address 2) |"
echo "| muster, by name | $(summary by-name 1) | $(less by-name) | $(summary by-name 2) |"
echo "| muster, by name, asking getaddrinfo() | $(summary by-getaddrinfo 1) | $(less by-getaddrinfo) | $(summary by-getaddrinfo 2) |"
echo "| getent ahosts, all in one process | | $(summary getent 1) | $(summary getent 2) |"
echo "| getent ahosts, a process each | | $(summary getent-each 1) | |"
