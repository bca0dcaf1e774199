#!/bin/sh
# What reading ssh_config costs a server, beside `ssh -G`: sshconfig.sh [BUILD-FOLDER [ROUNDS]].
set -eu
print=$(cd "${1:-build-bench}" && pwd)/bench/sshconfig_print
rounds=${2:-50}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

host_block() { # PATTERN
    printf 'Host %s\n  HostName %%h.example.org\n  User bench\n  Port 2222\n' "$1"
}
usual() {
    echo 'Host *'
    echo '  ServerAliveInterval 30'
    echo '  SendEnv LANG LC_*'
    echo '  IdentityFile ~/.ssh/id_ed25519'
    echo '  HashKnownHosts yes'
}
{
    for name in bastion 'web*' 'db*.example.org'; do host_block "$name"; done
    usual
} >"$scratch/small"
{
    for i in $(seq 1248); do host_block "server$i"; done
    usual
} >"$scratch/names"
{
    for i in $(seq 1248); do host_block "rack$i-*"; done
    usual
} >"$scratch/patterns"
{
    for i in $(seq 1248); do printf 'Match host rack%s-*\n  User u\n  Port 2222\n  Compression no\n' "$i"; done
    usual
} >"$scratch/matches"

# FILE HOST: muster's time of a server in us and of reading in ms
muster() { echo "$2" | "$print" -t "$rounds" "$1"; }

# FILE HOST: median wall time of ssh -G in us, the starting of `date` included
ssh_g() {
    for _ in $(seq "$rounds"); do
        begin=$(date +%s%N)
        ssh -T -G -F "$1" "$2" >/dev/null
        echo $((($(date +%s%N) - begin) / 1000))
    done | sort -n | sed -n "$(((rounds + 1) / 2))p"
}

echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | sed 's/^ *//'), $(nproc) cores," \
    "Linux $(uname -r), $(ssh -V 2>&1 | cut -d, -f1); $rounds rounds of 100 servers"
echo
echo "| configuration | lines | muster, us a server | muster, reading it once, ms | \`ssh -G\`, us a server |"
echo "|---|---|---|---|---|"
while read -r file host words; do
    # shellcheck disable=SC2046
    set -- $(muster "$scratch/$file" "$host")
    echo "| $words | $(wc -l <"$scratch/$file") | $1 | $2 | $(ssh_g "$scratch/$file" "$host") |"
done <<TXT
small web7 a few blocks of Host
names server1200 a Host with a plain name each
patterns rack1200-7 a Host with a pattern each
matches rack1200-7 a Match host each
TXT
