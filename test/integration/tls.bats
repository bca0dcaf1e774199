#!/usr/bin/env bats
# TLS to a store on another machine: an address of this one that muster cannot know to be its own.

load common
load postgres

HERE=198.51.100.1 # of the documentation's network
HERE6=fd00:6d75::1

setup_file() {
    scratch
    ip addr add $HERE/32 dev lo || skip "an address of one's own takes root"
    ip addr add $HERE6/128 dev lo nodad
    postgres start db --quick --tls --listen "$HERE,$HERE6,127.0.0.1"
    muster store make --store "$(postgres database db store)"
    postgres_certificate db other 30 db.other DNS:db.other
    postgres_certificate db expired -1 db.expired "IP:$HERE"
    postgres_certificate db muster 30 muster
    postgres_certificate db expelled -1 muster
}

teardown_file() {
    postgres_done
    scratch_done
}

setup() {
    cd "$T" || return 1
    unset "${!PG@}"
    export HOME=$T
}

another_ca() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout another.key -out another.crt \
        -subj "/CN=another CA" 2>"$T/err"
}

as_it_was() {
    postgres sql db postgres "ALTER SYSTEM RESET ALL"
    postgres_reload db
}

store() { # QUERY [HOST]: its URL
    echo "postgresql://muster@${2:-$HERE}/store$1"
}

connects() { # URL
    run muster runs --store "$1"
    status_is 0
}

# CAUSE, in muster's words and before libpq's: URL does not work, and that is nothing to try again
refused() { # URL CAUSE [LIBPQ'S]
    run muster runs --store "$1"
    status_is 2
    grep -qE "^muster: cannot connect to the store [^ ]+: $2.*: .*${3:-}" err || fail "not told: $2 ... ${3:-}"
}

# whether the worker's connections are encrypted: t or f
encrypted() { # APPLICATION
    postgres sql db postgres "SELECT DISTINCT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE application_name = '$1'"
}

seen_to_speak() {
    encrypted spoken | tee spoken | grep -q .
}

# how a worker that is told nothing of TLS, but for WORDS in its environment, speaks to the store at URL
spoken() { # URL [WORD...]
    local url=$1 is
    shift
    env "$@" PGAPPNAME=spoken "$MUSTER" worker -q --store "$url" >out 2>err 3>&- &
    echo $! >worker.pid
    wait_for seen_to_speak
    is=$(cat spoken)
    kill "$(cat worker.pid)"
    wait "$(cat worker.pid)" || true
    rm worker.pid
    echo "$is"
}

@test "another machine is spoken to by TLS, whatever its address is" {
    [ "$(spoken "$(store '')")" = t ]
    [ "$(spoken "$(store '' "[$HERE6]")")" = t ]
}

@test "a server without TLS is refused in words that say what to do" {
    postgres_with db ssl off
    local url
    for url in "$(store '')" "$(store '' "[$HERE6]")" "$(store "?hostaddr=$HERE" localhost)" \
        "$(store "?hostaddr=127.0.0.1,$HERE" localhost,localhost)" "$(store '' "127.0.0.1,$HERE")" \
        "$(store "?host=127.0.0.1,$HERE&hostaddr=127.0.0.1," '')"; do
        refused "$url" 'it has no TLS,.*turn on .ssl. there.*sslmode=disable' 'server does not support SSL'
    done
    PGHOST=$HERE refused postgresql://muster@/store 'it has no TLS' 'server does not support SSL'
    as_it_was
}

@test "who wants no TLS, and says so, has none" {
    sed -i 's/^hostssl/host/' db/data/pg_hba.conf
    postgres_with db ssl off
    printf '[open]\nhost=%s\nuser=muster\ndbname=store\nsslmode=%s\n' $HERE disable >services
    connects "$(store '?sslmode=disable')"
    connects "$(store '?sslmode=prefer')"
    PGSSLMODE=prefer connects "$(store '')"
    PGSSLMODE=disable connects "$(store '')"
    PGSERVICEFILE=$T/services connects 'postgresql://?service=open'
    # that is what libpq has where nobody says anything
    sed -i 's/disable/prefer/' services
    PGSERVICEFILE=$T/services refused 'postgresql://?service=open' 'it has no TLS'
    connects "$(store '' 127.0.0.1)"
    connects "$(store "?hostaddr=127.0.0.1" db.example)"
    as_it_was
    [ "$(spoken "$(store '')" PGSSLMODE=disable)" = f ]
    [ "$(spoken "$(store '?sslmode=prefer')")" = t ]
    sed -i 's/^host /hostssl /' db/data/pg_hba.conf
    postgres_reload db
    refused "$(store '?sslmode=disable')" 'it lets nobody in without TLS' 'no encryption'
}

@test "who the server is, is held against a CA and the name in the URL" {
    another_ca
    full="sslmode=verify-full&sslrootcert=db/ca.crt"
    connects "$(store "?$full")"
    connects "$(store "?$full" "[$HERE6]")"
    connects "$(store "?$full&hostaddr=$HERE" localhost)"
    refused "$(store "?sslmode=verify-full&sslrootcert=another.crt")" 'its certificate .*CA' 'verify failed'
    refused "$(store '?sslmode=verify-full')" "a CA's certificate is needed" 'root certificate file'
    refused "$(store '?sslmode=verify-full&sslrootcert=none.crt')" "a CA's certificate is needed" 'none.crt'
    refused "$(store '?sslmode=verify-full&sslrootcert=services')" "a CA's certificate is needed" 'could not read'
    postgres_has db other
    refused "$(store "?$full")" 'its certificate is for another name' 'db.other'
    connects "$(store "?$full&hostaddr=$HERE" db.other)"
    postgres_has db expired
    refused "$(store "?$full")" 'its certificate .* or has expired' 'verify failed'
    as_it_was
}

@test "a certificate of the user's is shown to the server, where that is possible" {
    local own="?sslmode=require&sslcert=muster.crt&sslkey=muster.key"
    sed -i 's/^hostssl.*/hostssl all all all cert/' db/data/pg_hba.conf
    postgres_reload db
    connects "$(store "$own")"
    refused "$(store '')" 'the server wants a certificate of its users'
    chmod 644 muster.key
    refused "$(store "$own")" 'others may read the private key that sslkey names: .chmod 600. it' 'group or world'
    chmod 600 muster.key
    refused "$(store "?sslcert=muster.crt&sslkey=other.key")" 'sslcert and sslkey do not belong together'
    refused "$(store "?sslcert=muster.crt&sslkey=none.key")" 'the certificate that sslcert names has no key'
    refused "$(store "?sslcert=expelled.crt&sslkey=expelled.key")" 'the certificate that sslcert names has expired'
    refused "$(store "?sslcert=other.crt&sslkey=other.key")" "the certificate that sslcert names is for another user"
    another_ca
    refused "$(store "?sslcert=another.crt&sslkey=another.key")" "the server's CA has not signed the certificate"
    openssl pkey -in muster.key -aes256 -passout pass:sesame -out locked.key && chmod 600 locked.key
    refused "$(store "?sslcert=muster.crt&sslkey=locked.key")" 'the private key that sslkey names cannot be used'
    printf '[locked]\nsslkey=%s\nsslpassword=sesame\n' "$T/locked.key" >services
    PGSERVICEFILE=$T/services connects "$(store '?service=locked&sslcert=muster.crt')"
    sed -i 's/^hostssl.*/hostssl all all all trust/' db/data/pg_hba.conf
    postgres_reload db
}

is_back_twice() {
    [ "$(grep -c 'the store is back' worker.err)" = 2 ]
}

cut_off() {
    postgres sql db postgres "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_addr IS NOT NULL" >ended
}

@test "a worker that was let in once waits for a certificate, or a password, to be mended" {
    "$MUSTER" worker --lease 1s --store "$(store '?sslmode=verify-full&sslrootcert=db/ca.crt')" >out 2>worker.err 3>&- &
    echo $! >worker.pid
    wait_for grep -q 'worker ready' worker.err
    postgres_has db expired
    cut_off
    wait_for grep -q 'trying again .*its certificate' worker.err
    as_it_was
    wait_for grep -q 'the store is back' worker.err
    sed -i 's/^hostssl.*/hostssl all all all scram-sha-256/' db/data/pg_hba.conf
    postgres_reload db
    cut_off
    wait_for grep -q 'trying again .*no password supplied' worker.err
    sed -i 's/^hostssl.*/hostssl all all all trust/' db/data/pg_hba.conf
    postgres_reload db
    wait_for is_back_twice
    kill "$(cat worker.pid)"
    wait "$(cat worker.pid)"
    rm worker.pid
}
