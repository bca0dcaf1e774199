#!/usr/bin/env bats
# One worker and several runs: what the servers of one have no use for is another's.

load common.bash
load postgres.bash

setup_file() {
    scratch
    postgres start db --quick --listen 127.0.3.7
    FIRST=$(postgres database db first)
    export FIRST
}
teardown_file() {
    postgres_done
    scratch_done
}

# each test has a database of its own
setup() {
    cd "$T" || return 1
    psql -qX "$FIRST" -c "CREATE DATABASE t$BATS_TEST_NUMBER"
    URL=${FIRST%first}t$BATS_TEST_NUMBER
    rm -rf muster.yaml one two long lifelong end
}
teardown() {
    local pid
    for pid in $(cat "$T"/*.pid 2>/dev/null); do
        kill -KILL "$pid" 2>/dev/null
    done
    rm -rf "$T"/*.pid "$T"/*.log "$T"/*.state
}

sql() { # STATEMENT
    PGOPTIONS="-c search_path=muster" psql -qAtX "$URL" -c "$1"
}

submit() { # SIMULATE [OPTION...]
    local simulate=$1
    shift
    "$MUSTER" submit --store "$URL" --simulate="$simulate,score=80-90" --retries 0 -b cpu "$@" 2>"$T/err" ||
        fail "submit: $(cat "$T/err")"
}

# a run of one server of the folder's name, or of those that are given, reached by a program that is in
# the folder where the run is begun; in one whose name ends in `long` it waits for a file
submit_own() { # FOLDER [SERVER...]
    mkdir -p "$1"
    printf 'benchmarks: {n: {command: "echo 90", extract: {regex: "([0-9]+)"}}}\n' >"$1/muster.yaml"
    printf '#!/bin/sh\npwd >>where\ncase $PWD in *long) until [ -e ../end ]; do sleep .1; done;; esac\n%s\n' \
        'exec sh -c "$1"' >"$1/go"
    chmod +x "$1/go"
    (cd "$1" && "$MUSTER" submit --store "$URL" -T command:./go "${@:$(($# > 1 ? 2 : 1))}" 2>"$T/err") || fail "$(cat "$T/err")"
}

start_worker() { # NAME [OPTION...]
    local name=$1
    shift
    XDG_STATE_HOME=$T/$name.state ${PROGRAM:+"$PROGRAM" unshare} "$MUSTER" worker --store "$URL" --lease 1s --log-format json -q \
        --log-file "$T/$name.log" "$@" >"$T/$name.out" 2>&1 3>&- </dev/null &
    echo $! >"$T/$name.pid"
}

pid_of() { # NAME
    cat "$T/$1.pid"
}

ended_well() { # NAME
    wait "$(pid_of "$1")" || fail "$1 ended with status $?: $(tail -n 3 "$T/$1.log" "$T/$1.out")"
    rm "$T/$1.pid"
}

# servers of the run that are in this state
count() { # RUN STATE
    sql "SELECT count(*) FROM server WHERE state = '$2' AND run = (SELECT number FROM run WHERE id = '$1')"
}
count_is() { # RUN STATE N
    [ "$(count "$1" "$2")" = "$3" ]
}
leases_are_over() {
    [ "$(sql 'SELECT count(*) FROM worker WHERE lease_until > now()')" = 0 ]
}
is_judged() { # RUN
    [ "$(sql "SELECT judged FROM run WHERE id = '$1'")" = 1 ]
}

@test "runs end one after the other while the last server of an older one is measured" {
    long=$(submit servers=1,delay=1h-1h)
    start_worker w -f 4
    wait_for count_is "$long" claimed 1
    for seed in 1 2; do
        id=$(submit servers=9,seed=$seed,delay=10ms-20ms)
        wait_for is_judged "$id"
        count_is "$id" "done" 9
    done
    count_is "$long" claimed 1
    [ "$(sql 'SELECT count(DISTINCT (host, pid, started)) FROM worker')" = 1 ]
    run -0 muster show --store "$URL" "$long"
    output_has '1 to come'
    # each run's log has its own lines
    run -0 muster log --store "$URL" "$id"
    [ "$(grep -c 'server passed' <<<"$output")" = 9 ] || fail "$output"
    kill -TERM "$(pid_of w)"
    kill -TERM "$(pid_of w)"
    ended_well w
    count_is "$long" pending 1
}

@test "what limits hold back keeps a worker from no other run" {
    printf 'labels: {rack: {a: "[1-9]"}}\n' >muster.yaml
    held=$(submit servers=9,delay=1h-1h --limit rack=2)
    start_worker w -f 4
    wait_for count_is "$held" claimed 2
    id=$(submit servers=9,delay=10ms-20ms --limit pdu=9)
    wait_for is_judged "$id"
    count_is "$held" claimed 2
    count_is "$held" pending 7
}

@test "over all its runs a worker has as many servers as its fan-out, and the older run first" {
    one=$(submit servers=2,delay=1h-1h --limit x=99)
    sql "CREATE TABLE seen (nth bigserial, run bigint, claimed bigint);
        CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO muster.seen (run, claimed)
            SELECT new.run, count(*) FROM muster.server WHERE state = ''claimed''; RETURN NULL; END';
        CREATE TRIGGER watch AFTER UPDATE ON server FOR EACH ROW WHEN (new.state = 'claimed')
            EXECUTE FUNCTION see()"
    start_worker w -f 5
    wait_for count_is "$one" claimed 2
    two=$(submit servers=10,seed=2,delay=50ms-100ms --limit x=99)
    three=$(submit servers=10,seed=3,delay=10ms-20ms --limit x=99)
    wait_for is_judged "$two"
    wait_for is_judged "$three"
    [ "$(sql 'SELECT max(claimed) FROM seen')" = 5 ]
    [ "$(sql 'SELECT max(nth) FILTER (WHERE run = 2) < min(nth) FILTER (WHERE run = 3) FROM seen')" = t ] ||
        fail "$(sql 'SELECT * FROM seen ORDER BY nth')"
}

@test "SIGTERM drains all its runs, and hands in what ends in time" {
    one=$(submit_own long)
    start_worker w -f 4
    wait_for count_is "$one" claimed 1
    two=$(submit_own lifelong)
    wait_for count_is "$two" claimed 1
    kill -TERM "$(pid_of w)"
    wait_for grep -q '"ending: ' w.log
    touch end
    ended_well w
    count_is "$one" "done" 1
    count_is "$two" "done" 1
    [ "$(sql 'SELECT count(*) FROM worker')" = 0 ]
}

@test "a worker that is killed has the servers of all its runs taken over" {
    one=$(submit_own long)
    start_worker dies -f 4
    wait_for count_is "$one" claimed 1
    two=$(submit_own lifelong)
    wait_for count_is "$two" claimed 1
    kill -KILL "$(pid_of dies)"
    wait "$(pid_of dies)" || true
    count_is "$one" claimed 1
    touch end
    start_worker takes -f 4 --exit-when-idle
    ended_well takes
    count_is "$one" "done" 1
    count_is "$two" "done" 1
    [ "$(sql 'SELECT sum(claim) FROM server')" = 4 ]
    is_judged "$one"
    is_judged "$two"
}

@test "a server that another run has in hand is left for later, and nothing else waits for it" {
    one=$(submit_own long shared)
    start_worker w -f 4
    wait_for count_is "$one" claimed 1
    two=$(submit_own two shared own)
    three=$(submit_own one)
    wait_for is_judged "$three"
    wait_for count_is "$two" "done" 1
    wait_for grep -q 'other runs have the servers that are left in hand: waiting' w.log
    count_is "$two" pending 1
    touch end
    wait_for is_judged "$two"
    [ "$(sql "SELECT string_agg(verdict, ' ') FROM server")" = 'passed passed passed passed' ]
}

@test "--run keeps to one run, and --exit-when-idle waits for all that are in hand" {
    one=$(submit servers=1,delay=1s-1s)
    two=$(submit servers=5,delay=10ms-20ms)
    start_worker only -f 4 --run "$one" --exit-when-idle
    ended_well only
    count_is "$one" "done" 1
    count_is "$two" pending 5
    three=$(submit servers=1,delay=1500ms-1600ms)
    start_worker all -f 4 --exit-when-idle
    ended_well all
    is_judged "$two"
    is_judged "$three"
}

@test "each run has its own folder, side by side" {
    mkdir -p long
    long=$(cd long && submit servers=1,delay=1h-1h)
    start_worker w -f 4
    wait_for count_is "$long" claimed 1
    one=$(submit_own one)
    wait_for is_judged "$one"
    two=$(submit_own two)
    wait_for is_judged "$two"
    [ "$(sort -u one/where two/where | tr '\n' ' ')" = "$T/one $T/two " ]
    [ "$(sql "SELECT count(*) FROM server WHERE verdict = 'passed'")" = 2 ] || fail "$(sql 'SELECT reason, detail FROM server')"
}

@test "where threads cannot have one, runs of one folder are side by side, and the others wait" {
    without=$(dirname "$MUSTER")/test/support/without
    "$without" unshare true || skip "no seccomp here"
    long=$(submit_own long)
    PROGRAM=$without start_worker w -f 4 --exit-when-idle
    wait_for count_is "$long" claimed 1
    two=$(submit_own two)
    beside=$(cd long && submit servers=1,delay=10ms-20ms)
    wait_for is_judged "$beside"
    count_is "$long" claimed 1
    count_is "$two" pending 1
    touch end
    ended_well w
    is_judged "$two"
    [ "$(sql "SELECT count(*) FROM server WHERE verdict = 'passed'")" = 3 ] || fail "$(sql 'SELECT reason, detail FROM server')"
}

@test "a run that is dropped behind its worker's back ends no other" {
    one=$(submit servers=2,delay=1h-1h)
    start_worker w -f 4
    wait_for count_is "$one" claimed 2
    two=$(submit servers=2,delay=10s-10s)
    wait_for count_is "$two" claimed 2
    kill -STOP "$(pid_of w)"
    wait_for leases_are_over
    run -0 muster store drop --store "$URL" --yes "$one"
    kill -CONT "$(pid_of w)"
    wait_for grep -q 'the run is gone from the store' "$T/w.log"
    count_is "$two" claimed 2
    three=$(submit servers=2,delay=10ms-20ms)
    wait_for is_judged "$three"
    kill -TERM "$(pid_of w)"
    kill -TERM "$(pid_of w)"
    ended_well w
}
