#!/usr/bin/env bats
# Bad input: one clear line on standard error that names the place, exit status 2, nothing is run.

load common.bash

setup() { scratch; }
teardown() { scratch_done; }

# refused TEXT COMMAND...: status 2, one line with TEXT, no store made
refused() {
    local text=$1
    shift
    run muster "$@"
    status_is 2
    [ -z "$output" ] || fail "it printed something"
    [ "$(wc -l <"$T/err")" -eq 1 ] || fail "not one line"
    stderr_has "muster: "
    stderr_has "$text"
    [ ! -e "$T/state" ] || fail "a store was made"
}

# config TEXT...: writes muster.yaml
config() { printf '%s\n' "$@" >"$T/muster.yaml"; }

@test "help and version are everywhere" {
    run -0 muster --version
    [[ $output =~ ^muster\ [0-9]+\.[0-9]+ ]]
    run -0 muster --help
    for command in run servers benchmarks runs show log; do
        output_has "  $command"
        run -0 muster $command --help
        output_has "usage: muster $command"
        output_has "--help"
        said=$output
        run -0 muster help $command
        [ "$output" = "$said" ]
        run -0 muster --help
    done
    run -2 muster
}

@test "unknown words, with the nearest offered" {
    refused "did you mean 'run'" rum
    refused "did you mean '--fanout'" run --fanuot 3
    refused "unknown option '-Z'" run -Z
    refused "needs a value" run -f
    refused "needs a value" run web1 --config
    refused "did you mean 'cpu'" run -T local -b cpi
    refused "cuneiform" run --log-format cuneiform -T local
    refused "carrier-pigeon" run -T carrier-pigeon web1
}

@test "bad numbers and durations" {
    refused "'-3'" run -f -3 web1
    refused "'0'" run -f 0 web1
    refused "'many'" run -f many web1
    refused "not '-1'" run -t -1 web1
    refused "not 'nan'" run -t nan web1
    refused "not '0x32'" run -t 0x32 web1
    refused "no unit" run --timeout 10 web1
    refused "zero" run --timeout 0s web1
    refused "99999" run -p 99999 web1
    refused "delay" run --simulate=delay=x
    refused "did you mean 'servers'" run --simulate=server=3
    refused "--simulate" run --simulate web1
}

@test "malformed patterns, with the column" {
    refused "column 4" run 'web[1-'
    refused "column" run 'web[9-1]'
    refused "column" run 'web]'
    refused "column" run 'web[a]'
    refused "column" run 'web[1-99999999999]'
    refused "host:0" run 'host:0'
    refused "-oProxyCommand" run -- '-oProxyCommand=true'
}

@test "an ssh_config that is not there, or a folder" {
    refused "$T/missing: No such file" run -F "$T/missing" web1
    refused "$T: Is a directory" run -F "$T" web1
    printf 'ssh: {config: %s}\n' "$T/missing" >muster.yaml
    refused "$T/missing: No such file" run web1
}

@test "inventories that cannot be" {
    refused "no server" run
    : >"$T/empty"
    refused "empty" run -i "$T/empty"
    refused "$T/missing" run -i "$T/missing"
    refused "$T" run -i "$T"
    printf 'web1\nweb\0002\n' >"$T/nul"
    refused "nul" run -i "$T/nul"
    printf 'web1\nweb[\n' >"$T/bad"
    refused "$T/bad" run -i "$T/bad"
    refused "2" run -i "$T/bad"
    refused "no server" run web1 -x web1
}

@test "a line of a gigabyte is refused at once and in little memory" {
    # a sparse file: a gigabyte of NUL bytes would be caught as such, so it begins with letters
    head -c 200000 /dev/zero | tr '\0' a >"$T/long"
    truncate -s 1G "$T/long"
    run muster run -i "$T/long"
    status_is 2
    stderr_has "$T/long"
    status=0
    (ulimit -v 400000 && "$MUSTER" servers -i "$T/long" >/dev/null 2>"$T/err") || status=$?
    status_is 2
}

@test "configurations: each mistake with file, line and column" {
    config 'fan_out: 3'
    refused "muster.yaml:1:1: unknown key 'fan_out'" run -T local
    stderr_has "'fanout'"
    config '- a' '- b'
    refused "muster.yaml:1:1" run -T local
    config 'fanout: many'
    refused "muster.yaml:1:9" run -T local
    config 'fanout: -1'
    refused "muster.yaml:1:9" run -T local
    config 'timeout: 10'
    refused "unit" run -T local
    config 'a: [' 'b'
    refused "muster.yaml:" run -T local
    config 'benchmarks:' '  x: {command: "true", extract: {regex: "([0-9"}}'
    refused "muster.yaml:2:" run -T local
    config 'benchmarks:' '  x: {command: "true", extract: {regex: "[0-9]+"}}'
    refused "group" run -T local
    config 'benchmarks:' '  x: {command: "true", extract: {jq: ".[" }}'
    refused "muster.yaml:2:" run -T local
    refused "$T/no.yaml" run -c "$T/no.yaml" -T local
    refused "$T" run -c "$T" -T local
    head -c 3000 /dev/urandom >"$T/muster.yaml"
    run muster run -T local
    status_is 2
}

@test "configurations: all mistakes at once" {
    config 'fan_out: 3' 'threshold: high' 'benchmarks:' '  x: {comand: ls}'
    run muster run -T local
    status_is 2
    [ "$(wc -l <"$T/err")" -ge 3 ] || fail "not all of them"
    stderr_has "muster.yaml:1:1"
    stderr_has "muster.yaml:2:12"
    stderr_has "'command'"
}

@test "stores that cannot be" {
    printf 'this is no database, but a text of some length\n%.0s' {1..40} >"$T/text"
    refused "not a database" run --simulate=delay=0 -q --store "$T/text"
    refused "cannot" run --simulate=delay=0 -q --store /proc/no/where.db
    refused "cannot open" run --simulate=delay=0 -q --store "$T"
    refused "mongodb" run --simulate=delay=0 -q --store mongodb://x
    sqlite3 "$T/other.db" 'CREATE TABLE songs (title)'
    refused "another program" run --simulate=delay=0 -q --store "$T/other.db"
    refused "no store" runs --store "$T/none.db"
    refused "no store" show last --store "$T/none.db"
    "$MUSTER" run --simulate=delay=0 -q --store "$T/new.db" >/dev/null || true
    sqlite3 "$T/new.db" 'PRAGMA user_version = 999'
    refused "999" run --simulate=delay=0 -q --store "$T/new.db"
    refused "999" show last --store "$T/new.db"
}

@test "files that cannot be written are found before anything is run" {
    refused "$T/no/such" run --simulate=delay=0 -q --failed-to "$T/no/such"
    refused "$T/no/such" run --simulate=delay=0 -q --log-file "$T/no/such"
    refused "terminal" run --ask-password web1 </dev/null
}

@test "runs that are not there" {
    "$MUSTER" run --simulate=delay=0 -q --store "$T/s.db" >/dev/null || true
    id=$("$MUSTER" runs --store "$T/s.db" --json | jq -r '.[0].run')
    refused "$id" show 20010101-000000-abcdef --store "$T/s.db"
    refused "$id" log nonsense --store "$T/s.db"
    refused "one RUN" show --store "$T/s.db"
}
