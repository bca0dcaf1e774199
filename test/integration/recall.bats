#!/usr/bin/env bats
# What the judgement finds of faults that were planted, and whom it accuses: simulated fleets, of which
# the truth is known. bench/judgement has the same over noise and size of fault.

load common.bash

setup() { scratch; }
teardown() { scratch_done; }

# fleet SPEC: a run of a modelled fleet, its document in $T/document and what was planted in $T/truth
fleet() {
    printf 'benchmarks:\n  cpu: {trials: 3}\n' >muster.yaml
    "$MUSTER" run -b cpu -t 0 -q --json --simulate="seed=5,delay=0,truth=truth,$1" >document 2>"$T/err" ||
        [ $? -eq 1 ] || fail "the run did not end"
    output=$(jq -n --slurpfile truth truth --slurpfile run document '
        ($run[0].servers | map({key: .server, value: .}) | from_entries) as $of
        | $truth | map(. + {found: [$of[.server].findings[]? | select(.finding == "outlier") | .metric],
                            drifts: [$of[.server].findings[]? | select(.finding == "drift")],
                            why: [$of[.server].why[]?.what], facts: $of[.server].facts})')
}

@test "of 1,000 servers all that are slow by 8 % are found, and no other" {
    fleet servers=1000,kinds=5,metrics=20,noise=1%,slow=2%:8%
    json_is 'map(select(.fault == "slow")) | length > 10' true
    json_is 'map(select(.fault == "slow" and (.found | index(.metric) | not))) | length' 0
}
