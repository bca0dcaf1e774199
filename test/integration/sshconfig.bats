#!/usr/bin/env bats
# ssh_config as ssh itself reads it: the options that muster finds, beside those of `ssh -G`.

setup() {
    build=$BATS_TEST_DIRNAME/../../build
    support=$BATS_TEST_DIRNAME/../support
    corpus=$BATS_TEST_DIRNAME/../sshconfig
    # nobody else may write an included file
    umask 022
    # the names that CanonicalizeHostname looks up are to be unknown at once
    export RES_OPTIONS='attempts:1 timeout:1'
}

differences() {
    run python3 "$support/ssh_differences.py" "$build/test/support/sshconfig_print" "$@"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
}

@test "odd configurations" { differences "$corpus"/*.conf; }

@test "odd lines" { differences "$corpus/single_lines"; }

@test "random configurations" {
    run python3 "$support/ssh_random.py" "$build/test/support/sshconfig_print" --count 60 --seed 1
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
}
