#!/usr/bin/env bats
# The manual pages: that they say what the program does, and are well-formed.

load common.bash

ROOT=$BATS_TEST_DIRNAME/../..

setup() { scratch; }
teardown() { scratch_done; }

@test "the pages have every command, option, key, default, reason, status and message" {
    run -0 "$ROOT/tools/check-manual" "$MUSTER"
    [ -z "$output" ]
}

@test "what the pages lack or have too much is found" {
    cp -r "$ROOT/src" "$ROOT/tools" "$ROOT/docs" "$T"
    cd "$T/docs/man"
    sed -i 's/--retries/--tries/' muster-run.1.scd
    sed -i 's/Default: 15s/Default: 16s/; s/^\*max_errors\*/*most_errors*/' muster.yaml.5.scd
    sed -i '/^|  busy$/,+2d' muster.1.scd
    sed -i 's/^\*piece\*$/*bit*/' muster-agent.7.scd
    run -1 "$T/tools/check-manual" "$MUSTER"
    output_has "muster-run.1: option --retries is missing"
    output_has "muster-run.1: there is no option --tries"
    output_has "muster.yaml.5, KEYS OF THE FILE: heartbeat: the default is 15s, not 16s"
    output_has "muster.yaml.5, KEYS OF THE FILE: key max_errors is missing"
    output_has "muster.1: reason with its verdict busy error is missing"
    output_has "muster-agent.7: message piece is missing"
}

@test "the example of muster.yaml(5) is one" {
    sed -n '/^# EXAMPLE/,/^# KEYS/p' "$ROOT/docs/man/muster.yaml.5.scd" | sed -n '/^```$/,/^```$/p' | sed '/^```$/d' >"$T/muster.yaml"
    run -0 muster benchmarks
    output_has "* openssl "
}

# scdoc itself writes paragraphs that mandoc calls superfluous
@test "the pages are well-formed" {
    command -v scdoc >/dev/null || skip "no scdoc"
    for page in "$ROOT"/docs/man/*.scd; do
        name=$(basename "$page" .scd)
        scdoc <"$page" >"$T/$name"
        if command -v mandoc >/dev/null; then
            said=$(mandoc -T lint -W warning "$T/$name" | grep -v 'skipping paragraph macro' || true)
            [ -z "$said" ] || fail "$said"
        fi
        said=$(MANWIDTH=80 LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l "$T/$name" 2>&1 >"$T/text")
        [ -z "$said" ] || fail "$name: $said"
        grep -q '^NAME$' "$T/text"
    done
}
