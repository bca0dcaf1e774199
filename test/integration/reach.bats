#!/usr/bin/env bats
# What ssh reaches, muster reaches; what ssh refuses, muster refuses, for the same reason.
#
# A case is a line of four fields between bars:
#
#   EXPECTED | SERVER | ssh_config | set-up
#
# EXPECTED is ok or a reason of muster's, and holds for ssh too, or the one and the other with a
# slash between. Lines of the ssh_config end with semicolons; the usual ones, in usual(), come after
# them. The set-up is shell, run in a folder that has what the usual lines name: id, id.pub and
# known_hosts. All of it is done twice, for ssh and for muster, and in the end both must have the
# same known_hosts. {D} is the folder of the case and {T} that of all cases, in scripts $D and $T.

load common.bash

setup_file() {
    scratch
    local name
    for name in ed25519 rsa ecdsa; do ssh-keygen -q -t $name -N '' -C '' -f host_$name; done
    for name in ca user_ca user other s1 s2 s3; do ssh-keygen -q -t ed25519 -N '' -C $name -f $name; done
    for name in rsa ecdsa dsa; do ssh-keygen -q -t $name -N '' -C $name -f user_$name; done
    cat user*.pub other.pub >authorized
    ssh-keygen -q -s ca -I host -h -n certified,127.0.0.1 host_ed25519.pub
    ssh-keygen -q -s user_ca -I user -n "$(id -un)" user.pub && mv user-cert.pub certificate
    ssh-keygen -q -s user_ca -I user -n "$(id -un)" -V 20200101:20200102 user.pub && mv user-cert.pub expired
    printf '127.0.0.1 localhost web1 web1.example.test certified\n10.7.0.1 far\n' >hosts
    [ "$(id -u)" != 0 ] || { mkdir -p /run/sshd && ip addr add 10.7.0.1/32 dev lo; }
    start 2222 host_ed25519 "HostKey $T/host_rsa" "HostKey $T/host_ecdsa" 'AcceptEnv REACH_*' <<TXT
Match LocalAddress 127.0.0.11
  MaxAuthTries 2
Match LocalAddress 127.0.0.12
  AuthenticationMethods publickey,publickey
Match LocalAddress 127.0.0.13
  PasswordAuthentication yes
  AuthenticationMethods publickey,password
Match LocalAddress 127.0.0.14
  ForceCommand echo This account is not available
Match LocalAddress 127.0.0.15
  PubkeyAuthentication no
Match LocalAddress 127.0.0.16
  Banner $T/hosts
Match LocalAddress 127.0.0.17
  AuthorizedKeysFile none
  TrustedUserCAKeys $T/user_ca.pub
Match LocalAddress 127.0.0.18
  PubkeyAcceptedAlgorithms ssh-ed25519
Match LocalAddress 127.0.0.19
  DenyUsers *
TXT
    start 2223 host_ed25519 'KexAlgorithms sntrup761x25519-sha512@openssh.com'
    start 2224 host_ed25519 "HostCertificate $T/host_ed25519-cert.pub"
    start 2225 host_ed25519 'Ciphers aes256-ctr' 'MACs hmac-sha2-512' 'KexAlgorithms diffie-hellman-group14-sha256'
    start 2226 s1
    for name in 2222 2223 2224 2225 2226; do wait_for listens 127.0.0.1 $name; done
}
teardown_file() { scratch_done; }

start() { # PORT KEY LINES...; Match blocks, which come last, are standard input
    local port=$1 key=$2
    shift 2
    {
        printf '%s\n' "Port $port" "HostKey $T/$key" "$@"
        cat - <<TXT
AuthorizedKeysFile $T/authorized
PidFile $T/$port.pid
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 1000
PrintMotd no
LogLevel VERBOSE
SetEnv SHLVL=2 XDG_CACHE_HOME=$T/remote
TXT
        [ "$port" != 2222 ] || cat
    } >"$port.conf"
    $(command -v sshd || echo /usr/sbin/sshd) -f "$port.conf" -E "$T/$port.log"
}

usual() {
    cat <<TXT
Host *
  Port 2222
  User $(id -un)
  IdentityFile {D}/id
  UserKnownHostsFile {D}/known_hosts
  GlobalKnownHostsFile /dev/null
  KexAlgorithms curve25519-sha256
TXT
}

# ---- words for set-ups ---------------------------------------------------------------------------

host_key() { # [TYPE]
    cut -d' ' -f1,2 "$T/host_${1:-ed25519}.pub"
}

pub() { # NAME
    cut -d' ' -f1,2 "$T/$1.pub"
}

known() { # LINES...: known_hosts is these
    printf '%s\n' "$@" >known_hosts
}

agent() { # KEYS...: an agent that has them
    eval "$(ssh-agent -s -a "$D/agent")" >/dev/null
    (cd "$T" && ssh-add -q "$@" 2>/dev/null)
}

needs_root() {
    [ "$(id -u)" = 0 ] || exit 77
}

# ---- one case ------------------------------------------------------------------------------------

# runs COMMAND where the servers have names
with_hosts() {
    if [ "$(id -u)" = 0 ]; then
        unshare -m sh -c 'mount --bind "$T/hosts" /etc/hosts && exec "$@"' sh "$@"
    else
        "$@"
    fi
}

ssh_says() { # SERVER
    with_hosts timeout 20 ssh -F ssh_config -o BatchMode=yes "$1" true >out 2>err </dev/null && echo ok && return
    if grep -qE 'Host key verification failed|HOST IDENTIFICATION HAS CHANGED' err; then
        echo host-key
    elif grep -qE 'Permission denied \(|Too many authentication failures' err; then
        echo auth
    else
        echo unreachable
    fi
}

muster_says() { # SERVER
    XDG_STATE_HOME=$D/state with_hosts timeout 20 "$MUSTER" run -F ssh_config -b none --retries 0 --json "$1" >out 2>err </dev/null
    # a configuration that is refused whatever the server: nothing is run
    [ $? != 2 ] || { echo unreachable && return; }
    # busy: another case is at the same server, in which this one is logged in
    jq -r '.servers[0] | if .reason == null or .reason == "busy" then "ok" else .reason end' out || echo nothing
}

# prints what one of both says, 77 for a case that does not apply; hidden names are left out
try_side() { # ssh|muster FOLDER SERVER CONFIG SETUP
    D=$2
    mkdir "$D" && cd "$D" || exit
    cp "$T/user" id && cp "$T/user.pub" id.pub && known "* $(host_key)"
    { tr ';' '\n' <<<"$4" && usual; } | sed -e "s#{D}#$D#g" -e "s#{T}#$T#g" >ssh_config
    eval "$5" >/dev/null 2>&1
    "${1}_says" "$3"
    [ -z "${SSH_AGENT_PID:-}" ] || kill "$SSH_AGENT_PID"
    sed 's/^|1|[^ ]*/|1|/' known_hosts 2>/dev/null | sort >known
}

one_case() { # FOLDER EXPECTED SERVER CONFIG SETUP
    local ssh muster rc=0
    ssh=$(try_side ssh "$1.ssh" "${@:3}") || rc=$?
    [ $rc != 77 ] || return 0
    muster=$(try_side muster "$1.muster" "${@:3}")
    [ "$ssh" = "${2%/*}" ] && [ "$muster" = "${2#*/}" ] && cmp -s "$1.ssh/known" "$1.muster/known" && return
    echo "$2 | $3 | $4 | $5"
    echo "  ssh: $ssh: $(tail -n 3 "$1.ssh/err")"
    echo "  muster: $muster: $(jq -r '.servers[0].detail' "$1.muster/out" 2>/dev/null || cat "$1.muster/err")"
    diff -U0 "$1.ssh/known" "$1.muster/known"
}

# runs the cases on standard input, some at a time
agree() {
    local expected server config setup n=0 folder
    folder=$(mktemp -d "$T/cases.XXXXXX")
    while IFS='|' read -r expected server config setup; do
        [ -n "$server" ] || continue
        n=$((n + 1))
        [ $n -le 4 ] || wait -n || true
        one_case "$folder/$n" "${expected// /}" "${server// /}" "$config" "$setup" >"$folder/$n.said" 2>&1 &
    done
    wait
    cat "$folder"/*.said
    [ $n -gt 0 ] && [ -z "$(cat "$folder"/*.said)" ]
}

@test "where to connect to" {
    agree <<'CASES'
ok | s | Host s; HostName 127.0.0.1 |
ok | 1 | Host 1; HostName 127.0.0.%h |
ok | s | Host !x *; HostName 127.0.0.1 |
unreachable | s | Host s; HostName 127.0.0.1; Port 2299 |
ok | s | Port=2222; HostName = "127.0.0.1" |
unreachable | nosuch.invalid | |
ok | s | HostName ::1 |
ok | s | HostName ::1; AddressFamily inet6 |
unreachable | s | HostName ::1; AddressFamily inet |
ok | s | HostName 127.0.0.1; AddressFamily inet |
ok | localhost | |
ok | 127.0.0.1 | BindAddress 127.0.0.5 |
unreachable | 127.0.0.1 | BindAddress 192.0.2.1 |
ok | 127.0.0.1 | BindInterface lo | needs_root
unreachable | 127.0.0.1 | BindInterface nosuch0 |
ok | 127.0.0.1 | ConnectTimeout 5; ConnectionAttempts 3; TCPKeepAlive no |
unreachable | 127.0.0.1 | Port 2299; ConnectTimeout 5; ConnectionAttempts 2 |
ok | 127.0.0.1 | ServerAliveInterval 5; ServerAliveCountMax 2; RekeyLimit 1M 60 |
ok | 127.0.0.1 | Compression yes |
ok | 127.0.0.1 | SetEnv REACH_A=1 REACH_B="two words"; SendEnv REACH_* LANG |
ok | 127.0.0.1 | ForwardAgent yes; RequestTTY force; LogLevel QUIET; Tunnel no; EscapeChar none |
ok | 127.0.0.1 | IPQoS cs1; NumberOfPasswordPrompts 1; VisualHostKey yes; StdinNull yes |
ok | 127.0.0.1 | PermitLocalCommand yes; LocalCommand touch {D}/local |
ok | 127.0.0.1 | ControlMaster auto; ControlPath {D}/master |
ok | 127.0.0.16 | |
ok/bad-output | 127.0.0.14 | |
CASES
}

@test "what ssh_config says, and of whom" {
    agree <<'CASES'
ok | web1 | CanonicalizeHostname yes; CanonicalDomains example.test; CanonicalizeMaxDots 0; Host web1.example.test; Port 2222; Host web1; Port 2222 | needs_root
unreachable | web1 | CanonicalizeHostname yes; CanonicalDomains nosuch.test; CanonicalizeFallbackLocal no | needs_root
ok | web1 | CanonicalizeHostname yes; CanonicalDomains nosuch.test | needs_root
ok | s | Match exec "test %h = s"; HostName 127.0.0.1 |
unreachable | s | Match exec "false"; HostName 127.0.0.1 |
unreachable | s | Host s; HostName 127.0.0.1; Match host 127.0.0.1; Port 2299 |
ok | s | Match originalhost s; HostName 127.0.0.1; Match originalhost 127.0.0.1; Port 2299 |
ok | s | HostName 127.0.0.1; Match host 127.0.0.1 user nosuch; Port 2299 |
ok | s | Include {D}/more/*; HostName 127.0.0.9 | mkdir more; echo 'HostName 127.0.0.1' >more/a; echo 'Port 2222' >more/b
ok | s | Host s; Include {D}/a {D}/b; Host *; Port 2299 | echo 'HostName 127.0.0.1' >a; echo 'Port 2222' >b
unreachable | 127.0.0.1 | NoSuchOption yes |
ok | 127.0.0.1 | IgnoreUnknown NoSuch*; NoSuchOption yes |
auth | 127.0.0.1 | User nosuch |
ok | s | Host s; HostName 127.0.0.1; Match final host 127.0.0.1; Compression yes |
CASES
}

@test "identities" {
    agree <<'CASES'
auth | 127.0.0.1 | | rm id
ok | 127.0.0.1 | IdentityFile {D}/none; IdentityFile {T}/s1 |
ok | 127.0.0.1 | IdentityFile {T}/user_rsa | rm id
ok | 127.0.0.1 | IdentityFile {T}/user_ecdsa | rm id
auth | 127.0.0.1 | IdentityFile {T}/user_dsa | rm id
auth | 127.0.0.1 | IdentityFile {T}/user_rsa; RequiredRSASize 4096 | rm id
ok | 127.0.0.1 | | ssh-keygen -q -p -N '' -m PEM -f id; rm id.pub
ok | 127.0.0.1 | IdentityFile {D}/rsa | rm id; cp $T/user_rsa rsa; ssh-keygen -q -p -P '' -N '' -m PKCS8 -f rsa
ok | 127.0.0.1 | IdentityFile {D}/rsa | rm id; cp $T/user_rsa rsa; ssh-keygen -q -p -P '' -N '' -m PEM -f rsa
auth | 127.0.0.1 | | ssh-keygen -q -p -P '' -N secret -f id
auth | 127.0.0.1 | | ssh-keygen -q -p -P '' -N secret -Z aes256-gcm@openssh.com -f id
auth | 127.0.0.1 | | ssh-keygen -q -p -P '' -N secret -Z chacha20-poly1305@openssh.com -f id
auth | 127.0.0.1 | | chmod 644 id
ok | 127.0.0.1 | | chmod 400 id; rm id.pub
auth | 127.0.0.1 | | rm id; mkdir id
auth | 127.0.0.1 | | : >id
auth | 127.0.0.1 | | head -c 200 $T/user >id
ok | 127.0.0.1 | | agent user; rm id
auth | 127.0.0.1 | IdentitiesOnly yes | agent user; rm id id.pub
ok | 127.0.0.1 | IdentitiesOnly yes | agent user; rm id
ok | 127.0.0.1 | IdentityAgent {D}/agent | agent user; rm id; unset SSH_AUTH_SOCK
ok | 127.0.0.1 | IdentityAgent $REACH_AGENT | agent user; rm id; export REACH_AGENT=$SSH_AUTH_SOCK; unset SSH_AUTH_SOCK
ok | 127.0.0.1 | IdentityAgent SSH_AUTH_SOCK | agent user; rm id
auth | 127.0.0.1 | IdentityAgent none | agent user; rm id
ok | 127.0.0.1 | IdentityAgent {D}/nothing |
auth | 127.0.0.11 | IdentityFile {D}/none | agent s1 s2 s3; rm id.pub
ok | 127.0.0.11 | | agent s1 s2 s3 user
ok | 127.0.0.11 | IdentitiesOnly yes | agent s1 s2 s3
auth | 127.0.0.11 | IdentityFile {T}/s1; IdentityFile {T}/s2; IdentityFile {T}/s3 |
ok | 127.0.0.12 | IdentityFile {T}/other |
auth | 127.0.0.12 | |
auth | 127.0.0.13 | |
auth | 127.0.0.15 | |
auth | 127.0.0.19 | |
ok | 127.0.0.18 | IdentityFile {T}/user_rsa |
auth | 127.0.0.18 | IdentityFile {T}/user_rsa | rm id
ok | 127.0.0.17 | CertificateFile {T}/certificate |
ok | 127.0.0.17 | | cp $T/certificate id-cert.pub
auth | 127.0.0.17 | |
auth | 127.0.0.17 | CertificateFile {T}/expired |
ok | 127.0.0.1 | CertificateFile {T}/expired |
ok | 127.0.0.17 | | cp $T/certificate id-cert.pub; agent "$D/id"; rm id*
auth | 127.0.0.1 | PubkeyAuthentication no |
ok | 127.0.0.1 | PasswordAuthentication no; KbdInteractiveAuthentication no; HostbasedAuthentication no |
ok | 127.0.0.1 | PreferredAuthentications keyboard-interactive,publickey |
auth | 127.0.0.1 | PreferredAuthentications password |
ok | 127.0.0.1 | GSSAPIAuthentication yes |
ok | 127.0.0.1 | PKCS11Provider /nonexistent |
auth | 127.0.0.1 | PubkeyAcceptedAlgorithms -ssh-ed25519* |
ok | 127.0.0.1 | PubkeyAcceptedAlgorithms +ssh-rsa |
ok | 127.0.0.1 | PubkeyAcceptedAlgorithms ^rsa-sha2-512; IdentityFile {T}/user_rsa | rm id
CASES
}

@test "algorithms" {
    agree <<'CASES'
ok | 127.0.0.1 | Port 2223; KexAlgorithms +diffie-hellman-group1-sha1 |
unreachable | 127.0.0.1 | Port 2223; KexAlgorithms curve25519-sha256 |
ok | 127.0.0.1 | Port 2225; KexAlgorithms +diffie-hellman-group1-sha1 |
ok | 127.0.0.1 | KexAlgorithms ecdh-sha2-nistp256 |
ok | 127.0.0.1 | KexAlgorithms ^ecdh-sha2-nistp384 |
unreachable | 127.0.0.1 | Port 2225; KexAlgorithms -diffie-hellman-group14-sha256 |
ok | 127.0.0.1 | Port 2225; KexAlgorithms +diffie-hellman-group1-sha1 |
unreachable | 127.0.0.1 | Port 2225; Ciphers aes128-ctr; KexAlgorithms diffie-hellman-group14-sha256 |
ok | 127.0.0.1 | Port 2225; Ciphers ^aes256-ctr; MACs ^hmac-sha2-512; KexAlgorithms diffie-hellman-group14-sha256 |
unreachable | 127.0.0.1 | Port 2225; MACs -hmac-sha2-512; KexAlgorithms diffie-hellman-group14-sha256 |
ok | 127.0.0.1 | Ciphers chacha20-poly1305@openssh.com |
ok | 127.0.0.1 | MACs umac-64@openssh.com; Ciphers aes128-ctr |
ok | 127.0.0.1 | | known "* $(host_key rsa)"
ok | 127.0.0.1 | | known "* $(host_key ecdsa)"
ok | 127.0.0.1 | HostKeyAlgorithms rsa-sha2-256 | known "* $(host_key rsa)"
host-key | 127.0.0.1 | HostKeyAlgorithms ecdsa-sha2-nistp256 |
host-key | 127.0.0.1 | HostKeyAlgorithms ecdsa-sha2-nistp256,ssh-ed25519 |
host-key | 127.0.0.1 | HostKeyAlgorithms ^ecdsa-sha2-nistp256 |
ok | 127.0.0.1 | HostKeyAlgorithms -ssh-ed25519 | known "* $(host_key rsa)"
ok | 127.0.0.1 | HostKeyAlgorithms -ecdsa-sha2-nistp256 | known "* $(host_key rsa)"
ok | 127.0.0.1 | HostKeyAlgorithms +ssh-rsa | known "* $(host_key rsa)"
unreachable | 127.0.0.1 | HostKeyAlgorithms ecdsa-sha2-nistp521 |
unreachable | 127.0.0.1 | HostKeyAlgorithms rsa-sha2-512; RequiredRSASize 4096 | known "* $(host_key rsa)"
unreachable | 127.0.0.1 | Ciphers nosuch |
CASES
}

@test "jump hosts and commands" {
    agree <<'CASES'
ok | s | Host s; HostName 127.0.0.1; ProxyJump 127.0.0.2 |
ok | s | Host s; HostName 127.0.0.1; ProxyJump 127.0.0.2,127.0.0.3 |
ok | s | Host s; HostName 127.0.0.1; ProxyJump none; ProxyJump 127.0.0.9 |
ok | s | Host s; HostName 127.0.0.1; ProxyJump b; Host b; HostName 127.0.0.2; HostKeyAlias b; IdentityFile {T}/other | known "b $(host_key)" "[127.0.0.1]:2222 $(host_key)"
ok | s | Host s; HostName 127.0.0.1; ProxyJump a; Host a; HostName 127.0.0.2; ProxyJump b; Host b; HostName 127.0.0.3 |
host-key | s | Host s; HostName 127.0.0.1; ProxyJump 127.0.0.2 | known "[127.0.0.1]:2222 $(host_key)"
host-key | s | Host s; HostName 127.0.0.1; ProxyJump 127.0.0.2 | known "[127.0.0.2]:2222 $(host_key)"
auth | s | Host s; HostName 127.0.0.1; ProxyJump nosuch@127.0.0.2 |
auth | s | Host s; HostName 127.0.0.1; User nosuch; ProxyJump 127.0.0.2 |
unreachable | s | Host s; HostName 127.0.0.1; ProxyJump 127.0.0.2:2299 |
unreachable | s | Host s; HostName 127.0.0.1; Port 2299; ProxyJump 127.0.0.2 |
ok | s | HostName 127.0.0.1; StrictHostKeyChecking accept-new; HashKnownHosts no; Host s; ProxyJump 127.0.0.2 | rm known_hosts
ok | s | Host s; ProxyCommand ssh -F {D}/ssh_config -o BatchMode=yes -W 127.0.0.1:%p 127.0.0.2 |
ok | s | Host s; ProxyCommand /usr/sbin/sshd -i -f {T}/2222.conf |
ok | s | Host s; ProxyCommand /usr/sbin/sshd -i -f {T}/2222.conf; CheckHostIP yes; StrictHostKeyChecking accept-new | rm known_hosts
unreachable | s | Host s; ProxyCommand false |
unreachable | s | Host s; ProxyCommand echo nothing here; exit 3 |
ok | 127.0.0.1 | ProxyCommand none |
CASES
}

@test "known_hosts" {
    agree <<'CASES'
ok | 127.0.0.1 | | known "[127.0.0.1]:2222 $(host_key)"
ok | 127.0.0.1 | | known "127.0.0.1 $(host_key)"
ok | 127.0.0.1 | | known "127.0.0.1 $(host_key)"; ssh-keygen -q -H -f known_hosts
host-key | 127.0.0.1 | | rm known_hosts
host-key | 127.0.0.1 | StrictHostKeyChecking yes | rm known_hosts
host-key | 127.0.0.1 | StrictHostKeyChecking ask | rm known_hosts
ok | 127.0.0.1 | StrictHostKeyChecking accept-new; HashKnownHosts no | rm known_hosts
ok | 127.0.0.1 | StrictHostKeyChecking accept-new; HashKnownHosts yes | rm known_hosts
ok | 127.0.0.1 | StrictHostKeyChecking no | rm known_hosts
ok | 127.0.0.1 | StrictHostKeyChecking off; HashKnownHosts no | known '# a comment'
ok | 127.0.0.1 | StrictHostKeyChecking accept-new; HashKnownHosts no; UserKnownHostsFile {D}/a {D}/known_hosts | rm known_hosts
ok | 127.0.0.1 | StrictHostKeyChecking accept-new; UserKnownHostsFile /dev/null |
host-key | 127.0.0.1 | StrictHostKeyChecking accept-new; UserKnownHostsFile none |
host-key | 127.0.0.1 | StrictHostKeyChecking no; UserKnownHostsFile none |
ok | 127.0.0.1 | StrictHostKeyChecking accept-new; UserKnownHostsFile {D}/id/file | rm known_hosts
host-key | 127.0.0.1 | StrictHostKeyChecking accept-new | known "* $(pub s1)"
host-key | 127.0.0.1 | StrictHostKeyChecking yes | known "* $(pub s1)"
ok | 127.0.0.1 | StrictHostKeyChecking no | known "* $(pub s1)"
ok | 127.0.0.1 | StrictHostKeyChecking off; PasswordAuthentication yes | known "* $(pub s1)"
host-key | 127.0.0.1 | | known "@revoked * $(host_key)" "* $(host_key)"
host-key | 127.0.0.1 | StrictHostKeyChecking accept-new | known "@revoked * $(host_key)"
ok | 127.0.0.1 | StrictHostKeyChecking no | known "@revoked * $(host_key)"
host-key | 127.0.0.1 | | known "!127.0.0.1,![127.0.0.1]:2222,* $(host_key)"
ok | 127.0.0.1 | | known "![127.0.0.1]:2222,* $(host_key)"
ok | 127.0.0.1 | UserKnownHostsFile {D}/none {D}/known_hosts |
ok | 127.0.0.1 | UserKnownHostsFile "{D}/two words" {D}/none | mv known_hosts 'two words'
ok | 127.0.0.1 | UserKnownHostsFile {D}/none; GlobalKnownHostsFile {D}/none {D}/known_hosts |
host-key | 127.0.0.1 | GlobalKnownHostsFile {D}/global | known "* $(pub s1)"; echo "[127.0.0.2]:2222 $(host_key)" >global
ok | 127.0.0.1 | HostKeyAlias web | known "web $(host_key)"
host-key | 127.0.0.1 | HostKeyAlias web | known "[127.0.0.1]:2222 $(host_key)"
ok | 127.0.0.1 | HostKeyAlias web; StrictHostKeyChecking accept-new; HashKnownHosts no | rm known_hosts
host-key | 127.0.0.1 | HostKeyAlias web; StrictHostKeyChecking accept-new | known "web $(pub s1)"
ok | s | HostName 127.0.0.1 | known "[127.0.0.1]:2222 $(host_key)"
host-key | s | HostName 127.0.0.1 | known "[s]:2222 $(host_key)"
ok | 127.0.0.1 | StrictHostKeyChecking accept-new; HashKnownHosts no | known "127.0.0.1 $(pub s1)"
ok | 127.0.0.1 | UpdateHostKeys no; VerifyHostKeyDNS yes |
host-key | 127.0.0.1 | VerifyHostKeyDNS yes | rm known_hosts
CASES
}

@test "addresses and this machine" {
    [ "$(id -u)" = 0 ] || skip "needs root for an address that is not this machine's own"
    agree <<'CASES'
ok | far | CheckHostIP yes; HashKnownHosts no | known "[far]:2222 $(host_key)"
ok | far | CheckHostIP yes; HashKnownHosts yes | known "[far]:2222 $(host_key)"
ok | far | CheckHostIP yes | known "[far]:2222 $(host_key)" "[10.7.0.1]:2222 $(host_key)"
host-key | far | CheckHostIP yes | known "[far]:2222 $(host_key)" "[10.7.0.1]:2222 $(pub s1)"
host-key | far | CheckHostIP yes; StrictHostKeyChecking yes | known "[far]:2222 $(host_key)" "[10.7.0.1]:2222 $(pub s1)"
host-key | far | CheckHostIP yes; StrictHostKeyChecking accept-new | known "[10.7.0.1]:2222 $(pub s1)"
ok | far | CheckHostIP yes; StrictHostKeyChecking no | known "[far]:2222 $(host_key)" "[10.7.0.1]:2222 $(pub s1)"
ok | far | CheckHostIP no | known "[far]:2222 $(host_key)" "[10.7.0.1]:2222 $(pub s1)"
ok | far | CheckHostIP yes; HashKnownHosts no; StrictHostKeyChecking accept-new | rm known_hosts
ok | far | CheckHostIP yes; HashKnownHosts yes; StrictHostKeyChecking accept-new | rm known_hosts
ok | far | CheckHostIP yes; HashKnownHosts no; StrictHostKeyChecking accept-new | known "[10.7.0.1]:2222 $(host_key)"
host-key | far | CheckHostIP yes | known "[10.7.0.1]:2222 $(host_key)"
ok | far | CheckHostIP yes; StrictHostKeyChecking no; HashKnownHosts no | rm known_hosts
ok | far | CheckHostIP yes; StrictHostKeyChecking no; HashKnownHosts no | known "[far]:2222 $(pub s1)"
ok | far | CheckHostIP yes; HashKnownHosts no | known "far $(host_key)"
host-key | far | CheckHostIP yes; HashKnownHosts no | known "far $(host_key)" "10.7.0.1 $(pub s1)"
host-key | far | CheckHostIP yes; HashKnownHosts no | known "far $(host_key)" "[10.7.0.1]:2222 $(pub s1)"
ok | far | CheckHostIP yes; HashKnownHosts no | known "@revoked 10.7.0.1 $(host_key)" "far $(host_key)"
ok | far | CheckHostIP yes; HashKnownHosts no | known "@revoked [10.7.0.1]:2222 $(host_key)" "[far]:2222 $(host_key)"
ok | far | CheckHostIP yes; HostKeyAlias web; HashKnownHosts no | known "web $(host_key)"
host-key | far | CheckHostIP yes; HostKeyAlias web; HashKnownHosts no | known "web $(host_key)" "[10.7.0.1]:2222 $(pub s1)"
ok | 10.7.0.1 | CheckHostIP yes; StrictHostKeyChecking accept-new; HashKnownHosts no | rm known_hosts
ok | 127.0.0.1 | CheckHostIP yes; StrictHostKeyChecking accept-new; HashKnownHosts no | rm known_hosts
ok | web1 | CheckHostIP yes; StrictHostKeyChecking accept-new; HashKnownHosts no | rm known_hosts
ok | s | Host s; HostName 10.7.0.1; ProxyJump 127.0.0.2; CheckHostIP yes; HashKnownHosts no | known "[127.0.0.2]:2222 $(host_key)" "s $(host_key)" "10.7.0.1 $(host_key)"
ok | far | HostName 10.7.0.1; CheckHostIP yes; HashKnownHosts no |
ok | 127.0.0.1 | NoHostAuthenticationForLocalhost yes | rm known_hosts
ok | localhost | NoHostAuthenticationForLocalhost yes | known "* $(pub s1)"
ok | web1 | NoHostAuthenticationForLocalhost yes | rm known_hosts
ok | s | NoHostAuthenticationForLocalhost yes; HostName ::1 | rm known_hosts
ok | 127.0.0.1 | NoHostAuthenticationForLocalhost yes | known "@revoked * $(host_key)"
host-key | 127.0.0.1 | NoHostAuthenticationForLocalhost yes; RevokedHostKeys {T}/host_ed25519.pub | rm known_hosts
host-key | far | NoHostAuthenticationForLocalhost yes | rm known_hosts
host-key | 127.0.0.1 | NoHostAuthenticationForLocalhost yes; HostKeyAlias web | rm known_hosts
ok | 127.0.0.1 | NoHostAuthenticationForLocalhost yes; StrictHostKeyChecking accept-new; HashKnownHosts no | rm known_hosts
host-key | localhost | Host localhost; NoHostAuthenticationForLocalhost yes; ProxyJump 127.0.0.2 | known "[127.0.0.2]:2222 $(host_key)"
CASES
}

@test "revoked keys and host certificates" {
    agree <<'CASES'
host-key | 127.0.0.1 | RevokedHostKeys {T}/host_ed25519.pub |
ok | 127.0.0.1 | RevokedHostKeys {T}/s1.pub |
ok | 127.0.0.1 | RevokedHostKeys {T}/host_rsa.pub |
host-key | 127.0.0.1 | RevokedHostKeys {D}/none |
host-key | 127.0.0.1 | RevokedHostKeys {D} |
ok | 127.0.0.1 | RevokedHostKeys none |
ok | 127.0.0.1 | RevokedHostKeys /dev/null |
host-key | 127.0.0.1 | RevokedHostKeys {T}/host_ed25519.pub; StrictHostKeyChecking no |
host-key | 127.0.0.1 | RevokedHostKeys {T}/host_ed25519.pub; StrictHostKeyChecking accept-new | rm known_hosts
host-key | 127.0.0.1 | RevokedHostKeys {D}/keys | { echo '# these'; echo; pub s1; echo "  $(host_key) a comment"; } >keys
host-key | 127.0.0.1 | RevokedHostKeys {D}/keys | { echo 'ssh-ed25519 rubbish'; host_key | tr '\n' '\r'; echo; } >keys
host-key | 127.0.0.1 | RevokedHostKeys {D}/keys | echo 'ssh-ed25519 rubbish' >keys
host-key | 127.0.0.1 | RevokedHostKeys {D}/keys | echo "* $(pub s1)" >keys
host-key | 127.0.0.1 | RevokedHostKeys {D}/keys | printf '%s\r\n' "$(host_key)" >keys
ok | 127.0.0.1 | RevokedHostKeys {D}/keys | printf '%s\r\n' "$(pub s1)" >keys
host-key | 127.0.0.1 | RevokedHostKeys {D}/keys | printf '%s\n\r\n' "$(pub s1)" >keys
host-key | 127.0.0.1 | RevokedHostKeys {D}/keys | { pub s1; echo "no key"; } >keys
ok | 127.0.0.1 | RevokedHostKeys {D}/keys | { echo "#$(host_key)"; echo "ssh-rsa AAAA"; } | head -n 1 >keys
ok | 127.0.0.1 | RevokedHostKeys {D}/keys | : >keys
host-key | 127.0.0.1 | RevokedHostKeys {D}/keys | cut -d" " -f1,2 $T/host_ed25519-cert.pub >keys
host-key | 127.0.0.1 | RevokedHostKeys {D}/krl | ssh-keygen -q -k -f krl $T/host_ed25519.pub
ok | 127.0.0.1 | RevokedHostKeys {D}/krl | ssh-keygen -q -k -f krl $T/s1.pub
host-key | 127.0.0.1 | RevokedHostKeys {D}/krl | ssh-keygen -q -k -f krl $T/s1.pub; truncate -s 30 krl
ok | 127.0.0.1 | Port 2224 | known "@cert-authority * $(pub ca)"
host-key | 127.0.0.1 | Port 2224 | known "@cert-authority * $(pub s1)"
host-key | 127.0.0.2 | Port 2224 | known "@cert-authority * $(pub ca)"
ok | 127.0.0.2 | Port 2224; HostKeyAlias certified | known "@cert-authority certified $(pub ca)"
ok | 127.0.0.1 | Port 2224 | known "@cert-authority * $(pub ca)" "* $(pub s1)"
ok | 127.0.0.2 | Port 2224 | known "@cert-authority * $(pub ca)" "* $(host_key)"
host-key | 127.0.0.2 | Port 2224 | known "@cert-authority * $(pub ca)" "* $(pub s1)"
ok | 127.0.0.1 | Port 2224 |
ok | 127.0.0.1 | Port 2222 | known "@cert-authority * $(pub ca)" "* $(host_key)"
host-key | 127.0.0.1 | Port 2222 | known "@cert-authority * $(pub ca)"
host-key | 127.0.0.1 | Port 2224 | known "@revoked * $(pub ca)" "* $(host_key)"
host-key | 127.0.0.1 | Port 2224 | known "@revoked * $(pub ca)" "@cert-authority * $(pub ca)" "* $(host_key)"
ok | 127.0.0.1 | Port 2224; HostKeyAlgorithms ssh-ed25519 | known "@revoked * $(pub ca)" "* $(host_key)"
ok | 127.0.0.1 | Port 2224 | known "@revoked * $(pub s1)" "* $(host_key)"
ok | 127.0.0.1 | Port 2222 | known "@revoked * $(pub s1)" "* $(host_key)"
host-key | 127.0.0.1 | Port 2224; RevokedHostKeys {T}/ca.pub |
host-key | 127.0.0.1 | Port 2224; RevokedHostKeys {T}/ca.pub; StrictHostKeyChecking no |
ok | 127.0.0.1 | Port 2224; StrictHostKeyChecking no | known "@revoked * $(pub ca)"
ok | 127.0.0.1 | Port 2224; StrictHostKeyChecking accept-new; HashKnownHosts no | known "@cert-authority * $(pub s1)"
ok | 127.0.0.1 | Port 2224; StrictHostKeyChecking accept-new; HashKnownHosts no | rm known_hosts
ok | 127.0.0.1 | KnownHostsCommand /bin/cat {D}/more | mv known_hosts more
host-key | 127.0.0.1 | KnownHostsCommand /bin/cat /dev/null | rm known_hosts
CASES
}

@test "a key that was new is a known one for the rest of the run" {
    mkdir "$T/run" && cd "$T/run"
    cp "$T/user" id
    echo 'HostKeyAlias web' >ssh_config
    usual | sed -e "s#{D}#$PWD#" >>ssh_config
    echo '  StrictHostKeyChecking accept-new' >>ssh_config
    run muster run -F ssh_config -b none -f 1 --json 127.0.0.1:2222 127.0.0.1:2226 127.0.0.1:2224
    status_is 1
    json_is '.servers | map(.reason // "none") | join(" ")' 'none host-key none'
    json_is '.servers[1].detail | contains("changed within this run")' true
    [ "$(wc -l <known_hosts)" -eq 1 ] || fail "$(cat known_hosts)"
}

@test "the ssh program is not needed for what can be judged without it" {
    mkdir "$T/native" && cd "$T/native"
    cp "$T/user" id
    printf '%s\n' "@revoked * $(pub s1)" "@cert-authority * $(pub ca)" "* $(host_key)" >known_hosts
    { echo "RevokedHostKeys $T/s2.pub"; echo 'NoHostAuthenticationForLocalhost no'; } >ssh_config
    { echo 'CheckHostIP yes'; usual | sed -e "s#{D}#$PWD#"; } >>ssh_config
    run muster run -F ssh_config -b none --json 127.0.0.1
    status_is 0
    ! grep 'carried by the ssh program' "$T/err" || fail "it was carried"
    run muster run -F ssh_config -b none --json 127.0.0.1:2224
    status_is 0
    stderr_has 'it may have a host certificate'
}
