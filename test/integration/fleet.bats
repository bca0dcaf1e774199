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
    printf 'benchmarks:\n  n: {command: "echo 80", extract: {regex: "([0-9]+)"}}\n' >muster.yaml
    echo '127.0.1.[1-200]' >list
    for fanout in 5 32 200; do
        run muster_ssh -i list -f $fanout --log-format json --json
        status_is 0
        json_is '.passed' 200
        json_is '.servers | map(.server) | unique | length' 200
        # from `connected` to the verdict a session is open: count them along the log's own order
        most=$(jq -n '[inputs | select(.event == "connected" or .event == "server passed" or .event == "server failed")]
            | reduce .[] as $l ({open: 0, most: 0};
                .open += (if $l.event == "connected" then 1 else -1 end) | .most = ([.most, .open] | max))
            | .most' err)
        echo "fan-out $fanout: at most $most open"
        opened=$(cat sshd-127.0.1.*.log | grep -c 'Accepted publickey')
        [ "$opened" -ge 200 ]
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
