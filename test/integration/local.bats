#!/usr/bin/env bats
# The local and the command transport, the built-in benchmark, and commands of the user's.

load common.bash

setup() { scratch; }
teardown() { scratch_done; }

# bench COMMAND [MORE KEYS]: a muster.yaml with one benchmark x whose number is the first one
bench() {
    printf 'benchmarks:\n  x:\n    command: |\n      %s\n    extract: {regex: "([0-9]+)"}\n' "$1" >muster.yaml
    shift
    printf '    %s\n' "$@" >>muster.yaml
}

# a muster.yaml that does not let built-in benchmarks wait until this machine is idle
unsettled() {
    echo 'settle: 1ms' >muster.yaml
}

# the parameters make it short; agents are tested with those there are by default
@test "this machine, with the built-in benchmarks" {
    cat >muster.yaml <<'Y'
settle: 1ms
benchmarks:
  cpu: {duration: 100ms}
  memory: {size: 32MiB, pattern: 4MiB, duration: 100ms}
  disk: {size: 64MiB, duration: 50ms}
  gpu: {}
Y
    run muster run -T local --json -t 0
    status_is 0
    json_is '.servers[0].server' localhost
    json_is '[.servers[0].benchmarks[].benchmark] | join(" ")' 'cpu memory disk gpu'
    json_is '[.servers[0].benchmarks[:2][].verdict] | join(" ")' 'passed passed'
    json_is '.servers[0].benchmarks[0].benchmark' cpu
    json_is '.servers[0].benchmarks[0].metric' all_cores
    json_is '.servers[0].benchmarks[0].trials | length' 3
    json_is '.servers[0].benchmarks[0].metrics | has("all_cores") and has("one_core")' true
    json_is '.servers[0].benchmarks[0].value > 0 and .servers[0].benchmarks[0].score > 0' true
    json_is '.servers[0].facts.arch' "$(uname -m)"
    json_is '.servers[0].facts.kernel' "$(uname -r)"
    json_is '.servers[0].facts.memory_bytes > 100000000' true
}

@test "show tells all of one server" {
    cat >muster.yaml <<'Y'
benchmarks:
  x: {command: "echo 80", extract: {regex: '([0-9]+)'}, unit: MB/s, trials: 2}
Y
    run -0 muster run -T local
    run -0 muster show last --server localhost
    output_has "localhost  passed"
    output_has "x  passed, score 80, threshold 50"
    [[ $output =~ "  x "" "+"80 MB/s" ]] || fail "no metric"
    output_has '80 MB/s (trials 80, 80; spread 0 %)'
    [[ $output =~ "  kernel "" "+"$(uname -r)" ]] || fail "no facts"
    [[ $output =~ "  memory "" "+[0-9.]+" "[GM]iB ]] || fail "no memory"
    output_has "name "
    run -0 muster show last --server localhost --json
    json_is '[.server, .verdict, .facts.kernel, .benchmarks[0].value] | join(" ")' "localhost passed $(uname -r) 80"
    run -2 muster show last --server web1
    stderr_has "has no server 'web1'"
}

@test "an impossible threshold fails it, and says by how much" {
    unsettled
    run muster run -T local -b cpu -t 99999
    status_is 1
    output_has "failed, below-threshold: localhost"
    [[ $output =~ "cpu scored "[0-9.]+", below 99999" ]] || fail "no sentence"
}

@test "a busy neighbour is waited for, then named" {
    echo 'settle: 300ms' >muster.yaml
    for _ in $(seq "$(nproc)"); do
        timeout 30 sh -c 'while :; do :; done' >/dev/null 2>&1 &
        echo $! >>"$T/neighbours.pid"
    done
    run -1 muster run -T local -b cpu -t 99999 --json
    # shellcheck disable=SC2046
    kill $(cat "$T/neighbours.pid")
    json_is '.servers[0].benchmarks[0].conditions | test("^(.*; )?busy [0-9]+ %")' true
    json_is '.servers[0].benchmarks[0].sensors | .busy_percent > 10 and .busy_before_percent > 10 and .settle_seconds >= 0.3' true
    json_is '.servers[0].detail | test("^cpu scored .*, below 99999 \\(.*busy [0-9]+ %.*\\)$")' true
    run -0 muster show last --server localhost
    [[ $output =~ conditions" "+.*"busy "[0-9]+" %" ]] || fail "no conditions"
    output_has busy_before_percent
}

@test "the agent is put in place once, privately, and reused" {
    run muster run -T local -b none
    status_is 0
    agent=$(find "$T/cache" -type f)
    [ "$(stat -c '%a' "$agent")" = 700 ]
    [ "$(stat -c '%a' "$(dirname "$agent")")" = 700 ]
    before=$(stat -c '%i %Y' "$agent")
    run muster run -T local -b none
    status_is 0
    [ "$(stat -c '%i %Y' "$agent")" = "$before" ] || fail "it was put there again"
    [ "$(find "$T/cache" -type f | wc -l)" -eq 1 ]
}

@test "a number out of a command's output, by regex" {
    bench 'echo "requests: 80 per second"' 'unit: requests/s' 'reference: 160' 'metric: rate'
    run muster run -T local --json
    status_is 0
    json_is '.servers[0].benchmarks[0] | [.value, .score, .unit, .metric, .better] | join(" ")' '80 50 requests/s rate higher'
}

@test "a number out of a command's output, by jq" {
    cat >muster.yaml <<'Y'
benchmarks:
  fio:
    command: printf '{"jobs":[{"read":{"iops":12.5}}]}'
    extract: {jq: '.jobs[0].read.iops'}
    better: lower
    reference: 10
    threshold: 81
Y
    run muster run -T local --json
    status_is 1
    json_is '.servers[0].benchmarks[0].score' 80
    json_is '.servers[0].reason' below-threshold
    json_is '.servers[0].detail' 'fio scored 80, below 81'
}

@test "the median of the trials counts; environment; several benchmarks in order" {
    cat >muster.yaml <<'Y'
benchmarks:
  three:
    command: n=$(cat n 2>/dev/null || echo 0); echo $((n + 10)) >n; cat n
    extract: {regex: '([0-9]+)'}
    trials: 3
    env: {GREETING: "hello world", N: 5}
  env:
    command: '[ -z "$GREETING" ] && echo 70'
    extract: {regex: '([0-9]+)'}
Y
    run muster run -T local --json -t 1
    status_is 0
    json_is '.servers[0].benchmarks | map(.benchmark) | join(" ")' 'three env'
    json_is '.servers[0].benchmarks[0].trials | map(tostring) | join(" ")' '10 20 30'
    json_is '.servers[0].benchmarks[0].value' 20
    json_is '.servers[0].benchmarks[0].spread' 10
}

@test "what can go wrong with a command is its reason, and the next one runs" {
    cat >muster.yaml <<'Y'
benchmarks:
  exits: {command: "echo went wrong; exit 3", extract: {regex: '(\d+)'}}
  killed: {command: "kill -9 $$", extract: {regex: '(\d+)'}}
  endless: {command: "while :; do :; done", extract: {regex: '(\d+)'}, timeout: 300ms}
  nothing: {command: "true", extract: {regex: '(\d+)'}}
  binary: {command: "head -c 3000 /dev/urandom | tr -d 0-9", extract: {regex: '(\d+)'}}
  words: {command: "printf 'hello\\033[m there\\n'", extract: {regex: '(\d+)'}}
  infinite: {command: "echo 1e999", extract: {regex: '(\S+)'}}
  missing: {command: "true", needs: no-such-tool, extract: {regex: '(\d+)'}}
  huge: {command: "yes 1234567 | head -c 50000000", extract: {regex: '(\d+)'}}
  last: {command: "echo 77", extract: {regex: '(\d+)'}}
Y
    run muster run -T local --json
    status_is 1
    reason() { json_is ".servers[0].benchmarks[] | select(.benchmark == \"$1\") | .reason" "$2"; }
    reason exits benchmark-crashed
    reason killed benchmark-crashed
    reason endless timeout
    reason nothing bad-output
    reason binary bad-output
    reason words bad-output
    reason infinite bad-output
    reason missing tool-missing
    reason huge null
    reason last null
    json_is '.servers[0].benchmarks[] | select(.benchmark == "exits") | .detail' 'exits ended with status 3: went wrong'
    json_is '.servers[0].benchmarks[] | select(.benchmark == "words") | .detail | contains("hello\\x1b[m there")' true
    json_is '.servers[0].benchmarks[] | select(.benchmark == "huge") | .value' 1234567
    json_is '.servers[0].reason' timeout
    grep -q $'\x1b' "$T/err" && fail "an escape sequence reached the terminal"
    true
}

@test "a long output: the number at its end counts, and all of it is in a file" {
    bench 'seq 100000; echo rate 77' 'timeout: 20s'
    sed -i "s/regex: .*/regex: 'rate ([0-9]+)'}/" muster.yaml
    run muster run -T local --json
    status_is 0
    json_is '.servers[0].benchmarks[0].value' 77
    file=$(find "$XDG_STATE_HOME/muster/outputs" -type f)
    [ "$(basename "$file")" = x-1.out ]
    { seq 100000; echo rate 77; } | cmp - "$file"
    muster log last | grep "output kept" | grep -qF "$file"
}

@test "of an output without end the beginning and the end are kept" {
    bench 'head -c 20000000 /dev/zero | tr "\\0" x; echo; echo rate 5' 'timeout: 60s'
    sed -i "s/regex: .*/regex: 'rate ([0-9]+)'}/" muster.yaml
    run muster run -T local --json
    status_is 1
    json_is '.servers[0].benchmarks[0].value' 5
    file=$(find "$XDG_STATE_HOME/muster/outputs" -type f)
    grep -aq '^\[[0-9]* bytes are missing here\]$' "$file"
    [ "$(tail -n 1 "$file")" = "rate 5" ]
    [ "$(stat -c %s "$file")" -lt 9000000 ]
}

@test "what a command leaves behind is ended with it" {
    mark=$((RANDOM + 100000))
    bench "(setsid sleep $mark.5 &) ; sleep $mark.25 & echo 60"
    run muster run -T local
    status_is 0
    wait_for gone "sleep $mark"
}

@test "when muster is killed, what it started dies too" {
    mark=$((RANDOM + 200000))
    bench "(setsid sleep $mark.5 &) ; sleep $mark.25; echo 60"
    "$MUSTER" run -T local >/dev/null 2>"$T/err" &
    pid=$!
    wait_for there "sleep $mark.25"
    kill -9 $pid
    wait $pid || true
    wait_for gone "sleep $mark"
}

@test "Ctrl-C in the middle of a command" {
    mark=$((RANDOM + 300000))
    bench "sleep $mark"
    "$MUSTER" run -T local >"$T/out" 2>"$T/err" &
    pid=$!
    wait_for there "sleep $mark"
    kill -INT $pid
    status=0
    wait $pid || status=$?
    status_is 130
    grep -q 'cancelled, interrupted: localhost' "$T/out"
    wait_for gone "sleep $mark"
}

@test "any program that carries standard input and output" {
    bench 'echo $((40 + 40))'
    run muster run -T 'command:sh -c' one two --json
    status_is 0
    json_is '[.servers[].server] | join(" ")' 'one two'
    run muster run -T 'command:env MARK={server} sh -c' 'root@x:22' --json
    status_is 0
    run muster run --retries 0 -T 'command:no-such-program {server}' one --json
    status_is 1
    json_is '.servers[0].reason' unreachable
    run muster run -T 'command:false' one --json
    status_is 1
    json_is '.servers[0].verdict' error
    run muster run -T 'command:sh -c {nothing}' one
    status_is 2
}

@test "a fan-out beyond the limit of open files costs time, and no server" {
    run bash -c "ulimit -Sn 64; exec '$MUSTER' run -T 'command:sh -c' -b none 'n[1-60]' -f 60 --json 2>'$T/err'"
    status_is 0
    json_is '[.passed, .fanout] | join(" ")' '60 60'
    run bash -c "ulimit -n 64; exec '$MUSTER' run -T 'command:sh -c' -b none 'n[1-60]' -f 60 --json 2>'$T/err'"
    status_is 0
    json_is '.passed' 60
    json_is '.fanout' 5
    stderr_has 'fewer servers at once than asked for'
    run bash -c "ulimit -n 20; exec '$MUSTER' run -T 'command:sh -c' -b none 'n[1-5]' --json 2>'$T/err'"
    status_is 0
    json_is '[.passed, .fanout] | join(" ")' '5 1'
}

@test "two runs never measure one server at once" {
    bench 'sleep 30; echo 60'
    "$MUSTER" run -T local --store "$T/a.db" >"$T/out1" 2>"$T/err1" &
    pid=$!
    wait_for there 'sleep 30'
    run muster run -T local --store "$T/b.db" --json
    status_is 1
    json_is '.servers[0].reason' busy
    kill -INT $pid
    wait $pid || true
}

@test "servers of one run may share a machine" {
    bench 'sleep 0.2; echo 60'
    run muster run -T 'command:sh -c' 'n[1-20]' -f 20 --json
    status_is 0
    json_is '.passed' 20
}

@test "a long complaint that is not in English is cut, and the document is whole" {
    # two bytes a character, so that for one of two names the cut would be within one
    for name in web1 web01; do
        run -1 muster run -q --json -T "command:sh -c 'printf \"ü%.0s\" \$(seq 2000) >&2; exit 3'" $name
        json_is '.servers[0].reason' bad-output
        json_is '.servers[0].detail | endswith("ü")' true
    done
}

@test "programs are reaped also where muster was started with SIGCHLD ignored" {
    run -1 env --ignore-signal=CHLD "$MUSTER" run -q -T "command:sh -c 'exit 3'" web1
    output_has "ended with status 3 "
    run -1 env --ignore-signal=CHLD "$MUSTER" run -q --retries 0 -F /dev/null -p 1 127.0.0.9
    output_has "unreachable: 127.0.0.9"
}

@test "retries have the server's time-out between them, and are in the log" {
    run -1 muster run -T command:/no/such/program --retries 9 --timeout 2500ms --json --log-format json web1
    json_is '.servers[0].reason' unreachable
    json_is '.servers[0].attempts' 2
    json_is '.seconds < 5 and .servers[0].seconds >= 1' true
    jq -es 'map(select(.event == "trying again")) | length == 1 and .[0].server == "web1" and
        .[0].attempt == "2" and .[0].reason == "unreachable"' "$T/err" >/dev/null || fail "not in the log"
}
