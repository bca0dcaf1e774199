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

natively() {
    ! grep 'carried by' err || fail "by the ssh program"
}

@test "certificates: beside, by CertificateFile, in an agent" {
    start_sshd 127.0.0.1 "TrustedUserCAKeys $T/ca.pub"
    : >authorized
    new_key k && certify k
    run_with 'IdentityAgent none' "IdentityFile $T/k"
    status_is 0
    cp k-cert.pub elsewhere.pub
    mv k-cert.pub elsewhere
    run_with 'IdentityAgent none' "IdentityFile $T/k"
    reason_is auth
    run_with 'IdentityAgent none' "IdentityFile $T/k" "CertificateFile $T/none" "CertificateFile $T/elsewhere"
    status_is 0
    natively
    # its key in the agent, or both in the agent
    start_agent k
    rm k k.pub
    run_with 'IdentitiesOnly yes' "IdentityFile $T/none" "CertificateFile $T/elsewhere"
    status_is 0
    new_key both && certify both
    ssh-add -q both 2>/dev/null
    rm both*
    run_with "IdentityFile $T/none"
    status_is 0
    natively
}

@test "certificates of every type, by file and by agent" {
    start_sshd 127.0.0.1 "TrustedUserCAKeys $T/ca.pub"
    : >authorized
    start_agent
    local type
    for type in rsa ecdsa; do
        ssh-keygen -q -t $type -N '' -f $type
        certify $type
        run_with 'IdentityAgent none' "IdentityFile $T/$type"
        status_is 0
        ssh-add -q $type 2>/dev/null
        mv $type-cert.pub cert && rm $type $type.pub
        run_with 'IdentitiesOnly yes' "IdentityFile $T/none" "CertificateFile $T/cert"
        status_is 0
        natively
    done
}

@test "a certificate that is no good leaves the key; both bad say so" {
    start_sshd 127.0.0.1 "TrustedUserCAKeys $T/ca.pub"
    new_key k && certify k -V 20200101:20200102
    cp k.pub authorized
    run_with 'IdentityAgent none' "IdentityFile $T/k"
    status_is 0
    run_with 'IdentityAgent none' "IdentityFile $T/k" "CertificateFile $T/k-cert.pub"
    status_is 0
    : >authorized
    run_with 'IdentityAgent none' "IdentityFile $T/k"
    reason_is auth
    detail_has "$T/k-cert"
    ssh-keygen -q -s ca -I me -n nobody-else k.pub
    run_with 'IdentityAgent none' "IdentityFile $T/k"
    reason_is auth
    natively
}

@test "keys on a security key: by an agent, and without" {
    local provider
    provider=$(dirname "$MUSTER")/test/support/security_key.so
    [ -e "$provider" ] || skip "there is no $provider"
    [ -e /usr/lib/openssh/ssh-sk-helper ] || skip "this OpenSSH knows no security keys"
    cp "$provider" provider.so
    start_sshd 127.0.0.1
    ssh-keygen -q -t ed25519-sk -w "$T/provider.so" -N '' -f sk
    cp sk.pub authorized
    agent_options=(-P "$T/*")
    start_agent -S "$T/provider.so" sk
    run_with "IdentityFile $T/none"
    status_is 0
    run_with 'IdentitiesOnly yes' "IdentityFile $T/sk"
    status_is 0
    natively
    # only ssh can ask the hardware itself, once it is known that the key would do
    run_with 'IdentityAgent none' "SecurityKeyProvider $T/provider.so" "IdentityFile $T/id" "IdentityFile $T/sk"
    status_is 0
    stderr_has 'because="the identity is on a security key"'
    cp id.pub authorized
    run_with 'IdentityAgent none' "IdentityFile $T/sk" "IdentityFile $T/id"
    status_is 0
    natively
}

@test "an agent that does not sign for muster" {
    start_sshd 127.0.0.1
    eval "$(ssh-agent -s)" >/dev/null
    echo "$SSH_AGENT_PID" >ssh-agent.pid
    # bound to one server by its host key, which takes ssh to prove
    sed 's/\[127\.\*\]/[127.0.0.1]/' known_hosts >known_hosts2
    ssh-add -q -H known_hosts2 -h '[127.0.0.1]:2222' id 2>/dev/null
    rm id
    run_with 'IdentitiesOnly yes' "IdentityFile $T/id.pub"
    status_is 0
    stderr_has 'because="the agent did not sign for muster"'
}

@test "two tries and six keys; IdentitiesOnly chooses" {
    start_sshd 127.0.0.1 'MaxAuthTries 2'
    local name
    for name in a b c d e; do new_key $name; done
    start_agent a b c d e id
    run_with "IdentityFile $T/none"
    reason_is auth
    detail_has 'Too many authentication failures: tried 2 keys of the agent; 4 more were not tried: IdentitiesOnly with an IdentityFile'
    run_with 'IdentitiesOnly yes' "IdentityFile $T/id.pub"
    status_is 0
    # the one that is offered first counts, whatever else there is
    run_with "IdentityFile $T/id"
    status_is 0
}

@test "two keys are wanted, and the same one is not offered twice" {
    start_sshd 127.0.0.1 'AuthenticationMethods publickey,publickey'
    new_key other
    cat other.pub >>authorized
    run_with 'IdentityAgent none' "IdentityFile $T/id" "IdentityFile $T/other"
    status_is 0
    run_with 'IdentityAgent none' "IdentityFile $T/id"
    reason_is auth
    detail_has "it took $T/id, but wants more"
}

# an sshd with PAM in a mount namespace of its own, where the user's password is 'open sesame', or
# none with HASH set to nothing
start_pam_sshd() { # ADDRESS LINES...
    [ "$(id -u)" = 0 ] || skip "needs root to mount"
    local address=$1 hash=${HASH-$(openssl passwd -6 'open sesame')}
    shift
    echo "root:$hash:19000:0:99999:7:::" >shadow
    printf '%s\n' 'auth required pam_unix.so nullok nodelay' 'account required pam_permit.so' \
        'session required pam_permit.so' >pam
    start_sshd "$address" 'UsePAM yes' 'PermitRootLogin yes' "$@"
    kill "$(cat "sshd-$address.pid")"
    wait_for sh -c "! test -e sshd-$address.pid"
    unshare -m sh -c "mount --bind $T/pam /etc/pam.d/sshd && mount --bind $T/shadow /etc/shadow &&
        exec $(command -v sshd || echo /usr/sbin/sshd) -D -f $T/sshd-$address.conf -E $T/sshd-$address.log" 3>&- &
    wait_for listens "$address" 2222
}

# runs a command on a terminal of its own, which types an answer each time it is asked for one
on_terminal() { # ANSWERS COMMAND...
    python3 - "$@" 3>&- <<'PY'
import os, pty, select, sys
answers = sys.argv[1].split("|")
pid, tty = pty.fork()
if pid == 0:
    out = os.open("out", os.O_CREAT | os.O_WRONLY | os.O_TRUNC); os.dup2(out, 1)
    err = os.open("err", os.O_CREAT | os.O_WRONLY | os.O_TRUNC); os.dup2(err, 2)
    os.execvp(sys.argv[2], sys.argv[2:])
shown = b""
with open("terminal", "wb") as log:
    while True:
        if not select.select([tty], [], [], 30)[0]:
            os.kill(pid, 9)
        try:
            data = os.read(tty, 4096)
        except OSError:
            break
        log.write(data); log.flush()
        shown += data
        if shown.endswith(b": ") and answers:
            os.write(tty, answers.pop(0).encode() + b"\n")
            shown = b""
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
PY
}

asked() { # TIMES
    [ "$(grep -o 'Pass[a-z]*[^:]*: ' terminal | wc -l)" -eq "$1" ] || fail "the terminal showed: $(cat terminal)"
}

@test "an encrypted key: asked for once, for five servers" {
    start_sshd 0.0.0.0
    ssh-keygen -q -p -P '' -N geheimnis -f id >/dev/null
    on_terminal geheimnis "$MUSTER" run -F ssh_config '127.0.0.[1-5]' --json
    output=$(cat out)
    json_is .passed 5
    asked 1
    ! grep -r geheimnis terminal err out state
    # a wrong one is asked for again; Enter does without
    on_terminal 'no|geheimnis' "$MUSTER" run -F ssh_config 127.0.0.1 -q
    asked 2
    status=0
    on_terminal 'no|' "$MUSTER" run -F ssh_config 127.0.0.1 --json || status=$?
    status_is 1
    output=$(cat out)
    reason_is auth
    detail_has "would take $T/id, which is encrypted and its passphrase was not given"
    asked 2
    # in the agent it is not asked for
    printf '#!/bin/sh\necho geheimnis\n' >askpass && chmod +x askpass
    eval "$(ssh-agent -s)" >/dev/null
    echo "$SSH_AGENT_PID" >ssh-agent.pid
    SSH_ASKPASS=$T/askpass SSH_ASKPASS_REQUIRE=force ssh-add -q id </dev/null 2>/dev/null
    on_terminal '' "$MUSTER" run -F ssh_config 127.0.0.1 -q
    asked 0
}

@test "an encrypted key of the jump host: asked for once" {
    start_sshd 127.0.0.1
    start_sshd 127.0.0.2
    new_key locked && cat locked.pub >>authorized
    ssh-keygen -q -p -P '' -N geheimnis -f locked >/dev/null
    {
        printf 'Host 127.0.0.2\n  IdentityFile %s\n  IdentitiesOnly yes\n' "$T/locked"
        printf 'Host a b\n  HostName 127.0.0.1\n  ProxyJump 127.0.0.2\n'
        grep -v IdentityFile ssh_config
        printf 'Match host 127.0.0.1\n  IdentityFile %s\n' "$T/id"
    } >ssh_config2
    on_terminal geheimnis "$MUSTER" run -F ssh_config2 a b --json
    asked 1
    output=$(cat out)
    json_is .passed 2
    natively
}

@test "an encrypted key: no terminal, or none that can be asked" {
    start_sshd 127.0.0.1
    ssh-keygen -q -p -P '' -N geheimnis -f id >/dev/null
    status=0
    setsid -w "$MUSTER" run -F ssh_config 127.0.0.1 --json >out 2>err </dev/null || status=$?
    status_is 1
    output=$(cat out)
    reason_is auth
    detail_has "would take $T/id, which is encrypted and there is no terminal to ask for its passphrase: ssh-add it"
    # one that libssh would crash on is named, and not asked for
    ssh-keygen -q -p -P geheimnis -N geheimnis -Z aes256-gcm@openssh.com -f id >/dev/null
    status=0
    on_terminal '' "$MUSTER" run -F ssh_config 127.0.0.1 --json || status=$?
    status_is 1
    output=$(cat out)
    detail_has 'encrypted with aes256-gcm@openssh.com, which only ssh-add can undo'
    asked 0
}

@test "a password after a key, by either method, once" {
    start_pam_sshd 127.0.0.1 'AuthenticationMethods publickey,password' 'PasswordAuthentication yes'
    start_pam_sshd 127.0.0.2 'AuthenticationMethods publickey,keyboard-interactive' 'KbdInteractiveAuthentication yes'
    start_pam_sshd 127.0.0.3 'PasswordAuthentication yes' 'KbdInteractiveAuthentication yes' 'PubkeyAuthentication no'
    on_terminal 'open sesame' "$MUSTER" run -F ssh_config '127.0.0.[1-3]' --ask-password --json
    asked 1
    status=0
    on_terminal 'closed sesame' "$MUSTER" run -F ssh_config '127.0.0.[1-3]' --ask-password --json || status=$?
    status_is 1
    output=$(cat out)
    json_is '.servers | map(.reason) | join(" ")' 'auth auth auth'
    detail_has "it took $T/id, but wants more; tried the password"
    [ "$(grep -c 'Failed password' sshd-127.0.0.3.log)" -eq 1 ] || fail "$(grep -n Failed sshd-127.0.0.3.log)"
    [ "$(grep -c 'Failed keyboard-interactive' sshd-127.0.0.3.log)" -eq 1 ] || fail "$(grep -n Failed sshd-127.0.0.3.log)"
    # what is switched off is not tried
    config_with 'PasswordAuthentication no' 'NumberOfPasswordPrompts 3'
    before=$(wc -l <sshd-127.0.0.3.log)
    on_terminal 'closed sesame' "$MUSTER" run -F ssh_config2 127.0.0.3 --ask-password -q || true
    ! tail -n "+$((before + 1))" sshd-127.0.0.3.log | grep 'Failed password'
    config_with 'NumberOfPasswordPrompts 0'
    before=$(wc -l <sshd-127.0.0.3.log)
    on_terminal 'open sesame' "$MUSTER" run -F ssh_config2 127.0.0.3 --ask-password -q || true
    ! tail -n "+$((before + 1))" sshd-127.0.0.3.log | grep -e Failed -e Accepted
}

@test "a password is asked for again when a run is resumed" {
    start_pam_sshd 127.0.0.1 'PasswordAuthentication yes' 'PubkeyAuthentication no'
    on_terminal 'closed sesame' "$MUSTER" run -F ssh_config -b none 127.0.0.1 --ask-password -q || true
    on_terminal 'open sesame' "$MUSTER" resume last --failed --json
    asked 1
    output=$(cat out)
    json_is '.servers[0].verdict' passed
    json_is '.servers[0].earlier[0].reason' auth
    ! grep -ar sesame state
}

@test "the servers' password is not given to a jump host" {
    start_pam_sshd 127.0.0.1 'PasswordAuthentication yes' 'PubkeyAuthentication no'
    start_pam_sshd 127.0.0.2 'PasswordAuthentication yes' 'PubkeyAuthentication no'
    { printf 'Host 127.0.0.2\n  ProxyJump 127.0.0.1\nHost *\n'; cat ssh_config; } >ssh_config2
    status=0
    on_terminal 'open sesame' "$MUSTER" run -F ssh_config2 -b none 127.0.0.2 --ask-password --json || status=$?
    status_is 1
    output=$(cat out)
    json_is '.servers[0].reason' auth
    ! grep -e 'Failed password' -e 'Accepted password' sshd-127.0.0.1.log
    # the server itself takes it
    on_terminal 'open sesame' "$MUSTER" run -F ssh_config -b none 127.0.0.2 --ask-password --json
}

@test "a user without a password" {
    HASH='' start_pam_sshd 127.0.0.1 'PasswordAuthentication yes' 'PermitEmptyPasswords yes'
    : >authorized
    new_key other
    run_with 'IdentityAgent none' "IdentityFile $T/id"
    status_is 0
    run_with 'IdentityAgent none' "IdentityFile $T/id" "IdentityFile $T/other"
    status_is 0
    run_with 'PubkeyAuthentication no'
    status_is 0
    natively
}

@test "rsa signatures: as PubkeyAcceptedAlgorithms says, by file and by agent; SHA-1 only there" {
    ssh-keygen -q -t rsa -b 2048 -N '' -f rsa
    cp rsa.pub authorized
    start_agent rsa
    local algorithm from
    for algorithm in ssh-rsa rsa-sha2-256 rsa-sha2-512; do
        start_sshd 127.0.0.1 "PubkeyAcceptedAlgorithms $algorithm"
        for from in "IdentityAgent none" "IdentityFile $T/none"; do
            run_with "$from" "IdentityFile $T/rsa" "PubkeyAcceptedAlgorithms $algorithm"
            status_is 0
            natively
            run_with "$from" "IdentityFile $T/rsa"
            status_is $([ $algorithm = rsa-sha2-512 ] && echo 0 || echo 1)
            mv rsa hidden 2>/dev/null || true
        done
        mv hidden rsa
        kill "$(cat sshd-127.0.0.1.pid)"
        wait_for sh -c '! test -e sshd-127.0.0.1.pid'
    done
}
