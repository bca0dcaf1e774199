#!/bin/sh
# Recall and false alarms of the judgement over noise and size of fault, beside fixed limits and
# mean and sigma: judgement.sh [BUILD-FOLDER [SERVERS [NOISES [SIZES]]]]. docs/JUDGEMENT.md has it.
set -eu
build=$(cd "${1:-build-bench}" && pwd)
cd "$(dirname "$0")"
[ $# -eq 0 ] || shift
exec ./judgement.py "$build/muster" "$@"
