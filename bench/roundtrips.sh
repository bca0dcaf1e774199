#!/bin/sh
# What a server that is far away costs in time: roundtrips.sh [BUILD-FOLDER [DELAY-MS [ROUNDS]]].
#
# A real sshd behind a proxy that makes a round trip last DELAY-MS (50), and the same sshd without
# it. `ssh true` against a run of muster on one server with one command benchmark, the agent there
# already. The difference of both ways, by the delay, is the number of round trips.
set -eu
build=$(cd "${1:-build-bench}" && pwd)
delay=${2:-50} rounds=${3:-15}
here=$(cd "$(dirname "$0")" && pwd)
if [ "${MUSTER_BENCH_ISOLATED:-}" != yes ] && [ "$(id -u)" = 0 ]; then
    export MUSTER_BENCH_ISOLATED=yes
    exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh "$here/roundtrips.sh" "$build" "$delay" "$rounds"
fi
scratch=$(mktemp -d)
sshd_pid='' proxy_pid=''
trap 'kill $sshd_pid $proxy_pid 2>/dev/null; rm -rf "$scratch"' EXIT
export XDG_STATE_HOME="$scratch/state" XDG_CACHE_HOME="$scratch/cache"
cd "$scratch"
ssh-keygen -q -t ed25519 -N '' -f id
ssh-keygen -q -t ed25519 -N '' -f host
cp id.pub authorized
chmod 600 authorized
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
cat >sshd_config <<TXT
ListenAddress 127.0.9.1:2222
HostKey $scratch/host
AuthorizedKeysFile $scratch/authorized
PidFile $scratch/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
SetEnv SHLVL=2
TXT
$(command -v sshd || echo /usr/sbin/sshd) -f sshd_config -E sshd.log
"$here/../test/support/latency_proxy.py" 127.0.9.2:2222 127.0.9.1:2222 "$delay" >turns &
proxy_pid=$!
until [ -s sshd.pid ] && grep -q ready turns; do sleep 0.05; done
sshd_pid=$(cat sshd.pid)
echo "[127.0.9.*]:2222 $(cut -d' ' -f1,2 host.pub)" >known_hosts
cat >config <<TXT
Port 2222
User $(id -un)
IdentityFile $scratch/id
IdentitiesOnly yes
UserKnownHostsFile $scratch/known_hosts
GlobalKnownHostsFile /dev/null
BatchMode yes
TXT
cat >muster.yaml <<'TXT'
benchmarks:
  one: {command: echo 1, extract: {regex: (\d+)}, threshold: 0}
TXT

run_ssh() { ssh -F config "$1" true; }
run_muster() { "$build/muster" run -F config -q "$1" >out; }

# NAME ADDRESS: appends the wall time in ms
take() {
    begin=$(date +%s%N)
    "run_$1" "$2"
    echo $((($(date +%s%N) - begin) / 1000)) | awk '{ print $1 / 1000 }' >>"times.$1.$2"
}
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { printf "%.0f", v[int((NR + 1) / 2)] }'; }
told() { sort -n "$1" | awk '{ v[NR] = $1 } END { printf "%.0f (%.0f-%.0f)", v[int((NR + 1) / 2)], v[1], v[NR] }'; }
row() { # NAME TITLE
    near=$(median "times.$1.127.0.9.1") far=$(median "times.$1.127.0.9.2")
    echo "| $2 | $(told "times.$1.127.0.9.1") | $(told "times.$1.127.0.9.2") |" \
        "$(echo "$near $far $delay" | awk '{ printf "%.1f", ($2 - $1) / $3 }') |"
}

run_muster 127.0.9.1 # puts the agent in place
for _ in $(seq "$rounds"); do
    for address in 127.0.9.1 127.0.9.2; do
        take ssh "$address"
        take muster "$address"
    done
done
echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | sed 's/^ *//'), $(nproc) cores," \
    "Linux $(uname -r), $(ssh -V 2>&1 | cut -d, -f1), $("$build/muster" --version); $rounds rounds"
echo
echo "| wall, ms, median (range) | near | $delay ms away | round trips |"
echo "|---|---|---|---|"
row ssh "\`ssh server true\`"
row muster "\`muster run\`: facts, one benchmark, verdict, store"
echo
echo "muster's median by ssh's, $delay ms away:" \
    "$(echo "$(median times.muster.127.0.9.2) $(median times.ssh.127.0.9.2)" | awk '{ printf "%.2f", $1 / $2 }')"
