/* What the store promises. */
#include "test.h"

#include "store/crew.h"
#include "store/held.h"
#include "store/store.h"
#include "store_place.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct store_place place;

static int set_up(UNUSED void **state) {
    return store_place_make(&place);
}

static int tear_down(UNUSED void **state) {
    return store_place_done(&place);
}

/* For who works on runs: one of a crew, where the store is shared. */
static struct store *open_store(void) {
    const struct store_enlistment as = {.fanout = 7, .lease = CREW_LEASE};
    struct store *s;
    struct error err;
    if (store_open(place.url, STORE_CREATE, &s, &err) < 0 ||
        (store_is_shared(s) && store_join(s, &as, &err) < 0))
        fail_msg("%s", err.text);
    return s;
}

static struct server names[] = {{.name = (char *)"web01"},
                                {.name = (char *)"web02"},
                                {.name = (char *)"user@db1:2222"},
                                {.name = (char *)"x'; DROP TABLE run; --"}};
static const struct servers four = {names, 4, 4};

static const struct store_recipe recipe = {.options = (char *)"[]"};

static struct run begin(struct store *s) {
    struct run run = {.fanout = 7, .threshold = 50};
    struct error err;
    assert_int_equal(store_begin(s, &run, &recipe, &four, &err), 0);
    return run;
}

static double some_trials[] = {1.5, 2.25, 1e300};

static struct metric some_metrics[] = {{.name = (char *)"all_cores",
                                        .unit = (char *)"Mop/s",
                                        .value = 2.25,
                                        .lower_is_better = true,
                                        .trials = some_trials,
                                        .trial_count = 3,
                                        .spread = 0.5},
                                       {.name = (char *)"one_core",
                                        .unit = (char *)"Mop/s",
                                        .value = 7,
                                        .trials = (double[]){7},
                                        .trial_count = 1,
                                        .spread = NAN}};

static struct benchmark_result some_benchmark(void) {
    return (struct benchmark_result){.benchmark = (char *)"cpu",
                                     .verdict = VERDICT_FAILED,
                                     .reason = REASON_BELOW_THRESHOLD,
                                     .detail = (char *)"cpu scored 34, below 50",
                                     .flaky = true,
                                     .score = 34,
                                     .metric = (char *)"all_cores",
                                     .unit = (char *)"Mop/s",
                                     .value = 2.25,
                                     .lower_is_better = true,
                                     .reference = NAN,
                                     .threshold = 50,
                                     .trials = some_trials,
                                     .trial_count = 3,
                                     .reference_source = (char *)"built-in",
                                     .spread = NAN,
                                     .seconds = 1.25,
                                     .metrics = some_metrics,
                                     .metric_count = 2};
}

/* A server that failed by its one benchmark. */
static struct server_result some_result(struct benchmark_result *b) {
    return (struct server_result){.verdict = VERDICT_FAILED,
                                  .reason = REASON_BELOW_THRESHOLD,
                                  .detail = b->detail,
                                  .attempts = 2,
                                  .seconds = 3,
                                  .facts = (char *)"{\"cpu\":1}",
                                  .kind = (char *)"EPYC 9654 x2",
                                  .machine = (char *)"board:A1",
                                  .findings = (char *)"[]",
                                  .why = (char *)"[{}]",
                                  .benchmarks = b,
                                  .benchmark_count = 1};
}

struct seen {
    size_t count;
    struct server_result last;
    char names[256];
};

static int see(void *arg, const char *server, const struct server_result *r,
               UNUSED struct error *err) {
    struct seen *seen = arg;
    seen->count++;
    strcat(seen->names, server);
    strcat(seen->names, "|");
    if (strcmp(server, "web02") == 0) {
        assert_int_equal(r->verdict, VERDICT_FAILED);
        assert_int_equal(r->reason, REASON_BELOW_THRESHOLD);
        assert_string_equal(r->detail, "cpu scored 34, below 50");
        assert_string_equal(r->facts, "{\"cpu\":1}");
        assert_string_equal(r->kind, "EPYC 9654 x2");
        assert_string_equal(r->machine, "board:A1");
        assert_string_equal(r->findings, "[]");
        assert_string_equal(r->why, "[{}]");
        assert_int_equal(r->attempts, 2);
        assert_int_equal(r->benchmark_count, 1);
        const struct benchmark_result *b = &r->benchmarks[0];
        assert_string_equal(b->benchmark, "cpu");
        assert_string_equal(b->metric, "all_cores");
        assert_true(b->score == 34 && b->value == 2.25 && b->threshold == 50);
        assert_true(isnan(b->reference) && isnan(b->spread));
        assert_string_equal(b->reference_source, "built-in");
        assert_true(b->lower_is_better && b->flaky);
        assert_int_equal(b->trial_count, 3);
        assert_true(b->trials[0] == 1.5 && b->trials[1] == 2.25 && b->trials[2] == 1e300);
        assert_int_equal(b->metric_count, 2);
        const struct metric *m = b->metrics;
        assert_true(m[0].lower_is_better && m[0].trial_count == 3 && m[0].spread == 0.5);
        assert_true(m[0].trials[1] == 2.25 && m[0].trials[2] == 1e300);
        assert_true(!m[1].lower_is_better && m[1].trial_count == 1 && m[1].trials[0] == 7);
        assert_true(isnan(m[1].spread));
    } else {
        assert_int_equal(r->verdict, VERDICT_CANCELLED);
        assert_int_equal(r->reason, REASON_INTERRUPTED);
    }
    return 0;
}

static void keeps_what_was_measured(UNUSED void **state) {
    struct error err;
    struct store *s = open_store();
    struct run run = begin(s);
    size_t positions[8];
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 8, positions, &err), 4);
    struct benchmark_result b = some_benchmark();
    struct server_result r = some_result(&b);
    struct store_result done = {.position = 1, .result = &r};
    assert_int_equal(store_turn(s, &run, &done, 1, 0, NULL, &err), 0);
    store_close(s);

    s = open_store();
    struct seen seen = {0};
    if (store_each(s, run.id, see, &seen, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(seen.count, 4);
    assert_string_equal(seen.names, "web01|web02|user@db1:2222|x'; DROP TABLE run; --|");
    struct run found;
    assert_int_equal(store_run(s, "last", &found, &err), 0);
    assert_string_equal(found.id, run.id);
    assert_int_equal(found.failed, 1);
    assert_int_equal(found.cancelled, 3);
    assert_int_equal(found.fanout, 7);
    assert_true(isnan(found.seconds));
    assert_string_equal(found.stopped, "");
    store_close(s);
}

static void claims_each_server_once_and_in_order(UNUSED void **state) {
    struct error err;
    struct store *s = open_store();
    struct run run = begin(s);
    size_t positions[8];
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 3, positions, &err), 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(positions[i], i);
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 3, positions, &err), 1);
    assert_int_equal(positions[0], 3);
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 3, positions, &err), 0);
    store_close(s);
}

static size_t *copy_of(const size_t *positions, size_t n) {
    size_t *copy = malloc(n * sizeof(*copy));
    assert_non_null(copy);
    memcpy(copy, positions, n * sizeof(*copy));
    return copy;
}

static bool same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Claims the one server there is and compares it. */
static void claim_is(struct store *s, const struct run *run, const struct server *want, int round) {
    struct store_claim claim;
    struct error err;
    assert_int_equal(store_turn(s, run, NULL, 0, 1, &claim, &err), 1);
    assert_int_equal(claim.position, 0);
    assert_int_equal(claim.server.round, round);
    assert_int_equal(claim.server.port, want->port);
    assert_true(same_text(claim.server.name, want->name));
    assert_true(same_text(claim.server.host, want->host));
    assert_true(same_text(claim.server.user, want->user));
    assert_true(same_text(claim.server.identity, want->identity));
    assert_true(same_text(claim.server.kind, want->kind));
    assert_true(same_text(claim.server.labels, want->labels));
    server_done(&claim.server);
}

static void claims_bring_what_it_takes_to_measure_a_server(UNUSED void **state) {
    struct error err;
    struct store *s = open_store();
    struct server given[] = {{.name = (char *)"root@db1:2222",
                              .host = (char *)"db1",
                              .user = (char *)"root",
                              .port = 2222,
                              .identity = (char *)"/home/me/key",
                              .kind = (char *)"EPYC",
                              .labels = (char *)"{\"rack\":\"a1\"}"},
                             {.name = (char *)"web1", .host = (char *)"web1"}};
    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        const struct servers one = {&given[i], 1, 1};
        struct benchmark_result b = some_benchmark();
        const struct server_result failed = some_result(&b);
        struct run run = {.fanout = 7, .threshold = 50};
        assert_int_equal(store_begin(s, &run, &recipe, &one, &err), 0);
        claim_is(s, &run, &given[i], 0);
        assert_int_equal(
            store_turn(s, &run, &(struct store_result){.result = &failed}, 1, 0, NULL, &err), 0);
        /* its earlier attempts are counted, and an order that was set makes no difference */
        assert_int_equal(store_resume(s, &run, true, &err), 0);
        store_set_order(s, copy_of((const size_t[]){0}, 1), 1);
        claim_is(s, &run, &given[i], 1);
        assert_int_equal(store_end(s, &run, &err), 0);
    }
    store_close(s);
}

static void claims_in_an_order_that_was_set(UNUSED void **state) {
    struct error err;
    struct store *s = open_store();
    struct run run = begin(s);
    size_t positions[8];
    struct server_result passed = {.verdict = VERDICT_PASSED, .attempts = 1};
    store_set_order(s, copy_of((const size_t[]){2, 0, 3, 1}, 4), 4);
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 1, positions, &err), 1);
    assert_int_equal(positions[0], 2);
    assert_int_equal(store_turn_positions(s, &run,
                                          &(struct store_result){.position = 2, .result = &passed},
                                          1, 2, positions, &err),
                     2);
    assert_int_equal(positions[0], 0);
    assert_int_equal(positions[1], 3);
    assert_int_equal(store_end(s, &run, &err), 0);
    /* what is left, and what has a verdict is not begun again */
    store_set_order(s, copy_of((const size_t[]){3, 2, 1, 0}, 4), 4);
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 8, positions, &err), 3);
    assert_int_equal(positions[0], 3);
    assert_int_equal(positions[1], 1);
    assert_int_equal(positions[2], 0);
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 8, positions, &err), 0);
    /* resumed, the inventory's order holds again */
    assert_int_equal(store_end(s, &run, &err), 0);
    assert_int_equal(store_resume(s, &run, false, &err), 0);
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 8, positions, &err), 3);
    assert_int_equal(positions[0], 0);
    assert_int_equal(positions[2], 3);
    store_close(s);
}

#define RACK(r) "{\"rack\":\"" r "\"}"
#define RACK_AND_PDU(r, p) "{\"pdu\":\"" p "\",\"rack\":\"" r "\",\"site\":\"fra\"}"

#define LABELLED(mark)                                                                             \
    {                                                                                              \
        {.name = (char *)"a1" mark, .labels = (char *)RACK("a")},                                  \
            {.name = (char *)"a2" mark, .labels = (char *)RACK("a")},                              \
            {.name = (char *)"a3" mark, .labels = (char *)RACK_AND_PDU("a", "p")},                 \
            {.name = (char *)"b1" mark, .labels = (char *)RACK_AND_PDU("b", "p")}, {               \
            .name = (char *)"free" mark                                                            \
        }                                                                                          \
    }

static struct server labelled[] = LABELLED(""), elsewhere[] = LABELLED("-too");
static const struct servers racks = {labelled, ARRAY_LEN(labelled), ARRAY_LEN(labelled)};
/* in the same racks */
static const struct servers others = {elsewhere, ARRAY_LEN(elsewhere), ARRAY_LEN(elsewhere)};

static struct label_limit one_each[] = {{(char *)"rack", 1}, {(char *)"pdu", 1}};
static const struct label_limits limits = {one_each, ARRAY_LEN(one_each), ARRAY_LEN(one_each)};

static struct run begin_racks(struct store *s, const struct servers *servers) {
    struct run run = {.fanout = 7, .threshold = 50};
    struct error err;
    assert_int_equal(store_begin(s, &run, &recipe, servers, &err), 0);
    assert_int_equal(store_set_limits(s, &limits, &err), 0);
    return run;
}

/* Hands in that these servers passed, and claims; what is claimed are the digits of `want`. */
static void turn_gives(struct store *s, const struct run *run, const char *passed, size_t max,
                       const char *want, bool held_back) {
    struct server_result result = {.verdict = VERDICT_PASSED, .attempts = 1};
    struct store_result results[8] = {{0}};
    size_t positions[8], n = strlen(passed);
    char got[9] = "";
    struct error err;
    for (size_t i = 0; i < n; i++)
        results[i] =
            (struct store_result){.position = (size_t)(passed[i] - '0'), .result = &result};
    ssize_t claimed = store_turn_positions(s, run, results, n, max, positions, &err);
    if (claimed < 0)
        fail_msg("%s", err.text);
    for (ssize_t i = 0; i < claimed; i++)
        got[i] = (char)('0' + positions[i]);
    assert_string_equal(got, want);
    assert_int_equal(store_held_back(s), held_back);
}

static void claims_within_limits(UNUSED void **state) {
    struct error err;
    struct store *s = open_store();
    struct run run = begin_racks(s, &racks);
    turn_gives(s, &run, "", 1, "0", false);
    turn_gives(s, &run, "", 8, "34", true);
    turn_gives(s, &run, "", 8, "", true);
    turn_gives(s, &run, "0", 8, "1", true);
    turn_gives(s, &run, "14", 8, "", true); /* rack a has a place, pdu p has not */
    turn_gives(s, &run, "3", 8, "2", false);
    turn_gives(s, &run, "2", 8, "", false);
    /* without limits the same servers go at once */
    run = begin_racks(s, &racks);
    assert_int_equal(store_set_limits(s, NULL, &err), 0);
    turn_gives(s, &run, "", 8, "01234", false);
    store_close(s);
}

static void claims_within_limits_in_an_order_that_was_set(UNUSED void **state) {
    struct error err;
    struct store *s = open_store();
    struct run run = begin_racks(s, &racks);
    store_set_order(s, copy_of((const size_t[]){4, 2, 3, 1}, 4), 4);
    turn_gives(s, &run, "", 8, "42", true);
    turn_gives(s, &run, "2", 8, "31", false);
    assert_int_equal(store_end(s, &run, &err), 0);
    assert_int_equal(store_resume(s, &run, false, &err), 0);
    turn_gives(s, &run, "", 8, "034", true);
    store_close(s);
}

static void limits_hold_over_runs(UNUSED void **state) {
    struct store *first = open_store(), *second = open_store();
    struct run one = begin_racks(first, &racks), two = begin_racks(second, &others);
    turn_gives(first, &one, "", 1, "0", false);
    turn_gives(second, &two, "", 8, "34", true);
    turn_gives(first, &one, "", 8, "4", true); /* b1 would be on the pdu */
    turn_gives(second, &two, "34", 8, "", true);
    turn_gives(first, &one, "4", 8, "3", true);
    /* what a process that is gone had claimed is claimed no more */
    store_close(first);
    turn_gives(second, &two, "", 8, "0", true);
    turn_gives(second, &two, "0", 8, "1", true);
    turn_gives(second, &two, "1", 8, "2", false);
    store_close(second);
}

static int check_labels(void *arg, const char *server, const struct server_result *r,
                        UNUSED struct error *err) {
    size_t *at = arg;
    const char *want = labelled[(*at)++].labels;
    assert_true(want ? r->labels && strcmp(r->labels, want) == 0 : !r->labels);
    assert_string_equal(server, labelled[*at - 1].name);
    return 0;
}

static void keeps_labels(UNUSED void **state) {
    struct store *s = open_store();
    struct run run = begin_racks(s, &racks);
    struct store_recipe read;
    struct servers servers;
    struct error err;
    size_t at = 0;
    assert_int_equal(store_recipe(s, run.id, &read, &servers, &err), 0);
    assert_int_equal(servers.count, racks.count);
    assert_string_equal(servers.items[2].labels, labelled[2].labels);
    assert_null(servers.items[4].labels);
    assert_int_equal(store_each(s, run.id, check_labels, &at, &err), 0);
    assert_int_equal(at, racks.count);
    store_recipe_done(&read);
    servers_done(&servers);
    store_close(s);
}

static int count_benchmarks(void *arg, UNUSED const char *server, const struct server_result *r,
                            UNUSED struct error *err) {
    *(size_t *)arg += r->benchmark_count;
    return 0;
}

static void a_cancelled_server_is_pending_again(UNUSED void **state) {
    struct error err;
    struct store *s = open_store();
    struct run run = begin(s);
    size_t positions[8];
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 8, positions, &err), 4);
    struct server_result passed = {.verdict = VERDICT_PASSED, .attempts = 1};
    struct server_result cancelled = {.verdict = VERDICT_CANCELLED, .reason = REASON_INTERRUPTED};
    struct store_result done[] = {{.position = 0, .result = &passed},
                                  {.position = 1, .result = &cancelled}};
    struct benchmark_result b = some_benchmark();
    passed.benchmarks = cancelled.benchmarks = &b;
    passed.benchmark_count = cancelled.benchmark_count = 1;
    assert_int_equal(store_turn(s, &run, done, 2, 0, NULL, &err), 0);
    run.seconds = 12.5;
    strcpy(run.stopped, "too many birds");
    assert_int_equal(store_end(s, &run, &err), 0);
    store_close(s);
    s = open_store();
    struct run found;
    assert_int_equal(store_run(s, run.id, &found, &err), 0);
    assert_true(found.seconds == 12.5);
    assert_string_equal(found.stopped, "too many birds");
    assert_int_equal(found.passed, 1);
    assert_int_equal(store_hold(s, run.id, &found, &err), 0);
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 8, positions, &err), 3);
    assert_int_equal(positions[0], 1);

    /* what the first turn measured of a server goes, and of nobody else */
    assert_int_equal(store_turn(s, &run, &(struct store_result){.position = 1, .result = &passed},
                                1, 0, NULL, &err),
                     0);
    size_t benchmarks = 0;
    assert_int_equal(store_each(s, run.id, count_benchmarks, &benchmarks, &err), 0);
    assert_int_equal(benchmarks, 2);
    store_close(s);
}

static void offers_the_nearest_run(UNUSED void **state) {
    struct error err;
    struct store *s = open_store();
    struct run found;
    assert_int_equal(store_run(s, "last", &found, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    struct run run = begin(s);
    char wrong[RUN_ID_SIZE];
    strcpy(wrong, run.id);
    wrong[strlen(wrong) - 1] ^= 1;
    assert_int_equal(store_run(s, wrong, &found, &err), -1);
    assert_non_null(strstr(err.text, run.id));
    store_close(s);
}

static void check_refused(const char *url, enum store_mode mode, const char *because) {
    struct store *s;
    struct error err = {0};
    if (store_open(url, mode, &s, &err) == 0)
        fail_msg("%s was opened", url);
    assert_int_equal(err.kind, ERROR_USAGE);
    if (!strstr(err.text, because))
        fail_msg("'%s' does not say '%s'", err.text, because);
}

static void refuses_what_is_no_store_of_its_own(UNUSED void **state) {
    char other[160];
    snprintf(other, sizeof(other), "%s/other", place.folder);
    check_refused("mysql://host/db", STORE_CREATE, "'mysql'");
    check_refused(other, STORE_READ, "no store");
    check_refused(place.folder, STORE_CREATE, "cannot open");
    check_refused("/proc/nowhere/x.db", STORE_CREATE, "/proc");
    FILE *f = fopen(other, "w");
    fclose(f);
    check_refused(other, STORE_READ, "is empty");
    struct store_place songs = {.folder = ""};
    snprintf(songs.url, sizeof(songs.url), "%s", other);
    store_place_sql(&songs, "CREATE TABLE songs (title TEXT)");
    check_refused(other, STORE_CREATE, "another program");
    f = fopen(other, "w");
    for (int i = 0; i < 100; i++)
        fputs("this is a text and no database, line after line\n", f);
    fclose(f);
    check_refused(other, STORE_CREATE, "not a database");
    store_close(open_store());
    store_place_sql(&place, "PRAGMA user_version = 999");
    check_refused(place.url, STORE_CREATE, "999");
}

static int count_done(void *arg, UNUSED const char *server, const struct server_result *r,
                      UNUSED struct error *err) {
    *(size_t *)arg += r->verdict == VERDICT_PASSED;
    return 0;
}

static void a_reader_sees_one_moment(UNUSED void **state) {
    struct error err;
    struct store *s = open_store(), *reader;
    struct run run = begin(s), found;
    size_t positions[8], done = 0;
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 8, positions, &err), 4);
    assert_int_equal(store_open(place.url, STORE_READ, &reader, &err), 0);
    assert_int_equal(store_run(reader, run.id, &found, &err), 0);
    struct server_result passed = {.verdict = VERDICT_PASSED, .attempts = 1};
    struct store_result result = {.position = 1, .result = &passed};
    assert_int_equal(store_turn(s, &run, &result, 1, 0, NULL, &err), 0);
    assert_int_equal(store_each(reader, run.id, count_done, &done, &err), 0);
    assert_int_equal(found.passed, 0);
    assert_int_equal(done, 0);
    store_close(reader);
    store_close(s);
}

static int see_web02(void *arg, const char *server, const struct server_result *r,
                     UNUSED struct error *err) {
    size_t *seen = arg;
    ++*seen;
    if (r->verdict != VERDICT_FAILED)
        return 0;
    assert_string_equal(server, "web02\\x1b[31m");
    assert_string_equal(r->detail, "\\x1b]0;owned\\x07");
    assert_string_equal(r->benchmarks[0].metrics[0].name, "\\x1bx");
    assert_string_equal(r->benchmarks[0].metrics[0].unit, "\\xc2\\x9b");
    return 0;
}

static void what_another_program_wrote_does_no_harm(UNUSED void **state) {
    struct error err;
    struct store *s = open_store();
    struct run run = begin(s), found;
    size_t positions[8], seen = 0;
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 8, positions, &err), 4);
    struct benchmark_result b = some_benchmark();
    struct server_result r = {.verdict = VERDICT_FAILED,
                              .reason = REASON_BELOW_THRESHOLD,
                              .benchmarks = &b,
                              .benchmark_count = 1};
    assert_int_equal(
        store_turn(s, &run, &(struct store_result){.position = 1, .result = &r}, 1, 0, NULL, &err),
        0);
    store_close(s);
    store_place_sql(
        &place,
        "UPDATE run SET total = -1, passed = -9223372036854775808;"
        "UPDATE server SET name = 'web02\x1b[31m', detail = '\x1b]0;owned\x07' "
        "WHERE position = 1;"
        "UPDATE benchmark SET metrics = '{\"\\u001bx\":{\"value\":1,\"unit\":\"\\u009b\"}}'");
    s = open_store();
    assert_int_equal(store_run(s, run.id, &found, &err), 0);
    assert_int_equal(found.total, 0);
    assert_int_equal(found.passed, 0);
    assert_int_equal(store_each(s, run.id, see_web02, &seen, &err), 0);
    assert_int_equal(seen, 4);
    store_close(s);
    store_place_sql(&place, "UPDATE benchmark SET trials = '[1,null]'");
    s = open_store();
    assert_int_equal(store_each(s, run.id, see_web02, &seen, &err), -1);
    assert_int_equal(err.kind, ERROR_STORE);
    assert_non_null(strstr(err.text, "trials"));
    store_close(s);
}

static void puts_logs_beside_the_database(UNUSED void **state) {
    snprintf(place.url, sizeof(place.url), "%s/a/b/muster.db", place.folder);
    struct store *s = open_store();
    char want[192];
    snprintf(want, sizeof(want), "%s/a/b/logs/RUN.jsonl", place.folder);
    char *got = store_log_path(s, "RUN");
    assert_string_equal(got, want);
    free(got);
    store_close(s);
    struct stat st;
    snprintf(want, sizeof(want), "%s/a", place.folder);
    assert_int_equal(stat(want, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(place.url, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static size_t count_baselines(struct store *s) {
    cleanup(baselines_done) struct baselines all = {0};
    struct error err;
    if (store_baselines(s, &all, &err) < 0)
        fail_msg("%s", err.text);
    return all.count;
}

static void baselines_outlive_what_reads_them(UNUSED void **state) {
    struct baseline items[] = {
        {.kind = (char *)"a",
         .benchmark = (char *)"cpu",
         .metric = (char *)"all",
         .unit = (char *)"",
         .median = 1.0 / 3,
         .scale = 0,
         .count = 5},
        {.kind = (char *)"b'; --",
         .benchmark = (char *)"cpu",
         .metric = (char *)"all",
         .unit = (char *)"op/s",
         .lower_is_better = true,
         .median = -7,
         .scale = 0.1,
         .count = 9,
         .run = (char *)"r1",
         .taken = 8000000},
    };
    const struct baselines two = {items, 2, 2};
    cleanup(baselines_done) struct baselines all = {0};
    struct error err;
    struct store *s = open_store();
    assert_int_equal(count_baselines(s), 0);
    for (int again = 0; again < 2; again++)
        assert_int_equal(store_put_baselines(s, &two, &err), 0);
    store_close(s);
    assert_int_equal(store_open(place.url, STORE_READ, &s, &err), 0);
    assert_int_equal(store_baselines(s, &all, &err), 0);
    assert_int_equal(all.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(all.items[i].kind, items[i].kind);
        assert_true(baseline_same(&all.items[i], &items[i]));
        assert_int_equal(all.items[i].taken, items[i].taken);
    }
    assert_null(all.items[0].run);
    assert_string_equal(all.items[1].run, "r1");
    store_close(s);
    assert_int_equal(store_open(place.url, STORE_CHANGE, &s, &err), 0);
    assert_int_equal(store_drop_baselines(s, "a", &err), 0);
    assert_int_equal(count_baselines(s), 1);
    assert_int_equal(store_drop_baselines(s, NULL, &err), 0);
    assert_int_equal(count_baselines(s), 0);
    store_close(s);
}

/* Another program may have been there. */
static void a_baseline_that_is_none_is_an_error(UNUSED void **state) {
    store_close(open_store());
    const char *in_a_file[] = {"'x', 1, 5", "1, -1, 5", "1, 1, 0", "9e999, 1, 5"};
    const char *in_postgres[] = {"'NaN', 1, 5", "1, -1, 5", "1, 1, 0", "'Infinity', 1, 5"};
    const char **wrong = place.postgres ? in_postgres : in_a_file;
    for (size_t i = 0; i < ARRAY_LEN(in_a_file); i++) {
        char sql[256];
        struct baselines all = {0};
        struct error err;
        struct store *s;
        snprintf(sql, sizeof(sql),
                 "DELETE FROM baseline; INSERT INTO baseline VALUES "
                 "('a', 'cpu', 'all', '', 'higher', %s, 'r', 0)",
                 wrong[i]);
        store_place_sql(&place, sql);
        s = open_store();
        assert_int_equal(store_baselines(s, &all, &err), -1);
        assert_int_equal(err.kind, ERROR_STORE);
        assert_non_null(strstr(err.text, "baseline of cpu all for the kind 'a'"));
        assert_int_equal(store_baselines_any(s, &all, &err), 0);
        assert_int_equal(all.count, 1);
        assert_true(isnan(all.items[0].median));
        assert_int_equal(all.items[0].count, 0);
        baselines_done(&all);
        assert_int_equal(store_drop_baselines(s, NULL, &err), 0);
        assert_int_equal(count_baselines(s), 0);
        store_close(s);
    }
}

struct places {
    char text[256];
};

static int note_place(void *arg, const struct store_progress *p, UNUSED struct error *err) {
    struct places *places = arg;
    char one[64];
    snprintf(one, sizeof(one), "%zu %d %d %g|", p->position, (int)p->state, (int)p->reason,
             p->seconds);
    strcat(places->text, one);
    return 0;
}

static void how_far(struct store *s, const char *id, const char *expected) {
    struct places places = {""};
    struct error err;
    assert_int_equal(store_each_progress(s, id, note_place, &places, &err), 0);
    assert_string_equal(places.text, expected);
}

static void a_reader_that_looks_again_sees_what_others_wrote(UNUSED void **state) {
    struct error err;
    struct store *s = open_store(), *reader;
    struct run run = begin(s);
    size_t positions[8], at;
    bool changed;
    assert_int_equal(store_open(place.url, STORE_READ, &reader, &err), 0);
    assert_int_equal(store_refresh(reader, &changed, &err), 0);
    assert_true(changed);
    how_far(reader, run.id, "0 0 0 0|1 0 0 0|2 0 0 0|3 0 0 0|");
    assert_int_equal(store_refresh(reader, &changed, &err), 0);
    assert_false(changed);
    how_far(reader, run.id, "0 0 0 0|1 0 0 0|2 0 0 0|3 0 0 0|");
    assert_int_equal(store_turn_positions(s, &run, NULL, 0, 3, positions, &err), 3);
    struct benchmark_result b = some_benchmark();
    struct server_result r = some_result(&b);
    struct store_result done = {.position = 1, .result = &r};
    assert_int_equal(store_turn(s, &run, &done, 1, 0, NULL, &err), 0);
    how_far(reader, run.id, "0 0 0 0|1 0 0 0|2 0 0 0|3 0 0 0|"); /* still that moment */
    assert_int_equal(store_refresh(reader, &changed, &err), 0);
    assert_true(changed);
    how_far(reader, run.id, "0 1 0 0|1 2 2 3|2 1 0 0|3 0 0 0|");

    struct seen seen = {0};
    assert_int_equal(store_position(reader, run.id, "web02", &at, &err), 0);
    assert_int_equal(at, 1);
    assert_int_equal(store_each_between(reader, run.id, at, at, see, &seen, &err), 0);
    assert_string_equal(seen.names, "web02|");
    seen = (struct seen){0};
    assert_int_equal(store_each_between(reader, run.id, 2, SIZE_MAX, see, &seen, &err), 0);
    assert_string_equal(seen.names, "user@db1:2222|x'; DROP TABLE run; --|");
    assert_int_equal(store_position(reader, run.id, "x'; DROP TABLE run; --", &at, &err), 0);
    assert_int_equal(at, 3);
    assert_int_equal(store_position(reader, run.id, "web0", &at, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    store_close(reader);
    store_close(s);
}

static void held_are(const struct held *h, const struct held_claim *want, size_t n) {
    assert_int_equal(h->count, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(h->items[i].position, want[i].position);
        assert_int_equal(h->items[i].token, want[i].token);
        assert_ptr_equal(held_find(h, want[i].position), &h->items[i]);
    }
}

static void tokens_are_held_by_position(UNUSED void **state) {
    struct held h = {0};
    struct held_claim first[] = {{7, 1}, {3, 1}, {9, 2}},
                      second[] = {{8, 1}, {3, 5}, {0, 4}, {11, 1}};
    assert_null(held_find(&h, 3));
    assert_int_equal(held_reserve(&h, 3), 0);
    held_settle(&h, first, 3);
    held_are(&h, (const struct held_claim[]){{3, 1}, {7, 1}, {9, 2}}, 3);
    /* one is handed in, one was lost and is claimed again, three are new */
    held_find(&h, 7)->token = 0;
    assert_int_equal(held_reserve(&h, 4), 0);
    held_settle(&h, second, 4);
    held_are(&h, (const struct held_claim[]){{0, 4}, {3, 5}, {8, 1}, {9, 2}, {11, 1}}, 5);
    assert_null(held_find(&h, 7));
    held_settle(&h, NULL, 0);
    assert_int_equal(h.count, 5);
    held_done(&h);
}

#define test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(keeps_what_was_measured),
        test(baselines_outlive_what_reads_them),
        test(a_baseline_that_is_none_is_an_error),
        test(claims_each_server_once_and_in_order),
        test(claims_in_an_order_that_was_set),
        test(claims_bring_what_it_takes_to_measure_a_server),
        test(claims_within_limits),
        test(claims_within_limits_in_an_order_that_was_set),
        test(limits_hold_over_runs),
        test(keeps_labels),
        test(a_cancelled_server_is_pending_again),
        test(offers_the_nearest_run),
        test(a_reader_that_looks_again_sees_what_others_wrote),
        test(a_reader_sees_one_moment),
        test(what_another_program_wrote_does_no_harm),
    };
    const struct CMUnitTest of_files[] = {
        test(refuses_what_is_no_store_of_its_own),
        test(puts_logs_beside_the_database),
        cmocka_unit_test(tokens_are_held_by_position),
    };
    return run_on_each_engine(tests) +
           cmocka_run_group_tests_name("in a file", of_files, store_place_on_sqlite, NULL);
}
