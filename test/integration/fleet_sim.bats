#!/usr/bin/env bats
# Simulated servers that are logged in to for real (test/support/fleet_sim.c): what a measurement
# against them rests on.

load common.bash

setup() {
    scratch
    ssh_material
    cat >muster.yaml <<TXT
ssh: {connect_timeout: 2s}
benchmarks:
  n: {command: "true", extract: {regex: "([0-9]+)"}}
TXT
}
teardown() { scratch_done; }

openssh() { # SERVER COMMAND
    timeout 20 ssh -F "$T/ssh_config" -o LogLevel=ERROR "$@" </dev/null
}

@test "200 servers pass a command and a scored benchmark, and say where they were reached" {
    start_fleet --servers 200 --simulate seed=1,delay=0,score=80-100
    printf '  cpu: {}\n' >>muster.yaml
    run -0 muster_ssh -i fleet --json
    json_is .passed 200
    json_is '.servers | map(.benchmarks | map(.benchmark) | join(" ")) | unique | join(",")' "n cpu"
    json_is '.servers | map(.facts.kernel) | unique | join(",")' simulated
    stop_fleet
    fleet_is .accepted 200
    fleet_is .authenticated 200
    fleet_is .commands 200
}

@test "a server measures what the same one of run --simulate does" {
    spec=seed=5,delay=0,kinds=3,metrics=4,slow=10%:10%
    scores='[.servers[] | .benchmarks[0].trials[0]] | join(" ")'
    start_fleet --servers 20 --simulate $spec
    run muster_ssh -i fleet -b cpu -t 0 -c /dev/null --json
    over_ssh=$(jq -r "$scores" <<<"$output")
    stop_fleet
    run muster run --simulate=servers=20,$spec -b cpu -t 0 -c /dev/null --json
    json_is "$scores" "$over_ssh"
    [ "$(tr ' ' '\n' <<<"$over_ssh" | sort -u | wc -l)" -gt 15 ] || fail "the scores: $over_ssh"
}

@test "OpenSSH's own client: output, errors, statuses, a terminal, one connection for many" {
    start_fleet --servers 3
    run -0 openssh 127.1.0.1 true
    run -0 openssh 127.1.0.2 "sh -c 'echo \"a  b\"; false; echo \$?'"
    [ "$output" = "a  b"$'\n'1 ] || fail "its output"
    run -3 openssh 127.1.0.3 "sleep 0.1; exit 3; echo never"
    [ -z "$output" ]
    run -127 openssh 127.1.0.3 "/usr/bin/nonsense 1"
    output_has "/usr/bin/nonsense: not found"
    run -0 openssh -tt 127.1.0.3 "echo ok"
    openssh -M -S "$T/control" -o ControlPersist=yes 127.1.0.1 true
    for word in one two three; do
        run -0 openssh -S "$T/control" 127.1.0.1 "echo $word"
        [ "$output" = "$word" ] || fail "the connection was not used again"
    done
    openssh -S "$T/control" -O exit 127.1.0.1 2>/dev/null
    run -255 openssh 127.1.0.4 true # there are only three
    ssh-keygen -q -t ed25519 -N '' -f other
    sed -i "s|$T/id|$T/other|" ssh_config
    run -255 openssh 127.1.0.1 true
    stop_fleet
    fleet_is .commands 9
}

@test "what is broken has its reason" {
    start_fleet --servers 50 --simulate seed=3,delay=0,error=40%,score=80-100 \
        --faults reset=10%,mute=10%,drop=10%,auth=10%,hang=10%
    run -1 muster_ssh -i fleet --retries 0 --timeout 4s -f 50 --json
    details() { jq -r "[.servers[] | select(.reason == \"$1\") | .detail] | join(\"\n\")" <<<"$output"; }
    [[ $(details unreachable) == *"before its SSH banner came"* ]] || fail "reset: $(details unreachable)"
    [[ $(details unreachable) == *"lost during the login"* ]] || fail "drop: $(details unreachable)"
    [[ $(details timeout) == *"no SSH banner from"*"within 2s"* ]] || fail "mute: $(details timeout)"
    [[ $(details timeout) == *"before the agent could start"* ]] || fail "hang: $(details timeout)"
    [[ $(details auth) == *"it takes publickey"* ]] || fail "auth: $(details auth)"
    json_is '[.servers[].reason] | (index("connection-lost") and index("benchmark-crashed") and index("bad-output") and index("internal")) != null' true
    json_is '.passed > 0' true
    stop_fleet
}

@test "a thousand at once" {
    start_fleet --servers 1000 --gather 1000 --simulate seed=1,delay=0,score=80-100
    run -0 muster_ssh -i fleet -f 1000 --json
    json_is .passed 1000
    stop_fleet
    fleet_is .accepted 1000
    fleet_is .peak 1000
    fleet_is '.peak_rss_kib < 60000' true
}

@test "connections beyond the descriptors are turned away, and said" {
    # nobody is let go, so that those who are there keep their room
    (ulimit -n 40 && start_fleet --servers 70 --gather 1000)
    run -1 muster_ssh -i fleet -f 70 --retries 0 --timeout 2s --json
    json_is '[.servers[].reason] | unique | join(" ")' "timeout unreachable"
    grep -qF 'only 40 descriptors' fleet.err
    run -0 openssh 127.1.0.1 true # those that have ended are free again
    kill "$(cat fleet.pid)"
    wait_for grep turned_away fleet.out >fleet.json
    fleet_is '.turned_away > 0 and .peak < 40' true
}

@test "it ends with its input, and says what is wrong" {
    fleet_sim=$(dirname "$MUSTER")/test/support/fleet_sim
    run -0 bash -c "sleep 0.2 | $fleet_sim --port 2223 --servers 5 --key id.pub --host-key host --write-known-hosts kh"
    [ "${lines[0]}" = ready ]
    [ "$(cat kh)" = "[127.*]:2223 $(cut -d' ' -f1,2 host.pub)" ] || fail "known_hosts: $(cat kh)"
    start_fleet --servers 1
    run -2 "$fleet_sim" --port 2222 --key id.pub --host-key host
    output_has "port 2222: Address already in use"
    run -2 "$fleet_sim" --port 2223 --key id.pub --host-key nothing
    output_has "the host key nothing cannot be read"
    run -2 "$fleet_sim" --port 2223 --key id.pub --host-key host --faults mute=3
    output_has "the fault 'mute' is a share such as 5%"
    run -2 "$fleet_sim" --port 2223 --key id.pub --host-key host --simulate delay=x
    output_has "the simulation's 'delay'"
}
