#!/usr/bin/env bats
# `limits:` and `--limit`: no more servers at once of one rack, say, than that; over all runs of a
# store, and when one of them dies.

load common.bash

setup() {
    scratch
    printf 'labels:\n  rack: {a: "[1-20]", b: "[21-40]", c: "[41-60]"}\n  pdu: {p: "[1-40]"}\n' \
        >muster.yaml
}
teardown() { scratch_done; }

db=state/muster/muster.db

# Makes the store, with a table of what was claimed of each rack and of the pdu whenever a server was.
watched_store() {
    "$MUSTER" run -q --simulate=servers=1,delay=0-0,error=0% >/dev/null || true
    sqlite3 $db "CREATE TABLE seen (run, own, rack_all, pdu_all, others);
        CREATE TRIGGER watch AFTER UPDATE OF state ON server WHEN new.state = 'claimed' BEGIN
        INSERT INTO seen SELECT new.run, sum(run = new.run AND labels ->> 'rack' = new.labels ->> 'rack'),
            sum(labels ->> 'rack' = new.labels ->> 'rack'), sum(labels ->> 'pdu' = 'p'),
            sum(run <> new.run) FROM server WHERE state = 'claimed'; END"
}

most() { # COLUMN [WHERE]
    sqlite3 $db "SELECT max($1) FROM seen ${2:+WHERE $2}"
}

ended_is() { # N: of the newest run
    [ "$(sqlite3 $db "SELECT count(*) FROM server WHERE run = (SELECT max(number) FROM run) AND
        state = 'done'")" -eq "$1" ] || fail "$(sqlite3 $db 'SELECT run, position, state FROM server')"
}

@test "a run never has more of a rack or of a pdu than the limits say, and comes to its end" {
    watched_store
    printf 'limits: {rack: 4, pdu: 5}\n' >>muster.yaml
    run muster run -q --simulate=servers=60,seed=1,delay=1ms-20ms -b cpu -f 40
    ended_is 60
    [ "$(most rack_all)" -eq 4 ]
    [ "$(most pdu_all)" -eq 5 ]
}

@test "the command line goes before the configuration, and a resume keeps it" {
    watched_store
    printf 'limits: {rack: 4}\n' >>muster.yaml
    "$MUSTER" run -q --simulate=servers=60,seed=1,delay=1ms-20ms -b cpu -f 40 --limit rack=2 \
        >/dev/null 2>&1 </dev/null &
    pid=$!
    some_done() { [ "$(sqlite3 $db 'SELECT max(passed + failed) FROM run')" -ge 10 ]; }
    wait_for some_done
    kill -INT $pid
    wait $pid || true
    run muster resume last -q
    ended_is 60
    [ "$(most rack_all)" -eq 2 ]
}

@test "the longest first, within the limits" {
    watched_store
    "$MUSTER" run -q --simulate=servers=30,seed=1,delay=1ms-20ms -b cpu -f 60 >/dev/null || true
    sqlite3 $db 'DELETE FROM seen'
    run muster run -q --simulate=servers=30,seed=1,delay=1ms-20ms -b cpu -f 60 --longest-first \
        --limit rack=3
    ended_is 30
    [ "$(most rack_all)" -eq 3 ]
}

@test "two runs of a store have the places between them, and both come to their end" {
    watched_store
    printf 'limits: {rack: 3}\n' >>muster.yaml
    "$MUSTER" run -q --simulate=servers=9,seed=1,delay=150ms-200ms -b cpu --json >one \
        2>&1 </dev/null &
    one=$!
    three_claimed() { [ "$(sqlite3 $db "SELECT count(*) FROM server WHERE state = 'claimed'")" -eq 3 ]; }
    wait_for three_claimed
    "$MUSTER" run -q --simulate=servers=60,seed=2,delay=10ms-30ms -b cpu --json >two \
        2>&1 </dev/null &
    two=$!
    wait $one || true
    wait $two || true
    [ "$(jq '.passed + .failed' one)" -eq 9 ] || fail "$(cat one)"
    [ "$(jq '.passed + .failed' two)" -eq 60 ] || fail "$(cat two)"
    [ "$(most rack_all)" -eq 3 ]
    [ "$(most others)" -gt 0 ] || fail "the two were never there at the same time"
}

@test "the places of a run that was killed are free again" {
    watched_store
    printf 'limits: {rack: 4}\n' >>muster.yaml
    "$MUSTER" run -q --simulate=servers=6,delay=1h-1h -b cpu >/dev/null 2>&1 </dev/null &
    pid=$!
    four_claimed() { [ "$(sqlite3 $db "SELECT count(*) FROM server WHERE state = 'claimed'")" -eq 4 ]; }
    wait_for four_claimed
    "$MUSTER" run --simulate=servers=6,delay=0-0 -b cpu >/dev/null 2>err </dev/null &
    other=$!
    waits() { grep -q 'other runs have all the places that the limits leave' err; }
    wait_for waits
    four_claimed
    kill -KILL $pid
    wait $pid || true
    wait $other || true
    ended_is 6
    [ "$(most own)" -eq 4 ]
}

@test "a run that waits for a place can be interrupted" {
    "$MUSTER" run -q --simulate=servers=3,delay=1h-1h --limit rack=1 >/dev/null 2>&1 </dev/null &
    pid=$!
    one_claimed() { [ "$(sqlite3 $db "SELECT count(*) FROM server WHERE state = 'claimed'")" -eq 1 ]; }
    wait_for one_claimed
    "$MUSTER" run --simulate=servers=3,delay=0-0 --limit rack=1 >out 2>err </dev/null &
    other=$!
    waits() { grep -q 'other runs have all the places' err; }
    wait_for waits
    kill -INT $other
    status=0
    wait $other || status=$?
    kill -INT $pid
    wait $pid || true
    [ $status -eq 130 ] || fail "status $status: $(cat err)"
    grep -q '3 cancelled' out || fail "$(cat out)"
}

@test "a limit on a label that no server has is told" {
    run muster run --simulate=servers=2,delay=0-0,score=90-90 --limit pod=1 --limit rack=1
    status_is 0
    stderr_has 'no server has the label of a limit'
    stderr_has label=pod
    [ "$(grep -c 'label of a limit' err)" -eq 1 ]
    run muster run --simulate=servers=2 --limit pod=1 --limit rack=1 --dry-run
    output_has 'at most 1 at once of one pod, a label that no server has'
    run muster run --simulate=servers=2 --limit pod=1 --dry-run --json
    json_is .limits.pod 1
}

@test "a limit that is none is refused" {
    for limit in rack rack= rack=0 rack=x =3 kind=1 'a b=1'; do
        run muster run --simulate=servers=1 --limit "$limit"
        status_is 2
    done
}

@test "labels are in documents, and are printed" {
    printf 'web[1-2] rack=7 site=fra\n' >inventory
    run muster run -T local -i inventory -b none --json
    json_is '.servers[0].labels | tojson' '{"rack":"7","site":"fra"}'
    json_is '.servers[1].site' fra
    run muster show last --server web1
    output_has 'rack=7 site=fra'
    run muster servers -i inventory 2 --labels
    output_has 'web1 rack=7 site=fra'
    output_has '2 pdu=p rack=a'
    run muster servers -i inventory --labels --json
    json_is '.[1] | tojson' '{"server":"web2","labels":{"rack":"7","site":"fra"}}'
    run muster run --simulate=servers=1,delay=0-0 --json
    json_is '.servers[0].labels | tojson' '{"pdu":"p","rack":"a"}'
    json_is '.servers[0] | has("site")' false
}
