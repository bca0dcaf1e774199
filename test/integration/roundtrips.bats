#!/usr/bin/env bats
# How often muster waits for a server that is far away.

load common.bash

setup_file() {
    scratch
    ssh_material
    start_sshd 127.0.9.1
    "$BATS_TEST_DIRNAME/../support/latency_proxy.py" 127.0.9.2:2222 127.0.9.1:2222 60 \
        >"$T/turns" 2>"$T/proxy.err" </dev/null 3>&- &
    echo $! >"$T/proxy.pid"
    wait_for grep -q ready "$T/turns"
    cat >muster.yaml <<'TXT'
benchmarks:
  one: {command: echo 1, extract: {regex: (\d+)}, threshold: 0}
TXT
}

teardown_file() {
    scratch_done
}

# COMMAND... of which each is one connection through the proxy: the turns of the last one, in $turns
count_turns() {
    local before
    before=$(grep -c turns "$T/turns" || true)
    "$@" >"$T/out" 2>"$T/err" || fail "$*: $(cat "$T/out")"
    wait_for sh -c "[ \$(grep -c turns '$T/turns') -gt $before ]"
    turns=$(tail -n 1 "$T/turns" | cut -d' ' -f1)
}

@test "no more round trips than ssh takes to run true, and one" {
    muster_ssh -q 127.0.9.1 -b one # puts the agent there
    count_turns ssh -F "$T/ssh_config" 127.0.9.2 true
    local of_ssh=$turns
    count_turns "$MUSTER" run -F "$T/ssh_config" -q 127.0.9.2 -b one
    echo "# note: round trips but for the connection: ssh $of_ssh, muster $turns" >&3
    [ "$of_ssh" -ge 6 ]
    [ "$turns" -le $((of_ssh + 1)) ]
}
