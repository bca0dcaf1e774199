/* What the store promises of earlier runs. */
#include "test.h"

#include "store/history.h"
#include "store_place.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct store_place place;
static struct store *store;

static int set_up(UNUSED void **state) {
    struct error err;
    return store_place_make(&place) < 0 || store_open(place.url, STORE_CREATE, &store, &err) < 0
               ? -1
               : 0;
}

static int tear_down(UNUSED void **state) {
    store_close(store);
    return store_place_done(&place);
}

/* What is not muster's to do: machines are told by agents, and days pass. */
static void run_sql(const char *format, ...) {
    char sql[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof(sql), format, args);
    va_end(args);
    store_place_sql(&place, sql);
}

/* One server of a run. */
struct row {
    const char *name;
    const char *machine;
    double value;
    enum reason reason;
    bool flaky;
    double seconds; /* a quarter of them the benchmark's */
};

static struct benchmark_result benchmark_of(const struct row *row) {
    return (struct benchmark_result){.benchmark = (char *)"memory",
                                     .verdict =
                                         row->reason ? reason_verdict(row->reason) : VERDICT_PASSED,
                                     .reason = row->reason,
                                     .flaky = row->flaky,
                                     .score = 90,
                                     .metric = (char *)"triad",
                                     .unit = (char *)"GB/s",
                                     .value = row->value,
                                     .reference = NAN,
                                     .threshold = 50,
                                     .spread = 0.5,
                                     .seconds = row->seconds / 4};
}

/* A run of these servers; without a verdict: one of REASON_INTERRUPTED. Returns its id. */
static const char *add_run(const char *options, const struct row *rows, size_t n) {
    static struct run run;
    struct error err;
    struct server items[8] = {{0}};
    size_t positions[8];
    const struct store_recipe recipe = {.options = (char *)options};
    for (size_t i = 0; i < n; i++)
        items[i].name = (char *)rows[i].name;
    run = (struct run){.fanout = 1, .threshold = 50};
    assert_int_equal(store_begin(store, &run, &recipe, &(struct servers){items, n, n}, &err), 0);
    assert_int_equal(store_turn_positions(store, &run, NULL, 0, n, positions, &err), n);
    for (size_t i = 0; i < n; i++) {
        struct benchmark_result b = benchmark_of(&rows[i]);
        struct server_result r = {.verdict = b.verdict,
                                  .reason = b.reason,
                                  .attempts = 1,
                                  .seconds = rows[i].seconds,
                                  .benchmarks = &b,
                                  .benchmark_count = rows[i].reason != REASON_UNREACHABLE};
        struct store_result done = {.position = i, .result = &r};
        assert_int_equal(store_turn(store, &run, &done, 1, 0, NULL, &err), 0);
    }
    assert_int_equal(store_end(store, &run, &err), 0);
    store_release(store);
    for (size_t i = 0; i < n; i++)
        if (rows[i].machine)
            run_sql("UPDATE server SET machine = '%s' WHERE position = %zu AND "
                    "run = (SELECT max(number) FROM run)",
                    rows[i].machine, i);
    return run.id;
}

static const char *add_one(const char *name, const char *machine, double value) {
    return add_run("[]", &(struct row){.name = name, .machine = machine, .value = value}, 1);
}

/* The series of a run, as text: `0 memory triad GB/s: 100 99 98;` */
static int see(void *arg, size_t position, const struct history_series *series,
               UNUSED struct error *err) {
    char *text = arg;
    sprintf(text + strlen(text), "%zu %s %s %s:", position, series->benchmark, series->metric,
            series->unit);
    for (size_t i = 0; i < series->count; i++)
        sprintf(text + strlen(text), " %g", series->values[i]);
    strcat(text, ";");
    for (size_t i = 1; i < series->count; i++)
        assert_true(series->started[i] > series->started[i - 1]);
    return 0;
}

#define series_is(run_id, wanted) series_from(run_id, 1, wanted)

/* `least`: see store_series(). */
#define series_from(run_id, least, wanted)                                                         \
    do {                                                                                           \
        char text_[4096] = "";                                                                     \
        struct error err_;                                                                         \
        if (store_series(store, run_id, least, see, text_, &err_) < 0)                             \
            fail_msg("%s", err_.text);                                                             \
        assert_string_equal(text_, wanted);                                                        \
    } while (0)

static void a_series_has_the_servers_runs_up_to_this_one(UNUSED void **state) {
    const struct row both[] = {{.name = "web01", .value = 100}, {.name = "web02", .value = 50}};
    const struct row turned[] = {{.name = "web02", .value = 51}, {.name = "web01", .value = 101}};
    char second[RUN_ID_SIZE];
    add_run("[]", both, 2);
    strcpy(second, add_run("[]", turned, 2));
    series_is(add_one("web01", NULL, 102), "0 memory triad GB/s: 100 101 102;");
    series_is(second, "0 memory triad GB/s: 50 51;1 memory triad GB/s: 100 101;");
}

static void nobody_is_handed_over_while_there_are_too_few_runs(UNUSED void **state) {
    char last[RUN_ID_SIZE];
    add_one("web01", NULL, 100);
    add_run("[\"--simulate=servers=1\"]", &(struct row){.name = "web01", .value = 7}, 1);
    strcpy(last, add_one("web01", NULL, 101));
    series_from(last, 2, "0 memory triad GB/s: 100 101;");
    series_from(last, 3, "");
}

static void a_series_ends_after_thirty_runs(UNUSED void **state) {
    char wanted[1024] = "0 memory triad GB/s:";
    for (int i = 0; i < HISTORY_RUNS + 5; i++) {
        add_one("web01", NULL, 100 + i);
        add_one("web02", NULL, 7);
        if (i > 5)
            sprintf(wanted + strlen(wanted), " %d", 100 + i);
    }
    strcat(wanted, " 99;");
    series_is(add_one("web01", NULL, 99), wanted);
}

static void values_that_say_nothing_are_left_out(UNUSED void **state) {
    const struct row bad[] = {
        {.name = "web01", .value = 61, .reason = REASON_WRONG_RESULT},
        {.name = "web01", .value = 62, .reason = REASON_TIMEOUT},
        {.name = "web01", .value = 63, .reason = REASON_INTERRUPTED},
        {.name = "web01", .value = NAN, .reason = REASON_UNREACHABLE},
    };
    add_one("web01", NULL, 100);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        series_is(add_run("[]", &bad[i], 1), "");
    /* but a value below its threshold is one, and so is one that just passed */
    const struct row flaky = {.name = "web01", .value = 60, .flaky = true};
    const struct row low = {.name = "web01", .value = 40, .reason = REASON_BELOW_THRESHOLD};
    series_is(add_run("[]", &low, 1), "0 memory triad GB/s: 100 40;");
    series_is(add_run("[]", &flaky, 1), "0 memory triad GB/s: 100 40 60;");
}

/* How many series there were, each of two values and each of another server. */
struct many {
    size_t count;
    bool *seen;
};

static int count_series(void *arg, size_t position, const struct history_series *series,
                        UNUSED struct error *err) {
    struct many *m = arg;
    assert_int_equal(series->count, 2);
    assert_true(series->values[0] == 100 && series->values[1] == (position == 0 ? 101 : 1.5));
    assert_false(m->seen[position]);
    m->seen[position] = true;
    m->count++;
    return 0;
}

/* More than are read at a time. */
static void every_server_of_many_has_its_series(UNUSED void **state) {
    const int last = 20000;
    struct many m = {.seen = test_calloc((size_t)last + 1, sizeof(bool))};
    struct error err;
    char id[RUN_ID_SIZE];
    for (int run = 0; run < 2; run++) {
        strcpy(id, add_one("s0", NULL, 100 + run));
        run_sql("INSERT INTO server (run, position, name, state, verdict) "
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
                "SELECT (SELECT max(number) FROM run), i, 's' || i, 'done', 'passed' FROM n",
                last);
        run_sql("INSERT INTO benchmark (run, position, ordinal, benchmark, verdict, metric, value, "
                "unit, better, trials, seconds, metrics) SELECT s.run, s.position, 0, b.benchmark, "
                "b.verdict, b.metric, %s, b.unit, b.better, b.trials, b.seconds, b.metrics "
                "FROM server AS s JOIN benchmark AS b ON b.run = s.run AND b.position = 0 "
                "WHERE s.run = (SELECT max(number) FROM run) AND s.position > 0",
                run == 0 ? "100" : "1.5");
    }
    assert_int_equal(store_series(store, id, 2, count_series, &m, &err), 0);
    assert_int_equal(m.count, last + 1);
    test_free(m.seen);
}

static void quick_and_simulated_runs_stand_apart(UNUSED void **state) {
    const struct row row = {.name = "web01", .value = 80};
    add_one("web01", NULL, 100);
    add_run("[\"--fanout=3\",\"--quick\"]", &row, 1);
    add_run("[\"--simulate=servers=1\"]", &row, 1);
    series_is(add_one("web01", NULL, 101), "0 memory triad GB/s: 100 101;");
    series_is(add_run("[\"--quick\"]", &row, 1), "0 memory triad GB/s: 80 80;");
}

static void another_unit_is_another_metric(UNUSED void **state) {
    add_one("web01", NULL, 100000);
    run_sql("UPDATE benchmark SET unit = 'MB/s'");
    series_is(add_one("web01", NULL, 100), "0 memory triad GB/s: 100;");
}

static void a_renamed_server_keeps_its_history(UNUSED void **state) {
    add_one("web01", "A", 100);
    add_one("web01", "A", 101);
    series_is(add_one("db01", "A", 102), "0 memory triad GB/s: 100 101 102;");
    /* and is not taken for it where the machine was not known */
    add_one("db01", NULL, 103);
    series_is(add_one("db01", "A", 104), "0 memory triad GB/s: 100 101 102 103 104;");
}

static void a_new_machine_begins_anew(UNUSED void **state) {
    add_one("web01", "A", 100);
    series_is(add_one("web01", "B", 50), "0 memory triad GB/s: 50;");
    series_is(add_one("web01", "B", 51), "0 memory triad GB/s: 50 51;");
}

static void machines_that_are_not_one_are_told_apart_by_name(UNUSED void **state) {
    const struct row clones[] = {{.name = "web01", .machine = "A", .value = 100},
                                 {.name = "web02", .machine = "A", .value = 50},
                                 {.name = "web03", .machine = "A", .value = 70}};
    add_run("[]", clones, 2);
    series_is(add_run("[]", clones, 2), "0 memory triad GB/s: 100 100;1 memory triad GB/s: 50 50;");
    /* one that is new among them has no past, with the others and without */
    series_is(add_run("[]", clones + 1, 2),
              "0 memory triad GB/s: 50 50 50;1 memory triad GB/s: 70;");
}

static void history_has_every_run(UNUSED void **state) {
    struct history h;
    struct error err;
    const struct row lost = {.name = "web01", .value = NAN, .reason = REASON_UNREACHABLE};
    const struct row flaky = {.name = "web01", .value = 99, .flaky = true};
    add_one("old", "A", 100);
    add_run("[]", &lost, 1);
    add_run("[]", &flaky, 1);
    add_run("[\"--quick\"]", &(struct row){.name = "web01", .value = 77}, 1);
    add_one("web01", "A", 101);
    assert_int_equal(store_history(store, "web01", NULL, &h, &err), 0);
    assert_string_equal(h.server, "web01");
    assert_string_equal(h.machine, "A");
    assert_int_equal(h.run_count, 5);
    assert_int_equal(h.count, 5);
    assert_string_equal(h.values[0].server, "old");
    assert_true(h.values[0].counts && h.values[0].value == 100 && h.values[0].spread == 0.5);
    assert_null(h.values[1].benchmark);
    assert_int_equal(h.values[1].reason, REASON_UNREACHABLE);
    assert_true(h.values[2].flaky && h.values[2].counts && h.values[2].value == 99);
    assert_true(!h.values[3].counts && h.values[3].value == 77);
    assert_true(h.values[4].counts && h.values[4].value == 101);
    history_done(&h);
    assert_int_equal(store_history(store, "web01", "cpu", &h, &err), 0);
    assert_int_equal(h.count, 1); /* the run without any */
    history_done(&h);
}

static void expect_history(const char *asked, const char *name, size_t runs) {
    struct history h;
    struct error err;
    if (store_history(store, asked, NULL, &h, &err) < 0)
        fail_msg("%s: %s", asked, err.text);
    assert_string_equal(h.server, name);
    assert_int_equal(h.run_count, runs);
    history_done(&h);
}

static void an_old_name_leads_to_the_new_one(UNUSED void **state) {
    static const struct row clones[] = {{.name = "c1", .machine = "A", .value = 1},
                                        {.name = "c2", .machine = "A", .value = 1}};
    add_one("web07", "A", 100);
    add_one("db01", "A", 90);
    add_one("db02", "A", 80);
    expect_history("web07", "db02", 3);
    expect_history("db01", "db02", 3);
    /* which of the two it became is not known */
    add_run("[]", clones, 2);
    expect_history("web07", "db02", 3);
    expect_history("c1", "c1", 1);
    /* whose name it is now, it is */
    add_one("web07", "B", 70);
    expect_history("web07", "web07", 1);
    expect_history("db01", "db02", 3);
    /* a machine that is not known leads nowhere */
    add_one("web08", NULL, 60);
    expect_history("web08", "web08", 1);
}

static void a_server_that_is_not_known_is_a_mistake(UNUSED void **state) {
    struct history h;
    struct error err;
    struct store_names names;
    assert_int_equal(store_history(store, "web01", NULL, &h, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    add_one("web01", NULL, 1);
    add_one("web02", NULL, 1);
    add_one("web01", NULL, 1);
    assert_int_equal(store_history(store, "web03", NULL, &h, &err), -1);
    assert_non_null(strstr(err.text, "'web03'"));
    assert_int_equal(store_server_names(store, &names, &err), 0);
    assert_int_equal(names.count, 2);
    assert_string_equal(names.items[0], "web01");
    assert_string_equal(names.items[1], "web02");
    assert_null(names.items[2]);
    store_names_done(&names);
}

/* A run of as many servers as there are names begins: what are they expected to take? */
static void expects(const char *options, const char *const *names, const char *benchmark,
                    const char *wanted) {
    struct error err;
    struct server items[8] = {{0}};
    size_t n = 0, count;
    char text[512] = "";
    struct history_expected *expected;
    const struct store_recipe recipe = {.options = (char *)options};
    struct run run = {.fanout = 1, .threshold = 50};
    for (; names[n]; n++)
        items[n].name = (char *)names[n];
    assert_int_equal(store_begin(store, &run, &recipe, &(struct servers){items, n, n}, &err), 0);
    if (store_expected(store, run.id, &benchmark, benchmark ? 1 : 0, &expected, &count, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < count; i++)
        sprintf(text + strlen(text), "%zu:%g ", expected[i].position, expected[i].seconds);
    free(expected);
    assert_string_equal(text, wanted);
    assert_int_equal(store_end(store, &run, &err), 0);
    store_release(store);
}

#define expects_of(wanted, ...)                                                                    \
    expects("[]", (const char *const[]){__VA_ARGS__, NULL}, "memory", wanted)

static void a_server_is_expected_to_take_what_it_took(UNUSED void **state) {
    const struct row both[] = {{.name = "web01", .seconds = 10}, {.name = "web02", .seconds = 20}};
    expects_of("0:nan 1:nan ", "web02", "web01");
    add_run("[]", both, 2);
    expects_of("0:20 1:nan 2:10 ", "web02", "web03", "web01");
    /* the middle one of three, whichever was odd; what is before them is forgotten */
    const double next[] = {90, 11, 12, 13};
    const char *const wanted[] = {"0:50 ", "0:11 ", "0:12 ", "0:12 "};
    for (size_t i = 0; i < 4; i++) {
        add_run("[]", &(struct row){.name = "web01", .seconds = next[i]}, 1);
        expects_of(wanted[i], "web01");
    }
}

static void a_run_that_does_not_tell_is_passed_over(UNUSED void **state) {
    static const enum reason silent[] = {REASON_UNREACHABLE,     REASON_HOST_KEY, REASON_AUTH,
                                         REASON_CONNECTION_LOST, REASON_BUSY,     REASON_INTERNAL,
                                         REASON_INTERRUPTED};
    const struct row quick = {.name = "web01", .seconds = 4};
    add_run("[]", &(struct row){.name = "web01", .seconds = 10}, 1);
    for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
        add_run("[]", &(struct row){.name = "web01", .reason = silent[i], .seconds = 1}, 1);
    add_run("[\"--quick\"]", &quick, 1);
    expects_of("0:10 ", "web01");
    expects("[\"--quick\"]", (const char *const[]){"web01", NULL}, "memory", "0:4 ");
    /* but one that took all of its time, did */
    add_run("[]", &(struct row){.name = "web01", .reason = REASON_TIMEOUT, .seconds = 30}, 1);
    expects_of("0:20 ", "web01");
}

static void what_ran_besides_is_taken_off(UNUSED void **state) {
    const char *const names[] = {"web01", NULL};
    add_run("[]", &(struct row){.name = "web01", .seconds = 8}, 1);
    expects("[]", names, "memory", "0:8 ");
    expects("[]", names, NULL, "0:6 ");
    expects("[]", names, "cpu", "0:nan ");
}

static void a_machine_is_known_by_its_newest_name(UNUSED void **state) {
    const struct row clones[] = {{.name = "x1", .machine = "C", .seconds = 1},
                                 {.name = "x2", .machine = "C", .seconds = 2}};
    add_run("[]", &(struct row){.name = "old", .machine = "A", .seconds = 40}, 1);
    add_run("[]", &(struct row){.name = "web01", .machine = "A", .seconds = 60}, 1);
    expects_of("0:50 ", "web01"); /* renamed */
    add_run("[]", &(struct row){.name = "web01", .machine = "B", .seconds = 5}, 1);
    expects_of("0:5 1:50 ", "web01", "old"); /* replaced; and the old one is back */
    add_run("[]", clones, 2);
    add_run("[]", clones, 2);
    expects_of("0:2 1:1 ", "x2", "x1");
}

#define test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_series_has_the_servers_runs_up_to_this_one),
        test(nobody_is_handed_over_while_there_are_too_few_runs),
        test(a_series_ends_after_thirty_runs),
        test(every_server_of_many_has_its_series),
        test(values_that_say_nothing_are_left_out),
        test(quick_and_simulated_runs_stand_apart),
        test(another_unit_is_another_metric),
        test(a_renamed_server_keeps_its_history),
        test(a_new_machine_begins_anew),
        test(machines_that_are_not_one_are_told_apart_by_name),
        test(an_old_name_leads_to_the_new_one),
        test(history_has_every_run),
        test(a_server_that_is_not_known_is_a_mistake),
        test(a_server_is_expected_to_take_what_it_took),
        test(a_run_that_does_not_tell_is_passed_over),
        test(what_ran_besides_is_taken_off),
        test(a_machine_is_known_by_its_newest_name),
    };
    return run_on_each_engine(tests);
}
