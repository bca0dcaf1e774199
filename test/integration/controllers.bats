#!/usr/bin/env bats
# The examples of controllers for systemd and Kubernetes, held against what these take: that a unit's or
# a manifest's words are known to them, that it is as confined as it says, and that every muster in it is
# one that this muster understands. (They are run in systemd.bats and slurm.bats.)

load common

setup() {
    scratch
    EXAMPLES=$BATS_TEST_DIRNAME/../../examples/controllers
}

teardown() {
    scratch_done
}

# the unit as it stands, for the muster at hand
unit() {
    sed "s|/usr/bin/muster|$MUSTER|" "$EXAMPLES/systemd/muster-worker@.service" >"$T/muster-worker@.service"
}

kubernetes_check() {
    # the system's own Python, of which the client is a package
    run /usr/bin/python3 "$BATS_TEST_DIRNAME/../support/kubernetes_check.py" "$@"
}

needs_kubernetes() {
    /usr/bin/python3 -c 'import kubernetes, yaml' 2>/dev/null || skip "no python3-kubernetes"
}

# each muster in TEXT, with its options, is understood
understood() {
    local line words
    while read -r line; do
        read -ra words <<<"${line//[\"\\]/}"
        run muster "${words[@]}" --help
        status_is 0 || fail "muster ${words[*]}"
    done
}

@test "systemd understands every word of the unit" {
    command -v systemd-analyze >/dev/null || skip "no systemd"
    unit
    # the manual page may not be installed here
    run systemd-analyze verify --man=no "$T/muster-worker@fra.service"
    status_is 0
    [ -z "$output" ] || fail "it has something to say"
}

@test "a unit with a word that systemd does not know is told of" {
    command -v systemd-analyze >/dev/null || skip "no systemd"
    unit
    sed -i 's/^KillMode=/KilMode=/' "$T/muster-worker@.service"
    run systemd-analyze verify --man=no "$T/muster-worker@fra.service"
    output_has "KilMode"
}

@test "the unit is confined to what a worker needs" {
    command -v systemd-analyze >/dev/null || skip "no systemd"
    unit
    ln "$T/muster-worker@.service" "$T/muster-worker@fra.service"
    # exposure, in tenths; a unit without a word about it has 96
    run systemd-analyze security --no-pager --offline=true --threshold=15 "$T/muster-worker@fra.service"
    status_is 0
}

@test "the unit leaves a worker more time to end than its grace, and tells nobody but the worker" {
    local file=$EXAMPLES/systemd/muster-worker@.service
    local grace stop
    grace=$(grep -oP '^ExecStart=.*--grace \K\d+(?=m)' "$file")
    stop=$(grep -oP '^TimeoutStopSec=\K\d+(?=s)' "$file")
    [ "$stop" -ge $((grace * 60 + 10)) ]
    grep -qx KillMode=mixed "$file"
    grep -qx KillSignal=SIGTERM "$file"
}

@test "no example has a password in a command line" {
    ! grep -rnE 'muster .*(postgres(ql)?://[^/ ]*:[^/@ ]*@|password=)' "$EXAMPLES"
}

@test "muster understands what the unit and the manifests start" {
    grep -oP '^ExecStart=/usr/bin/muster \K.*' "$EXAMPLES/systemd/muster-worker@.service" | sed 's/%i/fra/' | understood
    /usr/bin/python3 -c '
import sys, yaml
for path in sys.argv[1:]:
    for d in yaml.safe_load_all(open(path)):
        for c in d.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            print(*c["args"]) if "args" in c else print(
                c["command"][2].replace("\\\n", " ").split("muster ")[1].split(" &")[0])
' "$EXAMPLES"/kubernetes/*.yaml >"$T/calls"
    [ "$(wc -l <"$T/calls")" = 2 ] || fail "$(cat "$T/calls")"
    understood <"$T/calls"
}

@test "Kubernetes takes the manifests" {
    needs_kubernetes
    kubernetes_check "$EXAMPLES"/kubernetes/*.yaml
    status_is 0
    output_has "6 documents, nothing wrong"
}

@test "what is wrong with a manifest is told" {
    needs_kubernetes
    local mistakes=(
        's/periodSeconds/perodSeconds/' 'V1Probe has no such field'
        's/replicas: 2/replicas: "2"/' "replicas: is to be of the type int, and is '2'"
        's,^apiVersion: apps/v1,apiVersion: apps/v3,' 'Kubernetes has no apps/v3 Deployment'
        '/^  selector/,+1d' 'selector'
        's/port: probe/port: prove/' 'there is no port prove'
        's/secretName: muster-access/secretName: gone/' 'there is no Secret gone'
        's/key: pgpass/key: pass/' 'muster-access has no key pass'
        's/runAsNonRoot: true/runAsNonRoot: false/' 'runs as root'
        's/readOnlyRootFilesystem: true/readOnlyRootFilesystem: false/' 'may do more than it needs'
        's/GracePeriodSeconds: 150/GracePeriodSeconds: 125/' 'has not 10 s more to end'
    )
    local i
    for ((i = 0; i < ${#mistakes[@]}; i += 2)); do
        sed "${mistakes[i]}" "$EXAMPLES/kubernetes/worker.yaml" >"worker-$i.yaml"
        kubernetes_check "$EXAMPLES/kubernetes/access.yaml" "worker-$i.yaml"
        status_is 1
        output_has "${mistakes[i + 1]}"
    done
}

# the command of the Job's pods, with a muster that does what $DOES says
burnin() {
    mkdir -p bin
    printf '#!/bin/bash\necho "$@" >called\n%s\n' "$DOES" >bin/muster
    chmod +x bin/muster
    /usr/bin/python3 -c 'import sys, yaml
print(yaml.safe_load(open(sys.argv[1]))["spec"]["template"]["spec"]["containers"][0]["command"][2])' \
        "$EXAMPLES/kubernetes/burnin.yaml" >burnin.sh
    PATH=$T/bin:$PATH SITES="fra ams" RUN=r1 JOB_COMPLETION_INDEX=1 exec bash burnin.sh
}

@test "the Job ends with the worker's status, and not well when that was drained" {
    /usr/bin/python3 -c 'import yaml' 2>/dev/null || skip "no python3-yaml"
    local status_wanted
    for status_wanted in 0 3; do
        DOES="exit $status_wanted"
        run burnin
        status_is "$status_wanted"
        grep -q -- '--run=r1 .*--site=ams ' called
    done
    DOES='trap "exit 0" TERM; echo >ready; while :; do read -r -t 0.1 <> <(:); done'
    burnin 3>&- &
    echo $! >burnin.pid
    wait_for [ -e ready ]
    kill "$(cat burnin.pid)"
    status=0
    wait "$(cat burnin.pid)" || status=$?
    rm burnin.pid
    status_is 75
}
