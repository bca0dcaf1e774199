#!/bin/sh
# Servers behind one jump host, through muster, `ssh -J` under xargs, and pdsh:
# jump.sh [BUILD-FOLDER [SERVERS [FANOUT [ROUNDS]]]].
#
# The jump host and the servers are real sshds on this machine, each server's name an address of
# 127.1.0.0/16 that one of them listens on, for root in a network namespace of its own. Each program logs in
# and runs `true`. Rounds are interleaved; what is printed is medians. CPU is that of the client's
# processes alone.
set -eu
build=$(cd "${1:-build-bench}" && pwd)
servers=${2:-1000} fanout=${3:-256} rounds=${4:-3}
if [ "${MUSTER_BENCH_ISOLATED:-}" != yes ] && [ "$(id -u)" = 0 ]; then
    export MUSTER_BENCH_ISOLATED=yes
    exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh "$0" "$build" "$servers" "$fanout" "$rounds"
fi
scratch=$(mktemp -d)
jump_pid='' server_pid=''
trap 'kill $jump_pid $server_pid 2>/dev/null; rm -rf "$scratch"' EXIT
export XDG_STATE_HOME="$scratch/state" XDG_CACHE_HOME="$scratch/cache"
cd "$scratch"

ssh-keygen -q -t ed25519 -N '' -f id
ssh-keygen -q -t ed25519 -N '' -f host
cp id.pub authorized
chmod 600 authorized
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
start_sshd() { # NAME ADDRESS...
    name=$1
    shift
    {
        for address; do echo "ListenAddress $address"; done
        cat <<TXT
Port 2222
HostKey $scratch/host
AuthorizedKeysFile $scratch/authorized
PidFile $scratch/$name.pid
StrictModes no
UsePAM no
PasswordAuthentication no
MaxStartups 1000
LogLevel VERBOSE
SetEnv SHLVL=2
TXT
    } >"$name.conf"
    $(command -v sshd || echo /usr/sbin/sshd) -f "$name.conf" -E "$scratch/$name.log"
    for _ in $(seq 100); do
        [ ! -s "$name.pid" ] || break
        sleep 0.05
    done
}
start_sshd jump 127.0.0.2
start_sshd servers 0.0.0.0:2223
jump_pid=$(cat jump.pid) server_pid=$(cat servers.pid)
seq "$servers" | awk '{ printf "127.1.%d.%d\n", $1 / 200, $1 % 200 + 1 }' >names
key=$(cut -d' ' -f1,2 host.pub)
printf '[127.0.0.2]:2222 %s\n[127.1.*]:2223 %s\n' "$key" "$key" >known_hosts
cat >config <<TXT
Host 127.0.0.2
  Port 2222
Host 127.1.*
  Port 2223
  ProxyJump 127.0.0.2
Host *
  User $(id -un)
  IdentityFile $scratch/id
  IdentitiesOnly yes
  UserKnownHostsFile $scratch/known_hosts
  GlobalKnownHostsFile /dev/null
  BatchMode yes
  KexAlgorithms curve25519-sha256
TXT

run_muster() {
    "$build/muster" run -F config -i names -f "$fanout" -b none --json -q >out
    jq .passed out
}
run_xargs() {
    xargs -P "$fanout" -I{} sh -c 'ssh -F config {} true && echo {} || true' <names 2>err | wc -l
}
run_pdsh() {
    PDSH_SSH_ARGS_APPEND="-F $scratch/config" pdsh -R ssh -f "$fanout" -w ^names true >err 2>&1 || true
    echo $((servers - $(grep -c 'ssh exited' err || true)))
}
# the most ssh programs of this network namespace at a time, sampled, while PID runs
most_processes() {
    most=0
    while kill -0 "$1" 2>/dev/null; do
        n=$(pgrep -c -x --ns $$ --nslist net ssh || true)
        [ "$n" -le "$most" ] || most=$n
        sleep 0.2
    done
    echo "$most"
}
# NAME: appends "wall CPU reached logins processes" to NAME.runs
measure() {
    : >jump.log
    before=$(times_of_children)
    begin=$(date +%s%N)
    "run_$1" >reached &
    pid=$!
    most_processes "$pid" >most &
    sampler=$!
    wait "$pid" || true
    took=$((($(date +%s%N) - begin) / 1000000))
    after=$(times_of_children)
    wait "$sampler" || true
    echo "$took $((after - before)) $(cat reached) $(grep -c 'Accepted publickey' jump.log || true) $(cat most)" >>"$1.runs"
}
# in ms, user and system, of this shell's children that have ended
times_of_children() {
    awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print int(($14 + $15) * 1000 / hz) }' "/proc/$$/stat"
}
median() { # FILE COLUMN
    awk -v c="$2" '{ print $c }' "$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
programs='muster xargs'
! command -v pdsh >/dev/null || programs="$programs pdsh"
for _ in $(seq "$rounds"); do
    for program in $programs; do measure "$program"; done
done
echo "$servers servers, fan-out $fanout, $(nproc) cores, medians of $rounds interleaved rounds"
echo
echo '| | wall, s | client CPU a server, ms | reached | logins at the jump host | ssh processes at once |'
echo '|---|---|---|---|---|---|'
for program in $programs; do
    awk -v name="$program" -v n="$servers" -v wall="$(median "$program.runs" 1)" -v cpu="$(median "$program.runs" 2)" \
        -v reached="$(median "$program.runs" 3)" -v logins="$(median "$program.runs" 4)" -v most="$(median "$program.runs" 5)" \
        'BEGIN { printf "| %s | %.1f | %.1f | %d | %d | %d |\n", name, wall / 1000, cpu / n, reached, logins, most }'
done
