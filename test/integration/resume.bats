#!/usr/bin/env bats
# `muster resume`: what was interrupted goes on, and ends as if it never had been.

load common.bash

setup() { scratch; }
teardown() {
    mountpoint -q "$T/small" && umount -l "$T/small"
    scratch_done
}

# all that a run says of its servers but the times
of() {
    jq -S '[.servers[] | {server, verdict, reason, detail, attempts, earlier: (.earlier | length),
        benchmarks: [.benchmarks[] | {benchmark, verdict, reason, detail, score, value, trials}]}]'
}

verdicts() { # RUN: how many servers have one
    "$MUSTER" runs --json | jq -e '.[0] | .passed + .failed + .errors'
}

more_than() { # N: verdicts of the newest run
    [ "$(verdicts)" -gt "$1" ]
}

# starts muster with ARGS in the background, its pid in $pid, and kills it once N servers have a verdict
killed_after() { # N ARGS...
    local n=$1
    shift
    "$MUSTER" "$@" >"$T/out" 2>"$T/err" </dev/null &
    pid=$!
    wait_for more_than "$n"
    kill -KILL $pid
    wait $pid 2>/dev/null || true
}

spec=servers=2000,seed=11,delay=1ms-10ms,error=10%

@test "SIGKILL in the middle of 2,000 servers: the union is an uninterrupted run" {
    whole=$("$MUSTER" run --simulate=$spec -f 64 -q --json --store other/muster.db | of)
    killed_after 300 run --simulate=$spec -f 16 -q
    run -0 muster runs --json
    json_is '.[0].state' interrupted
    json_is '.[0].holder' null
    json_is '.[0].cancelled > 0' true
    before=$("$MUSTER" show last --json)
    run -1 muster resume last --json
    [ "$(of <<<"$output")" = "$whole" ] || fail "it is not what an uninterrupted run gives"
    json_is .state ended
    json_is '.passed + .failed + .errors' 2000
    json_is .cancelled 0
    json_is ".seconds > $(jq .seconds <<<"$before")" true
    # nothing that had a verdict was run again: its time is still that of the first sitting
    json_is "[.servers[] | {server, seconds}] as \$now | $(jq -c '[.servers[] | select(.verdict != "cancelled") | {server, seconds}]' <<<"$before") - \$now | length" 0
    stderr_has "run resumed"
    output_is=$output
    run -0 muster show last --json
    [ "$output" = "$output_is" ] || fail "show says something else"
    # one log, of both sittings, in which no server has two verdicts
    run -0 muster log last --json
    [ "$(jq -r 'select(.event == "server passed" or .event == "server failed") | .server' <<<"$output" | sort | uniq -d)" = "" ]
    [ "$(jq -r 'select(.event == "servers to benchmark") | .run' <<<"$output" | wc -l)" -eq 2 ]
    [ "$(sqlite3 state/muster/muster.db 'PRAGMA integrity_check')" = ok ]
}

@test "Ctrl-C, and SIGKILL again in the resumed run" {
    whole=$("$MUSTER" run --simulate=servers=300,seed=5,delay=5ms-20ms -f 64 -q --json --store other.db | of)
    "$MUSTER" run --simulate=servers=300,seed=5,delay=5ms-20ms -f 8 >"$T/out" 2>"$T/err" &
    pid=$!
    wait_for more_than 50
    kill -INT $pid
    status=0
    wait $pid || status=$?
    status_is 130
    id=$("$MUSTER" runs --json | jq -r '.[0].run')
    grep -qF "\`muster resume $id\` does the rest" "$T/out"
    killed_after 150 resume "$id"
    run -1 muster resume "$id" -q --json
    [ "$(of <<<"$output")" = "$whole" ] || fail "it is not what an uninterrupted run gives"
    run -1 muster resume "$id"
    [[ ${lines[-1]} == "Out of 300, "*" in "*"s, run $id." ]] || fail "last line: ${lines[-1]}"
}

@test "every option that decides what is measured is kept" {
    words='-b cpu --quick -t 66 --timeout 5m --retries 1 -u me -p 22 --transport ssh -F /dev/null'
    killed_after 3 run --simulate=servers=60,seed=2,delay=20ms-60ms -f 4 $words --quiet --failed-to f
    kept=$(sqlite3 state/muster/muster.db 'SELECT options FROM run')
    [ "$kept" = '["--simulate=servers=60,seed=2,delay=20ms-60ms","--fanout=4","--benchmarks=cpu","--quick","--threshold=66","--timeout=5m","--retries=1","--user=me","--port=22","--transport=ssh","--ssh-config=/dev/null"]' ] ||
        fail "kept: $kept"
    run -1 muster resume last --json
    json_is '[.servers[].benchmarks | map(.benchmark) | join(" ")] | unique | tostring' '["cpu"]'
    json_is '[.servers[].benchmarks[].threshold] | unique | tostring' '[66]'
    json_is .threshold 66
}

@test "the seed that the clock gave is kept" {
    killed_after 10 run --simulate=servers=100,delay=5ms-50ms -f 8
    seed=$(sed -n 's/.*simulated servers .*seed=//p' "$T/err")
    words=$(sqlite3 state/muster/muster.db 'SELECT options FROM run')
    [ "$words" = "[\"--simulate=servers=100,delay=5ms-50ms,seed=$seed\",\"--fanout=8\"]" ] || fail "kept: $words"
    run -1 muster resume last --json
    resumed=$(of <<<"$output")
    [ "$resumed" = "$("$MUSTER" run --simulate=servers=100,delay=0,seed="$seed" -q --json | of)" ]
}

@test "SIGKILL in a run over ssh: no server with a verdict is connected to again" {
    ssh_material
    for i in 1 2 3 4 5 6; do start_sshd 127.0.0.$i; done
    cat >muster.yaml <<TXT
fanout: 1
benchmarks:
  n: {command: "echo + >>$T/trace; while [ -e $T/wait ] && [ \$(wc -l <$T/trace) -gt 3 ]; do sleep 0.05; done; echo 80", extract: {regex: '([0-9]+)'}}
TXT
    touch wait
    mkdir elsewhere
    "$MUSTER" run -F ssh_config '127.0.0.[1-6]' -q >"$T/out" 2>"$T/err" </dev/null &
    pid=$!
    wait_for more_than 2
    wait_for sh -c '[ "$(wc -l <trace)" -eq 4 ]'
    run -0 muster runs
    output_has "running, process $pid on $(hostname)"
    run -0 muster show last
    output_has "to come: 127.0.0.[4-6]"
    output_has "Out of 6, 0 servers failed so far. 3 passed, 3 to come"
    run -0 muster show last --json
    json_is .state running
    json_is .holder.pid $pid
    json_is .holder.host "$(hostname)"
    json_is '.failed_servers | length' 0
    json_is '.servers | length' 6
    kill -KILL $pid
    wait $pid 2>/dev/null || true
    rm wait
    # neither the configuration nor the folder at hand counts, but what the run began with
    echo 'benchmarks: {other: {command: "echo 1", extract: {regex: "(1)"}}}' >muster.yaml
    cd elsewhere
    run -0 muster resume last --json --passed-to passed
    json_is '[.servers[].verdict] | unique == ["passed"]' true
    json_is '[.servers[].benchmarks[].benchmark] | unique == ["n"]' true
    json_is .fanout 1
    [ "$(wc -l <passed)" -eq 6 ]
    cd ..
    [ "$(wc -l <trace)" -eq 7 ] || fail "$(wc -l <trace) benchmarks were begun"
    for i in 1 2 3; do
        [ "$(grep -c 'Accepted publickey' sshd-127.0.0.$i.log)" -eq 1 ] || fail "127.0.0.$i was connected to again"
    done
}

@test "of two resumes at once the second is told who holds the run" {
    killed_after 5 run --simulate=servers=60,seed=1,delay=0.2s-0.4s -f 4 -q
    "$MUSTER" resume last -q >"$T/out" 2>/dev/null </dev/null &
    pid=$!
    wait_for sh -c '"$0" runs | grep -q running' "$MUSTER"
    run -2 muster resume last
    [ -z "$output" ] || fail "it printed something"
    stderr_has "is being worked on by process $pid on $(hostname), since 2"
    kill -INT $pid
    wait $pid || true
    # any number at the same moment: exactly one gets it
    pids=
    for i in 1 2 3 4; do
        "$MUSTER" resume last -q >"$T/out$i" 2>"$T/err$i" </dev/null &
        pids="$pids $!"
    done
    refused() { [ "$(grep -l 'is being worked on by process' "$T"/err[1-4] | wc -l)" -eq 3 ]; }
    wait_for refused
    kill -INT $(sed -n 's/.*by process \([0-9]*\).*/\1/p' "$T"/err[1-4] | sort -u)
    statuses=
    for p in $pids; do
        status=0
        wait "$p" || status=$?
        statuses="$statuses $status"
    done
    [ "$(tr ' ' '\n' <<<"$statuses" | sort -n | tr '\n' ' ')" = " 2 2 2 130 " ] || fail "statuses: $statuses"
}

@test "a run that has ended is shown again, and nothing is run" {
    run -1 muster run --simulate=servers=20,seed=3,delay=0 --passed-to passed
    first=$output
    cp state/muster/logs/*.jsonl log
    run -1 muster resume last --passed-to again
    [ "$output" = "$first" ] || fail "it was: $first"
    cmp passed again
    cmp log state/muster/logs/*.jsonl
    run -0 muster run --simulate=servers=5,seed=1,delay=0,score=80-100
    run -0 muster resume last --failed
    output_has "Out of 5, 0 servers failed. 5 passed in"
}

@test "--failed runs what did not pass, and keeps both attempts" {
    cat >muster.yaml <<TXT
benchmarks:
  a: {command: "cat $T/a", extract: {regex: '([0-9]+)'}}
  b: {command: "echo 70", extract: {regex: '([0-9]+)'}}
TXT
    echo 10 >a
    cat >enter <<'TXT'
#!/bin/sh
[ "$1" != web2 ] || sed -i 's/70/71/' muster.yaml
[ "$1" = web2 ] || [ -e mended ] || exit 255
exec sh -c "$2"
TXT
    chmod +x enter
    run -1 muster run -T 'command:./enter {server}' web1 web2 web3 --json
    json_is '[.servers[].reason] | tostring' '["unreachable","below-threshold","unreachable"]'
    touch mended
    run -1 muster resume last --failed --json
    json_is '[.servers[].verdict] | tostring' '["failed","failed","failed"]'
    echo 90 >a
    run -0 muster resume last --failed --json
    json_is '[.servers[].verdict] | tostring' '["passed","passed","passed"]'
    json_is .passed 3
    json_is '[.failed, .errors, .cancelled] | add' 0
    json_is '[.servers[0].earlier[].reason] | tostring' '["unreachable","below-threshold"]'
    json_is '[.servers[1].earlier[].benchmarks[0].score] | tostring' '[10,10]'
    json_is '[.servers[1].earlier[].benchmarks[1].score] | tostring' '[70,70]'
    json_is '.servers[1].benchmarks[0].score' 90
    run -0 muster show last
    output_has "passed when run again: web[1-3]"
    output_has "Out of 3, 0 servers failed. 3 passed in"
    run -0 muster show last --server web2
    output_has "web2, earlier (1 of 2)  failed, below-threshold: a scored 10, below 50"
    run -0 muster resume last --failed
    output_has "Out of 3, 0 servers failed."
}

@test "--failed that is interrupted has the rest to do, and nothing of what passed" {
    "$MUSTER" run --simulate=servers=100,seed=9,delay=10ms-30ms -f 4 -q --json >first || [ $? = 1 ]
    failed=$(jq .failed first)
    [ "$failed" -gt 20 ]
    killed_after "$(jq .passed first)" resume last --failed -q
    run -0 muster runs --json
    json_is '.[0].state' interrupted
    run -1 muster resume last -q --json
    json_is '[.servers[] | {server, verdict}] | tostring' "$(jq -c '[.servers[] | {server, verdict}]' first)"
    json_is '[.servers[] | select(.earlier | length == 1)] | length' "$failed"
    json_is '[.servers[] | select(.verdict == "passed" and (.earlier | length) > 0)] | length' 0
}

@test "the run's time counts per sitting, its seconds together" {
    echo 'run_timeout: 400ms' >muster.yaml
    run -1 muster run --simulate=servers=12,seed=1,delay=100ms -f 2 --json
    json_is '.state' interrupted
    rm muster.yaml
    for i in $(seq 10); do
        run muster resume last --json
        [ "$(jq -r .state <<<"$output")" != ended ] || break
    done
    json_is .cancelled 0
    json_is '.passed + .failed' 12
    json_is '.seconds >= 1.2' true
    [ "$i" -gt 1 ] || fail "one more sitting was enough"
}

@test "what cannot be resumed is refused, and nothing is run" {
    run -2 muster resume last
    stderr_has "no store"
    run -1 muster run --simulate=servers=3,seed=1,delay=0 -q
    id=$("$MUSTER" runs --json | jq -r '.[0].run')
    run -2 muster resume "${id%?}x"
    stderr_has "the nearest is $id"
    run -2 muster resume
    stderr_has "takes one RUN"
    run -2 muster resume last --fanout 3
    stderr_has "unknown option '--fanout'"
    run -2 muster resume last --faild
    stderr_has "did you mean '--failed'?"
    sqlite3 state/muster/muster.db 'UPDATE run SET options = NULL'
    run -2 muster resume last --failed
    stderr_has "did not keep what is needed"
    sqlite3 state/muster/muster.db 'PRAGMA user_version = 999'
    run -2 muster resume last
    stderr_has "has version 999"
    run -0 muster resume --help
    output_has "muster resume [OPTIONS] RUN"
}

@test "a log that was torn goes on in a line of its own" {
    killed_after 5 run --simulate=servers=40,seed=1,delay=20ms-60ms -f 4 -q
    printf '{"timestamp":"2026-11-2' >>"$(echo state/muster/logs/*.jsonl)"
    run -1 muster resume last -q
    run -0 muster log last
    output_has "run resumed"
    output_has "Out of 40, "
    [ "$(grep -c '"timestamp":"2026-11-2$' state/muster/logs/*.jsonl)" -eq 1 ]
}

# muster ARGS..., under which the power goes at write N of its store (power_cut.c); what it had told by
# then is in the file `told`, a line `SERVER VERDICT` each
powerless() { # N SEED ARGS...
    local n=$1 seed=$2
    shift 2
    status=0
    POWER_CUT=$n POWER_CUT_SEED=$seed POWER_CUT_FOLDER=$(realpath state) \
        LD_PRELOAD=$(dirname "$MUSTER")/test/support/power_cut.so \
        "$MUSTER" "$@" --log-format json >"$T/out" 2>"$T/err" || status=$?
    jq -r 'select(.event == "server passed" or (.event == "server failed" and .verdict != "cancelled")) |
        "\(.server) \(.verdict)"' "$T/err" >>told
}

@test "a power cut at any write: what was told is there, the rest is run" {
    [ -e "$(dirname "$MUSTER")/test/support/power_cut.so" ] || skip "power_cut.so is not built"
    small=servers=40,seed=8,delay=1ms-5ms,error=10%
    whole=$("$MUSTER" run --simulate=$small -q --json --store other.db | of)
    cuts=0 goes_on=0
    for n in $(seq $((RANDOM % 31 + 1)) 31 1000); do
        rm -rf state told
        seed=$RANDOM
        powerless "$n" $seed run --simulate=$small -f 1
        where="write $n, seed $seed"
        [ "$status" -eq 137 ] || break
        cuts=$((cuts + 1))
        run muster runs --json # none, or no store yet
        if [ "$status" -ne 0 ] || [ "$output" = '[]' ]; then
            [ ! -s told ] || fail "$where: told and lost: $output"
            continue
        fi
        [ "$(sqlite3 state/muster/muster.db 'PRAGMA integrity_check')" = ok ] || fail "$where: the store is broken"
        powerless $((n / 2 + 1)) $seed resume last
        run muster show last --json
        status_is 0
        jq -r '.servers[] | "\(.server) \(.verdict)"' <<<"$output" >known
        [ -z "$(grep -vxFf known told)" ] || fail "$where: told and lost: $(grep -vxFf known told)"
        run muster resume last -q --json
        [ "$(of <<<"$output")" = "$whole" ] || fail "$where: it is not what an uninterrupted run gives"
        run -0 muster log last
        goes_on=$((goes_on + 1))
    done
    [ "$status" -eq 1 ] || fail "$where: the last run, which was not cut"
    [ $cuts -ge 3 ] && [ $goes_on -ge 2 ] || fail "only $cuts cuts, $goes_on of them in the middle"
    echo "# $cuts power cuts" >&3
}

@test "a full disk ends the run with status 3; what was measured is readable, and the rest resumed" {
    [ "$(id -u)" = 0 ] || skip "not root: no file system of its own"
    mkdir small
    mount -t tmpfs -o size=1500k tmpfs small || skip "no tmpfs may be mounted"
    whole=$("$MUSTER" run --simulate=$spec -f 64 -q --json --store other.db | of)
    run -3 muster run --simulate=$spec -f 64 -q --store small/muster.db --failed-to failed
    stderr_has "small/muster.db"
    output_has "Out of 2000, "
    output_has "does the rest"
    run -0 muster show last --store small/muster.db --json
    json_is '.passed + .failed + .errors > 0 and .cancelled > 0' true
    json_is '.servers | length' 2000
    json_is .state interrupted
    known=$(jq '.passed + .failed + .errors' <<<"$output")
    run -0 muster runs --store small/muster.db
    run -3 muster resume last --store small/muster.db -q
    mount -o remount,size=50m small
    [ "$(sqlite3 small/muster.db 'PRAGMA integrity_check')" = ok ]
    run -1 muster resume last --store small/muster.db -q --json
    [ "$(of <<<"$output")" = "$whole" ] || fail "it is not what an uninterrupted run gives"
    [ "$known" -gt 0 ]
}
