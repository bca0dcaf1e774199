/* What the store promises a run that is worked on in several sittings. */
#include "test.h"

#include "store/hold.h"
#include "store/store.h"
#include "store_place.h"

#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct store_place place;

static int set_up(UNUSED void **state) {
    return store_place_make(&place);
}

static int tear_down(UNUSED void **state) {
    return store_place_done(&place);
}

static struct store *open_store(enum store_mode mode) {
    struct store *s;
    struct error err;
    if (store_open(place.url, mode, &s, &err) < 0)
        fail_msg("%s", err.text);
    return s;
}

static struct server named[] = {
    {.name = (char *)"web01", .host = (char *)"web01"},
    {.name = (char *)"me@db:2222", .host = (char *)"db", .user = (char *)"me", .port = 2222},
    {.name = (char *)"web02", .host = (char *)"10.0.0.2", .identity = (char *)"/keys/a"},
    {.name = (char *)"web03", .host = (char *)"web03"}};
static const struct servers four = {named, 4, 4};

/* a text of PostgreSQL's ends before a NUL, as YAML does */
static struct store_recipe recipe = {.options = (char *)"[\"--fanout=7\",\"--quick\"]",
                                     .config_path = (char *)"muster.yaml",
                                     .config = (char *)"fanout: 7\n\0# a NUL before",
                                     .config_len = 25,
                                     .folder = (char *)"/where/it/began"};

static struct run begin(struct store *s) {
    struct run run = {.fanout = 7, .threshold = 50};
    struct error err;
    recipe.config_len = place.postgres ? 10 : 25;
    if (store_begin(s, &run, &recipe, &four, &err) < 0)
        fail_msg("%s", err.text);
    return run;
}

static void keeps_how_a_run_was_begun(UNUSED void **state) {
    struct error err;
    struct store *s = open_store(STORE_CREATE);
    struct run run = begin(s);
    store_close(s);
    s = open_store(STORE_CHANGE);
    struct store_recipe r;
    struct servers servers;
    assert_int_equal(store_recipe(s, run.id, &r, &servers, &err), 0);
    assert_string_equal(r.options, recipe.options);
    assert_string_equal(r.config_path, recipe.config_path);
    assert_string_equal(r.folder, recipe.folder);
    assert_int_equal(r.config_len, recipe.config_len);
    assert_memory_equal(r.config, recipe.config, recipe.config_len);
    assert_int_equal(servers.count, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct server *got = &servers.items[i];
        assert_string_equal(got->name, named[i].name);
        assert_string_equal(got->host, named[i].host);
        assert_int_equal(got->port, named[i].port);
        assert_string_equal(got->user ? got->user : "-", named[i].user ? named[i].user : "-");
        assert_string_equal(got->identity ? got->identity : "-",
                            named[i].identity ? named[i].identity : "-");
    }
    store_recipe_done(&r);
    servers_done(&servers);
    store_close(s);
}

static double trial[] = {34};

static struct benchmark_result scored(double score, enum verdict verdict) {
    return (struct benchmark_result){.benchmark = (char *)"cpu",
                                     .verdict = verdict,
                                     .reason = verdict == VERDICT_FAILED ? REASON_BELOW_THRESHOLD
                                                                         : REASON_NONE,
                                     .score = score,
                                     .value = score,
                                     .reference = NAN,
                                     .threshold = 50,
                                     .trials = trial,
                                     .trial_count = 1,
                                     .spread = NAN};
}

/* Hands in one benchmark's score, or an error without one. */
static void hand_in(struct store *s, const struct run *run, size_t position, enum verdict verdict,
                    double score) {
    struct error err;
    struct benchmark_result b = scored(score, verdict);
    struct server_result r = {.verdict = verdict, .reason = b.reason, .attempts = 1, .seconds = 2};
    if (verdict == VERDICT_ERROR)
        r.reason = REASON_UNREACHABLE;
    else
        r.benchmarks = &b, r.benchmark_count = 1;
    if (verdict != VERDICT_PASSED)
        r.detail = (char *)"why it did not";
    struct store_result one = {.position = position, .result = &r};
    if (store_turn(s, run, &one, 1, 0, NULL, &err) < 0)
        fail_msg("%s", err.text);
}

/*
 * A process that begins the run, claims two servers, judges one after 12.5 s of work, says the
 * run's id and waits to be killed.
 */
static pid_t work_in_a_child(char id[RUN_ID_SIZE]) {
    int said[2];
    assert_int_equal(pipe(said), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct error err;
        size_t positions[2];
        struct store *s = open_store(STORE_CREATE);
        struct run run = begin(s);
        if (store_turn_positions(s, &run, NULL, 0, 2, positions, &err) != 2)
            _exit(1);
        run.seconds = 12.5;
        hand_in(s, &run, positions[0], VERDICT_PASSED, 80);
        if (write(said[1], run.id, RUN_ID_SIZE) != RUN_ID_SIZE)
            _exit(1);
        for (;;)
            pause();
    }
    close(said[1]);
    assert_int_equal(read(said[0], id, RUN_ID_SIZE), RUN_ID_SIZE);
    close(said[0]);
    return pid;
}

static void killed(pid_t pid) {
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void is_held_by_one_process_until_that_ends(UNUSED void **state) {
    struct error err;
    struct run run;
    char id[RUN_ID_SIZE], number[32], host[HOLDER_HOST_SIZE] = "";
    pid_t pid = work_in_a_child(id);
    struct store *s = open_store(STORE_CHANGE);
    assert_int_equal(store_run(s, id, &run, &err), 0);
    assert_int_equal(run.holder.pid, pid);
    assert_true(run.holder.since >= run.started);
    assert_string_equal(run_state(&run), "running");
    assert_int_equal(store_hold(s, "last", &run, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    snprintf(number, sizeof(number), "process %d on ", (int)pid);
    gethostname(host, sizeof(host) - 1);
    assert_non_null(strstr(err.text, number));
    assert_non_null(strstr(err.text, host));

    killed(pid);
    assert_int_equal(store_run(s, id, &run, &err), 0);
    assert_int_equal(run.holder.pid, 0);
    assert_string_equal(run_state(&run), "interrupted");
    assert_int_equal(store_hold(s, "last", &run, &err), 0);
    assert_int_equal(run.holder.pid, getpid());
    struct store *other = open_store(STORE_CHANGE);
    assert_int_equal(store_hold(other, id, &run, &err), -1);
    store_release(s);
    assert_int_equal(store_hold(other, id, &run, &err), 0);
    store_close(other); /* lets go, too */
    assert_int_equal(store_hold(s, id, &run, &err), 0);
    store_close(s);
}

static void a_lock_outlives_other_uses_of_its_file(UNUSED void **state) {
    struct error err;
    char log[192];
    int64_t holder;
    snprintf(log, sizeof(log), "%s/logs/RUN.jsonl", place.folder);
    int fd = hold_take(log, &holder, &err);
    assert_true(fd >= 0);
    assert_int_equal(hold_holder(log), getpid()); /* opens and closes it */
    assert_int_equal(hold_take(log, &holder, &err), -1);
    assert_int_equal(holder, getpid());
    close(fd);
    assert_int_equal(hold_holder(log), 0);
    assert_int_equal(hold_holder("/nonexistent"), 0);
    snprintf(log, sizeof(log), "/proc/nowhere/RUN.jsonl");
    assert_int_equal(hold_take(log, &holder, &err), -1);
    assert_int_equal(holder, 0);
    assert_int_equal(err.kind, ERROR_STORE);
}

static void what_a_killed_process_had_claimed_is_pending_again(UNUSED void **state) {
    struct error err;
    struct run run;
    size_t positions[8];
    char id[RUN_ID_SIZE];
    killed(work_in_a_child(id));
    struct store *s = open_store(STORE_CHANGE);
    assert_int_equal(store_hold(s, id, &run, &err), 0);
    assert_int_equal(store_resume(s, &run, false, &err), 0);
    assert_int_equal(run.passed, 1);
    assert_int_equal(run.cancelled, 3);
    assert_true(run.seconds == 12.5);
    struct outcome outcomes[4] = {{.verdict = VERDICT_CANCELLED}, {.verdict = VERDICT_CANCELLED}};
    assert_int_equal(store_outcomes(s, &run, outcomes, &err), 0);
    assert_int_equal(outcomes[0].verdict, VERDICT_PASSED);
    assert_int_equal(outcomes[1].verdict, VERDICT_CANCELLED);
    assert_int_equal(outcomes[1].reason, REASON_NONE);
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 8, positions, &err), 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(positions[i], i + 1);
    store_close(s);
}

struct seen {
    size_t count;
    enum verdict verdicts[4];
    size_t earlier[4];
    size_t benchmarks[4];
};

static int see(void *arg, const char *server, const struct server_result *r,
               UNUSED struct error *err) {
    struct seen *seen = arg;
    size_t i = seen->count++;
    seen->verdicts[i] = r->verdict;
    seen->earlier[i] = r->earlier_count;
    seen->benchmarks[i] = r->benchmark_count;
    assert_string_equal(server, named[i].name);
    if (i == 1 && r->earlier_count == 2) {
        assert_int_equal(r->earlier[0].verdict, VERDICT_FAILED);
        assert_int_equal(r->earlier[0].reason, REASON_BELOW_THRESHOLD);
        assert_string_equal(r->earlier[0].detail, "why it did not");
        assert_int_equal(r->earlier[0].benchmark_count, 1);
        assert_true(r->earlier[0].benchmarks[0].score == 10);
        assert_true(r->earlier[0].benchmarks[0].trials[0] == 34);
        assert_true(r->earlier[1].benchmarks[0].score == 20);
        assert_true(r->benchmarks[0].score == 90);
    }
    return 0;
}

static struct seen look(struct store *s, const struct run *run) {
    struct seen seen = {0};
    struct error err;
    if (store_each(s, run->id, see, &seen, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(seen.count, 4);
    return seen;
}

static void attempts_that_did_not_pass_are_kept_when_made_again(UNUSED void **state) {
    struct error err;
    size_t positions[8];
    struct store *s = open_store(STORE_CREATE);
    struct run run = begin(s);
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 8, positions, &err), 4);
    hand_in(s, &run, 0, VERDICT_PASSED, 80);
    hand_in(s, &run, 1, VERDICT_FAILED, 10);
    hand_in(s, &run, 2, VERDICT_ERROR, NAN);

    assert_int_equal(store_resume(s, &run, true, &err), 0);
    assert_int_equal(run.passed, 1);
    assert_int_equal(run.failed + run.errors, 0);
    assert_int_equal(run.cancelled, 3);
    struct seen seen = look(s, &run);
    assert_int_equal(seen.verdicts[1], VERDICT_CANCELLED);
    assert_int_equal(seen.benchmarks[1], 0);
    assert_int_equal(seen.earlier[0], 0);
    assert_int_equal(seen.earlier[1], 1);
    assert_int_equal(seen.earlier[2], 1);
    assert_int_equal(seen.earlier[3], 0);

    /* once more: one failed again, one passes now, one that had no turn gets none */
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 2, positions, &err), 2);
    hand_in(s, &run, 1, VERDICT_FAILED, 20);
    hand_in(s, &run, 2, VERDICT_PASSED, 70);
    assert_int_equal(store_end(s, &run, &err), 0);
    assert_int_equal(store_resume(s, &run, true, &err), 0);
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 8, positions, &err), 2);
    hand_in(s, &run, 1, VERDICT_PASSED, 90);
    seen = look(s, &run);
    assert_int_equal(seen.verdicts[1], VERDICT_PASSED);
    assert_int_equal(seen.earlier[1], 2);
    assert_int_equal(seen.earlier[2], 1);
    assert_int_equal(seen.earlier[3], 0);
    struct outcome outcomes[4] = {0};
    assert_int_equal(store_outcomes(s, &run, outcomes, &err), 0);
    assert_int_equal(outcomes[1].earlier, 2);
    assert_int_equal(outcomes[0].earlier, 0);
    assert_int_equal(store_run(s, run.id, &run, &err), 0);
    assert_int_equal(run.passed, 3);
    store_close(s);
}

static void load(const char *sql_file) {
    static char sql[65536];
    FILE *in = fopen(sql_file, "r");
    if (!in)
        fail_msg("cannot open %s", sql_file);
    sql[fread(sql, 1, sizeof(sql) - 1, in)] = '\0';
    fclose(in);
    store_place_sql(&place, sql);
}

static int count(void *arg, UNUSED const char *server, const struct server_result *r,
                 UNUSED struct error *err) {
    size_t *n = arg;
    n[0]++;
    n[1] += r->benchmark_count;
    n[2] += r->earlier_count;
    return 0;
}

/* store_v2.sql is what a muster of version 2 left: a run that ended, and one that was killed. */
static void a_store_of_version_2_is_migrated(UNUSED void **state) {
    struct error err;
    cleanup(free_ptr) struct run *runs = NULL;
    size_t n, counts[3] = {0}, positions[8];
    load(getenv("MUSTER_STORE_V2"));
    struct store *s = open_store(STORE_READ);
    if (store_runs(s, &runs, &n, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(n, 2);
    assert_string_equal(run_state(&runs[0]), "interrupted");
    assert_int_equal(runs[0].cancelled, 3);
    assert_string_equal(run_state(&runs[1]), "ended");
    assert_true(runs[1].seconds > 0);
    assert_int_equal(store_each(s, runs[1].id, count, counts, &err), 0);
    assert_int_equal(counts[0], 3);
    assert_int_equal(counts[1], 6);
    assert_int_equal(counts[2], 0);
    store_close(s);

    /* it kept nothing to go on with, but what is there can be worked with */
    struct store_recipe r;
    struct servers servers;
    struct run run;
    s = open_store(STORE_CHANGE);
    assert_int_equal(store_hold(s, runs[0].id, &run, &err), 0);
    assert_int_equal(store_recipe(s, run.id, &r, &servers, &err), 0);
    assert_null(r.options);
    assert_null(r.config);
    assert_int_equal(servers.count, 5);
    assert_string_equal(servers.items[4].host, "5");
    store_recipe_done(&r);
    servers_done(&servers);
    assert_int_equal(store_resume(s, &run, true, &err), 0);
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 8, positions, &err), 5);
    memset(counts, 0, sizeof(counts));
    assert_int_equal(store_each(s, run.id, count, counts, &err), 0);
    assert_int_equal(counts[1], 0);
    assert_int_equal(counts[2], 2);
    store_close(s);
}

static void a_run_that_cannot_be_begun_leaves_no_log(UNUSED void **state) {
    struct error err;
    store_close(open_store(STORE_CREATE));
    store_place_sql(&place, "CREATE TRIGGER full BEFORE INSERT ON server BEGIN "
                            "SELECT RAISE(ABORT, 'no room'); END");
    struct store *s = open_store(STORE_CREATE);
    struct run run = {.fanout = 7, .threshold = 50};
    assert_int_equal(store_begin(s, &run, &recipe, &four, &err), -1);
    assert_int_equal(err.kind, ERROR_STORE);
    assert_non_null(strstr(err.text, "no room"));
    char *log = store_log_path(s, run.id);
    assert_int_equal(access(log, F_OK), -1);
    free(log);
    store_close(s);
}

static void stays_where_it_is_when_the_folder_is_left(UNUSED void **state) {
    struct error err;
    struct store *s;
    char before[4096];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(place.folder), 0);
    assert_int_equal(store_open("relative.db", STORE_CREATE, &s, &err), 0);
    assert_int_equal(chdir("/"), 0);
    struct run run = begin(s);
    char *log = store_log_path(s, run.id);
    assert_int_equal(log[0], '/');
    assert_int_equal(access(log, F_OK), 0);
    free(log);
    store_close(s);
    assert_int_equal(chdir(before), 0);
}

#define test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(keeps_how_a_run_was_begun),
        test(attempts_that_did_not_pass_are_kept_when_made_again),
    };
    const struct CMUnitTest of_files[] = {
        test(is_held_by_one_process_until_that_ends),
        test(a_lock_outlives_other_uses_of_its_file),
        test(what_a_killed_process_had_claimed_is_pending_again),
        test(a_store_of_version_2_is_migrated),
        test(a_run_that_cannot_be_begun_leaves_no_log),
        test(stays_where_it_is_when_the_folder_is_left),
    };
    return run_on_each_engine(tests) +
           cmocka_run_group_tests_name("in a file", of_files, store_place_on_sqlite, NULL);
}
