/*
 * sensors: see sensors.h.
 *
 * What has a value of the moment is read at every look: frequencies, temperatures, and the counters
 * of energy, which wrap. Counters of everything else (CPU time, throttling, memory errors, the
 * quota) lose nothing between two looks, so they are read when the benchmark begins and after each
 * trial. All files stay open while a benchmark is there.
 *
 * Frequencies count only where the benchmark has used a quarter of the allowed CPUs since the last
 * look: idle CPUs are slow because they may be.
 *
 * To settle, a first short look at the CPUs will do on an idle server. On a busy one it takes three
 * longer ones in a row that find it idle, so that a pause between two jobs is not taken for an end.
 *
 * State of the one thread, from sensors_begin() to sensors_end().
 */
#include "sensors.h"

#include "answer.h"
#include "base/clock.h"
#include "cgroup.h"
#include "conditions.h"
#include "cpus.h"
#include "cputime.h"
#include "file.h"
#include "frequency.h"
#include "lock.h"
#include "probe.h"
#include "thermal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WORKING 0.25 /* of the allowed CPUs' time */
#define GLANCE (100 * CLOCK_MS)
#define LOOK (200 * CLOCK_MS)
#define IDLE_LOOKS 3
#define RATE_OVER (200 * CLOCK_MS) /* no rate is told of less time */
#define PACKAGES_MAX 16
#define CONTROLLERS_MAX 32 /* of memory */

static struct conditions seen;
static struct cputime began;
static pid_t leader;
static int allowed; /* CPUs */
static int64_t last_look, last_own;
static double held_before;
static struct counters throttles, throttle_times, energy, corrected, uncorrected;

/* What sensors_settle() found, for the benchmark that begins next. */
static double busy_before = NAN, settled = NAN;

/* ---- opening ---- */

/*
 * How often and, on kernels that count that too, for how many milliseconds: of a core or a package,
 * as a CPU sees it. False: this CPU does not tell.
 */
static bool open_throttle(int cpu, const char *of) {
    char path[128];
    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/thermal_throttle/%s_throttle_count",
             cpu, of);
    if (!counters_open(&throttles, path, 0))
        return false;
    snprintf(path, sizeof(path),
             "/sys/devices/system/cpu/cpu%d/thermal_throttle/%s_throttle_total_time_ms", cpu, of);
    counters_open(&throttle_times, path, 0);
    return true;
}

/* Counters of all packages, and of as many CPUs as fit, evenly spread. */
static void open_throttles(void) {
    static int cpus[CPUS_MAX];
    allowed = cpus_allowed(cpus);
    int looks = allowed < COUNTERS_MAX / 2 ? allowed : COUNTERS_MAX / 2;
    int64_t packages[PACKAGES_MAX], package;
    int known = 0;
    for (int i = 0; i < looks; i++) {
        int cpu = cpus[(long)i * allowed / looks];
        char path[128];
        if (!open_throttle(cpu, "core"))
            return;
        snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/%s", cpu,
                 "physical_package_id");
        if (!file_number(path, &package) || known == PACKAGES_MAX)
            continue;
        int k = 0;
        while (k < known && packages[k] != package)
            k++;
        if (k < known)
            continue;
        packages[known++] = package;
        open_throttle(cpu, "package");
    }
}

/* The packages' energy, in microjoules; only root may read it. */
static void open_energy(void) {
    for (int i = 0; i < PACKAGES_MAX; i++) {
        char path[96], name[32];
        int64_t wrap;
        snprintf(path, sizeof(path), "/sys/class/powercap/intel-rapl:%d/name", i);
        if (!file_line(path, name, sizeof(name)))
            return;
        if (strncmp(name, "package", 7) != 0)
            continue;
        snprintf(path, sizeof(path), "/sys/class/powercap/intel-rapl:%d/max_energy_range_uj", i);
        if (!file_number(path, &wrap))
            wrap = 0;
        snprintf(path, sizeof(path), "/sys/class/powercap/intel-rapl:%d/energy_uj", i);
        counters_open(&energy, path, wrap);
    }
}

static void open_memory(void) {
    for (int i = 0; i < CONTROLLERS_MAX; i++) {
        char path[96];
        snprintf(path, sizeof(path), "/sys/devices/system/edac/mc/mc%d/ce_count", i);
        if (!counters_open(&corrected, path, 0))
            return;
        snprintf(path, sizeof(path), "/sys/devices/system/edac/mc/mc%d/ue_count", i);
        counters_open(&uncorrected, path, 0);
    }
}

/* ---- looking ---- */

/* How often the quota has stopped this group; negative, for the group with the most to be least. */
static double held_of(const char *group, bool version2) {
    char path[600], text[1024];
    (void)version2; /* both have this file, and this line in it */
    snprintf(path, sizeof(path), "%s/cpu.stat", group);
    const char *line = file_start(path, text, sizeof(text)) ? strstr(text, "nr_throttled ") : NULL;
    int64_t n;
    return line && file_parse_number(line + strlen("nr_throttled "), &n) ? -(double)n : NAN;
}

static double times_held(void) {
    return isfinite(seen.quota) ? -cgroup_least("cpu", held_of) : NAN;
}

/* The CPU time of the benchmark's process and its threads, which is one system call; 0: unknown. */
static int64_t own_time(void) {
    clockid_t clock;
    struct timespec t;
    if (leader <= 0 || clock_getcpuclockid(leader, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0;
    return t.tv_sec * CLOCK_S + t.tv_nsec;
}

static bool is_working(int64_t now, int64_t own) {
    double room = (double)(now - last_look) * allowed;
    double quota = (double)(now - last_look) * seen.quota;
    return room > 0 && (double)(own - last_own) >= WORKING * (quota < room ? quota : room);
}

void sensors_sample(void) {
    struct frequency f;
    double celsius, limit;
    int64_t now = clock_now(), own = own_time();
    if (is_working(now, own) && frequency_read(&f)) {
        range_add(&seen.frequency, f.now);
        seen.frequency_full = f.full;
        seen.frequency_base = f.base;
        seen.slow_looks += conditions_slow(&seen, f.now);
    }
    if (thermal_read(&celsius, &limit)) {
        /* the limit belongs to the highest */
        if (seen.temperature.count == 0 || celsius > seen.temperature.max)
            seen.temperature_limit = limit;
        range_add(&seen.temperature, celsius);
    }
    counters_read(&energy);
    last_look = now;
    last_own = own;
}

void sensors_begin(pid_t process) {
    sensors_end();
    seen = (struct conditions){.throttled = -1,
                               .throttled_percent = NAN,
                               .watts = NAN,
                               .busy = NAN,
                               .stolen = NAN,
                               .busy_before = busy_before,
                               .settled = settled,
                               .held_per_second = NAN,
                               .quota = cpus_quota(),
                               .corrected = -1,
                               .uncorrected = -1};
    busy_before = settled = NAN;
    leader = process;
    open_throttles();
    open_energy();
    open_memory();
    thermal_open();
    frequency_open();
    cputime_open();
    held_before = times_held();
    cputime_read(leader, &began);
    last_look = began.when;
    last_own = own_time();
}

void sensors_end(void) {
    counters_close(&throttles);
    counters_close(&throttle_times);
    counters_close(&energy);
    counters_close(&corrected);
    counters_close(&uncorrected);
    thermal_close();
    frequency_close();
    cputime_close();
}

/* What counters have grown by since the benchmark began. */
static void read_counters(void) {
    struct cputime now;
    cputime_read(leader, &now);
    counters_read(&throttle_times);
    seen.seconds = (double)(now.when - began.when) / 1e9;
    if (now.when - began.when >= RATE_OVER) {
        /* a time is counted when it ends, so it may have begun before the benchmark did */
        if (throttle_times.count > 0)
            seen.throttled_percent =
                fmin(100, 0.1 * (double)counters_most(&throttle_times) / seen.seconds);
        struct cpushares shares = cputime_between(&began, &now);
        seen.busy = 100 * shares.others;
        seen.stolen = 100 * shares.steal;
        seen.held_per_second = (times_held() - held_before) / seen.seconds;
        if (energy.count > 0)
            seen.watts = (double)energy.sum / 1e6 / seen.seconds;
    }
    counters_read(&throttles);
    counters_read(&corrected);
    counters_read(&uncorrected);
    seen.throttled = throttles.count > 0 ? throttles.sum : -1;
    seen.corrected = corrected.count > 0 ? corrected.sum : -1;
    seen.uncorrected = uncorrected.count > 0 ? uncorrected.sum : -1;
}

void sensors_add(struct str *out, const char *notes) {
    cleanup(str_done) struct str words = {0}, saw = {0};
    read_counters();
    struct conditions said = seen;
    if (notes && strstr(notes, "quota"))
        said.quota = NAN; /* the benchmark has said it */
    conditions_add_words(&saw, &said);
    str_add(&words, notes ? notes : "");
    if (words.len > 0 && saw.len > 0)
        str_add(&words, "; ");
    str_add_bytes(&words, saw.data, saw.len);
    if (words.len > 0) {
        str_add(out, ",\"conditions\":");
        answer_text(out, words.data);
    }
    str_add(out, ",\"sensors\":");
    conditions_add_json(out, &seen);
}

/* ---- settling ---- */

/* Looks for `ns`. Returns false when the session has ended. */
static bool look(struct io *io, int64_t ns, struct cputime *from, double *busy) {
    struct cputime to;
    if (!io_sleep(io, ns))
        return false;
    cputime_read(0, &to);
    *busy = 100 * cputime_between(from, &to).others;
    *from = to;
    return true;
}

/* The server was busy at `first`: waits until it is idle. */
static bool wait_for_idle(struct io *io, const struct cputime *first, struct cputime last,
                          int64_t deadline) {
    double busy;
    for (int idle = 0; idle < IDLE_LOOKS; idle = busy < CONDITIONS_BUSY ? idle + 1 : 0) {
        int64_t left = deadline - clock_now();
        if (left <= 0) {
            busy_before = 100 * cputime_between(first, &last).others;
            return true;
        }
        if (!look(io, left < LOOK ? left : LOOK, &last, &busy))
            return false;
    }
    return true;
}

bool sensors_settle(struct io *io, int64_t most) {
    struct cputime first, last;
    double busy;
    busy_before = settled = NAN;
    if (most < GLANCE)
        return true;
    int64_t begin = clock_now(), deadline = begin + most;
    cputime_open();
    cputime_read(0, &first);
    last = first;
    bool alive = look(io, GLANCE, &last, &busy);
    if (alive && busy >= CONDITIONS_BUSY && !lock_shared())
        alive = wait_for_idle(io, &first, last, deadline);
    settled = (double)(clock_now() - begin) / 1e9;
    cputime_close();
    return alive;
}
