#!/usr/bin/env bats
# `muster store`: a store is looked over, and taken to another one.

load common.bash

setup() {
    scratch
    run -1 muster run --simulate=servers=40,seed=7,delay=0-0,error=20% -q --store "$T/a.db"
}
teardown() { scratch_done; }

# What a store says of its newest run, all of it.
document() { # STORE
    muster show last --json --store "$1"
}

is_running() { # STORE
    muster runs --store "$1" | grep -q running
}

@test "a store is sound, and copied it is the same" {
    run -1 muster resume last --failed -q --store "$T/a.db"
    run -0 muster baseline take last --min 1 -y --store "$T/a.db"
    run -0 muster store check --store "$T/a.db"
    output_has "The store is sound."
    run -0 muster store copy "$T/a.db" "sqlite:$T/b.db"
    output_has "Copied 1 run with 40 servers, and"
    [ "$(document "$T/a.db")" = "$(document "$T/b.db")" ] || fail "the copy is another one"
    [ "$(muster baseline export --store "$T/a.db")" = "$(muster baseline export --store "$T/b.db")" ]
    run -0 muster store check --store "$T/b.db"
    [ "$(stat -c %a "$T/b.db")" = 600 ]
}

@test "what the other store has stays as it is" {
    run -0 muster store copy "$T/a.db" "$T/b.db"
    run -1 muster run --simulate=servers=3,seed=1,delay=0-0,error=100% -q --store "$T/a.db"
    run -0 muster store copy "$T/a.db" "$T/b.db"
    output_has "is there already"
    output_has "Copied 1 run with 3 servers"
    [ "$(muster runs --store "$T/b.db" | tail -n +2 | wc -l)" -eq 2 ]
    [ "$(muster runs --store "$T/a.db")" = "$(muster runs --store "$T/b.db")" ] || fail "another order"
}

@test "a run that is interrupted is copied, and goes on there" {
    "$MUSTER" run --simulate=servers=40,seed=7,delay=100ms-100ms -f 4 -q --store "$T/c.db" >/dev/null 2>&1 &
    local pid=$!
    wait_for is_running "$T/c.db"
    run -1 muster store copy "$T/c.db" "$T/d.db"
    output_has "is being worked on: not copied"
    kill -9 $pid
    wait $pid || true
    run -0 muster store copy "$T/c.db" "$T/d.db"
    run muster resume last -q --store "$T/d.db"
    [ "$status" -le 1 ] || fail "$output"
    run -0 muster store check --store "$T/d.db"
}

@test "what cannot be is found, and counted" {
    sqlite3 "$T/a.db" "UPDATE run SET passed = 1; DELETE FROM server WHERE position IN (3, 4);
        UPDATE server SET verdict = NULL WHERE position = 5 AND state = 'done'"
    run -1 muster store check --store "$T/a.db"
    output_has "runs whose counts are not those of their servers: 1"
    output_has "runs that have not all of their servers: 1"
    output_has "benchmarks of a server that is not there"
    output_has "servers that are done without a verdict and a reason for it: 1"
    output_has "The store is not sound."
}

@test "a damaged file is found" {
    sqlite3 "$T/a.db" "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
    local size
    size=$(stat -c %s "$T/a.db")
    dd if=/dev/urandom of="$T/a.db" bs=1 seek=$((size / 2)) count=4096 conv=notrunc status=none
    run muster store check --store "$T/a.db"
    [ "$status" -eq 1 ] || [ "$status" -eq 3 ] || fail "status $status: $output"
}

@test "wrong usage" {
    run -2 muster store
    stderr_has "check"
    run -2 muster store copy "$T/a.db"
    stderr_has "FROM and TO"
    run -2 muster store check extra --store "$T/a.db"
    run -2 muster store check --store "$T/none.db"
    stderr_has "no store at"
    run -2 muster store copy "$T/none.db" "$T/x.db"
    [ ! -e "$T/x.db" ] || fail "a store was made"
    run -2 muster store repair
}
