#!/usr/bin/env bats
# `--longest-first`: servers that took long in earlier runs are begun first.

load common.bash

setup() { scratch; }
teardown() { scratch_done; }

spec=servers=40,seed=3,delay=1ms-120ms,skew=4

# the servers of the newest run's log in the order in which they were begun
begun() {
    "$MUSTER" log last --json | jq -r 'select(.event == "connected") | .server'
}

# the servers of JSON document $1, the one that took longest first
by_time() {
    jq -r '.servers | sort_by(-.seconds) | .[].server' "$1"
}

# what two orders have in common at their beginning: so many of the first N, in whatever order
common() { # N ORDER ORDER
    comm -12 <(head -n "$1" <<<"$2" | sort) <(head -n "$1" <<<"$3" | sort) | wc -l
}

@test "without a past the order is the inventory's, and the log says so" {
    run muster run --simulate=$spec -b cpu -f 1 --longest-first --json
    stderr_has 'longest first'
    stderr_has known=0
    [ "$(begun)" = "$(seq 40)" ] || fail "begun in the order $(begun | tr '\n' ' ')"
}

@test "the second run begins with those that took long in the first" {
    "$MUSTER" run -q --simulate=$spec -b cpu -f 40 --json >"$T/first" || true
    run muster run --simulate=$spec -b cpu -f 1 --longest-first --json
    stderr_has 'known=40 unknown=0'
    [ "$(begun)" != "$(seq 40)" ] || fail "it is the inventory's order"
    # measured times of short ones are alike to the millisecond: the long ones decide
    [ "$(common 10 "$(begun)" "$(by_time "$T/first")")" -ge 9 ] ||
        fail "begun: $(begun | tr '\n' ' '); by time: $(by_time "$T/first" | tr '\n' ' ')"
    # the documents keep the inventory's order
    json_is '[.servers[].server] == [range(1; 41) | tostring]' true
    [ "$(jq -c .failed_servers <<<"$output")" = "$(jq -c .failed_servers "$T/first")" ]
}

@test "servers that are not known come before all others" {
    "$MUSTER" run -q --simulate=${spec/40/20} -b cpu -f 20 >/dev/null || true
    run muster run --simulate=$spec -b cpu -f 1 --longest-first
    stderr_has 'known=20 unknown=20'
    [ "$(begun | head -n 20)" = "$(seq 21 40)" ] || fail "begun: $(begun | tr '\n' ' ')"
}

@test "a run that was interrupted goes on in its order, and what was done is not done again" {
    "$MUSTER" run -q --simulate=$spec -b cpu -f 40 --json >"$T/first" || true
    "$MUSTER" run -q --simulate=$spec -b cpu -f 1 --longest-first >"$T/out" 2>&1 </dev/null &
    pid=$!
    some_done() { [ "$("$MUSTER" runs --json | jq '.[0] | .passed + .failed')" -ge 5 ]; }
    wait_for some_done
    kill -INT $pid
    wait $pid || true
    done_before=$("$MUSTER" show last --json | jq '[.servers[] | select(.verdict != "cancelled")] | length')
    [ "$done_before" -lt 40 ] || skip "the run was over before it could be interrupted"
    run muster resume last --json
    stderr_has "known=$((40 - done_before)) unknown=0"
    json_is '.passed + .failed' 40
    json_is '[.servers[].server] == [range(1; 41) | tostring]' true
    # of both sittings: the long ones first; the one that was interrupted is begun twice
    order=$(begun | awk '!seen[$0]++')
    [ "$(wc -l <<<"$order")" -eq 40 ]
    [ "$(common 20 "$order" "$(by_time "$T/first")")" -ge 18 ] ||
        fail "begun: $(tr '\n' ' ' <<<"$order"); by time: $(by_time "$T/first" | tr '\n' ' ')"
}

@test "a configuration may ask for it, and a resume" {
    echo 'longest_first: true' >muster.yaml
    run muster run --simulate=servers=3,seed=1,delay=0 -b cpu -c muster.yaml
    stderr_has 'longest first'
    "$MUSTER" run --simulate=servers=3,seed=1,delay=0,error=100% -b cpu -q >/dev/null 2>&1 || true
    run muster resume last --failed --longest-first
    stderr_has 'longest first'
}

@test "the longest first end sooner" {
    # 8 long ones at the end of the inventory would be worked on alone
    spec=servers=60,seed=23,delay=5ms-400ms,skew=6
    "$MUSTER" run -q --simulate=$spec -b cpu -f 60 --json >"$T/first" || true
    run muster run --simulate=$spec -b cpu -f 4 --longest-first --json
    # within a tenth of what no order can beat, and 50 ms for a machine that does other things too
    seconds=$(jq .seconds <<<"$output")
    jq -e --argjson seconds "$seconds" '[.servers[].seconds] |
        $seconds < 1.1 * ([max, add / 4] | max) + 0.05' "$T/first" >/dev/null ||
        fail "it took $seconds s: $(jq -c '[.servers[].seconds] | {max: max, even: (add / 4)}' "$T/first")"
}
