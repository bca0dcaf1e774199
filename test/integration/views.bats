#!/usr/bin/env bats
# The views of a store on PostgreSQL, what the documentation asks of them, and the dashboard over them.

load common
load postgres

ROOT=$BATS_TEST_DIRNAME/../..
FLEET=servers=60,kinds=2,metrics=2,error=10%,delay=0-0

setup_file() {
    scratch
    postgres start db --quick
    URL=$(postgres database db store)
    export URL
    muster run -q --simulate="$FLEET,seed=3" --store "$URL" >/dev/null || [ $? -eq 1 ]
    muster run -q --simulate="$FLEET,seed=4" --store "$URL" >/dev/null || [ $? -eq 1 ]
}

teardown_file() {
    postgres_done
    scratch_done
}

setup() {
    cd "$T" || return 1
}

sql() {
    run postgres sql db store "$1"
    status_is 0
}

@test "every view and column says what it is" {
    sql "SELECT count(*) FROM pg_class WHERE relkind = 'v' AND relnamespace = 'muster'::regnamespace"
    [ "$output" = 6 ] || fail "not six views"
    sql "SELECT relname FROM pg_class WHERE relkind = 'v' AND relnamespace = 'muster'::regnamespace
         AND obj_description(oid) IS NULL
         UNION ALL SELECT relname || '.' || attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
         WHERE relkind = 'v' AND relnamespace = 'muster'::regnamespace AND attnum > 0
         AND col_description(pg_class.oid, attnum) IS NULL"
    [ -z "$output" ] || fail "without a comment"
}

@test "names and columns are those that people were told of" {
    # what stands here may be added to, and never be taken away
    sql "SELECT relname || ': ' || string_agg(attname, ' ' ORDER BY attnum) FROM pg_class JOIN pg_attribute
         ON attrelid = pg_class.oid WHERE relkind = 'v' AND relnamespace = 'muster'::regnamespace
         AND attnum > 0 GROUP BY relname ORDER BY relname"
    [ "$output" = "$(cat <<'TXT'
failures_by_reason: run started verdict reason site kind servers
metrics: run started server site kind benchmark metric value unit better spread judged score verdict reason
progress: run started state total passed failed errors running pending workers seconds rate seconds_left
runs: run started state total passed failed errors seconds stopped fanout threshold
verdicts: run started position server verdict reason detail seconds attempts site kind machine labels facts
workers: worker host pid site run fanout started lease_seconds claimed draining
TXT
    )" ] || fail "others"
}

@test "they say what muster says" {
    muster runs --json --store "$URL" | jq -r '.[] | [.run, .state, .total, .passed, .failed, .errors] | join("|")' >runs
    sql "SELECT run, state, total, passed, failed, errors FROM muster.runs ORDER BY started DESC"
    diff runs - <<<"$output" || fail "other runs"
    sql "SELECT run, state, total, passed, failed, errors FROM muster.progress
         WHERE running = 0 AND pending = 0 AND rate > 0 AND seconds_left IS NULL ORDER BY started DESC"
    diff runs - <<<"$output" || fail "other progress"
    muster show last --json --store "$URL" >last
    jq -r '.servers[] | [.server, .verdict, .reason // "", .kind] | join("|")' last >verdicts
    sql "SELECT server, verdict, reason, kind FROM muster.verdicts
         WHERE run = '$(jq -r .run last)' ORDER BY position"
    diff verdicts - <<<"$output" || fail "other verdicts"
    jq -r '[.servers[] | select(.verdict != "passed") | .reason] | group_by(.)[] | "\(.[0])|\(length)"' last >reasons
    sql "SELECT reason, sum(servers) FROM muster.failures_by_reason
         WHERE run = '$(jq -r .run last)' GROUP BY reason ORDER BY reason"
    diff reasons - <<<"$output" || fail "other reasons"
    jq -r '.servers[] | .server as $s | .benchmarks[] | .benchmark as $b | .metric as $j | .score as $p |
        .metrics | to_entries[] | [$s, $b, .key, (.value.value * 1000 | round), .value.unit // "",
        .value.better, .key == $j, (if .key == $j then $p * 1000 | round else "" end)] | join("|")' last | sort >metrics
    sql "SELECT server, benchmark, metric, round(value * 1000), unit, better, judged::text, round(score * 1000)
         FROM muster.metrics WHERE run = '$(jq -r .run last)'"
    [ -s metrics ]
    diff metrics <(sort <<<"$output") || fail "other metrics"
    sql "SELECT count(*) FROM muster.runs WHERE started BETWEEN now() - interval '5 minutes' AND now()"
    [ "$output" = 2 ] || fail "another time"
}

# muster serve on STORE tells programs of the worker with the process PID
serves_the_worker() {
    "$MUSTER" serve --store "$1" --listen "unix:$T/socket" >/dev/null 2>&1 3>&- &
    echo $! >serve.pid
    wait_for curl -sf -o health --unix-socket socket http://x/healthz
    run curl -sf --unix-socket socket http://x/api/workers
    json_is '.[0] | [.pid, .host, .site, .fanout, .claimed > 0, .lease > 1 and .lease <= 30] | @json' \
        "[$2,\"$(hostname)\",null,5,true,true]"
    json_is '.[0].run' "$(muster runs --store "$1" --json | jq -r '.[0].run')"
    run curl -sf --unix-socket socket http://x/metrics
    output_has 'muster_workers{site=""} 1'
    output_has 'muster_workers_claimed{site=""} '
    ! command -v promtool >/dev/null || promtool check metrics <<<"$output" || fail "Prometheus does not take it"
    kill "$(cat serve.pid)"
    wait "$(cat serve.pid)" || fail "muster serve ended with status $?"
    rm serve.pid
}

# whether a run has verdicts, and servers that are held
half_done() {
    [ "$(postgres sql db live "SELECT count(*) FROM muster.progress WHERE state = 'running' AND passed > 0 AND
        running > 0 AND pending > 0 AND workers = 1 AND rate > 0 AND seconds_left > 0")" = 1 ]
}

live() {
    run postgres sql db live "$1"
    status_is 0
}

@test "a run in progress is seen, with who works on it" {
    local live
    live=$(postgres database db live)
    "$MUSTER" run -q -f 5 --simulate=servers=200,seed=5,delay=200ms-200ms --store "$live" >/dev/null 2>&1 3>&- &
    echo $! >run.pid
    wait_for half_done
    live "SELECT w.host, w.pid, w.run = p.run, w.claimed = p.running OR w.claimed > 0, w.lease_seconds BETWEEN 1 AND 60,
         w.draining FROM muster.workers AS w, muster.progress AS p WHERE p.state = 'running'"
    [ "$output" = "$(hostname)|$(cat run.pid)|t|t|t|f" ] || fail "another worker"
    live "SELECT count(*) > 0 FROM muster.verdicts WHERE verdict = 'running' AND reason IS NULL AND
         run = (SELECT max(run) FROM muster.runs)"
    [ "$output" = t ] || fail "no server is running"
    serves_the_worker "$live" "$(cat run.pid)"
    kill "$(cat run.pid)"
    wait "$(cat run.pid)" || true
    rm run.pid
    live "SELECT state, running, pending > 0, workers FROM muster.progress ORDER BY run DESC LIMIT 1"
    [ "$output" = "interrupted|0|t|0" ] || fail "it goes on"
}

@test "what is asked of them in docs/SQL.md is answered" {
    run python3 - "$ROOT/docs/SQL.md" <<'PY'
import re, sys
queries = re.findall(r"^```sql\n(.*?)^```", open(sys.argv[1]).read(), re.M | re.S)
for n, query in enumerate(queries):
    open(f"query-{n}.sql", "w").write(query)
print(len(queries))
PY
    [ "$output" = 3 ] || fail "not three queries"
    local n
    for n in 1 2; do
        sql "$(cat query-$n.sql)"
        [ "${#lines[@]}" -ge 2 ] || fail "no answer for each kind: $(cat query-$n.sql)"
    done
    # in this fleet no server fails three times
    sql "$(cat query-0.sql)"
}

@test "the dashboard asks what the store answers" {
    sql "UPDATE muster.server SET labels = json_build_object('rack', 'r' || position % 3)"
    run python3 "$ROOT/test/support/dashboard_check.py" "$ROOT/examples/grafana/muster.json" \
        python3 "$ROOT/test/support/postgres.py" sql db store
    status_is 0
    output_has "10 panels, 4 variables, 14 queries answered"
}
