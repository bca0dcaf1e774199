#!/usr/bin/env bats
# From a server's name to its SSH banner: what the network can do to a run, and what only the ssh
# program can.

load common.bash

setup() {
    scratch
    ssh_material
    printf 'benchmarks:\n  n: {command: "echo 80", extract: {regex: "([0-9]+)"}}\n' >muster.yaml
}
teardown() { scratch_done; }

# what one attempt comes to
muster_ssh() {
    muster run -F "$T/ssh_config" --retries 0 "$@"
}

reason_is() {
    json_is '.servers[0].reason' "$1"
}
detail_is() {
    json_is '.servers[0].detail' "$1"
}
detail_has() {
    json_is ".servers[0].detail | contains(\"$1\")" true
}

# known_hosts for these names or addresses
know() {
    local name
    for name in "$@"; do
        echo "[$name]:2222 $(cut -d' ' -f1,2 "$T/host.pub")" >>"$T/known_hosts"
    done
}

need_root() {
    [ "$(id -u)" = 0 ] || skip "needs root for namespaces"
}

# muster_ssh, where FILES ($T/hosts is /etc/hosts) lie over the system's
muster_with() { # FILES... -- ARGUMENTS
    local binds=
    while [ "$1" != -- ]; do
        binds="$binds mount --bind $T/$1 /etc/$1;"
        shift
    done
    shift
    unshare -m sh -c "$binds"' exec "$@"' sh "$MUSTER" run -F "$T/ssh_config" --retries 0 "$@" 2>"$T/err"
}

# listens on these addresses, and lets nobody in: the queues are full
swallow() { # ADDRESSES...
    python3 - "$T" "$@" <<'PY' &
import socket, sys, time
held = []
for address in sys.argv[2:]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    full = socket.socket(family)
    full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    full.bind((address, 2222))
    full.listen(0)
    held.append(full)
    for _ in range(3):
        s = socket.socket(family)
        s.setblocking(False)
        s.connect_ex((address, 2222))
        held.append(s)
open(sys.argv[1] + "/swallows", "w").close()
time.sleep(60)
PY
    echo $! >"$T/swallow.pid"
    wait_for test -e "$T/swallows"
}

@test "refused, no route, no such name" {
    run muster_ssh 127.0.0.9 --json
    detail_is 'connection refused by 127.0.0.9 port 2222'
    reason_is unreachable
    run muster_ssh 203.0.113.7 --json
    detail_is 'no route to 203.0.113.7 port 2222'
    reason_is unreachable
    run muster_ssh no.such.name.invalid --json
    detail_has 'the name no.such.name.invalid '
    reason_is unreachable
}

@test "a silent first address, of the same family and of IPv6, costs a quarter of a second" {
    need_root
    printf '%s\n' '127.0.0.1 four none' '127.0.0.2 four six' '::1 six' '127.0.0.3 none' >hosts
    know four six none
    start_sshd 127.0.0.2
    swallow 127.0.0.1 ::1
    run muster_with hosts -- four six --json
    status_is 0
    json_is '[.servers[].seconds | . > 0.25 and . < 1] | all' true
    printf 'ssh: {connect_timeout: 600ms}\nbenchmarks: {}\n' >short.yaml
    run muster_with hosts -- none -c short.yaml --json
    reason_is unreachable
    detail_has 'no answer from 127.0.0.1 port 2222 within 600ms (ssh.connect_timeout)'
    detail_has 'connection refused by 127.0.0.3 port 2222'
}

@test "300 servers of one name are one look-up" {
    need_root
    python3 - "$T" <<'PY' &
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 53))
open(sys.argv[1] + "/ready", "w").close()
while True:
    query, client = s.recvfrom(512)
    end = 12
    while query[end]:
        end += query[end] + 1
    kind = struct.unpack(">H", query[end + 1:end + 3])[0]
    with open(sys.argv[1] + "/queries", "a") as f:
        f.write({1: "A", 28: "AAAA"}.get(kind, str(kind)) + "\n")
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x7f\0\0\x09" if kind == 1 else b""
    s.sendto(query[:2] + b"\x81\x80\0\1" + (b"\0\1" if answer else b"\0\0") + b"\0\0\0\0"
             + query[12:end + 5] + answer, client)
PY
    echo $! >dns.pid
    wait_for test -e ready
    echo 'nameserver 127.0.0.1' >resolv.conf
    echo 'hosts: files dns' >nsswitch.conf
    printf 'Host web*\n  HostName shared.example.test\n' | cat - ssh_config >both && mv both ssh_config
    run muster_with resolv.conf nsswitch.conf -- 'web[1-300]' -f 100 --json
    status_is 1
    json_is '[.servers[].detail] | unique | join(" ")' 'connection refused by 127.0.0.9 port 2222'
    [ "$(sort queries | tr '\n' ' ')" = 'A AAAA ' ] || fail "asked for: $(sort queries | uniq -c)"
}

# a resolver on 127.0.0.1 that answers for good* (127.0.0.9) and is silent for all others
dead_for_most() {
    python3 - "$T" <<'PY' &
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
s.bind(("127.0.0.1", 53))
open(sys.argv[1] + "/ready", "w").close()
while True:
    query, client = s.recvfrom(512)
    end = 12
    while query[end]:
        end += query[end] + 1
    if query[13:17] != b"good":
        continue
    kind = struct.unpack(">H", query[end + 1:end + 3])[0]
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x7f\0\0\x09" if kind == 1 else b""
    s.sendto(query[:2] + b"\x81\x80\0\1" + (b"\0\1" if answer else b"\0\0") + b"\0\0\0\0"
             + query[12:end + 5] + answer, client)
PY
    echo $! >dns.pid
    wait_for test -e ready
    echo 'nameserver 127.0.0.1' >resolv.conf
    echo 'hosts: files dns' >nsswitch.conf
    printf 'ssh: {connect_timeout: %s}\nbenchmarks: {}\n' "$1" >short.yaml
}

@test "a dead resolver: unreachable in time, and what to look at" {
    need_root
    dead_for_most 1s
    run muster_with resolv.conf nsswitch.conf -- -c short.yaml 'web[1-300]' -f 300 --json
    status_is 1
    json_is '[.servers[].reason] | unique | join(" ")' unreachable
    json_is '[.servers[].detail | sub("web[0-9]+"; "X")] | unique | join(" ")' \
        'the name X could not be looked up within 1s (ssh.connect_timeout): is the resolver of /etc/resolv.conf alive?'
    json_is '.seconds < 5' true
}

@test "no resolver at all" {
    need_root
    echo 'nameserver 127.0.0.77' >resolv.conf
    echo 'hosts: files dns' >nsswitch.conf
    run muster_with resolv.conf nsswitch.conf -- web --json
    status_is 1
    reason_is unreachable
    detail_is 'the name web cannot be looked up: Temporary failure in name resolution: is the resolver of /etc/resolv.conf alive?'
}

@test "names that the resolver is dead for do not hold up the others" {
    need_root
    dead_for_most 4s
    run muster_with resolv.conf nsswitch.conf -- -c short.yaml 'bad[1-200]' 'good[1-100]' -f 300 --json
    status_is 1
    json_is '[.servers[] | select(.server | startswith("good")).detail] | unique | join(" ")' \
        'connection refused by 127.0.0.9 port 2222'
    json_is '[.servers[] | select(.server | startswith("bad")).reason] | unique | join(" ")' unreachable
    json_is '.seconds < 10' true
}

@test "more servers at one address than there are local ports" {
    need_root
    swallow 127.0.0.2
    printf 'ssh: {connect_timeout: 1s}\nbenchmarks: {}\n' >short.yaml
    printf 'Host web*\n  HostName 127.0.0.2\n' | cat - ssh_config >all && mv all ssh_config
    range=/proc/sys/net/ipv4/ip_local_port_range
    before=$(cat $range)
    echo 40000 40009 >$range || skip "the range of local ports cannot be set here"
    run muster_ssh -c short.yaml 'web[1-30]' -f 30 --json
    echo "$before" >$range
    json_is '[.servers[].detail] | unique | map(select(startswith("cannot"))) | join(" ")' \
        'cannot connect to 127.0.0.2 port 2222: no local address or port is free: see net.ipv4.ip_local_port_range'
    json_is '[.servers[].reason] | unique | join(" ")' unreachable
}

@test "a link-local address, the address and the interface to come from" {
    need_root
    ip link add left type veth peer name right
    ip addr add fe80::7/64 dev right nodad
    ip addr add 10.8.0.7/24 dev left
    ip link set left up && ip link set right up
    start_sshd 127.0.0.1 'ListenAddress [fe80::7%right]' 'ListenAddress 10.8.0.7'
    know 'fe80::7%right'
    run muster_ssh '[fe80::7%right]:2222' --json
    status_is 0
    know 10.8.0.7
    sed 's/Host \*/&\nBindInterface left/' ssh_config >ssh_config2
    run muster run -F ssh_config2 10.8.0.7 --json
    status_is 0
    grep -q 'Connection from 10.8.0.7 ' sshd-*.log
    sed 's/Host \*/&\nBindAddress 127.0.0.77/' ssh_config >ssh_config2
    run muster run -F ssh_config2 127.0.0.1 --json
    status_is 0
    grep -q 'Connection from 127.0.0.77 ' sshd-*.log
    sed 's/Host \*/&\nBindInterface left\nAddressFamily inet/' ssh_config >ssh_config2
    run muster run -F ssh_config2 --retries 0 '[fe80::7%right]:2222' --json
    reason_is unreachable
}

# has one connection let in, as descriptor 7
hold() {
    local banner
    exec 7<>/dev/tcp/127.0.0.1/2222
    read -r -u 7 banner
    [[ $banner == SSH-* ]]
}

@test "a server with too many connections" {
    start_sshd 127.0.0.1 'PerSourceMaxStartups 1'
    wait_for hold # sshd may still have that of start_sshd
    run muster_ssh 127.0.0.1 --json
    exec 7>&-
    reason_is unreachable
    detail_has 'before its SSH banner came'
    detail_has 'Exceeded MaxStartups'
}

@test "packets that vanish are noticed by ServerAliveInterval" {
    need_root
    unshare -n sleep 60 &
    far=$!
    echo $far >far.pid
    # until the process is in its own
    wait_for eval "[ \"\$(readlink /proc/$far/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
    ip link add near type veth peer name far netns $far
    ip addr add 10.6.0.1/24 dev near && ip link set near up
    nsenter -n -t $far sh -c 'ip link set lo up; ip addr add 10.6.0.2/24 dev far; ip link set far up'
    start_sshd 127.0.0.1
    kill "$(cat sshd-127.0.0.1.pid)"
    sed 's/ListenAddress .*/ListenAddress 10.6.0.2/; s/127.0.0.1.pid/far.pid/' sshd-127.0.0.1.conf >far.conf
    wait_for eval "nsenter -n -t $far /usr/sbin/sshd -f $T/far.conf -E $T/far.log"
    wait_for listens 10.6.0.2 2222
    know 10.6.0.2
    mark=$((RANDOM + 700000))
    printf 'benchmarks:\n  n: {command: "sleep %s", extract: {regex: "([0-9]+)"}}\n' $mark >muster.yaml
    printf 'ServerAliveInterval 1\nServerAliveCountMax 1\n' | cat - ssh_config >ssh_config2
    "$MUSTER" run -F ssh_config2 --retries 0 10.6.0.2 --json >out 2>err &
    pid=$!
    wait_for there "sleep $mark"
    nsenter -n -t $far ip addr del 10.6.0.2/24 dev far
    begin=$(date +%s%N)
    wait $pid || true
    took=$((($(date +%s%N) - begin) / 1000000))
    output=$(cat out)
    reason_is connection-lost
    detail_has 'no answer to 1 keepalive'
    [ $took -lt 8000 ] || fail "it took $took ms"
    # the far side knows nothing of it yet
    run=$(jq -r .run <<<"$output")
    pkill -P "$(cat sshd-far.pid)"
    wait_for gone "run $run"
    wait_for gone "sleep $mark"
    kill $far
}

@test "what only the server's offer shows, and what the options show, is left to the ssh program" {
    start_sshd 127.0.0.1 'GSSAPIAuthentication yes'
    start_sshd 127.0.0.2 'KexAlgorithms sntrup761x25519-sha512@openssh.com'
    run muster_ssh '127.0.0.[1-2]' --json
    status_is 0
    stderr_has 'carried by the ssh program'
    stderr_has 'have no key exchange method in common'
    program_does "ControlMaster auto;ControlPath $T/control-%C;ControlPersist 1" 'connections are shared'
    program_does 'PKCS11Provider /nonexistent.so' PKCS11Provider
    # what the program cannot do either is its failure
    printf '#!/bin/sh\n' >klist && chmod +x klist # there is a ticket, it says
    PATH=$T:$PATH program_does 'GSSAPIAuthentication yes;PreferredAuthentications gssapi-with-mic' GSSAPI auth
    make_token
    cat token.pub >>authorized
    sed -i "s|IdentityFile .*|IdentityFile $T/token|" ssh_config
    program_does '' 'security key' auth
}

# token and token.pub: a key on a security key that is not plugged in
make_token() {
    python3 - "$T/token" <<'PY'
import base64, struct, sys
def s(b): return struct.pack(">I", len(b)) + b
kind = b"sk-ssh-ed25519@openssh.com"
key = s(kind) + s(b"\x58" * 32) + s(b"ssh:")
private = b"same" * 2 + key + b"\x01" + s(b"handle") + s(b"") + s(b"token")
private += bytes(range(1, 9))[:-len(private) % 8]
whole = b"openssh-key-v1\0" + s(b"none") + s(b"none") + s(b"") + struct.pack(">I", 1) + s(key) + s(private)
text = base64.encodebytes(whole).decode()
open(sys.argv[1], "w").write(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{text}-----END OPENSSH PRIVATE KEY-----\n")
open(sys.argv[1] + ".pub", "w").write(kind.decode() + " " + base64.b64encode(key).decode() + "\n")
PY
    chmod 600 "$T/token"
}

# with LINES in the ssh_config, the log says BECAUSE, and the server passes, or not for a REASON
program_does() { # LINES BECAUSE [REASON]
    { tr ';' '\n' <<<"$1"; cat "$T/ssh_config"; } >"$T/ssh_config2"
    run muster run -F "$T/ssh_config2" 127.0.0.1 --json
    stderr_has 'carried by the ssh program'
    stderr_has "$2"
    json_is '.servers[0].reason // "none"' "${3:-none}"
}
