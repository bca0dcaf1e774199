#!/usr/bin/env bats
# Two hundred real sshds.

load common.bash

setup() {
    scratch
    ssh_material
    printf 'benchmarks:\n  n: {command: "echo 80", extract: {regex: "([0-9]+)"}}\n' >muster.yaml
}
teardown() { scratch_done; }

@test "200 servers with fan-out 5, 32 and 200: never more sessions than that" {
    for i in $(seq 200); do start_sshd 127.0.1.$i; done
    # a command runs inside its session, so there are at least as many sessions as commands
    printf 'benchmarks:\n  n: {command: "echo + >>%s/trace; echo 80; echo - >>%s/trace", extract: {regex: "(80)"}}\n' "$T" "$T" >muster.yaml
    echo '127.0.1.[1-200]' >list
    for fanout in 5 32 200; do
        rm -f trace
        run muster_ssh -i list -f $fanout --json
        status_is 0
        json_is '.passed' 200
        json_is '.servers | map(.server) | unique | length' 200
        [ "$(grep -c + trace)" -eq 200 ] || fail "not every server ran its benchmark once"
        most=$(awk '/\+/ {n++; if (n > most) most = n} /-/ {n--} END {print most}' trace)
        [ "$most" -le $fanout ] || fail "$most at once with fan-out $fanout"
        [ "$(cat sshd-127.0.1.*.log | grep -c 'Accepted publickey')" -eq 200 ] || fail "not one session a server"
        for l in sshd-127.0.1.*.log; do : >"$l"; done
    done
}

@test "sessions open at any time, counted by the servers" {
    start_sshd 127.0.2.1
    printf 'benchmarks:\n  n: {command: "echo + >>%s/trace; sleep 0.5; echo - >>%s/trace; echo 80", extract: {regex: "(80)"}}\n' "$T" "$T" >muster.yaml
    for i in $(seq 60); do echo "s$i"; done >list
    printf 'Host s*\n  HostName 127.0.2.1\n' | cat - ssh_config >ssh_config2
    for fanout in 1 5 32; do
        rm -f trace
        run muster run -F ssh_config2 -i list -f $fanout --json
        status_is 0
        json_is .passed 60
        most=$(awk '/\+/ {n++; if (n > most) most = n} /-/ {n--} END {print most}' trace)
        [ "$most" -le $fanout ] || fail "$most at once with fan-out $fanout"
        [ "$most" -ge $(((fanout + 1) / 2)) ] || fail "only $most at once with fan-out $fanout"
    done
}
