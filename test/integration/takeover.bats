#!/usr/bin/env bats
# Several workers on one run in PostgreSQL, when one of them or PostgreSQL itself goes away. What happens at
# random moments is test/chaos/crew.py's.

load common.bash
load postgres.bash

setup() {
    scratch
    postgres start db --quick --listen 127.0.3.1
    url=$(postgres database db store)
}
teardown() {
    postgres_done
    scratch_done
}

submit() { # SIMULATE
    id=$("$MUSTER" submit --simulate="$1" --retries 0 --store "$url" 2>"$T/err") || fail "submit"
}

start_worker() { # NAME OPTIONS...
    local name=$1
    shift
    mkdir "$T/$name"
    XDG_STATE_HOME=$T/$name "$MUSTER" worker --store "$url" --lease 1s --log-file "$T/$name.jsonl" \
        --log-format json -q "$@" >"$T/$name.out" 2>&1 3>&- </dev/null &
    echo $! >"$T/$name.pid"
}

signal() { # NAME SIGNAL
    kill "-$2" "$(cat "$T/$1.pid")"
}

ended_well() { # NAME
    wait "$(cat "$T/$1.pid")" || fail "$1 ended with status $?: $(tail -n 3 "$T/$1.jsonl" "$T/$1.out")"
}

of_servers() { # SQL of what is asked, over the run's servers
    postgres sql db store "SELECT $1 FROM muster.server"
}
claimed_is() { [ "$(of_servers "count(*) FILTER (WHERE state = 'claimed')")" = "$1" ]; }

@test "a worker that is to end when idle stays for the servers of one that dies" {
    submit servers=4,seed=1,delay=2s,score=80-90
    start_worker dies -f 4
    wait_for claimed_is 4
    start_worker stays -f 4 --exit-when-idle
    wait_for grep -q 'worker ready' stays.jsonl
    signal dies KILL
    wait "$(cat dies.pid)" || true
    ended_well stays
    [ "$(of_servers "count(*) || ' ' || sum(claim)")" = "4 8" ] || fail "$(of_servers 'position, state, claim')"
    [ "$(of_servers "count(*) FILTER (WHERE verdict = 'passed')")" = 4 ]
}

@test "a worker that was stopped for longer than its lease has its late results refused" {
    submit servers=4,seed=1,delay=1s,score=80-90
    start_worker stopped -f 4
    wait_for claimed_is 4
    signal stopped STOP
    start_worker other -f 4 --exit-when-idle
    ended_well other
    of_servers 'position, holder, claim, verdict' >before
    signal stopped CONT
    refused() { [ "$(grep -c 'result refused' "$T/stopped.jsonl")" = 4 ]; }
    wait_for refused
    signal stopped TERM
    ended_well stopped
    of_servers 'position, holder, claim, verdict' >after
    diff before after
    ! grep -qE "server (passed|failed)" stopped.jsonl
}

@test "workers and who waits go on with a replica that takes over, which the URL names too" {
    postgres replica next db --synchronous --listen 127.0.3.2
    url="postgresql://muster@127.0.3.1,127.0.3.2/store?connect_timeout=2"
    submit servers=200,seed=1,delay=50ms-150ms,score=80-90
    start_worker one -f 8
    start_worker two -f 8
    "$MUSTER" wait "$id" --store "$url" --json -q >waited.json 2>"$T/err" 3>&- &
    waiter=$!
    some_done() { [ "$(of_servers "count(*) FILTER (WHERE state = 'done') > 40")" = t ]; }
    wait_for some_done
    postgres stop db crash
    postgres promote next
    wait $waiter || fail "the wait ended with status $?"
    output=$(cat waited.json)
    json_is '"\(.total) \(.passed)"' "200 200"
    signal one TERM
    signal two TERM
    ended_well one
    ended_well two
    [ "$(postgres sql next store "SELECT count(*) FROM muster.worker WHERE lease_until > now()")" = 0 ]
    verdicts=$(cat one.jsonl two.jsonl | jq -r 'select(.event == "server passed") | .server' | sort | uniq -c)
    [ "$(wc -l <<<"$verdicts")" -eq 200 ]
    [ "$(awk '$1 != 1' <<<"$verdicts")" = "" ] || fail "told twice: $verdicts"
}

@test "PostgreSQL is told to give up a worker that the network has swallowed, also where it has more to say" {
    url=postgresql://muster@127.0.3.1/store
    submit servers=1,seed=1,delay=0-0,score=80-90
    postgres sql db store "CREATE TABLE public.limits (name text, value text);
        CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \$\$ BEGIN
            INSERT INTO public.limits SELECT name, setting FROM pg_settings WHERE name ~ '^tcp_';
            RETURN NULL;
        END \$\$;
        CREATE TRIGGER note AFTER INSERT ON muster.worker EXECUTE FUNCTION public.note()"
    start_worker one --exit-when-idle
    ended_well one
    limits=$(postgres sql db store "SELECT DISTINCT name || ' ' || value FROM public.limits ORDER BY 1")
    [ "$limits" = "tcp_keepalives_count 4
tcp_keepalives_idle 10
tcp_keepalives_interval 5
tcp_user_timeout 30000" ] || fail "$limits"
}

@test "who waits for a run can begin while PostgreSQL starts" {
    submit servers=3,seed=1,delay=0-0,score=80-90
    start_worker one --exit-when-idle
    ended_well one
    postgres stop db
    "$MUSTER" wait "$id" --store "$url" >waited 2>"$T/err" 3>&- &
    waiter=$!
    tries() { grep -q 'trying again' "$T/err"; }
    wait_for tries
    postgres again db
    wait $waiter || fail "the wait ended with status $?"
    grep -q "3 passed" waited || fail "$(cat waited)"
}

# a lock on what servers have measured, until hold/NAME is closed
hold() { # NAME
    mkfifo "hold.$1"
    psql -qX "$url" -c BEGIN -c "LOCK muster.benchmark" -c '\echo held' -f "hold.$1" >"held.$1" 2>&1 3>&- 4>&- 5>&- &
}
waits_for_it() { # PROGRAM
    [ "$(postgres sql db store "SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND application_name = '$1'")" = 1 ]
}

@test "who waits loses PostgreSQL while it reads what it prints: all of it is printed, once" {
    submit servers=700,seed=1,delay=0-0,score=80-90
    start_worker one --exit-when-idle
    ended_well one
    hold totals
    exec 4>hold.totals
    "$MUSTER" wait "$id" --store "$url" --json >waited.json 2>"$T/err" 3>&- 4>&- &
    waiter=$!
    wait_for waits_for_it muster
    hold document # has it when the totals are read
    wait_for waits_for_it psql
    exec 4>&-
    exec 5>hold.document
    wait_for grep -q held held.document
    wait_for waits_for_it muster
    postgres sql db store "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'muster'"
    exec 5>&-
    wait $waiter || fail "the wait ended with status $?: $(cat "$T/err")"
    [ "$(jq -s length waited.json)" = 1 ]
    [ "$(jq '.servers | length' waited.json)" = 700 ]
}

# how many of muster's wait in PostgreSQL for a lock of the KIND
wait_for_a_lock() { # N KIND
    [ "$(postgres sql db store "SELECT count(*) FROM pg_stat_activity
        WHERE wait_event_type = 'Lock' AND wait_event ~ '$2' AND application_name = 'muster'")" = "$1" ]
}

@test "submit does not hear the end of its transaction: the run is there, once, and told" {
    submit servers=3,seed=1,delay=0-0 # makes the tables
    postgres sql db store "CREATE FUNCTION muster.slow() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END';
        CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON muster.run DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION muster.slow()"
    start_way 127.0.3.9 127.0.3.1
    mkfifo hold
    psql -qX "$url" -c "SELECT pg_advisory_lock(7)" -f hold >/dev/null 2>&1 3>&- &
    exec 4>hold
    "$MUSTER" submit --simulate=servers=5,seed=1,delay=0-0 \
        --store "postgresql://muster@127.0.3.9/store" >id 2>"$T/err" 3>&- 4>&- &
    submitting=$!
    wait_for wait_for_a_lock 1 advisory
    way cut
    wait_for wait_for_a_lock 2 'advisory|transactionid' # the first has not noticed
    exec 4>&-
    wait $submitting || fail "submit ended with status $?: $(cat "$T/err")"
    grep -q 'trying again for a minute' "$T/err"
    [ "$(postgres sql db store "SELECT count(*) FROM muster.server s JOIN muster.run r ON r.number = s.run
        WHERE r.id = '$(cat id)'")" = 5 ]
    [ "$(of_servers 'count(*)')" = 8 ]
    kill "$(cat way.pid)"
}
