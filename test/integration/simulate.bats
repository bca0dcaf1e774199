#!/usr/bin/env bats
# `muster run --simulate`, and the store's commands over what it leaves.

load common.bash

setup() { scratch; }
teardown() { scratch_done; }

quick=servers=10,seed=7,delay=0

@test "ten servers, and the end says exactly which failed" {
    run -1 muster run --simulate=$quick
    output_has "Out of 10, "
    stderr_has "servers to benchmark"
    stderr_has "failed_servers=["
    failed=$("$MUSTER" show last --json | jq -r '.failed_servers | length')
    [ "$failed" -gt 0 ]
    [[ ${lines[-1]} == "Out of 10, $failed servers failed."* ]] || fail "last line: ${lines[-1]}"
    grep -qF "Out of 10, $failed servers failed." "$T/err"
}

@test "the log has the form that operators know" {
    run muster run --simulate=$quick
    grep -qE '^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} \[info     \] benchmark completed            server=[0-9]+ benchmark=(cpu|gpu) seconds=[0-9.e-]+ score=[0-9]+$' "$T/err" ||
        fail "no such line"
    [ "$(grep -c 'benchmark completed' "$T/err")" -eq 20 ]
}

@test "json and logfmt logs say the same" {
    run muster run --simulate=$quick --log-format json
    jq -es 'all(has("timestamp") and has("level") and has("event"))' "$T/err" >/dev/null
    [ "$(jq -r 'select(.event == "benchmark completed") | .server' "$T/err" | sort -un | wc -l)" -eq 10 ]
    jq -es 'map(select(.event == "benchmark completed").score) | length == 20 and all(numbers)' "$T/err" >/dev/null
    run muster run --simulate=$quick --log-format logfmt
    grep -qE '^timestamp=[0-9T:.Z-]+ level=info event="benchmark completed" server=[0-9]+ ' "$T/err"
}

@test "what a simulated server does depends on the seed and its name alone" {
    of() { jq -S '[.servers[] | {server, verdict, reason, b: [.benchmarks[] | {benchmark, score, verdict}]}]'; }
    a=$("$MUSTER" run --simulate=servers=40,seed=3,delay=0,error=30% --json -q -f 1 | of)
    b=$("$MUSTER" run --simulate=servers=40,seed=3,delay=0,error=30% --json -q -f 40 | of)
    c=$("$MUSTER" run --simulate=servers=40,seed=4,delay=0,error=30% --json -q | of)
    [ "$a" = "$b" ] || fail "the fan-out changed the results"
    [ "$a" != "$c" ] || fail "the seed changed nothing"
}

@test "every server has one verdict and one reason, also when many err" {
    run -1 muster run --simulate=servers=200,seed=1,delay=0,error=50% --json
    json_is '.servers | length' 200
    json_is '.passed + .failed + .errors + .cancelled' 200
    json_is '[.servers[] | select((.verdict == "passed") != (.reason == null))] | length' 0
    json_is '[.servers[] | select((.verdict == "passed") != (.detail == null))] | length' 0
    json_is '[.servers[] | select(.verdict != "passed") | .server] == .failed_servers' true
    json_is '[.servers[].reason] | map(select(. == "unreachable")) | length > 0' true
}

@test "all pass: status 0" {
    run -0 muster run --simulate=servers=5,seed=1,delay=0,score=80-100
    output_has "Out of 5, 0 servers failed."
}

@test "the document has every field of the contract" {
    run -1 muster run --simulate=$quick --json
    json_is '[has("run","started","seconds","fanout","threshold","total","passed","failed","errors","cancelled","failed_servers","servers")] | all' true
    json_is '.servers[0] | [has("server","verdict","reason","detail","attempts","seconds","facts","benchmarks")] | all' true
    json_is '.servers[0].benchmarks[0] | [has("benchmark","verdict","reason","score","metric","value","unit","better","reference","threshold","trials","spread","seconds","metrics")] | all' true
    json_is '.fanout' 32
    json_is '.threshold' 50
}

@test "lists of servers can be pasted back" {
    run -1 muster run --simulate=servers=30,seed=5,delay=0 --failed-to "$T/failed" --passed-to "$T/passed" --json
    [ "$(jq -r '.failed_servers[]' <<<"$output")" = "$(cat "$T/failed")" ]
    [ "$(cat "$T/failed" "$T/passed" | sort -n | uniq | wc -l)" -eq 30 ]
    [ "$("$MUSTER" servers -i "$T/failed")" = "$(cat "$T/failed")" ]
}

@test "show prints what run printed" {
    run muster run --simulate=servers=50,seed=2,delay=0,error=20%
    first=$output
    run -0 muster show last
    [ "$output" = "$first" ] || fail "it was: $first"
    run muster run --simulate=servers=50,seed=2,delay=0,error=20% --json
    first=$output
    run -0 muster show last --json
    [ "$output" = "$first" ] || fail "the documents differ"
}

@test "the summary shows twenty details of a reason and counts the rest" {
    run -1 muster run --simulate=servers=100,seed=2,delay=0,score=0-10
    [ "$(grep -c 'scored' <<<"$output")" -eq 20 ]
    output_has "and 80 more"
    output_has "failed, below-threshold: [1-100]"
}

@test "runs lists them, log prints one, of one server if named" {
    run muster run --simulate=$quick
    run muster run --simulate=$quick
    run -0 muster runs --json
    json_is length 2
    json_is '.[0].total' 10
    id=$(jq -r '.[1].run' <<<"$output")
    run -0 muster runs
    output_has "$id"
    run -0 muster log "$id" 3
    [ "$(grep -c 'server=3 ' <<<"$output")" -eq "${#lines[@]}" ]
    [ "${#lines[@]}" -eq 4 ] || fail "connected, two benchmarks, a verdict"
    run -0 muster log last --log-format json
    jq -es 'length > 30' <<<"$output" >/dev/null
    run -2 muster log last no-such-server
}

@test "two log files at once, whole lines, opened anew on SIGHUP" {
    "$MUSTER" run --simulate=servers=4,seed=1,delay=1s -q --log-file "$T/log" >/dev/null &
    pid=$!
    wait_for grep -q connected "$T/log"
    mv "$T/log" "$T/log.1"
    kill -HUP $pid
    wait_for test -s "$T/log"
    wait $pid || true
    grep -q 'servers to benchmark' "$T/log.1"
    grep -q 'servers failed' "$T/log"
}

@test "Ctrl-C ends the run at once, saves, says what is known, exits with 130" {
    "$MUSTER" run --simulate=servers=50,seed=1,delay=0.2s-30s -f 20 >"$T/out" 2>"$T/err" &
    pid=$!
    wait_for grep -qE 'server (passed|failed)' "$T/err"
    kill -INT $pid
    status=0
    wait $pid || status=$?
    status_is 130
    grep -qF 'cancelled, interrupted: ' "$T/out"
    run -0 muster show last --json
    json_is '.cancelled > 0 and .passed + .failed + .errors > 0' true
    json_is '.passed + .failed + .errors + .cancelled' 50
    json_is '[.servers[] | select(.verdict == "cancelled") | .reason] | unique == ["interrupted"]' true
}

@test "a second signal exits at once" {
    "$MUSTER" run --simulate=servers=2,delay=60s >"$T/out" 2>"$T/err" &
    pid=$!
    wait_for grep -q connected "$T/err"
    kill -STOP $pid
    kill -TERM $pid
    kill -INT $pid
    kill -CONT $pid
    status=0
    wait $pid || status=$?
    [ "$status" -eq 130 ] || [ "$status" -eq 143 ] || fail "status $status"
}

@test "the time of a server and of a run are kept" {
    run -1 muster run --simulate=servers=3,seed=1,delay=60s --timeout 300ms --json
    json_is '[.servers[].reason] | unique == ["timeout"]' true
    echo 'run_timeout: 300ms' >muster.yaml
    run -1 muster run --simulate=servers=3,seed=1,delay=60s --json
    json_is '[.servers[].reason] | unique == ["interrupted"]' true
}

@test "a slow reader of the log does not slow the run" {
    mkfifo "$T/pipe"
    "$MUSTER" run --simulate=servers=500,seed=1,delay=0 >"$T/out" 2>"$T/pipe" &
    pid=$!
    exec 9<"$T/pipe"
    # nobody reads the pipe: the results must be in the store all the same
    wait_for sh -c '[ "$("$0" runs --json | jq ".[0].passed + .[0].failed")" = 500 ]' "$MUSTER"
    cat <&9 >"$T/err"
    exec 9<&-
    wait $pid || true
    [ "$(grep -c 'benchmark completed' "$T/err")" -eq 1000 ]
}

@test "a full disk under the log is said, and ends with status 3, after the summary" {
    run -3 muster run --simulate=$quick -q --log-file /dev/full --passed-to "$T/p" --failed-to "$T/f"
    stderr_has "/dev/full"
    output_has "Out of 10, "
    [ "$(cat "$T/p" "$T/f" | wc -l)" -eq 10 ]
}

@test "a list that cannot be written does not cost the summary, nor the other list" {
    run -3 muster run --simulate=$quick -q --failed-to /dev/full --passed-to passed
    stderr_has "/dev/full"
    output_has "Out of 10, "
    [ -s passed ]
}

@test "a log that nobody reads any more does not cost the summary" {
    status=0
    { "$MUSTER" run --simulate=servers=2000,delay=0 >"$T/out" || echo $? >"$T/status"; } 2>&1 >/dev/null | head -n 1
    [ "$(cat "$T/status")" = 3 ]
    grep -qF 'Out of 2000, ' "$T/out"
}

@test "a disk that fills up in the middle does not cost what was measured before" {
    run bash -c "ulimit -f 1000; trap '' XFSZ; exec '$MUSTER' run --simulate=servers=3000,delay=1ms-5ms -q --json --failed-to failed 2>'$T/err'"
    status_is 3
    stderr_has "muster.db"
    json_is '.passed > 0 and .cancelled > 0' true
    json_is '.passed + .failed + .errors + .cancelled' 3000
    json_is '.servers | length' 3000
    [ "$(jq -r '.failed_servers[]' <<<"$output")" = "$(cat failed)" ]
}

@test "standard output that cannot be written ends with status 3" {
    status=0
    "$MUSTER" run --simulate=$quick -q >/dev/full 2>"$T/err" || status=$?
    status_is 3
}

@test "no descriptor, no thread, no file is left" {
    run muster run --simulate=$quick
    [ "$(find "$T/state" -type f | sed 's/.*\.//' | sort -u | tr '\n' ' ')" = "db jsonl " ]
}

@test "simulated servers take a configuration that is for real ones" {
    printf 'benchmarks: {disk: {path: /data, size: 4GiB}, cpu: {threshold: 40}}\n' >muster.yaml
    run muster run --simulate=servers=3,score=60-90,delay=0 --json
    status_is 0
    json_is '[.servers[].benchmarks[].benchmark] | unique | join(",")' cpu,disk
}
