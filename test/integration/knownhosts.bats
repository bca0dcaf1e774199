# Known_hosts files as ssh itself judges them, beside what muster says.
#
# sshd runs as ssh's ProxyCommand, so any host name and port will do and nothing listens. ssh is
# asked twice: what it accepts under StrictHostKeyChecking=yes is known, what it accepts only under
# accept-new is unknown, and the rest is changed or revoked.

setup_file() {
    cd "$BATS_FILE_TMPDIR"
    judge="$BATS_TEST_DIRNAME/../../build/test/support/knownhosts_judge"
    export judge
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
    for name in host other; do ssh-keygen -q -t ed25519 -N '' -C '' -f $name; done
    ssh-keygen -q -t rsa -b 2048 -N '' -C '' -f rsa
    ssh-keygen -q -t ecdsa -N '' -C '' -f ecdsa
    for name in web1 '[web1]:2222' other1; do
        echo "$name $(cut -d' ' -f1,2 host.pub)" >hidden
        ssh-keygen -q -H -f hidden 2>/dev/null
        cut -d' ' -f1 hidden >"hidden-$name"
    done
    printf 'HostKey %s/host\nStrictModes no\nPidFile none\nLogLevel QUIET\n' "$PWD" >sshd_config
}

ssh_accepts() { # HOST PORT MODE
    ssh -F none -p "$2" -o BatchMode=yes -o PreferredAuthentications=none -o LogLevel=ERROR \
        -o UserKnownHostsFile=/dev/null -o GlobalKnownHostsFile="$PWD/known_hosts" \
        -o StrictHostKeyChecking="$3" -o ProxyCommand="/usr/sbin/sshd -i -f $PWD/sshd_config" \
        -- "$1" true >"said-$3" 2>&1 </dev/null && return 0
    grep -q 'Permission denied' "said-$3" && return 0
    grep -q 'Host key verification failed' "said-$3" && return 1
    cat "said-$3" >&2
    exit 9
}

ssh_says() { # HOST PORT
    if ssh_accepts "$1" "$2" yes; then
        echo match
    elif ssh_accepts "$1" "$2" accept-new; then
        echo unknown
    elif grep -q 'REVOKED HOST KEY' said-accept-new; then
        echo revoked
    else
        echo changed
    fi
}

# Lines of HOST PORT TEXT on standard input, where H, O, R and E stand for the host's key, another of
# its type, and an RSA and an ECDSA key, H1, H2 and H3 for the hidden names; \n and \t as of printf.
agree() {
    cd "$BATS_FILE_TMPDIR"
    key=$(cut -d' ' -f2 host.pub)
    cases=0
    while read -r host port text; do
        text=$(printf '%s' "$text" | sed -e "s#{H}#$(cut -d' ' -f1,2 host.pub)#g" \
            -e "s#{O}#$(cut -d' ' -f1,2 other.pub)#g" -e "s#{R}#$(cut -d' ' -f1,2 rsa.pub)#g" \
            -e "s#{E}#$(cut -d' ' -f1,2 ecdsa.pub)#g" -e "s#{K}#$key#g" \
            -e "s#{H1}#$(cat hidden-web1)#g" -e "s#{H2}#$(cat 'hidden-[web1]:2222')#g" \
            -e "s#{H3}#$(cat hidden-other1)#g")
        printf "$text" >known_hosts
        expected=$(ssh_says "$host" "$port")
        got=$("$judge" "$host" "$port" "$key" known_hosts)
        if [ "$got" != "$expected" ]; then
            printf '%s:%s: ssh says %s, muster %s:\n%s\n' "$host" "$port" "$expected" "$got" "$text"
            return 1
        fi
        cases=$((cases + 1))
    done
    echo "# $cases files" >&3
}

@test "names, ports, types and lines" {
    agree <<'CASES'
web1 22 web1 {H}\n
web1 22 web1 {H}
web1 22 web2 {H}\n
web1 22 web1 {O}\n
web1 22 web1 {R}\n
web1 22 web1 {E}\n
web1 22 web1 {O}\nweb1 {H}\n
web1 22 web1 {R}\nweb1 {H}\n
web1 22 WEB1 {H}\n
WEB1 22 web1 {H}\n
web1 22 a,web1,b {H} a comment\n
web1 22 web1,a {O}\n
web1 22 # a comment\n\n  web1\t{H}\n
web1 22 web1 {H}\r\n
web1 22 web1 {H} comment\r\n
web1 22 #web1 {H}\n
web1 22 \r\nweb1 {H}\n
web1 22 web1\n
web1 22 web1 \n
web1 22 web1 ssh-ed25519\n
web1 22 web1 ssh-ed25519 \n
web1 22 web1 ssh-ed25519 AAAA\n
web1 22 web1 ssh-rsa {K}\n
web1 22 web1 SSH-ED25519 {K}\n
web1 22 web1 1024 35 123456789\n
web1 22 web1 # {O}\n
web1 22 web1 ssh-ed25519 {K}=\n
web1 22 web1 ssh-ed25519 {K}AAAA\n
web1 2222 [web1]:2222 {H}\n
web1 2222 [web1]:2222 {O}\n
web1 2222 web1 {H}\n
web1 2222 web1 {O}\n
web1 2222 [web1]:2222 {O}\nweb1 {H}\n
web1 22 [web1]:22 {H}\n
web1 2222 [web1]:2223 {O}\n
web1 2222 [web1]:* {H}\n
web1 2222 [web?]:2222 {H}\n
2001:db8::7 22 2001:db8::7 {H}\n
2001:DB8::7 22 2001:db8::7 {H}\n
2001:db8::7 2222 [2001:db8::7]:2222 {H}\n
CASES
}

@test "patterns, markers and hidden names" {
    agree <<'CASES'
web1 22 web* {H}\n
web1 22 web? {H}\n
web12 22 web? {H}\n
web1 22 * {H}\n
web1 22 w*b*1 {H}\n
web1 22 w**1 {O}\n
web1 22 web*,!web1 {H}\n
web1 22 !web1,web* {O}\n
web2 22 web*,!web1 {H}\n
web1 22 !web2 {H}\n
web1 22 !web1,web1 {O}\n
web1 22 !*,web1 {H}\n
web1 2222 * {O}\n
web1 22 @revoked web1 {H}\n
web1 22 web1 {H}\n@revoked * {H}\n
web1 22 @revoked * {O}\nweb1 {H}\n
web1 22 @revoked web2 {H}\nweb1 {H}\n
web1 22 @revoked * {R}\n
web1 22 @revoked\tweb1 {H}\n
web1 22 @revoked\tweb1\tssh-ed25519\t{K}\n
web1 22 @revoked @revoked web1 {H}\n
web1 22 @unknown web1 {O}\n
web1 22 @cert-authority web1 {H}\n
web1 22 @cert-authority * {O}\n
web1 22 @cert-authority * {O}\nweb1 {H}\n
web1 22 {H1} {H}\n
WEB1 22 {H1} {H}\n
web1 22 {H1} {O}\n
web1 22 {H3} {O}\n
web1 2222 {H2} {H}\n
web1 2222 {H2} {O}\n
web1 2222 {H1} {H}\n
web1 22 {H2} {H}\n
web1 22 {H1},web1 {O}\n
web1 22 @revoked {H1} {H}\n
web1 22 |1|x|y {O}\n
web1 22 | {O}\n
CASES
}

@test "a revoked bare name is refused at other ports, too, where ssh only warns" {
    cd "$BATS_FILE_TMPDIR"
    echo "@revoked web1 $(cut -d' ' -f1,2 host.pub)" >known_hosts
    [ "$(ssh_says web1 2222)" = unknown ]
    grep -q 'REVOKED HOST KEY' said-accept-new
    [ "$("$judge" web1 2222 "$(cut -d' ' -f2 host.pub)" known_hosts)" = revoked ]
}
