#!/usr/bin/env bats
# Completion: what muster offers, and what comes of it in the three shells.

load common.bash

ROOT=$BATS_TEST_DIRNAME/../..

setup() {
    scratch
    printf '%s\n' 'web[01-03]' db1 me@web9:2222 >inv
    printf '%s\n' '[web]' 'h[1:3]' '[web-prod]' h1 >hosts.ini
    mkdir bin home
    ln -s "$MUSTER" bin/muster
    export PATH=$T/bin:$PATH HOME=$T/home
}
teardown() { scratch_done; }

# offers WORD... : the candidates that zsh is given, without what is said of them
offers() {
    run -0 muster complete zsh muster "$@"
    output=$(tail -n +2 <<<"$output" | cut -f1)
}

# is LINE... : these and no others
is() {
    [ "$output" = "$(printf '%s\n' "$@")" ] || fail "expected: $*"
}

measured() { # a store with a run of four servers, one of twelve, and a baseline
    muster run --simulate=servers=4,seed=1,delay=0-0 -q >/dev/null || true
    muster run --simulate=servers=12,seed=1,delay=0-0,kinds=1,noise=1% -q >/dev/null || true
    muster baseline take last >/dev/null
}

@test "commands, options and their values" {
    offers ru
    is run runs
    offers run --log-
    is --log-format --log-file --log-to
    offers run --log-format l
    is logfmt
    offers run --log-format=l
    is logfmt
    offers run --log-fo ''
    is console logfmt json
    offers run -qvT l
    is local
    offers report --format ''
    [ "$output" = "$(muster report --help | sed -n 's/^ \{20,\}\([a-z]*\) *\..*/\1/p')" ]
    offers run -- --log-
    is ''
    offers run --simulate=servers=3,se
    is servers=3,servers= servers=3,seed=
    offers help ru
    is run runs
    run -0 muster complete fish muster run --fano
    output_has $'--fanout\tservers worked on at once (32)'
    run -0 muster complete fish muster run --busy-w
    output_has $'--busy-wait\twait so long for another run on a server (0s)'
}

@test "every option and every argument of every command is known" {
    for command in $("$MUSTER" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
        run -0 muster complete zsh muster "$command" ''
        output_lacks unknown
        run -0 muster complete zsh muster "$command" --
        for option in $(grep -o '^--[a-z-]*' <<<"$output"); do
            run -0 muster complete zsh muster "$command" "$option" ''
            [[ $output != unknown* ]] || fail "src/cli/complete.c does not know the values of $option"
            run -0 muster complete zsh muster "$command" "$option"
            output_has "$option"
        done
    done
}

@test "servers of inventories, folded ones and groups" {
    offers run -i inv web
    is web01 web02 web03 'web[01-03]'
    offers run -i inv 'web['
    is 'web[01-03]'
    offers run -i inv -x 'web[01-02],db1!me'
    is 'web[01-02],db1!me@web9:2222'
    offers servers --inventory=inv -i hosts.ini h
    is h1 h2 h3 'h[1-3]'
    offers run -i hosts.ini -g 'web:&web-'
    is 'web:&web-prod'
    cp inv "$HOME/inv"
    offers run -i '~/inv' d
    is db1
    run -0 muster complete zsh muster run -i i
    is 'files 0'
    run -0 muster complete zsh muster run --inventory=i
    is 'files 12'
}

@test "runs, servers, baselines and benchmarks" {
    measured
    offers show ''
    [[ $output =~ ^last$'\n'[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$'\n'[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$ ]] || fail
    first=$(tail -n 1 <<<"$output")
    offers log "$first" ''
    is 1 2 3 4
    offers show last --server 1
    is 1 10 11 12
    offers history 3
    is 3
    offers run 1
    is 1 10 11 12
    offers run '['
    is '[1-12]'
    offers baseline show E
    is 'EPYC 9654 x2 192c 768G'
    echo 'benchmarks: {own: {command: "true", extract: {regex: (1)}}}' >muster.yaml
    offers run -b cpu,
    is cpu,own cpu,cpu cpu,memory cpu,disk cpu,gpu
    mv muster.yaml other.yaml
    offers run -c other.yaml -b o
    is own
}

@test "silent, whatever is wrong, and nothing is run or written" {
    measured
    printf '#!/bin/sh\ntouch ran\necho "{}"\n' >program
    chmod +x program
    mkfifo pipe
    printf '[web]\nbad=[\nx1\n' >bad.ini
    echo 'benchmarks: [' >muster.yaml
    echo nonsense >broken.db
    find . -type f -exec sha256sum {} + | grep -v ' ./before$' | sort >before
    for line in '' 'muster' 'muster ' 'muster nope ' 'muster run -i program ' 'muster run -i pipe ' \
        'muster run -i - ' 'muster run -i nowhere ' 'muster run -i bad.ini ' 'muster run -b ' \
        'muster show --store broken.db ' 'muster show --store nowhere.db ' 'muster log nope ' \
        'muster run --nope ' 'muster run --nope=' 'muster run -i' "muster run 'a\"b\\" \
        'muster history ' 'muster baseline nope ' 'muster show last last last '; do
        run -0 timeout 5 "$MUSTER" complete bash "$line" '' </dev/null
        [ "$(wc -l <<<"$output")" -ge 1 ]
        [ "$(timeout 5 "$MUSTER" complete bash "$line" '' 2>&1 >/dev/null)" = '' ] || fail "said something on: $line"
    done
    for words in '' bash 'bash x' zsh 'zsh muster' 'nosh muster run'; do
        run -0 "$MUSTER" complete $words
    done
    find . -type f -exec sha256sum {} + | grep -v ' ./before$' | sort | diff - before
}

# Words as the shell itself then sees them: quoted so that brackets and colons are what they are.
types() { # SHELL LINE WORD...
    local shell=$1 line=$2
    shift 2
    run "$ROOT/test/support/type-line" "$shell" "$T/rc" "$line"
    [ "$output" = "$(printf '<%s>' muster "$@")" ] || fail "$shell, of $line"
}

in_shell() { # SHELL
    measured
    types "$1" 'muster ru' run
    types "$1" 'muster run --log-fo' run --log-format
    types "$1" 'muster run --log-format=j' run --log-format=json
    types "$1" 'muster run --inventory=in' run --inventory=inv
    types "$1" 'muster run -i in' run -i inv
    types "$1" 'muster run -i inv web\[' run -i inv 'web[01-03]'
    types "$1" "muster run -i inv 'web[" run -i inv 'web[01-03]'
    types "$1" 'muster run -i inv "web[' run -i inv 'web[01-03]'
    types "$1" 'muster run -i inv me@' run -i inv me@web9:2222
    types "$1" 'muster run -i inv me@web9:2' run -i inv me@web9:2222
    types "$1" 'muster run -i inv me@web9:' run -i inv me@web9:2222
    echo only1 >one
    types "$1" 'muster run -i one --exclude=' run -i one --exclude=only1
    types "$1" 'muster run -i one -x web1,' run -i one -x web1,only1
    types "$1" 'muster run -i hosts.ini -g web:web-' run -i hosts.ini -g web:web-prod
    types "$1" "muster run -i hosts.ini -g 'web:&web-" run -i hosts.ini -g 'web:&web-prod'
    types "$1" 'muster run -b cpu,me' run -b cpu,memory
    types "$1" 'muster run -T c' run -T command:
    types "$1" 'muster baseline show E' baseline show 'EPYC 9654 x2 192c 768G'
    types "$1" 'muster show l' show last
}

@test "bash" {
    cat >rc <<RC
PS1='@> '
show() { printf '<%s>' "\$@"; echo; }
. "$ROOT/completions/muster.bash"
RC
    in_shell bash
    # as it is loaded where bash-completion is
    . "$ROOT/completions/muster.bash"
    COMP_LINE='muster run -i inv web0' COMP_POINT=22
    compopt() { :; }
    _muster muster web0 inv
    [ "${COMPREPLY[*]}" = 'web01 web02 web03' ] || fail "${COMPREPLY[*]}"
}

@test "zsh" {
    command -v zsh >/dev/null || skip "no zsh"
    cat >.zshrc <<RC
PS1='@> '
bindkey -e
unsetopt beep
fpath=("$ROOT/completions" \$fpath)
autoload -Uz compinit && compinit -u -D
show() { printf '<%s>' "\$@"; echo }
RC
    ZDOTDIR=$T in_shell zsh
}

@test "fish" {
    command -v fish >/dev/null || skip "no fish"
    export XDG_CONFIG_HOME=$T/config XDG_DATA_HOME=$T/data XDG_RUNTIME_DIR=$T/runtime
    mkdir -m 700 runtime
    cat >rc <<RC
function fish_prompt; echo -n '@> '; end
function fish_greeting; end
function show; printf '<%s>' \$argv; echo; end
source "$ROOT/completions/muster.fish"
RC
    in_shell fish
    run -0 fish -N -C "source '$ROOT/completions/muster.fish'" -c 'complete -C "muster run --log-format "'
    is console logfmt json
    run -0 fish -N -C "source '$ROOT/completions/muster.fish'" -c 'complete -C "muster run -i inv db"'
    is db1
}

@test "10,000 servers take less than 30 ms of processor time" {
    "$MUSTER" servers 'node[00001-10000]' >inv
    spent() {
        local TIMEFORMAT='%U %S'
        { time "$MUSTER" complete zsh muster run -i inv '' >offered; } 2>&1 | awk '{print ($1 + $2) * 1000}'
    }
    least=$(for _ in 1 2 3 4 5; do spent; done | sort -n | head -n 1)
    [ "$(wc -l <offered)" -eq 10002 ]
    echo "# note: completing one of 10,000 servers takes $least ms of processor time" >&3
    [ "${least%.*}" -lt 30 ] || fail "$least ms"
}
