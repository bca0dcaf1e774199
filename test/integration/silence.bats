#!/usr/bin/env bats
# What ends while PostgreSQL does not answer, or is away: in time.

load common
load postgres

setup() {
    scratch
    postgres start db --quick --listen 127.0.3.3
    url=$(postgres database db store)
}
teardown() {
    postgres continue db || true
    postgres_done
    scratch_done
}

submit() { # OPTIONS...
    muster submit --store "$url" --retries 0 "$@"
}

# a command NAME in the background: NAME.pid, its log NAME.log, its output NAME.out, its status NAME.status
start() { # NAME COMMAND OPTIONS...
    local name=$1 command=$2
    shift 2
    mkdir "$T/$name"
    (
        code=0
        XDG_STATE_HOME=$T/$name "$MUSTER" "$command" --store "$url" --log-file "$T/$name.log" -q "$@" \
            >"$T/$name.out" 2>&1 3>&- </dev/null &
        echo $! >"$T/$name.pid"
        wait $! || code=$?
        echo $code >"$T/$name.status.new"
        mv "$T/$name.status.new" "$T/$name.status"
    ) >/dev/null 2>&1 3>&- &
}

said() { # NAME TEXT
    grep -qF -- "$2" "$T/$1.log"
}
tell() { # SIGNAL NAME
    kill "-$1" "$(cat "$T/$2.pid")"
}

# it does so within SECONDS of `$began`
ended() { # SECONDS NAME STATUS
    wait_for test -e "$T/$2.status"
    local took=$((SECONDS - began))
    [ "$(cat "$T/$2.status")" = "$3" ] || fail "$2 ended with $(cat "$T/$2.status"): $(tail -n 5 "$T/$2.log" "$T/$2.out")"
    [ "$took" -le "$1" ] || fail "$2 took $took s to end"
}

claimed_are() { # N
    [ "$(postgres sql db store "SELECT count(*) FROM muster.server WHERE state = 'claimed'")" = "$1" ]
}

@test "PostgreSQL is silent: workers end with their grace, who waits a moment after Ctrl-C" {
    id=$(submit --simulate=servers=12,seed=1,delay=50s-60s -f 4)
    start grace worker --grace 1s --run "$id"
    start twice worker --run "$id"
    start waits wait "$id"
    start runs run --simulate=servers=2,seed=1,delay=50s-60s
    wait_for claimed_are 14 # all
    start idle worker --run "$id"
    wait_for said idle 'worker ready'
    wait_for said waits 'waiting for the run'
    postgres pause db
    began=$SECONDS
    tell TERM grace
    tell TERM twice
    tell TERM idle
    tell INT waits
    tell INT runs
    wait_for said twice 'claiming no more servers'
    tell TERM twice
    wait_for said runs 'once more to exit at once'
    tell INT runs
    ended 3 runs 130
    ended 7 idle 0
    ended 7 grace 3
    ended 7 twice 3
    ended 7 waits 130
    grep -q 'not all of its share of the run' grace.out || fail "$(cat grace.out)"
    said grace 'claiming no more servers'
    postgres continue db
}

@test "PostgreSQL is away: workers end with their grace, who waits a moment after Ctrl-C" {
    id=$(submit --simulate=servers=8,seed=1,delay=50s-60s -f 4)
    start grace worker --grace 1s
    start waits wait "$id"
    wait_for claimed_are 8
    start idle worker
    wait_for said idle 'worker ready'
    wait_for said waits 'waiting for the run'
    postgres stop db immediate
    for name in idle grace waits; do
        wait_for said $name 'the store cannot be reached'
    done
    began=$SECONDS
    tell TERM grace
    tell TERM idle
    tell INT waits
    ended 6 idle 0
    ended 7 grace 3
    ended 6 waits 130
}
