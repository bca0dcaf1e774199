#!/usr/bin/env bats
# Several controllers on one PostgreSQL: muster submit, worker, wait, and run beside them.

load common
load postgres

setup_file() {
    scratch
    postgres start db --quick --password --listen 127.0.0.9
    ANY=$(postgres database db first)
    export ANY
    ssh_material
}

# each test has a database of its own, and no log of the one before to take for its own
setup() {
    cd "$T" || return 1
    rm -f run.* wait.*
    psql -qX "$ANY" -c "CREATE DATABASE d$BATS_TEST_NUMBER"
    URL=${ANY%first}d$BATS_TEST_NUMBER
}

teardown() {
    local pid
    for pid in $(cat "$T"/w*.pid 2>/dev/null); do
        kill -KILL "$pid" 2>/dev/null
    done
    rm -f "$T"/w*.pid
}

teardown_file() {
    postgres_done
    scratch_done
}

sql() { # STATEMENT
    PGOPTIONS="-c search_path=muster" psql -qAtX "$URL" -c "$1"
}

# a worker NAME in the background; its lines in $T/NAME.log, its exit status in $T/NAME.status
worker() { # NAME [OPTION...]
    local name=$1
    shift
    rm -f "$T/$name.status" "$T/$name.log"
    (
        "$MUSTER" worker --store "$URL" --log-format json "$@" 2>"$T/$name.log" 3>&- &
        echo $! >"$T/$name.pid"
        code=0
        wait $! || code=$?
        echo $code >"$T/$name.status.new"
        mv "$T/$name.status.new" "$T/$name.status"
    ) >/dev/null 2>&1 3>&- &
    wait_for said "$name" 'worker ready'
}

said() { # NAME TEXT
    grep -qF -- "$2" "$T/$1.log"
}

tell() { # SIGNAL NAME
    kill "-$1" "$(cat "$T/$2.pid")"
}

ended() { # NAME STATUS
    wait_for test -e "$T/$1.status"
    [ "$(cat "$T/$1.status")" = "$2" ] || fail "$1 ended with $(cat "$T/$1.status"): $(tail -5 "$T/$1.log")"
}

# a process of this shell ends with STATUS
ends() { # PID STATUS
    local code=0
    wait "$1" || code=$?
    [ "$code" = "$2" ] || fail "it ended with $code, not $2"
}

submit() {
    muster submit --store "$URL" "$@"
}

# how many servers of the store have a verdict; that so many have
done_count() {
    sql "SELECT count(*) FROM server WHERE state = 'done'"
}
have_verdicts() { # N
    [ "$(done_count)" -ge "$1" ]
}

# every server of the run has one verdict, and the totals are those of its servers
whole() { # RUN TOTAL
    run -0 muster show --store "$URL" --json "$1"
    json_is '.state' ended
    json_is '.total' "$2"
    json_is '.cancelled' 0
    json_is '[.servers[].server] | unique | length' "$2"
    json_is '.passed == ([.servers[] | select(.verdict == "passed")] | length)' true
    json_is '.failed == ([.servers[] | select(.verdict == "failed")] | length)' true
}

@test "what is not shared, wrong options, a store that is not there: status 2, and why" {
    run -2 muster submit --simulate
    stderr_has 'several controllers need a store on PostgreSQL: give one with --store postgresql://'
    run -2 muster worker --store here.db
    stderr_has 'several controllers need a store on PostgreSQL'
    [ ! -e here.db ]
    run -2 muster run --simulate=servers=2 --store here.db --site fra
    stderr_has '--site is for several controllers'
    run -2 muster wait
    stderr_has '`muster wait` takes one RUN'
    run -2 muster worker --store "$URL" web01
    stderr_has "takes no argument 'web01'"
    run -2 muster worker --store "$URL" --lease 10ms
    stderr_has "the lease is at least 1s, not '10ms'"
    run -2 muster worker --store "$URL" --probe nowhere
    stderr_has 'where to listen is ADDRESS:PORT'
    run -2 muster submit --store "$URL" --ask-password --simulate
    stderr_has "unknown option '--ask-password'"
    run -2 muster submit --store "$URL"
    stderr_has 'no servers'
    run -2 muster submit --store "$URL" -T nothing web01
    stderr_has "the transport is ssh, local or command:TEMPLATE, not 'nothing'"
    run -2 muster wait --store "$URL" last
    stderr_has 'is empty'
    run -2 muster submit --store "${URL%/*}/absent" --simulate
    stderr_has 'absent'
    run -2 env PGPASSWORD=wrong "$MUSTER" submit --store "postgresql://muster@127.0.0.9/d1" --simulate
    [[ $output == *password* && $output != *wrong* ]]
    run -2 muster runs --store "$URL"
    stderr_has 'is empty'
}

@test "submit, two workers, wait: one verdict each, and the summary of a run" {
    run -0 submit --simulate=servers=200,seed=1,delay=20ms-40ms -f 8
    id=$output
    [[ $id =~ ^[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$ ]]
    run -0 muster runs --store "$URL"
    output_has waiting
    worker w1
    worker w2 -f 4
    run -1 muster wait --store "$URL" "$id" --failed-to failed --passed-to passed
    output_has "Out of 200, 146 servers failed. 54 passed, 146 failed in"
    [ "$(wc -l <failed)" = 146 ] && [ "$(wc -l <passed)" = 54 ]
    run -0 muster runs --store "$URL"
    output_has ended
    whole "$id" 200
    said w1 '"event":"server passed"' && said w2 '"event":"server passed"' || fail "one did nothing"
    # each line of a server says of which run it is, and nothing is measured twice
    [ "$(cat w1.log w2.log | jq -r 'select(.event == "server passed" or .event == "server failed") | .run + .server' |
        sort -u | wc -l)" = 200 ]
    [ "$(cat w1.log w2.log | jq -r 'select(.server) | .run' | sort -u)" = "$id" ]
    # the next run wakes them; one that passes has status 0
    run -0 submit --json --simulate=servers=6,seed=1,delay=0-0,score=60-90
    json_is '.state + " " + (.total | tostring)' 'waiting 6'
    run -0 muster wait --store "$URL" last --json
    json_is '.state + " " + (.passed | tostring)' 'ended 6'
    tell TERM w1
    tell INT w2
    ended w1 0
    ended w2 0
    [ "$(sql 'SELECT count(*) FROM worker')" = 0 ]
}

@test "a worker is killed: after its lease another one takes its servers over" {
    id=$(submit --simulate=servers=60,seed=1,delay=150ms-300ms -f 8)
    worker w1 --lease 1s
    wait_for have_verdicts 10
    tell KILL w1
    worker w2 --lease 1s --exit-when-idle -f 32
    run -1 muster wait --store "$URL" "$id" --json
    json_is .cancelled 0
    ended w2 0
    whole "$id" 60
}

# a worker that has servers says that it takes no more
drains() {
    [ "$(sql 'SELECT count(*) FROM workers WHERE claimed > 0 AND draining')" = 1 ]
}

@test "SIGTERM: claims no more, hands in what it measures, gives the rest back" {
    id=$(submit --simulate=servers=100,seed=1,delay=200ms-400ms -f 8)
    worker w1
    wait_for have_verdicts 8
    tell TERM w1
    ended w1 0
    said w1 'claiming no more servers'
    [ "$(sql "SELECT count(*) FROM server WHERE state = 'claimed'")" = 0 ]
    n=$(done_count)
    [ "$n" -ge 8 ] && [ "$n" -lt 100 ]
    # what it had begun came to its end: nothing was cancelled
    ! said w1 cancelled || fail "$(grep cancelled w1.log | head -3)"
    # a second signal ends the sessions, and they are given back
    id=$(submit --simulate=servers=4,seed=1,delay=50s-60s)
    sql "UPDATE run SET closed = 1 WHERE id <> '$id'"
    worker w2
    wait_for said w2 '"event":"connected"'
    tell TERM w2
    wait_for said w2 'claiming no more servers'
    wait_for drains
    tell TERM w2
    ended w2 0
    [ "$(sql "SELECT count(*) FROM server WHERE state = 'claimed'")" = 0 ]
    # and so does its grace
    worker w3 --grace 300ms
    wait_for said w3 '"event":"connected"'
    tell INT w3
    ended w3 0
    run -0 muster show --store "$URL" "$id"
    output_has 'waiting for a worker'
    output_has 'no worker is there for servers of no site (4 servers).'
}

@test "PostgreSQL goes away in the middle of a run, and comes back" {
    id=$(submit --simulate=servers=120,seed=1,delay=50ms-100ms -f 8)
    worker w1 --probe 127.0.0.1:8081
    "$MUSTER" wait --store "$URL" "$id" >wait.out 2>wait.log 3>&- &
    echo $! >wait.pid
    wait_for have_verdicts 20
    postgres stop db immediate
    wait_for said w1 'the store cannot be reached: trying again'
    run -22 curl -sfo /dev/null http://127.0.0.1:8081/ready
    run -0 curl -sf http://127.0.0.1:8081/live
    postgres again db
    ends "$(cat wait.pid)" 1
    grep -q 'Out of 120, ' wait.out || fail "$(cat wait.out wait.log)"
    wait_for said w1 'the store is back' || fail "$(grep -v benchmark w1.log | tail -20)"
    whole "$id" 120
    tell TERM w1
    ended w1 0
    # before a worker has joined, too; then there is nothing to hand in
    postgres stop db
    "$MUSTER" worker --store "$URL" 2>w2.log 3>&- &
    echo $! >w2.pid
    wait_for said w2 'the store cannot be reached'
    tell TERM w2
    ends "$(cat w2.pid)" 0
    postgres again db
}

@test "a site without a worker is said, and waits for one" {
    printf '%s\n' 'a[1-3] site=fra' 'b[1-2] site=cdg' 'c1' >fleet
    id=$(submit -i fleet -T 'command:sh -c' -b none)
    worker w1 --site fra
    "$MUSTER" wait --store "$URL" "$id" >wait.out 2>wait.log 3>&- &
    echo $! >wait.pid
    wait_for have_verdicts 4
    [ "$(sql "SELECT string_agg(name, ' ' ORDER BY name) FROM server WHERE state = 'done'")" = "a1 a2 a3 c1" ]
    wait_for grep -q 'no worker is there for these servers .*site=cdg servers=2' wait.log
    run -0 muster show --store "$URL" "$id"
    output_has 'no worker is there for cdg (2 servers).'
    kill -INT "$(cat wait.pid)"
    ends "$(cat wait.pid)" 130
    grep -q 'the run goes on' wait.log
    grep -q 'no worker is there for cdg (2 servers).' wait.out || fail "$(cat wait.out)"
    [ "$(grep -c 'no worker is there' wait.log)" = 1 ] || fail "$(cat wait.log)"
    worker w2 --site cdg --exit-when-idle
    run -0 muster wait --store "$URL" "$id"
    output_has 'Out of 6, 0 servers failed. 6 passed'
    ended w2 0
}

@test "probes, and what systemd is told" {
    python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("notify")
s.settimeout(20)
while True:
    text = s.recv(100).decode()
    print(text, flush=True)
    if text == "STOPPING=1":
        sys.exit()' >notified 2>&1 3>&- &
    wait_for test -S notify
    id=$(submit --simulate=servers=1,seed=1,delay=1s-1s)
    NOTIFY_SOCKET=$T/notify WATCHDOG_USEC=1000000 worker w1 --probe 127.0.0.1:8082
    wait_for curl -sf http://127.0.0.1:8082/ready
    run -0 curl -sf http://127.0.0.1:8082/live
    [ "$output" = alive ]
    run -22 curl -sf http://127.0.0.1:8082/
    run -22 curl -sf -X POST http://127.0.0.1:8082/live
    wait_for eval '[ "$(grep -c WATCHDOG=1 notified)" -ge 2 ]'
    tell TERM w1
    ended w1 0
    wait
    [ "$(grep -vc WATCHDOG=1 notified)" = 2 ] && [ "$(grep -c WATCHDOG=1 notified)" -ge 2 ] || fail "$(cat notified)"
    [ "$(grep -v WATCHDOG=1 notified | tr '\n' ' ')" = 'READY=1 STOPPING=1 ' ] || fail "$(cat notified)"
    # its port is its own
    worker w2 --probe 127.0.0.1:8083
    run -2 muster worker --store "$URL" --probe 127.0.0.1:8083
    stderr_has 'port 8083 is in use'
}

@test "a run that cannot be worked on here is passed over, and keeps nobody from others" {
    bad=$(submit --simulate=servers=2)
    sql "UPDATE run SET options = '[\"--of-a-newer-muster\"]'"
    good=$(submit --simulate=servers=3,seed=1,delay=0-0,score=60-90)
    worker w1 --exit-when-idle
    ended w1 3
    said w1 'the run cannot be worked on here: passing it over for a minute'
    said w1 "unknown option '--of-a-newer-muster'"
    [ "$(grep -c 'passing it over' w1.log)" = 1 ]
    ! grep -v '^{' w1.log | grep -v '^muster: ' || fail "lines that are no JSON"
    whole "$good" 3
    run -0 muster show --store "$URL" "$bad"
    output_has '2 to come'
    run -2 muster worker --store "$URL" --run nosuch
    stderr_has "no run 'nosuch'"
    other=$(submit --simulate=servers=2,seed=1,delay=0-0)
    last=$(submit --simulate=servers=3,seed=1,delay=0-0,score=60-90)
    muster worker --store "$URL" --run last --exit-when-idle
    whole "$last" 3
    run -0 muster show --store "$URL" "$other"
    output_has '2 to come'
}

@test "too many errors stop a run for all, and say why" {
    submit --simulate=servers=60,seed=1,delay=10ms-20ms,error=100% --retries 0 -f 4 --max-errors 3
    worker w1 --exit-when-idle
    ended w1 0
    [ "$(sql "SELECT closed || ' ' || stopped FROM run" | sed 's/ [0-9]* of/ N of/')" = \
        '1 N of 60 servers ended in error, more than 3' ] || fail "$(sql 'SELECT closed, stopped FROM run')"
    [ "$(done_count)" -lt 60 ]
    run -1 muster run --store "$URL" --simulate=servers=60,seed=1,delay=10ms-20ms,error=100% --retries 0 -f 4 \
        --max-errors 3
    output_has ' of 60 servers ended in error, more than 3'
}

@test "muster run on a shared store: others help; Ctrl-C ends it for all" {
    worker w1
    run -1 muster run --store "$URL" --simulate=servers=100,seed=1,delay=20ms-40ms -f 4
    output_has 'Out of 100, '
    said w1 '"event":"server passed"'
    whole last 100
    # one that takes but one at a time, or the run might be left with none
    tell TERM w1
    ended w1 0
    worker w2 -f 1
    "$MUSTER" run --store "$URL" --simulate=servers=16,seed=1,delay=400ms-500ms -f 2 >run.out 2>run.log 3>&- &
    echo $! >w9.pid
    wait_for grep -q 'benchmark completed' run.log
    id=$(muster runs --store "$URL" --json | jq -r '.[0].run')
    "$MUSTER" wait --store "$URL" "$id" >wait.out 2>wait.log 3>&- &
    waiting=$!
    kill -INT "$(cat w9.pid)"
    ends "$(cat w9.pid)" 130
    grep -q 'cancelled in' run.out || fail "$(cat run.out)"
    ends "$waiting" 1
    run -0 muster runs --store "$URL"
    output_has interrupted
    worker w3
    run -1 muster resume --store "$URL" "$id" -q
    whole "$id" 16
}

@test "servers over ssh, by two workers with an ssh_config of their own" {
    start_sshd 127.0.0.11
    start_sshd 127.0.0.12
    mkdir -p elsewhere
    id=$(submit -F "$T/ssh_config" -b none 127.0.0.11 127.0.0.12)
    (cd elsewhere && worker w1 -f 1 --exit-when-idle) && worker w2 -f 1 --exit-when-idle
    run -0 muster wait --store "$URL" "$id"
    output_has 'Out of 2, 0 servers failed. 2 passed'
    ended w1 0
    ended w2 0
}

@test "wait on a store that is not shared, too" {
    "$MUSTER" run --store own.db --simulate=servers=20,seed=1,delay=100ms-200ms -f 10 >run.out 2>run.log 3>&- &
    wait_for grep -q 'benchmark completed' run.log
    run -1 muster wait --store own.db last
    [ "$output" = "$(cat run.out)" ] || fail "$(cat run.out)"
    wait
    run -1 muster wait --store own.db last
}
