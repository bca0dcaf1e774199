# PostgreSQL in integration tests: clusters of a test's or a file's own, by name (test/support/postgres.py
# says what can be asked of them). After scratch, and before scratch_done:
#
#     postgres start db --quick
#     url=$(postgres database db store)
#     postgres stop db kill
#     postgres_done

postgres() { # VERB NAME [MORE...]
    (cd "$T" && python3 "$BATS_TEST_DIRNAME/../support/postgres.py" "$@")
}

# a way to a cluster's ADDRESS that can be cut: `way cut` and the like do to it what fault_proxy.py can
start_way() { # LISTEN-ADDRESS CLUSTER-ADDRESS
    mkfifo "$T/way"
    python3 "$BATS_TEST_DIRNAME/../support/fault_proxy.py" "$1:5432" "$2:5432" \
        <>"$T/way" >"$T/way.out" 2>"$T/way.err" 3>&- &
    echo $! >"$T/way.pid"
    wait_for grep -q ready "$T/way.out"
}

way() { # VERB
    : >"$T/way.out"
    echo "$1" >"$T/way"
    wait_for grep -qx "$1" "$T/way.out"
}

# a certificate NAME.crt, and its key, that the CA of a cluster with --tls has signed
postgres_certificate() { # CLUSTER NAME DAYS COMMON-NAME [ALTERNATIVE-NAME]
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$2.key" -out "$2.csr" -subj "/CN=$4" \
        2>"$T/err"
    openssl x509 -req -in "$2.csr" -days "$3" -CA "$T/$1/ca.crt" -CAkey "$T/$1/ca.key" -CAcreateserial -out "$2.crt" \
        -extfile <([ $# -lt 5 ] || echo "subjectAltName=$5") 2>"$T/err"
}

postgres_has_loaded() { # CLUSTER TIME
    [ "$(postgres sql "$1" postgres "SELECT pg_conf_load_time() > '$2'")" = t ]
}

# a cluster with what its files say, as soon as those who connect see it
postgres_reload() { # CLUSTER
    local before
    before=$(postgres sql "$1" postgres "SELECT pg_conf_load_time()")
    postgres sql "$1" postgres "SELECT pg_reload_conf()" >"$T/said"
    wait_for postgres_has_loaded "$1" "$before"
}

# a cluster with SETTING = VALUE, in the same way
postgres_with() { # CLUSTER SETTING VALUE
    postgres sql "$1" postgres "ALTER SYSTEM SET $2 = '$3'"
    postgres_reload "$1"
}

# a cluster with that certificate for its own
postgres_has() { # CLUSTER NAME
    install -m 0600 -o "$(stat -c %u "$T/$1/data/")" "$2.key" "$2.crt" "$T/$1/data/"
    postgres_with "$1" ssl_key_file "$2.key"
    postgres_with "$1" ssl_cert_file "$2.crt"
}

postgres_done() {
    local data
    for data in "$T"/*/data/PG_VERSION; do
        [ ! -f "$data" ] || postgres remove "${data%/data/PG_VERSION}"
    done
}
