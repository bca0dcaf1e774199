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

postgres_done() {
    local data
    for data in "$T"/*/data/PG_VERSION; do
        [ ! -f "$data" ] || postgres remove "${data%/data/PG_VERSION}"
    done
}
