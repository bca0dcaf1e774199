#!/usr/bin/env bats
# The display below the log, on a real terminal: tmux is the terminal, and tells what is on it.

load common.bash

setup() {
    scratch
    export TMUX_TMPDIR=$T HISTFILE=
    unset TMUX NO_COLOR
}
teardown() {
    local shell
    [ -n "${BATS_TEST_COMPLETED:-}" ] || screen
    # muster outlives its terminal: SIGHUP opens logs anew
    for shell in $(tmux list-panes -a -F '#{pane_pid}' 2>/dev/null); do
        pkill -KILL -P "$shell"
    done
    tmux kill-server 2>/dev/null
    scratch_done
}

fleet=servers=24,seed=7,delay=200ms-900ms
endless=servers=500,seed=7,delay=60s

terminal() { # COLUMNS ROWS
    tmux -f /dev/null new-session -d -x "$1" -y "$2" "PS1='prompt> ' bash --norc --noprofile"
    tmux set -g history-limit 5000
    tmux pipe-pane "cat >'$T/raw'"
    wait_for shows 'prompt> '
}

type_in() { tmux send-keys -l "$1" && tmux send-keys Enter; }

# everything on the terminal and in its history, wrapped lines joined
screen() { tmux capture-pane -p -J -S -; }

shows() { screen | grep -qE -- "$1"; }

count_is() { # N REGEX
    local n
    n=$(screen | grep -cE -- "$2") || true
    [ "$n" -eq "$1" ] || fail "$n times, not $1: $2: $(screen | tail -30)"
}

bar='^\[[PFERw]+\]$'
counts='^P ?[0-9]+ .*of [0-9]+$'

no_display_left() {
    count_is 0 "$bar"
    count_is 0 "$counts"
    count_is 0 ' so far'
}

# every escape sequence that reached the terminal, one a line
sequences() { grep -oaP '\x1b(\[[0-9;?]*[A-Za-z]|.)' "$T/raw" | sed 's/^.//' | sort -u; }

# the log's lines on the terminal are those of the log file, whole and in order
lines_are_whole() {
    local stamp='^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} \['
    diff <(screen | grep -E "$stamp" | sed 's/ *$//') "$T/log" || fail "lines differ"
}

@test "the display stays below whole lines of the log, and goes when the run ends" {
    terminal 90 24
    type_in "$MUSTER run --simulate=$fleet -f 8 --log-file $T/log"
    wait_for shows "$bar"
    wait_for shows 'failed: [0-9]+  below-threshold: '
    shows '^  [0-9]+ +(cpu|gpu) +[0-9]+s of 1m10s +[0-9]+s in all$' || fail "no servers: $(screen)"
    wait_for shows '^Out of 24, .*failed'
    no_display_left
    lines_are_whole
    wait_for shows '^prompt> $'
    [ "$(sequences | grep -vE '^\[([0-9]*[AJ]|[0-9]*m|\?2004[hl])$')" = "" ] || fail "$(sequences)"
    sequences | grep -q '^\[32m$'
}

@test "the display follows the terminal's size" {
    terminal 100 30
    type_in "$MUSTER run --simulate=$endless -f 20"
    local columns
    for columns in 47 130 33 80; do
        wait_for shows 'waiting  of 500$|w[0-9]+ of 500$'
        local before
        before=$(screen | grep ' so far')
        until [ "$(screen | grep ' so far')" != "$before" ]; do read -r -t 0.02 <> <(:) || true; done
        tmux resize-window -x "$columns" -y 24
        wait_for shows "^\\[[PFERw]{$((columns - 3))}\\]$"
        count_is 1 "$bar"
        count_is 1 ' so far'
        count_is 1 ' of 500$'
    done
}

@test "Ctrl-C leaves the log, the summary and a prompt" {
    terminal 90 24
    type_in "clear; $MUSTER run --simulate=$endless -f 8 --log-file $T/log"
    wait_for shows "$bar"
    tmux send-keys C-c
    wait_for shows '^Out of 500, '
    wait_for shows '^prompt> $'
    no_display_left
    lines_are_whole
}

# whether the terminal shows what is typed; an interactive shell's prompt itself turns that off
echo_is_off() { stty -a -F "$(tmux display -p '#{pane_tty}')" | grep -qE '(^| )-echo( |$)'; }

# what is typed behind a command to know whether it was on behind it
modes='; stty -a >"$T/modes"'

echo_was_on() { grep -qE '(^| )echo( |$)' "$T/modes" || fail "no echo: $(cat "$T/modes")"; }

@test "what is typed disturbs no display, and is there for the shell" {
    terminal 40 24
    type_in "clear; $MUSTER run --simulate=servers=24,seed=7,delay=500ms-900ms -f 8 --log-file $T/log$modes"
    wait_for shows "$bar"
    wait_for echo_is_off
    type_in 'echo "for the shell"'
    tmux send-keys Enter Enter Enter
    wait_for shows 'failed: [0-9]+  below-threshold: '
    count_is 1 "$bar"
    count_is 1 ' so far'
    ! shows 'for the shell' || fail "it was shown: $(screen)"
    wait_for shows '^for the shell$'
    no_display_left
    lines_are_whole
    echo_was_on
}

# a server whose connection takes 5 s to end
hanging() {
    printf 'benchmarks:\n  slow: {command: "sleep 60", extract: {regex: "(.)"}}\n' >muster.yaml
    printf '#!/bin/sh\ntrap "" TERM HUP INT PIPE\nsleep 5\n' >hang
    chmod +x hang
    type_in "clear; $MUSTER run -T 'command:$T/hang {server}' -c $T/muster.yaml --log-file $T/log one; echo status-\$?$modes"
    wait_for shows "$bar"
    wait_for echo_is_off
}

no_trace() { # STATUS
    wait_for shows "^status-$1\$"
    no_display_left
    lines_are_whole
    wait_for shows '^prompt> $'
    echo_was_on
    [ "$(tmux display -p '#{cursor_flag} #{alternate_on}')" = "1 0" ] || fail "the cursor"
}

@test "a second Ctrl-C ends it at once, with the last line whole" {
    terminal 90 24
    hanging
    tmux send-keys C-c
    wait_for shows 'once more to exit at'
    tmux send-keys C-c
    no_trace 130
    ! shows '^Out of 1, ' || fail "it went on to the summary"
}

@test "SIGTERM leaves the log, the summary and a prompt" {
    terminal 90 24
    type_in "clear; sh -c 'echo \$\$ >$T/muster.pid; exec $MUSTER run --simulate=$endless -f 8 --log-file $T/log'; echo status-\$?$modes"
    wait_for shows "$bar"
    kill -TERM "$(cat "$T/muster.pid")"
    no_trace 143
    shows '^Out of 500, ' || fail "no summary: $(screen)"
}

stopped_twice() { [ "$(screen | grep -c 'Stopped ')" -eq 2 ]; }

@test "suspended it leaves the terminal to the shell, and comes back" {
    terminal 90 30
    type_in "$MUSTER run --simulate=$endless -f 8"
    wait_for shows "$bar"
    tmux send-keys C-z
    wait_for shows 'Stopped '
    no_display_left
    type_in 'echo "between"'
    wait_for shows '^between$'
    type_in fg
    wait_for shows "$bar"
    count_is 1 "$bar"
    tmux send-keys C-z
    wait_for stopped_twice
    type_in bg
    type_in 'echo "in the background"'
    wait_for shows '^in the background$'
    no_display_left
    type_in 'kill -9 %1; wait'
}

@test "killed, it leaves at most the last display, and a terminal as it was" {
    terminal 90 24
    # a shell that leaves the terminal as it finds it
    printf '%s\n' "(echo \$(exec sh -c 'echo \$PPID') >$T/muster.pid; exec $MUSTER run --simulate=$endless -f 8)" \
        "until stty -a | grep -E '(^| )echo( |\$)' >$T/modes; do sleep 0.05; done" >shell
    type_in "sh $T/shell"
    wait_for shows "$bar"
    wait_for echo_is_off
    kill -9 "$(cat "$T/muster.pid")"
    wait_for shows '^Killed'
    wait_for test -s "$T/modes"
    count_is 1 "$bar"
    [ "$(tmux display -p '#{cursor_flag} #{alternate_on} #{scroll_region_upper}')" = "1 0 0" ]
    type_in 'echo "still here"'
    wait_for shows '^still here$'
}

@test "without colours the letters tell" {
    terminal 90 24
    type_in "NO_COLOR=1 $MUSTER run --simulate=$fleet -f 24"
    wait_for shows "$bar"
    wait_for shows '^Out of 24, '
    [ "$(sequences | grep 'm$')" = "" ] || fail "$(sequences)"
}

@test "a dumb terminal, --no-progress and -q have no display" {
    terminal 90 24
    for how in "TERM=dumb $MUSTER run" "$MUSTER run --no-progress" "$MUSTER run -q"; do
        type_in "clear; NO_COLOR=1 $how --simulate=servers=4,seed=7,delay=600ms -f 4; echo done-\$?"
        wait_for shows '^done-1$'
        shows '^Out of 4, ' || fail "no summary: $(screen)"
        tmux clear-history
    done
    grep -qa 'so far' "$T/raw" && fail "a display"
    [ "$(sequences | grep -vE '^\[(H|J|2J|3J|K|\?2004[hl])$')" = "" ] || fail "$(sequences)"
}

@test "what is not a terminal gets no escape sequences" {
    terminal 90 24
    type_in "$MUSTER run --simulate=$fleet -f 24 >$T/out 2>$T/err; echo done-\$?"
    wait_for shows '^done-1$'
    [ -s "$T/out" ] && [ -s "$T/err" ]
    ! grep -qaP '\x1b' "$T/out" "$T/err" || fail "escapes"
}

@test "the summary has colours on a terminal alone" {
    run muster run --simulate=servers=4,seed=7,delay=0 -q
    terminal 90 24
    type_in "$MUSTER show last; echo done-\$?"
    wait_for shows '^done-0$'
    tmux capture-pane -p -e | grep -qF $'\e[31mfailed\e[39m, below-threshold: ' || fail "no colour"
    [ "$(screen | grep -cxF -f <(printf '%s\n' "$output"))" -ge "$(grep -c . <<<"$output")" ] || fail "other words: $(screen)"
    type_in "clear; NO_COLOR=1 $MUSTER show last; echo done-\$?"
    wait_for shows '^done-0$'
    ! tmux capture-pane -p -e | grep -qF $'\e[31m' || fail "colours"
    [[ $("$MUSTER" show last) == "$output" ]]
}

@test "what a server says cannot move the cursor" {
    cat >muster.yaml <<'EOF'
benchmarks:
  evil:
    command: "sleep 1; printf '\\033[2J\\033]0;owned\\007\\033[31mboo\\n'; exit 3"
    extract: {regex: '(.)'}
  slow:
    command: "sleep 20"
    extract: {regex: '(.)'}
EOF
    terminal 120 24
    type_in "$MUSTER run -T local -c $T/muster.yaml"
    wait_for shows 'localhost +slow '
    tmux send-keys C-c
    wait_for shows '^Out of 1, '
    ! sequences | grep -qE '^\[2J|^\]' || fail "$(sequences)"
    grep -qaF '\x1b[2J' "$T/raw"
}
