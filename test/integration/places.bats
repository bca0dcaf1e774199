#!/usr/bin/env bats
# `limits:` and `--limit`: no more servers at once of one rack, say, than that; over all runs of a
# store, and when one of them dies.

load common.bash
load postgres.bash

setup() {
    scratch
    printf 'labels:\n  rack: {a: "[1-20]", b: "[21-40]", c: "[41-60]"}\n  pdu: {p: "[1-40]"}\n' \
        >muster.yaml
}
teardown() {
    postgres_done
    scratch_done
}

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

@test "two runs of a store have the places between them" {
    watched_store
    "$MUSTER" run -q --simulate=servers=9,delay=1h-1h -b cpu --limit rack=2 >/dev/null 2>&1 </dev/null &
    one=$!
    two_claimed() { [ "$(sqlite3 $db "SELECT count(*) FROM server WHERE state = 'claimed'")" -eq 2 ]; }
    wait_for two_claimed
    run muster run -q --simulate=servers=22,delay=0-0 -b cpu --limit rack=3
    ended_is 22
    kill -INT $one
    wait $one || true
    [ "$(most rack_all)" -eq 3 ]
    [ "$(most own 'run = 3 AND others > 0')" -eq 2 ] # both of rack b
    [ "$(most own 'run = 3 AND rack_all > own')" -eq 1 ]
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
    waits() { grep -q 'others have all the places that the limits leave' err; }
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
    waits() { grep -q 'others have all the places' err; }
    wait_for waits
    kill -INT $other
    status=0
    wait $other || status=$?
    kill -INT $pid
    wait $pid || true
    [ $status -eq 130 ] || fail "status $status: $(cat err)"
    grep -q '3 cancelled' out || fail "$(cat out)"
}

# the same as watched_store, on PostgreSQL: $url; `asked STATEMENT` prints rows
shared_store() {
    postgres start db --quick
    url=$(postgres database db store)
    "$MUSTER" submit --simulate=servers=1 --store "$url" >/dev/null
    asked "CREATE TABLE muster.seen (rack_all bigint, holders bigint);
        CREATE FUNCTION muster.watch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \$\$ BEGIN
        INSERT INTO muster.seen SELECT count(*), count(DISTINCT holder) FROM muster.server
            WHERE state = 'claimed' AND labels::jsonb ->> 'rack' = new.labels::jsonb ->> 'rack';
        RETURN NULL; END \$\$;
        CREATE TRIGGER watch AFTER UPDATE OF state ON muster.server FOR EACH ROW
        WHEN (new.state = 'claimed') EXECUTE FUNCTION muster.watch();
        UPDATE muster.run SET closed = 1"
}

asked() { postgres sql db store "$1"; }

start_worker() { # NUMBER [OPTION...]
    "$MUSTER" worker --store "$url" --lease 1s --exit-when-idle "${@:2}" >"worker$1" 2>&1 </dev/null &
    echo $! >"worker$1.pid"
}

@test "workers of one PostgreSQL have the places between them, and those of one that was killed" {
    shared_store
    id=$("$MUSTER" submit --simulate=servers=60,seed=1,delay=200ms-300ms -b cpu --limit rack=3 \
        --store "$url")
    start_worker 1 -f 4
    some_claimed() { [ "$(asked "SELECT count(*) FROM muster.server WHERE state = 'claimed'")" -gt 0 ]; }
    wait_for some_claimed
    kill -KILL "$(cat worker1.pid)"
    start_worker 2 -f 4
    start_worker 3 -f 4
    run muster wait "$id" --store "$url" -q --json
    json_is '.passed + .failed' 60
    [ "$(asked 'SELECT max(rack_all) FROM muster.seen')" -eq 3 ]
    [ "$(asked 'SELECT max(holders) FROM muster.seen')" -ge 2 ] || fail "one worker had it all"
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
