#!/usr/bin/env bats
# What libssh does not do as OpenSSH: called directly (test/support/naive), and by muster beside it.
#
# That libssh falls into its trap is said, not required: a later one that does not is to be welcomed,
# and the test then says that what muster does about it may be done without.

load common.bash

setup_file() {
    scratch
    ssh_material
    start_sshd 127.0.0.1 'MaxAuthTries 2'
    export naive=$BATS_TEST_DIRNAME/../../build/test/support/naive
    mkdir home
}
teardown_file() { scratch_done; }
setup() {
    D=$(mktemp -d "$T/case.XXXXXX")
    cd "$D" || return
    sed "s#$T/known_hosts#$D/known_hosts#; s#$T/id#$D/id#" "$T/ssh_config" >ssh_config
    cp "$T/known_hosts" known_hosts
    cp "$T/id" id
}

# TRAP SAYS [FILE]: libssh falls into it, by its word, or by not ending ("hangs") or crashing
falls() {
    local got rc=0
    got=$(HOME=$T/home timeout 3 "$naive" "$1" 2222 "${3:-$T/id}" 2>naive.err </dev/null) || rc=$?
    case $rc in
    0) ;;
    124) got=hangs ;;
    134 | 139) got=crashes ;;
    *) fail "naive $1 ended with $rc: $(cat naive.err)" || return ;;
    esac
    [ "$got" = "$2" ] || echo "# libssh $1: $got, no longer $2" >&3
}

reason_is() { # REASON, null for none; of a run against the sshd
    run muster run -F ssh_config -b none --json 127.0.0.1
    json_is '.servers[0].reason' "$1"
}

@test "revoked and negated keys" {
    key=$(cut -d' ' -f1,2 "$T/host.pub")
    printf '@revoked * %s\n[127.0.0.1]:2222 %s\n' "$key" "$key" >known_hosts
    falls known_hosts accepted "$D/known_hosts"
    reason_is host-key
    printf '!127.0.0.1,![127.0.0.1]:2222,* %s\n' "$key" >known_hosts
    falls known_hosts accepted "$D/known_hosts"
    reason_is host-key
}

@test "lines that OpenSSH reads" {
    key=$(cut -d' ' -f1,2 "$T/host.pub")
    for line in "127.0.0.1 $key" "[127.0.0.1]:2222	${key/ /	}"; do
        printf '%s\n' "$line" >known_hosts
        falls known_hosts refused "$D/known_hosts"
        reason_is null
    done
}

@test "an agent with more keys than the server will try" {
    for i in 1 2 3 4; do ssh-keygen -q -t ed25519 -N '' -f "k$i"; done
    eval "$(ssh-agent -s -a "$D/agent")" >/dev/null
    ssh-add -q k1 k2 k3 k4 2>/dev/null
    rm id
    sed -i '/IdentitiesOnly/d' ssh_config
    falls agent hangs
    reason_is auth
    kill "$SSH_AGENT_PID"
}

@test "keys encrypted with an AEAD cipher" {
    for cipher in aes256-gcm@openssh.com chacha20-poly1305@openssh.com; do
        cp "$T/id" id
        ssh-keygen -q -p -P '' -N secret -Z $cipher -f id >/dev/null
        falls encrypted crashes "$D/id"
        reason_is auth
        json_is '.servers[0].detail | contains("encrypted")' true
    done
}

@test "ssh_config: Match originalhost, several paths of an Include" {
    { printf 'Match originalhost web\n  HostName 127.0.0.1\n'; cat ssh_config; } >config
    falls config web "$D/config"
    mv config ssh_config
    run muster run -F ssh_config -b none --json web
    json_is '.servers[0].reason' null
    printf 'Host nothing\n' >a
    printf 'Host web\n  HostName 127.0.0.1\n' >b
    { echo "Include $D/a $D/b"; cat "$T/ssh_config"; } >config
    falls config web "$D/config"
    run muster run -F config -b none --json web
    json_is '.servers[0].reason' null
}

@test "output that comes late, a command that is killed" {
    falls late nothing
    falls killed -1
    cat >muster.yaml <<'Y'
benchmarks:
  late: {command: "sleep 1; echo 80", extract: {regex: '(\d+)'}}
  killed: {command: "kill -TERM $$", extract: {regex: '(\d+)'}}
Y
    run muster run -F ssh_config --json 127.0.0.1
    json_is '.servers[0].benchmarks[0].value' 80
    json_is '.servers[0].benchmarks[1].reason' benchmark-crashed
}

@test "descriptors: inherited, blocking, left open" {
    falls inherited inherited
    falls blocking blocking
    falls handed-over open
}
