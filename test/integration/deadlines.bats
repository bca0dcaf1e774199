#!/usr/bin/env bats
# Every wait has a deadline, and its sentence says which one has passed (docs/RELIABILITY.md).

load common.bash

setup() {
    scratch
    ssh_material
}
teardown() { scratch_done; }

# what ForceCommand and a benchmark's end are made of: they end with sshd
wait_with_parent='while kill -0 $PPID 2>/dev/null; do sleep 0.1; done'

# full.pid: 127.0.0.2 swallows packets, 127.0.0.3 accepts and says nothing, 127.0.0.4 stops after its banner
bad_listeners() {
    python3 - "$T" <<'PY' &
import socket, sys, time
def listen(address, backlog):
    l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    l.bind((address, 2222)); l.listen(backlog)
    return l
full = listen("127.0.0.2", 0)
held = []
for _ in range(3):
    s = socket.socket(); s.setblocking(False); s.connect_ex(("127.0.0.2", 2222)); held.append(s)
mute = listen("127.0.0.3", 10)
stops = listen("127.0.0.4", 10)
open(sys.argv[1] + "/ready", "w").close()
while True:
    c, _ = stops.accept(); c.sendall(b"SSH-2.0-x\r\n"); held.append(c)
PY
    echo $! >full.pid
    wait_for test -e ready
}

# SERVER REASON SECONDS SENTENCE, in $output; how much later than SECONDS it was is in $T/late
ends() {
    local server=".servers[] | select(.server == \"$1\")"
    json_is "$server | .reason" "$2"
    json_is "$server | .detail" "$4"
    jq "$server | (.seconds - $3) * 1000 | floor" <<<"$output" >>late
    json_is "$server | .seconds >= $3 - 0.01 and .seconds < $3 + 2" true
}

@test "each deadline has its own sentence" {
    bad_listeners
    start_sshd 127.0.0.5 "ForceCommand $wait_with_parent"
    start_sshd 127.0.0.6 'SetEnv SHLVL=2 CASE=slow'
    start_sshd 127.0.0.7 'SetEnv SHLVL=2 CASE=frozen'
    zero=$(printf '%064d' 0)
    cat >alive <<SH
echo '{"muster":1,"type":"hello","version":"1","hash":"$zero","arch":"none","facts":{}}'
while kill -0 \$PPID 2>/dev/null; do echo '{"type":"alive"}'; sleep 0.1; done
SH
    start_sshd 127.0.0.8 "ForceCommand sh $T/alive"
    cat >muster.yaml <<'Y'
ssh: {connect_timeout: 500ms, login_timeout: 2s}
heartbeat: 300ms
lease: 1s
benchmarks:
  n:
    command: 'case $CASE in slow) sleep 60;; frozen) kill -STOP $PPID; sleep 2;; esac; echo 80'
    extract: {regex: '([0-9]+)'}
    timeout: 600ms
Y
    run muster_ssh '127.0.0.[2-8]' --retries 0 --json
    status_is 1
    ends 127.0.0.2 unreachable 0.5 'no answer from 127.0.0.2 port 2222 within 500ms (ssh.connect_timeout)'
    ends 127.0.0.3 timeout 0.5 'no SSH banner from 127.0.0.3 port 2222 within 500ms (ssh.connect_timeout)'
    ends 127.0.0.4 timeout 0.5 'no end of the key exchange with 127.0.0.4 port 2222 within 500ms (ssh.connect_timeout)'
    ends 127.0.0.5 timeout 2 'the remote shell did not start the agent within 2s (ssh.login_timeout)'
    ends 127.0.0.6 timeout 0.6 'n: the command did not end within 0.6 s (benchmarks.n.timeout)'
    ends 127.0.0.7 connection-lost 1 'no word from the agent for 1s'
    ends 127.0.0.8 timeout 5.6 'n: no answer from the agent 600ms and 5s after its start (benchmarks.n.timeout)'
    echo "# late by at most $(sort -n late | tail -n 1) ms" >&3
    pkill -CONT -f '^[^ ]*/muster/agent-' || true
}

@test "a server's time and a run's are told apart" {
    start_sshd 127.0.0.6
    printf 'benchmarks:\n  n: {command: "sleep 60", extract: {regex: "([0-9]+)"}}\n' >muster.yaml
    run muster_ssh 127.0.0.6 --timeout 1s --json
    status_is 1
    ends 127.0.0.6 timeout 1 "the server's time was over while n ran (--timeout)"
    start_sshd 127.0.0.5 "ForceCommand $wait_with_parent"
    run muster_ssh 127.0.0.5 --timeout 500ms --json
    ends 127.0.0.5 timeout 0.5 "the server's time was over before the agent could start (--timeout)"
    echo 'run_timeout: 1s' >>muster.yaml
    run muster_ssh 127.0.0.6 --json
    status_is 1
    json_is '.servers[0] | [.verdict, .reason] | join(" ")' 'cancelled interrupted'
    stderr_has "the run's time is over"
}
