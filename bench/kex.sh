#!/bin/sh
# What each key exchange and each cipher costs: kex.sh [BUILD-FOLDER [ROUNDS [SERVERS [SLOW]]]]; see
# kex.py. As root, because the sshd is reached as root at its addresses, and in a network of its own.
set -eu
build=$(cd "${1:-build-bench}" && pwd)
[ "$(id -u)" = 0 ] || { echo "as root, please" >&2; exit 2; }
exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh \
    python3 "$(cd "$(dirname "$0")" && pwd)/kex.py" "$build" "${2:-7}" "${3:-500}" "${4:-50}"
