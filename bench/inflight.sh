#!/bin/sh
# What one muster has in hand at once: inflight.sh [BUILD-FOLDER [PART...]]; see inflight.py.
set -eu
build=$(cd "${1:-build-bench}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 0 ] || shift
if [ "$(id -u)" = 0 ]; then
    exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh python3 "$here/inflight.py" "$build" "$@"
fi
exec python3 "$here/inflight.py" "$build" "$@"
