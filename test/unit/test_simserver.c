/* What transport/simserver, simreport and simtruth promise of a modelled fleet. */
#include "test.h"

#include "base/fd.h"
#include "base/hash.h"
#include "base/str.h"
#include "transport/simreport.h"
#include "transport/simtruth.h"
#include "wire/jsontext.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLEET 5000

static struct simulation read_spec(const char *spec) {
    struct error err = {0};
    struct simulation s;
    if (simulation_parse(spec, &s, &err) != 0)
        fail_msg("%s: %s", spec, err.text);
    return s;
}

static struct simserver server_of(const struct simulation *s, int number) {
    char name[12];
    int n = snprintf(name, sizeof(name), "%d", number);
    return simserver_of(s, hash_text(s->seed, name, (size_t)n));
}

/* ---- the specification ---- */

static void reads_a_modelled_fleet(UNUSED void **state) {
    struct simulation s = read_spec("kinds=5,metrics=20,noise=0.5%,slow=1%:5%,throttled=2,"
                                    "drift=3%:7.5,bimodal=40%:15%,age=12,truth=a/b");
    assert_true(s.modelled);
    assert_int_equal(s.kinds, 5);
    assert_int_equal(s.metrics, 20);
    assert_true(s.noise_percent == 0.5);
    assert_true(s.slow.percent == 1 && s.slow.size_percent == 5);
    assert_true(s.throttled.percent == 2 && s.throttled.size_percent == 10);
    assert_true(s.drift.percent == 3 && s.drift.size_percent == 7.5);
    assert_true(s.bimodal.percent == 40 && s.bimodal.size_percent == 15);
    assert_int_equal(s.age, 12);
    assert_string_equal(s.truth, "a/b");
    assert_true(s.score_min == 100 && s.score_max == 1000);
    assert_true(read_spec("kinds=1,score=5-6").score_max == 6);
}

static void what_was_there_before_models_nothing(UNUSED void **state) {
    struct simulation s = read_spec("servers=5,seed=1,delay=0,score=1-2,error=3%");
    assert_false(s.modelled);
    assert_true(read_spec("noise=0").modelled);
}

static void refuses_what_is_no_fleet(UNUSED void **state) {
    static const struct {
        const char *spec;
        const char *part;
    } cases[] = {
        {"kinds=0", "'kinds' is a number of 1 to 64, not '0'"},
        {"kinds=65", "'kinds' is"},
        {"metrics=101", "'metrics' is a number of 1 to 100"},
        {"noise=31%", "'noise' is a standard deviation"},
        {"noise=nan", "'noise' is"},
        {"slow=1%:91%", "'slow' is a share of the servers and a size"},
        {"slow=1%:", "'slow' is"},
        {"slow=:5%", "'slow' is"},
        {"slow=101%", "'slow' is"},
        {"drift=1%:5%:5%", "'drift' is"},
        {"slow=50%,throttled=40%,drift=11%", "more than 100% together"},
        {"metrics=2,slow=50%,missing=51%", "more than 100% together"},
        {"metrics=2,missing=2%:10%", "'missing' is a share of the servers of 0% to 100%"},
        {"missing=2%", "'missing' takes 'metrics' of 2 at least"},
        {"age=-1", "'age' is"},
        {"truth=", "'truth' is the name of a file"},
        {"banana=1", "noise, slow, throttled, drift, missing, bimodal, age and truth"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct simulation s;
        if (simulation_parse(cases[i].spec, &s, &err) == 0)
            fail_msg("'%s' was taken", cases[i].spec);
        assert_int_equal(err.kind, ERROR_USAGE);
        if (!strstr(err.text, cases[i].part))
            fail_msg("'%s': %s", cases[i].spec, err.text);
    }
}

/* ---- servers ---- */

static void the_shares_are_what_was_asked_for(UNUSED void **state) {
    struct simulation s = read_spec("seed=4,kinds=5,metrics=2,slow=10%,throttled=20%,drift=5%,"
                                    "missing=10%,bimodal=40%");
    size_t kinds[5] = {0}, faults[5] = {0}, other = 0;
    for (int i = 1; i <= FLEET; i++) {
        struct simserver who = server_of(&s, i);
        kinds[who.kind]++;
        faults[who.fault]++;
        other += who.other_firmware;
        assert_int_equal(who.active, who.fault != SIMFAULT_NONE && who.fault != SIMFAULT_DRIFT);
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        assert_in_range(kinds[i], 880, 1120); /* sigma 28 */
    assert_in_range(faults[SIMFAULT_SLOW], 410, 590);
    assert_in_range(faults[SIMFAULT_THROTTLED], 880, 1120);
    assert_in_range(faults[SIMFAULT_DRIFT], 185, 315);
    assert_in_range(faults[SIMFAULT_MISSING], 410, 590);
    assert_in_range(other, 1860, 2140);
}

static void noise_has_the_deviation_that_it_was_given(UNUSED void **state) {
    struct simulation s = read_spec("seed=4,noise=2%,score=100");
    double sum = 0, squares = 0;
    size_t beyond = 0;
    for (int i = 1; i <= FLEET; i++) {
        struct simserver who = server_of(&s, i);
        double z = (simserver_value(&s, &who, 7, 0, 1) - 100) / 2;
        sum += z;
        squares += z * z;
        beyond += fabs(z) > 1.959964;
    }
    assert_true(fabs(sum / FLEET) < 0.06);               /* sigma 0.014 */
    assert_true(fabs(sqrt(squares / FLEET) - 1) < 0.04); /* sigma 0.01 */
    assert_in_range(beyond, 190, 310);                   /* 250 of a normal one, sigma 15 */
}

/* Without noise the values are what is written in the head of simserver.h. */
static void a_fault_is_as_large_as_it_was_given(UNUSED void **state) {
    struct simulation s = read_spec("seed=4,metrics=8,noise=0,score=100,slow=30%:5%,"
                                    "throttled=30%:20%,bimodal=50%:40%");
    for (int i = 1; i <= 500; i++) {
        struct simserver who = server_of(&s, i);
        for (size_t m = 0; m < s.metrics; m++) {
            bool hit =
                who.fault == SIMFAULT_THROTTLED || (who.fault == SIMFAULT_SLOW && who.metric == m);
            double left =
                (hit ? 1 - who.size : 1) * (who.other_firmware && who.mode_metric == m ? 0.6 : 1);
            double expected = simserver_lower_is_better(m) ? 100 * (2 - left) : 100 * left;
            assert_true(fabs(simserver_value(&s, &who, 7, m, 1) - expected) < 1e-9);
        }
    }
}

static void servers_of_a_kind_are_worth_the_same(UNUSED void **state) {
    struct simulation s = read_spec("seed=4,kinds=3,metrics=2,noise=0");
    double worth[3][2] = {{0}};
    for (int i = 1; i <= 200; i++) {
        struct simserver who = server_of(&s, i);
        for (size_t m = 0; m < 2; m++) {
            double value = simserver_value(&s, &who, 7, m, (uint64_t)i);
            assert_true(value >= 100 && value <= 1000);
            assert_true(worth[who.kind][m] == 0 || worth[who.kind][m] == value);
            worth[who.kind][m] = value;
        }
    }
    assert_true(worth[0][0] != worth[1][0] && worth[0][0] != worth[0][1]);
}

static void a_drifting_server_is_well_until_its_age(UNUSED void **state) {
    struct simulation young = read_spec("seed=4,noise=0,score=100,drift=100%:12%,age=9");
    struct simulation old = read_spec("seed=4,noise=0,score=100,drift=100%:12%,age=10");
    struct simserver before = server_of(&young, 1), after = server_of(&old, 1);
    assert_false(before.active);
    assert_true(after.active);
    assert_true(simserver_value(&young, &before, 7, 0, 1) == 100);
    assert_true(fabs(simserver_value(&old, &after, 7, 0, 1) - 88) < 1e-9);
}

static void age_changes_the_noise_alone(UNUSED void **state) {
    struct simulation s = read_spec("seed=4,kinds=5,slow=10%"), later = s;
    later.age = 3;
    size_t same = 0;
    for (int i = 1; i <= 200; i++) {
        struct simserver a = server_of(&s, i), b = server_of(&later, i);
        assert_int_equal(a.kind, b.kind);
        assert_int_equal(a.fault, b.fault);
        same += simserver_value(&s, &a, 7, 0, 1) == simserver_value(&later, &b, 7, 0, 1);
    }
    assert_int_equal(same, 0);
}

static void much_noise_measures_nothing_below_zero(UNUSED void **state) {
    struct simulation s = read_spec("seed=4,noise=30%,score=100");
    for (int i = 1; i <= FLEET; i++) {
        struct simserver who = server_of(&s, i);
        assert_true(simserver_value(&s, &who, 7, 0, 1) >= 0);
    }
}

/* ---- what they say of themselves ---- */

static json_t *facts_of(const struct simserver *who) {
    struct error err = {0};
    cleanup(str_done) struct str text = {0};
    simreport_add_facts(&text, who);
    json_t *facts = jsontext_read(text.data, &err);
    if (!facts)
        fail_msg("%s: %s", err.text, text.data);
    return facts;
}

static const char *text_of(json_t *o, const char *key) {
    return json_string_value(json_object_get(o, key));
}

static void a_fault_shows_in_the_facts(UNUSED void **state) {
    struct simulation s = read_spec("seed=4,kinds=64,slow=50%,bimodal=20%");
    size_t shown[SIMCAUSES] = {0};
    for (int i = 1; i <= 1000; i++) {
        struct simserver who = server_of(&s, i);
        json_t *facts = facts_of(&who);
        bool seen[SIMCAUSES] = {0};
        json_t *dimms = json_object_get(facts, "dimms"), *first = json_array_get(dimms, 0);
        seen[SIMCAUSE_GOVERNOR] = strcmp(text_of(facts, "cpu_governor"), "powersave") == 0;
        seen[SIMCAUSE_DIMM_MISSING] = json_integer_value(json_object_get(facts, "dimm_slots")) !=
                                      (json_int_t)json_array_size(dimms);
        seen[SIMCAUSE_DIMM_SPEED] = json_integer_value(json_object_get(first, "speed_mts")) !=
                                    json_integer_value(json_object_get(first, "configured_mts"));
        seen[SIMCAUSE_TURBO] = json_is_false(json_object_get(facts, "turbo"));
        for (int c = 0; c < SIMCAUSES; c++) {
            assert_int_equal(seen[c], who.fault == SIMFAULT_SLOW && (int)who.cause == c);
            shown[c] += seen[c];
        }
        assert_int_equal(strcmp(text_of(facts, "bios_version"), "1.5.2") != 0, who.other_firmware);
        json_decref(facts);
    }
    for (int c = 0; c < SIMCAUSES; c++)
        assert_in_range(shown[c], 80, 170); /* 125 expected */
}

static void every_server_is_a_machine_of_its_own(UNUSED void **state) {
    struct simulation s = read_spec("seed=4,kinds=2"), later = read_spec("seed=4,kinds=2,age=9");
    struct simserver one = server_of(&s, 1), two = server_of(&s, 2), again = server_of(&later, 1);
    json_t *a = facts_of(&one), *b = facts_of(&two), *c = facts_of(&again);
    assert_int_equal(strlen(text_of(a, "machine_id")), 32);
    assert_string_not_equal(text_of(a, "machine_id"), text_of(b, "machine_id"));
    assert_string_equal(text_of(a, "machine_id"), text_of(c, "machine_id"));
    json_decref(a);
    json_decref(b);
    json_decref(c);
}

/* What it measures in one trial; the caller lets go of it. */
static json_t *metrics_of(const struct simulation *s, const struct simserver *who) {
    struct error err = {0};
    cleanup(str_done) struct str text = {0};
    str_add_char(&text, '{');
    simreport_add_metrics(&text, s, who, 7, 1, 2.5);
    str_add_char(&text, '}');
    json_t *all = jsontext_read(text.data, &err);
    if (!all)
        fail_msg("%s: %s", err.text, text.data);
    json_t *metrics = json_incref(json_object_get(all, "metrics"));
    json_decref(all);
    return metrics;
}

static void a_missing_metric_is_not_measured_and_never_the_first(UNUSED void **state) {
    struct simulation s = read_spec("seed=4,metrics=4,missing=50%");
    size_t missing[4] = {0};
    for (int i = 1; i <= 200; i++) {
        struct simserver who = server_of(&s, i);
        json_t *metrics = metrics_of(&s, &who), *metric;
        bool seen[4] = {0};
        size_t at;
        json_array_foreach(metrics, at, metric) {
            const char *name = text_of(metric, "name");
            seen[strcmp(name, "score") == 0 ? 0 : atoi(name + strlen("metric")) - 1] = true;
        }
        for (size_t m = 0; m < s.metrics; m++) {
            bool lacks = who.fault == SIMFAULT_MISSING && who.metric == m;
            assert_int_equal(seen[m], !lacks);
            missing[m] += lacks;
        }
        json_decref(metrics);
    }
    assert_int_equal(missing[0], 0);
    for (size_t m = 1; m < s.metrics; m++)
        assert_in_range(missing[m], 15, 55); /* 33 expected */
}

static void a_hot_server_shows_it_in_its_sensors(UNUSED void **state) {
    struct simulation s = read_spec("seed=4,metrics=100,throttled=50%:30%");
    for (int i = 1; i <= 50; i++) {
        struct error err = {0};
        struct simserver who = server_of(&s, i);
        cleanup(str_done) struct str text = {0};
        str_add_char(&text, '{');
        simreport_add_metrics(&text, &s, &who, 7, 1, 2.5);
        str_add_char(&text, '}');
        json_t *all = jsontext_read(text.data, &err);
        if (!all)
            fail_msg("%s: %s", err.text, text.data);
        json_t *sensors = json_object_get(all, "sensors");
        bool hot = json_integer_value(json_object_get(sensors, "throttled")) > 0;
        assert_int_equal(hot, who.fault == SIMFAULT_THROTTLED);
        assert_int_equal(json_object_get(all, "conditions") != NULL, hot);
        json_t *metrics = json_object_get(all, "metrics");
        assert_int_equal(json_array_size(metrics), 100);
        assert_string_equal(text_of(json_array_get(metrics, 99), "name"), "metric100");
        assert_string_equal(text_of(json_array_get(metrics, 3), "better"), "lower");
        json_decref(all);
    }
}

/* ---- the truth ---- */

static void writes_the_truth_of_every_server(UNUSED void **state) {
    char path[] = "/tmp/muster-truth-XXXXXX";
    struct error err = {0};
    struct servers list;
    struct simulation s = read_spec("servers=300,seed=4,kinds=3,metrics=9,slow=20%:5%,drift=20%");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    memcpy(s.truth, path, sizeof(path));
    assert_int_equal(simulation_servers(&s, &list, &err), 0);
    assert_int_equal(simtruth_write(&s, &list, &err), 0);
    cleanup(str_done) struct str text = {0};
    assert_int_equal(fd_read_file(path, 1 << 20, &text, &err), 0);
    unlink(path);
    int lines = 0;
    for (char *rest = text.data, *line; (line = strsep(&rest, "\n")) && *line; lines++) {
        json_t *told = jsontext_read(line, &err);
        struct simserver who = server_of(&s, lines + 1);
        assert_string_equal(text_of(told, "server"), list.items[lines].name);
        assert_string_equal(text_of(told, "fault"), simfault_name(who.fault));
        assert_int_equal(json_integer_value(json_object_get(told, "kind")), who.kind);
        assert_int_equal(json_is_string(json_object_get(told, "metric")),
                         who.fault != SIMFAULT_NONE);
        json_decref(told);
    }
    assert_int_equal(lines, 300);
    servers_done(&list);
}

static void says_when_the_truth_cannot_be_written(UNUSED void **state) {
    struct error err = {0};
    struct servers none = {0};
    struct simulation s = read_spec("truth=/nowhere/truth");
    assert_int_equal(simtruth_write(&s, &none, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "/nowhere/truth"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_modelled_fleet),
        cmocka_unit_test(what_was_there_before_models_nothing),
        cmocka_unit_test(refuses_what_is_no_fleet),
        cmocka_unit_test(the_shares_are_what_was_asked_for),
        cmocka_unit_test(noise_has_the_deviation_that_it_was_given),
        cmocka_unit_test(a_fault_is_as_large_as_it_was_given),
        cmocka_unit_test(servers_of_a_kind_are_worth_the_same),
        cmocka_unit_test(a_drifting_server_is_well_until_its_age),
        cmocka_unit_test(age_changes_the_noise_alone),
        cmocka_unit_test(much_noise_measures_nothing_below_zero),
        cmocka_unit_test(a_fault_shows_in_the_facts),
        cmocka_unit_test(every_server_is_a_machine_of_its_own),
        cmocka_unit_test(a_missing_metric_is_not_measured_and_never_the_first),
        cmocka_unit_test(a_hot_server_shows_it_in_its_sensors),
        cmocka_unit_test(writes_the_truth_of_every_server),
        cmocka_unit_test(says_when_the_truth_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
