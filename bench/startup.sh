#!/bin/sh
# How long muster takes to start, and how large it is: startup.sh [BUILD-FOLDER [ROUNDS]].
set -eu
muster=$(cd "${1:-build-bench}" && pwd)/muster
rounds=${2:-40}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export XDG_STATE_HOME="$scratch/state" XDG_CACHE_HOME="$scratch/cache"

# COMMAND...: median and range of its wall time in ms
measure() {
    "$@" >/dev/null 2>&1 || { echo failed; return; }
    for _ in $(seq "$rounds"); do
        begin=$(date +%s%N)
        "$@" >/dev/null 2>&1
        echo $((($(date +%s%N) - begin) / 1000))
    done | sort -n | awk '{ v[NR] = $1 / 1000 }
        END { printf "%.1f (%.1f-%.1f)", v[int((NR + 1) / 2)], v[1], v[NR] }'
}
"$muster" run -T local -b none >/dev/null 2>&1 # puts the agent in place
echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | sed 's/^ *//'), $(nproc) cores," \
    "Linux $(uname -r), $("$muster" --version); $rounds rounds"
echo
echo "| wall, ms: median (range), the starting of \`date\` included | |"
echo "|---|---|"
echo "| \`true\` | $(measure true) |"
echo "| \`muster --version\` | $(measure "$muster" --version) |"
echo "| \`python3 -c pass\` | $(measure /usr/bin/python3 -c pass) |"
echo "| \`muster run -T local -b none\`: one local server, no benchmark | $(measure "$muster" run -T local -b none) |"
strip -o "$scratch/stripped" "$muster"
echo
echo "Size of the program: $(stat -c %s "$scratch/stripped") bytes stripped, of which agents:" \
    "$(find "$(dirname "$muster")" -name 'muster-agent-*' -type f -exec stat -c '%n %s' {} + | sed 's|.*/||' | tr '\n' ' ')"
