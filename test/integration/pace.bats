#!/usr/bin/env bats
# How many sessions start in a second, and what becomes of those that are dropped as they start.

load common.bash

setup() {
    scratch
    ssh_material
    echo "web* $(cut -d' ' -f1,2 host.pub)" >>known_hosts
}
teardown() { scratch_done; }

configure() { # LINES for the section ssh:
    printf 'ssh: {%s}\nbenchmarks:\n  n: {command: "echo 80", extract: {regex: "([0-9]+)"}}\n' "$1" >muster.yaml
}

# the servers web* are all on one sshd; with a HOST, behind that
one_sshd() { # [HOST]
    {
        printf 'Host web*\n  HostName 127.0.1.1\n  HostKeyAlias web1\n'
        [ -z "${1:-}" ] || printf '  ProxyJump %s\n' "$1"
        cat ssh_config
    } >ssh_config2
    mv ssh_config2 ssh_config
}

drops() { # at ADDRESS
    grep -c 'drop connection' "sshd-$1.log"
}

@test "start_rate: no more in a second, directly and through a jump host" {
    start_sshd 127.0.0.2
    start_sshd 127.0.1.1
    configure 'start_rate: 10'
    for host in '' 127.0.0.2; do
        one_sshd $host
        run muster_ssh 'web[1-15]' -f 15 --json
        status_is 0
        json_is '.seconds | . >= 1.3 and . < 10' true
        # in any second but the last there are about ten of them
        most=$(sed -n 's/^\([0-9: -]*\) \[info *\] connected .*server=web.*/\1/p' err | sort | uniq -c | sort -n | tail -1)
        [ "$(awk '{print $1}' <<<"$most")" -le 12 ] || fail "$most"
    done
}

@test "a sshd with MaxStartups 2:100:3 behind a jump host and 40 servers at once: all pass" {
    start_sshd 127.0.0.2
    start_sshd 127.0.1.1 'MaxStartups 2:100:3'
    one_sshd 127.0.0.2
    configure ''
    run muster_ssh 'web[1-40]' -f 40 --retries 5 -v --json
    status_is 0
    json_is .passed 40
    stderr_has '[warning  ] starting fewer sessions a second'
    stderr_has 'jump_host=127.0.0.2'
    [ "$(grep -c 'warning.*starting fewer' err)" -le 2 ] || fail "it is said again and again"
    [ "$(drops 127.0.1.1)" -le 120 ] || fail "$(drops 127.0.1.1) drops"
}

@test "a jump host that drops the login is asked again, while its servers wait" {
    start_sshd 127.0.0.2 'PerSourceMaxStartups 1'
    start_sshd 127.0.1.1
    one_sshd 127.0.0.2
    configure ''
    hold() {
        local banner
        exec 7<>/dev/tcp/127.0.0.2/2222
        read -r -u 7 banner
        [[ $banner == SSH-* ]]
    }
    wait_for hold # sshd may still have that of start_sshd
    "$MUSTER" run -F ssh_config 'web[1-10]' --retries 0 --json >out.json 2>err 7>&- &
    pid=$!
    wait_for grep -q 'the jump host dropped the connection, trying again' err
    exec 7>&-
    status=0
    wait $pid || status=$?
    output=$(cat out.json)
    status_is 0
    json_is .passed 10
    json_is '[.servers[].attempts] | max' 1
}
