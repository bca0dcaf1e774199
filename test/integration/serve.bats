#!/usr/bin/env bats
# muster serve: what it answers over HTTP, and what it refuses.

load common

PORT=8475
HERE=http://127.0.0.1:8475

setup_file() {
    scratch
    muster run --simulate=servers=20,seed=3,delay=0-0,error=10% --store "$T/a.db" || true
    muster run --simulate=servers=20,seed=4,delay=0-0 --store "$T/a.db" || true
}

teardown_file() {
    scratch_done
}

setup() {
    cd "$T" || return 1
}

teardown() {
    stop_serve
}

# muster serve with these options, ready to answer; its pid in $T/serve.pid
# shellcheck disable=SC2120 # some tests have no more options
serve() {
    rm -f "$T/serve.out"
    "$MUSTER" serve --store "$T/a.db" "$@" >"$T/serve.out" 2>"$T/serve.err" 3>&- &
    echo $! >"$T/serve.pid"
    wait_for grep -q 'muster serves at' "$T/serve.out"
}

# ends it, unless that was done; its exit status is that of muster
stop_serve() {
    local pid
    [ -f "$T/serve.pid" ] || return 0
    pid=$(cat "$T/serve.pid")
    rm "$T/serve.pid"
    kill "${1:--TERM}" "$pid"
    wait "$pid"
}

# GET PATH [CURL OPTIONS]: the body in $output, the status of HTTP in $code, the head in $T/head
get() {
    local path=$1
    shift
    code=$(curl -s --path-as-is --max-time 20 -D "$T/head" -o "$T/body" -w '%{http_code}' "$@" "$HERE$path")
    output=$(cat "$T/body")
}

code_is() {
    [ "$code" = "$1" ] || fail "status $code, not $1; head: $(cat "$T/head")"
}

# NAME VALUE: the header is there
head_has() {
    grep -qixF -- "$1: $2" <(tr -d '\r' <"$T/head") || fail "no $1: $2 in: $(cat "$T/head")"
}

# the body is what the command line prints
is_that_of() {
    muster "$@" --store "$T/a.db" >"$T/printed"
    cmp "$T/body" "$T/printed" || fail "not what muster $* prints"
}

@test "documents are those of the command line" {
    serve
    get /api/runs
    code_is 200
    head_has Content-Type 'application/json; charset=utf-8'
    is_that_of runs --json
    get /api/runs/last
    is_that_of show last --json
    id=$(jq -r .run <<<"$output")
    get "/api/runs/$id"
    is_that_of show "$id" --json
}

@test "it says where it is, is healthy, and ends with status 0 on SIGTERM and SIGINT" {
    serve
    [ "$(cat "$T/serve.out")" = "muster serves at $HERE/ (Ctrl-C ends it)" ] || fail "$(cat "$T/serve.out")"
    get /healthz
    code_is 200
    [ "$output" = ok ] || fail "not ok"
    stop_serve
    serve
    stop_serve -INT
    [ ! -s "$T/serve.err" ] || fail "said: $(cat "$T/serve.err")"
}

@test "every answer has the headers that keep a browser from running what it is sent" {
    serve
    for path in / /api/runs /api/none /healthz; do
        get "$path"
        head_has Content-Security-Policy "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
        head_has X-Content-Type-Options nosniff
        head_has Referrer-Policy no-referrer
        head_has Cache-Control no-store
    done
}

@test "HEAD is GET without a body; a connection is used again" {
    serve
    code=$(curl -sI -o "$T/head" -w '%{http_code} %{num_connects}\n' "$HERE/api/runs" --next -s -o /dev/null \
        -w '%{http_code} %{num_connects}\n' "$HERE/api/runs")
    [ "$code" = $'200 1\n200 0' ] || fail "$code"
    get /api/runs
    head_has Content-Length "$(wc -c <"$T/body")"
}

@test "what is not there is 404 and a sentence" {
    serve
    for path in /api /api/run /api/runs/nope /api/runs/last/none /x/y/z/a/b/c/d/e \
        /../../etc/passwd /api/runs/..%2f..%2fetc%2fpasswd /api/runs/../runs; do
        get "$path"
        [ "$code" = 404 ] || [ "$path/$code" = /x/y/z/a/b/c/d/e/400 ] || fail "$path: $code"
        json_is '.error | type' string
    done
}

@test "other methods are 405, bodies are not read, mistakes in an address are 400" {
    serve
    for method in POST PUT DELETE PATCH OPTIONS; do
        get /api/runs -X "$method"
        code_is 405
        head_has Allow 'GET, HEAD'
    done
    get /api/runs --data-binary @"$MUSTER"
    code_is 405
    for path in '/api/runs?x=1' /api/runs/%zz /api/runs/% /api/runs/%00 /api/runs/%ff '/api/runs?%'; do
        get "$path"
        code_is 400
        json_is '.error | type' string
    done
    get "/api/runs/$(head -c 40000 /dev/zero | tr '\0' a)"
    [[ $code = 414 || $code = 431 ]] || fail "$code"
}

@test "a port in use, a store that is not there, a bad address: said at once, with what to do" {
    serve
    run ! muster serve --store "$T/a.db"
    status_is 2
    stderr_has "port $PORT is in use"
    stderr_has 'choose another one with --listen'
    run muster serve --store "$T/none.db"
    status_is 2
    stderr_has 'no store at'
    for address in '' 127.0.0.1 127.0.0.1: 127.0.0.1:x 127.0.0.1:65536 ::1:80 unix: nowhere.invalid:80; do
        run muster serve --store "$T/a.db" --listen "$address"
        status_is 2
        [ "$(wc -l <"$T/err")" = 1 ] || fail "not one line"
    done
    run muster serve --store "$T/a.db" --listen 0.0.0.0:0
    status_is 2
}
