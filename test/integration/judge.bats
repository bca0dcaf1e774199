#!/usr/bin/env bats
# `muster judge`: numbers that others measured, judged as a run is.

load common.bash

setup() {
    scratch
}

teardown() {
    scratch_done
}

# N servers web1.. with two metrics, lines of JSON
fleet() {
    for i in $(seq "$1"); do
        echo "{\"server\": \"web$i\", \"kind\": \"A\", \"memory/triad\": $((1000 + i % 7)), \"net/rtt_time\": $((500 + i % 3))}"
    done
}

@test "a healthy fleet passes, and peers find a slow server, by name or order" {
    fleet 20 >good
    run muster judge good
    status_is 0
    output_has "Out of 20, 0 servers failed. 20 passed in"

    # slower; and a time that is shorter is not worse
    { fleet 20 | sed -e '3s/100[0-9]/700/' -e '5s/50[0-9]/100/' -e '6s/50[0-9]/900/'; } >bad
    run muster judge --json bad
    status_is 1
    json_is '.run' null
    json_is '.failed_servers | join(" ")' "web3 web6"
    json_is '.servers[2] | [.verdict, .reason, .kind, .findings[0].metric] | join(" ")' "failed outlier A triad"
    run muster judge - <bad
    status_is 1
    output_has "failed, outlier: web3,web6"
    output_has "lower is better, by the name, of net/rtt_time"

    run muster judge --outliers warn bad
    status_is 0
    output_has "Out of 20, 0 servers failed."
    output_has "web3,web6"
    run muster judge --outliers off bad
    status_is 0
    output_lacks "web3"
    run muster judge --higher-is-better 'net/*' --ignore 'memory/*' --json bad
    json_is '.failed_servers | join(" ")' "web5"
}

@test "a metric that its peers have and a server lacks is missing" {
    fleet 20 | sed '4s/, "net[^}]*//' >part
    run muster judge --json part
    status_is 1
    json_is '.servers[3] | [.verdict, .reason, .findings[0].finding] | join(" ")' \
        "failed missing-metric missing-metric"
}

@test "thresholds and references are those of the configuration" {
    cat >muster.yaml <<'END'
benchmarks:
  memory: {threshold: 90, reference: 1000}
END
    printf 'server,memory/triad\na,1000\nb,850\nc,\nd,nan\n' >three.csv
    run muster judge --json three.csv
    status_is 1
    json_is '[.servers[].reason] | map(. // "-") | join(" ")' "- below-threshold missing-metric missing-metric"
    json_is '.servers[1].benchmarks[0] | [.score, .reference, .reference_source] | join(" ")' "85 1000 configuration"
    run muster judge three.csv
    output_has "memory scored 85, below 90"
    output_has "memory has no triad"
}

@test "a server without a number does not pass, however few its peers are" {
    printf 'server,memory/triad\na,1000\nb,nan\nc,inf\nd,0\n' >few.csv
    run muster judge --outliers off --json few.csv
    status_is 1
    json_is '[.servers[].reason] | map(. // "-") | join(" ")' "- missing-metric missing-metric -"
    json_is '.servers[1].detail' "nothing of it was measured"
}

@test "SuperBench's results are read as they are" {
    for i in $(seq 1 12); do
        echo "{\"node\": \"sb-validation-$i\", \"gemm-flops/FP64:0\": 90$((10 + i)).23, \"gemm-flops/FP64:1\": 90$((30 + i)).5, \"bert_models/pytorch-bert-base/steptime_train_float32\": 114.$((50 + i)), \"nccl-bw/allreduce_8_busbw:0\": 0.0, \"kernel-launch/return_code\": 0, \"kernel-launch/event_overhead:0\": 0.0059$i}"
    done >results-summary.jsonl
    run muster judge results-summary.jsonl
    status_is 0
    sed -e '2s/90[0-9]*.5/6000/' -e '7s/"kernel-launch\/return_code": 0/"kernel-launch\/return_code": 3/' \
        -e '9s/114/150/' results-summary.jsonl >results
    run muster judge results
    status_is 1
    output_has "failed, outlier: sb-validation-2,sb-validation-9"
    output_has "error, benchmark-crashed: sb-validation-7"
    output_has "kernel-launch ended with return code 3"
}

@test "mistakes are said all at once, with their places" {
    printf 'server,m/t\nweb1,fast\nweb2\n' >bad.csv
    run muster judge bad.csv
    status_is 2
    [ -z "$output" ] || fail "something was printed"
    stderr_has "muster: bad.csv:2:6: expected a number, not 'fast'"
    stderr_has "muster: bad.csv:3:1: expected 2 fields"
    run muster judge missing.csv
    status_is 2
    stderr_has "missing.csv: No such file"
    run muster judge
    status_is 2
    : >empty
    run muster judge empty
    status_is 2
    stderr_has "empty has no measurements"
    run muster judge --store missing.db bad.csv
    status_is 2
}

@test "10,000 servers of 20 metrics are judged in seconds" {
    awk 'BEGIN { srand(1); for (i = 1; i <= 10000; i++) { printf "{\"server\":\"n%d\",\"kind\":\"k%d\"", i, i % 5
        for (m = 1; m <= 20; m++) printf ",\"b/m%d\":%.2f", m, 1000 * (i == 77 && m == 3 ? 0.8 : 1) + 20 * (rand() - 0.5)
        print "}" } }' >large
    local start=$EPOCHREALTIME
    run muster judge large
    status_is 1
    output_has "failed, outlier: n77"
    output_has "Out of 10000, 1 servers failed."
    local took=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
    ((took < 10000)) || fail "took $took ms"
}

@test "garbage without end is refused at its first megabytes" {
    run bash -c 'head -c 200000000 /dev/zero | tr "\0" x | (ulimit -v 400000; "$MUSTER" judge -) 2>&1'
    status_is 2
    output_has "expected lines of at most 4 MiB"
}
