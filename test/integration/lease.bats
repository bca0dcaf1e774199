#!/usr/bin/env bats
# Who is lost, and what is left of him: sessions that are cut, frozen or killed, over real sshds.
#
# An agent's file and temporary files are in the scratch folder, so that its processes are known by
# their command line and what it leaves is seen.

load common.bash

setup() {
    scratch
    ssh_material
    mkdir tmp
    start_sshd 127.0.0.1 "SetEnv SHLVL=2 XDG_CACHE_HOME=$T/cache TMPDIR=$T/tmp"
    mark=$((RANDOM + 800000))
    cat >muster.yaml <<Y
heartbeat: 300ms
lease: 1s
benchmarks:
  n:
    command: |
      (setsid sleep $mark.5 &)
      touch \$TMPDIR/file
      test -e $T/go || sleep $mark
      echo 80
    extract: {regex: "([0-9]+)"}
    timeout: 60s
Y
}
teardown() {
    ip link set lo up 2>/dev/null || true
    pkill -CONT -P "$(cat sshd-127.0.0.1.pid)" || true
    pkill -CONT -f "^$T/cache" || true
    scratch_done
}

# muster at work on the server, in $pid
begin() {
    "$MUSTER" run -F "${config:-ssh_config}" 127.0.0.1 --retries "${retries:-0}" --json >out.json 2>err </dev/null &
    pid=$!
    wait_for there "sleep $mark\$"
    wait_for test -e tmp/*/file
}

# waits for its end; $output and $status are as after `run`
join() {
    status=0
    wait $pid || status=$?
    output=$(cat out.json)
}

milliseconds() {
    echo $(($(date +%s%N) / 1000000))
}

nothing_is_left() {
    wait_for gone "$T/cache"
    wait_for gone "sleep $mark"
    [ -z "$(ls -A tmp)" ] || fail "left: $(find tmp)"
    # no lock either: the next run measures at once
    touch go
    run muster_ssh 127.0.0.1 --json
    status_is 0
}

sessions() { # SIGNAL to those of sshd
    pkill "-$1" -P "$(cat sshd-127.0.0.1.pid)"
}

@test "an agent that is stopped is lost within its lease" {
    begin
    local from
    from=$(milliseconds)
    pkill -STOP -f "^$T/cache"
    join
    from=$(($(milliseconds) - from))
    json_is '.servers[0].reason' connection-lost
    json_is '.servers[0].detail' 'no word from the agent for 1s'
    [ $from -ge 600 ] && [ $from -lt 3500 ] || fail "it took $from ms"
    pkill -CONT -f "^$T/cache"
    nothing_is_left
}

@test "one that is stopped for less goes on" {
    begin
    touch go
    pkill -STOP -f "^$T/cache"
    sleep 0.5
    pkill -CONT -f "^$T/cache"
    sleep 0.7 # words have come late, and none is missed
    pkill -f "sleep $mark\$"
    join
    json_is '.servers[0].reason' null
}

@test "a muster that is stopped loses its session, and tries again" {
    retries=1 begin
    kill -STOP $pid
    wait_for gone "$T/cache"
    touch go
    kill -CONT $pid
    join
    status_is 0
    json_is '.servers[0] | [.verdict, .attempts] | map(tostring) | join(" ")' 'passed 2'
}

@test "when the network is cut, both sides end" {
    [ "$(id -u)" = 0 ] && [ "$(readlink /proc/self/ns/net)" != "$(readlink /proc/1/ns/net)" ] ||
        skip "there is no network of our own to cut"
    begin
    ip link set lo down
    join
    json_is '.servers[0].reason' connection-lost
    json_is '.servers[0].detail' 'no word from the agent for 1s'
    wait_for gone "$T/cache"
    ip link set lo up
    nothing_is_left
}

@test "when sshd is frozen, nothing of the agent is left after its lease" {
    begin
    sessions STOP
    join
    json_is '.servers[0].reason' connection-lost
    wait_for gone "$T/cache"
    nothing_is_left
}

@test "when muster, sshd or ssh is killed, nothing is left" {
    begin
    kill -9 $pid
    join
    nothing_is_left
    rm go
    begin
    sessions KILL
    join
    json_is '.servers[0].reason' connection-lost
    nothing_is_left
    rm go
    { echo 'PermitLocalCommand yes'; echo 'LocalCommand true'; cat ssh_config; } >ssh_program
    config=ssh_program begin
    pkill -9 -P $pid ssh
    join
    json_is '.servers[0].reason' connection-lost
    nothing_is_left
}

@test "a process that cannot be killed costs its benchmark, and no more" {
    group=/sys/fs/cgroup/freezer/muster-test-$$
    mkdir "$group" 2>/dev/null || skip "there is no freezer that holds a process against SIGKILL"
    cat >muster.yaml <<Y
benchmarks:
  stuck:
    command: |
      sleep $mark & echo \$! >$group/cgroup.procs
      echo FROZEN >$group/freezer.state
      wait
    extract: {regex: "([0-9]+)"}
    timeout: 500ms
  next: {command: "echo 80", extract: {regex: "([0-9]+)"}}
Y
    local from
    from=$(milliseconds)
    run muster_ssh 127.0.0.1 --json
    from=$(($(milliseconds) - from))
    local stuck
    stuck=$(cat "$group/cgroup.procs")
    echo THAWED >"$group/freezer.state"
    wait_for rmdir "$group"
    status_is 1
    json_is '.servers[0].benchmarks | map(.reason // "none") | join(" ")' 'timeout none'
    [ -n "$stuck" ] || fail "it was not stuck"
    [ $from -lt 5000 ] || fail "it took $from ms"
    wait_for gone "$T/cache"
    wait_for gone "sleep $mark"
}

@test "another run is waited for, as long as told" {
    begin
    run muster run -T local --store "$T/b.db" --busy-wait 300ms --json
    status_is 1
    json_is '.servers[0].reason' busy
    json_is '.servers[0].detail | test("^n: run .* is measuring on this server .*, still after 0.3 s$")' true
    "$MUSTER" run -T local --store "$T/b.db" --busy-wait 20s --json >b.json 2>b.err </dev/null &
    local second=$!
    wait_for grep -q connected b.err
    touch go
    pkill -f "sleep $mark\$"
    join
    json_is .passed 1
    wait $second || fail "$(cat b.json)"
}

@test "a simulation longer than its lease" {
    printf 'heartbeat: 300ms\nlease: 1s\n' >muster.yaml
    run muster run --simulate=servers=20,seed=1,delay=1500ms,score=90 --json
    status_is 0
    json_is .passed 20
}

@test "a lease that one late word would end is a mistake" {
    printf 'lease: 20s\n' >muster.yaml
    run -2 muster run -T local
    stderr_has 'muster.yaml:1:8: lease: expected a lease of at least twice the heartbeat, found 20s and 15s'
}
