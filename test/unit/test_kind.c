/* Which hardware group a server is of, and which machine it is. */
#include "test.h"

#include "policy/kind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct kind read_kind(const char *facts) {
    struct kind k;
    struct error err;
    if (kind_read(facts, &k, &err) < 0)
        fail_msg("%s", err.text);
    return k;
}

static void check_kind(const char *facts, const char *want) {
    struct kind k = read_kind(facts);
    if (!want)
        assert_null(k.kind);
    else
        assert_string_equal(k.kind, want);
    kind_done(&k);
}

static void is_what_was_bought(UNUSED void **state) {
    check_kind("{\"cpu_model\":\"AMD EPYC 9654 96-Core Processor\",\"sockets\":2,\"cores\":192,"
               "\"memory_bytes\":811748818944}",
               "EPYC 9654 x2 192c 768G");
    check_kind("{\"cpu_model\":\"Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz\",\"sockets\":1,"
               "\"cores\":32,\"memory_bytes\":270582939648}",
               "Xeon Gold 6338 32c 256G");
    check_kind("{\"cpu_model\":\"AMD Ryzen 7 5700G with Radeon Graphics\",\"cores\":8}",
               "Ryzen 7 5700G 8c");
    check_kind("{\"cpu_model\":\"Intel(R) Xeon(R) Platinum 8480+\",\"cores\":112,\"gpus\":["
               "{\"model\":\"NVIDIA H100 80GB HBM3\"},{\"vendor_id\":\"0x1a03\"},"
               "{\"model\":\"NVIDIA H100 80GB HBM3\"}]}",
               "Xeon Platinum 8480+ 112c 2xH100 80GB HBM3");
}

static void names_a_cpu_without_a_name_by_its_architecture(UNUSED void **state) {
    check_kind("{\"cpu_model\":null,\"arch\":\"aarch64\",\"cores\":64}", "aarch64 64c");
    check_kind("{\"cpu_model\":\"CPU\",\"cores\":-3}", "CPU");
}

static void is_none_where_nothing_is_told(UNUSED void **state) {
    check_kind("{}", NULL);
    check_kind("[1]", NULL);
    check_kind("what", NULL);
    check_kind(NULL, NULL);
    check_kind("{\"cpu_model\":7,\"cores\":\"many\",\"gpus\":{},\"disks\":[1,null]}", NULL);
}

/* A DIMM that is not seen leaves the server among its peers, where it shows. */
static void memory_is_what_was_sold(UNUSED void **state) {
    static const struct {
        double gib, sold;
    } cases[] = {{0.9, 1},     {3.8, 4},     {7.6, 8},     {15.6, 16},   {448, 512},
                 {503.2, 512}, {724.5, 768}, {755.9, 768}, {768.2, 768}, {1510, 1536},
                 {1600, 2048}, {90, 96},     {2.8, 3}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_true(kind_sold_gib(cases[i].gib * 1024 * 1024 * 1024) == cases[i].sold);
    assert_true(isnan(kind_sold_gib(NAN)));
    assert_true(isnan(kind_sold_gib(0)));
    assert_true(isnan(kind_sold_gib(INFINITY)));
}

static void disks_are_a_class_of_their_own(UNUSED void **state) {
    struct kind k = read_kind("{\"disks\":[{\"model\":\"KCD81RUG3T84\"},{\"model\":\"A 1\"},"
                              "{\"model\":\"KCD81RUG3T84\"},{\"model\":null}]}");
    assert_string_equal(k.disk, "1xA 1, 2xKCD81RUG3T84");
    assert_null(k.kind);
    kind_done(&k);
}

static void check_machine(const char *facts, const char *want) {
    struct kind k = read_kind(facts);
    if (!want)
        assert_null(k.machine);
    else
        assert_string_equal(k.machine, want);
    kind_done(&k);
}

static void a_machine_is_known_by_the_best_that_can_be_read(UNUSED void **state) {
    check_machine("{\"board_serial\":\"OM18AS0417\",\"machine_id\":\"0af3\"}", "serial:OM18AS0417");
    check_machine("{\"board_serial\":\"To be filled by O.E.M.\",\"product_uuid\":"
                  "\"4c4c4544-0042-3510-8052-b4c04f4c3732\",\"machine_id\":\"0af3\"}",
                  "uuid:4c4c4544-0042-3510-8052-b4c04f4c3732");
    check_machine("{\"board_serial\":null,\"product_uuid\":"
                  "\"00000000-0000-0000-0000-000000000000\",\"machine_id\":\"0af3\"}",
                  "id:0af3");
    check_machine("{\"board_serial\":\"0123456789\",\"machine_id\":\"ffffffff\"}", NULL);
    check_machine("{}", NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_what_was_bought),
        cmocka_unit_test(names_a_cpu_without_a_name_by_its_architecture),
        cmocka_unit_test(is_none_where_nothing_is_told),
        cmocka_unit_test(memory_is_what_was_sold),
        cmocka_unit_test(disks_are_a_class_of_their_own),
        cmocka_unit_test(a_machine_is_known_by_the_best_that_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
