#!/bin/sh
# How often a verdict near the threshold is wrong: trials.sh [BUILD-FOLDER [REPEATS]].
set -eu
program=$(cd "${1:-build-bench}" && pwd)/bench/trials
shift $(($# > 0))
exec "$program" "$@"
