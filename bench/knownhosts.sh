#!/bin/bash
# What a known_hosts of 10,000 hidden names costs a server: knownhosts.sh [BUILD-FOLDER [ROUNDS]].
# muster: reading, once a run, and the search and judgement of each server. ssh: the processor time
# of a login, up to the refusal of the user, with the long file, less the same with one line; sshd is
# its ProxyCommand, so that nothing listens, and is in both.
set -euo pipefail
program=$(cd "${1:-build-bench}" && pwd)/bench/knownhosts
rounds=${2:-21}
lines=10000
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd

ssh-keygen -q -t ed25519 -N '' -f host
key=$(cut -d' ' -f1,2 host.pub)
seq -f "web%05g.example.org $key" "$((lines - 1))" >names
echo "server $key" | tee -a names >one
cp names plain
for file in names one; do ssh-keygen -q -H -f "$file" >/dev/null 2>&1; done
printf 'HostKey %s/host\nStrictModes no\nPidFile none\nLogLevel QUIET\n' "$PWD" >sshd_config

ssh_ms() { # FILE: processor time of one refused login, in ms
    local TIMEFORMAT='%U %S'
    { time ssh -F none -o BatchMode=yes -o PreferredAuthentications=none -o LogLevel=ERROR \
        -o KexAlgorithms=curve25519-sha256 -o UserKnownHostsFile="$scratch/$1" \
        -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes \
        -o ProxyCommand="/usr/sbin/sshd -i -f $scratch/sshd_config" server true >said 2>&1 </dev/null ||
        true; } 2>&1 | awk '{ print ($1 + $2) * 1000 }'
    grep -q 'Permission denied' said
}
summary() { # numbers on standard input: median (range)
    sort -g | awk '{ v[NR] = $1 } END { printf "%s (%s-%s)", v[int((NR + 1) / 2)], v[1], v[NR] }'
}
for _ in $(seq "$rounds"); do
    for file in names plain; do
        "$program" "$file" server 20 >>"muster-$file"
        ssh_ms $file >"with-$file"
        ssh_ms one >without
        paste "with-$file" without | awk '{ print $1 - $2 }' >>"ssh-$file"
    done
done
echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | sed 's/^ *//'), $(nproc) cores," \
    "Linux $(uname -r), $(ssh -V 2>&1); $rounds rounds"
echo
echo "| processor time for $lines lines, ms, median (range) | hidden names | plain names |"
echo "|---|---|---|"
echo "| muster, once a run | $(cut -d' ' -f1 muster-names | summary) | $(cut -d' ' -f1 muster-plain | summary) |"
echo "| muster, a server | $(cut -d' ' -f2 muster-names | summary) | $(cut -d' ' -f2 muster-plain | summary) |"
echo "| ssh, a server | $(summary <ssh-names) | $(summary <ssh-plain) |"
