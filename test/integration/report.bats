#!/usr/bin/env bats
# `muster report`: the command, and each format held to what reads it.

load common.bash

setup_file() {
    scratch
    muster run --simulate=servers=300,seed=3,delay=0-0,error=30% -q >/dev/null || [ $? -eq 1 ]
}
teardown_file() { scratch_done; }
setup() { cd "$T" || return 1; }

# not every system has packages of them
needs() { # PROGRAM...
    local program
    for program; do
        command -v "$program" >/dev/null || skip "no $program here"
    done
}

@test "the format is told by the suffix, and the report is the one of standard output" {
    run -0 muster report last -o a.csv
    run -0 muster report last --format csv
    diff <(printf '%s\n' "$output") a.csv
    run -0 muster report last -o a.txt --format json
    run -0 muster show last --json
    diff <(printf '%s\n' "$output") a.txt
}

@test "standard output by its name is not replaced by a file of its own" {
    run -0 muster report last --format csv
    printf '%s\n' before "$output" >wanted.csv
    echo before >all.csv
    "$MUSTER" report last --format csv -o /dev/stdout >>all.csv || fail "status $?"
    cmp <(tr -d '\r' <wanted.csv) <(tr -d '\r' <all.csv) || fail "$(head -n 2 all.csv)"
}

@test "what cannot be written is said, and leaves nothing" {
    mkdir -p folder closed
    run -2 muster report last --format csv -o folder
    stderr_has "folder is a folder: name a file in it"
    run -2 muster report last -o missing/a.csv
    stderr_has "cannot make a file beside missing/a.csv: No such file or directory"
    ln -s loop.csv closed/loop.csv
    run -2 muster report last -o closed/loop.csv
    stderr_has "cannot write to closed/loop.csv: Too many levels of symbolic links"
    rm closed/loop.csv
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

@test "csv: every server, benchmark and metric, read back by another reader" {
    run -0 muster show last --json
    echo "$output" >a.json
    run -0 muster report last -o b.csv
    python3 - <<'P' || fail "not what the document has"
import csv, json
rows = list(csv.DictReader(open("b.csv", newline=""), strict=True))
document = json.load(open("a.json"))
assert None not in rows[0] and len(rows[0]) == 28, rows[0]
wanted = set()
for s in document["servers"]:
    for b in s["benchmarks"]:
        names = list(b["metrics"]) or [""]
        wanted |= {(s["server"], b["benchmark"], m) for m in names}
    if not s["benchmarks"]:
        wanted.add((s["server"], "", ""))
got = [(r["server"], r["benchmark"], r["metric"]) for r in rows]
assert len(got) == len(set(got)) and set(got) == wanted, wanted ^ set(got)
scores = {(s["server"], b["benchmark"]): b["score"] for s in document["servers"]
          for b in s["benchmarks"] if b["score"] is not None}
assert scores and scores == {(r["server"], r["benchmark"]): float(r["score"]) for r in rows
                             if r["judged"] == "yes"}
P
}

@test "junit: what Jenkins and Ant publish as schemas, with totals that add up" {
    needs xmllint
    run -0 muster report last -o a.xml
    run -0 xmllint --noout --relaxng "$BATS_TEST_DIRNAME/../support/junit.rng" a.xml
    python3 - <<'P' || fail "totals"
import xml.etree.ElementTree as tree
suite = tree.parse("a.xml").getroot()[0]
cases = suite.findall("testcase")
for word, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
    n = sum(c.find(element) is not None for c in cases)
    assert int(suite.get(word)) == n, (word, n)
assert int(suite.get("tests")) == len(cases) and int(suite.get("errors")) > 0
keys = [(c.get("classname"), c.get("name")) for c in cases]
assert len(keys) == len(set(keys))
P
}

@test "prometheus: promtool has nothing to say" {
    needs promtool
    run -0 muster report last -o a.prom
    run -0 bash -c 'promtool check metrics <a.prom 2>&1'
    [ -z "$output" ] || fail "promtool"
    grep -qE '^muster_server_passed\{server="1"\} [01]$' a.prom || fail "$(head -20 a.prom)"
}

@test "hostile names and sentences stay text in every format" {
    needs xmllint promtool cmark-gfm
    mkdir -p evil && cp "$XDG_STATE_HOME"/muster/muster.db evil/
    sqlite3 evil/muster.db "
        UPDATE server SET name = '=1+1|' || position || '\`\"@all,<img src=x>]]>' || char(10, 27, 155),
            detail = '@all #1 \`\`|\\|</details><script>alert(1)</script> www.example.com ]]> '
                || char(7) || x'ff' || '\"\\';
        UPDATE benchmark SET detail = '-1]]>&<b>' || char(1) || x'80' || '\"\\', conditions = '<i>',
            benchmark = '+' || benchmark || '\"{}<';
        UPDATE server SET detail = ' ' || char(0xff1d) || '1+1' WHERE position % 3 = 1;
        UPDATE server SET detail = '  =1+1' WHERE position % 3 = 2"
    run -0 muster report last --store evil/muster.db -o e.csv
    run -0 muster report last --store evil/muster.db -o e.xml
    run -0 muster report last --store evil/muster.db -o e.prom
    run -0 muster report last --store evil/muster.db -o e.md
    run -0 muster report last --store evil/muster.db -o e.json
    jq -e '.servers | length == 300' e.json >/dev/null || fail "json"
    xmllint --noout --relaxng "$BATS_TEST_DIRNAME/../support/junit.rng" e.xml 2>&1
    run -0 bash -c 'promtool check metrics <e.prom 2>&1'
    [ -z "$output" ] || fail "promtool"
    cmark-gfm -e table -e autolink --unsafe e.md >e.html
    python3 - <<'P' || fail "something came out"
import csv, html.parser, re
for row in csv.reader(open("e.csv", newline=""), strict=True):
    assert len(row) == 28, row
    for cell in row:
        first = cell.lstrip()[:1]
        assert not first or first not in "=+-@\uff1d\uff0b\uff0d\uff20" or re.fullmatch(r"-?[0-9.e+-]+", cell), cell
for name in ("e.csv", "e.xml", "e.prom", "e.md", "e.json"):
    data = open(name, "rb").read()
    data.decode()
    assert not re.search(rb"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]", data), name
own = {"h2", "p", "code", "strong", "table", "thead", "tbody", "tr", "th", "td", "details",
       "summary", "ul", "li"}
class Reader(html.parser.HTMLParser):
    inside, seen, rows = 0, 0, 0
    def handle_starttag(self, tag, attributes):
        assert tag in own, tag
        self.inside += tag == "code"
        self.rows += tag == "tr"
    def handle_endtag(self, tag):
        self.inside -= tag == "code"
    def handle_data(self, data):
        if "@" in data or "script" in data:
            self.seen += 1
            assert self.inside == 1, data
reader = Reader()
reader.feed(open("e.html").read())
assert reader.seen > 10 and reader.rows > 1, (reader.seen, reader.rows)
assert "@all #1 ``|\\|</details><script>" in __import__("html").unescape(open("e.html").read())
P
}

@test "a run that goes on, and one that was interrupted, are reported and say so" {
    "$MUSTER" run --simulate=servers=4,delay=60s -f 1 --store "$T/slow.db" -q >/dev/null 2>&1 &
    local pid=$!
    wait_for muster report last --store slow.db -o s.csv
    run -0 muster report last --store slow.db --format markdown
    output_has "**The run is still going on**"
    output_has "| to come | 4 | \`1,2,3,4\` |"
    cut -d, -f3 s.csv | grep -qx running || fail "$(cat s.csv)"
    kill "$pid"
    wait "$pid" || true
    run -0 muster report last --store slow.db --format junit
    output_has '<property name="state" value="interrupted"/>'
    output_has "The run is interrupted: 4 servers have no verdict."
    run -0 muster report last --store slow.db --format prometheus
    output_has 'state="interrupted"'
    output_has 'muster_run_servers{verdict="cancelled"} 4'
    output_lacks "muster_server_passed{"
}

@test "memory does not grow with the fleet" {
    muster run --simulate=servers=5000,seed=4,delay=0-0,error=30% -q --store "$T/big.db" >"$T/big.txt" ||
        [ $? -eq 1 ]
    python3 - "$MUSTER" "$XDG_STATE_HOME/muster/muster.db" "$T/big.db" <<'P' || fail "it grew"
import os, subprocess, sys
muster, small, big = sys.argv[1:]
def peak(store, format):
    p = subprocess.Popen([muster, "report", "last", "--store", store, "--format", format],
                         stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(p.pid, 0)
    assert status == 0
    return used.ru_maxrss
for format in "csv", "json", "junit", "markdown", "prometheus":
    few, many = peak(small, format), peak(big, format)
    print(f"{format}: {few} KiB with 300 servers, {many} KiB with 5000")
    assert many < few + 4096, format
P
}
