#!/usr/bin/env bats
# What the limits of this machine do to a run: fewer servers at once, and nothing else.

load common.bash

setup() {
    scratch
    printf 'benchmarks:\n  n: {command: "sleep 0.2; echo 80", extract: {regex: "([0-9]+)"}}\n' >muster.yaml
}
teardown() { scratch_done; }

warned_once() { # of WHAT
    [ "$(grep -c 'warning' err)" -eq 1 ] || fail "$(grep warning err)"
    stderr_has "$1"
}

@test "few open files from the start" {
    run bash -c 'ulimit -n 70; "$0" run -T "command:sh -c" "s[1-60]" -f 50 --json 2>err' "$MUSTER"
    status_is 0
    json_is .passed 60
    warned_once 'fewer servers at once than asked for'
}

# the limit is lowered while muster works, below what it has open
lower_while_it_works() { # ARGUMENTS
    "$MUSTER" run "$@" --json >out.json 2>err &
    pid=$!
    wait_for grep -q 'info.*connected ' err
    prlimit --pid $pid --nofile=30:30
    status=0
    wait $pid || status=$?
    output=$(cat out.json)
}

@test "few open files in the middle of a run" {
    lower_while_it_works -T 'command:sh -c' 's[1-80]' -f 40
    status_is 0
    json_is .passed 80
    warned_once 'reason="Too many open files"'
}

@test "few open files in the middle of a run, with servers behind a jump host" {
    ssh_material
    echo "web* $(cut -d' ' -f1,2 host.pub)" >>known_hosts
    start_sshd 127.0.0.2
    start_sshd 127.0.1.1
    printf 'Host web*\n  HostName 127.0.1.1\n  HostKeyAlias web1\n  ProxyJump 127.0.0.2\n' | cat - ssh_config >ssh_config2
    lower_while_it_works -F ssh_config2 'web[1-60]' -f 30
    status_is 0
    json_is .passed 60
    warned_once 'reason="Too many open files"'
}

@test "few threads, with servers behind a jump host" {
    ssh_material
    echo "web* $(cut -d' ' -f1,2 host.pub)" >>known_hosts
    start_sshd 127.0.0.2
    start_sshd 127.0.1.1
    printf 'Host web*\n  HostName 127.0.1.1\n  HostKeyAlias web1\n  ProxyJump 127.0.0.2\n' | cat - ssh_config >ssh_config2
    shim=$(realpath "$(dirname "$MUSTER")/test/support/fail_calls.so")
    for nth in 8 11; do # the first seven are the log's, that of signals, and spare ones
        run env FAIL=thread:$nth+ LD_PRELOAD="$shim" "$MUSTER" run -F ssh_config2 'web[1-12]' -f 12 --json --log-file log -q
        cp log err && rm log
        status_is 0
        json_is .passed 12
        warned_once 'fewer threads than asked for'
    done
}
