# What the integration tests share: a scratch folder, muster as a user runs it, and real sshds.
#
# Every test file has a scratch folder $T, removed at its end; the state of muster is in it. An sshd
# listens on port 2222 of an address of 127.0.0.0/8: the test runner gives each file a network
# namespace of its own.

: "${MUSTER:=$BATS_TEST_DIRNAME/../../build/muster}"
export TZ=UTC LC_ALL=C.UTF-8
bats_require_minimum_version 1.5.0

scratch() {
    T=$(mktemp -d "${TMPDIR:-/tmp}/muster-test.XXXXXX")
    export T XDG_STATE_HOME=$T/state XDG_CACHE_HOME=$T/cache
    unset SSH_AUTH_SOCK
    cd "$T" || return 1
}

scratch_done() {
    local pid
    for pid in $(cat "$T"/*.pid 2>/dev/null); do
        kill "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    cd / && rm -rf "$T"
}

# muster, with standard error in $T/err, so that `run` sees standard output alone
muster() {
    "$MUSTER" "$@" 2>"$T/err"
}

# fails with both outputs shown
fail() {
    echo "$*"
    echo "status: ${status:-} output: ${output:0:3000}"
    echo "stderr: $(head -c 3000 "$T/err" 2>/dev/null)"
    return 1
}

status_is() {
    [ "$status" -eq "$1" ] || fail "exit status $status, not $1"
}

# TEXT is in standard output / standard error
output_has() {
    [[ $output == *"$1"* ]] || fail "standard output lacks: $1"
}

output_lacks() {
    [[ $output != *"$1"* ]] || fail "standard output has: $1"
}

stderr_has() {
    grep -qF -- "$1" "$T/err" || fail "standard error lacks: $1"
}

# jq PROGRAM over the JSON document in $output must give TEXT
json_is() {
    local got
    got=$(jq -r "$1" <<<"$output") || fail "no JSON"
    [ "$got" = "$2" ] || fail "$1 is '$got', not '$2'"
}

# waits until COMMAND succeeds, for a minute at most: a busy machine is no mistake
wait_for() {
    local i
    for i in $(seq 1200); do
        "$@" 2>/dev/null && return 0
        read -r -t 0.05 <> <(:) || true
    done
    fail "waited in vain for: $*"
}

listens() { # ADDRESS PORT
    (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

# keys and an ssh_config in $T, for the whole file
ssh_material() {
    ssh-keygen -q -t ed25519 -N '' -f "$T/id" -C user
    ssh-keygen -q -t ed25519 -N '' -f "$T/host" -C host
    cp "$T/id.pub" "$T/authorized"
    echo "[127.*]:2222 $(cut -d' ' -f1,2 "$T/host.pub")" >"$T/known_hosts"
    cat >"$T/ssh_config" <<TXT
Host *
  Port 2222
  User $(id -un)
  IdentityFile $T/id
  IdentitiesOnly yes
  UserKnownHostsFile $T/known_hosts
  GlobalKnownHostsFile /dev/null
TXT
    [ "$(id -u)" != 0 ] || mkdir -p /run/sshd
}

# a real sshd on ADDRESS, with more lines for its configuration; its pid in $T/sshd-ADDRESS.pid.
# With SHLVL set bash does not take the session for a login from afar, and leaves out ~/.bashrc,
# whose cost on the machine at hand would be most of a test's.
start_sshd() {
    local address=$1 name=$T/sshd-$1
    shift
    {
        # a keyword's first value wins, but for one: what the test says comes first
        printf '%s\n' "$@"
        [[ $* == *[[:space:]]MaxStartups* || $* == MaxStartups* ]] || echo 'MaxStartups 1000'
        cat <<TXT
ListenAddress $address
Port 2222
HostKey $T/host
AuthorizedKeysFile $T/authorized
PidFile $name.pid
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
LogLevel VERBOSE
SetEnv SHLVL=2
TXT
    } >"$name.conf"
    $(command -v sshd || echo /usr/sbin/sshd) -f "$name.conf" -E "$name.log"
    wait_for listens "$address" 2222
}

# simulated servers (test/support/fleet_sim.c) at port 2222, with more of its options; after
# ssh_material. Their addresses are in $T/fleet; stop_fleet leaves what they saw in $T/fleet.json.
start_fleet() {
    "$(dirname "$MUSTER")/test/support/fleet_sim" --port 2222 --key "$T/id.pub" \
        --host-key "$T/host" --write-inventory "$T/fleet" "$@" >"$T/fleet.out" 2>"$T/fleet.err" &
    echo $! >"$T/fleet.pid"
    wait_for grep -q ready "$T/fleet.out"
}

stop_fleet() {
    local pid
    pid=$(cat "$T/fleet.pid")
    kill "$pid"
    wait "$pid" || fail "the fleet ended with status $?: $(cat "$T/fleet.err")"
    rm "$T/fleet.pid"
    tail -n 1 "$T/fleet.out" >"$T/fleet.json"
}

# jq PROGRAM over what the fleet saw must give TEXT
fleet_is() {
    local got
    got=$(jq -r "$1" "$T/fleet.json") || fail "the fleet said: $(cat "$T/fleet.out")"
    [ "$got" = "$2" ] || fail "the fleet's $1 is '$got', not '$2'"
}

# muster run over ssh with the scratch ssh_config
muster_ssh() {
    muster run -F "$T/ssh_config" "$@"
}

# whether a process has TEXT in its command line; the brackets keep pgrep's caller from matching
there() {
    pgrep -f "[${1:0:1}]${1:1}" >/dev/null
}
gone() {
    ! there "$1"
}
