#!/usr/bin/env bats
# Identities and logins: what a real sshd is offered, and what it is offered by ssh.

load common.bash

setup() {
    scratch
    ssh_material
    printf 'benchmarks:\n  n: {command: "echo 80", extract: {regex: "([0-9]+)"}}\n' >muster.yaml
}
teardown() { scratch_done; }

reason_is() {
    json_is '.servers[0].reason' "$1"
}
detail_has() {
    json_is ".servers[0].detail | contains(\"$1\")" true || fail "$(jq -r .servers[0].detail <<<"$output")"
}

new_key() { # NAME [OPTIONS OF ssh-keygen...]
    local name=$1
    shift
    ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$name" "$@"
}

certify() { # KEY [OPTIONS OF ssh-keygen...]: KEY-cert.pub
    local key=$1
    shift
    [ -e ca ] || new_key ca
    ssh-keygen -q -s ca -I "$key" -n "$(id -un)" "$@" "$key.pub"
}

start_agent() { # KEYS...
    eval "$(ssh-agent -s "${agent_options[@]}")" >/dev/null
    echo "$SSH_AGENT_PID" >ssh-agent.pid
    [ $# = 0 ] || ssh-add -q "$@" 2>/dev/null
}

# an ssh_config like the usual one, without identities, and with LINES
config_with() { # LINES...
    grep -v -e IdentitiesOnly -e IdentityFile ssh_config >ssh_config2
    printf '  %s\n' "$@" >>ssh_config2
}

run_with() { # LINES...
    config_with "$@"
    run muster run -F ssh_config2 127.0.0.1 --json
}

# the kinds and fingerprints of the keys that the sshd was offered after line N of its log
offered_since() { # N
    tail -n "+$(($1 + 1))" sshd-127.0.0.1.log |
        sed -nE 's/^(Failed|Postponed|Accepted) publickey for .* ssh2: ([A-Z0-9-]+ [^ ]+).*/\2/p' | uniq
}
log_length() {
    wc -l <sshd-127.0.0.1.log
}

# muster offers what ssh offers, and as many as that
offers_as_ssh() { # NUMBER LINES...
    local number=$1 before by_ssh by_muster
    shift
    config_with "$@"
    before=$(log_length)
    ssh -F ssh_config2 -o BatchMode=yes 127.0.0.1 true 2>ssh.err </dev/null || true
    by_ssh=$(offered_since "$before")
    before=$(log_length)
    run muster run -F ssh_config2 127.0.0.1 --json
    by_muster=$(offered_since "$before")
    ! grep 'carried by' err || fail "by the ssh program: $*"
    [ "$by_ssh" = "$by_muster" ] || fail "$*: ssh: $by_ssh muster: $by_muster"
    [ "$(grep -c . <<<"$by_muster")" -eq "$number" ] || fail "$*: $by_muster"
}

@test "keys are offered in ssh's order" {
    start_sshd 127.0.0.1 'MaxAuthTries 30'
    for name in a b c d e pem; do new_key $name; done
    rm pem pem.pub
    ssh-keygen -q -t ecdsa -m PEM -N '' -f pem
    rm pem.pub
    ssh-keygen -q -t rsa -b 2048 -N '' -f r
    new_key locked && ssh-keygen -q -p -P '' -N secret -f locked
    new_key f && certify f && cp f-cert.pub other-cert.pub
    new_key g && certify g
    : >authorized
    start_agent a b c r f
    local none="IdentityFile $T/none"
    offers_as_ssh 6 "$none"
    offers_as_ssh 2 'IdentityAgent none' "IdentityFile $T/d" "IdentityFile $T/e"
    offers_as_ssh 8 "IdentityFile $T/d" "IdentityFile $T/c" "IdentityFile $T/e" "IdentityFile $T/a"
    offers_as_ssh 2 'IdentitiesOnly yes' "IdentityFile $T/e" "IdentityFile $T/b"
    offers_as_ssh 2 'IdentitiesOnly yes' "IdentityFile $T/c.pub" "IdentityFile $T/a.pub"
    offers_as_ssh 1 'IdentitiesOnly yes' "IdentityFile $T/locked"
    offers_as_ssh 2 'IdentityAgent none' "IdentityFile $T/d" "IdentityFile $T/pem"
    offers_as_ssh 2 'IdentityAgent none' "IdentityFile $T/g"
    offers_as_ssh 3 'IdentitiesOnly yes' "IdentityFile $T/g" "IdentityFile $T/d"
    offers_as_ssh 2 'IdentitiesOnly yes' "IdentityFile $T/f"
    offers_as_ssh 8 "CertificateFile $T/g-cert.pub" "IdentityFile $T/g"
    offers_as_ssh 3 'IdentitiesOnly yes' "CertificateFile $T/g-cert.pub" \
        "CertificateFile $T/other-cert.pub" "IdentityFile $T/d"
    offers_as_ssh 1 'PubkeyAcceptedAlgorithms rsa-sha2-256' "$none"
    offers_as_ssh 5 'RequiredRSASize 3000' "$none"
    offers_as_ssh 0 'PubkeyAuthentication no' "IdentityFile $T/d"
    offers_as_ssh 0 'PreferredAuthentications password' "IdentityFile $T/d"
}
