#!/usr/bin/env bats
# `muster history`, and what a run says of a server that is slower than it was.

load common.bash

setup() {
    scratch
    cat >muster.yaml <<TXT
benchmarks:
  rate: {command: cat $T/value, extract: {regex: '([0-9]+)'}, unit: MB/s, threshold: 0}
TXT
}
teardown() { scratch_done; }

# one run of SERVER for each VALUE; $output is the last one's
runs() { # SERVER VALUE...
    local server=$1
    shift
    for value; do
        echo "$value" >"$T/value"
        run -0 muster run -T local -b rate -q "$server"
    done
}

@test "a steady server has a flat history" {
    runs web07 100 101 99 100 102 100 99 100
    output_lacks "slower than itself"
    run -0 muster history web07
    output_has "web07, 8 runs since $(date +%F)"
    output_has "rate  ▇▇▆▇█▇▆▇  100 MB/s"
    output_lacks "slower than itself"
    [ "$(grep -c ' passed$' <<<"$output")" -eq 8 ] || fail "not one line a run"
}

@test "a step down is in the summary and in the history, with its day" {
    runs web07 100 101 99 100 102 100 88 87
    output_lacks "slower than itself"
    runs web07 88
    output_has "slower than itself"
    output_has "rate -12 % since $(date +%F)"
    run -0 muster show last --server web07
    output_has "  found                  slower than itself: rate -12 % since $(date +%F)"
    run -0 muster history web07
    output_has "88 MB/s, slower than itself: -12 % since $(date +%F)"
    run -0 muster history web07 --json
    json_is '.benchmarks[0].drift | .before, .after' $'100\n88'
    json_is '[.benchmarks[0].runs[].value] | @csv' 100,101,99,100,102,100,88,87,88
    run -0 muster show last --json
    json_is '.servers[0].findings[0] | .finding, .benchmark, .metric, .expected, .value' $'drift\nrate\nrate\n100\n88'
    json_is '.servers[0].verdict' passed
}

@test "a step up is none, and neither is a bad run" {
    runs web07 100 101 99 100 60 100 99
    output_lacks "slower than itself"
    runs web07 120 121 119 120
    output_lacks "slower than itself"
}

@test "a server that was renamed keeps its history, and is not lost under its old name" {
    runs web07 100 101 99 100 102 100
    runs db01 88 87 88
    # a container may have no identity that the agent can read
    if [ "$("$MUSTER" history db01 --json | jq -r .machine)" = null ]; then
        sqlite3 "$XDG_STATE_HOME/muster/muster.db" "UPDATE server SET machine = 'serial-1'"
        runs db01 88
    fi
    run -0 muster history db01
    output_has "db01, "
    output_has "slower than itself: -12 %"
    [ "$(grep -c ' as web07$' <<<"$output")" -eq 6 ] || fail "not six runs under the old name"
    run -0 muster history web07
    output_has "db01, "
    output_has "slower than itself: -12 %"
    [ "$(grep -c ' as web07$' <<<"$output")" -eq 6 ] || fail "the old name does not lead to all runs"
}

@test "a resumed run counts once" {
    echo 100 >"$T/value"
    run -0 muster run -T local -b rate -q web07
    sed -i 's/threshold: 0/reference: 100, threshold: 90/' muster.yaml
    echo 50 >"$T/value"
    run -1 muster run -T local -b rate -q web07
    echo 99 >"$T/value"
    run -0 muster resume --failed -q last
    run -0 muster history web07 --json
    json_is '[.benchmarks[0].runs[].value] | @csv' 100,99
}

@test "what is not known is said, the nearest offered" {
    runs web07 100
    run -2 muster history web70
    stderr_has "no run in the store"
    stderr_has "(did you mean 'web07'?)"
    run -2 muster history web07 --benchmark rat
    stderr_has "no run has measured 'rat' on web07"
    run -2 muster history
    stderr_has "takes one SERVER"
    run -2 muster history --store "$T/none.db" web07
}
