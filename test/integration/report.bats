#!/usr/bin/env bats
# `muster report`: the command, and each format held to what reads it.

load common.bash

setup_file() {
    scratch
    muster run --simulate=servers=300,seed=3,delay=0-0,error=30% -q >/dev/null || [ $? -eq 1 ]
}
teardown_file() { scratch_done; }
setup() { cd "$T" || return 1; }

@test "the format is told by the suffix, and the report is the one of standard output" {
    run -0 muster report last -o a.csv
    run -0 muster report last --format csv
    diff <(printf '%s\n' "$output") a.csv
    run -0 muster report last -o a.txt --format json
    run -0 muster show last --json
    diff <(printf '%s\n' "$output") a.txt
}

@test "what cannot be written is said, and leaves nothing" {
    mkdir -p folder closed
    run -2 muster report last --format csv -o folder
    stderr_has "folder is a folder: name a file in it"
    run -2 muster report last -o missing/a.csv
    stderr_has "cannot make a file beside missing/a.csv: No such file or directory"
    run -3 muster report last --format csv -o /dev/full
    stderr_has "cannot write to /dev/full: No space left on device"
    echo before >closed/a.csv
    run -3 bash -c 'ulimit -f 40; trap "" XFSZ; "$MUSTER" report last -o closed/a.csv 2>"$T/err"'
    stderr_has "cannot write to closed/a.csv: File too large"
    [ "$(cat closed/a.csv)" = before ] || fail "the older report is gone"
    [ "$(ls closed)" = a.csv ] || fail "left behind: $(ls closed)"
}

@test "formats that are not there are told with those that are" {
    run -2 muster report last
    stderr_has "which format? --format is "
    run -2 muster report last -o a.doc
    stderr_has "the suffix of a.doc tells none"
    run -2 muster report last --format cvs
    stderr_has "unknown format 'cvs' (did you mean 'csv'?)"
    run -2 muster report
    stderr_has "takes one RUN"
    run -2 muster report 2026 --format csv
    stderr_has "no run '2026'"
}
