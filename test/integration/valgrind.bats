#!/usr/bin/env bats
# muster under valgrind: no leak, no wrong access, no descriptor left open.

load common.bash
load postgres.bash

setup() {
    command -v valgrind >/dev/null || skip "no valgrind"
    scratch
}
teardown() {
    [ -z "${T:-}" ] || postgres_done
    scratch_done
}

# PROGRAM must end with STATUS and, under valgrind, with nothing to say of it
clean() { # STATUS PROGRAM...
    local expected=$1
    shift
    run "-$expected" valgrind --log-file="$T/log" --error-exitcode=99 --leak-check=full \
        --errors-for-leak-kinds=definite,indirect,possible --track-fds=yes \
        --child-silent-after-fork=yes "$@"
    grep -q 'FILE DESCRIPTORS' "$T/log" && grep -q 'ERROR SUMMARY: 0 errors' "$T/log" || fail "$(cat "$T/log")"
    awk '/== Open / { open = $0; next } open != "" && !/inherited from parent/ { bad = 1 } { open = "" }
        END { exit bad }' "$T/log" || fail "$(sed -n '/FILE DESCRIPTORS/,$p' "$T/log")"
}

@test "a simulated run" {
    clean 1 "$MUSTER" run --simulate=servers=50,seed=1,delay=0,error=20% --log-file "$T/muster.log"
}

@test "this machine, with a command of the user's" {
    cat >muster.yaml <<'TXT'
benchmarks:
  answer: {command: echo it is 42, extract: {regex: 'is ([0-9]+)'}, threshold: 40}
  absent: {command: "true", needs: no-such-tool, extract: {regex: '(.)'}}
  number: {command: "echo '{\"a\": 70}'", extract: {jq: .a}}
TXT
    clean 1 "$MUSTER" run -T local -b answer,absent,number
}

@test "what is read from the store and the inventory" {
    "$MUSTER" run -q --simulate=servers=20,seed=1,delay=0 || [ $? = 1 ]
    clean 0 "$MUSTER" show last --json
    clean 0 "$MUSTER" runs
    clean 1 "$MUSTER" resume last --failed -q
    clean 0 "$MUSTER" log last
    clean 0 "$MUSTER" servers 'web[01-40]!web3,user@[2001:db8::7]:22'
}

@test "mistakes" {
    printf 'fanout: x\nbenchmark: {}\n' >muster.yaml
    clean 2 "$MUSTER" run -T local
    clean 2 "$MUSTER" run 'web[1-' -i /nonexistent
}

@test "sessions over ssh" {
    ssh_material
    start_sshd 127.0.0.1
    start_sshd 127.0.0.2 'ForceCommand exit 1'
    printf 'benchmarks:\n  n: {command: "echo 80", extract: {regex: "([0-9]+)"}}\n' >muster.yaml
    clean 1 "$MUSTER" run -F ssh_config --retries 1 127.0.0.1 127.0.0.2 127.0.0.9 no-such-host.invalid
}

@test "two workers on one PostgreSQL, who submits and who waits" {
    postgres start db --quick
    url=$(postgres database db store)
    clean 0 "$MUSTER" submit --simulate=servers=24,seed=1,delay=1ms-5ms,error=20% --limit rack=4 --store "$url"
    (
        T=$T/other
        mkdir "$T"
        clean 0 "$MUSTER" worker --exit-when-idle -f 4 --store "$url" >"$T/out" 2>&1 3>&-
        touch "$T/was-clean"
    ) &
    clean 0 "$MUSTER" worker --exit-when-idle -f 4 --store "$url"
    wait
    [ -e other/was-clean ] || fail "$(cat other/out)"
    clean 1 "$MUSTER" wait last --store "$url"
}
