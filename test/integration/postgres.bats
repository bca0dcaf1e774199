# What it takes to get to a store on PostgreSQL, and what muster says where it does not.

load common
load postgres

setup_file() {
    scratch
    postgres start db --quick --tls --password --listen 127.0.0.1
    postgres database db store >"$T/url"
    postgres replica copy db
}

teardown_file() {
    postgres_done
    scratch_done
}

setup() {
    cd "$T" || return 1
    unset "${!PG@}"
}

simulated() { # URL
    muster run --simulate=servers=3,seed=1,delay=0-0 --store "$1"
}

asked() { # STATEMENT
    postgres sql db store "$1"
}

@test "a password and TLS, by the password file and what the URL says of certificates" {
    url="postgresql://muster@localhost/store?sslmode=verify-full&sslrootcert=$T/db/ca.crt"
    export PGPASSFILE=$T/db/pgpass
    run simulated "$url"
    output_has "Out of 3"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.crt \
        -subj "/CN=another CA" 2>"$T/err"
    run muster runs --store "postgresql://muster@localhost/store?sslmode=verify-full&sslrootcert=$T/other.crt"
    status_is 2
    stderr_has "certificate verify failed"
}

@test "a wrong password is told without the password" {
    export PGPASSWORD=opensesame
    run muster runs --store "postgresql://muster@localhost/store?sslmode=require"
    status_is 2
    stderr_has 'cannot connect to the store postgresql://muster@localhost/store?sslmode=require:'
    stderr_has "password authentication failed"
    run ! grep -r opensesame "$T/err" "$T/state"
    unset PGPASSWORD
    run muster runs --store "postgresql://muster@localhost/store?sslmode=require"
    status_is 2
    stderr_has "no password supplied: put one into ~/.pgpass, for nobody else to read (mode 0600)"
}

@test "a password in a URL, which others can read, is not taken" {
    local url
    for url in 'postgresql://muster:sesame@localhost/store' 'postgresql://muster@localhost/store?password=sesame' \
        'postgresql://muster@localhost/store?sslkey=key&sslpassword=sesame' 'postgres://muster:%73esame@localhost/store'; do
        run simulated "$url"
        status_is 2
        stderr_has "has a password in it, which others on this machine can read: put it into ~/.pgpass"
        run muster store copy "$T/none.db" "$url"
        status_is 2
        run ! grep -r sesame "$T/err" "$T/state"
    done
}

# whether muster, the process, holds servers of a run on the store
works() {
    [ "$(asked "SELECT count(*) FROM muster.workers WHERE pid = $1 AND claimed > 0")" = 1 ]
}

@test "a password is in no list of processes, log or store" {
    export PGPASSFILE=$T/db/pgpass
    "$MUSTER" run -v --simulate=servers=40,seed=1,delay=100ms-200ms -f 2 --log-file "$T/log" \
        --store "postgresql://muster@localhost/store?sslmode=require" >"$T/out" 2>"$T/err" 3>&- &
    echo $! >run.pid
    wait_for works "$(cat run.pid)"
    run ! grep -a sesame "/proc/$(cat run.pid)/cmdline"
    asked "SELECT * FROM pg_stat_activity" >seen
    grep -q muster seen
    kill "$(cat run.pid)"
    wait "$(cat run.pid)" || true
    rm run.pid
    pg_dump -h "$T/db" -U postgres store >dump
    grep -q 'COPY muster.run ' dump
    [ -s log ]
    run ! grep -r sesame log out err seen dump "$T/state"
}

@test "a service and PG variables say where the store is" {
    printf '[fleet]\nhost=%s\nuser=muster\ndbname=store\n' "$T/db" >services
    run simulated "$(cat url)"
    output_has "Out of 3"
    PGSERVICEFILE=$T/services run muster runs --store "postgresql://?service=fleet"
    status_is 0
    PGHOST=$T/db PGUSER=muster PGDATABASE=store run muster runs --store postgresql://
    status_is 0
    PGSERVICEFILE=$T/services run muster runs --store "postgresql://?service=flute"
    status_is 2
    stderr_has 'definition of service "flute" not found'
}

@test "a server that answers nothing is given up after the time of the URL" {
    postgres pause db
    run timeout 20 "$MUSTER" runs --store "$(cat url)?connect_timeout=2"
    postgres continue db
    status_is 3
    [[ $output == *"timeout expired"* ]] || fail "no reason"
}

@test "a role that may not make or read the tables is told who may" {
    asked "CREATE ROLE stranger LOGIN" && asked "CREATE DATABASE bare"
    url=$(sed 's/muster@/stranger@/' url)
    run simulated "${url%store}bare"
    status_is 2
    stderr_has "cannot make the tables, which is for who owns them"
    stderr_has "permission denied for database bare"
    run simulated "$(cat url)"
    run muster runs --store "$url"
    status_is 2
    stderr_has "permission denied for schema muster"
}

@test "a replica is read, and written to once it is promoted" {
    run simulated "$(cat url)"
    output_has "Out of 3"
    made=$(grep -o "run [0-9a-f-]*" <<<"$output" | cut -c5-)
    reader=$(sed "s|@[^/]*|@${T//\//%2F}%2Fcopy|" url)
    wait_for "$MUSTER" show "$made" --store "$reader"
    run muster show last --store "$reader"
    output_has "Out of 3"
    run simulated "$reader"
    status_is 3
    stderr_has "it is a replica"
    both=$(sed "s|@[^/]*|&,${T//\//%2F}%2Fcopy|" url)
    run simulated "$both"
    output_has "Out of 3"
    postgres stop db kill
    postgres promote copy
    run simulated "$both"
    output_has "Out of 3"
    run muster runs --store "$both"
    status_is 0
}
