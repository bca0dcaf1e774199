#!/usr/bin/env bats
# `muster compare` over simulated runs in a real store.

load common.bash

setup() { scratch; }
teardown() { scratch_done; }

fleet=servers=40,seed=5,delay=0,metrics=2,noise=1%

# Runs a fleet and says its id.
run_of() { # SPEC
    "$MUSTER" run --simulate="$1" -q --json 2>/dev/null | jq -r .run
}

@test "two runs of one fleet do not differ, and the status is 0" {
    a=$(run_of $fleet)
    b=$(run_of $fleet,age=1)
    run -0 muster compare "$a" "$b"
    output_has "before: $a"
    output_has "Out of 4 metrics, 0 worse, 0 better, 0 unsure; 0 servers newly failing."
    output_lacks "Nothing can be said"
    run -0 muster compare "$a" last --json
    json_is '[.metrics[] | select(.change != "same" or .pairs != 40 or .paired != true)] | length' 0
    json_is '.worse' false
    json_is '[.metrics[] | select(.low <= .ratio and .ratio <= .high and .confidence >= 0.9875)] | length' 4
    json_is ".after.run == \"$b\"" true
}

@test "a rollout that slows servers down is worse, and the way back is better" {
    a=$(run_of $fleet)
    b=$(run_of $fleet,throttled=100%:10%)
    run -1 muster compare "$a" "$b" --json
    json_is '.worse' true
    json_is '[.metrics[] | select(.change == "worse" and .percent < -8)] | length' 4
    run -0 muster compare "$b" "$a"
    output_has "Out of 4 metrics, 0 worse, 4 better"
    run -0 muster compare "$a" "$b" --least 20
    output_has "0 worse"
}

@test "servers that moved are named, and those that newly fail" {
    a=$(run_of $fleet,score=80-80)
    b=$(run_of $fleet,score=80-80,throttled=10%:50%)
    run -1 muster compare "$a" "$b" --json
    failed=$("$MUSTER" show "$b" --json | jq -c .failed_servers)
    [ "$failed" != "[]" ] || fail "no server failed"
    json_is ".newly_failing == $failed" true
    json_is "(.moved | map(.server) | unique | sort) == ($failed | sort)" true
    json_is '[.moved[] | select(.percent > -40)] | length' 0
    json_is '[.metrics[] | select(.change == "worse")] | length' 0
    run -0 muster compare "$b" "$a" --json
    json_is ".newly_passing == $failed" true
}

@test "servers that are in one run only are named, and change nothing" {
    a=$(run_of servers=20,seed=5,delay=0,noise=1%)
    b=$(run_of servers=30,seed=5,delay=0,noise=1%,age=1)
    run -0 muster compare "$a" "$b"
    output_has "only in the later run: 10"
    run -0 muster compare "$b" "$a" --json
    json_is '.only_before | length' 10
    json_is '.only_after | length' 0
    json_is '[.metrics[] | select(.pairs != 20 or .before_servers != 30)] | length' 0
}

@test "a run that is not there: the nearest is offered, and nothing is compared" {
    a=$(run_of servers=2,seed=1,delay=0)
    run -2 muster compare "$a" "${a%??}zz"
    stderr_has "the nearest is $a"
    run -2 muster compare "$a"
    stderr_has "takes two RUNs"
    run -2 muster compare "$a" "$a" --least much
    stderr_has "--least"
    run -0 muster compare "$a" "$a"
    output_has "unsure"
    output_has "Nothing can be said of any metric: that takes 6 servers"
}

@test "kinds are told apart" {
    a=$(run_of servers=60,seed=5,delay=0,noise=1%,kinds=2)
    b=$(run_of servers=60,seed=5,delay=0,noise=1%,kinds=2,age=1)
    run -0 muster compare "$a" "$b" --json
    json_is '[.metrics[].kind] | unique | length' 2
    json_is '[.metrics[] | select(.benchmark == "cpu") | .pairs] | add' 60
    kind=$("$MUSTER" show "$b" --json | jq -r '.servers[0].kind')
    run -0 muster compare "$a" "$b"
    output_has "kind $kind"
}
