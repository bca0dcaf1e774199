#!/usr/bin/env bats
# Baselines: learned from a run, carried as YAML, and what later runs are scored by.

load common.bash

setup() { scratch; }
teardown() { scratch_done; }

# a simulated fleet of two kinds, at a point in time
fleet() { # AGE
    echo "servers=40,kinds=2,metrics=2,seed=5,delay=0,noise=1%,age=$1"
}

# answers the question of COMMAND on a terminal; what it asked is in the file `terminal`
answering() { # ANSWER COMMAND...
    python3 - "$@" 3>&- <<'PY'
import os, pty, subprocess, sys
ours, theirs = pty.openpty()
p = subprocess.Popen(sys.argv[2:], stdin=theirs, stdout=open("out", "wb"), stderr=open("terminal", "wb"))
os.write(ours, sys.argv[1].encode() + b"\n")
sys.exit(p.wait(20))
PY
}

@test "a run after the take is scored by the median of its kind" {
    run muster run --simulate="$(fleet 0)" -q --json
    json_is '[.servers[].benchmarks[].reference_source] | unique | tostring' '[null]'
    run -0 muster baseline take last </dev/null
    output_has "new: "
    stderr_has "cpu had no reference, and its value was its score"
    run -0 muster baseline show --json
    json_is '[.[].kind] | unique | length' 2
    json_is '[.[] | .benchmark + " " + .metric] | unique | length' 4
    json_is 'all(.[]; .count >= 5 and .scale > 0 and .scale / .median < 0.03 and .better != null)' true
    id=$("$MUSTER" runs --json | jq -r '.[0].run')
    json_is '[.[].run] | unique | tostring' "[\"$id\"]"
    baselines=$output
    run muster run --simulate="$(fleet 1)" -q --json -t 90
    json_is '[.servers[].benchmarks[].reference_source] | unique | tostring' "[\"baseline $id\"]"
    json_is '[.servers[].benchmarks[].score | select(. < 90 or . > 110)] | length' 0
    jq -es '.[1] as $b | .[0].servers | all(. as $s | .benchmarks | all(. as $m |
        any($b[]; .kind == $s.kind and .benchmark == $m.benchmark and .metric == $m.metric and
            (.median - $m.reference | fabs) < 1e-6)))' <(echo "$output") <(echo "$baselines") >/dev/null ||
        fail "a reference is not its kind's median"
}

@test "the configuration comes before the baseline" {
    run muster run --simulate="$(fleet 0)" -q
    run -0 muster baseline take last </dev/null
    echo 'benchmarks: {cpu: {reference: 10}, gpu: {}}' >muster.yaml
    run muster run --simulate="$(fleet 0)" -q --json
    json_is '[.servers[].benchmarks[] | select(.benchmark == "cpu").reference_source] | unique | tostring' '["configuration"]'
    json_is '[.servers[].benchmarks[] | select(.benchmark == "gpu").reference_source[0:9]] | unique | tostring' '["baseline "]'
}

@test "what would change is shown and asked for" {
    run muster run --simulate="$(fleet 0)" -q
    run -0 muster baseline take last </dev/null
    run -0 muster baseline take last </dev/null # the same again
    output_has "0 new, 0 changed, 8 as they were"
    before=$("$MUSTER" baseline export)
    run muster run --simulate="$(fleet 1)" -q
    run -2 muster baseline take last </dev/null
    output_has " -> "
    output_has "0 new, 8 changed, 0 as they were"
    stderr_has "say --yes"
    [ "$("$MUSTER" baseline export)" = "$before" ]
    status=0
    answering n "$MUSTER" baseline take last || status=$?
    status_is 1
    grep -qF 'Change these baselines? [y/N]' terminal
    grep -qF 'nothing was changed' out
    [ "$("$MUSTER" baseline export)" = "$before" ]
    answering y "$MUSTER" baseline take last
    after=$("$MUSTER" baseline export)
    [ "$after" != "$before" ]
    run -0 muster baseline import --yes - <<<"$before"
    [ "$("$MUSTER" baseline export)" = "$before" ]
}

@test "fewer than 5 servers of a kind teach nothing, unless told" {
    run muster run --simulate=servers=4,kinds=1,seed=1,delay=0 -q
    run -2 muster baseline take last
    stderr_has "4 servers passed, and a baseline takes 5 (see --min)"
    stderr_has "no kind has 5 servers that passed"
    run -0 muster baseline show
    output_has "There are no baselines"
    run -0 muster baseline take --min 4 last
    run -0 muster baseline show --json
    json_is '[.[].count] | unique | tostring' '[4]'
}

@test "outliers and what failed teach nothing" {
    run muster run --simulate=servers=60,kinds=1,seed=2,delay=0,noise=1%,slow=10%:30%,truth=truth -q
    [ "$(wc -l <truth)" -gt 1 ]
    run -0 muster baseline take last
    run -0 muster baseline show --json
    json_is 'all(.[]; .scale / .median < 0.02) and any(.[]; .count < 60)' true
}

@test "a metric that is in two groups is said to be, and how large they are" {
    run muster run --simulate=servers=60,kinds=1,seed=3,delay=0,noise=1%,bimodal=40%:15%,truth=truth -t 0 -q
    usual=$(grep -c '"usual"' truth) other=$(grep -c '"other"' truth)
    run -0 muster baseline take last
    stderr_has " is in two groups: $usual servers around "
    stderr_has ", $other around "
    stderr_has "; one baseline stands for both (\`kind=\` in the inventory tells them apart)"
}

@test "a baseline goes through a file unchanged, and can be dropped" {
    run muster run --simulate="$(fleet 0)" -q
    run -0 muster baseline take last
    run -0 muster baseline export -o b.yaml
    before=$("$MUSTER" baseline show --json)
    run -2 muster baseline drop </dev/null
    run -0 muster baseline drop --yes
    run -0 muster baseline show --json
    json_is length 0
    run -0 muster baseline import b.yaml
    [ "$("$MUSTER" baseline show --json)" = "$before" ] || fail "it came back as something else"
    kind=$(jq -r '.[0].kind' <<<"$before")
    run -0 muster baseline drop --yes "$kind"
    run -0 muster baseline show --json
    json_is '[.[].kind] | unique | length' 1
    run -2 muster baseline drop --yes "$kind"
    stderr_has "there is no baseline of the kind '$kind'"
}

@test "a run says which baselines could score nobody, as does one that is judged anew" {
    run muster run --simulate="$(fleet 0)" -q
    run -0 muster baseline take last
    run -0 muster baseline export -o b.yaml
    sed '/^      score:/,/median:/s/median: .*/median: 0/' b.yaml >zero.yaml
    run -0 muster baseline import --yes zero.yaml
    run muster run --simulate="$(fleet 1)" -q -t 95
    output_has "note: cpu score of 40 servers was not scored by its baseline: the baseline is 0"
    run muster resume -q --outliers fail last
    output_has "note: gpu score of 40 servers was not scored by its baseline: the baseline is 0"
    run -0 muster baseline import --yes b.yaml
    run muster run --simulate="$(fleet 1)" -q -t 90
    output_lacks "was not scored"
    run muster run --simulate="$(fleet 1)" -q -t 120
    output_has "was not scored by its baseline: a threshold above 100 is not one of a baseline"
    for i in 1 2; do echo "{\"server\": \"s$i\", \"kind\": \"k\", \"cpu/score\": 1}"; done >two
    sed -n '1,3p' zero.yaml >mine.yaml
    printf '  k:\n    cpu: {score: {median: 0, better: higher, scale: 1, count: 9}}\n' >>mine.yaml
    run -0 muster baseline import --yes mine.yaml
    run muster judge two
    output_has "note: cpu score of 2 servers was not scored by its baseline: the baseline is 0"
}

@test "a file that was edited wrongly is told by line and column, and changes nothing" {
    run muster run --simulate="$(fleet 0)" -q
    run -0 muster baseline take last
    run -0 muster baseline export -o b.yaml
    before=$("$MUSTER" baseline show --json)
    sed -e '0,/median: .*/s//median: fast/' -e '0,/scale:/s//scael:/' b.yaml >wrong.yaml
    run -2 muster baseline import --yes wrong.yaml
    grep -qE "^muster: wrong.yaml:[0-9]+:[0-9]+: median: expected a number, found the text 'fast'" err
    grep -qE "^muster: wrong.yaml:[0-9]+:[0-9]+: unknown key 'scael': did you mean 'scale'\?" err
    sed 's/^version: 1/version: 0/' b.yaml >old.yaml
    run -2 muster baseline import --yes old.yaml
    stderr_has "old.yaml:2:10: version: expected 1"
    : >empty.yaml
    run -2 muster baseline import --yes empty.yaml
    stderr_has 'empty.yaml:1:1: a file of baselines begins with `version: 1`'
    run -2 muster baseline import --yes nowhere.yaml
    [ "$("$MUSTER" baseline show --json)" = "$before" ] || fail "a wrong file changed something"
}

@test "a baseline that something has spoiled: nothing is run without it, and it can be mended" {
    run muster run --simulate="$(fleet 0)" -q
    run -0 muster baseline take last
    before=$("$MUSTER" baseline export | tee b.yaml)
    kind=$(jq -r '.[0].kind' <<<"$("$MUSTER" baseline show --json)")
    spoil() {
        sqlite3 state/muster/muster.db "UPDATE baseline SET median = 'fast' WHERE kind = '$kind' AND metric = 'score'"
    }
    spoil
    for command in "run --simulate=servers=2,delay=0 -q" "baseline show" "baseline export" "resume --outliers off last"; do
        run -3 muster $command
        [ -z "$output" ] || fail "$command"
        stderr_has "baseline of cpu score for the kind '$kind' cannot be read: drop it, or import it"
    done
    run -0 muster runs --json
    json_is 'map(.state) | tostring' '["ended"]'
    run -2 muster baseline import b.yaml </dev/null
    output_has "cannot be read (0 servers) -> "
    run -0 muster baseline import --yes b.yaml
    [ "$("$MUSTER" baseline export)" = "$before" ] || fail "not mended"
    spoil
    run -0 muster baseline take --yes last
    [ "$("$MUSTER" baseline export | grep -c median:)" -eq 8 ]
    spoil
    run -0 muster baseline drop --yes "$kind"
    output_has "cannot be read"
    run -0 muster baseline show --json
    json_is '[.[].kind] | unique | length' 1

    sqlite3 state/muster/muster.db 'DROP TABLE baseline'
    run -3 muster run --simulate=servers=2,delay=0 -q
    stderr_has "no such table: baseline"
    run -0 muster runs --json
    json_is length 1
}

@test "a store of an older version has no baselines, and takes them" {
    sqlite3 old.db <"$BATS_TEST_DIRNAME/../unit/store_v2.sql"
    run -0 muster baseline show --store old.db
    output_has "There are no baselines"
    run -2 muster baseline take last --store old.db
    stderr_has "nothing can be learned from the run"
}

@test "mistakes of usage" {
    run -2 muster baseline
    run -2 muster baseline tkae last
    stderr_has "did you mean 'take'?"
    run -2 muster baseline take
    run -2 muster baseline show --min 3
    run -2 muster baseline take last # no store
    run muster run --simulate=servers=2,delay=0,seed=1 -q
    run -2 muster baseline take 20261122
    stderr_has "the nearest is "
    run -2 muster baseline take --min 0 last
    run -0 muster baseline --help
}

@test "kinds of the inventory have baselines of their own" {
    printf 'big[1-5] kind=big\nsmall[1-5] kind=small\n' >fleet
    cat >muster.yaml <<'TXT'
benchmarks:
  rate: {command: "case $AS in big*) echo 200;; *) echo 50;; esac", extract: {regex: '([0-9]+)'}, unit: r/s}
TXT
    run -0 muster run -T 'command:env AS={server} sh -c' -i fleet -q --json
    json_is '[.servers[].benchmarks[].score] | unique | tostring' '[50,200]'
    run -0 muster baseline take last
    run -0 muster run -T 'command:env AS={server} sh -c' -i fleet -q --json
    json_is '[.servers[].benchmarks[] | [.reference, .score]] | unique | tostring' '[[50,100],[200,100]]'
}
