#!/bin/sh
# What a session costs, muster's and others':
# sessions.sh [BUILD-FOLDER [ROUNDS [SIMULATED [REAL [DEFAULT [ANSIBLE]]]]]]; see sessions.py. As
# root, because the sshd is reached as root at its addresses, and in a network of its own.
set -eu
build=$(cd "${1:-build-bench}" && pwd)
[ "$(id -u)" = 0 ] || { echo "as root, please" >&2; exit 2; }
exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh \
    python3 "$(cd "$(dirname "$0")" && pwd)/sessions.py" "$build" \
    "${2:-5}" "${3:-1000}" "${4:-200}" "${5:-200}" "${6:-100}"
