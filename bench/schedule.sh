#!/bin/sh
# Wall time over servers that take very different times, in order and with --longest-first, against
# what no schedule can beat: schedule.sh [BUILD-FOLDER [SCALE [FANOUT [SEEDS [SERVERS...]]]]].
set -eu
build=$(cd "${1:-build-bench}" && pwd)
cd "$(dirname "$0")"
[ $# -eq 0 ] || shift
exec ./schedule.py "$build/muster" "$@"
