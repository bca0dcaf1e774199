#!/usr/bin/env bats
# Agents that outlive their session, over real sshds: what they do is done once, whatever is lost.
#
# Two commands note each time that they run; the second one waits for the file `go`.

load common.bash

setup() {
    scratch
    ssh_material
    mkdir tmp
    start_sshd 127.0.0.1 "SetEnv SHLVL=2 XDG_CACHE_HOME=$T/cache TMPDIR=$T/tmp"
    cat >muster.yaml <<Y
heartbeat: 300ms
lease: 1s
linger: 60s
benchmarks:
  first:
    command: echo first >>$T/ran; echo 90
    extract: {regex: "([0-9]+)"}
  second:
    command: |
      echo second >>$T/ran; touch \$TMPDIR/file
      until test -e $T/go; do sleep 0.05; done
      echo 80
    extract: {regex: "([0-9]+)"}
    timeout: 60s
Y
}
teardown() {
    pkill -CONT -P "$(cat sshd-127.0.0.1.pid)" || true
    pkill -9 -f "^$T/cache" || true
    scratch_done
}

# muster in the middle of the second command, in $pid
begin() {
    "$MUSTER" run -F ssh_config 127.0.0.1 --json >out.json 2>err </dev/null &
    pid=$!
    wait_for grep -q second ran
}

# waits for its end; $output and $status are as after `run`
join() {
    status=0
    wait $pid || status=$?
    output=$(cat out.json)
}

sessions() { # SIGNAL to those of sshd
    pkill "-$1" -P "$(cat sshd-127.0.0.1.pid)"
}

# the processes of agents
agents() {
    pgrep -fc "^$T/cache" || true
}
agents_are() {
    [ "$(agents)" -eq "$1" ]
}

journal() {
    find cache -name 'journal-*'
}

ran_once() {
    [ "$(tr '\n' ' ' <ran)" = "first second " ] || fail "ran: $(tr '\n' ' ' <ran)"
}

nothing_is_left() {
    wait_for agents_are 0
    [ -z "$(journal)$(ls -A tmp)" ] || fail "left: $(journal) $(find tmp)"
}

passed() {
    status_is 0
    json_is '[.servers[0].benchmarks[].value | tostring] | join(" ")' '90 80'
    ran_once
    nothing_is_left
}

@test "without a fault it is as always" {
    touch go
    begin
    join
    json_is '.servers[0].attempts' 1
    passed
}

@test "when the session is lost, the retry takes up what goes on" {
    begin
    sessions KILL
    wait_for agents_are 4 # with their guards: the one that stayed, and its relay
    touch go
    join
    json_is '.servers[0].attempts' 2
    passed
}

@test "what was done before the retry came is told to it" {
    begin
    sessions KILL
    touch go
    join
    passed
}

@test "the newest session wins over one that is half dead" {
    begin
    sessions STOP
    wait_for agents_are 4
    touch go
    join
    sessions CONT || true
    passed
}

@test "muster is killed, and resume takes up what goes on" {
    begin
    kill -9 $pid
    join
    touch go
    run muster resume last --json
    passed
}

@test "muster is interrupted, says so, and resume takes up what goes on" {
    begin
    kill -INT $pid
    join
    status_is 130
    stderr_has 'agents go on without muster'
    wait_for agents_are 2
    "$MUSTER" resume last --json >out.json 2>err </dev/null &
    pid=$!
    wait_for agents_are 4
    kill -9 $pid # and again
    join
    touch go
    run muster resume last --json
    passed
}

@test "when its time is over, nothing is left" {
    sed -i 's/^linger: .*/linger: 700ms/' muster.yaml
    begin
    kill -9 $pid
    join
    [ -n "$(journal)" ] || fail "it kept no journal"
    nothing_is_left
}

@test "when it is killed too, its journal is left, and used" {
    begin
    kill -9 $pid
    join
    kill -9 "$(pgrep -P "$(pgrep -of "^$T/cache")")" # its guard does the rest
    wait_for agents_are 0
    [ -n "$(journal)" ] || fail "no journal"
    [ -z "$(ls -A tmp)" ] || fail "left: $(find tmp)"
    head -c 10 /dev/urandom >>"$(journal)" # the crash cut a line
    touch go
    run muster resume last --json
    status_is 0
    json_is '[.servers[0].benchmarks[].value | tostring] | join(" ")' '90 80'
    [ "$(tr '\n' ' ' <ran)" = "first second second " ] || fail "ran: $(cat ran)"
    nothing_is_left
}

@test "two names of one machine are two servers" {
    printf 'Host one two\n  HostName 127.0.0.1\n  HostKeyAlias [127.0.0.1]:2222\n' | cat - ssh_config >c && mv c ssh_config
    cat >muster.yaml <<Y
heartbeat: 300ms
lease: 1s
linger: 60s
benchmarks:
  pid:
    command: echo \$\$ >>$T/ran; until test -e $T/go; do sleep 0.05; done; echo \$\$
    extract: {regex: "([0-9]+)"}
    reference: 1
Y
    "$MUSTER" run -F ssh_config one two --json >out.json 2>err </dev/null &
    pid=$!
    touch ran
    both_ran() { [ "$(wc -l <ran)" -eq 2 ]; }
    wait_for both_ran
    sessions KILL
    wait_for agents_are 8
    touch go
    join
    status_is 0
    json_is '[.servers[].benchmarks[0].value] | sort | map(tostring) | join(" ")' "$(sort -n ran | tr '\n' ' ' | sed 's/ $//')"
    nothing_is_left
}

@test "nobody else gets at it" {
    [ "$(id -u)" = 0 ] || skip "this takes another user"
    begin
    kill -9 $pid
    join
    name=$(grep -o '@muster-linger:[^ ]*' /proc/net/unix | head -1)
    run -0 setpriv --reuid 65534 --regid 65534 --clear-groups /usr/bin/python3 - "${name#@}" <<'P'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect("\0" + sys.argv[1])
try:
    s.send(b'{"type":"end"}\n')
    print("said", s.recv(100))
except ConnectionError:
    print("said b''")
P
    output_has "said b''"
    touch go
    run muster resume last --json
    passed
}

@test "nobody else gets a session by taking the name first" {
    [ "$(id -u)" = 0 ] || skip "this takes another user"
    begin
    kill -9 $pid
    join
    name=$(grep -o '@muster-linger:[^ ]*' /proc/net/unix | head -1)
    kill -9 "$(pgrep -P "$(pgrep -of "^$T/cache")")"
    wait_for agents_are 0
    setpriv --reuid 65534 --regid 65534 --clear-groups /usr/bin/python3 - "${name#@}" >heard 2>&1 <<'P' &
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind("\0" + sys.argv[1])
s.listen()
s.settimeout(20)
print("listens", flush=True)
c = s.accept()[0]
c.settimeout(5)
print("heard", c.recv(1000), flush=True)
P
    wait_for grep -q listens heard
    touch go
    run muster resume last --json
    status_is 0
    [ "$(tr '\n' ' ' <ran)" = "first second second " ] || fail "ran: $(cat ran)" # by the journal
    wait_for grep -q "heard b''" heard || fail "$(cat heard)"
    nothing_is_left
}

@test "one that has nothing to do lets another run measure" {
    begin
    kill -9 $pid
    join
    touch go
    kept() { [ "$(wc -l <"$(journal)")" -eq 2 ]; }
    wait_for kept
    run muster run -T local -b none --store other.db -q
    status_is 0
    printf 'benchmarks: {n: {command: "echo 80", extract: {regex: "([0-9]+)"}}}\n' >other.yaml
    run muster run -F ssh_config -c other.yaml --store other.db 127.0.0.1 --json
    status_is 0
    run muster resume last --json
    passed
}

@test "what did not pass is measured anew" {
    touch go
    sed -i 's/^benchmarks:/threshold: 85\nbenchmarks:/' muster.yaml
    begin
    join
    status_is 1
    run muster resume last --failed --json
    status_is 1
    [ "$(tr '\n' ' ' <ran)" = "first second first second " ] || fail "ran: $(cat ran)"
    nothing_is_left
}

# LINGER_ROUNDS=40 for more of it: six commands, muster ended at random moments until they are done
@test "muster is killed or interrupted again and again, at random moments" {
    local seed=${LINGER_SEED:-$RANDOM} kills=0 round number command signal runs
    echo "LINGER_SEED=$seed"
    RANDOM=$seed
    sed -i '/^benchmarks:/q' muster.yaml
    for number in 1 2 3 4 5 6; do
        echo "  b$number: {command: 'echo $number >>$T/ran; sleep 0.1; echo 8$number', extract: {regex: '([0-9]+)'}}"
    done >>muster.yaml
    for round in $(seq "${LINGER_ROUNDS:-2}"); do
        : >ran
        command="run -F ssh_config 127.0.0.1"
        for number in 1 2 3 4 5 6 7; do
            # shellcheck disable=SC2086
            "$MUSTER" $command --json -q --store "$round.db" >out.json 2>err </dev/null &
            pid=$!
            sleep "0.$((RANDOM % 6))$((RANDOM % 10))"
            if [ $number -lt 7 ]; then
                [ $((RANDOM % 2)) = 0 ] && signal=KILL || signal=INT
                kill -$signal $pid 2>/dev/null || true
            fi
            join
            [ "$status" -gt 128 ] || break
            kills=$((kills + 1))
            # none while it was ended before it had made the store
            runs=$("$MUSTER" runs --store "$round.db" --json 2>/dev/null | jq length)
            [ "${runs:-0}" -eq 0 ] || command="resume last"
        done
        status_is 0
        json_is '[.servers[0].benchmarks[].value | tostring] | join(" ")' '81 82 83 84 85 86'
        [ "$(tr '\n' ' ' <ran)" = "1 2 3 4 5 6 " ] || fail "round $round ran: $(tr '\n' ' ' <ran)"
    done
    nothing_is_left
    echo "$kills times ended"
}
