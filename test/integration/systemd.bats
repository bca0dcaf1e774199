#!/usr/bin/env bats
# The example for systemd, as it stands: a systemd of the test's own does what the head of the unit says, with
# the files beside it, and runs the worker for a store at db.example, by TLS.

load common
load postgres

EXAMPLE=$BATS_TEST_DIRNAME/../../examples/controllers/systemd
UNIT=muster-worker@fra.service
STORE=198.51.100.7 # of the documentation's network

setup_file() {
    scratch
    ip addr add $STORE/32 dev lo || skip "an address of one's own takes root"
    boot
    ssh_material
    start_sshd 127.0.4.1
    start_store
    install_worker
}

teardown_file() {
    postgres_done
    scratch_done
}

setup() {
    cd "$T" || return 1
}

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || inside journalctl --no-pager -n 20 || true
}

boot() {
    mkdir machine
    "$BATS_TEST_DIRNAME/../support/boot_systemd" "$T/machine" >boot.out 2>&1 3>&- &
    echo $! >machine.pid
    wait_for booted
    [ -e machine/pid ] && return
    rm machine.pid
    wait $! || [ $? = 69 ] || fail "$(cat boot.out)"
    skip "systemd cannot be started here: $(tail -n 1 boot.out)"
}

booted() {
    [ -e machine/pid ] || [ ! -d "/proc/$(cat machine.pid)" ]
}

inside() { # COMMAND...
    nsenter --target "$(cat "$T/machine/pid")" --all --root --wd "$@" 3>&-
}

put() { # FILE PLACE: on the machine
    inside tee "$2" <"$1" >/dev/null
}

# as docs/SQL.md says, with the role and the password of the example
start_store() {
    postgres start db --quick --tls --password --listen $STORE
    postgres_certificate db example 30 db.example DNS:db.example
    postgres_has db example
    postgres database db muster >url
    muster store make --store "$(cat url)"
    postgres sql db muster "$(grep -v '^--' "$EXAMPLE/../../postgresql/roles.sql")" 2>err
    postgres sql db muster "CREATE ROLE muster_fra LOGIN PASSWORD 'change-me' IN ROLE muster_worker"
}

# what the unit's head says is to be done, where the files are
install_worker() {
    inside mkdir /root/example
    local file
    for file in "$EXAMPLE"/*; do
        put "$file" "/root/example/${file##*/}"
    done
    put db/ca.crt /root/example/postgresql-ca.crt
    put "$MUSTER" /usr/bin/muster
    inside chmod 755 /usr/bin/muster
    inside sh -c "echo $STORE db.example >>/etc/hosts"
    inside cp "/root/example/muster-worker@.service" /etc/systemd/system
    inside mkdir -p "/etc/systemd/system/$UNIT.d"
    setting hurry RestartSec=100ms # which the tests would wait for
    sed -n 's/^#   \([a-z].*\)/\1/p' "$EXAMPLE/muster-worker@.service" >install.sh
    grep -q '^systemctl enable --now ' install.sh
    inside sh -ec "cd /root/example; $(cat install.sh)" >installed 2>&1 || fail "$(cat installed; journal)"
    for file in id known_hosts ssh_config; do
        sed "s,$T/known_hosts,~/.ssh/known_hosts,; s,$T/id,~/.ssh/id," "$file" >handed
        put handed "/var/lib/muster/.ssh/$file"
    done
    inside sh -c 'cd /var/lib/muster/.ssh && mv ssh_config config && chmod 600 * && chown muster: *'
}

setting() { # NAME SETTING: from the next start of the worker on
    printf '[Service]\n%s\n' "$2" >"$1.conf"
    put "$1.conf" "/etc/systemd/system/$UNIT.d/$1.conf"
    inside systemctl daemon-reload
}

shown() { # PROPERTY
    inside systemctl show --value -p "$1" $UNIT
}

journal() {
    inside journalctl --no-pager -o cat -u $UNIT
}

sql() { # STATEMENT
    postgres sql db muster "$1"
}

works() {
    [ "$(sql "SELECT count(*) FROM muster.workers WHERE site = 'fra' AND claimed > 0")" = 1 ]
}

another_process() { # PID: than this
    local now
    now=$(shown MainPID)
    [ "$now" != 0 ] && [ "$now" != "$1" ] && [ "$(shown ActiveState)" = active ]
}

@test "the worker is ready once it has its place in the store, to which it speaks by TLS, as itself" {
    [ "$(shown Type) $(shown ActiveState) $(shown SubState)" = 'notify active running' ]
    [ "$(sql "SELECT site FROM muster.workers")" = fra ]
    [ "$(sql "SELECT DISTINCT usename, ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)
              WHERE client_addr IS NOT NULL")" = 'muster_fra|t' ]
    [ "$(inside stat -c %U "/proc/$(shown MainPID)")" = muster ]
    inside grep -q 'NoNewPrivs:.*1' "/proc/$(shown MainPID)/status"
    run ! inside grep -ra change-me "/proc/$(shown MainPID)/cmdline" "/proc/$(shown MainPID)/environ"
}

@test "confined as it is, it measures a server over ssh" {
    echo '127.0.4.1 site=fra' >fleet
    printf 'benchmarks:\n  one: {command: "echo 99", extract: {regex: "([0-9]+)"}}\n' >own.yaml
    run muster submit --store "$(cat url)" -i fleet -c own.yaml -b one
    status_is 0
    run muster wait --store "$(cat url)" "$output" -q
    status_is 0
    output_has '1 passed'
}

@test "killed, it is started again" {
    local pid
    pid=$(shown MainPID)
    inside kill -KILL "$pid"
    wait_for another_process "$pid"
    [ "$(shown NRestarts)" = 1 ]
}

@test "hung, it is killed, and started again" {
    local pid
    setting watchdog WatchdogSec=2s
    inside systemctl restart $UNIT
    pid=$(shown MainPID)
    inside kill -STOP "$pid"
    wait_for another_process "$pid"
    journal >said
    grep -q 'Watchdog timeout' said
    setting watchdog ''
    inside systemctl restart $UNIT
}

@test "told to stop, it hands in what it measures and gives the rest back" {
    local id
    id=$(muster submit --store "$(cat url)" --simulate=servers=2000,seed=1,delay=300ms-300ms,score=90-90)
    wait_for works
    inside systemctl stop $UNIT
    [ "$(shown Result) $(shown ExecMainStatus)" = 'success 0' ]
    journal >said
    grep -q 'ending: claiming no more servers' said
    [ "$(sql "SELECT count(*) FROM muster.workers WHERE claimed > 0")" = 0 ]
    [ "$(sql "SELECT count(*) FROM muster.verdicts WHERE run = '$id' AND verdict = 'passed'")" -ge 64 ]
    inside systemctl start $UNIT
}

@test "a mistake is told to who starts it, and not tried again" {
    sql "ALTER ROLE muster_fra PASSWORD 'changed'"
    run ! inside systemctl restart $UNIT
    [ "$(shown ActiveState) $(shown ExecMainStatus) $(shown NRestarts)" = 'failed 2 0' ]
    journal >said
    grep -q 'cannot connect to the store .*password authentication failed' said
    run ! grep change-me said
    sql "ALTER ROLE muster_fra PASSWORD 'change-me'"
    inside systemctl start $UNIT
}
