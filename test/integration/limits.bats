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

# ---- seen at the start: one line that says which limit, its value and the remedy -----------------

# how many servers were worked on at most, and why not more
lowered() { # FANOUT REASON REMEDY
    warned_once 'fewer servers at once than asked for'
    stderr_has "fanout=$1 asked="
    stderr_has "reason=\"$2"
    stderr_has "raise=\"$3"
}

apart() { # COMMAND...: with standard error in a file
    "$@" 2>err
}

another_user() { # COMMAND...: as a user of whom there is nothing else on this machine
    [ "$(id -u)" = 0 ] || skip "not root: no other user to be"
    chmod 755 "$T" && chown -R 64123 "$T"
    setpriv --reuid 64123 --regid 64123 --clear-groups --inh-caps=-all --bounding-set=-all "$@"
}

# a control group of this test's own, in version 2 or 1, in $group
own_group() { # CONTROLLER
    local top
    [ "$(id -u)" = 0 ] || skip "not root: no control group of its own"
    for top in /sys/fs/cgroup "/sys/fs/cgroup/$1"; do
        group=$top/muster-test-$$-$BATS_TEST_NUMBER
        mkdir "$group" 2>/dev/null || continue
        [ -e "$group/cgroup.procs" ] && [ -e "$group/$2" ] && return 0
        rmdir "$group"
    done
    skip "no control group for $1 can be made here"
}

in_group() { # COMMAND...
    bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" "$@"
}

leave_group() {
    wait_for rmdir "$group"
}

@test "the document says how many were worked on at once, the log what was asked for" {
    run apart prlimit --nofile=100:100 "$MUSTER" run -T 'command:sh -c' 's[1-30]' -f 30 --json
    status_is 0
    json_is '[.passed, .fanout] | join(" ")' '30 10'
    lowered 10 'RLIMIT_NOFILE (open files) is 100' 'ulimit -n 234'
    run "$MUSTER" show last --json
    json_is .fanout 10
}

@test "a soft limit is raised, and nothing said" {
    run apart prlimit --nofile=70:400 "$MUSTER" run -T 'command:sh -c' 's[1-30]' -f 30 --json
    status_is 0
    json_is .passed 30
    ! grep -q warning err || fail "$(cat err)"
}

@test "a fan-out that is larger than the fleet wants no more than the fleet" {
    run apart prlimit --nofile=100:100 "$MUSTER" run -T 'command:sh -c' 's[1-8]' -f 5000 --json
    status_is 0
    json_is .passed 8
    ! grep -q warning err || fail "$(cat err)"
}

@test "few processes of a user" {
    another_user true
    run apart another_user prlimit --nproc=100:100 "$MUSTER" run --simulate=servers=200,delay=10ms-20ms,score=90-91,seed=1 -f 200 --json
    status_is 0
    json_is .passed 200
    lowered 81 "RLIMIT_NPROC (the user's processes and threads) is 100, " 'ulimit -u 2'
    run apart another_user prlimit --nproc=100:100 "$MUSTER" run -T "command:sh -c" "s[1-30]" -f 30 --json
    status_is 0
    json_is .passed 30
    lowered 13 "RLIMIT_NPROC (the user's processes and threads) is 100, " 'ulimit -u 1'
}

@test "what concerns ssh alone does not hold up a simulated run" {
    run apart prlimit --nofile=60:60 "$MUSTER" run --simulate=servers=200,delay=10ms-20ms,score=90-91,seed=1 -f 200 --json
    status_is 0
    json_is .passed 200
    ! grep -q warning err || fail "$(cat err)"
}

@test "a control group for few processes" {
    own_group pids pids.max
    echo 60 >"$group/pids.max"
    run apart in_group "$MUSTER" run --simulate=servers=200,delay=10ms-20ms,score=90-91,seed=1 -f 200 --json
    leave_group
    status_is 0
    json_is .passed 200
    lowered 41 "pids.max of the cgroup $group is 60, 3 in use" "systemctl set-property UNIT TasksMax=219"
}

@test "a control group with little memory" {
    own_group memory memory.limit_in_bytes
    echo $((24 << 20)) >"$group/memory.limit_in_bytes"
    run apart in_group "$MUSTER" run --simulate=servers=2000,delay=10ms-20ms,score=90-91,seed=1 -f 2000 --json
    leave_group
    status_is 0
    json_is .passed 2000
    warned_once 'fewer servers at once than asked for'
    stderr_has "reason=\"the memory limit of the cgroup $group is 24 MiB"
}

@test "a session over ssh takes one descriptor: 120 at once where 600 may be open" {
    ssh_material
    start_fleet --servers 120 --gather 120
    echo 'benchmarks: {n: {command: "true", extract: {regex: "([0-9]+)"}}}' >muster.yaml
    run apart prlimit --nofile=600:600 "$MUSTER" run -F "$T/ssh_config" -i fleet -f 120 -b n -t 0 --json
    status_is 0
    json_is .passed 120
    ! grep -q 'fewer servers' "$T/err" || fail "the fan-out was lowered"
    stop_fleet
}

@test "few local ports, for servers at one address" {
    own=(unshare -n sh -c 'ip link set lo up; echo 40000 40009 >/proc/sys/net/ipv4/ip_local_port_range; exec "$@"' sh)
    "${own[@]}" true 2>/dev/null || skip "no network of its own"
    seq -f 'user%g@127.0.0.1:1' 30 >same
    run apart "${own[@]}" "$MUSTER" run -i same -f 30 --retries 0 --json
    status_is 1
    sed -i '/trying again/d; /server failed/d' err
    lowered 10 'the number of ports in net.ipv4.ip_local_port_range is 10' 'sysctl net.ipv4.ip_local_port_range='
    seq -f '127.0.0.%g:1' 30 >apart
    run apart "${own[@]}" "$MUSTER" run -i apart -f 30 --retries 0 --json
    status_is 1
    ! grep -q 'fewer servers' err || fail "$(cat err)"
}
