#!/usr/bin/env bats
# `muster init`: what it writes is right, whole, and in nobody's way.

load common.bash

setup() { scratch; }
teardown() { scratch_done; }

@test "two files, and what to type next" {
    run -0 muster init
    output_has "Wrote muster.yaml and servers. Next:"
    output_has "muster run -i servers --dry-run"
    grep -oE '^  muster [^#]*' <<<"$output" >next
    [ "$(wc -l <next)" -ge 3 ] || fail "no commands"
    while read -r _ words; do
        muster $words --help >/dev/null || fail "muster does not understand: muster $words"
    done <next
    rm next
    [ "$(ls)" = "$(printf '%s\n' err muster.yaml servers)" ] || fail "$(ls)"
    run -0 muster init new
    output_has "  cd new"
    cmp muster.yaml new/muster.yaml && cmp servers new/servers
    run -0 muster init new/er/
    [ -f new/er/servers ] || fail "no file"
}

@test "as it is written it changes nothing" {
    muster run -q --simulate=servers=2,seed=1,delay=0-0 --json >bare || [ $? -eq 1 ]
    muster init >/dev/null
    muster run -q --simulate=servers=2,seed=1,delay=0-0 --json >with || [ $? -eq 1 ]
    for f in bare with; do
        jq 'del(.run, .started, (.. | .seconds?))' $f >$f.json
    done
    diff bare.json with.json
    run -2 muster run -i servers
    stderr_has "the inventory is empty: at least one server was expected"
}

@test "every setting holds with its # removed, and every key of muster.yaml(5) is there" {
    muster init >/dev/null
    sed -E 's/^#([a-z]|  )/\1/' muster.yaml >all.yaml
    grep -qE '^#(\S)' all.yaml && fail "$(grep -nE '^#(\S)' all.yaml)"
    run -0 muster benchmarks -c all.yaml
    output_has openssl
    python3 - "$BATS_TEST_DIRNAME/../../docs/man/muster.yaml.5.scd" all.yaml <<'P' || fail "keys"
import re, sys
page = open(sys.argv[1]).read()
page = page[page.index("# KEYS OF THE FILE"):page.index("# FILES")]
keys = set(re.findall(r"^\*(\w+)\*: ", page, re.M))
lines = [l for l in open(sys.argv[2]) if not l.startswith("#")]
there = set(re.findall(r"(?:^ *|\{)(\w+):", "".join(lines), re.M))
assert len(keys) > 40 and not keys - there, keys - there
# what the page says holds without a setting is what the setting says
page = page[:page.index("# KEYS OF SSH")]
default = dict(re.findall(r"^\*(\w+)\*: .*\n(?:\t.*\n)*?\t.*?Default:\s+(\S+?)\.?$", page, re.M))
top = dict(re.findall(r"^(\w+): (\S+)$", "".join(lines), re.M))
compared = {k for k in top if re.fullmatch(r"\d\w*|false|true|warn", default.get(k, ""))}
assert len(compared) > 8, compared
for k in compared:
    assert top[k] == default[k], (k, top[k], default[k])
P
}

@test "what is there stays, and is named" {
    echo mine >servers
    run -2 muster init
    stderr_has "servers is there already, and is not overwritten"
    [ "$(cat servers)" = mine ] || fail "overwritten"
    [ ! -e muster.yaml ] || fail "half of it was written"
    mkdir d && ln -s nowhere d/muster.yaml
    run -2 muster init d
    stderr_has "d/muster.yaml is there already"
    [ ! -e nowhere ] || fail "written through a link"
}

@test "places that cannot be" {
    echo x >file
    run -2 muster init file
    stderr_has "cannot make the folder file: Not a directory"
    run -2 muster init missing/deep
    stderr_has "cannot make the folder missing/deep: No such file or directory"
    run -2 muster init a b
    run -2 muster init ''
    run -3 bash -c 'ulimit -f 1; trap "" XFSZ; "$MUSTER" init full 2>"$T/err"'
    stderr_has "cannot write to full/muster.yaml: File too large"
    [ -z "$(ls full)" ] || fail "left behind: $(ls full)"
}
