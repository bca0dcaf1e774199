#!/usr/bin/env bats
# Kinds of servers: told from facts, given by the inventory, and with limits of their own.
load common.bash

setup() {
    scratch
    cd "$T"
}
teardown() { scratch_done; }

@test "servers are shown by the kinds that the newest run told of them" {
    run -0 muster run --simulate=servers=12,kinds=2,seed=7,delay=0s,score=80-90
    run -0 --separate-stderr muster servers --kinds --json
    jq -e '[.[].servers | length] | add == 12 and length == 2' <<<"$output"
    jq -e '[.[].kind] | sort | .[0] == "EPYC 9654 x2 192c 768G"' <<<"$output"
    run -0 --separate-stderr muster servers --kinds 1 nobody
    [[ $output == *unknown*nobody* ]]
    run -2 --separate-stderr muster servers --kinds --fold
    stderr_has "choose one"
}

@test "a pattern that no server's kind fits is told, with the kinds that there are" {
    printf 'a1 kind=big\na2 kind=small\n' >list
    printf 'kinds: {%s: {benchmarks: {own: {threshold: 1}}}}\nbenchmarks: {own: {command: echo 7, threshold: 5, extract: {regex: "(.*)"}}}\n' \
        '"b*": {benchmarks: {own: {threshold: 2}}}, bug' >m.yaml
    run -0 muster run -T local -c m.yaml -i list
    output_has "note: no server is of a kind that fits 'bug', below kinds:; there are 'big', 'small'"
    run -0 --separate-stderr muster show last --json
    json_is '.notes | length' 1
    sed -i 's/bug/small/' m.yaml
    run -0 muster run -T local -c m.yaml -i list
    output_lacks note:
}

@test "the inventory's kind goes before the facts', and limits are of it, also after a resume" {
    printf 'a[1-2] kind=big memory\na3\n' >list
    printf 'kinds: {"big*": {benchmarks: {own: {threshold: 99}}}}\nbenchmarks: {own: {command: "[ ! -e stop ] && echo 7", threshold: 5, extract: {regex: "(.*)"}}}\n' >m.yaml
    touch stop
    run -1 --separate-stderr muster run -T local -c m.yaml -i list --json
    rm stop
    run -1 --separate-stderr muster resume last --failed --json
    jq -e '[.servers[] | .kind == "big memory"] == [true, true, false]' <<<"$output"
    jq -e '[.servers[].benchmarks[0].threshold] == [99, 99, 5]' <<<"$output"
    jq -e '[.servers[].verdict] == ["failed", "failed", "passed"]' <<<"$output"
}
