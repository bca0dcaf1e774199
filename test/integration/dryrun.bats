#!/usr/bin/env bats
# `muster run --dry-run`: the plan, and nothing else.

load common.bash

setup() { scratch; }
teardown() { scratch_done; }

configuration() {
    cat >muster.yaml <<'TXT'
max_errors: 30%
run_timeout: 2h
benchmarks:
  disk: {path: /data, size: 4GiB, threshold: 70}
  mine: {command: cat value, extract: {regex: '(.*)'}, trials: 2, reference: 40, timeout: 9s}
kinds: {"EPYC*": {benchmarks: {mine: {threshold: 80, reference: 55}}}}
TXT
}

@test "servers, benchmarks, thresholds, references and deadlines, and nothing is run" {
    configuration
    run -0 muster run 'web[01-20]!web07' --dry-run --retries 5 -f 7 --longest-first
    output_has "19 servers: web[01-06,08-20]"
    output_has "disk         3 to 9 trials of at most 60s, threshold 70, reference: built-in"
    output_has "  path       /data"
    output_has "  size       4GiB"
    output_has "mine         2 to 6 trials of at most 9s, threshold 50, reference: 40 (configuration)"
    output_has "  command    cat value"
    output_has "  of kind EPYC*, threshold 80, reference 55"
    output_has "fan-out      7"
    output_has "of the run 2h"
    output_has "retries      5"
    output_has "more than 30%"
    output_has "the longest first"
    output_has "for disk; no earlier run tells of mine, whose trials may take 54s on a server; 46m at most, by the deadlines"
    run -0 muster run web1 -b mine --dry-run
    output_has "takes        no earlier run tells of mine, whose trials may take 54s on a server; "
    [ "$(ls)" = "$(printf '%s\n' err muster.yaml)" ] || fail "something was written: $(ls)"
}

@test "the same as JSON" {
    configuration
    run -0 muster run 'web[1-3]' --dry-run --json
    json_is '.total' 3
    json_is '.servers | join(" ")' "web1 web2 web3"
    json_is '[.benchmarks[].benchmark] | join(" ")' "disk mine"
    json_is '.benchmarks[0].parameters.size' 4294967296
    json_is '.benchmarks[0].reference_sources | join(" ")' built-in
    json_is '.benchmarks[1] | [.trials, .max_trials, .timeout, .reference] | join(" ")' "2 6 9 40"
    json_is '.benchmarks[1].kinds[0].threshold' 80
    json_is '.run_timeout' 7200
    json_is '.takes.source' null
    json_is '.takes.seconds' null
    json_is '.takes.part | . > 1 and . < 100' true
}

@test "how long it takes is what it took, and then what it takes" {
    local spec=servers=40,seed=5,delay=20ms-200ms,skew=3
    run -0 muster run --simulate=$spec -f 4 --dry-run --json
    json_is '.takes.source' defaults
    [ ! -e state ] || fail "a store was made"
    muster run --simulate=$spec -f 4 -q >/dev/null || [ $? -eq 1 ]
    before=$(md5sum <"$XDG_STATE_HOME/muster/muster.db")
    run -0 muster run --simulate=$spec -f 4 --dry-run --json
    json_is '.takes | [.source, .known] | join(" ")' "history 40"
    said=$(jq .takes.seconds <<<"$output")
    [ "$before" = "$(md5sum <"$XDG_STATE_HOME/muster/muster.db")" ] || fail "the store was written"
    took=$(muster runs --json | jq '.[0].seconds')
    # the machine may be busy while it runs, and is never faster than the dice
    jq -ne "$said > 0.5 * $took and $said < 1.2 * $took" >/dev/null || fail "said $said, took $took"
    run -0 muster run --simulate=servers=50,seed=5,delay=20ms-200ms -f 4 --dry-run
    output_has "by what 40 of the 50 servers took in earlier runs"
    # runs that are not alike tell nothing of each other
    run -0 muster run 1 2 3 --dry-run --json
    json_is '.takes.source' defaults
}

@test "a baseline is where references are from" {
    echo 100 >value
    echo "benchmarks: {mine: {command: cat $T/value, extract: {regex: '(.*)'}}}" >muster.yaml
    muster run -T local -q localhost >/dev/null
    muster baseline take last --min 1 --yes >/dev/null
    run -0 muster run -T local --dry-run
    output_has "1 server: localhost"
    output_has "reference: baseline of 1 kind, else none, the value is the score"
    output_has "by what the server took in earlier runs"
}

@test "mistakes are those of a run" {
    run -2 muster run web1 -b nothing --dry-run
    stderr_has "unknown benchmark 'nothing'"
    run -2 muster run --dry-run
    stderr_has "no servers were given"
    run -2 muster run web1 -T rsh --dry-run
    stderr_has "the transport is ssh, local or command:TEMPLATE"
    run -2 muster run web1 -F missing --dry-run
    echo "fanuot: 3" >muster.yaml
    run -2 muster run web1 --dry-run
    stderr_has "did you mean 'fanout'?"
    rm muster.yaml
    echo no database >bad.db
    run -2 muster run web1 --store bad.db --dry-run
    run -0 muster run --simulate=servers=2,truth=truth.txt --dry-run
    [ ! -e truth.txt ] || fail "the truth was written"
}
