/* sensors: what they make of machines that are not here, out of fake trees of /proc and /sys. */
#include "test.h"

#include "base/clock.h"
#include "conditions.h"
#include "fake_tree.h"
#include "sensors.h"

#include <jansson.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- words ---- */

static struct conditions unknown(void) {
    return (struct conditions){.throttled = -1,
                               .throttled_percent = NAN,
                               .watts = NAN,
                               .busy = NAN,
                               .busy_before = NAN,
                               .settled = NAN,
                               .stolen = NAN,
                               .held_per_second = NAN,
                               .quota = NAN,
                               .corrected = -1,
                               .uncorrected = -1};
}

static struct range all(double value) {
    struct range r = {0};
    range_add(&r, value);
    return r;
}

static void expect_words(const struct conditions *c, const char *expected) {
    struct str out = {0};
    conditions_add_words(&out, c);
    assert_string_equal(out.data ? out.data : "", expected);
    str_done(&out);
}

static void nothing_known_is_nothing_said(UNUSED void **state) {
    struct conditions c = unknown();
    expect_words(&c, "");
    struct str out = {0};
    conditions_add_json(&out, &c);
    assert_string_equal(out.data, "{\"seconds\":0}");
    str_done(&out);
}

static void throttled_says_how_hot_and_how_slow(UNUSED void **state) {
    struct conditions c = unknown();
    c.throttled = 3;
    expect_words(&c, "throttled");
    c.frequency = all(1200);
    c.frequency_full = 3400;
    expect_words(&c, "throttled: 1.2 of 3.4 GHz");
    c.temperature = all(89);
    c.temperature_limit = 90;
    expect_words(&c, "throttled: 89 C, 1.2 of 3.4 GHz");
    c.throttled = 0;
    expect_words(&c, "hot: 89 C of 90; at 1.2 of 3.4 GHz");
}

static void thresholds_are_where_they_are_said_to_be(UNUSED void **state) {
    struct conditions c = unknown();
    c.temperature = all(94.9);
    c.temperature_limit = 100;
    expect_words(&c, "");
    c.temperature = all(95);
    expect_words(&c, "hot: 95 C of 100");
    c.temperature_limit = 0;
    expect_words(&c, "");
    c.frequency = all(1700);
    c.frequency_full = 3400;
    expect_words(&c, "");
    c.frequency_base = true;
    expect_words(&c, "at 1.7 of 3.4 GHz");
    c.frequency = all(2400);
    expect_words(&c, "");
    c.stolen = 2.9;
    c.busy = 9.9;
    expect_words(&c, "");
    c.stolen = 3;
    c.busy = 10;
    expect_words(&c, "stolen 3 %; busy 10 %");
    c.busy = 4;
    c.busy_before = 30;
    c.stolen = NAN;
    expect_words(&c, "busy 30 %");
}

static void the_order_is_fixed(UNUSED void **state) {
    struct conditions c = unknown();
    c.throttled = 1;
    c.stolen = 14.2;
    c.busy = 29.6;
    c.corrected = 3;
    c.uncorrected = 1;
    c.quota = 0.5;
    c.held_per_second = 9;
    expect_words(&c, "throttled; limited to 0.5 CPUs; stolen 14 %; busy 30 %; "
                     "memory errors: 3 corrected, 1 uncorrected");
    c = unknown();
    c.corrected = 0;
    c.uncorrected = 2;
    expect_words(&c, "memory errors: 2 uncorrected");
}

/* ---- trees ---- */

static cpu_set_t all_cpus;

/* Allows this process one CPU, until the test ends. */
static int pin(void) {
    int cpu = sched_getcpu();
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof(one), &one);
    return cpu;
}

static int begin(void **state) {
    sched_getaffinity(0, sizeof(all_cpus), &all_cpus);
    return fake_tree_begin(state);
}

static int end(void **state) {
    sensors_end();
    sched_setaffinity(0, sizeof(all_cpus), &all_cpus);
    return fake_tree_end(state);
}

/* What sensors_add() told: its two values in an object. */
static json_t *told(const char *notes) {
    struct str out = {0}, document = {0};
    sensors_add(&out, notes);
    str_addf(&document, "{%s}", out.data + 1);
    json_error_t why;
    json_t *object = json_loads(document.data, 0, &why);
    if (!object)
        fail_msg("%s: %s", why.text, document.data);
    str_done(&out);
    str_done(&document);
    return object;
}

static const char *words(json_t *object) {
    const char *text = json_string_value(json_object_get(object, "conditions"));
    return text ? text : "";
}

static double number(json_t *object, const char *key) {
    json_t *n = json_object_get(json_object_get(object, "sensors"), key);
    return json_is_number(n) ? json_number_value(n) : NAN;
}

static double of_range(json_t *object, const char *key, const char *part) {
    json_t *n = json_object_get(json_object_get(json_object_get(object, "sensors"), key), part);
    return json_is_number(n) ? json_number_value(n) : NAN;
}

static bool saw_frequency(void) {
    json_t *object = told(NULL);
    bool saw = isfinite(of_range(object, "frequency_mhz", "mean"));
    json_decref(object);
    return saw;
}

static void compute(int64_t ns) {
    for (int64_t end = clock_now() + ns; clock_now() < end;)
        ;
}

static void a_machine_without_sensors(UNUSED void **state) {
    sensors_begin(0);
    sensors_sample();
    json_t *object = told(NULL);
    assert_string_equal(words(object), "");
    assert_int_equal(json_object_size(json_object_get(object, "sensors")), 1);
    json_decref(object);
    object = told("fallback to pread");
    assert_string_equal(words(object), "fallback to pread");
    json_decref(object);
    sensors_end();
}

static void throttle(int cpu, const char *of, const char *count, const char *ms) {
    static const char *const folder = "/sys/devices/system/cpu/cpu%d/thermal_throttle/%s_%s";
    fake_filef(count, folder, cpu, of, "throttle_count");
    if (ms)
        fake_filef(ms, folder, cpu, of, "throttle_total_time_ms");
}

/* The package was too hot for longer than the core; neither for longer than there was time. */
static void the_share_of_time_throttled(UNUSED void **state) {
    int cpu = pin();
    fake_filef("0\n", "/sys/devices/system/cpu/cpu%d/topology/physical_package_id", cpu);
    throttle(cpu, "core", "7\n", "1000\n");
    throttle(cpu, "package", "9\n", "50000\n");
    sensors_begin(0);
    json_t *object = told(NULL);
    assert_true(isnan(number(object, "throttled_percent"))); /* of no time there is no share */
    json_decref(object);
    usleep(250000);
    throttle(cpu, "core", "8\n", "1010\n");
    throttle(cpu, "package", "10\n", "50100\n");
    object = told(NULL);
    double ms = number(object, "throttled_percent") * 10 * number(object, "seconds");
    if (!(fabs(ms - 100) < 0.1))
        fail_msg("throttled for %g ms, not 100", ms);
    assert_int_equal((int)number(object, "throttled"), 2);
    json_decref(object);
    throttle(cpu, "core", "9\n", "90000\n");
    object = told(NULL);
    assert_true(number(object, "throttled_percent") == 100);
    json_decref(object);
    sensors_end();
    sensors_begin(0);
    usleep(250000);
    object = told(NULL);
    assert_true(number(object, "throttled_percent") == 0);
    json_decref(object);
    sensors_end();
}

/* A slow clock for three looks of four. */
static void the_share_of_looks_that_find_a_slow_clock(UNUSED void **state) {
    struct conditions c = unknown();
    struct str out = {0};
    double looks[] = {1200, 1300, 2300, 3400, 2400};
    c.frequency_full = 3400;
    c.frequency_base = true;
    for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
        range_add(&c.frequency, looks[i]);
        c.slow_looks += conditions_slow(&c, looks[i]);
        str_clear(&out);
        conditions_add_json(&out, &c);
        assert_int_equal(strstr(out.data, "slow_percent") != NULL, i >= 3);
    }
    assert_non_null(strstr(out.data, "\"slow_percent\":60"));
    str_done(&out);
}

/* Two packages, coretemp with one sensor a package and one a core, drives that must not be read. */
static void a_server_that_throttles(UNUSED void **state) {
    int cpu = pin();
    for (int i = 0; i < 2; i++) {
        fake_filef("coretemp\n", "/sys/class/hwmon/hwmon%d/name", i + 1);
        fake_filef(i ? "Package id 1\n" : "Package id 0\n", "/sys/class/hwmon/hwmon%d/temp1_label",
                   i + 1);
        fake_filef(i ? "61000\n" : "45000\n", "/sys/class/hwmon/hwmon%d/temp1_input", i + 1);
        fake_filef("91000\n", "/sys/class/hwmon/hwmon%d/temp1_crit", i + 1);
        fake_filef("Core 0\n", "/sys/class/hwmon/hwmon%d/temp2_label", i + 1);
        fake_filef("99000\n", "/sys/class/hwmon/hwmon%d/temp2_input", i + 1);
    }
    fake_file("/sys/class/hwmon/hwmon0/name", "nvme\n");
    fake_file("/sys/class/hwmon/hwmon0/temp1_input", "120000\n");
    char path[200];
    fake_filef("0\n", "/sys/devices/system/cpu/cpu%d/topology/physical_package_id", cpu);
    fake_filef("7\n", "/sys/devices/system/cpu/cpu%d/thermal_throttle/core_throttle_count", cpu);
    fake_filef("9\n", "/sys/devices/system/cpu/cpu%d/thermal_throttle/package_throttle_count", cpu);
    fake_filef("3400000\n", "/sys/devices/system/cpu/cpu%d/cpufreq/base_frequency", cpu);
    fake_filef("3400000\n", "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", cpu);
    fake_file("/sys/class/powercap/intel-rapl:0/name", "package-0\n");
    fake_file("/sys/class/powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n");
    fake_file("/sys/class/powercap/intel-rapl:0/energy_uj", "262143328849\n");
    fake_file("/sys/class/powercap/intel-rapl:1/name", "psys\n");
    fake_file("/sys/class/powercap/intel-rapl:1/energy_uj", "5\n");
    sensors_begin(getpid());
    json_t *object = told(NULL);
    assert_string_equal(words(object), "");
    json_decref(object);

    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", cpu);
    fake_file(path, "1200000\n");
    fake_file("/sys/class/hwmon/hwmon2/temp1_input", "89000\n");
    fake_file("/sys/class/powercap/intel-rapl:0/energy_uj", "30000000\n");
    /* on a machine with much else to do it takes a few tries until enough of the CPU is ours */
    for (int i = 0; i < 50 && !saw_frequency(); i++) {
        compute(100 * CLOCK_MS);
        sensors_sample();
    }
    fake_filef("9\n", "/sys/devices/system/cpu/cpu%d/thermal_throttle/core_throttle_count", cpu);
    fake_filef("12\n", "/sys/devices/system/cpu/cpu%d/thermal_throttle/package_throttle_count",
               cpu);
    fake_file("/sys/class/hwmon/hwmon2/temp1_input", "70000\n");
    usleep(120000); /* idle: its frequency does not matter */
    fake_file(path, "800000\n");
    sensors_sample();
    object = told(NULL);
    assert_string_equal(words(object), "throttled: 89 C, 1.2 of 3.4 GHz");
    assert_int_equal((int)number(object, "throttled"), 5);
    assert_true(isnan(number(object, "throttled_percent"))); /* an older kernel counts no time */
    assert_true(of_range(object, "temperature_c", "min") == 70);
    assert_true(of_range(object, "temperature_c", "max") == 89);
    assert_true(of_range(object, "temperature_c", "limit") == 91);
    assert_true(of_range(object, "frequency_mhz", "mean") == 1200);
    assert_true(of_range(object, "frequency_mhz", "base") == 3400);
    double joules = number(object, "power_watts") * number(object, "seconds");
    assert_true(fabs(joules - 30) < 0.1);
    json_decref(object);
    sensors_end();
}

static void others_and_the_hypervisor_take_time(UNUSED void **state) {
    long cpus = sysconf(_SC_NPROCESSORS_ONLN), hz = sysconf(_SC_CLK_TCK);
    fake_file("/proc/stat", "cpu 1000 0 1000 5000 0 0 0 100 0 0\nintr 1\n");
    sensors_begin(0);
    int64_t begin = clock_now();
    usleep(250000);
    /* a third of the time to others, a fifth to the hypervisor; interrupts are nobody's */
    double ticks = (double)(clock_now() - begin) / 1e9 * (double)hz * (double)cpus;
    char text[200];
    snprintf(text, sizeof(text), "cpu %ld 0 %ld 5001 0 900 900 %ld 0 0\nintr 1\n",
             1000 + lround(ticks / 6), 1000 + lround(ticks / 6), 100 + lround(ticks / 5));
    fake_file("/proc/stat", text);
    json_t *object = told(NULL);
    double busy = number(object, "busy_percent"), stolen = number(object, "stolen_percent");
    if (!(busy > 25 && busy < 40 && stolen > 14 && stolen < 25))
        fail_msg("busy %g, stolen %g: %s", busy, stolen, words(object));
    int said_stolen, said_busy;
    assert_int_equal(sscanf(words(object), "stolen %d %%; busy %d %%", &said_stolen, &said_busy),
                     2);
    json_decref(object);
    sensors_end();
}

/* Of a machine with more CPUs than this process may use only those count that it may. */
static void other_cpus_do_not_matter(UNUSED void **state) {
    int cpu = pin();
    if (CPU_COUNT(&all_cpus) < 2)
        skip_because("there is one CPU only");
    static const char format[] =
        "cpu 1 0 1 1\ncpu%d %d 0 0 0 0 0 0 0\ncpu%d 7 0 0 0 0 0 0 %d\nintr 1\n";
    char text[200];
    snprintf(text, sizeof(text), format, cpu, 100, cpu + 1, 0);
    fake_file("/proc/stat", text);
    sensors_begin(0);
    usleep(220000);
    snprintf(text, sizeof(text), format, cpu, 100 + (int)sysconf(_SC_CLK_TCK) / 10, cpu + 1, 1000);
    fake_file("/proc/stat", text);
    json_t *object = told(NULL);
    double busy = number(object, "busy_percent");
    if (!(busy > 10 && busy < 50))
        fail_msg("busy %g", busy);
    assert_true(number(object, "stolen_percent") == 0);
    json_decref(object);
}

static void own_time_is_not_that_of_others(UNUSED void **state) {
    long cpus = sysconf(_SC_NPROCESSORS_ONLN), hz = sysconf(_SC_CLK_TCK);
    char text[200], stat[64], children[64];
    snprintf(stat, sizeof(stat), "/proc/%d/stat", getpid());
    snprintf(children, sizeof(children), "/proc/%d/task/%d/children", getpid(), getpid());
    static const char line[] = "(a) b) ) S 1 1 1 0 -1 4194304 1 0 0 0 %ld 0 0 %ld 20 0 1\n";
    fake_file("/proc/stat", "cpu 0 0 0 0 0 0 0 0 0 0\n");
    snprintf(text, sizeof(text), line, 0L, 0L);
    fake_file(stat, text);
    fake_file("/proc/77/stat", text);
    fake_file(children, "77 ");
    sensors_begin(0);
    int64_t begin = clock_now();
    usleep(250000);
    long ticks = lround((double)(clock_now() - begin) / 1e9 * (double)hz * (double)cpus);
    snprintf(text, sizeof(text), "cpu %ld 0 0 0 0 0 0 0 0 0\n", ticks);
    fake_file("/proc/stat", text);
    snprintf(text, sizeof(text), line, ticks / 4, ticks / 4);
    fake_file(stat, text);
    fake_file("/proc/77/stat", text);
    json_t *object = told(NULL);
    if (!(number(object, "busy_percent") < 10))
        fail_msg("busy %g %%", number(object, "busy_percent"));
    assert_string_equal(words(object), "");
    json_decref(object);
    sensors_end();
}

/* Steal that runs backwards, a counter set back, times that cannot be: all of it met in the field.
 */
static void impossible_figures_say_nothing(UNUSED void **state) {
    int cpu = 0;
    while (!CPU_ISSET(cpu, &all_cpus))
        cpu++;
    fake_file("/proc/stat", "cpu 10 0 10 10 0 0 0 5000 0 0\n");
    fake_file("/sys/class/hwmon/hwmon0/name", "k10temp\n");
    fake_file("/sys/class/hwmon/hwmon0/temp1_input", "-40000\n");
    fake_file("/sys/class/hwmon/hwmon0/temp2_input", "garbage");
    fake_file("/sys/class/hwmon/hwmon0/temp3_input", "255000\n");
    fake_file("/sys/class/hwmon/hwmon0/temp4_input", "");
    fake_file("/sys/devices/system/edac/mc/mc0/ce_count", "500\n");
    fake_file("/sys/devices/system/edac/mc/mc0/ue_count", "99999999999999999999999999\n");
    fake_filef("<unknown>\n", "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", cpu);
    fake_filef("1\n", "/sys/devices/system/cpu/cpu%d/cpufreq/cpuinfo_max_freq", cpu);
    fake_filef("-1\n", "/sys/devices/system/cpu/cpu%d/thermal_throttle/core_throttle_count", cpu);
    sensors_begin(getpid());
    compute(220 * CLOCK_MS);
    fake_file("/proc/stat", "cpu 99999999999999999 0 10 10 0 0 0 10 0 0\n");
    fake_file("/sys/devices/system/edac/mc/mc0/ce_count", "2\n");
    sensors_sample();
    json_t *object = told(NULL);
    assert_string_equal(words(object), "");
    assert_true(isnan(number(object, "busy_percent")));
    assert_true(isnan(number(object, "stolen_percent")));
    assert_true(isnan(of_range(object, "temperature_c", "max")));
    assert_true(number(object, "memory_errors_corrected") == 0);
    json_decref(object);
    fake_file("/proc/stat", "\xff\xfe");
    fake_file("/sys/devices/system/edac/mc/mc0/ce_count", "5\n");
    object = told(NULL);
    assert_string_equal(words(object), "memory errors: 3 corrected");
    json_decref(object);
    sensors_end();
}

/* A processor of AMD's tells no limit, and one of its two readings may have an offset. */
static void amd_and_arm(UNUSED void **state) {
    fake_file("/sys/class/hwmon/hwmon3/name", "k10temp\n");
    fake_file("/sys/class/hwmon/hwmon3/temp1_label", "Tctl\n");
    fake_file("/sys/class/hwmon/hwmon3/temp1_input", "119000\n");
    fake_file("/sys/class/hwmon/hwmon3/temp2_label", "Tdie\n");
    fake_file("/sys/class/hwmon/hwmon3/temp2_input", "92000\n");
    sensors_begin(0);
    sensors_sample();
    json_t *object = told(NULL);
    assert_string_equal(words(object), "hot: 92 C of 95");
    json_decref(object);
    sensors_end();
    fake_file("/sys/class/hwmon/hwmon3/name", "acpitz\n");
    fake_file("/sys/class/thermal/thermal_zone0/type", "acpitz\n");
    fake_file("/sys/class/thermal/thermal_zone0/temp", "149000\n");
    fake_file("/sys/class/thermal/thermal_zone1/type", "cluster0-thermal\n");
    fake_file("/sys/class/thermal/thermal_zone1/temp", "104000");
    fake_file("/sys/class/thermal/thermal_zone1/trip_point_0_type", "passive\n");
    fake_file("/sys/class/thermal/thermal_zone1/trip_point_0_temp", "85000\n");
    fake_file("/sys/class/thermal/thermal_zone1/trip_point_1_type", "critical\n");
    fake_file("/sys/class/thermal/thermal_zone1/trip_point_1_temp", "105000\n");
    sensors_begin(0);
    sensors_sample();
    object = told(NULL);
    assert_string_equal(words(object), "hot: 104 C of 105");
    json_decref(object);
    sensors_end();
}

/* ---- settling ---- */

static struct io quiet(int fds[2]) {
    struct io io = {.signals = -1, .listener = -1, .other = -1};
    lease_begin(&io.lease);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
    return io;
}

static void an_idle_machine_costs_one_glance(UNUSED void **state) {
    int fds[2];
    struct io io = quiet(fds);
    fake_file("/proc/stat", "cpu 1000 0 1000 5000 0 0 0 0 0 0\n");
    int64_t begin = clock_now();
    assert_true(sensors_settle(&io, 10 * CLOCK_S));
    assert_in_range(clock_now() - begin, 90 * CLOCK_MS, 5 * CLOCK_S);
    bool sooner = false; /* on a busy machine not at the first try */
    for (int i = 0; i < 50 && !sooner; i++) {
        begin = clock_now();
        assert_true(sensors_settle(&io, CLOCK_MS));
        sooner = clock_now() - begin < 90 * CLOCK_MS;
    }
    assert_true(sooner);
    close(fds[0]), close(fds[1]);
}

/* A process that makes the CPUs look half busy for `ns`, then idle until it is killed. */
static pid_t neighbour(int64_t ns) {
    double cpus = (double)sysconf(_SC_NPROCESSORS_ONLN) * (double)sysconf(_SC_CLK_TCK);
    fake_file("/proc/stat", "cpu 0 0 0 0 0 0 0 0 0 0\n");
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when the test fails */
    int64_t begin = clock_now();
    for (int64_t now = begin; now < begin + ns; now = clock_now()) {
        char text[100];
        snprintf(text, sizeof(text), "cpu %ld 0 0 0 0 0 0 0 0 0\n",
                 lround((double)(now - begin) / 2e9 * cpus));
        fake_file("/proc/stat", text);
        usleep(5000);
    }
    for (;;)
        pause();
}

static void a_busy_machine_is_waited_for(UNUSED void **state) {
    int fds[2];
    struct io io = quiet(fds);
    pid_t pid = neighbour(600 * CLOCK_MS);
    int64_t begin = clock_now();
    assert_true(sensors_settle(&io, 10 * CLOCK_S));
    /* it is over after 0.6 s, and looked at for as long again */
    assert_in_range(clock_now() - begin, 900 * CLOCK_MS, 4000 * CLOCK_MS);
    sensors_begin(0);
    json_t *object = told(NULL);
    assert_string_equal(words(object), "");
    assert_true(number(object, "settle_seconds") > 0.9);
    json_decref(object);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(fds[0]), close(fds[1]);
}

static void a_machine_that_stays_busy_is_marked(UNUSED void **state) {
    int fds[2];
    struct io io = quiet(fds);
    pid_t pid = neighbour(60 * CLOCK_S);
    int64_t begin = clock_now();
    assert_true(sensors_settle(&io, CLOCK_S));
    assert_in_range(clock_now() - begin, 1000 * CLOCK_MS, 1500 * CLOCK_MS);
    sensors_begin(0);
    json_t *object = told(NULL);
    int percent;
    assert_int_equal(sscanf(words(object), "busy %d %%", &percent), 1);
    assert_in_range(percent, 40, 60);
    json_decref(object);
    /* the next benchmark has nothing of it */
    sensors_begin(0);
    object = told(NULL);
    assert_string_equal(words(object), "");
    json_decref(object);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(fds[0]), close(fds[1]);
}

static void a_session_that_ends_ends_the_wait(UNUSED void **state) {
    int fds[2];
    struct io io = quiet(fds);
    close(fds[1]); /* before there is a process that has it, too */
    pid_t pid = neighbour(60 * CLOCK_S);
    assert_false(sensors_settle(&io, 10 * CLOCK_S));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(fds[0]);
    str_done(&io.input);
}

/* ---- cost ---- */

/* 64 CPUs' worth of files are open at most; a thousand looks take half a millisecond each or less.
 */
static void looking_costs_next_to_nothing(UNUSED void **state) {
    fake_file("/proc/stat", "cpu 1000 0 1000 5000 0 0 0 0 0 0\n");
    for (int i = 0; i < 32; i++) {
        fake_filef("coretemp\n", "/sys/class/hwmon/hwmon%d/name", i);
        fake_filef("60000\n", "/sys/class/hwmon/hwmon%d/temp1_input", i);
    }
    for (int i = 0; i < sysconf(_SC_NPROCESSORS_ONLN); i++) {
        fake_filef("3000000\n", "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", i);
        fake_filef("3000000\n", "/sys/devices/system/cpu/cpu%d/cpufreq/cpuinfo_max_freq", i);
    }
    sensors_begin(getpid());
    struct timespec begin, end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    for (int i = 0; i < 1000; i++)
        sensors_sample();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    double us =
        ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / 1e6;
    printf("a look takes %.1f us of CPU time, %.4f %% of a core\n", us, us * 2 / 1e4);
    assert_true(us < 500);
    sensors_end();
}

int main(void) {
#define in_tree(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_known_is_nothing_said),
        cmocka_unit_test(throttled_says_how_hot_and_how_slow),
        cmocka_unit_test(thresholds_are_where_they_are_said_to_be),
        cmocka_unit_test(the_order_is_fixed),
        in_tree(a_machine_without_sensors),
        in_tree(a_server_that_throttles),
        in_tree(the_share_of_time_throttled),
        cmocka_unit_test(the_share_of_looks_that_find_a_slow_clock),
        in_tree(others_and_the_hypervisor_take_time),
        in_tree(other_cpus_do_not_matter),
        in_tree(own_time_is_not_that_of_others),
        in_tree(impossible_figures_say_nothing),
        in_tree(amd_and_arm),
        in_tree(an_idle_machine_costs_one_glance),
        in_tree(a_busy_machine_is_waited_for),
        in_tree(a_machine_that_stays_busy_is_marked),
        in_tree(a_session_that_ends_ends_the_wait),
        in_tree(looking_costs_next_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
