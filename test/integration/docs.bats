#!/usr/bin/env bats
# Every command of the documentation: test/docs/run, which says how.

load common.bash

DOCS=$BATS_TEST_DIRNAME/../docs

setup() { scratch; }
teardown() { scratch_done; }

# runs the commands of pages; its counts go into the test's report
pages() {
    run "$DOCS/run" --muster "$MUSTER" "$@"
    [ "$status" -ne 77 ] || skip "$output"
    status_is 0
    sed 's/^/# note: /' <<<"$output" >&3
}

# a page of one's own, which must not pass, with TEXT in what is said of it
page_fails() {
    cat >page.md
    run "$DOCS/run" --muster "$MUSTER" page.md
    [ "$status" -ne 77 ] || skip "$output"
    status_is 1
    output_has "$1"
}

@test "README.md" {
    pages "$DOCS/../../README.md"
}

@test "guides" {
    pages "$DOCS"/../../docs/guide/*.md
}

# MESSAGES.md is a table of sentences, made out of the source
@test "pages by subject" {
    mapfile -t all < <(find "$DOCS/../../docs" -maxdepth 1 -name '*.md' ! -name MESSAGES.md)
    pages "${all[@]}"
}

@test "a page is refused: an unknown option, also where nothing is run" {
    page_fails "unknown option '--fan-out'" <<'TXT'
```sh norun: takes long
muster run --fan-out 3
```
TXT
    page_fails "unknown option '--fan-out'" <<<'Try `muster run --fan-out 3`.'
    page_fails "unknown command 'rum'" <<<'Try `muster rum`.'
    page_fails "unknown option '--fan-out'" <<'TXT'
```ini a.service
ExecStart=/usr/bin/muster run --fan-out 3
```
TXT
}

@test "a page is refused: a command that fails, output of another shape, another count" {
    page_fails 'ended with status 2' <<'TXT'
```sh
muster run --fan-out 3
```
TXT
    page_fails 'what came has:  Out of e~, a~ servers failed. e~ passed' <<'TXT'
```yaml muster.yaml
threshold: 50
```
```console
$ muster run --simulate=servers=4,score=60-90,delay=0 -q
Out of 4, 0 servers failed. 3 passed in 0.0s, run 20261122-101500-ab12cd.
```
TXT
    page_fails 'printed beyond what the page shows: b' <<'TXT'
```console
$ printf 'a\nb\n'
a
```
TXT
}

@test "a page is refused: commands without a fence, no reason why not, a bad configuration" {
    page_fails 'line 1: commands stand in a fenced block' <<<'    $ muster runs'
    page_fails 'stands without its reason' <<'TXT'
```sh norun
muster runs
```
TXT
    page_fails "unknown key 'treshold'" <<'TXT'
```yaml
treshold: 3
```
TXT
}
