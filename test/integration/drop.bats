#!/usr/bin/env bats
# `muster store drop`: runs go with all that is theirs, and nothing else does.

load common
load postgres

ROOT=$BATS_TEST_DIRNAME/../..

setup_file() {
    scratch
    postgres start db --quick
}

teardown_file() {
    postgres_done
    scratch_done
}

setup() {
    cd "$T" || return 1
    mkdir "$BATS_TEST_NUMBER" && cd "$BATS_TEST_NUMBER" || return 1
    export XDG_STATE_HOME=$PWD/state
    url=$(postgres database db "t$BATS_TEST_NUMBER")
}

teardown() {
    [ ! -f begun.pid ] || kill -9 "$(cat begun.pid)" 2>/dev/null || true
}

simulated() { # STORE SEED [SERVERS]
    run muster run -q --simulate="delay=0-0,metrics=1,servers=${3:-20},seed=$2" --store "$1"
    [ "$status" -le 1 ] || fail "no run"
}

ids() { # STORE: the newest first
    muster runs --json --store "$1" | jq -r '.[].run'
}

query() { # STORE STATEMENT
    case $1 in
    postgresql:*) PGOPTIONS='-c search_path=muster' psql -X -q -A -t -d "$1" -c "$2" ;;
    *) sqlite3 "$1" "$2" ;;
    esac
}

tables() { # STORE: those that have rows of a run
    echo server benchmark past_server past_benchmark
    [[ $1 != postgresql:* ]] || echo log log_file tally
}

# nothing is left of what is not in the list of runs, and what is there is sound
nothing_is_left() { # STORE
    local table
    for table in $(tables "$1"); do
        [ "$(query "$1" "SELECT count(*) FROM $table WHERE run NOT IN (SELECT number FROM run)")" = 0 ] ||
            fail "rows are left in $table"
    done
    [ "$(query "$1" "SELECT count(*) FROM dropped")" = 0 ] || fail "a drop is not at its end"
    run -0 muster store check --store "$1"
}

# makes the oldest N runs a hundred days older
age() { # STORE N
    query "$1" "UPDATE run SET started = started - 8640000000000000 WHERE number IN
        (SELECT number FROM run ORDER BY number LIMIT $2)"
}

drops_by_age_number_and_name() { # STORE
    local store=$1 seed runs
    for seed in 1 2 3 4 5 6; do simulated "$store" $seed; done
    run muster resume last --failed -q --store "$store"
    [ "$status" -le 1 ] || fail "not resumed"
    run -0 muster baseline take "$(ids "$store" | tail -1)" --min 1 -y --store "$store"
    muster baseline export --store "$store" >baselines
    mapfile -t runs < <(ids "$store")
    age "$store" 3
    muster show last --json --store "$store" >shown
    muster log last --store "$store" >said
    muster history 3 --json --store "$store" >known

    run -0 muster store drop --older-than 90d --keep 4 --dry-run --store "$store"
    output_has "Would drop 2 runs with 40 servers."
    output_lacks "${runs[3]}"
    run -2 muster store drop --older-than 90d --store "$store" </dev/null
    stderr_has "say --yes"
    [ "$(ids "$store")" = "$(printf '%s\n' "${runs[@]}")" ] || fail "it was a dry run"

    run -0 muster store drop --older-than 90d --keep 4 --yes --store "$store"
    output_has "Dropped 2 runs with 40 servers"
    [ "$(ids "$store")" = "$(printf '%s\n' "${runs[@]:0:4}")" ] || fail "others are left"
    nothing_is_left "$store"
    run -0 muster store drop --older-than 90d -y --store "$store"
    output_has "Dropped 1 run with 20 servers"
    run -0 muster store drop --older-than 90d -y --store "$store"
    output_has "There is no run to drop."
    run -0 muster store drop -y --store "$store" "${runs[1]}" "${runs[2]}" "${runs[1]}"
    output_has "Dropped 2 runs with 40 servers"
    nothing_is_left "$store"

    # what stays is as it was, baselines of a run that is gone with it
    [ "$(ids "$store")" = "${runs[0]}" ] || fail "others are left"
    muster show last --json --store "$store" | cmp - shown
    muster log last --store "$store" | cmp - said
    muster baseline export --store "$store" | cmp - baselines
    run -0 muster history 3 --json --store "$store"
    [ "$(jq -c '.. | .run? // empty' <<<"$output" | sort -u)" = "\"${runs[0]}\"" ] || fail "another history"
    simulated "$store" 7
    run -0 muster store drop last -y --store "$store"
    run -0 muster store drop last -y --store "$store"
    nothing_is_left "$store"
    [ "$(query "$store" "SELECT count(*) FROM server")" = 0 ] || fail "servers are left"
    run -2 muster store drop last -y --store "$store"
}

@test "runs go by age, number and name: SQLite" {
    drops_by_age_number_and_name "$PWD/a/a.db"
    [ -z "$(ls a/logs)" ] || fail "$(ls a/logs)"
}

@test "runs go by age, number and name: PostgreSQL" {
    drops_by_age_number_and_name "$url"
}

@test "files go with their run, and no others" {
    simulated a/a.db 1
    simulated a/a.db 2
    local id
    for id in $(ids a/a.db); do
        mkdir -p "a/outputs/$id/web1" && head -c 500000 /dev/zero >"a/outputs/$id/web1/x-1.out"
    done
    mkdir elsewhere && touch elsewhere/kept && ln -s "$PWD/elsewhere" "a/outputs/$id/link"
    run -0 muster store drop -y "$id" --store a/a.db
    output_has "KiB of files"
    [ ! -e "a/outputs/$id" ] && [ ! -e "a/logs/$id.jsonl" ] && [ -e elsewhere/kept ] || fail "$(find a elsewhere)"
    id=$(ids a/a.db)
    [ -s "a/outputs/$id/web1/x-1.out" ] && [ -s "a/logs/$id.jsonl" ] || fail "$(find a)"
    # that the log is lost is no reason for a run to stay
    rm -r a/logs
    run -0 muster store drop -y "$id" --store a/a.db
    nothing_is_left a/a.db
}

is_running() { # STORE
    muster runs --store "$1" | grep -q running
}

@test "a run that somebody works on stays, and comes to its end: SQLite" {
    simulated a/a.db 1
    "$MUSTER" run --simulate=servers=12,seed=7,delay=200ms-300ms -f 4 -q --store a/a.db >/dev/null 2>&1 3>&- &
    echo $! >begun.pid
    wait_for is_running a/a.db
    run -1 muster store drop last -y --store a/a.db
    output_has "is being worked on: not dropped"
    run -1 muster store drop --older-than 1ms -y --store a/a.db
    output_has "is being worked on: not dropped"
    output_has "Dropped 1 run with 20 servers"
    wait "$(cat begun.pid)" || [ $? -eq 1 ]
    nothing_is_left a/a.db
    run -0 muster show last --json --store a/a.db
    json_is '.cancelled' 0
}

@test "a run that somebody works on stays, one that waits goes by its name: PostgreSQL" {
    local id
    id=$(muster submit --simulate=servers=3,seed=1,delay=0-0 --store "$url")
    run -1 muster store drop --older-than 1ms -y --store "$url"
    output_has "waits for a worker"
    query "$url" "INSERT INTO worker (host, pid, run, lease_until)
        SELECT 'far', 7, number, now() + interval '1 minute' FROM run"
    run -1 muster store drop "$id" -y --store "$url"
    output_has "is being worked on: not dropped"
    # one of several runs of its, which is not the one that its row names
    query "$url" "UPDATE worker SET run = NULL; UPDATE server SET state = 'claimed',
        holder = (SELECT number FROM worker) WHERE position = 1"
    run -1 muster store drop "$id" -y --store "$url"
    output_has "is being worked on: not dropped"
    query "$url" "UPDATE worker SET lease_until = now()"
    run -0 muster store drop "$id" -y --store "$url"
    nothing_is_left "$url"
    run -0 muster worker --exit-when-idle --store "$url"
}

@test "who waits for a run that is dropped is told so" {
    local id
    id=$(muster submit --simulate=servers=3,seed=1,delay=0-0 --store "$url")
    "$MUSTER" wait "$id" --store "$url" >said 2>&1 3>&- &
    echo $! >begun.pid
    wait_for grep -q 'waiting for the run' said
    run -0 muster store drop "$id" -y --store "$url"
    code=0
    wait "$(cat begun.pid)" || code=$?
    [ "$code" = 2 ] || fail "it ended with $code"
    grep -qx "muster: the run $id is gone from the store: somebody has dropped it" said || fail "$(cat said)"
}

two_at_once() { # STORE
    local store=$1 runs n seed
    for seed in 1 2 3 4 5 6; do simulated "$store" $seed 300; done
    mapfile -t runs < <(ids "$store")
    for n in 1 2 3; do
        (
            code=0
            "$MUSTER" store drop --keep 1 -y --store "$store" >"said.$n" 2>&1 || code=$?
            echo "$code" >"code.$n"
        ) 3>&- &
    done
    wait
    ! grep -q '^muster: ' said.? || fail "$(cat said.?)"
    [ "$(ids "$store")" = "${runs[0]}" ] || fail "others are left"
}

@test "two that drop the same runs at once are in nobody's way: PostgreSQL" {
    two_at_once "$url"
    [ "$(cat code.?)" = $'0\n0\n0' ] || fail "$(cat said.?)"
    nothing_is_left "$url"
}

@test "two that drop the same runs at once are in nobody's way: SQLite" {
    two_at_once "$PWD/a/a.db"
    nothing_is_left a/a.db
    [ "$(ls a/logs | wc -l)" = 1 ] || fail "$(ls a/logs)"
}

# a run's number may be another's as soon as the drop is at its end, whoever brought it there
@test "a drop that another has brought to its end takes nothing more" {
    simulated a/a.db 1 2500
    query a/a.db "CREATE TRIGGER other AFTER DELETE ON server WHEN old.position = 0
        BEGIN DELETE FROM dropped; END"
    run -0 muster store drop last -y --store a/a.db
    [ "$(query a/a.db 'SELECT count(*) FROM server')" = 1500 ] || fail "$(query a/a.db 'SELECT count(*) FROM server')"
}

goes_on_where_it_ended() { # STORE FAULT REPAIR
    local store=$1 id
    simulated "$store" 1 30
    simulated "$store" 2 2500
    id=$(ids "$store" | head -1)
    query "$store" "$2"
    run -3 muster store drop "$id" -y --store "$store"
    run -0 muster runs --store "$store"
    output_lacks "$id"
    run -2 muster show "$id" --store "$store"
    run -0 muster store check --store "$store"
    [ "$(query "$store" "SELECT count(*) FROM server WHERE run NOT IN (SELECT number FROM run)")" = 1500 ] ||
        fail "it did not end in the middle"
    # the history of a server is that of the runs that are there, and a new run has a number of its own
    run -2 muster history 2400 --store "$store"
    run ! grep "did you mean '2400'" "$T/err"
    run -0 muster history 7 --json --store "$store"
    [ "$(jq -c '.. | .run? // empty' <<<"$output" | sort -u)" = "\"$(ids "$store")\"" ] || fail "another history"
    simulated "$store" 3 40
    [ "$(query "$store" "SELECT count(*) FROM server WHERE run = (SELECT max(number) FROM run)")" = 40 ] ||
        fail "it has the servers of another run"
    query "$store" "$3"
    run -0 muster store drop --older-than 90d -y --store "$store"
    output_has "What was left of 1 run,"
    nothing_is_left "$store"
    [ "$(ids "$store" | wc -l)" -eq 2 ] || fail "others are left"
}

@test "a drop that fails in the middle goes on with the next one: SQLite" {
    goes_on_where_it_ended "$PWD/a/a.db" "CREATE TRIGGER fault BEFORE DELETE ON server WHEN OLD.position = 1200
        BEGIN SELECT RAISE(ABORT, 'no more'); END" "DROP TRIGGER fault"
}

@test "a drop that fails in the middle goes on with the next one: PostgreSQL" {
    goes_on_where_it_ended "$url" "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE ''no more''; END'; CREATE TRIGGER fault BEFORE DELETE ON server FOR EACH ROW
        WHEN (OLD.position = 1200) EXECUTE FUNCTION fault()" "DROP TRIGGER fault ON server; DROP FUNCTION fault"
}

waits_in() { # STORE
    [ "$(query "$1" "SELECT count(*) FROM pg_locks WHERE NOT granted")" -gt 0 ]
}

@test "a drop that is killed leaves no run that is half there" {
    simulated "$url" 1
    mkfifo lock
    psql -X -q -t -d "$url" <>lock >lock.out 2>&1 3>&- &
    echo $! >begun.pid
    echo "BEGIN; LOCK TABLE muster.server IN ROW EXCLUSIVE MODE; LOCK TABLE muster.benchmark IN EXCLUSIVE MODE;
        SELECT 'locked';" >lock
    wait_for grep -q locked lock.out
    "$MUSTER" store drop last -y --store "$url" >/dev/null 2>&1 3>&- &
    local pid=$!
    wait_for waits_in "$url"
    kill -9 $pid "$(cat begun.pid)"
    wait
    [ -z "$(ids "$url")" ] || fail "it is there"
    run -0 muster store drop --keep 1 -y --store "$url"
    output_has "What was left of 1 run,"
    nothing_is_left "$url"
}

@test "a worker that was thought dead leaves nothing of a run that is gone" {
    "$MUSTER" submit --simulate=servers=8,seed=1,delay=300ms-400ms --store "$url" >/dev/null
    "$MUSTER" worker -f 2 --lease 2s --exit-when-idle --store "$url" >worker.out 2>&1 3>&- &
    echo $! >begun.pid
    wait_for is_running "$url"
    kill -STOP "$(cat begun.pid)"
    wait_for eval '! is_running "$url"'
    run -0 muster store drop last -y --store "$url"
    kill -CONT "$(cat begun.pid)"
    wait "$(cat begun.pid)" || echo "the worker ended with $?"
    nothing_is_left "$url"
    [ -z "$(ls state/muster/logs)" ] || fail "$(ls state/muster/logs)"
}

@test "only the owner of the tables drops runs" {
    simulated "$url" 1
    postgres sql db "t$BATS_TEST_NUMBER" "$(grep -v '^--' "$ROOT/examples/postgresql/roles.sql")" >/dev/null
    local role
    for role in planner worker reader; do
        postgres sql db "t$BATS_TEST_NUMBER" "CREATE ROLE a_$role LOGIN IN ROLE muster_$role"
        run muster store drop last -y --store "${url/muster@/a_$role@}"
        [ "$status" -ge 2 ] || fail "$role may"
        stderr_has "permission denied"
        run -0 muster store drop last --dry-run --store "${url/muster@/a_$role@}"
    done
    [ "$(ids "$url" | wc -l)" -eq 1 ] || fail "it is gone"
    run -0 muster store check --store "$url"
    run -0 muster store drop last -y --store "$url"
}

@test "wrong usage" {
    simulated a/a.db 1 2
    run -2 muster store drop --store a/a.db
    stderr_has "takes runs, or --older-than or --keep"
    run -2 muster store drop --keep 1 last --store a/a.db
    stderr_has "not both"
    run -2 muster store drop --older-than 90 --store a/a.db
    stderr_has "no unit"
    run -2 muster store drop --keep 0 --store a/a.db
    run -2 muster store drop nope -y --store a/a.db
    stderr_has "the nearest is"
    run -2 muster store drop last nope -y --store a/a.db
    run -2 muster store check -y --store a/a.db
    stderr_has 'are for `muster store drop`'
    run -2 muster store drop last --store none.db
    [ "$(ids a/a.db | wc -l)" -eq 1 ] || fail "it is gone"
}
