#!/usr/bin/env bats
# A run judged as a whole, once its servers were measured.

load common.bash

setup() {
    scratch
}

teardown() {
    scratch_done
}

# Of 60 servers of one kind some are slower by 20 % in one metric: $slow is which, by the truth.
a_fleet_with_slow_servers() {
    muster run -q -t 0 -b cpu "$@" \
        --simulate=servers=60,kinds=1,metrics=3,delay=1ms-1ms,slow=10%:20%,seed=5,truth="$T/truth"
}

slow() {
    jq -r 'select(.fault == "slow") | .server' "$T/truth" | sort
}

found() {
    jq -r '.servers[] | select(.findings[]?.finding == "outlier") | .server' | sort
}

@test "outliers are in the summary and in the document, and pass unless they are to fail" {
    run -0 a_fleet_with_slow_servers
    output_has "outliers, by their peers: "
    output_has " below its peers' "
    run -0 muster show last --json
    [ -n "$(slow)" ]
    [ "$(found <<<"$output")" = "$(slow)" ] || fail "other servers than $(slow)"
    json_is '[.servers[].findings[] | select(.percent > -10 or .peers != 59)] | length' 0
}

@test "with fail they fail, and a run can be judged anew without a measurement" {
    run a_fleet_with_slow_servers --outliers fail
    status_is 1
    output_has "failed, outlier: "
    run muster show last --json
    [ "$(jq -r '.failed_servers[]' <<<"$output" | sort)" = "$(slow)" ] || fail "others failed"
    json_is '.failed' "$(slow | wc -l)"
    run -0 muster resume -q --outliers warn last
    output_has "outliers, by their peers: "
    output_has "60 passed"
    run -0 muster resume -q --outliers off last
    output_lacks "outliers"
    run -1 muster resume -q --outliers fail last
    again=$output
    run -1 muster resume -q --outliers fail last
    output_has "failed, outlier: "
    [ "$(head -1 <<<"$output")" = "$(head -1 <<<"$again")" ] || fail "judged otherwise"
}

@test "the option and the key take three words" {
    run muster run --simulate --outliers maybe
    status_is 2
    stderr_has "--outliers is fail, warn or off, not 'maybe'"
    echo 'outliers: 5' >muster.yaml
    run muster run --simulate -c muster.yaml
    status_is 2
    stderr_has "outliers: expected fail, warn or off, found the number 5"
    echo 'outliers: off' >muster.yaml
    run -0 a_fleet_with_slow_servers -c muster.yaml
    output_lacks "outliers"
}
