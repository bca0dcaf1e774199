# --log-to: lines in systemd's journal and in syslog, held against a systemd-journald of the test's.
load common

setup_file() {
    scratch
    export WITH=$BATS_TEST_DIRNAME/../support/with_journald
    cat >"$T/read" <<'PY'
import base64, json, sys
# what `journalctl -o json` prints, as {field: bytes}: a value that is no plain text is a list of bytes
def entries(lines):
    for line in lines:
        yield {k: bytes(v) if isinstance(v, list) else (v or "").encode() for k, v in json.loads(line).items()}
PY
    mv "$T/read" "$T/entries.py"
}

setup() {
    [ "$(id -u)" = 0 ] || skip "a journald of one's own takes root"
    [ -x /lib/systemd/systemd-journald ] || [ -x /usr/lib/systemd/systemd-journald ] ||
        skip "systemd-journald is not installed"
    rm -rf "$T/logs"
}

teardown_file() {
    scratch_done
}

# runs the script where a journald is; its exit status and output are the test's. `in_journal TEXT`
# waits until a line of muster's with TEXT is there, as `journalctl --sync` does not when much is queued.
inside() {
    run "$WITH" bash -c "set -eu
        in_journal() {
            local i
            for i in \$(seq 400); do
                ! journalctl -o cat -t muster | grep -qF -- \"\$1\" || return 0
                read -r -t 0.05 <> <(:) || true
            done
            echo \"not in the journal: \$1\"
            return 1
        }
        $1"
}

@test "journalctl finds lines by server, benchmark, run and level" {
    inside '
        "$MUSTER" run --simulate=servers=3,seed=4,delay=0-0,score=60-90 -q --log-to journal --store "$T/a.db" >"$T/out"
        in_journal "Out of 3"
        echo "server: $(journalctl -o cat MUSTER_SERVER=2 | wc -l)"
        echo "others: $(journalctl -o json MUSTER_SERVER=2 | jq -r .MUSTER_SERVER | sort -u)"
        echo "benchmark: $(journalctl -o json MUSTER_BENCHMARK=cpu | jq -r .MUSTER_EVENT | sort -u)"
        run=$("$MUSTER" runs --store "$T/a.db" --json | jq -r ".[0].run")
        echo "run: $(journalctl -o cat MUSTER_RUN="$run" | wc -l) of $(wc -l <"$T/logs/$run.jsonl")"
        echo "identifier: $(journalctl -o cat -t muster | wc -l)"
        echo "warnings: $(journalctl -o cat -t muster -p warning | wc -l)"
        journalctl -o cat -t muster | grep "server passed" | head -n 1'
    status_is 0
    lines=$(grep -c . "$T"/logs/*.jsonl)
    output_has "run: $lines of $lines"
    output_has "identifier: $lines"
    output_has "others: 2"
    output_has "benchmark: benchmark completed"
    output_has "warnings: 0"
    output_has "server passed server="
    server=$(grep -c '"server":"2"' "$T"/logs/*.jsonl)
    [ "$server" -gt 2 ] || fail "the run's log has $server lines of 2"
    output_has "server: $server"
}

@test "the journal has the fields of the run's own log, each line's" {
    inside '
        "$MUSTER" run --simulate=servers=5,seed=5,delay=0-0,error=30% -q -v --log-to journal --store "$T/b.db" >"$T/out" || true
        in_journal "Out of 5"
        journalctl -o json --all -t muster >"$T/journal.json"
        cat "$T"/logs/*.jsonl >"$T/log.json"'
    status_is 0
    run python3 - "$T" <<'PY'
import json, re, sys
sys.path.insert(0, sys.argv[1])
from entries import entries

def text(value):
    if isinstance(value, list):
        return None  # its items are quoted as in a console line: looked at elsewhere
    return "%.6g" % value if isinstance(value, float) else str(value)

journal = list(entries(open(sys.argv[1] + "/journal.json")))
log = [json.loads(line) for line in open(sys.argv[1] + "/log.json")]
start = next(i for i, e in enumerate(journal) if e["MUSTER_TIMESTAMP"].decode() == log[0]["timestamp"]
             and e["MUSTER_EVENT"].decode() == log[0]["event"])
journal = journal[start:]
assert len(journal) == len(log), (len(journal), len(log))
for entry, line in zip(journal, log):
    assert entry["MUSTER_EVENT"].decode() == line["event"], (entry, line)
    assert entry["MUSTER_TIMESTAMP"].decode() == line["timestamp"], (entry, line)
    assert entry["PRIORITY"] == {"debug": b"7", "info": b"6", "warning": b"4", "error": b"3"}[line["level"]]
    for key, value in line.items():
        if key in ("timestamp", "level", "event") or text(value) is None:
            continue
        name = "MUSTER_" + re.sub("[^A-Z0-9]", "_", key.upper())
        assert entry[name].decode() == text(value), (name, entry, line)
print(len(log), "lines agree")
PY
    status_is 0
    output_has "lines agree"
}

@test "values arrive byte for byte, whatever bytes and however many" {
    mkdir "$T/values"
    inside '
        "$(dirname "$MUSTER")/test/support/log_hostile" "$T/values"
        in_journal "n=9 "
        journalctl -o json --all -t muster >"$T/journal.json"'
    status_is 0
    run python3 - "$T" <<'PY'
import sys
sys.path.insert(0, sys.argv[1])
from entries import entries

found = {int(e["MUSTER_N"]): e for e in entries(open(sys.argv[1] + "/journal.json"))}
assert sorted(found) == list(range(10)), sorted(found)
for n, entry in found.items():
    want = open(f"{sys.argv[1]}/values/{n}", "rb").read()
    assert entry["MUSTER_VALUE"] == want, (n, entry["MUSTER_VALUE"][:100], want[:100])
    assert "MUSTER_SERVER" not in entry and entry["PRIORITY"] == b"6", n
    assert b"\n" not in entry["MESSAGE"], n
print(len(found), "values,", max(len(e["MUSTER_VALUE"]) for e in found.values()), "bytes the longest")
PY
    status_is 0
    output_has "10 values, 1048576 bytes the longest"
}

@test "a journald that hangs holds nothing up, and gets every line when it goes on" {
    inside '
        kill -STOP "$JOURNALD_PID"
        "$MUSTER" run --simulate=servers=300,seed=6,delay=0-0 -q --log-to journal --store "$T/c.db" >"$T/out" 2>"$T/err" &
        until grep -q "Out of 300" "$T"/logs/*.jsonl 2>/dev/null; do read -r -t 0.05 <> <(:) || true; done
        kill -CONT "$JOURNALD_PID"
        wait $! || [ $? = 1 ]
        in_journal "Out of 300"
        echo "journal: $(journalctl -o cat -t muster | wc -l)"
        echo "log: $(cat "$T"/logs/*.jsonl | wc -l)"'
    status_is 0
    lines=$(sed -n 's/^log: //p' <<<"$output")
    [ "$lines" -gt 600 ] || fail "the run's log has $lines lines"
    output_has "journal: $lines"
}

@test "a journald that never goes on costs a run its lines there and status 3, not its result" {
    inside '
        kill -STOP "$JOURNALD_PID"
        "$MUSTER" run --simulate=servers=300,seed=6,delay=0-0,score=60-90 -q --log-to journal --store "$T/d.db" --json >"$T/out" 2>"$T/err" || echo "status $?"
        kill -CONT "$JOURNALD_PID"'
    output_has "status 3"
    grep -Eq "^muster: [0-9]+ log lines did not reach systemd's journal" "$T/err" || fail "$(cat "$T/err")"
    [ "$(jq .passed "$T/out")" = 300 ] || fail "$(head -c 300 "$T/out")"
}

@test "standard error that is the journal's already gets no second copy" {
    inside '
        exec 9>"$T/stream"
        export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/9)
        "$MUSTER" run --simulate=servers=2,seed=7,delay=0-0 --log-to journal --store "$T/e.db" 2>&9 >/dev/null || true
        in_journal "Out of 2"
        echo "stream: $(wc -c <"$T/stream")"
        echo "journal: $(journalctl -o cat -t muster | grep -c "Out of 2")"
        "$MUSTER" run --simulate=servers=2,seed=7,delay=0-0 --log-to syslog --store "$T/e.db" 2>&9 >/dev/null || true
        echo "and then: $(grep -c "Out of 2" "$T/stream")"'
    status_is 0
    output_has "stream: 0"
    output_has "journal: 1"
    output_has "and then: 1"
}

@test "a syslog daemon tells time, program, level and text apart" {
    inside '
        "$MUSTER" run --simulate=servers=2,seed=8,delay=0-0,score=1-2 -q --log-to syslog --store "$T/f.db" >"$T/out" || true
        in_journal "Out of 2"
        journalctl -o json -t muster _TRANSPORT=syslog |
            jq -r "[.PRIORITY, .SYSLOG_FACILITY, .SYSLOG_PID == ._PID, .MESSAGE] | map(tostring) | join(\" \")"
        "$MUSTER" runs --store "$T/f.db" --json | jq -r "\"the run is \" + .[0].run"'
    status_is 0
    run_id=$(sed -n 's/^the run is //p' <<<"$output")
    output_has "3 1 true server failed run=$run_id server="
}

@test "without a journal or a syslog daemon a run does not begin" {
    inside '
        rm /dev/log
        mount -t tmpfs none /run/systemd
        for where in journal syslog; do
            "$MUSTER" run --simulate=servers=2,delay=0-0 --log-to $where --store "$T/none.db" 2>&1 >/dev/null || echo "status $?"
        done
        [ ! -e "$T/none.db" ] || "$MUSTER" runs --store "$T/none.db" --json'
    output_has "cannot log to systemd's journal: /run/systemd/journal/socket: No such file or directory"
    output_has "cannot log to syslog: /dev/log: No such file or directory"
    [ "$(grep -c "status 2" <<<"$output")" = 2 ] || fail "not status 2"
    [[ $output != *'"run"'* ]] || fail "a run was begun"
}

@test "--log-to takes nothing else" {
    run "$MUSTER" run --simulate=servers=1 --log-to jornal
    status_is 2
    output_has "--log-to takes journal or syslog, not 'jornal'"
}

@test "resume logs to the journal too" {
    inside '
        "$MUSTER" run --simulate=servers=3,seed=9,delay=0-0,score=1-2 -q --store "$T/g.db" >"$T/out" || true
        "$MUSTER" resume --failed -q --log-to journal --store "$T/g.db" last >"$T/out" || true
        in_journal "Out of 3"
        journalctl -o cat MUSTER_EVENT="run resumed"'
    status_is 0
    output_has "run resumed"
}
