#!/usr/bin/env bats
# Real sshds: what a server, its shell, its keys and its network can do to a run.

load common.bash

# a command that says nothing, and ends with its connection, as sshd does not end it
hang='while kill -0 $PPID 2>/dev/null; do sleep 0.1; done'

setup() {
    scratch
    ssh_material
    printf 'benchmarks:\n  n: {command: "echo 80", extract: {regex: "([0-9]+)"}}\n' >muster.yaml
}
teardown() { scratch_done; }

reason_is() {
    json_is '.servers[0].reason' "$1"
}
detail_has() {
    json_is ".servers[0].detail | contains(\"$1\")" true
}

@test "pass, fail by threshold, and a server that is not there, in one run" {
    start_sshd 127.0.0.1
    run muster_ssh --retries 0 127.0.0.1 127.0.0.9 --json
    status_is 1
    json_is '.servers[0].verdict' passed
    json_is '.servers[1].reason' unreachable
    json_is '.servers[1].detail' 'connection refused by 127.0.0.9 port 2222'
    json_is '.failed_servers | join(" ")' 127.0.0.9
    run muster_ssh 127.0.0.1 -t 81
    status_is 1
    output_has 'n scored 80, below 81'
    stderr_has 'connected                      server=127.0.0.1'
}

@test "the built-in benchmark over ssh; the agent is reused and nothing else is left" {
    start_sshd 127.0.0.1 "SetEnv XDG_CACHE_HOME=$T/remote"
    echo 'settle: 1ms' >muster.yaml
    run muster_ssh 127.0.0.1 -b cpu -t 0 --json
    status_is 0
    json_is '.servers[0].benchmarks[0].value > 0' true
    json_is '.servers[0].facts.kernel' "$(uname -r)"
    [ "$(find "$T/remote" -type f | wc -l)" -eq 1 ]
    wait_for gone "$T/remote"
}

@test "user and port, from the command line and from the name" {
    start_sshd 127.0.0.1 'Port 2222' 'Port 2223'
    echo "[127.0.0.1]:2223 $(cut -d' ' -f1,2 host.pub)" >>known_hosts
    run muster_ssh 127.0.0.1 -p 2223 --json
    status_is 0
    run muster_ssh "$(id -un)@127.0.0.1:2223" --json
    status_is 0
    json_is '.servers[0].server' "$(id -un)@127.0.0.1:2223"
    run muster_ssh nobody@127.0.0.1 --json
    status_is 1
    reason_is auth
}

@test "a wrong key, and a key that is not there" {
    start_sshd 127.0.0.1
    ssh-keygen -q -t ed25519 -N '' -f other
    sed "s|$T/id|$T/other|" ssh_config >ssh_config2
    run muster run -F ssh_config2 127.0.0.1 --json
    status_is 1
    reason_is auth
    detail_has "$T/other"
    sed "s|$T/id|$T/nothing|" ssh_config >ssh_config2
    run muster run -F ssh_config2 127.0.0.1 --json
    reason_is auth
}

@test "an unknown and a changed host key" {
    start_sshd 127.0.0.1
    : >known_hosts
    run muster_ssh 127.0.0.1 --json
    status_is 1
    reason_is host-key
    detail_has "$(ssh-keygen -lf host.pub | cut -d' ' -f2)"
    [ ! -s known_hosts ] || fail "it was written to"
    ssh-keygen -q -t ed25519 -N '' -f old
    printf '# a comment\n[127.0.0.1]:2222 %s\n' "$(cut -d' ' -f1,2 old.pub)" >known_hosts
    run muster_ssh 127.0.0.1 --json
    reason_is host-key
    detail_has "$(ssh-keygen -lf host.pub | cut -d' ' -f2)"
    detail_has "$(ssh-keygen -lf old.pub | cut -d' ' -f2)"
    detail_has "$T/known_hosts line 2"
}

@test "revoked, negated and hashed entries" {
    start_sshd 127.0.0.1
    key=$(cut -d' ' -f1,2 host.pub)
    printf '@revoked * %s\n[127.0.0.1]:2222 %s\n' "$key" "$key" >known_hosts
    run muster_ssh 127.0.0.1 --json
    reason_is host-key
    detail_has revoked
    printf '![127.0.0.1]:2222,[127.*]:2222 %s\n' "$key" >known_hosts
    run muster_ssh 127.0.0.1 --json
    reason_is host-key
    printf '[127.0.0.1]:2222 %s\n' "$key" >known_hosts
    ssh-keygen -q -H -f known_hosts
    grep -q '^|1|' known_hosts
    run muster_ssh 127.0.0.1 --json
    status_is 0
}

@test "ssh_config with Include and Match" {
    start_sshd 127.0.0.1
    cat >extra <<TXT
Host web
  HostName 127.0.0.1
Match host 127.0.0.1
  IdentityFile $T/id
TXT
    { echo "Include $T/extra"; grep -v IdentityFile ssh_config; } >ssh_config2
    run muster run -F ssh_config2 web --json
    status_is 0
    json_is '.servers[0].server' web
}

@test "an address that swallows packets, a listener that never speaks" {
    # a full backlog that nobody accepts from: further connections get no answer
    python3 - "$T" <<'PY' &
import socket, sys, time
full = socket.socket(); full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
full.bind(("127.0.0.2", 2222)); full.listen(0)
held = []
for _ in range(3):
    s = socket.socket(); s.setblocking(False); s.connect_ex(("127.0.0.2", 2222)); held.append(s)
mute = socket.socket(); mute.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
mute.bind(("127.0.0.3", 2222)); mute.listen(10)
open(sys.argv[1] + "/ready", "w").close()
time.sleep(60)
PY
    echo $! >mute.pid
    wait_for test -e ready
    printf 'ssh: {connect_timeout: 500ms, login_timeout: 700ms}\nbenchmarks: {}\n' >short.yaml
    start_sshd 127.0.0.1
    begin=$(date +%s%N)
    run muster_ssh --retries 0 -c short.yaml -b none 127.0.0.1 127.0.0.2 127.0.0.3 --json
    took=$((($(date +%s%N) - begin) / 1000000))
    status_is 1
    json_is '.servers | map(.reason // "none") | join(" ")' 'none unreachable timeout'
    [ $took -lt 5000 ] || fail "it took $took ms"
}

@test "a server that closes after its banner" {
    python3 - "$T" <<'PY' &
import socket, sys
l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.bind(("127.0.0.4", 2222)); l.listen(10)
open(sys.argv[1] + "/ready", "w").close()
for _ in range(5):
    c, _a = l.accept(); c.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"); c.close()
PY
    echo $! >closer.pid
    wait_for test -e ready
    run muster_ssh --retries 0 127.0.0.4 --json
    status_is 1
    json_is '.servers[0].verdict' error
    json_is '.servers[0].reason | . == "unreachable" or . == "connection-lost"' true
}

@test "a login shell that hangs, one that prints noise first, one that ends" {
    start_sshd 127.0.0.5 "ForceCommand $hang"
    start_sshd 127.0.0.6 'ForceCommand printf "Welcome\n{not json}\nto \033[31mthis\n\n\033]0;a title\007"; exec sh -c "$SSH_ORIGINAL_COMMAND"'
    start_sshd 127.0.0.7 'ForceCommand echo This account is not available; exit 1'
    printf 'ssh: {login_timeout: 2s}\nbenchmarks:\n  n: {command: "echo 80", extract: {regex: "([0-9]+)"}}\n' >muster.yaml
    run muster_ssh '127.0.0.[5-7]' --json
    status_is 1
    json_is '.servers | map(.reason // "none") | join(" ")' 'timeout none bad-output'
    json_is '.servers[2].detail | contains("This account is not available")' true
}

@test "commands that exit with 3, never end, print 50 MB, binary, nothing" {
    start_sshd 127.0.0.1
    cat >muster.yaml <<'Y'
benchmarks:
  three: {command: "exit 3", extract: {regex: '(\d+)'}}
  endless: {command: "sleep 1000", extract: {regex: '(\d+)'}, timeout: 500ms}
  much: {command: "yes 84 | head -c 50000000", extract: {regex: '(\d+)'}}
  binary: {command: "head -c 100000 /dev/urandom | tr -d 0-9", extract: {regex: '(\d+)'}}
  nothing: {command: "true", extract: {regex: '(\d+)'}}
Y
    run muster_ssh 127.0.0.1 --json
    status_is 1
    json_is '.servers[0].benchmarks | map(.reason // "none") | join(" ")' 'benchmark-crashed timeout none bad-output bad-output'
}

@test "sshd killed in the middle" {
    start_sshd 127.0.0.1
    mark=$((RANDOM + 400000))
    printf 'benchmarks:\n  n: {command: "sleep %s; echo 80", extract: {regex: "([0-9]+)"}}\n  m: {command: "echo 1", extract: {regex: "([0-9]+)"}}\n' $mark >muster.yaml
    "$MUSTER" run -F ssh_config --retries 0 127.0.0.1 --json >out.json 2>err &
    pid=$!
    wait_for there "sleep $mark"
    kill "$(cat sshd-127.0.0.1.pid)"
    # the process that holds the session
    pkill -9 -f 'sshd: .*@notty' --ns $$ --nslist net || pkill -9 -f 'sshd: .*@notty'
    status=0
    wait $pid || status=$?
    output=$(cat out.json)
    status_is 1
    reason_is connection-lost
    json_is '.servers[0].benchmarks | map(.reason) | join(" ")' 'connection-lost connection-lost'
    wait_for gone "sleep $mark"
}

@test "when the session is cut, what ran on the server dies within a second" {
    start_sshd 127.0.0.1
    mark=$((RANDOM + 500000))
    printf 'benchmarks:\n  n: {command: "(setsid sleep %s.5 &); sleep %s", extract: {regex: "([0-9]+)"}}\n' $mark $mark >muster.yaml
    "$MUSTER" run -F ssh_config 127.0.0.1 >/dev/null 2>&1 &
    pid=$!
    wait_for there "sleep $mark.5"
    kill -9 $pid
    wait $pid || true
    wait_for gone "sleep $mark"
}

@test "a server carried by the ssh program, through a second sshd, said once" {
    start_sshd 127.0.0.1
    start_sshd 127.0.0.2
    printf 'Host web*\n  HostName 127.0.0.1\n  ProxyJump 127.0.0.2\n  PermitLocalCommand yes\n  LocalCommand true\n' | cat - ssh_config >ssh_config2
    run muster run -F ssh_config2 web1 web2 --json
    status_is 0
    json_is .passed 2
    [ "$(grep -c 'carried by the ssh program' err)" -eq 1 ] || fail "said $(grep -c 'carried by' err) times"
    stderr_has LocalCommand
    grep -q Accepted sshd-127.0.0.2.log
    : >known_hosts
    run muster run -F ssh_config2 web1 --json
    status_is 1
    reason_is host-key
}

agent_with() { # KEYS...
    eval "$(ssh-agent -s)" >/dev/null
    echo "$SSH_AGENT_PID" >ssh-agent.pid
    ssh-add -q "$@" 2>/dev/null
}

@test "an agent with ten keys, the right one third; and a server that allows two tries" {
    start_sshd 127.0.0.1
    start_sshd 127.0.0.2 'MaxAuthTries 2'
    for i in 0 1 2 3 4 5 6 7 8; do ssh-keygen -q -t ed25519 -N '' -f "k$i"; done
    cp id right && cp id.pub right.pub && rm id id.pub
    agent_with k0 k1 right k2 k3 k4 k5 k6 k7 k8
    grep -v -e IdentitiesOnly -e IdentityFile ssh_config >ssh_config2
    echo "  IdentityFile $T/none" >>ssh_config2
    run muster run -F ssh_config2 '127.0.0.[1-2]' --json
    status_is 1
    json_is '.servers | map(.reason // "none") | join(" ")' 'none auth'
    # IdentitiesOnly with the public half beside picks the one
    cp right.pub id.pub
    run muster_ssh '127.0.0.[1-2]' --json
    status_is 0
}

# as muster_ssh, where nobody can be asked for a passphrase
without_terminal() {
    setsid -w "$MUSTER" run -F "$T/ssh_config" "$@" 2>"$T/err"
}

@test "an encrypted key in the agent, and none" {
    start_sshd 127.0.0.1
    ssh-keygen -q -p -P '' -N secret -f id
    run without_terminal 127.0.0.1 --json
    status_is 1
    reason_is auth
    detail_has encrypted
    printf '#!/bin/sh\necho secret\n' >askpass && chmod +x askpass
    eval "$(ssh-agent -s)" >/dev/null
    echo "$SSH_AGENT_PID" >ssh-agent.pid
    SSH_ASKPASS=$T/askpass SSH_ASKPASS_REQUIRE=force DISPLAY=x ssh-add -q id </dev/null
    run muster_ssh 127.0.0.1 --json
    status_is 0
    SSH_AUTH_SOCK=$T/no-agent run without_terminal 127.0.0.1 --json
    reason_is auth
    ssh-keygen -q -p -P secret -N secret -Z aes256-gcm@openssh.com -f id
    SSH_AUTH_SOCK=$T/no-agent run muster_ssh 127.0.0.1 --json
    status_is 1
    reason_is auth
}

@test "temporary folders that may not execute" {
    [ "$(id -u)" = 0 ] || skip "needs root to mount"
    mkdir -p "$T/noexec"
    # in a mount namespace of their own, so that nothing outside sees it
    cat >sshd-in-ns <<TXT
mount -t tmpfs -o noexec,mode=1777 none $T/noexec
mount -t tmpfs -o noexec,mode=1777 none /var/tmp
mount -t tmpfs -o noexec,mode=1777 none /dev/shm
exec $(command -v sshd || echo /usr/sbin/sshd) -D -f $T/ns.conf -E $T/ns.log
TXT
    start_sshd 127.0.0.8
    kill "$(cat sshd-127.0.0.8.pid)"
    sed "s|127.0.0.8.pid|ns.pid|" sshd-127.0.0.8.conf >ns.conf
    echo "SetEnv XDG_CACHE_HOME=$T/noexec" >>ns.conf
    wait_for sh -c "! $(declare -f listens >/dev/null; echo false)" || true
    unshare -m sh sshd-in-ns &
    echo $! >ns-shell.pid
    wait_for listens 127.0.0.8 2222
    run muster_ssh 127.0.0.8 --json
    status_is 0
    [ -z "$(find "$T/noexec" -type f)" ]
}

@test "Ctrl-C ends sessions, and leaves nothing" {
    start_sshd 127.0.0.1
    mark=$((RANDOM + 600000))
    printf 'benchmarks:\n  n: {command: "sleep %s", extract: {regex: "([0-9]+)"}}\n' $mark >muster.yaml
    "$MUSTER" run -F ssh_config '127.0.0.1' >out 2>err &
    pid=$!
    wait_for there "sleep $mark"
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    status_is 143
    grep -q 'cancelled, interrupted: 127.0.0.1' out
    wait_for gone "sleep $mark"
}

@test "one wedged server does not hold up the others" {
    start_sshd 127.0.0.1
    start_sshd 127.0.0.5 "ForceCommand $hang"
    begin=$(date +%s)
    "$MUSTER" run -F ssh_config 127.0.0.5 '127.0.0.1' --timeout 5s >out 2>err &
    pid=$!
    wait_for grep -q 'server passed' err
    [ $(($(date +%s) - begin)) -lt 5 ] || fail "the good one had to wait"
    status=0
    wait $pid || status=$?
    status_is 1
    grep -q 'error, timeout: 127.0.0.5' out
}

@test "no secret is anywhere" {
    start_sshd 127.0.0.1
    ssh-keygen -q -p -P '' -N geheimnis -f id
    run without_terminal 127.0.0.1 -v --log-file log
    status_is 1
    ! grep -r geheimnis "$T/state" log err
    ! strings -a "$T/state/muster/muster.db" | grep -q geheimnis
}

@test "an agent that is killed on its server leaves nothing there, and is said to be" {
    start_sshd 127.0.0.1 "SetEnv XDG_CACHE_HOME=$T/remote TMPDIR=$T/tmp"
    mkdir tmp
    mark=$((RANDOM + 400000))
    cat >muster.yaml <<Y
benchmarks:
  n: {command: "touch \$TMPDIR/file; (setsid sleep $mark.5 &) ; sleep $mark.25; echo 80", extract: {regex: '([0-9]+)'}}
Y
    "$MUSTER" run -F ssh_config --retries 0 127.0.0.1 --json >out 2>err &
    pid=$!
    wait_for there "sleep $mark.25"
    agent=$(pgrep -P "$(pgrep -of "$T/remote")") # its guard is its parent
    kill -9 "$agent"
    wait $pid || true
    output=$(cat out)
    reason_is connection-lost
    detail_has 'killed by signal 9'
    wait_for gone "sleep $mark"
    wait_for gone "$T/remote"
    [ -z "$(ls -A tmp)" ] || fail "left: $(find tmp)"
}

@test "a connection that is garbled once it is encrypted is given up at once" {
    start_sshd 127.0.0.8
    # the pause puts the bad packet after the key exchange, so that it comes with its own call
    python3 "$BATS_TEST_DIRNAME/../support/fault_proxy.py" 127.0.0.9:2222 127.0.0.8:2222 \
        'delay down@1750 0.1' 'corrupt down@1750 1' >proxy.out 2>&1 3>&- &
    echo $! >proxy.pid
    python3 "$BATS_TEST_DIRNAME/../support/fault_proxy.py" 127.0.0.10:2222 127.0.0.8:2222 \
        'delay down@2000 0.1' 'corrupt down@2000 1' >proxy2.out 2>&1 3>&- &
    echo $! >proxy2.pid
    wait_for grep -q ready proxy.out
    wait_for grep -q ready proxy2.out
    printf 'ssh: {login_timeout: 20s}\nbenchmarks: {}\n' >long.yaml
    run muster_ssh -c long.yaml -b none --retries 0 127.0.0.9 127.0.0.10 --json
    status_is 1
    json_is '[.servers[] | .reason == "unreachable" or .reason == "connection-lost"] | all' true
    json_is '[.servers[] | .detail | contains("Decryption error")] | all' true
    json_is '[.servers[].seconds] | max < 5' true
}
