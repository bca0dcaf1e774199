#!/usr/bin/env bats
# Servers behind jump hosts and ProxyCommands, with real sshds.

load common.bash

setup() {
    scratch
    ssh_material
    printf 'benchmarks:\n  n: {command: "echo 80", extract: {regex: "([0-9]+)"}}\n' >muster.yaml
    echo "web* $(cut -d' ' -f1,2 host.pub)" >>known_hosts
}
teardown() { scratch_done; }

# ssh_config, with LINES before it; what they say of the servers web* wins
configure() {
    { printf '%s\n' "$@" 'Host web[1-9] web[1-9][0-9]'; cat ssh_config; } >ssh_config2
    mv ssh_config2 ssh_config
}

# the servers web1 to webN, all on one sshd, behind LIST
behind() { # LIST [N]
    local i
    { for i in $(seq "${2:-2}"); do
        printf 'Host web%d\n  HostName 127.0.1.1\n  HostKeyAlias web%d\n' "$i" "$i"
    done
    printf 'Host web*\n  ProxyJump %s\n' "$1"
    cat ssh_config; } >ssh_config2
    mv ssh_config2 ssh_config
}

logins() { # at ADDRESS
    grep -c 'Accepted publickey' "sshd-$1.log"
}

reason_is() {
    json_is '.servers[0].reason' "$1"
}
detail_has() {
    json_is ".servers[0].detail | contains(\"$1\")" true
}
no_program() {
    ! grep 'carried by the ssh program' err
}

# kills the processes that hold the logins of ADDRESS, not the listener
kill_logins() { # ADDRESS
    local listener
    listener=$(cat "sshd-$1.pid")
    pkill -KILL -P "$listener"
}

@test "one hop: one login at the jump host, and no ssh program" {
    start_sshd 127.0.0.2
    start_sshd 127.0.1.1
    behind 127.0.0.2
    run muster_ssh web1 web2 --json
    status_is 0
    json_is .passed 2
    [ "$(logins 127.0.0.2)" -eq 1 ] || fail "$(logins 127.0.0.2) logins"
    stderr_has 'connected to jump host'
    stderr_has 'address="127.0.1.1 port 2222 through 127.0.0.2"'
    no_program
}

@test "three hops, by a list, by the jump host's own configuration and by URI" {
    for i in 2 3 4; do start_sshd 127.0.0.$i; done
    start_sshd 127.0.1.1
    configure 'Host first' '  HostName 127.0.0.2' 'Host second' '  HostName 127.0.0.3' '  ProxyJump first'
    behind "second,ssh://$(id -un)@127.0.0.4:2222"
    run muster_ssh web1 web2 --json
    status_is 0
    no_program
    for i in 2 3 4; do
        [ "$(logins 127.0.0.$i)" -eq 1 ] || fail "$(logins 127.0.0.$i) logins at 127.0.0.$i"
    done
}

@test "60 servers through connections of 20 channels" {
    start_sshd 127.0.0.2
    start_sshd 127.0.1.1
    behind 127.0.0.2 60
    printf 'ssh: {jump_channels: 20}\nbenchmarks:\n  n: {command: "echo 80", extract: {regex: "([0-9]+)"}}\n' >muster.yaml
    run muster_ssh 'web[1-60]' -f 60 --json
    status_is 0
    json_is .passed 60
    no_program
    n=$(logins 127.0.0.2)
    [ "$n" -ge 2 ] && [ "$n" -le 4 ] || fail "$n logins"
}

@test "a jump host that is down, unknown, or refuses the login" {
    start_sshd 127.0.0.2
    start_sshd 127.0.1.1
    configure 'Host unknown' '  HostName 127.0.0.2' '  HostKeyAlias unknown' \
        'Host closed' '  HostName 127.0.0.2' '  User nobody' 'Host down' '  HostName 127.0.0.9'
    behind down 20
    run muster_ssh --retries 0 'web[1-20]' -f 20 --json
    status_is 1
    json_is '[.servers[] | .reason] | unique | join(" ")' unreachable
    json_is '[.servers[] | .detail] | unique | length' 1
    detail_has 'the jump host down: connection refused by 127.0.0.9 port 2222'
    sed -i 's/ProxyJump down/ProxyJump unknown/' ssh_config
    run muster_ssh web1 web2 --json
    reason_is host-key
    detail_has 'the host key of the jump host unknown is not known'
    sed -i 's/ProxyJump unknown/ProxyJump closed/' ssh_config
    run muster_ssh web1 web2 --json
    reason_is auth
    detail_has 'the jump host closed refused user nobody'
    [ "$(grep -c 'Connection from' sshd-127.0.0.2.log)" -eq 3 ] || fail "it was tried too often"
}

@test "servers that a jump host cannot or may not reach keep their own sentences" {
    start_sshd 127.0.0.2 'PermitOpen 127.0.1.1:2222 127.0.1.9:2222'
    start_sshd 127.0.1.1
    behind 127.0.0.2 20
    for i in $(seq 11 20); do
        sed -i "/^Host web$i\$/{n;s/127.0.1.1/127.0.1.9/}" ssh_config
    done
    for i in $(seq 1 5); do
        sed -i "/^Host web$i\$/{n;s/127.0.1.1/127.0.1.8/}" ssh_config
    done
    run muster_ssh --retries 0 'web[1-20]' -f 20 --json
    status_is 1
    json_is .passed 5
    json_is '[.servers[10:20][] | .detail] | unique | join(" ")' \
        'the jump host 127.0.0.2 does not connect to 127.0.1.9 port 2222: Connection refused'
    json_is '[.servers[0:5][] | .detail] | unique | join(" ")' \
        'the jump host 127.0.0.2 does not connect to 127.0.1.8 port 2222: open failed'
    [ "$(logins 127.0.0.2)" -eq 1 ] || fail "$(logins 127.0.0.2) logins"
}

@test "jump hosts that lead to each other" {
    configure 'Host a' '  ProxyJump b' 'Host b' '  ProxyJump a' 'Host c' '  Port 22' '  ProxyJump c'
    behind a
    run muster_ssh --retries 0 web1 --json
    status_is 1
    reason_is unreachable
    detail_has 'lead to each other'
    run muster_ssh --retries 0 c --json
    reason_is unreachable
    detail_has c
}

@test "connections to a jump host that are killed are made anew, and their servers tried again" {
    start_sshd 127.0.0.2
    start_sshd 127.0.1.1
    behind 127.0.0.2 10
    mark=$((RANDOM + 700000))
    printf 'benchmarks:\n  n: {command: "test -e %s/go || sleep %s; echo 80", extract: {regex: "([0-9]+)"}}\n' "$T" $mark >muster.yaml
    "$MUSTER" run -F ssh_config 'web[1-10]' --json >out.json 2>err &
    pid=$!
    wait_for there "sleep $mark"
    touch go
    kill_logins 127.0.0.2
    status=0
    wait $pid || status=$?
    output=$(cat out.json)
    status_is 0
    json_is .passed 10
    json_is '[.servers[].attempts] | max' 2
    stderr_has 'connection to jump host lost'
    stderr_has 'the connection to the jump host 127.0.0.2 was lost'
    [ "$(logins 127.0.0.2)" -eq 2 ] || fail "$(logins 127.0.0.2) logins"
}

@test "a jump host that says nothing any more is given up, and its servers tried again" {
    start_sshd 127.0.0.2
    start_sshd 127.0.1.1
    behind 127.0.0.2 3
    printf 'Host 127.0.0.2\n  ServerAliveInterval 1\n  ServerAliveCountMax 2\nHost *\n' | cat - ssh_config >ssh_config2
    mark=$((RANDOM + 700000))
    printf 'benchmarks:\n  n: {command: "test -e %s/go || sleep %s; echo 80", extract: {regex: "([0-9]+)"}}\n' "$T" $mark >muster.yaml
    "$MUSTER" run -F ssh_config2 'web[1-3]' --json >out.json 2>err &
    pid=$!
    wait_for there "sleep $mark"
    touch go
    pkill -STOP -P "$(cat sshd-127.0.0.2.pid)"
    status=0
    wait $pid || status=$?
    kill_logins 127.0.0.2
    output=$(cat out.json)
    status_is 0
    json_is .passed 3
    stderr_has 'no word from it for 3s'
    [ "$(logins 127.0.0.2)" -eq 2 ] || fail "$(logins 127.0.0.2) logins"
    wait_for gone "sleep $mark"
}

@test "a server that stalls does not stall its neighbours, nor much output" {
    start_sshd 127.0.0.2
    start_sshd 127.0.1.1
    start_sshd 127.0.1.2 'ForceCommand while kill -0 $PPID 2>/dev/null; do sleep 0.1; done'
    python3 - "$T" <<'PY' &
import socket, sys, time
l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.bind(("127.0.1.3", 2222)); l.listen(10)
open(sys.argv[1] + "/ready", "w").close()
held = [l.accept() for _ in range(1)]
time.sleep(60)
PY
    echo $! >mute.pid
    wait_for test -e ready
    behind 127.0.0.2 12
    sed -i '/^Host web1$/{n;s/127.0.1.1/127.0.1.2/};/^Host web2$/{n;s/127.0.1.1/127.0.1.3/}' ssh_config
    cat >muster.yaml <<'Y'
ssh: {login_timeout: 3s, connect_timeout: 2s}
benchmarks:
  much: {command: "yes 84 | head -c 5000000", extract: {regex: '(\d+)'}}
Y
    "$MUSTER" run -F ssh_config 'web[1-12]' --timeout 4s --json >out.json 2>err &
    pid=$!
    passed() { [ "$(grep -c 'server passed' err)" -eq 10 ]; }
    wait_for passed
    ! grep 'server failed' err || fail "the good ones had to wait"
    status=0
    wait $pid || status=$?
    output=$(cat out.json)
    status_is 1
    json_is .passed 10
    [ "$(logins 127.0.0.2)" -eq 1 ] || fail "$(logins 127.0.0.2) logins"
}

@test "Ctrl-C while a jump host does not answer, and while it carries" {
    python3 - "$T" <<'PY' &
import socket, sys, time
l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
l.bind(("127.0.0.3", 2222)); l.listen(10)
held = [l.accept()]
open(sys.argv[1] + "/asked", "w").close()
time.sleep(60)
PY
    echo $! >mute.pid
    wait_for listens 127.0.0.3 2222
    start_sshd 127.0.0.2
    start_sshd 127.0.1.1
    behind 127.0.0.3
    "$MUSTER" run -F ssh_config web1 >out 2>err &
    pid=$!
    wait_for test -e asked
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    status_is 143
    sed -i 's/ProxyJump 127.0.0.3/ProxyJump 127.0.0.2/' ssh_config
    mark=$((RANDOM + 600000))
    printf 'benchmarks:\n  n: {command: "sleep %s", extract: {regex: "([0-9]+)"}}\n' $mark >muster.yaml
    "$MUSTER" run -F ssh_config web1 >out 2>err &
    pid=$!
    wait_for there "sleep $mark"
    kill -TERM $pid
    wait $pid || status=$?
    status_is 143
    wait_for gone "sleep $mark"
}

# a ProxyCommand in $T: connects to HOST PORT
proxy() {
    cat >"$T/proxy" <<'SH'
#!/bin/bash
exec 3<>"/dev/tcp/$1/$2" || exit 7
echo "on the way to $1" >&2
cat <&3 &
cat >&3
kill $!
SH
    chmod +x "$T/proxy"
}

@test "ProxyCommand: its tokens, its standard error, and none left" {
    start_sshd 127.0.1.1
    proxy
    configure 'Host web*' '  HostName 127.0.1.1' '  HostKeyAlias web1' "  ProxyCommand $T/proxy %h %p \"\$(echo %n)\" 100%%"
    SHELL=/bin/bash run muster_ssh 'web[1-5]' --json
    status_is 0
    json_is .passed 5
    no_program
    for i in 1 2 3 4 5; do
        grep -q "the proxy command says.*server=web$i line=\"on the way to 127.0.1.1\"" err || fail "nothing of web$i"
    done
    stderr_has 'address="127.0.1.1 port 2222 by ProxyCommand"'
    gone "$T/proxy" || fail "it is left"
}

@test "a ProxyCommand that fails, one that is not there, and a jump host that has one" {
    start_sshd 127.0.0.2
    start_sshd 127.0.1.1
    proxy
    configure 'Host web1' "  ProxyCommand sh -c 'echo no way to %h >&2; exit 3'" 'Host web2' '  ProxyCommand /nonexistent' \
        'Host web3' '  HostName 127.0.1.1' '  ProxyJump bastion' \
        'Host bastion' '  HostName 127.0.0.2' '  HostKeyAlias web1' "  ProxyCommand $T/proxy %h %p"
    SHELL=/bin/sh run muster_ssh --retries 0 'web[1-3]' --json
    status_is 1
    json_is '[.servers[] | .reason // "none"] | join(" ")' 'unreachable unreachable none'
    detail_has 'the ProxyCommand ended with status 3: no way to web1'
    json_is '.servers[1].detail | contains("the ProxyCommand ended with status 127: ")' true
    stderr_has 'server="the jump host bastion" line="on the way to 127.0.0.2"'
    SHELL=/nonexistent/shell run muster_ssh --retries 0 web1 --json
    status_is 1
    reason_is unreachable
    detail_has 'cannot run the ProxyCommand'
}

@test "what a ProxyCommand has left behind, and complains for ever, holds nobody up" {
    start_sshd 127.0.1.1
    proxy
    mark=$((RANDOM + 900000))
    # a stray of a session of its own, which has the command's standard error
    cat >stray <<SH
#!/bin/bash
setsid sh -c 'echo \$\$ >>$T/stray.pids; exec yes complaint $mark >&2' >/dev/null </dev/null &
exec $T/proxy "\$@"
SH
    chmod +x stray
    configure 'Host web*' '  HostName 127.0.1.1' '  HostKeyAlias web1' "  ProxyCommand $T/stray %h %p"
    begin=$(date +%s%N)
    SHELL=/bin/bash run timeout -k 1 20 "$MUSTER" run -F ssh_config web1 --json -q
    took=$((($(date +%s%N) - begin) / 1000000))
    for pid in $(cat stray.pids); do
        kill $pid || true
        wait_for gone "complaint $mark"
    done
    status_is 0
    [ $took -lt 5000 ] || fail "it took $took ms"
    # the log has the beginning of the complaints
    "$MUSTER" log last >log
    [ "$(grep -c 'says too much' log)" -eq 1 ] || fail "it does not say that it says more"
    [ "$(grep -c "complaint $mark" log)" -lt 6000 ] || fail "the log has $(grep -c complaint log) complaints"
}

@test "Ctrl-C leaves no ProxyCommand, however it clings" {
    mark=$((RANDOM + 800000))
    printf '#!/bin/bash\ntrap "" HUP TERM\n(trap "" HUP; exec sleep %s.5) &\nwhile :; do sleep %s; done\n' $mark $mark >cling
    chmod +x cling
    configure 'Host web1' "  ProxyCommand $T/cling"
    "$MUSTER" run -F ssh_config web1 >out 2>err &
    pid=$!
    wait_for there "sleep $mark.5"
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    status_is 143
    gone "sleep $mark" || fail "it is left"
    gone "$T/cling" || fail "it is left"
}
