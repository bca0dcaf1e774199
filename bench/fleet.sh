#!/bin/sh
# How many servers at once: fleet.sh [BUILD-FOLDER [ROUNDS [AT-ONCE...]]]; see fleet.py.
set -eu
build=$(cd "${1:-build-bench}" && pwd)
rounds=${2:-5}
here=$(cd "$(dirname "$0")" && pwd)
if [ $# -gt 2 ]; then shift 2; else set -- 100 1000 10000; fi
if [ "$(id -u)" = 0 ]; then
    exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh \
        python3 "$here/fleet.py" "$build" "$rounds" "$@"
fi
exec python3 "$here/fleet.py" "$build" "$rounds" "$@"
