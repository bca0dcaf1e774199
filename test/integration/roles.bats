#!/usr/bin/env bats
# The roles of examples/postgresql/roles.sql: what each may do with muster, and what it is refused.

load common
load postgres

ROLES=$BATS_TEST_DIRNAME/../../examples/postgresql/roles.sql
FLEET=servers=6,kinds=1,metrics=1,seed=3,delay=0-0

setup_file() {
    scratch
    postgres start db --quick
    OWNER=$(postgres database db store)
    export OWNER
    muster store make --store "$OWNER"
    # twice: it may be run again at any time
    grant
    grant
    sql "CREATE ROLE dan LOGIN IN ROLE muster_dashboard; CREATE ROLE rita LOGIN IN ROLE muster_reader;
         CREATE ROLE walt LOGIN IN ROLE muster_worker; CREATE ROLE paul LOGIN IN ROLE muster_planner"
    muster submit --simulate="$FLEET" --store "$(as paul)" >"$T/submitted"
}

teardown_file() {
    postgres_done
    scratch_done
}

setup() {
    cd "$T" || return 1
}

sql() { # STATEMENTS
    postgres sql db store "$1"
}

# roles.sql as it stands, by who may make roles
grant() {
    sql "$(grep -v '^--' "$ROLES")" 2>&1
}

as() { # ROLE: the store's URL for it
    sed "s/muster@/$1@/" <<<"$OWNER"
}

# ROLE COMMAND...: is refused by PostgreSQL, which muster says, with what to do
refused() {
    local role=$1
    shift
    run muster "$@" --store "$(as "$role")"
    [ "$status" -ge 2 ] || fail "$role may: muster $*"
    stderr_has "permission denied"
}

# ROLE STATEMENT...: each is refused
sql_refused() {
    local role=$1
    shift
    printf '%s;\n' "$@" >statements
    psql -X -q -A -t -d "$(as "$role")" -f statements >said 2>&1 3>&-
    [ "$(grep -cE 'ERROR:  (permission denied|must be owner)' said)" = $# ] || fail "$role may: $(cat said)"
}

# what nobody but the owner may
ABOVE_ALL=(
    'DROP TABLE muster.run' 'DROP VIEW muster.runs' 'DROP SCHEMA muster CASCADE' 'TRUNCATE muster.server'
    'ALTER TABLE muster.run ADD x int' 'CREATE TABLE muster.x ()' 'DELETE FROM muster.run' 'DELETE FROM muster.server'
    'UPDATE muster.meta SET version = 0' "UPDATE muster.run SET options = '[]'" "UPDATE muster.run SET config = ''"
    "UPDATE muster.run SET id = 'x'" "UPDATE muster.server SET name = 'x'" "UPDATE muster.server SET host = 'x'"
    "UPDATE muster.server SET site = 'x'" "UPDATE muster.server SET identity = 'x'" 'DELETE FROM muster.past_server'
    'UPDATE muster.benchmark SET value = 1' 'CREATE SCHEMA other'
)

@test "a planner begins a run, a worker does it, a reader sees it" {
    local id
    id=$(muster submit --simulate="$FLEET" --store "$(as paul)")
    run muster worker --exit-when-idle --run "$id" --store "$(as walt)"
    status_is 0
    run muster wait "$id" --store "$(as rita)"
    status_is 0
    output_has "Out of 6, 0 servers failed."
    run muster runs --json --store "$(as rita)"
    json_is ".[] | select(.run == \"$id\") | [.state, .passed] | @json" '["ended",6]'
    for words in "show $id" "report $id -f markdown" "history 1" "compare $id $id" "baseline show" "store check"; do
        # shellcheck disable=SC2086 # words
        run muster $words --store "$(as rita)"
        [ "$status" -le 1 ] || fail "muster $words"
    done
}

@test "a reader serves" {
    "$MUSTER" serve --store "$(as rita)" --listen "unix:$T/socket" >/dev/null 2>&1 3>&- &
    echo $! >serve.pid
    wait_for curl -sf -o health --unix-socket socket http://x/healthz
    curl -sf --unix-socket socket http://x/api/runs | jq -e 'length > 0'
    curl -sf --unix-socket socket http://x/api/runs/last | jq -e '.servers | length == 6'
    curl -sf --unix-socket socket http://x/api/workers | jq -e 'type == "array"'
    kill "$(cat serve.pid)"
    rm serve.pid
}

@test "a planner runs, resumes, judges and takes baselines" {
    run muster run -q --simulate="$FLEET,error=90%" --store "$(as paul)"
    status_is 1
    run muster resume last --failed -q --store "$(as paul)"
    [ "$status" -le 1 ] || fail "resume"
    run muster run -q --simulate="$FLEET" --store "$(as paul)"
    status_is 0
    run muster baseline take last --min 3 --yes --store "$(as paul)"
    status_is 0
    run muster baseline drop --yes --store "$(as paul)"
    status_is 0
}

@test "a reader writes nothing" {
    refused rita submit --simulate="$FLEET"
    refused rita run -q --simulate="$FLEET"
    refused rita baseline take last --yes
    refused rita worker --exit-when-idle
    sql_refused rita "${ABOVE_ALL[@]}" "UPDATE muster.server SET verdict = 'passed'" "UPDATE muster.run SET closed = 1" \
        "INSERT INTO muster.worker (lease_until) VALUES (now())" 'DELETE FROM muster.benchmark'
}

@test "a worker plans nothing, and leaves plans and baselines as they are" {
    refused walt submit --simulate="$FLEET"
    refused walt run -q --simulate="$FLEET"
    sql_refused walt "${ABOVE_ALL[@]}" 'DELETE FROM muster.baseline' 'UPDATE muster.baseline SET median = 0' \
        "INSERT INTO muster.run (id, started, fanout, threshold, total) VALUES ('x', 0, 1, 1, 1)" \
        "INSERT INTO muster.server (run, position, name) VALUES (1, 99, 'x')" 'UPDATE muster.run SET total = 0'
}

@test "a planner owns nothing" {
    sql_refused paul "${ABOVE_ALL[@]}"
}

@test "a dashboard reads views, and no table" {
    psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$(as dan)" -c "SELECT count(*) FROM muster.runs, muster.verdicts,
        muster.metrics, muster.failures_by_reason, muster.workers, muster.progress"
    local tables=(run server benchmark past_server past_benchmark baseline worker tally meta)
    sql_refused dan "${ABOVE_ALL[@]}" "${tables[@]/#/SELECT 1 FROM muster.}"
}

@test "nobody else reads anything" {
    sql "CREATE ROLE stranger LOGIN"
    sql_refused stranger 'SELECT 1 FROM muster.runs' 'SELECT 1 FROM muster.run'
    refused stranger runs
}
