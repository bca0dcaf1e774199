#!/usr/bin/env bats
# What the judgement finds of faults that were planted, and whom it accuses: simulated fleets, of which
# the truth is known. bench/judgement has the same over noise and size of fault.

load common.bash

setup() {
    scratch
    printf 'benchmarks:\n  cpu: {trials: 3}\n' >muster.yaml
}
teardown() { scratch_done; }

# fleet SPEC: a run of a modelled fleet; $output is what was planted in each server and what was found
fleet() {
    status=0
    "$MUSTER" run -b cpu -t 0 -q --outliers warn --json --simulate="seed=5,delay=0,truth=truth,$1" \
        >document 2>"$T/err" || status=$?
    status_is 0
    output=$(jq -n --slurpfile truth truth --slurpfile run document '
        ($run[0].servers | map({key: .server, value: .}) | from_entries) as $of
        | $truth | map(. + {outlier: [$of[.server].findings[]? | select(.finding == "outlier").metric],
                            drifts: [$of[.server].findings[]? | select(.finding == "drift").metric],
                            measured: ($of[.server].kind)})')
}

@test "of 1,000 servers all that are slow by 8 % are found, and no other" {
    fleet servers=1000,kinds=5,metrics=20,noise=1%,slow=2%:8%
    json_is 'map(select(.fault == "slow")) | length > 10' true
    json_is 'map(select(.fault == "slow" and (.metric as $m | .outlier | index($m) | not)).server) | join(" ")' ""
    json_is 'map(select(.fault == "none" and .outlier != []).server) | join(" ")' ""
}

@test "kinds are told apart by their facts, whatever is wrong with a server" {
    fleet servers=300,kinds=16,slow=20%,throttled=20%,bimodal=20%
    json_is 'group_by(.kind) | map(map(.measured) | unique | length) | unique | join(" ")' 1
    json_is 'map(.measured) | unique | length' 16
}

@test "servers that are too hot are found in all that they do" {
    fleet servers=300,kinds=2,metrics=6,noise=1%,throttled=4%:15%
    json_is 'map(select(.fault == "throttled")) | length > 5' true
    json_is 'map(select(.fault == "throttled" and (.outlier | length) != 6).server) | join(" ")' ""
    json_is 'map(select(.fault == "none" and .outlier != []).server) | join(" ")' ""
}

@test "two firmwares are two groups, not hundreds of faults" {
    fleet servers=400,kinds=2,metrics=6,noise=1%,slow=3%:25%,bimodal=40%:15%
    json_is 'map(select(.fault == "none" and .outlier != []).server) | join(" ")' ""
    json_is 'map(select(.fault == "slow" and (.metric as $m | .outlier | index($m) | not)).server) | join(" ")' ""
    output=$(<document)
    json_is '.notes | map(select(contains("two groups"))) | length' 2
}

@test "servers that grow slower are found by their own past, and no other" {
    for age in $(seq 5 14); do
        fleet servers=40,kinds=1,metrics=2,noise=1%,drift=20%:12%,age=$age
    done
    json_is 'map(select(.fault == "drift")) | length > 3' true
    json_is 'map(select(.active and .metric == "score" and .drifts != ["score"]).server) | join(" ")' ""
    json_is 'map(select(.fault == "none" and .drifts != []).server) | join(" ")' ""
}
