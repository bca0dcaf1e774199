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
    json_is '[.run, .state] | map(. // "-") | join(" ")' "- ended"
    json_is '.failed_servers | join(" ")' "web3 web6"
    json_is '.servers[2] | [.verdict, .reason, .kind, .findings[0].metric] | join(" ")' "failed outlier A triad"
    run muster judge - <bad
    status_is 1
    output_has "failed, outlier: web3,web6"
    output_has "lower is better, by the name, of net/rtt_time"

    # a pattern that fits nothing is named, as its metric may be judged the wrong way round
    run muster judge --lower-is-better triad --lower-is-better 'mem*/triad' good
    output_has "note: no metric, by its whole name BENCHMARK/METRIC, fits --lower-is-better triad"
    output_lacks "mem*"
    run muster judge --higher-is-better 'net/*' good
    output_lacks "no metric"

    # a threshold that nothing has a score for is said to decide nothing
    run muster judge -t 90 good
    status_is 0
    output_has "note: nothing was held against the threshold 90: no benchmark has a score"
    echo 'benchmarks: {memory: {reference: 1000}}' >scored.yaml
    run muster judge -t 90 -c scored.yaml good
    status_is 0
    output_lacks "nothing was held"

    # one finding is told of each, and how many more there are
    { sed '3s/, "net[^}]*//' bad; } >worse
    for i in $(seq 20); do echo "{\"server\": \"web$i\", \"disk/iops\": $((i == 3 ? 300 : 1000 + i % 7))}"; done >>worse
    run muster judge worse
    status_is 1
    grep -q "^  web3  .* below its peers' .*; and 2 more metrics$" <<<"$output" || fail "the others are not counted"
    grep -q "^  web6  .* above its peers' .* servers)$" <<<"$output" || fail "one finding is more than one"

    run muster judge --outliers warn bad
    status_is 0
    output_has "Out of 20, 0 servers failed."
    output_has "web3,web6"
    run muster judge --outliers off --json bad
    status_is 0
    json_is '[.servers[].findings[]] | length' 0
    run muster judge --higher-is-better 'net/*' --ignore 'memory/*' --json bad
    json_is '.failed_servers | join(" ")' "web5"
}

@test "one wild value among equal ones hides no slow server" {
    for i in $(seq 20); do echo "{\"server\": \"web$i\", \"m/t\": 100}"; done >equal
    echo '{"server": "wild", "m/t": 100000}' >>equal
    echo '{"server": "slow", "m/t": 10}' >>equal
    run muster judge equal
    status_is 1
    output_has "failed, outlier: slow"
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

@test "a server that nothing judges passes, and a note says so" {
    { fleet 8 && echo '{"server": "one", "kind": "B", "memory/triad": 1}'; } >fleet
    run muster judge fleet
    status_is 0
    output_has "passed unjudged, without a threshold, a baseline or enough peers: one"
    run muster judge --outliers off fleet
    output_has "enough peers: web1, web2, web3, web4, web5 and 4 more"
    printf 'benchmarks:\n  memory: {threshold: 90, reference: 1000}\n' >muster.yaml
    run muster judge fleet
    status_is 1
    output_has "memory scored 0.1, below 90"
    output_lacks unjudged
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

# A results-summary.jsonl of N nodes as SuperBench writes it: ranks, runs, return codes, monitored
# values, NaN and null, a hash that is larger than 63 bits
superbench() {
    awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++) {
        printf "{\"gemm-flops/return_code:0\": 0, \"gemm-flops/return_code:1\": 0"
        for (g = 0; g < 4; g++) printf ", \"gemm-flops/fp64_flops:%d\": %.2f", g, 9000 + (i * 7 + g * 3) % 40
        printf ", \"model-benchmarks:gpt/pytorch-gpt2/return_code\": 0"
        printf ", \"model-benchmarks:gpt/pytorch-gpt2/fp16_train_step_time\": %.3f", 190 + i % 5
        printf ", \"model-benchmarks:gpt/pytorch-gpt2/fp16_train_throughput\": %.3f", 41 + i % 3 / 10
        printf ", \"disk-benchmark/nvme0n1_rand_read_lat_ns_mean:0\": %d", 80000 + i % 9 * 100
        printf ", \"nccl-bw:intra/0/allreduce_8_busbw:0\": 0.0, \"nccl-bw:intra/1/allreduce_8_busbw:0\": 0.0"
        printf ", \"ib-loopback/ib_write_bw_2048:0\": NaN, \"ib-loopback/ib_write_bw_2048:1\": null"
        printf ", \"gpt/deterministic_act_hash:0\": 18446744073709551615"
        printf ", \"monitor/gpu_temperature:0\": %d, \"monitor/gpu_corrected_ecc:0\": %d", i == 2 ? 95 : 60 + i % 4, i == 3
        printf ", \"sys/healthy\": true, \"sys/driver\": \"535.104.05\", \"node\": \"node-%02d\"}\n", i
    } }'
}

@test "SuperBench: what is no number or no result is passed over and named" {
    superbench 12 >results-summary.jsonl
    run muster judge results-summary.jsonl
    status_is 0
    output_has "not judged, as no line has a number of them: sys/healthy, sys/driver"
    output_has "not judged, as nobody says what is better of them: monitor/gpu_temperature:0"
    output_has "by the name, of model-benchmarks:gpt/pytorch-gpt2/fp16_train_step_time, disk-benchmark/nvme0n1_rand_read_lat_ns_mean:0"
    run muster judge --lower-is-better 'monitor/*temperature*' results-summary.jsonl
    status_is 1
    output_has "failed, outlier: node-02"

    # a number on one node, words on another: that is neither
    sed '4s/"sys.driver": "[^"]*"/"sys\/driver": 535/' results-summary.jsonl >mixed
    run muster judge mixed
    status_is 2
    stderr_has "mixed:1:1: 'sys/driver': expected a number, as on other lines (or --ignore)"
    run muster judge --ignore 'sys/*' mixed
    status_is 0
}

@test "SuperBench: the worst rank is scored, and each is judged by its peers" {
    superbench 12 | sed -e '5s/"gemm-flops.fp64_flops:2": [0-9.]*/"gemm-flops\/fp64_flops:2": 4000/' \
        -e '7s/return_code:0": 0/return_code:0": 9/' -e '9s/, "gemm-flops.fp64_flops:3": [0-9.]*//' >results
    run muster judge --json results
    status_is 1
    json_is '.failed_servers | join(" ")' "node-05 node-07 node-09"
    json_is '.servers[4].findings[0].metric' "fp64_flops:2"
    json_is '.servers[8].findings[0] | [.finding, .metric] | join(" ")' "missing-metric fp64_flops:3"
    json_is '.servers[6] | [.verdict, .reason] | join(" ")' "error benchmark-crashed"

    # by the benchmark, and by the metric of all of its ranks
    for name in gemm-flops gemm-flops/fp64_flops; do
        printf 'benchmarks:\n  "%s": {threshold: 90, reference: 9000}\n' "$name" >c.yaml
        run muster judge -c c.yaml --outliers off --json results
        status_is 1
        json_is '.failed_servers | join(" ")' "node-05 node-07"
        json_is "[.servers[4].benchmarks[] | select(.benchmark == \"$name\") | .score | floor] | join(\" \")" 44
    done
    # a colon in the name of a benchmark, and a threshold of which less is better
    printf 'benchmarks:\n  "model-benchmarks:gpt/pytorch-gpt2": {threshold: 99, reference: 192}\n' >c.yaml
    run muster judge -c c.yaml --outliers off results
    status_is 1
    output_has "model-benchmarks:gpt/pytorch-gpt2 scored 98"
    printf 'benchmarks:\n  "model-benchmarks:gpt/pytorch-gpt2": {threshold: 99}\n' >c.yaml
    run muster judge -c c.yaml results
    status_is 2
    stderr_has "needs a reference, because lower values of fp16_train_step_time are better"
}

@test "what the configuration names is a benchmark, and kinds have limits of their own" {
    cat >muster.yaml <<'END'
benchmarks:
  memory: {threshold: 50, reference: 100}
  memory/copy: {threshold: 90, reference: 200}
  rtt: {command: "x", extract: {regex: "(.*)"}, metric: us, better: lower, reference: 10, threshold: 80}
kinds:
  "big*":
    benchmarks: {memory: {threshold: 95}, disk: {threshold: 90, reference: 10}}
END
    cat >four.csv <<'END'
server,kind,memory/triad,memory/copy,disk/iops,rtt/us
a,big 1,90,200,10,10
b,small,90,200,1,10
c,small,90,150,,20
d,big 2,96,,,9
END
    run muster judge --json four.csv
    status_is 1
    json_is '[.servers[] | .verdict] | join(" ")' "failed passed failed failed"
    json_is '.servers[0].detail' "memory scored 90, below 95"
    json_is '[.servers[2].benchmarks[] | select(.verdict == "failed") | .detail] | join(", ")' \
        "memory/copy scored 75, below 90, rtt scored 50, below 80"
    json_is '[.servers[3].benchmarks[] | select(.verdict == "failed") | .detail] | sort | join(", ")' \
        "disk has no iops, memory/copy has no value"
    sed -i 's/memory.copy:/memory\/cpoy:/' muster.yaml
    run muster judge four.csv
    status_is 2
    stderr_has "memory/cpoy"
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
    echo '[{"server": "a", "m": 1}]' >list.json
    run muster judge list.json
    status_is 2
    stderr_has "list.json:1:1: expected JSON objects, one a line, not a list of them"
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
