# The HTML report, read by Chromium (test/browser/report.py); and what its file holds.
load common
load pages

fleet() { # STORE SERVERS WORDS...: two runs, the second judged by a baseline of the first
    local store=$1 servers=$2
    cat >fleet.yaml <<'YAML'
benchmarks:
  cpu: {threshold: 90, trials: 3, max_trials: 3}
  gpu: {threshold: 90}
YAML
    "$MUSTER" run -q -c fleet.yaml --store "$store" \
        --simulate="servers=$servers,kinds=3,metrics=2,seed=7,delay=0-0" >/dev/null 2>&1 || [ $? -eq 1 ]
    "$MUSTER" baseline take last --store "$store" >/dev/null 2>&1
    "$MUSTER" run -q -c fleet.yaml --store "$store" \
        --simulate="servers=$servers,kinds=3,metrics=2,seed=7,delay=0-0,slow=20%:20%,error=3%" >/dev/null 2>&1 || [ $? -eq 1 ]
}

# 500 servers, 20 times
make_large() {
    fleet large.db 500
    sqlite3 large.db >/dev/null <<'SQL'
CREATE TEMP TABLE k AS WITH RECURSIVE n(k) AS (VALUES (1) UNION ALL SELECT k + 1 FROM n WHERE k < 19) SELECT k FROM n;
INSERT INTO server (run, position, name, state, verdict, reason, detail, attempts, seconds, facts, kind, machine, findings, why)
    SELECT run, position + 500 * k, CAST(name + 500 * k AS TEXT), state, verdict, reason, detail, attempts, seconds, facts, kind, machine, findings, why
    FROM server, k WHERE run = 2;
INSERT INTO benchmark (run, position, ordinal, benchmark, verdict, reason, detail, score, metric, value, unit, better, reference, threshold, trials, spread, seconds, metrics, conditions, sensors)
    SELECT run, position + 500 * k, ordinal, benchmark, verdict, reason, detail, score, metric, value, unit, better, reference, threshold, trials, spread, seconds, metrics, conditions, sensors
    FROM benchmark, k WHERE run = 2;
UPDATE run SET total = 20 * total, passed = 20 * passed, failed = 20 * failed, errors = 20 * errors WHERE number = 2;
SQL
}

setup_file() {
    scratch
    fleet small.db 40
    hostile_store "$T/hostile.db"
    make_large
    for name in small hostile large; do
        "$MUSTER" report last --store $name.db -o $name.html || return 1
    done
    browse report.py small.html hostile.html large.html
}

setup() {
    cd "$T" || return 1
}

teardown_file() {
    scratch_done
}

@test "Chromium: it opens without a network, and without a complaint" {
    told it_opens_without_a_network_and_without_complaint
}

@test "Chromium: what did not pass is told by reason and kind" {
    told what_did_not_pass_is_told_by_reason_and_kind
}

@test "Chromium: search and filters find servers" {
    told search_and_filters_find_servers
}

@test "Chromium: the keyboard reaches everything" {
    told the_keyboard_reaches_everything
}

@test "Chromium: the keyboard walks over the map" {
    told the_keyboard_walks_over_the_map
}

@test "Chromium: a server has all that is known of it" {
    told a_server_has_all_that_is_known_of_it
}

@test "Chromium: distributions have their numbers beside them" {
    told distributions_have_numbers_beside_the_picture
}

@test "Chromium: the dark theme is the system's, or chosen" {
    told the_dark_theme_is_the_systems_or_chosen
}

@test "Chromium: a narrow window is enough" {
    told a_narrow_window_is_enough
}

@test "Chromium: what is hostile is shown as text" {
    told what_is_hostile_is_shown_as_text
}

@test "Chromium: without JavaScript the outcome is there" {
    told without_javascript_the_outcome_is_there
}

@test "Chromium: it prints" {
    told it_prints
}

@test "Chromium: 10,000 servers scroll" {
    grep '^# note: ' browser >&3 || true
    told ten_thousand_servers_scroll
}

# what a block of servers unpacks to
blocks() {
    python3 - "$1" <<'PYTHON'
import base64, json, re, sys, zlib
text = open(sys.argv[1], encoding="utf-8").read()
for first, last, data in re.findall(r'class="servers" data-first="(\d+)" data-last="(\d+)">\n(.*?)\n</script>', text):
    block = json.loads(zlib.decompress(base64.b64decode(data), -15))
    assert len(block) == int(last) - int(first) + 1, (first, last, len(block))
    for server in block:
        print(json.dumps(server))
PYTHON
}

@test "the file has every server's document, and its lines of the log" {
    run blocks small.html
    status_is 0
    diff <(jq -cS .server <<<"$output") \
        <("$MUSTER" show last --store small.db --json | jq -cS '.servers[]')
    "$MUSTER" log last 17 --store small.db --json | jq -cS . >log17
    [ "$(wc -l <log17)" -ge 3 ]
    diff log17 <(jq -cS 'select(.server.server == "17").log[]' <<<"$output")
}

@test "the file asks for nothing, and allows its own program alone" {
    run grep -oE '(src|href)="[^"#][^"]*"' small.html
    [ "$output" = 'href="data:,"' ] || fail "something is asked for"
    policy=$(grep -o 'Content-Security-Policy" content="[^"]*"' small.html)
    python3 - small.html <<'PYTHON'
import base64, hashlib, re, sys
text = open(sys.argv[1], encoding="utf-8").read()
for tag in ("script", "style"):
    body = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
    assert len(body) == 1, (tag, len(body))
    digest = base64.b64encode(hashlib.sha256(body[0].encode()).digest()).decode()
    assert f"{tag}-src 'sha256-{digest}'" in text, tag
PYTHON
    [[ $policy == *"default-src 'none'"* && $policy != *unsafe* ]] || fail "$policy"
}

@test "a log that is not there costs its lines alone" {
    mkdir bare
    sqlite3 small.db ".backup bare/small.db"
    "$MUSTER" report last --store bare/small.db -o bare/run.html
    [ "$(blocks bare/run.html | jq -s 'length, (map(.log | length) | add)' | xargs)" = "40 0" ]
}
