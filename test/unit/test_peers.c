/* peers: servers of one kind judged by one another. */
#include "test.h"

#include "base/hash.h"
#include "model/stats.h"
#include "policy/peers.h"

#include <math.h>
#include <string.h>

static struct error err;
static struct cohort c;
static struct findings found;

static int setup(UNUSED void **state) {
    c = (struct cohort){0};
    found = (struct findings){0};
    return 0;
}

static int teardown(UNUSED void **state) {
    cohort_done(&c);
    findings_done(&found);
    return 0;
}

static uint64_t draws;

/* Of a normal distribution; each call another. */
static double noise(void) {
    double u = hash_fraction(hash_mix(++draws)), v = hash_fraction(hash_mix(++draws));
    return sqrt(-2 * log(1 - u)) * cos(2 * M_PI * v);
}

static size_t add(const char *kind, double value) {
    char name[16];
    snprintf(name, sizeof(name), "s%zu", c.server_count);
    assert_int_equal(cohort_add_server(&c, name, kind, &err), 0);
    assert_int_equal(
        cohort_add_value(&c, c.server_count - 1, "memory", "triad", "GB/s", false, value, &err), 0);
    return c.server_count - 1;
}

static void add_around(const char *kind, size_t n, double value, double sigma) {
    for (size_t i = 0; i < n; i++)
        add(kind, value + sigma * noise());
}

static void judge(const struct baselines *known) {
    assert_int_equal(peers_judge(&c, known, &found, &err), 0);
    findings_sort(&found);
}

static void finds_the_one_that_is_worse(UNUSED void **state) {
    add_around("k", 31, 100, 1);
    size_t row = add("k", 85);
    judge(NULL);
    assert_int_equal(found.count, 1);
    const struct finding *f = &found.items[0];
    assert_int_equal(f->what, FINDING_OUTLIER);
    assert_int_equal(f->row, row);
    assert_string_equal(f->metric, "triad");
    assert_true(f->value == 85 && fabs(f->expected - 100) < 1);
    assert_true(f->percent < -14 && f->percent > -16 && f->z < -5);
    assert_int_equal(f->peers, 31);
    assert_non_null(strstr(f->detail, "memory triad 85 GB/s, "));
    assert_non_null(strstr(f->detail, " % below its peers' "));
    assert_int_equal(found.note_count, 0);
}

static void finds_nobody_on_the_good_side(UNUSED void **state) {
    add_around("k", 31, 100, 1);
    add("k", 150);
    judge(NULL);
    assert_int_equal(found.count, 0);
}

static void knows_where_lower_is_better(UNUSED void **state) {
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(cohort_add_server(&c, "s", "k", &err), 0);
        double value = i == 3 ? 20 : i == 4 ? 5 : 10 + 0.01 * (double)i;
        assert_int_equal(cohort_add_value(&c, i, "net", "p99", "us", true, value, &err), 0);
    }
    judge(NULL);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.items[0].row, 3);
    assert_true(found.items[0].percent < -95 && found.items[0].z < 0);
    assert_non_null(strstr(found.items[0].detail, " above its peers' "));
}

/* Two per cent are no fault, however alike the others are; nor is what noise explains. */
static void asks_for_both_distance_and_size(UNUSED void **state) {
    add_around("alike", 30, 100, 0.01);
    add("alike", 98);
    add_around("noisy", 30, 100, 10);
    add("noisy", 85);
    judge(NULL);
    assert_int_equal(found.count, 0);
}

/* Scores that are whole numbers, or the width of a link: more than half are the same. */
static void judges_where_most_values_are_equal(UNUSED void **state) {
    for (size_t i = 0; i < 20; i++)
        add("k", 16);
    size_t row = add("k", 8);
    judge(NULL);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.items[0].row, row);
}

/* Counters of errors: the median is 0, and no per cent of it are anything. */
static void judges_where_the_median_is_zero(UNUSED void **state) {
    for (size_t i = 0; i < 30; i++) {
        assert_int_equal(cohort_add_server(&c, "s", "k", &err), 0);
        assert_int_equal(
            cohort_add_value(&c, i, "net", "errors", NULL, true, i == 7 ? 500 : 0, &err), 0);
    }
    judge(NULL);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.items[0].row, 7);
    assert_true(isnan(found.items[0].percent));
    struct str json = {0};
    finding_add_json(&json, found.items, 1);
    assert_non_null(strstr(json.data, "\"percent\":null"));
    str_done(&json);
}

static void judges_negative_values(UNUSED void **state) {
    add_around("k", 30, -100, 1);
    size_t row = add("k", -120);
    judge(NULL);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.items[0].row, row);
    assert_true(found.items[0].percent < -15);
}

static void compares_servers_of_a_kind_only(UNUSED void **state) {
    add_around("fast", 20, 200, 1);
    add_around("slow", 20, 100, 1);
    size_t row = add("fast", 100);
    judge(NULL);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.items[0].row, row);
}

static void judges_two_groups_each_by_itself(UNUSED void **state) {
    add_around("k", 60, 100, 0.5);
    add_around("k", 40, 85, 0.5);
    size_t in_upper = add("k", 93), in_lower = add("k", 70);
    judge(NULL);
    assert_int_equal(found.note_count, 1);
    assert_non_null(strstr(found.notes[0], "memory triad of kind k is in two groups: "));
    assert_int_equal(found.count, 2);
    assert_int_equal(found.items[0].row, in_upper);
    assert_int_equal(found.items[1].row, in_lower);
    assert_true(fabs(found.items[1].expected - 85) < 1);
}

/* A tenth of the fleet with the same fault is not another kind of healthy. */
static void takes_no_few_for_a_group(UNUSED void **state) {
    add_around("k", 900, 100, 0.5);
    add_around("k", 100, 85, 0.5);
    judge(NULL);
    assert_int_equal(found.note_count, 0);
    assert_int_equal(found.count, 100);
}

static void leaves_small_kinds_alone_and_says_so(UNUSED void **state) {
    add_around("large", 20, 100, 1);
    add_around("small", 6, 100, 1);
    add("small", 10);
    judge(NULL);
    assert_int_equal(found.count, 0);
    assert_int_equal(found.note_count, 1);
    assert_non_null(strstr(found.notes[0], "small (7)"));
}

/* What it says of their noise is as little as so few peers would say. */
static void lets_no_baseline_of_few_stand_in(UNUSED void **state) {
    for (int servers = 1; servers <= PEERS_LEAST; servers++) {
        struct baselines known = {0};
        struct baseline b = {.kind = "small",
                             .benchmark = "memory",
                             .metric = "triad",
                             .unit = "GB/s",
                             .median = 100,
                             .scale = servers == 1 ? 0 : 0.3,
                             .count = servers};
        assert_int_equal(baselines_put(&known, &b, &err), 0);
        add("small", 100);
        size_t slow = add("small", 90);
        judge(&known);
        assert_int_equal(found.count, servers >= PEERS_LEAST);
        if (found.count)
            assert_int_equal(found.items[0].row, slow);
        baselines_done(&known);
        teardown(NULL);
        setup(NULL);
    }
}

static void lets_a_baseline_stand_in_for_few_peers(UNUSED void **state) {
    struct baselines known = {0};
    struct baseline b = {.kind = "small",
                         .benchmark = "memory",
                         .metric = "triad",
                         .unit = "GB/s",
                         .median = 100,
                         .scale = 1,
                         .count = 40,
                         .run = "r"};
    assert_int_equal(baselines_put(&known, &b, &err), 0);
    add_around("large", 20, 100, 1);
    add("small", 99);
    size_t row = add("small", 90);
    judge(&known);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.items[0].row, row);
    assert_int_equal(found.items[0].peers, 40);
    assert_non_null(strstr(found.items[0].detail, "its kind's baseline of 100 GB/s"));
    assert_int_equal(found.note_count, 0);
    baselines_done(&known);
}

static void holds_no_other_unit_against_a_server(UNUSED void **state) {
    struct baselines known = {0};
    struct baseline b = {.kind = "small",
                         .benchmark = "memory",
                         .metric = "triad",
                         .unit = "MB/s",
                         .median = 1e5,
                         .scale = 1,
                         .count = 40,
                         .run = "r"};
    assert_int_equal(baselines_put(&known, &b, &err), 0);
    add("small", 99);
    judge(&known);
    assert_int_equal(found.count, 0);
    baselines_done(&known);
}

static void finds_what_a_server_lacks(UNUSED void **state) {
    add_around("k", 20, 100, 1);
    size_t row = add("k", NAN);
    size_t broken = add("k", NAN);
    c.servers[broken].measured = false;
    judge(NULL);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.items[0].what, FINDING_MISSING);
    assert_int_equal(found.items[0].row, row);
    assert_int_equal(found.items[0].peers, 20);
    assert_string_equal(found.items[0].detail,
                        "memory triad was not measured; 20 of its 20 peers have it");
}

static void misses_nothing_that_many_lack(UNUSED void **state) {
    add_around("k", 20, 100, 1);
    for (int i = 0; i < 4; i++)
        add("k", NAN);
    judge(NULL);
    assert_int_equal(found.count, 0);
}

static void does_not_count_who_did_not_get_through(UNUSED void **state) {
    add_around("k", 7, 100, 1);
    size_t broken = add("k", 50), wrong = add("k", 50);
    c.servers[broken].measured = false;
    c.servers[wrong].reason = REASON_WRONG_RESULT;
    judge(NULL);
    assert_int_equal(found.count, 0);
}

static void raises_the_cut_with_the_metrics(UNUSED void **state) {
    assert_true(peers_cut(1, 1000000) == 3.5 && peers_cut(2, 1000000) == 3.5);
    assert_true(fabs(peers_cut(20, 1000000) - 4.06) < 0.02);
    assert_true(fabs(peers_cut(1000, 1000000) - 4.9) < 0.05);
}

/* Of few servers nobody knows the scale: Student's t of 45 degrees of freedom stands in tables. */
static void raises_the_cut_for_few_servers(UNUSED void **state) {
    assert_true(fabs(peers_cut(1, 100) - 3.520) < 0.01); /* t at p = 0.0005 */
    assert_true(peers_cut(20, 100) > peers_cut(20, 200));
    assert_true(peers_cut(20, 200) > peers_cut(20, 2000));
    assert_true(fabs(peers_cut(20, PEERS_LEAST) - PEERS_Z_MOST) < 0.01);
}

/* 2,000 servers with 20 metrics, each the median of three trials with noise of 1 %. */
static void finds_faults_of_five_per_cent_and_hardly_any_other(UNUSED void **state) {
    enum { SERVERS = 2000, METRICS = 20, FAULTY = 100 };
    char metric[16];
    for (size_t i = 0; i < SERVERS; i++) {
        assert_int_equal(cohort_add_server(&c, "s", "k", &err), 0);
        for (size_t m = 0; m < METRICS; m++) {
            double good = i < FAULTY && m == i % METRICS ? 95 : 100;
            double trials[] = {good + noise(), good + noise(), good + noise()};
            snprintf(metric, sizeof(metric), "m%zu", m);
            assert_int_equal(
                cohort_add_value(&c, i, "b", metric, NULL, false, stats_median(trials, 3), &err),
                0);
        }
    }
    judge(NULL);
    size_t right = 0, wrong = 0;
    for (size_t i = 0; i < found.count; i++) {
        const struct finding *f = &found.items[i];
        bool planted = f->row < FAULTY && atoi(f->metric + 1) == (int)(f->row % METRICS);
        right += planted;
        wrong += !planted;
    }
    assert_in_range(right, FAULTY * 99 / 100, FAULTY);
    assert_in_range(wrong, 0, 2);
    assert_int_equal(found.note_count, 0);
}

static void judges_nobody(UNUSED void **state) {
    judge(NULL);
    assert_int_equal(found.count, 0);
    add("k", 0);
    add("k", 0);
    judge(NULL);
    assert_int_equal(found.count, 0);
}

static void tells_what_was_kept(UNUSED void **state) {
    add_around("k", 31, 100, 1);
    add("k", 85);
    judge(NULL);
    struct str json = {0};
    finding_add_json(&json, found.items, found.count);
    struct outcome o = {.server = "s", .verdict = VERDICT_PASSED};
    const char *why =
        "[{\"detail\":\"a\"},{\"detail\":\"b\"},{\"detail\":\"c\"},{\"detail\":\"d\"}]";
    assert_int_equal(finding_tell(&o, json.data, why, &err), 0);
    assert_string_equal(o.outlier, found.items[0].detail);
    assert_string_equal(o.why, "a; b; c");
    assert_null(o.missing);
    assert_null(o.drift);
    outcome_done(&o);
    str_done(&json);
}

static void tells_nothing_of_what_is_not_as_it_was_written(UNUSED void **state) {
    static const char *const texts[] = {"", "[", "{}", "[1,null,{}]", "[{\"detail\":5}]", NULL};
    for (size_t i = 0; i < 6; i++) {
        struct outcome o = {.server = "s", .verdict = VERDICT_PASSED};
        assert_int_equal(finding_tell(&o, texts[i], texts[i], &err), 0);
        assert_null(o.outlier);
        outcome_done(&o);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(finds_the_one_that_is_worse),
        TEST(finds_nobody_on_the_good_side),
        TEST(knows_where_lower_is_better),
        TEST(asks_for_both_distance_and_size),
        TEST(judges_where_most_values_are_equal),
        TEST(judges_where_the_median_is_zero),
        TEST(judges_negative_values),
        TEST(compares_servers_of_a_kind_only),
        TEST(judges_two_groups_each_by_itself),
        TEST(takes_no_few_for_a_group),
        TEST(leaves_small_kinds_alone_and_says_so),
        TEST(lets_a_baseline_stand_in_for_few_peers),
        TEST(lets_no_baseline_of_few_stand_in),
        TEST(holds_no_other_unit_against_a_server),
        TEST(finds_what_a_server_lacks),
        TEST(misses_nothing_that_many_lack),
        TEST(does_not_count_who_did_not_get_through),
        TEST(raises_the_cut_with_the_metrics),
        TEST(raises_the_cut_for_few_servers),
        TEST(finds_faults_of_five_per_cent_and_hardly_any_other),
        TEST(judges_nobody),
        TEST(tells_what_was_kept),
        TEST(tells_nothing_of_what_is_not_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
