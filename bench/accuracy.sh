#!/bin/sh
# The built-in benchmarks beside the programs people install for the same: accuracy.sh [BUILD-FOLDER
# [ROUNDS]]. docs/ACCURACY.md says what is compared, how, and where those programs come from.
set -eu
build=$(cd "${1:-build-bench}" && pwd)
rounds=${2:-5}
cd "$(dirname "$0")"
echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | sed 's/^ *//'), $(nproc) CPUs, Linux $(uname -r)"
for part in cpu memory disk gpu spread; do
    echo
    echo "### $part"
    echo
    case $part in
    cpu | gpu) "./accuracy-$part.sh" "$build" "$rounds" ;;
    memory | disk) "./accuracy-$part.py" "$build/muster" "$rounds" ;;
    spread) "./accuracy-$part.py" "$build/muster" 20 ;;
    esac || echo "$part was not compared"
done
