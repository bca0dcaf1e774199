# shellcheck shell=bash
# tools/messages: it finds every sentence of the source, and what is wrong with one; docs/MESSAGES.md is
# what it makes of the source today.

load common.bash

messages="$BATS_TEST_DIRNAME/../../tools/messages"

setup() {
    scratch
    mkdir -p src/x agent gpu docs tools
}
teardown() { scratch_done; }

# source LINE...: the body of a function of the project that is looked at
source_of() {
    { echo '/* error_set(err, ERROR_USAGE, "in a comment"); */' && echo 'static int f(struct error *err) {' &&
        printf '%s\n' "$@" && echo '}'; } >src/x/x.c
}

# finds TEXT LINE...: something is wrong with these lines, and TEXT is said of it
finds() {
    local text="$1"
    shift
    source_of "$@"
    "$messages" --write . >said || [[ $? == 1 ]]
    [[ "$(cat said)" == *"src/x/x.c:3: $text"* ]] || {
        echo "'$text' was expected of: $*, not:" && cat said && return 1
    }
}

# fine LINE...
fine() {
    source_of "$@"
    "$messages" --write . >said || { echo "nothing was expected of: $*" && cat said && return 1; }
    "$messages" . >said
}

@test "docs/MESSAGES.md has the sentences of the source, and they keep the rules" {
    run "$messages"
    echo "$output"
    [[ $status == 0 && "$output" == *sentences ]]
    ((${output% sentences} > 1000))
}

@test "every reason is explained in docs/REASONS.md, and no other" {
    cd "$BATS_TEST_DIRNAME/../.."
    diff <(grep -oE '^    \[REASON_[A-Z_]+\] = \{"[a-z-]+' src/model/verdict.c | sed 's/.*"//' | sort) \
        <(grep -oE '^\| `[a-z-]+` \|' docs/REASONS.md | tr -d '|` ' | sort)
}

@test "a sentence is found wherever it is said from" {
    source_of 'error_set(err, ERROR_HOST_KEY, "the key of %s has " "changed %" PRIu64 " times", a, n);' \
        'error_os(err, x ? ERROR_USAGE : ERROR_STORE, errno, "cannot open %.20s", path);' \
        'log_warning("disk nearly full", LOG_S("path", path));' \
        'fprintf(stderr, "muster: %d%% of it\n", n);' \
        'return a ? "a part of it" : "one|more part";' '}' \
        'static int refuse(struct error *err, const char *said) {' \
        'return error_set(err, ERROR_AUTH, "%s: %s", name, said);' '}' \
        'static int g(struct error *err) {' 'return refuse(err, "there is no key in %s");'
    "$messages" --write . || { "$messages" . && false; }
    grep -A 6 '^## Reason `host-key`' docs/MESSAGES.md | grep -F '`the key of … has changed N times` | src/x/x.c'
    grep -A 6 '^## Reason `auth`' docs/MESSAGES.md | grep -F '`there is no key in …`'
    grep -A 6 '^## Exit status 2' docs/MESSAGES.md | grep -F '`cannot open …: (what the system says)`'
    grep -A 6 '^## Exit status 3' docs/MESSAGES.md | grep -F '`cannot open …: (what the system says)`'
    grep -A 6 '^## Log, warning' docs/MESSAGES.md | grep -F '`disk nearly full`'
    grep -A 6 '^## On standard error' docs/MESSAGES.md | grep -F '`muster: N% of it`'
    grep -F '`a part of it`' docs/MESSAGES.md
    grep -F '`one\|more part`' docs/MESSAGES.md
    ! grep -F 'in a comment' docs/MESSAGES.md
}

@test "what a sentence must not be is found" {
    finds 'begins with a capital' 'error_set(err, ERROR_USAGE, "Cannot open %s", a);'
    finds 'ends with a full stop' 'error_set(err, ERROR_USAGE, "cannot open %s.", a);'
    finds "say 'cannot'" 'error_set(err, ERROR_USAGE, "failed to open %s", a);'
    finds "say 'cannot'" "return \"the file can't be opened\";"
    finds 'a word of programmers' 'error_set(err, ERROR_USAGE, "EOF while reading %s", a);'
    finds 'a word of programmers' 'error_set(err, ERROR_USAGE, "%s says ENOENT", a);'
    finds 'say what is expected' 'error_set(err, ERROR_USAGE, "invalid port %s", a);'
    finds "say 'server'" 'error_set(err, ERROR_USAGE, "the host %s has none", a);'
    finds "say 'server'" 'error_set(err, ERROR_USAGE, "the node %s has none", a);'
    finds "say 'server' (or" 'log_info("two machines are left");'
    finds "say 'benchmark'" 'log_info("two tests are left");'
    finds 'says not what it is about' 'error_set(err, ERROR_USAGE, "cannot open");'
    finds 'says not what it is about' 'error_os(err, ERROR_USAGE, errno, "cannot open");'
    finds 'says not what it is about' 'error_set(err, ERROR_USAGE, "time-out");'
    finds 'says nothing but what the system says' 'error_set(err, ERROR_USAGE, "%s", strerror(errno));'
    finds 'error_set() is given no text' 'error_set(err, ERROR_USAGE, "%s", text_of(a));'
    finds 'error_set() is given no text' 'error_set(err, ERROR_USAGE, text_of(a));'
    fine 'error_set(err, ERROR_USAGE, "the jump host %s has another host key than this machine knows", a);'
    fine 'error_set(err, ERROR_USAGE, "%s", other->text);'
    fine 'SSH_LOG(strcmp(a, "Cannot open. failed to"));'
}

@test "an exception has a reason, and is needed" {
    echo 'capital | src/x/*.c | Cannot open | as the page of the system has it' >tools/messages.exceptions
    fine 'error_set(err, ERROR_USAGE, "Cannot open %s", a);'
    source_of 'error_set(err, ERROR_USAGE, "cannot open %s", a);'
    run "$messages" --write .
    [[ $status == 1 && "$output" == *"messages.exceptions:1: nothing there needs"* ]]
    echo 'capital | src/x/*.c | Cannot open |' >tools/messages.exceptions
    run "$messages" --write .
    [[ $status == 1 && "$output" == *"messages.exceptions:1: expected"* ]]
}

@test "a page that is not what the source says is told with the command that makes it" {
    fine 'error_set(err, ERROR_USAGE, "cannot open %s", a);'
    source_of 'error_set(err, ERROR_USAGE, "cannot close %s", a);'
    run "$messages" .
    [[ $status == 1 && "$output" == *'-| `cannot open …`'* && "$output" == *'+| `cannot close …`'* ]]
    [[ "$output" == *'tools/messages --write'* ]]
}
