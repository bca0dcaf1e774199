#!/usr/bin/env bats
# What muster runs out of: memory, threads, descriptors, disk; clocks that are set; outputs that close.
#
# FAULTS_EVERY=1 lets every call fail, one by one, which takes minutes; without it as many as fit into
# some seconds.

load common.bash

setup() {
    scratch
    support=$(cd "$(dirname "$MUSTER")" && pwd)/test/support
}
teardown() { scratch_done; }

simulated=(run --simulate=servers=3,seed=3,delay=0 -f 2 --json --log-format json)

# sweep EVERY OPTION... -- ARGUMENT...: lets calls of `muster ARGUMENT...` fail (fault_sweep.py)
sweep() {
    local every=${FAULTS_EVERY:-$1} options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    TMPDIR=$T "$BATS_TEST_DIRNAME/../support/fault_sweep.py" --every "$every" "${options[@]}" \
        "$(realpath "$MUSTER")" "$@" >"$T/sweep" 2>&1 || fail "$(head -c 20000 "$T/sweep")"
    tail -n 1 "$T/sweep" >&3
}

# one command of the user's on this machine
local_run() {
    printf 'benchmarks:\n  x: {command: "echo 80", extract: {regex: "([0-9]+)"}, trials: 2}\n' >muster.yaml
}

@test "an allocation fails: one server's matter, or a sentence and status 3" {
    sweep 61 -- "${simulated[@]}"
}

@test "an allocation fails while servers of a modelled fleet answer" {
    sweep 211 -- run --json --log-format json -f 2 \
        --simulate=servers=3,seed=3,delay=0,kinds=3,metrics=4,slow=30%,throttled=30%,truth=truth
}

@test "memory runs out for good in the middle of a run" {
    sweep 151 --on -- "${simulated[@]}"
}

@test "an allocation fails while this machine is benchmarked" {
    cat >muster.yaml <<'Y'
benchmarks:
  x: {command: echo 80, extract: {regex: '([0-9]+)'}, trials: 2}
  y:
    command: echo '{"a":' 80}
    extract: {jq: '.a + ([range(40)] | length) - 40'}
Y
    # not the first ones: jq's compiler, which works before any server is reached, may crash
    sweep 59 --last 1500 -- run -T local --json --log-format json
}

@test "an allocation fails while a run is shown: all of it is told, or why not" {
    "$MUSTER" run --simulate=servers=3,seed=3,delay=0,error=30% -q >"$T/out" 2>&1 || true
    sweep 53 -- show last --json
    sweep 53 -- show last --server 2
    sweep 53 -- log last
}

@test "memory is refused while a server is reached over ssh" {
    [ -n "${FAULTS_EVERY:-}" ] || skip "libssh may crash without memory: only with FAULTS_EVERY"
    ssh_material
    start_sshd 127.0.0.1
    sweep 7 --kind memory --last 4500 -- run -F "$T/ssh_config" 127.0.0.1 -b none --json --log-format json
}

@test "threads are refused, each alone and all from one on" {
    sweep 1 --kind thread -- "${simulated[@]}"
    sweep 1 --kind thread --on -- "${simulated[@]}"
}

@test "descriptors are refused, each alone and all from one on" {
    sweep 3 --kind descriptor -- "${simulated[@]}"
    sweep 3 --kind descriptor --on -- "${simulated[@]}"
    local_run
    sweep 5 --kind descriptor -- run -T local --json --log-format json
}

@test "descriptors are refused while servers are reached over ssh" {
    ssh_material
    start_sshd 127.0.0.1
    local_run
    sweep 1 --kind descriptor -- run -F "$T/ssh_config" 127.0.0.1 --json --log-format json
}

@test "the limit of open files is a few" {
    local_run
    sweep 1 --limit -- run -T local --json --log-format json
}

# ---- disks --------------------------------------------------------------------------------------

# A state directory on a file system of its own, of SIZE, for the script on standard input, which is
# bash and sees muster as $MUSTER.
on_disk() { # SIZE
    local apart=(unshare --mount)
    "${apart[@]}" true 2>/dev/null || apart=(unshare --map-root-user --mount)
    "${apart[@]}" true 2>/dev/null || skip "nothing can be mounted here"
    mkdir -p "$XDG_STATE_HOME"
    cat >"$T/script"
    "${apart[@]}" bash -c 'mount -t tmpfs -o size="$1" none "$XDG_STATE_HOME" && . "$T/script"' bash "$1"
}

# the store that was copied to $T/copy is whole
store_is_whole() {
    [ ! -s "$T/copy/muster.db" ] ||
        [ "$(sqlite3 "$T/copy/muster.db" 'PRAGMA integrity_check')" = ok ] || fail "the store is broken"
}

@test "a disk that is full, after however much" {
    local size some_stopped=
    for size in 4k 48k 64k 96k 160k 288k 416k 16m; do
        rm -rf out shown copy
        on_disk "$size" <<'X'
            "$MUSTER" run --simulate=servers=400,seed=1,delay=5ms-9ms -f 8 --json -q >out 2>"$T/err"
            echo $? >status
            "$MUSTER" show last --json >shown 2>show.err
            echo $? >show.status
            mkdir copy && cp "$XDG_STATE_HOME"/muster/* copy 2>/dev/null
            mount -o remount,size=8m "$XDG_STATE_HOME"
            "$MUSTER" show last --json >shown.later 2>>show.err || echo $? >>show.err
X
        status=$(cat status)
        echo "$size: $status"
        store_is_whole
        case $status in
        2 | 3) stderr_has "muster: " ;;&
        2) [ ! -s out ] || fail "something was run" ;;
        1 | 3)
            [ -s out ] || continue # the disk was full before the run had begun
            [ "$(cat show.status)" = 0 ] || fail "show on the full disk: $(cat show.err)"
            [ "$(jq -c '[.servers[] | [.server, .verdict, .benchmarks]]' out)" = \
                "$(jq -c '[.servers[] | [.server, .verdict, .benchmarks]]' shown)" ] || fail "show tells otherwise"
            cmp shown shown.later
            if jq -e '.passed > 0 and .cancelled > 0' out; then
                status_is 3
                some_stopped=yes
            fi
            ;;
        *) fail "status $status" ;;
        esac
    done
    [ "$some_stopped" ] || fail "no disk was full in the middle of a run"
    [ "$status" = 1 ] || fail "the largest disk was too small"
}

@test "a disk that is full under the run's log alone costs the log, and the status" {
    on_disk 8m <<'X'
        mkdir -p "$XDG_STATE_HOME/muster/logs"
        mount -t tmpfs -o size=4k none "$XDG_STATE_HOME/muster/logs"
        "$MUSTER" run --simulate=servers=100,seed=1,delay=0 --json -q >out 2>"$T/err"
        echo $? >status
        "$MUSTER" show last --json >shown
        "$MUSTER" log last >log
X
    status=$(cat status)
    status_is 3
    stderr_has "cannot write the log to"
    cmp out shown
    jq -e '.passed + .failed + .errors == 100' out
    [ -s log ] || fail "what fitted is not to be read"
}

@test "a state directory that is read-only: status 2, nothing is run, what is there is shown" {
    on_disk 8m <<'X'
        "$MUSTER" run --simulate=servers=9,seed=1,delay=0 --json -q >first
        mount -o remount,ro "$XDG_STATE_HOME"
        "$MUSTER" run --simulate=servers=9,seed=1,delay=0 -q >out 2>"$T/err"
        echo $? >status
        "$MUSTER" show last --json >shown 2>>"$T/err"
        "$MUSTER" log last >log 2>>"$T/err"
X
    status=$(cat status)
    status_is 2
    stderr_has "muster.db"
    [ ! -s out ] || fail "something was run"
    cmp first shown || fail "show tells otherwise"
    [ -s log ]
}

@test "a store that is removed in the middle of a run is said: status 3" {
    "$MUSTER" run --simulate=servers=40,seed=1,delay=100ms -f 4 --json >"$T/out" 2>"$T/err" &
    pid=$!
    wait_for grep -q 'server failed' "$T/err"
    rm -rf "$XDG_STATE_HOME"
    status=0
    wait $pid || status=$?
    status_is 3
    stderr_has "muster.db"
    grep -qF 'Out of 40, ' "$T/err"
}

# ---- outputs ------------------------------------------------------------------------------------

@test "closed outputs cost neither the run nor the store" {
    "$MUSTER" run --simulate=servers=9,seed=1,delay=0 --json >first 2>/dev/null || true
    for how in '>&-' '2>&-' '<&-' '>&- 2>&- <&-'; do
        eval "\"\$MUSTER\" run --simulate=servers=9,seed=1,delay=0 >out 2>err $how" && status=0 || status=$?
        status_is 1
        "$MUSTER" show last --json >shown
        [ "$(jq -c '[.servers[] | [.server, .verdict]]' first)" = "$(jq -c '[.servers[] | [.server, .verdict]]' shown)" ] ||
            fail "other results with $how"
    done
}

@test "a reader of standard output that has gone is a write error, not a death by SIGPIPE" {
    status=0
    { "$MUSTER" run --simulate=servers=2000,seed=1,delay=0 -q --json 2>"$T/err" || echo $? >"$T/status"; } | head -c 1 >/dev/null
    [ "$(cat "$T/status")" = 3 ] || fail "status $(cat "$T/status")"
    stderr_has "standard output"
    run -0 muster show last --json
    json_is '.passed + .failed + .errors' 2000
}

# ---- clocks -------------------------------------------------------------------------------------

# shifted SHIFTS ARGUMENT...: muster, where the clock is set (shift_clock.c)
shifted() {
    local shifts=$1
    shift
    SHIFT_CLOCK=$shifts LD_PRELOAD=$support/shift_clock.so "$MUSTER" "$@" 2>"$T/err"
}

# every time in the document is one that a run of some seconds can have
times_are_sane() {
    json_is '[.seconds, .servers[].seconds, .servers[].benchmarks[].seconds] | all(. >= 0 and . < 20)' true
}

@test "the clock is set back and forward: no deadline and no duration minds" {
    essence='[.servers[] | [.server, .verdict, .reason, [.benchmarks[] | .score]]]'
    usual=$(muster run --simulate=servers=4,seed=1,delay=100ms-300ms -f 2 --json | jq -c "$essence")
    run -1 shifted 0.2:-7200,0.4:86400,0.6:-86400 run --simulate=servers=4,seed=1,delay=100ms-300ms -f 2 --json
    [ "$(jq -c "$essence" <<<"$output")" = "$usual" ] || fail "other results"
    times_are_sane
    run -1 shifted 0.2:-7200,0.4:86400 run --simulate=servers=3,seed=1,delay=60s --timeout 700ms --json
    json_is '[.servers[].reason] | unique == ["timeout"]' true
    json_is '[.servers[].seconds] | all(. >= 0.7 and . < 5)' true
    times_are_sane
    echo 'run_timeout: 700ms' >muster.yaml
    run -1 shifted 0.2:7200 run --simulate=servers=3,seed=1,delay=60s --json
    json_is '[.servers[].reason] | unique == ["interrupted"]' true
    times_are_sane
}

@test "the clock is set while servers are reached over ssh" {
    ssh_material
    start_sshd 127.0.0.1
    cat >muster.yaml <<'Y'
benchmarks:
  quick: {command: "sleep 0.5; echo 80", extract: {regex: '([0-9]+)'}}
  long: {command: sleep 60, extract: {regex: '([0-9]+)'}, timeout: 1s}
Y
    run -1 shifted 0.1:-7200,0.4:86400,1:-3600 run -F ssh_config 127.0.0.1 --json
    json_is '[.servers[0].benchmarks[] | .reason // .verdict] | join(" ")' "passed timeout"
    times_are_sane
}

@test "the last run is the last one begun, whatever its clock said" {
    shifted 0:86400 run --simulate=servers=2,seed=1,delay=0 --json -q || true
    run -1 muster run --simulate=servers=3,seed=1,delay=0 --json -q
    run -0 muster show last --json
    json_is '.total' 3
    run -0 muster runs --json
    json_is '[.[].total] | join(" ")' "3 2"
}
