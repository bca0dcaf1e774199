#!/bin/sh
# Cost of a server against servers and fan-out: growth.sh [BUILD-FOLDER [ROUNDS [PICTURES-FOLDER
# [PART...]]]]; see growth.py. Pictures go to docs/, if not told otherwise.
set -eu
build=$(cd "${1:-build-bench}" && pwd)
rounds=${2:-3}
here=$(cd "$(dirname "$0")" && pwd)
pictures=$(cd "${3:-$here/../docs}" && pwd)
if [ $# -gt 3 ]; then shift 3; else shift $#; fi
command -v gnuplot >/dev/null || {
    echo "growth: gnuplot is not installed: ./dev setup bench" >&2
    exit 2
}
if [ "$(id -u)" = 0 ]; then
    exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh \
        python3 "$here/growth.py" "$build" "$rounds" "$pictures" "$@"
fi
exec python3 "$here/growth.py" "$build" "$rounds" "$pictures" "$@"
