/* What is told of a server that falls behind. */
#include "test.h"

#include "policy/why.h"

#include <stdlib.h>
#include <string.h>

struct fleet {
    struct cohort cohort;
    struct traits traits;
    char *why[64];
};

static void add(struct fleet *f, enum verdict verdict, const char *facts, const char *sensors) {
    struct benchmark_result b = {
        .benchmark = (char *)"cpu", .verdict = verdict, .sensors = (char *)sensors};
    struct server_result r = {.verdict = verdict,
                              .kind = (char *)"K",
                              .facts = (char *)facts,
                              .benchmarks = &b,
                              .benchmark_count = 1};
    struct error err;
    assert_int_equal(cohort_add(&f->cohort, "s", &r, &err), 0);
    size_t row = f->cohort.server_count - 1;
    f->traits.rows = ARRAY_LEN(f->why);
    assert_int_equal(traits_put_facts(&f->traits, row, facts, &err), 0);
    assert_int_equal(traits_put_sensors(&f->traits, row, sensors, &err), 0);
}

static void tell(struct fleet *f, const bool *found) {
    struct error err;
    assert_int_equal(why_tell(&f->cohort, &f->traits, found, f->why, &err), 0);
}

static void fleet_done(struct fleet *f) {
    for (size_t i = 0; i < f->cohort.server_count; i++)
        free(f->why[i]);
    cohort_done(&f->cohort);
    traits_done(&f->traits);
}

/* That the texts are there, in this order. */
static void in_order(const char *why, const char *const *texts) {
    const char *at = why;
    assert_non_null(why);
    for (; *texts; texts++) {
        const char *found = strstr(at, *texts);
        if (!found)
            fail_msg("'%s' is not in, or not behind the others in: %s", *texts, why);
        at = found;
    }
}

#define SAME "\"hostname\":\"h\",\"cpu_governor\":\"performance\",\"turbo\":true"

static void the_telling_first_and_no_identity(UNUSED void **state) {
    struct fleet f = {0};
    char facts[512];
    for (int i = 0; i < 31; i++) {
        snprintf(facts, sizeof(facts),
                 "{\"hostname\":\"h%d\",\"machine_id\":\"m%d\",\"cpu_governor\":\"performance\","
                 "\"cpu_microcode\":\"0xa101148\",\"memory_bytes\":%lld,\"uptime_seconds\":%d,"
                 "\"dimms\":[{\"slot\":\"A\",\"configured_mts\":4800}]}",
                 i, i, 541165879296LL, i);
        add(&f, VERDICT_PASSED, facts, "{\"throttled\":0}");
    }
    add(&f, VERDICT_FAILED,
        "{\"hostname\":\"odd\",\"machine_id\":\"x\",\"cpu_governor\":\"powersave\","
        "\"cpu_microcode\":\"0xa101144\",\"memory_bytes\":473520144384,\"uptime_seconds\":1,"
        "\"dimms\":[{\"slot\":\"B\",\"configured_mts\":3200}]}",
        "{\"throttled\":41}");
    tell(&f, NULL);
    in_order(f.why[31],
             (const char *[]){"\"what\":\"cpu_governor\",\"value\":\"powersave\","
                              "\"peers\":\"performance\",\"sharing\":0,\"of\":31,",
                              "governor powersave (peers: performance, 31 of 31)",
                              "448 GiB memory (512)", "DIMM speed 3200 (4800)",
                              "throttled 41 times (0)", "microcode 0xa101144 (0xa101148)", NULL});
    assert_null(strstr(f.why[31], "hostname"));
    assert_null(strstr(f.why[31], "machine_id"));
    assert_null(strstr(f.why[31], "slot"));
    assert_null(strstr(f.why[31], "uptime"));
    assert_null(f.why[0]);
    fleet_done(&f);
}

/* One that is too hot for 41 % of the time, with a GPU and a disk in slots that do not give all. */
static void heat_and_links(UNUSED void **state) {
    static const char *const format =
        "{\"gpus\":[{\"model\":\"BMC\"},{\"pcie_width\":16,\"pcie_width_max\":16,"
        "\"pcie_gts\":%s},{\"pcie_width\":%d,\"pcie_width_max\":16,\"pcie_gts\":2.5}],"
        "\"disks\":[{\"name\":\"nvme0n1\",\"pcie_width\":%d,\"pcie_gts\":16}],"
        "\"network\":[{\"name\":\"eth0\",\"pcie_width\":8,\"pcie_gts\":%d}]}";
    struct fleet f = {0};
    char facts[512];
    for (int i = 0; i < 12; i++) {
        snprintf(facts, sizeof(facts), format, i < 6 ? "2.5" : "16", 16, 4, 16);
        add(&f, VERDICT_PASSED, facts, "{\"throttled\":0,\"throttled_percent\":0}");
    }
    snprintf(facts, sizeof(facts), format, "8", 8, 2, 8);
    add(&f, VERDICT_FAILED, facts,
        "{\"throttled\":9,\"throttled_percent\":41.2,\"slow_percent\":60}");
    add(&f, VERDICT_FAILED, facts, "{\"throttled\":9,\"throttled_percent\":0.4}");
    tell(&f, NULL);
    in_order(f.why[12],
             (const char *[]){"throttled 41.2 % of the time (0)", "slow clock 60 % of the time (0)",
                              "\"value\":\"16/8\",\"peers\":\"16\"", "GPU PCIe x16/x8 (x16)",
                              "disk PCIe x2 (x4)", "network PCIe 8 GT/s (16)", NULL});
    assert_null(strstr(f.why[12], "9 times"));
    assert_null(strstr(f.why[12], "gpus.pcie_gts")); /* an idle GPU lowers it */
    assert_null(strstr(f.why[12], "pcie_width_max"));
    in_order(f.why[13], (const char *[]){"throttled 9 times (0)", NULL});
    assert_null(strstr(f.why[13], "of the time"));
    fleet_done(&f);
}

/* Twelve peers, two of which have it: more than one in ten; of thirty, two are few. */
static void what_many_share_is_no_reason(UNUSED void **state) {
    for (int peers = 12; peers <= 30; peers += 18) {
        struct fleet f = {0};
        for (int i = 0; i < peers; i++)
            add(&f, VERDICT_PASSED, i < 2 ? "{\"kernel\":\"6.2\"}" : "{\"kernel\":\"6.1\"}", NULL);
        add(&f, VERDICT_FAILED, "{\"kernel\":\"6.2\"}", NULL);
        tell(&f, NULL);
        if (peers == 12)
            assert_null(f.why[peers]);
        else
            in_order(f.why[peers], (const char *[]){"\"sharing\":2,\"of\":30", NULL});
        fleet_done(&f);
    }
}

static void peers_that_agree_on_nothing_tell_nothing(UNUSED void **state) {
    struct fleet f = {0};
    char facts[64];
    for (int i = 0; i < 20; i++) {
        snprintf(facts, sizeof(facts), "{\"os\":\"v%d\"}", i);
        add(&f, VERDICT_PASSED, facts, NULL);
    }
    add(&f, VERDICT_FAILED, "{\"os\":\"v99\"}", NULL);
    tell(&f, NULL);
    assert_null(f.why[20]);
    fleet_done(&f);
}

/* One on which something was found is explained, and is no peer. */
static void the_found_are_explained_and_are_no_peers(UNUSED void **state) {
    struct fleet f = {0};
    bool found[6] = {[4] = true, [5] = true};
    for (int i = 0; i < 4; i++)
        add(&f, VERDICT_PASSED, "{" SAME "}", NULL);
    add(&f, VERDICT_PASSED, "{\"turbo\":false}", NULL);
    add(&f, VERDICT_PASSED, "{\"turbo\":false}", NULL);
    tell(&f, found);
    in_order(f.why[4], (const char *[]){"turbo off (peers: on, 4 of 4)", NULL});
    assert_non_null(f.why[5]);
    assert_null(f.why[0]);
    fleet_done(&f);
}

static void too_few_peers_and_broken_facts_tell_nothing(UNUSED void **state) {
    struct fleet f = {0};
    add(&f, VERDICT_PASSED, "{" SAME "}", NULL);
    add(&f, VERDICT_PASSED, "nonsense", "[1]");
    add(&f, VERDICT_FAILED, "{\"turbo\":false}", NULL);
    tell(&f, NULL);
    for (int i = 0; i < 3; i++)
        assert_null(f.why[i]);
    add(&f, VERDICT_PASSED, "[]", "null");
    add(&f, VERDICT_PASSED, NULL, NULL);
    add(&f, VERDICT_FAILED, NULL, NULL);
    tell(&f, NULL);
    assert_null(f.why[2]); /* one peer tells of its turbo: too few */
    assert_null(f.why[5]);
    fleet_done(&f);
}

/* Facts that call themselves sensors; what is left out of the facts is none of the sensors'. */
static void facts_and_sensors_of_one_name_are_apart(UNUSED void **state) {
    static const char *const facts =
        "{\"sensors\":{\"memory_errors_corrected\":7,\"throttled\":3}}";
    struct fleet f = {0};
    for (int i = 0; i < 12; i++)
        add(&f, VERDICT_PASSED, facts, "{\"throttled\":0,\"memory_errors_corrected\":0}");
    add(&f, VERDICT_FAILED, facts, "{\"throttled\":8,\"memory_errors_corrected\":5}");
    tell(&f, NULL);
    in_order(f.why[12],
             (const char *[]){"throttled 8 times (0)", "5 corrected memory errors (0)", NULL});
    fleet_done(&f);
}

/* A number is told alike however it was written, large ones to nine digits. */
static void numbers_are_told_by_what_they_are(UNUSED void **state) {
    struct fleet f = {0};
    for (int i = 0; i < 12; i++)
        add(&f, VERDICT_PASSED,
            i % 2 ? "{\"a\":4800,\"b\":-5,\"c\":1,\"d\":{\"part\":1,\"e\":true}}"
                  : "{\"a\":4800.0,\"b\":-5.0,\"c\":1e0,\"d\":{\"part\":2,\"e\":true}}",
            NULL);
    add(&f, VERDICT_FAILED,
        "{\"a\":123456789012,\"b\":0.5,\"c\":999999999,\"d\":{\"part\":3,\"e\":null}}", NULL);
    tell(&f, NULL);
    in_order(f.why[12], (const char *[]){"a 1.23456789e+11 (4800)", "b 0.5 (peers: -5, 12 of 12)",
                                         "c 999999999 (1)", NULL});
    assert_null(strstr(f.why[12], "part"));
    assert_null(strstr(f.why[12], "d.e"));
    fleet_done(&f);
}

static void nobody_has_no_reasons(UNUSED void **state) {
    struct fleet f = {0};
    tell(&f, NULL);
    fleet_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_telling_first_and_no_identity),
        cmocka_unit_test(heat_and_links),
        cmocka_unit_test(what_many_share_is_no_reason),
        cmocka_unit_test(peers_that_agree_on_nothing_tell_nothing),
        cmocka_unit_test(the_found_are_explained_and_are_no_peers),
        cmocka_unit_test(too_few_peers_and_broken_facts_tell_nothing),
        cmocka_unit_test(facts_and_sensors_of_one_name_are_apart),
        cmocka_unit_test(numbers_are_told_by_what_they_are),
        cmocka_unit_test(nobody_has_no_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
