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

@test "of several findings the worst is told, and how many more there are" {
    two=servers=60,kinds=1,metrics=3,delay=0,slow=10%:20%,seed=5
    run -0 muster run -q -t 0 -b cpu,gpu --simulate=$two
    output_has "servers); and 1 more metric"
    run -1 muster run -q -t 0 -b cpu,gpu --outliers fail --simulate=$two
    output_has "failed, outlier: "
    output_has "servers); and 1 more metric"
}

@test "with fail they fail, and a run can be judged anew without a measurement" {
    run a_fleet_with_slow_servers --outliers fail
    status_is 1
    output_has "failed, outlier: "
    output_lacks " more metric"
    run muster show last --json
    [ "$(jq -r '.failed_servers[]' <<<"$output" | sort)" = "$(slow)" ] || fail "others failed"
    json_is '.failed' "$(slow | wc -l)"
    json_is '[.servers[] | select(.verdict == "failed") | .benchmarks[].verdict] | unique | join(" ")' passed
    json_is '.passed + .failed' 60
    bad=$(slow | head -1)
    of=$(jq -r --arg bad "$bad" '.servers[] | select(.server == $bad).findings[0].benchmark' <<<"$output")
    run -0 muster show last --server "$bad"
    [ "$(grep -c ' passed, outlier by its peers, score ' <<<"$output")" -eq 1 ] || fail "not said of one benchmark"
    output_has "$of  passed, outlier by its peers, score "
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

# what a run came to, with all that the judgement has a say in
came_to() {
    jq -S '{passed, failed, failed_servers, notes, servers: [.servers[] | {server, verdict, reason, detail,
        findings, why, trials: [.benchmarks[].trials]}]}'
}

has_passed() { # N: so many servers of the newest run
    [ "$("$MUSTER" runs --json | jq '.[0].passed')" -eq "$1" ]
}

@test "killed between the last result and the judgement: it says so, and resume judges it" {
    spec=servers=60,kinds=1,metrics=3,delay=0,slow=10%:20%,missing=5%,bimodal=40%:15%,seed=5
    whole=$("$MUSTER" run -q -t 0 -b cpu --outliers fail --simulate=$spec --json | came_to)
    [ "$(jq .failed <<<"$whole")" -gt 3 ] || fail "nothing to find: $whole"
    # the judgement's transaction finds no end, so that it is never on disk
    sqlite3 state/muster/muster.db 'CREATE TRIGGER endless BEFORE UPDATE OF judged ON run WHEN NEW.judged BEGIN
        SELECT count(*) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n); END'
    "$MUSTER" run -q -t 0 -b cpu --outliers fail --simulate=$spec >out 2>err </dev/null &
    echo $! >muster.pid
    wait_for has_passed 60
    kill -KILL "$(<muster.pid)"
    wait "$(<muster.pid)" || true
    rm muster.pid
    sqlite3 state/muster/muster.db 'DROP TRIGGER endless'

    run -0 muster runs --json
    json_is '.[0] | .state, .passed' $'interrupted\n60'
    run -0 muster show last
    output_has "not judged by peers yet: \`muster resume "
    run -1 muster resume last -q --json
    [ "$(came_to <<<"$output")" = "$whole" ] || fail "not what an uninterrupted run came to: $whole"
    json_is '.state' ended
    [ "$("$MUSTER" show last --json | came_to)" = "$whole" ] || fail "another one is on disk"
    run -1 muster resume last -q
    output_lacks "not judged"
}

@test "of fewer than 8 servers the baseline of the kind stands in for the peers" {
    small=servers=7,metrics=3,delay=0,seed=5,age=1,throttled=40%:20%,truth=truth
    cpu=(-q -t 0 -b cpu)
    run -0 muster run "${cpu[@]}" --simulate=$small
    output_lacks "outliers" # nobody is judged by so few
    run -0 muster run "${cpu[@]}" --simulate=servers=40,metrics=3,delay=0,seed=5
    run -0 muster baseline take last
    run -1 muster run "${cpu[@]}" --simulate=$small --outliers fail --json
    hot=$(jq -r 'select(.fault == "throttled").server' truth)
    [ -n "$hot" ]
    json_is '.failed_servers[]' "$hot"
    json_is '[.servers[].findings[] | select(.finding != "outlier" or (.peers < 35) or
        (.detail | contains("its kind\u0027s baseline of") | not))] | length' 0
    # at 8 they are peers of one another
    run -0 muster run "${cpu[@]}" --simulate=${small/=7/=12} --json
    json_is '[.servers[].findings[].peers] | unique | tostring' '[11]'
    # a baseline of another unit is none
    "$MUSTER" baseline export | sed 's/unit: "[a-z]*"/unit: "furlongs"/' >other.yaml
    run -0 muster baseline import --yes other.yaml
    run -0 muster run "${cpu[@]}" --simulate=$small --outliers fail
}

@test "a metric that its peers have and a server has not is missing, from 8 servers on" {
    fleet=servers=60,metrics=6,delay=0,seed=5,missing=10%,truth=truth
    run -1 muster run -q -t 0 -b cpu --simulate=$fleet --outliers fail --json
    lacking=$(jq -r 'select(.fault == "missing") | "\(.server) \(.metric)"' truth)
    [ "$(wc -l <<<"$lacking")" -gt 2 ]
    json_is '.servers[] | select(.reason == "missing-metric") | "\(.server) \(.findings[0].metric)"' "$lacking"
    json_is '[.servers[].findings[]] | length' "$(wc -l <<<"$lacking")"
    run -0 muster resume -q --outliers warn last
    output_has "missing what their peers have: "
    output_has " was not measured; 59 of its 59 peers have it"
    few=${fleet/=60/=7}
    run -0 muster run -q -t 0 -b cpu --simulate="${few/10%/60%}" --outliers fail
    grep -q missing truth
}

# what muster is to say of each server: all facts that the simulation planted in it
planted() {
    jq -r '.servers[] | select(.findings != []) | .server as $name | .facts
        | [if .cpu_governor == "powersave" then "cpu_governor" else empty end,
           if (.dimms | length) != .dimm_slots then "dimms", "memory_bytes" else empty end,
           if .dimms[0].configured_mts != .dimms[0].speed_mts then "dimms.configured_mts" else empty end,
           if .turbo then empty else "turbo" end]
        | "\($name) \(sort | join(" "))"' <<<"$output"
}

@test "why a server is slow: what was planted in it, and nothing else" {
    run -0 muster run -q -t 0 -b cpu --simulate=servers=400,kinds=3,metrics=3,delay=0,seed=5,slow=6%:20% --json
    causes=$(planted)
    [ "$(cut -d' ' -f2 <<<"$causes" | sort -u | wc -l)" -eq 4 ] || fail "not all four causes: $causes"
    json_is '.servers[] | select(.why != []) | "\(.server) \([.why[].what] | sort | join(" "))"' "$causes"
    run -0 muster show last
    output_has "governor powersave (peers: performance, "
    output_has " DIMM speed 4000 (4800)"
    output_has " GiB memory (768); 23 DIMMs (24)"
    output_has "turbo off (peers: on, "

    run -0 muster run -q -t 0 -b cpu --simulate=servers=60,metrics=3,delay=0,seed=5,throttled=10%:20%,truth=truth --json
    json_is '.servers[] | select(.why != []).server' "$(jq -r 'select(.fault == "throttled").server' truth)"
    json_is '[.servers[].why | select(. != []) | map(.what) | join(" ")] | unique | join(";")' \
        "sensors.throttled_percent sensors.temperature_c"
    run -0 muster show last
    grep -qE ' throttled [3-7][0-9] % of the time \(0\); 97 C \([67][0-9]\)$' <<<"$output" || fail "not how long"
}

@test "NaN, infinite, text and nothing are bad output, zero and below are values, of a command" {
    cat >muster.yaml <<'TXT'
benchmarks:
  rate: {command: 'cat values/$AS', extract: {regex: '(\S+)'}, unit: r/s, reference: 100}
  time: {command: 'cat values/$AS', extract: {jq: .}, unit: s, better: lower, reference: 100}
TXT
    mkdir values
    local value i=0
    for value in nan inf -inf fast 1e999 '' null '"5"' 0x10 -5 0 -0.0 1e308 100; do
        echo "$value" >values/"$i"
        echo $((i++))
    done >fleet
    run muster run -T 'command:env AS={server} sh -c' -i fleet -q --json
    status_is 1
    json_is '.servers[] | [.server, (.benchmarks[] | .reason // "passed", .score)] | map(tostring) | join(" ")' \
"0 bad-output null bad-output null
1 bad-output null bad-output null
2 bad-output null bad-output null
3 bad-output null bad-output null
4 bad-output null bad-output null
5 bad-output null bad-output null
6 bad-output null bad-output null
7 bad-output null bad-output null
8 bad-output null bad-output null
9 below-threshold -5 below-threshold -2000
10 below-threshold 0 bad-output null
11 below-threshold 0 bad-output null
12 bad-output null below-threshold 1e-304
13 passed 100 passed 100"
    json_is '[.servers[] | select(.verdict == "passed").server] | join(" ")' 13
    run -2 muster baseline take --yes last
    stderr_has "no kind has 5 servers that passed"
}
