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
    if [ -f "$T/run.pid" ]; then
        kill "$(cat "$T/run.pid")" 2>/dev/null || true
        run_done
    fi
    rm -rf "$T/live.db"*
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
    code=$(curl -s --path-as-is --max-time 60 -D "$T/head" -o "$T/body" -w '%{http_code}' "$@" "$HERE$path")
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
    muster "$@" --store "$T/a.db" >"$T/printed" || true # compare has more than one status
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
    server=$(jq -r '.servers[3].server' <<<"$output")
    get "/api/runs/$id/servers/$server"
    is_that_of show "$id" --server "$server" --json
    get "/api/runs/$id/overview"
    json_is '[.run.run, (.rows | length), .rows[3][1]] | @csv' "\"$id\",20,\"$server\""
    get "/api/history/$server"
    is_that_of history "$server" --json
    get "/api/history/$server?benchmark=cpu"
    is_that_of history "$server" --benchmark cpu --json
    muster runs --store "$T/a.db" --json >"$T/runs"
    first=$(jq -r '.[1].run' "$T/runs")
    get "/api/compare?from=$first&to=last"
    code_is 200
    is_that_of compare "$first" last --json
    get /api/baselines
    is_that_of baseline show --json
    get /api/workers
    json_is length 0 # several controllers need a store on PostgreSQL
    get "/api/runs/$id/log"
    head_has Content-Type 'application/x-ndjson; charset=utf-8'
    is_that_of log "$id" --json
    get "/api/runs/$id/log?server=$server"
    is_that_of log "$id" "$server" --json
}

@test "a log is read on from where it was left, by level and by server" {
    serve
    get /api/runs/last/log
    head_has Muster-After "$(wc -c <"$T/body")"
    head_has Muster-More 0
    cp "$T/body" "$T/whole"
    place=$(head -n 5 "$T/whole" | wc -c)
    get "/api/runs/last/log?after=$place"
    tail -n +6 "$T/whole" | cmp - "$T/body" || fail "not the rest"
    get "/api/runs/last/log?after=$((place - 3))"
    tail -n +6 "$T/whole" | cmp - "$T/body" || fail "the rest of a line was printed"
    get /api/runs/last/log?level=warning
    jq -c 'select(.level == "warning" or .level == "error")' "$T/whole" | cmp - "$T/body" || fail "not these levels"
    [ -s "$T/body" ] || fail "there is none to be seen"
    for query in level=loud after=-1 after=x after= after=9999999999999999999 server=a\&server=b; do
        get "/api/runs/last/log?$query"
        code_is 400
    done
    get "/api/runs/last/log?after=999999999"
    code_is 200
    [ ! -s "$T/body" ] || fail "there is something behind the end"
}

@test "a long log comes in pieces, and a line that is not whole is left for later" {
    serve
    get /api/runs
    id=$(jq -r '.[1].run' <<<"$output")
    log=$T/logs/$id.jsonl
    cp "$log" "$T/kept.jsonl"
    line='{"timestamp":"2026-11-22T10:13:44.123Z","level":"info","event":"something","number":'
    seq -f "$line%.0f}" 30000 >>"$log"
    printf %s "${line}1" >>"$log"
    : >"$T/pieces"
    after=0 more=1 pieces=0
    while [ "$more" = 1 ]; do
        get "/api/runs/$id/log?after=$after"
        cat "$T/body" >>"$T/pieces"
        after=$(tr -d '\r' <"$T/head" | sed -n 's/^Muster-After: //p')
        more=$(tr -d '\r' <"$T/head" | sed -n 's/^Muster-More: //p')
        [ "$(wc -c <"$T/body")" -le 1100000 ] || fail "too long a piece"
        pieces=$((pieces + 1))
    done
    [ "$pieces" -gt 2 ] || fail "$pieces pieces"
    muster log "$id" --json --store "$T/a.db" | cmp - "$T/pieces" || fail "not the log"
    echo '}' >>"$log"
    get "/api/runs/$id/log?after=$after"
    [ "$(wc -l <"$T/body")" = 1 ] || fail "the line is not there once"
    mv "$T/kept.jsonl" "$log"
}

@test "the pages and their parts are those of the program, and a browser need not load them twice" {
    serve
    for path in / /runs/last /runs/last/servers/x /runs/last/log '/runs/last/log?level=info' /history/x '/compare?from=a&to=b'; do
        get "$path"
        code_is 200
        head_has Content-Type 'text/html; charset=utf-8'
        cmp "$T/body" "$BATS_TEST_DIRNAME/../../web/page.html" || fail "$path is not the page"
    done
    get /assets/app.js
    head_has Content-Type 'text/javascript; charset=utf-8'
    head_has Cache-Control no-cache
    tag=$(tr -d '\r' <"$T/head" | sed -n 's/^ETag: //p')
    get /assets/app.js -H "If-None-Match: $tag"
    code_is 304
    get /assets/app.css
    head_has Content-Type 'text/css; charset=utf-8'
    get /assets/../page.html
    code_is 404
}

@test "a page of another name that leads here is refused" {
    serve
    for host in localhost localhost:9000 127.0.0.1 127.0.0.1:8475 127.1.2.3 '[::1]:8475' LOCALHOST:1; do
        get /api/runs -H "Host: $host"
        code_is 200
    done
    for host in evil.example evil.example:8475 localhost.evil.example 127.0.0.1.evil.example 127.evil.example '[::1].evil.example' '[::2]' 'localhost@evil.example'; do
        get /api/runs -H "Host: $host"
        code_is 421
        json_is '.error | type' string
    done
    get /api/runs -0 -H Host:
    code_is 421
}

# sets $token and the file's name in $file
make_token() {
    token=$(openssl rand -hex 32)
    file=$T/token
    (umask 077 && echo "$token" >"$file")
}

@test "who has the token is let in, by header or by cookie, and nobody else" {
    make_token
    serve --token-file "$file"
    get /api/runs
    code_is 401
    head_has WWW-Authenticate 'Bearer realm="muster"'
    json_is '.error | type' string
    get /api/runs -H "Authorization: Bearer $token"
    code_is 200
    get /api/runs -H "Authorization: bearer $token" -H 'Host: muster.example.org'
    code_is 200
    for wrong in "Bearer ${token%?}" "Bearer ${token}0" 'Bearer ' "Basic $token" "$token" "Bearer $(tr 0-9a-f 1-9a-f0 <<<"$token")"; do
        get /api/runs -H "Authorization: $wrong"
        code_is 401
    done
    get /healthz
    code_is 200
    get /runs/last -H 'Accept: text/html'
    code_is 401
    output_has '<form method="post" action="/login">'
    get /login --data-urlencode "token=wrong $token"
    code_is 403
    output_has 'That is not the token'
    ! grep -qi set-cookie "$T/head" || fail "a cookie for nothing"
    get /login --data-urlencode "token=$token" -c "$T/jar"
    code_is 303
    head_has Location /
    cookie=$(tr -d '\r' <"$T/head" | sed -n 's/^Set-Cookie: //p')
    [[ $cookie == muster=*'; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict' ]] || fail "$cookie"
    [[ $cookie != *"$token"* ]] || fail "the cookie has the token"
    get /api/runs -b "$T/jar"
    code_is 200
    value=${cookie%%;*}
    for wrong in "muster=9${value#muster=}" "${value%?}" "${value%.*}." muster= "muster=$(($(date +%s) + 100)).${value#*.}"; do
        get /api/runs -H "Cookie: $wrong"
        code_is 401
    done
    get /login --data-urlencode "token=$token" -H 'X-Forwarded-Proto: https'
    grep -q '; Secure' "$T/head" || fail "the cookie is not for TLS alone"
    get /login --data-binary @"$MUSTER"
    [ "$code" -ge 400 ] || fail "$code"
}

@test "a token file that others may read, or without a token, is refused" {
    make_token
    chmod 640 "$file"
    run muster serve --store "$T/a.db" --token-file "$file"
    status_is 2
    stderr_has "chmod 600 $file"
    chmod 600 "$file"
    for text in '' short 'two words are not a token of any kind' $'0123456789abcdef\n0123456789abcdef'; do
        echo "$text" >"$file"
        run muster serve --store "$T/a.db" --token-file "$file"
        status_is 2
        stderr_has 'openssl rand -hex 32'
    done
    run muster serve --store "$T/a.db" --token-file "$T/none"
    status_is 2
    stderr_has 'cannot read the token file'
}

@test "it can be ended while it waits for a token that comes through a pipe" {
    mkfifo -m 600 "$T/pipe"
    # 124: it ended at SIGTERM; 137: it had to be killed
    run timeout -k 3 0.5 "$MUSTER" serve --store "$T/a.db" --token-file "$T/pipe"
    status_is 124
    rm "$T/pipe"
}

@test "without the token nothing is told of where the store is" {
    make_token
    cp "$T/a.db" "$T/moved.db"
    serve --store "$T/moved.db" --token-file "$file"
    mv "$T/moved.db" "$T/elsewhere.db"
    get /healthz
    code_is 503
    json_is .error 'the store cannot be read'
    grep -q "no store at $T/moved.db" "$T/serve.err" || fail "its keeper is not told: $(cat "$T/serve.err")"
    get /api/runs -H "Authorization: Bearer $token"
    code_is 503
    output_has "no store at $T/moved.db"
}

@test "others than this machine are answered only with a token" {
    run muster serve --store "$T/a.db" --listen 0.0.0.0:8475
    status_is 2
    stderr_has '--token-file FILE'
    make_token
    serve --listen 0.0.0.0:8475 --token-file "$file"
    get /api/runs
    code_is 401
    get /api/runs -H "Authorization: Bearer $token"
    code_is 200
}

@test "a Unix socket is its owner's alone, replaced when it was left behind, and removed at the end" {
    local at=$T/socket
    serve --listen "unix:$at"
    [ "$(cat "$T/serve.out")" = "muster serves at unix:$at (Ctrl-C ends it)" ] || fail "$(cat "$T/serve.out")"
    [ "$(stat -c %a "$at")" = 600 ] || fail "mode $(stat -c %a "$at")"
    get /api/runs --unix-socket "$at" -H 'Host: any.example'
    code_is 200
    run muster serve --store "$T/a.db" --listen "unix:$at"
    status_is 2
    stderr_has 'another process listens'
    kill -KILL "$(cat "$T/serve.pid")"
    wait "$(cat "$T/serve.pid")" || true
    [ -S "$at" ] || fail "gone"
    serve --listen "unix:$at"
    get /healthz --unix-socket "$at"
    code_is 200
    stop_serve
    [ ! -e "$at" ] || fail "left behind"
    echo precious >"$at"
    run muster serve --store "$T/a.db" --listen "unix:$at"
    status_is 2
    [ "$(cat "$at")" = precious ] || fail "overwritten"
    run muster serve --store "$T/a.db" --listen "unix:$T/$(head -c 200 /dev/zero | tr '\0' a)"
    status_is 2
    stderr_has '1 to 107 bytes'
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

@test "it listens on IPv6, and on a port that the system chooses" {
    serve --listen '[::1]:0'
    url=$(sed -n 's/^muster serves at \(.*\) (Ctrl-C ends it)$/\1/p' "$T/serve.out")
    [[ $url == 'http://[::1]:'[1-9]*/ ]] || fail "$url"
    [ "$(curl -sg "${url}healthz")" = ok ] || fail "not healthy"
}

@test "every answer has the headers that keep a browser from running what it is sent" {
    serve
    for path in / /api/runs /api/none /healthz; do
        get "$path"
        head_has Content-Security-Policy "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
        head_has X-Content-Type-Options nosniff
        head_has Referrer-Policy no-referrer
        [ "$path" = / ] || head_has Cache-Control no-store
    done
}

@test "HEAD is GET without a body; a connection is used again" {
    serve
    code=$(curl -sI -o "$T/head" -w '%{http_code} %{num_connects}\n' "$HERE/api/runs" --next -s -o /dev/null \
        -w '%{http_code} %{num_connects}\n' "$HERE/api/runs")
    [ "$code" = $'200 1\n200 0' ] || fail "$code"
    # of a stream, too: nothing stands between its head and the next answer
    printf '%s\r\n' 'HEAD /api/runs/last/events HTTP/1.1' 'Host: localhost' '' \
        'GET /healthz HTTP/1.1' 'Host: localhost' 'Connection: close' '' >"$T/request"
    exec {at}<>"/dev/tcp/127.0.0.1/$PORT"
    cat "$T/request" >&"$at"
    timeout 5 cat <&"$at" >"$T/answers"
    exec {at}>&-
    [ "$(tr -d '\r' <"$T/answers" | grep -cx 'HTTP/1.1 200 OK')" = 2 ] || fail "$(cat "$T/answers")"
    ! tr -d '\r' <"$T/answers" | grep -qx 0 || fail "the end of a body: $(cat "$T/answers")"
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

@test "a request that two readers could end at different places is refused, and what follows it not read" {
    serve
    for head in 'Content-Length: 0\r\nContent-Length: 44' 'Content-Length : 44' 'Host: evil.example' \
        'Content-Length: 44\r\nTransfer-Encoding: chunked'; do
        printf 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n%b\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n' \
            "$head" >"$T/request"
        exec {at}<>"/dev/tcp/127.0.0.1/$PORT"
        cat "$T/request" >&"$at"
        timeout 5 cat <&"$at" >"$T/answers" || fail "the connection stays open after $head"
        exec {at}>&-
        [ "$(grep -ao 'HTTP/1.1 [0-9]*' "$T/answers")" = 'HTTP/1.1 400' ] || fail "$head: $(cat "$T/answers")"
    done
}

@test "a port in use, a store that is not there, a bad address: said at once, with what to do" {
    serve
    run ! muster serve --store "$T/a.db"
    status_is 2
    stderr_has "port $PORT is in use"
    stderr_has 'choose another one'
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

# a run of so many servers in a store of its own; its pid in $T/run.pid. Whoever followed another one
# has left its events.
start_run() { # SERVERS DELAY
    rm -f "$T"/events*
    "$MUSTER" run --simulate=servers="$1",seed=3,delay="$2",error=10% -f 6 --store "$T/live.db" \
        >/dev/null 2>"$T/err" 3>&- &
    echo $! >"$T/run.pid"
    wait_for running
}

running() {
    [ "$("$MUSTER" runs --store "$T/live.db" --json | jq -r '.[0].state')" = running ]
}

run_done() {
    wait "$(cat "$T/run.pid")" || true
    rm "$T/run.pid"
}

# the data of the events of this name in a FILE, a line each
events() { # NAME FILE
    awk -v name="$1" '/^event: / { is = $2 == name; line = "" } is && /^data: / { line = line substr($0, 7) }
        /^$/ && line != "" { print line; line = "" }' "$2"
}

# the positions of servers that have a verdict in the events of FILE, sorted, each once
judged() { # FILE
    events servers "$1" | jq '.rows[] | select(.[2] != 3)[0]' | sort -nu | tr '\n' ' '
}

@test "a run in progress is followed to its end, also by who was away for a while" {
    muster run --simulate=servers=1,delay=0-0 --store "$T/live.db" || true
    serve --store "$T/live.db"
    start_run 30 0.2s-1s
    curl -sN --max-time 60 "$HERE/api/runs/last/events" >"$T/events" 3>&- &
    local follower=$!
    # who is cut off goes on behind the last id
    curl -sN --max-time 60 "$HERE/api/runs/last/events" >"$T/cut" 3>&- &
    local cut=$!
    knows_some() { sed -n '/^event: servers/,$p' "$T/cut" | grep -q '^id: '; }
    wait_for knows_some
    kill "$cut"
    wait "$cut" || true
    id=$(sed -n 's/^id: //p' "$T/cut" | tail -n 1)
    curl -sN --max-time 60 -H "Last-Event-ID: $id" "$HERE/api/runs/last/events" >"$T/rest"
    wait "$follower" || fail "the stream did not end by itself"
    run_done
    all=$(seq 0 29 | tr '\n' ' ')
    [ "$(judged "$T/events")" = "$all" ] || fail "not all servers: $(cat "$T/events")"
    cat "$T/cut" "$T/rest" >"$T/both"
    [ "$(judged "$T/both")" = "$all" ] || fail "not all servers after going on: $(cat "$T/rest")"
    [ "$(judged "$T/rest")" != "$all" ] || fail "what was known was told again"
    output=$(events progress "$T/events" | head -n 1)
    json_is '[.state, .total, .running, .running + .waiting == .cancelled] | @csv' '"running",30,6,true'
    output=$(events progress "$T/events" | tail -n 1)
    muster show last --json --store "$T/live.db" >"$T/document" || true
    for key in total passed failed errors cancelled state; do
        json_is ".$key" "$(jq -r ".$key" "$T/document")"
    done
    json_is '.running + .waiting' 0
    [ "$(events end "$T/events")" = '{"state": "ended"}' ] || fail "$(tail "$T/events")"
    # a run that is over has an end, and who was told is sent away for good
    get /api/runs/last/events
    [ "$(events end "$T/body")" = '{"state": "ended"}' ] || fail "$output"
    get /api/runs/last/events -H "Last-Event-ID: $id"
    code_is 204
}

@test "who comes anew, or with an id of another time, is told of all servers that are done" {
    start_run 3000 0.1s-0.5s
    serve --store "$T/live.db"
    some() { get /api/runs/last && [ "$(jq .failed <<<"$output")" -gt 3 ]; }
    wait_for some
    for id in '' 1-1 x 99999999999999999999999-7; do
        rm -f "$T/events"
        curl -sN --max-time 60 -H "Last-Event-ID: $id" "$HERE/api/runs/last/events" >"$T/events" 3>&- &
        local follower=$!
        wait_for grep -q '^event: progress' "$T/events"
        kill "$follower"
        wait "$follower" || true
        output=$(events servers "$T/events" | head -n 1)
        json_is '.rows | length > 3 and all(.[2] != 3)' true
    done
    kill "$(cat "$T/run.pid")"
    run_done
}

@test "a run that is killed is interrupted, for who follows it too" {
    start_run 3000 0.1s-0.5s
    serve --store "$T/live.db"
    curl -sN --max-time 60 "$HERE/api/runs/last/events" >"$T/events" 3>&- &
    local follower=$!
    wait_for grep -q '^event: progress' "$T/events"
    kill -KILL "$(cat "$T/run.pid")"
    run_done
    wait "$follower" || fail "the stream did not end"
    [ "$(events end "$T/events")" = '{"state": "interrupted"}' ] || fail "$(tail "$T/events")"
}

@test "who follows a run holds no moment of its store between one look and the next" {
    local held=0
    start_run 3000 0.1s-0.5s
    serve --store "$T/live.db"
    curl -sN --max-time 60 "$HERE/api/runs/last/events" >"$T/events" 3>&- &
    local follower=$!
    wait_for grep -q '^event: progress' "$T/events"
    # a reader locks one of these bytes of the index: https://sqlite.org/walformat.html
    for i in {1..20}; do
        awk -v pid="$(cat "$T/serve.pid")" '$5 == pid && $7 >= 123 && $7 <= 127 { held = 1 } END { exit !held }' /proc/locks &&
            held=$((held + 1))
        sleep 0.02
    done
    [ "$held" -lt 15 ] || fail "held at $held of 20 times"
    kill "$(cat "$T/run.pid")"
    run_done
    wait "$follower" || fail "the stream did not end"
}

@test "open streams do not keep it from ending" {
    start_run 3000 0.1s-0.5s
    serve --store "$T/live.db"
    local followers=()
    for i in 1 2 3; do
        curl -sN --max-time 60 "$HERE/api/runs/last/events" >"$T/events$i" 3>&- &
        followers+=($!)
    done
    for i in 1 2 3; do wait_for grep -q '^event: progress' "$T/events$i"; done
    kill "$(cat "$T/run.pid")"
    local begun=${EPOCHREALTIME/./}
    stop_serve
    [ $((${EPOCHREALTIME/./} - begun)) -lt 12000000 ] || fail "it took more than 12 s"
    wait "${followers[@]}" || true
    run_done
}

@test "ten thousand servers take little memory, however slowly they are read" {
    muster run --simulate=servers=10000,seed=3,delay=0-0,error=1% -f 64 --store "$T/big.db" >/dev/null || true
    serve --store "$T/big.db"
    pid=$(cat "$T/serve.pid")
    # clients that ask for it all and read nothing, or half a request
    exec {stuck}<>"/dev/tcp/127.0.0.1/$PORT" {half}<>"/dev/tcp/127.0.0.1/$PORT"
    printf 'GET /api/runs/last HTTP/1.1\r\nHost: localhost\r\n\r\n' >&"$stuck"
    printf 'GET /api/runs/la' >&"$half"
    curl -s --limit-rate 300k --max-time 3 -o /dev/null "$HERE/api/runs/last" 3>&- &
    local slow=$!
    curl -s --max-time 60 "$HERE/api/runs/last" >"$T/other" 3>&- &
    local other=$!
    get /api/runs/last
    code_is 200
    wait "$other"
    wait "$slow" || true
    cmp "$T/body" "$T/other" || fail "two at once differ"
    cmp "$T/body" <(muster show last --json --store "$T/big.db") || fail "not the document"
    get /api/runs/last/overview
    json_is '.rows | length' 10000
    kb=$(awk '/VmHWM/ { print $2 }' "/proc/$pid/status")
    echo "# note: a document of 10,000 servers for 4 at a time: $kb KiB at most" >&3
    [ "$kb" -lt 65536 ] || fail "$kb KiB"
    stop_serve
    exec {stuck}>&- {half}>&-
}

@test "metrics are what Prometheus takes" {
    serve
    get /metrics
    code_is 200
    head_has Content-Type 'text/plain; version=0.0.4; charset=utf-8'
    promtool check metrics <"$T/body" >"$T/said" 2>&1 || fail "$(cat "$T/said")"
    output_has 'muster_runs{state="ended"} 2'
    muster report last --format prometheus --store "$T/a.db" | cmp - <(sed '/muster_runs\b/d' "$T/body") || fail "not the report"
    rm -rf "$T/empty.db"*
    sqlite3 "$T/a.db" ".backup $T/empty.db"
    sqlite3 "$T/empty.db" 'DELETE FROM run'
    stop_serve
    serve --store "$T/empty.db"
    get /metrics
    output_has 'muster_runs{state="ended"} 0'
    get /api/runs
    [ "$output" = '[]' ] || fail "not empty"
    get /api/runs/last
    code_is 404
}
