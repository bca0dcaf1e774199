# What the tests of pages in a browser share: a store with attacks in it, and how a test of
# test/browser went. Loaded after common.bash.

# browse SCRIPT ARGUMENTS...: runs test/browser/SCRIPT, once for all the tests of a file
browse() {
    local script=$1
    shift
    if command -v "${CHROMIUM:-chromium}" >/dev/null; then
        timeout -k 5 240 python3 "$BATS_TEST_DIRNAME/../browser/$script" "$@" >"$T/browser" 2>"$T/browser.err" || true
    else
        echo none >"$T/browser"
    fi
}

# tells how one of its tests went
told() {
    if grep -qx none "$T/browser"; then
        skip "no chromium"
    fi
    if ! grep -qx "ok $1" "$T/browser"; then
        sed -n "/^not ok $1\$/,/^\(not \)\?ok /p" "$T/browser"
        tail -n 5 "$T/browser.err"
        return 1
    fi
}

# hostile_store FILE: a store that another program has written attacks into, wherever a text can be
hostile_store() {
    "$MUSTER" run -q --store "$1" --simulate=servers=1,kinds=1,metrics=2,seed=1,delay=0-0 >/dev/null 2>&1 || [ $? -eq 1 ]
    sqlite3 "$1" <<'SQL'
UPDATE server SET name = '</script><img src=x onerror=pwned()>', verdict = 'failed', reason = 'wrong-result',
    detail = 'detail<script>pwned=1</script>', kind = 'kind<script>pwned=1</script><!--',
    facts = json_set(facts, '$.cpu_model', 'fact<script>pwned=1</script>', '$."<script>pwned=1</script>"', 1),
    why = '[{"detail":"why</script><script>pwned=1</script>"}]',
    findings = '[{"finding":"outlier","benchmark":"cpu","metric":"score","detail":"found</script><script>"}]';
UPDATE benchmark SET benchmark = benchmark || '<script>', detail = 'detail<script>', verdict = 'failed', reason = 'wrong-result',
    metrics = '{"metric<script>pwned=1</script>":{"value":1,"unit":"unit<script>pwned=1</script>","better":"higher","trials":[1]}}',
    sensors = '{"sensor<script>pwned=1</script>":"</script>"}', conditions = '</script><script>pwned=1</script>';
UPDATE run SET notes = '["</script><script>pwned=1</script>"]', passed = 0, failed = 1, stopped = '</script><script>pwned=1</script>';
SQL
    echo '{"timestamp":"2026-11-23T00:00:00.000Z","level":"info","event":"event<script>pwned=1</script>","server":"</script><img src=x onerror=pwned()>","k":"field<script>"}' \
        >>"$(dirname "$1")/logs/$("$MUSTER" runs --store "$1" --json | jq -r '.[0].run').jsonl"
}
