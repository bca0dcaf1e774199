/* test_capacity: what a session takes against what there is, and the sentence for what is short. */
#include "exec/capacity.h"

#include "test.h"

#include <string.h>

static const struct demand SSH = {.files = 5,
                                  .starting_files = 6,
                                  .connections = 1,
                                  .same_destination = 40000,
                                  .memory = 60 << 10};
static const struct demand SIMULATED = {.memory = 32 << 10};
static const struct demand LOCAL = {.files = 7, .processes = 3, .memory = 32 << 10};

static struct machine plenty(void) {
    struct machine m = {0};
    for (enum resource r = 0; r < RESOURCES; r++)
        m.of[r].limit = SUPPLY_UNLIMITED;
    return m;
}

static struct machine only(enum resource r, int64_t limit, int64_t used) {
    struct machine m = plenty();
    m.of[r].limit = limit;
    m.of[r].used = used;
    return m;
}

static int fanout_of(const struct machine *m, const struct demand *d, int asked) {
    return capacity_find(m, d, asked).fanout;
}

static void what_is_asked_for_is_given_where_nothing_is_short(void **state UNUSED) {
    struct machine m = plenty();
    assert_int_equal(fanout_of(&m, &SSH, 100000), 100000);
    assert_int_equal(fanout_of(&m, &SIMULATED, 1), 1);
}

/* The least limit with room for `asked`, as capacity_find() says it, is the least indeed. */
static void check_edge(enum resource r, const struct demand *d, int asked, int64_t used) {
    struct machine m = only(r, used, used);
    struct capacity c = capacity_find(&m, d, asked);
    assert_int_equal(c.fanout, 1);
    assert_int_equal(c.by, r);
    m = only(r, c.needed, used);
    assert_int_equal(fanout_of(&m, d, asked), asked);
    m = only(r, c.needed - 1, used);
    assert_int_equal(fanout_of(&m, d, asked), asked - 1);
}

static void each_limit_is_met_where_it_is(void **state UNUSED) {
    for (enum resource r = 0; r < RESOURCES; r++) {
        check_edge(r, &SSH, 20, 0);
        check_edge(r, &SSH, 30000, 1000);
    }
}

static void descriptors_for_starting_are_of_64_at_most(void **state UNUSED) {
    assert_int_equal(capacity_needed(&SSH, RESOURCE_FILES, 10), 24 + 10 * 11);
    assert_int_equal(capacity_needed(&SSH, RESOURCE_FILES, 1000), 24 + 1000 * 5 + 64 * 6);
}

static void a_thread_is_two_maps(void **state UNUSED) {
    struct machine m = only(RESOURCE_MAPS, 65530, 100);
    assert_int_equal(fanout_of(&m, &SIMULATED, 100000), (65530 - 100 - 256) / 2);
}

static void programs_on_the_machine_count_with_the_threads(void **state UNUSED) {
    struct machine m = only(RESOURCE_PROCESSES, 416, 0);
    assert_int_equal(fanout_of(&m, &LOCAL, 1000), 100);
    assert_int_equal(fanout_of(&m, &SSH, 1000), 400);
}

static void ports_count_for_one_destination_alone(void **state UNUSED) {
    struct machine m = only(RESOURCE_PORTS, 100, 0);
    struct demand d = SSH;
    assert_int_equal(fanout_of(&m, &d, 5000), 100);
    d.same_destination = 100; /* the others go elsewhere */
    assert_int_equal(fanout_of(&m, &d, 5000), 5000);
}

static void what_concerns_ssh_alone_does_not_hold_up_others(void **state UNUSED) {
    struct machine m = plenty();
    m.of[RESOURCE_FILES].limit = m.of[RESOURCE_PORTS].limit = m.of[RESOURCE_CONNTRACK].limit = 20;
    assert_int_equal(fanout_of(&m, &SIMULATED, 5000), 5000);
    m.of[RESOURCE_THREADS].limit = 116;
    assert_int_equal(fanout_of(&m, &SIMULATED, 5000), 100);
}

static void the_least_room_decides(void **state UNUSED) {
    struct machine m = plenty();
    m.of[RESOURCE_FILES].limit = 2000;
    m.of[RESOURCE_CONNTRACK] = (struct supply){.limit = 1000, .used = 900};
    m.of[RESOURCE_MEMORY].limit = 1 << 30;
    struct capacity c = capacity_find(&m, &SSH, 5000);
    assert_int_equal(c.fanout, 100);
    assert_int_equal(c.by, RESOURCE_CONNTRACK);
    assert_int_equal(c.needed, 5900);
}

static void one_session_is_always_tried(void **state UNUSED) {
    struct machine m = only(RESOURCE_CGROUP_PIDS, 10, 5000); /* lowered below what is there */
    assert_int_equal(fanout_of(&m, &SSH, 1), 1);
    assert_int_equal(fanout_of(&m, &SSH, 50), 1);
}

/* ---- sentences ----------------------------------------------------------------------------- */

static void check_said(enum resource r, struct supply s, const char *reason, const char *raise) {
    cleanup(str_done) struct str why = {0};
    cleanup(str_done) struct str how = {0};
    struct machine m = plenty();
    m.of[r] = s;
    struct capacity c = capacity_find(&m, &SSH, 10000);
    assert_int_equal(c.by, r);
    capacity_reason(&c, &why);
    capacity_raise(&c, &how);
    assert_string_equal(why.data, reason);
    assert_string_equal(how.data, raise);
}

static void the_sentence_names_limit_and_value_and_the_remedy(void **state UNUSED) {
    check_said(RESOURCE_FILES, (struct supply){.limit = 4096}, "RLIMIT_NOFILE (open files) is 4096",
               "ulimit -n 50408, or nofile in /etc/security/limits.conf");
    check_said(RESOURCE_PROCESSES, (struct supply){.limit = 4096, .used = 12},
               "RLIMIT_NPROC (the user's processes and threads) is 4096, 12 in use",
               "ulimit -u 10028, or nproc in /etc/security/limits.conf");
    check_said(RESOURCE_CGROUP_PIDS,
               (struct supply){.limit = 100, .used = 3, .group = "/sys/fs/cgroup/a/b"},
               "pids.max of the cgroup /sys/fs/cgroup/a/b is 100, 3 in use",
               "systemctl set-property UNIT TasksMax=10019, or write 10019 to its pids.max");
    check_said(RESOURCE_MAPS, (struct supply){.limit = 1000}, "vm.max_map_count is 1000",
               "sysctl vm.max_map_count=20256");
    check_said(RESOURCE_PORTS, (struct supply){.limit = 1000},
               "the number of ports in net.ipv4.ip_local_port_range is 1000",
               "sysctl net.ipv4.ip_local_port_range=\"1024 65535\"");
    check_said(RESOURCE_CGROUP_MEMORY,
               (struct supply){.limit = 64 << 20, .used = 10 << 20, .group = "/sys/fs/cgroup/a"},
               "the memory limit of the cgroup /sys/fs/cgroup/a is 64 MiB, 10 MiB in use",
               "systemctl set-property UNIT MemoryMax=604M");
    check_said(RESOURCE_MEMORY, (struct supply){.limit = 64 << 20}, "MemAvailable is 64 MiB",
               "594 MiB of memory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_for_is_given_where_nothing_is_short),
        cmocka_unit_test(each_limit_is_met_where_it_is),
        cmocka_unit_test(descriptors_for_starting_are_of_64_at_most),
        cmocka_unit_test(a_thread_is_two_maps),
        cmocka_unit_test(programs_on_the_machine_count_with_the_threads),
        cmocka_unit_test(ports_count_for_one_destination_alone),
        cmocka_unit_test(what_concerns_ssh_alone_does_not_hold_up_others),
        cmocka_unit_test(the_least_room_decides),
        cmocka_unit_test(one_session_is_always_tried),
        cmocka_unit_test(the_sentence_names_limit_and_value_and_the_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
