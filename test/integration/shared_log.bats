#!/usr/bin/env bats
# The log of a run in a store on PostgreSQL: what every worker has said, in one place.

load common
load postgres

HERE=http://127.0.0.1:8475

setup_file() {
    scratch
    postgres start db --quick
}

teardown_file() {
    postgres_done
    scratch_done
}

setup() {
    cd "$T" || return 1
    mkdir "$BATS_TEST_NUMBER" && cd "$BATS_TEST_NUMBER" || return 1
    export XDG_STATE_HOME=$PWD/state
    url=$(postgres database db "t$BATS_TEST_NUMBER")
    begun=()
}

teardown() {
    local pid
    for pid in "${begun[@]}"; do
        kill -9 "$pid" 2>/dev/null || true
    done
    wait
}

# muster in the background, its pid in $!; the lines that it logs in NAME.said
begin() { # NAME WORD...
    local name=$1
    shift
    "$MUSTER" "$@" --store "$url" --log-format json >/dev/null 2>"$name.said" </dev/null 3>&- &
    begun+=($!)
}

# the log of the run as it is read where nobody has worked on it, without who said each line
the_log() { # [SERVER]
    XDG_STATE_HOME=$PWD/elsewhere "$MUSTER" log last "$@" --json --store "$url" | jq -cS 'del(.worker)'
}

# What these files have, and that alone, is in the log, each line once.
log_is() { # FILE...
    jq -cS . "$@" | sort >want
    the_log | sort >got
    diff want got | head -20 >differs
    [ -s want ] && [ ! -s differs ] || fail "the log is another one: $(cat differs)"
}

is_there() { # lines of the run's log, at least
    [ "$(the_log | wc -l)" -ge "$1" ]
}

files() {
    ls "$XDG_STATE_HOME/muster/logs"
}

no_file_is_left() {
    [ -z "$(files)" ] || fail "left on this machine: $(files)"
}

@test "what a run says is in the store, each line once, and nowhere else" {
    run -1 muster run --simulate=servers=3000,seed=1,delay=0-0 --store "$url" --log-format json
    log_is "$T/err"
    no_file_is_left
    the_log 77 >got
    jq -cS 'select(.server == "77")' "$T/err" >want
    [ -s want ] && diff want got
    the_log | jq -r .timestamp | sort -c
    XDG_STATE_HOME=$PWD/elsewhere run -0 muster log last 77 --store "$url"
    output_has "worker=$(hostname):"
    XDG_STATE_HOME=$PWD/elsewhere run -2 muster log last nosuch --store "$url"
    stderr_has "the log has no line of a server 'nosuch'"
}

@test "a report made elsewhere has each server's lines" {
    run -1 muster run --simulate=servers=40,seed=1,delay=0-0 --store "$url"
    the_log 17 >want
    XDG_STATE_HOME=$PWD/elsewhere muster report --format html -o run.html --store "$url" last
    python3 - >got <<'END'
import base64, json, re, zlib
page = open("run.html").read()
for block in re.findall(r'class="servers"[^>]*>\n(.*?)\n</script>', page, re.S):
    for server in json.loads(zlib.decompress(base64.b64decode(block), -15)):
        if server["server"]["server"] == "17":
            print(*map(json.dumps, server["log"]), sep="\n")
END
    [ -s want ] && diff want <(jq -cS 'del(.worker)' got)
}

@test "a PostgreSQL that restarts in mid-run costs no line" {
    begin run run --simulate=servers=5000,seed=2,delay=50ms-150ms -f 10
    wait_for is_there 20
    postgres stop db immediate
    wait_for grep -q "the store cannot be reached" run.said
    postgres again db
    wait_for grep -q "the store is back" run.said
    wait_for is_there $(($(wc -l <run.said) + 20))
    end INT 130 "${begun[0]}"
    log_is run.said
    no_file_is_left
}

@test "what a worker has said that was killed goes in with the next one" {
    "$MUSTER" submit --simulate=servers=5000,seed=3,delay=50ms-150ms -f 10 --store "$url"
    begin first worker
    wait_for is_there 20
    kill -9 "${begun[0]}"
    wait "${begun[0]}" || true
    cp "$XDG_STATE_HOME/muster/logs/"*.jsonl left.said
    [ -s left.said ]
    printf '{"timestamp":"2026-01-01T00:00:00.000Z","level":"in' >>"$XDG_STATE_HOME/muster/logs/$(files)"
    echo 'somebody else' >"$XDG_STATE_HOME/muster/logs/somebody.else.jsonl"
    begin second worker
    wait_for is_there $(($(wc -l <left.said) + 20))
    end TERM 0 "${begun[1]}"
    of_the_run second
    log_is left.said second.run
    [ "$(files)" = somebody.else.jsonl ]
}

@test "workers of several machines are in one log, which is followed as it grows" {
    local after=0
    "$MUSTER" submit --simulate=servers=5000,seed=4,delay=50ms-150ms -f 5 --store "$url"
    begin one worker
    XDG_STATE_HOME=$PWD/there begin two worker
    "$MUSTER" serve --store "$url" >serve.out 2>serve.err 3>&- &
    begun+=($!)
    wait_for grep -q 'muster serves at' serve.out
    : >followed
    wait_for follow_until_both_have_said 20
    end TERM 0 "${begun[@]:0:2}"
    follow
    of_the_run one
    of_the_run two
    log_is one.run two.run
    diff want <(jq -cS 'del(.worker)' followed | sort) | head -20 >differs
    [ ! -s differs ] || fail "what was followed is another one: $(cat differs)"
    curl -s "$HERE/api/runs/last/log?server=7" | jq -cS 'del(.worker)' | diff <(the_log 7) -
    curl -s "$HERE/api/runs/last/log?level=warning" | jq -cS 'del(.worker)' | sort |
        diff <(jq -c 'select(.level == "warning" or .level == "error")' want) -
}

# ends processes by a signal, with this exit status
end() { # SIGNAL STATUS PID...
    local signal=$1 status=$2 pid
    shift 2
    kill "-$signal" "$@"
    for pid in "$@"; do
        wait "$pid" || [ $? -eq "$status" ]
    done
}

# the lines of NAME.said that are of the run, and what the worker was told of all its runs
of_the_run() {
    jq -c 'select(.run or (.event | startswith("ending:")))' "$1.said" >"$1.run"
}

# reads on where it had got to, at `after`, into `followed`
follow() {
    curl -s --max-time 20 -D head "$HERE/api/runs/last/log?after=$after" >>followed
    after=$(tr -d '\r' <head | sed -n 's/^Muster-After: //Ip')
}

follow_until_both_have_said() { # LINES
    local pid
    follow
    for pid in "${begun[@]:0:2}"; do
        [ "$(grep -c "\"worker\":\"$(hostname):$pid\"" followed)" -ge "$1" ] || return 1
    done
}
