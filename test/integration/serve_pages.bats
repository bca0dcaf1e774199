# The pages of muster serve, in Chromium (test/browser/serve.py).
load common
load pages
load postgres

setup_file() {
    scratch
    "$MUSTER" run -q --store "$T/a.db" --simulate=servers=30,kinds=2,metrics=2,seed=3,delay=0-0 >/dev/null 2>&1
    "$MUSTER" run -q --store "$T/a.db" --simulate=servers=30,kinds=2,metrics=2,seed=3,delay=0-0,error=10% >/dev/null 2>&1 || [ $? -eq 1 ]
    mkdir hostile
    hostile_store "$T/hostile/h.db"
    # a store that two controllers share, of which one is dead
    postgres start db --quick
    SHARED=$(postgres database db store)
    "$MUSTER" run -q --store "$SHARED" --simulate=servers=3,seed=3,delay=0-0 >/dev/null 2>&1 || [ $? -eq 1 ]
    postgres sql db store "INSERT INTO muster.worker (host, pid, site, fanout, started, run, lease_until) VALUES
        ('<b>fra1</b>', 17, 'fra', 512, 1700000000000000000, 1, now() + interval '10 minutes'),
        ('ams1', 18, NULL, 0, 1700000000000000000, NULL, now() - interval '10 minutes');
        UPDATE muster.server SET state = 'claimed', holder = (SELECT number FROM muster.worker WHERE pid = 17)
        WHERE position < 2"
    browse serve.py "$MUSTER" "$T/a.db" "$T/hostile/h.db" "$SHARED"
}

teardown_file() {
    postgres_done
    scratch_done
}

@test "Chromium: every page is shown, in both themes, and sound" {
    told every_page_is_shown_and_sound
}

@test "Chromium: what is not there is said" {
    told what_is_not_there_is_said
}

@test "Chromium: two runs are chosen and compared" {
    told two_runs_are_chosen_and_compared
}

@test "Chromium: the log is filtered by server and level" {
    told the_log_is_filtered_by_server_and_level
}

@test "Chromium: a run is watched to its end" {
    told a_run_is_watched_to_its_end
}

@test "Chromium: pages that nobody sees leave connections to others" {
    told pages_that_nobody_sees_leave_connections_to_others
}

@test "Chromium: what is hostile is shown as text" {
    told what_is_hostile_is_shown_as_text
}

@test "Chromium: a token lets a browser in" {
    told a_token_lets_a_browser_in
}

@test "Chromium: workers of a shared store are shown, with what is left of their leases" {
    told workers_of_a_shared_store_are_shown
}
