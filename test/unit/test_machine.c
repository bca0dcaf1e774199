/* test_machine: what is read of a machine that is a folder of files like those of /proc and /sys.
 */
#include "exec/machine.h"

#include "fake_tree.h"
#include "test.h"

#define STATUS_OF_USER                                                                             \
    "Name:\tmuster\nUid:\t1000\t1000\t1000\t1000\nThreads:\t3\nCapEff:\t0000000000000000\n"

static struct machine read_it(int64_t processes, int64_t wanted) {
    struct machine m;
    machine_read(fake_tree_root(), 1024, processes, wanted, &m);
    return m;
}

static void check(const struct machine *m, enum resource r, int64_t limit, int64_t used) {
    assert_int_equal(m->of[r].limit, limit);
    assert_int_equal(m->of[r].used, used);
}

static void what_is_not_there_is_no_limit(void **state UNUSED) {
    struct machine m = read_it(100, 50);
    check(&m, RESOURCE_FILES, 1024, 0);
    for (enum resource r = RESOURCE_PROCESSES; r < RESOURCES; r++)
        check(&m, r, SUPPLY_UNLIMITED, 0);
}

static void what_makes_no_sense_is_no_limit(void **state UNUSED) {
    const char *const paths[] = {"/proc/loadavg",
                                 "/proc/self/status",
                                 "/proc/self/cgroup",
                                 "/proc/sys/kernel/threads-max",
                                 "/proc/sys/vm/max_map_count",
                                 "/proc/sys/net/ipv4/ip_local_port_range",
                                 "/proc/sys/net/netfilter/nf_conntrack_max",
                                 "/proc/meminfo"};
    const char *const texts[] = {
        "", "\n", "max", "-5\n", "0::", "::::\n", "Uid:\nMemAvailable:", "9 8"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        for (size_t j = 0; j < sizeof(paths) / sizeof(*paths); j++)
            fake_file(paths[j], texts[i]);
        struct machine m = read_it(-1, 50);
        check(&m, RESOURCE_PROCESSES, SUPPLY_UNLIMITED, 0);
        check(&m, RESOURCE_CGROUP_PIDS, SUPPLY_UNLIMITED, 0);
        check(&m, RESOURCE_PORTS, SUPPLY_UNLIMITED, 0);
        check(&m, RESOURCE_MEMORY, SUPPLY_UNLIMITED, 0);
    }
}

static void limits_of_the_kernel(void **state UNUSED) {
    fake_file("/proc/loadavg", "13.36 12.23 7.54 16/171 28483\n");
    fake_file("/proc/sys/kernel/threads-max", "192730\n");
    fake_file("/proc/sys/kernel/pid_max", "32768\n");
    fake_file("/proc/sys/vm/max_map_count", "65530\n");
    fake_file("/proc/self/maps", "00-01 r\n01-02 r\n02-03 r\n");
    fake_file("/proc/sys/net/netfilter/nf_conntrack_max", "262144\n");
    fake_file("/proc/sys/net/netfilter/nf_conntrack_count", "12\n");
    fake_file("/proc/meminfo", "MemTotal:  100 kB\nMemFree: 7 kB\nMemAvailable:    2048 kB\n");
    struct machine m = read_it(-1, 50);
    check(&m, RESOURCE_THREADS, 192730, 171);
    check(&m, RESOURCE_PIDS, 32768, 171);
    check(&m, RESOURCE_MAPS, 65530, 3);
    check(&m, RESOURCE_CONNTRACK, 262144, 12);
    check(&m, RESOURCE_MEMORY, 2048 * 1024, 0);
}

static void local_ports_less_those_reserved(void **state UNUSED) {
    fake_file("/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
    struct machine m = read_it(-1, 50);
    check(&m, RESOURCE_PORTS, 28232, 0);
    fake_file("/proc/sys/net/ipv4/ip_local_reserved_ports",
              "80,8080-8090,32760-32769,60999-61005\n");
    m = read_it(-1, 50);
    check(&m, RESOURCE_PORTS, 28232 - 2 - 1, 0);
    fake_file("/proc/sys/net/ipv4/ip_local_reserved_ports", "\n");
    m = read_it(-1, 50);
    check(&m, RESOURCE_PORTS, 28232, 0);
}

/* ---- the user's processes ------------------------------------------------------------------ */

static void users(const char *load) {
    fake_file("/proc/loadavg", load);
    fake_file("/proc/self/uid_map", "         0          0 4294967295\n");
    fake_file("/proc/self/status", STATUS_OF_USER);
    fake_file("/proc/10/status", STATUS_OF_USER);
    fake_file("/proc/11/status", "Uid:\t1000\t0\t0\t0\nThreads:\t40\n"); /* the real user counts */
    fake_file("/proc/12/status", "Uid:\t0\t1000\t0\t0\nThreads:\t500\n");
    fake_file("/proc/13/other", "gone meanwhile");
}

static void threads_of_the_user_are_counted_where_it_matters(void **state UNUSED) {
    users("0.0 0.0 0.0 1/543 9\n");
    struct machine m = read_it(1000, 500);
    check(&m, RESOURCE_PROCESSES, 1000, 43);
    m = read_it(1000, 400); /* enough, even if all threads of the machine were the user's */
    check(&m, RESOURCE_PROCESSES, 1000, 543);
    m = read_it(-1, 400);
    check(&m, RESOURCE_PROCESSES, SUPPLY_UNLIMITED, 0);
}

static void whoever_may_exceed_it_has_no_limit_of_processes(void **state UNUSED) {
    users("0.0 0.0 0.0 1/543 9\n");
    fake_file("/proc/self/status", "Uid:\t0\t0\t0\t0\nCapEff:\t0000000000000000\n");
    struct machine m = read_it(1000, 500);
    check(&m, RESOURCE_PROCESSES, SUPPLY_UNLIMITED, 0);
    fake_file("/proc/self/status", "Uid:\t1000\t0\t0\t0\nCapEff:\t0000000001000000\n");
    m = read_it(1000, 500);
    check(&m, RESOURCE_PROCESSES, SUPPLY_UNLIMITED, 0);
    fake_file("/proc/self/status", "Uid:\t1000\t0\t0\t0\nCapEff:\t0000000000800000\n");
    m = read_it(1000, 500);
    check(&m, RESOURCE_PROCESSES, 1000, 43);
}

static void the_root_of_a_container_is_a_user(void **state UNUSED) {
    users("0.0 0.0 0.0 1/543 9\n");
    fake_file("/proc/self/uid_map", "0 100000 65536\n");
    fake_file("/proc/self/status", "Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n");
    struct machine m = read_it(1000, 500);
    check(&m, RESOURCE_PROCESSES, 1000, 500);
}

/* ---- control groups ------------------------------------------------------------------------ */

static void the_group_with_the_least_room_counts(void **state UNUSED) {
    fake_file("/proc/self/cgroup", "0::/user.slice/session\n");
    fake_file("/sys/fs/cgroup/user.slice/session/pids.max", "max\n");
    fake_file("/sys/fs/cgroup/user.slice/session/pids.current", "7\n");
    fake_file("/sys/fs/cgroup/user.slice/pids.max", "500\n");
    fake_file("/sys/fs/cgroup/user.slice/pids.current", "100\n");
    struct machine m = read_it(-1, 50);
    check(&m, RESOURCE_CGROUP_PIDS, 500, 100);
    assert_string_equal(m.of[RESOURCE_CGROUP_PIDS].group, "/sys/fs/cgroup/user.slice");
    fake_file("/sys/fs/cgroup/user.slice/session/pids.max", "407\n"); /* as much room */
    m = read_it(-1, 50);
    assert_string_equal(m.of[RESOURCE_CGROUP_PIDS].group, "/sys/fs/cgroup/user.slice/session");
    fake_file("/sys/fs/cgroup/pids.max", "110\n");
    fake_file("/sys/fs/cgroup/pids.current", "105\n");
    m = read_it(-1, 50);
    check(&m, RESOURCE_CGROUP_PIDS, 110, 105);
    assert_string_equal(m.of[RESOURCE_CGROUP_PIDS].group, "/sys/fs/cgroup");
}

static void groups_of_version_1(void **state UNUSED) {
    fake_file("/proc/self/cgroup", "9:name=systemd:/x\n8:pids:/a/b\n4:cpu,memory:/c\n0::/d\n");
    fake_file("/sys/fs/cgroup/pids/a/pids.max", "300\n");
    fake_file("/sys/fs/cgroup/pids/a/pids.current", "3\n");
    fake_file("/sys/fs/cgroup/cpu,memory/c/memory.limit_in_bytes", "1000000\n");
    fake_file("/sys/fs/cgroup/cpu,memory/c/memory.usage_in_bytes", "600000\n");
    fake_file("/sys/fs/cgroup/cpu,memory/c/memory.stat",
              "inactive_file 1\ntotal_inactive_file 100000\ntotal_active_file 200000\n");
    struct machine m = read_it(-1, 50);
    check(&m, RESOURCE_CGROUP_PIDS, 300, 3);
    check(&m, RESOURCE_CGROUP_MEMORY, 1000000, 300000);
    assert_string_equal(m.of[RESOURCE_CGROUP_MEMORY].group, "/sys/fs/cgroup/cpu,memory/c");
}

static void memory_that_holds_files_is_not_in_use(void **state UNUSED) {
    fake_file("/proc/self/cgroup", "0::/a\n");
    fake_file("/sys/fs/cgroup/a/memory.max", "8000000\n");
    fake_file("/sys/fs/cgroup/a/memory.current", "7000000\n");
    fake_file("/sys/fs/cgroup/a/memory.stat",
              "anon 5\ninactive_file 4000000\nactive_file 1000000\n");
    struct machine m = read_it(-1, 50);
    check(&m, RESOURCE_CGROUP_MEMORY, 8000000, 2000000);
}

/* The path is the one outside; the container's own group is what is mounted. */
static void a_container_sees_its_own_group(void **state UNUSED) {
    fake_file("/proc/self/cgroup", "8:pids:/docker/0123\n0::/../../other\n");
    fake_file("/sys/fs/cgroup/pids/pids.max", "64\n");
    fake_file("/sys/fs/cgroup/pids/pids.current", "2\n");
    struct machine m = read_it(-1, 50);
    check(&m, RESOURCE_CGROUP_PIDS, 64, 2);
    assert_string_equal(m.of[RESOURCE_CGROUP_PIDS].group, "/sys/fs/cgroup/pids");
}

#define with_tree(test) cmocka_unit_test_setup_teardown(test, fake_tree_begin, fake_tree_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_tree(what_is_not_there_is_no_limit),
        with_tree(what_makes_no_sense_is_no_limit),
        with_tree(limits_of_the_kernel),
        with_tree(local_ports_less_those_reserved),
        with_tree(threads_of_the_user_are_counted_where_it_matters),
        with_tree(whoever_may_exceed_it_has_no_limit_of_processes),
        with_tree(the_root_of_a_container_is_a_user),
        with_tree(the_group_with_the_least_room_counts),
        with_tree(groups_of_version_1),
        with_tree(memory_that_holds_files_is_not_in_use),
        with_tree(a_container_sees_its_own_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
