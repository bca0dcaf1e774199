#!/bin/sh
# Where a session's processor time goes, by phase and by library: phases.sh [BUILD-FOLDER [SERVERS]].
# Sessions as in sessions.py, sampled by perf. Functions must be there to be seen, as in a build with
#   meson setup BUILD-FOLDER -Dbench=true -Dc_args='-g -fno-inline-functions-called-once'
set -eu
build=$(cd "${1:-build-phases}" && pwd)
servers=${2:-2000}
here=$(cd "$(dirname "$0")" && pwd)
if [ "${MUSTER_BENCH_ISOLATED:-}" != yes ] && [ "$(id -u)" = 0 ]; then
    export MUSTER_BENCH_ISOLATED=yes
    exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh "$0" "$build" "$servers"
fi
scratch=$(mktemp -d)
fleet=''
trap 'kill $fleet 2>/dev/null || true; rm -rf "$scratch"' EXIT
export XDG_STATE_HOME="$scratch/state"
simulator=$build/bench/fleet_sim
[ -x "$simulator" ] || simulator=$build/test/support/fleet_sim
cd "$scratch"
ssh-keygen -q -t ed25519 -N '' -f id
ssh-keygen -q -t ed25519 -N '' -f host
"$simulator" --port 2222 --servers "$servers" --key id.pub --host-key host --write-inventory names \
    --write-known-hosts known_hosts </dev/null >fleet.out &
fleet=$!
until grep -qs ready fleet.out; do sleep 0.05; done
cat >config <<TXT
Port 2222
IdentityFile $scratch/id
IdentitiesOnly yes
UserKnownHostsFile $scratch/known_hosts
GlobalKnownHostsFile /dev/null
KexAlgorithms curve25519-sha256
TXT
cat >muster.yaml <<'TXT'
benchmarks:
  one: {command: echo 1, extract: {regex: (\d+)}, threshold: 0}
TXT
run() { # COMMAND...: through it
    "$@" "$build/muster" run -F config -q -i names -f 32 --log-file log >out
}
spent() { awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($14 + $15) * 1000 / hz }' "/proc/$$/stat"; }
before=$(spent)
for _ in 1 2 3; do run env; done
cpu=$(echo "$before $(spent) $servers" | awk '{ print ($2 - $1) / 3 / $3 }')
run perf record -q -o samples -F 4000 -e cpu-clock -g --call-graph dwarf,16384 2>perf.err
echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | sed 's/^ *//'), $(nproc) cores," \
    "Linux $(uname -r), $("$build/muster" --version); $servers servers"
perf script -i samples -F comm,tid,ip,sym,dso --no-inline 2>/dev/null | python3 "$here/phases.py" "$cpu"
