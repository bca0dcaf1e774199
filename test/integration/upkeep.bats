#!/usr/bin/env bats
# `muster store` between engines, and what goes along with a run: its log and its outputs.

load common
load postgres

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
}

simulated() { # STORE [SPEC [WORD...]]
    run muster run -q --simulate="delay=0-0,${2:-servers=20,seed=5}" --store "$1" "${@:3}"
    [ "$status" -le 1 ] || fail "no run"
}

newest() { # STORE
    muster runs --json --store "$1" | jq -r '.[0].run'
}

# all that can be seen of a store's newest run: its document, its log, and that of one server
seen() { # STORE
    muster show last --json --store "$1"
    muster log last --json --store "$1"
    muster log last 3 --store "$1"
}

same() { # STORE STORE
    seen "$1" >"$T/one"
    seen "$2" >"$T/other"
    [ -s "$T/one" ] || fail "nothing is seen of $1"
    cmp "$T/one" "$T/other" || fail "$2 says something else: $(diff "$T/one" "$T/other" | head -5)"
}

is_sound() { # STORE
    run -0 muster store check --store "$1"
}

@test "a log goes along, to PostgreSQL and back, and from there to another" {
    local other
    other=$(postgres database db other)
    simulated a/a.db
    for to in "$url" b/b.db "$other" c/c.db; do
        run -0 muster store copy "${from:-a/a.db}" "$to"
        same a/a.db "$to"
        is_sound "$to"
        from=$to
    done
    # that of a run on PostgreSQL, with who said each line
    simulated "$url" servers=20,seed=6
    run -0 muster store copy "$url" b/b.db
    same "$url" b/b.db
    run -0 muster store copy "$url" "$other"
    same "$url" "$other"
    muster log last --json --store b/b.db | jq -e .worker >/dev/null || fail "nobody has said it"
}

@test "lines stand as they stood, also where the clock went back" {
    simulated a/a.db servers=4,seed=5
    local log
    log=a/logs/$(newest a/a.db).jsonl
    tac "$log" >turned
    { cat turned; echo 'cut off by a power fail'; echo '{}'; } >"$log"
    run -0 muster store copy a/a.db "$url"
    muster log last --json --store "$url" >got
    diff turned got || fail "another order"
}

@test "outputs go along from file to file, and nothing else does" {
    simulated a/a.db
    local id
    id=$(newest a/a.db)
    mkdir -p "a/outputs/$id/web1" && head -c 300000 /dev/urandom >"a/outputs/$id/web1/x-1.out"
    ln -s /etc "a/outputs/$id/link"
    run -0 muster store copy a/a.db b/b.db
    cmp "a/outputs/$id/web1/x-1.out" "b/outputs/$id/web1/x-1.out"
    [ "$(find b -type f | wc -l)" -eq 3 ] || fail "$(find b)"
    [ "$(stat -c %a "b/outputs/$id/web1/x-1.out" "b/logs/$id.jsonl")" = $'600\n600' ]
    run -0 muster store copy a/a.db "$url"
    [ ! -e state/muster/outputs ] || fail "outputs beside a database"
    # in one folder they are the same files, whatever becomes of the copy
    run -0 muster store copy a/a.db a/c.db
    same a/a.db a/c.db
}

# the log's table is locked from now on, until `unlocked`
locked() {
    mkfifo lock
    psql -X -q -t -d "$url" <>lock >lock.out 2>&1 3>&- &
    echo $! >locker.pid
    echo "BEGIN; LOCK TABLE muster.log IN EXCLUSIVE MODE; SELECT 'locked';" >lock
    wait_for grep -q locked lock.out
}

unlocked() {
    kill "$(cat locker.pid)"
    wait "$(cat locker.pid)" || true
}

waits_in() { # DATABASE
    [ "$(postgres sql db "$1" "SELECT count(*) FROM pg_locks WHERE NOT granted")" -gt 0 ]
}

@test "a copy that is killed and made again is whole, and has nothing twice" {
    simulated a/a.db
    local log
    log=$(newest a/a.db).jsonl
    for _ in {1..20}; do cat "a/logs/$log"; done >long && mv long "a/logs/$log"
    run -0 muster store make --store b/b.db
    # by the signal that a file is too long: in the middle of the log
    run bash -c 'ulimit -c 0; ulimit -f 64; exec "$MUSTER" store copy a/a.db b/b.db'
    [ "$status" -eq $((128 + $(kill -l XFSZ))) ] && [ -s "b/logs/$log" ] || fail "it was not killed"
    run -0 muster runs --store b/b.db
    output_lacks "${log%.*}"
    run -0 muster store copy a/a.db b/b.db
    same a/a.db b/b.db

    run -0 muster store make --store "$url"
    locked
    "$MUSTER" store copy a/a.db "$url" >/dev/null 2>&1 3>&- &
    local pid=$!
    wait_for waits_in "t$BATS_TEST_NUMBER"
    kill -9 $pid
    wait $pid || true
    unlocked
    run -0 muster runs --store "$url"
    output_lacks "${log%.*}"
    run -0 muster store copy a/a.db "$url"
    same a/a.db "$url"
    is_sound "$url"
    [ "$(postgres sql db "t$BATS_TEST_NUMBER" 'SELECT count(*) FROM muster.log_file')" -eq 1 ]
}

# Rows of servers go into b/b.db slowly, so that each is a transaction, until WHAT at the sixth.
slowed() { # WHAT
    sqlite3 b/b.db "CREATE TRIGGER slow BEFORE INSERT ON server BEGIN SELECT count(*) FROM (WITH RECURSIVE n(i) AS
        (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 400000) SELECT i FROM n);
        SELECT CASE NEW.position WHEN 5 THEN $1 END; END"
}

copied_in_part() {
    [ "$(sqlite3 b/b.db 'SELECT count(*) FROM server')" -gt 0 ]
}

# nothing of a.db's run is seen in b.db, which is sound
is_unseen() {
    run -0 muster runs --store b/b.db
    output_lacks "$(newest a/a.db)"
    is_sound b/b.db
}

@test "a run that is copied in several transactions is there at the last one" {
    simulated a/a.db
    run -0 muster store make --store b/b.db
    slowed "RAISE(ABORT, 'no more')"
    run -3 muster store copy a/a.db b/b.db
    is_unseen
    [ "$(sqlite3 b/b.db 'SELECT (SELECT count(*) FROM server) + (SELECT count(*) FROM dropped)')" = 0 ] ||
        fail "rows are left"
    [ -z "$(ls b/logs)" ] || fail "a log is left"

    # it lets others write, under numbers of their own, and what it leaves when it is killed goes with the next
    sqlite3 b/b.db 'DROP TRIGGER slow'
    slowed "(SELECT count(*) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n))"
    "$MUSTER" store copy a/a.db b/b.db >/dev/null 2>&1 3>&- &
    local pid=$!
    wait_for copied_in_part
    run -0 muster store drop --older-than 90d -y --store b/b.db
    output_lacks "What was left"
    kill -9 $pid
    wait $pid || true
    sqlite3 b/b.db 'DROP TRIGGER slow'
    is_unseen
    simulated b/b.db servers=3,seed=9
    run -0 muster store copy a/a.db b/b.db
    is_sound b/b.db
    muster show "$(newest a/a.db)" --json --store a/a.db >"$T/one"
    muster show "$(newest a/a.db)" --json --store b/b.db | cmp "$T/one"
    [ "$(sqlite3 b/b.db 'SELECT (SELECT count(*) FROM server), (SELECT count(*) FROM dropped)')" = '23|0' ] ||
        fail "rows are left"
}

@test "a run that waits is copied as one that is resumed, and one with a worker is not" {
    local id
    id=$(muster submit --simulate=servers=3,seed=1,delay=0-0 --store "$url")
    run -0 muster store copy "$url" a/a.db
    run -0 muster store copy a/a.db "$(postgres database db waits)"
    run -0 muster runs --store "${url%/*}/waits"
    output_has interrupted
    run -0 muster runs --store "$url"
    output_has waiting
    run muster resume last -q --store "${url%/*}/waits"
    [ "$status" -le 1 ] || fail "not resumed"
    is_sound "${url%/*}/waits"
    # a worker that has said that it is on the run, whatever it does there
    postgres sql db "t$BATS_TEST_NUMBER" "INSERT INTO muster.worker (host, pid, run, lease_until)
        SELECT 'far', 7, number, now() + interval '1 minute' FROM muster.run"
    run -1 muster store copy "$url" b/b.db
    output_has "$id: is being worked on: not copied"
}

@test "a store is not copied to itself" {
    simulated a/a.db servers=2
    ln -s a/a.db link.db
    run -2 muster store copy a/a.db link.db
    stderr_has "are the same store"
    run -0 muster store copy a/a.db "$url"
    run -2 muster store copy "$url" "$url"
    stderr_has "are the same store"
}
