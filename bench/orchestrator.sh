#!/bin/sh
# What the main thread costs a server, and whether it keeps the workers supplied:
# orchestrator.sh [BUILD-FOLDER [ROUNDS [SERVERS...]]].
set -eu
build=$(cd "${1:-build-bench}" && pwd)
cd "$(dirname "$0")"
[ $# -eq 0 ] || shift
exec ./orchestrator.py "$build/muster" "$@"
