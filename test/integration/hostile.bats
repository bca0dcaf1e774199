#!/usr/bin/env bats
# Servers that lie (test/support/hostile.py): each ends in its own reason, and nothing else happens.

load common.bash

setup_file() {
    scratch
    export hostile=$BATS_TEST_DIRNAME/../support/hostile.py
    cat >muster.yaml <<'Y'
settle: 1ms
benchmarks:
  x: {command: "echo 80", extract: {regex: '(\d+)'}, timeout: 1s}
  y: {command: "echo 80", extract: {regex: '(\d+)'}, timeout: 1s}
Y
    cat >metrics.yaml <<'Y'
settle: 1ms
benchmarks:
  cpu: {reference: 100, trials: 2}
Y
    ssh_material
}
teardown_file() { scratch_done; }
setup() { cd "$T" || return; }

# run of the servers of a SET that hostile.py knows, with more options; everything it leaves is in $T/SET
lies() {
    local set=$1 of
    shift
    mkdir -p "$set" && cd "$set" || return
    python3 "$hostile" --expect "$set" >expected
    status=0
    python3 "$hostile" --peak peak "$MUSTER" run --json --store "$T/$set/muster.db" --log-file log.jsonl \
        --log-format json -f 16 -i <(cut -f1 expected) "$@" >out.json 2>err || status=$?
    cp err "$T/err"
    output=$(<out.json)
    status_is 1
    while read -r of _; do
        muster show last --store "$T/$set/muster.db" --server "$of" >>shown
    done <expected
    muster show last --store "$T/$set/muster.db" >>shown
    muster log last --store "$T/$set/muster.db" >>shown
}

# each has its reason and sentence; a neighbour that is honest has passed
as_expected() {
    local server reason words wrong=0
    while IFS=$'\t' read -r server reason words; do
        jq -e --arg s "$server" --arg r "$reason" --arg w "$words" '
            .servers[] | select(.server == $s) |
            if $r == "-" then .verdict == "passed" and .reason == null
            else .reason == $r and .verdict == "error" and (.detail | contains($w)) end
        ' out.json >/dev/null || {
            wrong=1
            echo "$server is not $reason with '$words' but"
            jq -c --arg s "$server" '.servers[] | select(.server == $s) | [.verdict, .reason, .detail]' out.json
        }
    done <expected
    [ "$wrong" = 0 ] && json_is '.servers | length' "$(wc -l <expected)"
}

# no control character came through; nothing was run, or written where it does not belong
nothing_more() {
    python3 "$hostile" --check out.json err log.jsonl shown muster.db logs/*.jsonl
    [ -z "$(find "$T" -name '*pwned*')" ] || fail "something was run"
    [ "$(find "$T" -name '*.jsonl' | grep -vc '/log\.jsonl$\|/logs/[0-9a-f-]*\.jsonl$')" = 0 ] || fail "a strange file"
    [ "$(grep -c '"event":"server passed","server":"good1"' log.jsonl)" -le 1 ] || fail "a forged line"
    [ "$(sqlite3 muster.db 'SELECT count(*) FROM server')" = "$(wc -l <expected)" ]
}

in_little_memory() {
    [ "$(<peak)" -lt 65536 ] || fail "it took $(<peak) KiB"
}

@test "what a shell or an agent may say, by the command transport" {
    lies command -c "$T/muster.yaml" -T "command:python3 $hostile {server}"
    as_expected
    nothing_more
    in_little_memory
    # of what never ends, its beginning is kept
    [ "$(du -s --apparent-size -B1M outputs | cut -f1)" -lt 16 ] || fail "too much was kept: $(du -a outputs)"
}

@test "metrics, facts and sensors of a built-in benchmark" {
    lies metrics -c "$T/metrics.yaml" -T "command:python3 $hostile {server}"
    as_expected
    nothing_more
    in_little_memory
}

@test "the same behind a real sshd" {
    python3 "$hostile" --expect ssh | cut -f1 >addresses
    mapfile -t more < <(sed 's/.*/ListenAddress &:2222/' addresses)
    printf '\033]0;owned\a\033[2J\xc2\x9b1m welcome\n' >banner
    start_sshd 127.0.3.100 "Banner $T/banner" "ForceCommand python3 $hostile --ssh" "${more[@]}"
    lies ssh -c "$T/muster.yaml" -F "$T/ssh_config"
    as_expected
    nothing_more
    in_little_memory
    # the ssh program prints the banner, too
    cd "$T" && rm -r ssh
    lies ssh -c "$T/muster.yaml" -T "command:ssh -F $T/ssh_config {server}"
    as_expected
    nothing_more
    in_little_memory
}

@test "peers that are no SSH servers" {
    python3 "$hostile" --expect peers | cut -f1 >addresses
    # shellcheck disable=SC2046
    python3 "$hostile" --peers $(<addresses) </dev/null >peers.out 2>&1 3>&- &
    echo $! >peers.pid
    wait_for listens 127.0.4.7 2222
    lies peers -c "$T/muster.yaml" -F <(echo 'ConnectTimeout 1' && cat "$T/ssh_config")
    as_expected
    # who never stops sending is cut off, too
    json_is '[.servers[].seconds] | max < 10' true
    nothing_more
    in_little_memory
}

@test "a store and a log that something else has written into" {
    mkdir mended && cd mended || return
    run -0 muster run --simulate=servers=3,seed=1,delay=0,score=60-100 --store muster.db -q
    log=$(echo logs/*.jsonl)
    python3 - "$log" <<'P'
import json, sys
bad = "\x1b[31m\x9b1m\u202e\n"
with open(sys.argv[1], "a") as f:
    for event in ({"timestamp": "9999-12-31T23:59:59.999Z"}, {"event": bad, bad: bad, "list": [bad, 1, [bad]]},
                  {"level": "loud", "x": 1e308, "y": [], "z": {"a": [None]}}):
        print(json.dumps({"event": "e", **event}), file=f)
        print(json.dumps({"event": "e", **event}, ensure_ascii=False), file=f)
    f.write('["no object"]\n{"event":\n\0\n' + "[" * 100000 + "\n{\"event\":\"cut off\"")
P
    for format in console logfmt json; do
        run -0 muster log last --store muster.db --log-format $format
        echo "$output" >>shown
    done
    sqlite3 muster.db "UPDATE server SET name = char(27) || name, detail = char(155, 10), facts = '[1]'
        WHERE position > 0; UPDATE run SET total = -5;
        UPDATE benchmark SET sensors = '{', seconds = 9e999, benchmark = benchmark || char(8238)"
    run -0 muster runs --store muster.db
    echo "$output" >>shown
    run -3 muster show last --store muster.db
    stderr_has "more servers than it began with"
    sqlite3 muster.db "UPDATE run SET total = 3"
    run -0 muster show last --store muster.db --json
    echo "$output" >>shown
    json_is '.servers | map(.benchmarks | length > 0) | all' true
    run -0 muster show last --store muster.db
    echo "$output" >>shown
    run -0 muster show last --store muster.db --server '\x1b2'
    echo "$output" >>shown
    python3 "$hostile" --check shown
    sqlite3 muster.db "UPDATE benchmark SET trials = 'none' WHERE position = 2"
    run -3 muster show last --store muster.db
    stderr_has "a row of the store cannot be read: its trials"
}
