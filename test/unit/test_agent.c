/*
 * What the agent promises, asked through pipes as muster does. The environment names the agent:
 * MUSTER_TEST_AGENT (a command of words, so that an emulator can be one), MUSTER_TEST_BROKEN_AGENT
 * (one that computes wrongly, or empty), MUSTER_TEST_ARCH. With MUSTER_TEST_EMULATED set, what
 * needs a child subreaper is left out: qemu's user emulation knows none.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "test.h"
#include "wire/wire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct agent {
    pid_t pid; /* of its guard, the process that was started */
    int in, out;
    struct str buffer;
    struct wire_message hello;
};

static const char *agent_command;
static bool nobody_reads_errors;
static char mine[40]; /* in the environment of all that this process starts */

/* Starts an agent of the run; what it says first must be its hello. */
static struct agent start_as(const char *command, const char *run) {
    int in[2], out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    char line[1024];
    snprintf(line, sizeof(line), "exec %s --run %s", command, run);
    struct agent a = {.pid = fork(), .in = in[1], .out = out[0]};
    if (a.pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        if (nobody_reads_errors && pipe2(in, O_CLOEXEC) == 0 && dup2(in[1], 2) == 2)
            close(in[0]);
        signal(SIGPIPE, SIG_DFL); /* this process ignores it */
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    return a;
}

/* The agent's next line; fails the test when none comes within 20 s. */
static struct wire_message answer(struct agent *a) {
    int64_t deadline = deadline_in(20 * CLOCK_S);
    char *end;
    while (!a->buffer.data || !(end = memchr(a->buffer.data, '\n', a->buffer.len))) {
        struct pollfd p = {.fd = a->out, .events = POLLIN};
        if (poll(&p, 1, deadline_left_ms(deadline)) <= 0)
            fail_msg("no answer");
        char buf[4096];
        ssize_t n = read(a->out, buf, sizeof(buf));
        if (n <= 0)
            fail_msg("the agent has ended");
        str_add_bytes(&a->buffer, buf, (size_t)n);
    }
    struct wire_message m;
    struct error err = {0};
    size_t n = (size_t)(end - a->buffer.data);
    if (wire_parse(a->buffer.data, n, &m, &err) != 0)
        fail_msg("%s", err.text);
    a->buffer.len -= n + 1;
    memmove(a->buffer.data, end + 1, a->buffer.len);
    return m;
}

static struct agent start(const char *run) {
    struct agent a = start_as(agent_command, run);
    a.hello = answer(&a);
    assert_int_equal(a.hello.type, WIRE_HELLO);
    return a;
}

static void ask(struct agent *a, const char *line, size_t n) {
    assert_int_equal(fd_write_all(a->in, line, n), 0);
}

static struct wire_message ask_text(struct agent *a, const char *line) {
    ask(a, line, strlen(line));
    return answer(a);
}

struct ask {
    int64_t timeout_ms, limit, keep;
    const char *needs;
    const struct wire_env *env;
    size_t env_count;
};

static void send_command(struct agent *a, const char *command, struct ask how) {
    struct str out = {0};
    wire_add_command(&out, 5, command, how.timeout_ms ? how.timeout_ms : 10000,
                     how.limit ? how.limit : 65536, how.keep, how.env, how.env_count, how.needs);
    ask(a, out.data, out.len);
    str_done(&out);
}

static struct wire_message command(struct agent *a, const char *text, struct ask how) {
    send_command(a, text, how);
    struct wire_message m = answer(a);
    assert_int_equal(m.id, 5);
    return m;
}

static struct wire_message benchmark_trial(struct agent *a, const char *name, int trial,
                                           const char *parameters, int64_t timeout_ms) {
    struct str out = {0};
    wire_add_benchmark(&out, 9, name, timeout_ms, trial, 0, parameters);
    ask(a, out.data, out.len);
    str_done(&out);
    struct wire_message m = answer(a);
    assert_int_equal(m.id, 9);
    return m;
}

static struct wire_message benchmark(struct agent *a, const char *name, const char *parameters,
                                     int64_t timeout_ms) {
    return benchmark_trial(a, name, 1, parameters, timeout_ms);
}

/* Closes its input (unless that is done) and waits for its end, which must come within a second. */
static void finish(struct agent *a) {
    int64_t begin = clock_now();
    int status;
    if (a->in >= 0)
        close(a->in);
    assert_int_equal(waitpid(a->pid, &status, 0), a->pid);
    if (clock_now() - begin > CLOCK_S)
        fail_msg("the agent took %lld ms to end", (long long)((clock_now() - begin) / CLOCK_MS));
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(a->out);
    str_done(&a->buffer);
    wire_message_done(&a->hello);
}

static void expect_error(struct wire_message m, enum reason reason, const char *in_detail) {
    if (m.type != WIRE_ERROR || !m.detail)
        fail_msg("not an error, but type %d", m.type);
    assert_int_equal(m.reason, reason);
    if (!m.detail || !strstr(m.detail, in_detail))
        fail_msg("'%s' does not say '%s'", m.detail ? m.detail : "", in_detail);
    wire_message_done(&m);
}

static void expect_output(struct wire_message m, int status, const char *output) {
    if (m.type != WIRE_OUTPUT)
        fail_msg("not output: %s", m.detail ? m.detail : "");
    assert_string_equal(m.output, output);
    assert_int_equal(m.status, status);
    assert_false(m.truncated);
    wire_message_done(&m);
}

static bool process_has(const char *pid, const char *what, const char *bytes, size_t n) {
    char path[300], text[65536];
    snprintf(path, sizeof(path), "/proc/%s/%s", pid, what);
    cleanup(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text)) : 0;
    return len > 0 && memmem(text, (size_t)len, bytes, n);
}

/* How many processes that this one started have `mark` in their environment or arguments. */
static int processes_with(const char *mark) {
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    int n = 0;
    while ((entry = readdir(proc))) {
        const char *pid = entry->d_name;
        if (atoi(pid) > 0 && atoi(pid) != getpid() &&
            process_has(pid, "environ", mine, strlen(mine) + 1))
            n += process_has(pid, "cmdline", mark, strlen(mark)) ||
                 process_has(pid, "environ", mark, strlen(mark));
    }
    closedir(proc);
    return n;
}

static void wait_for_processes(const char *mark, int count) {
    int64_t deadline = deadline_in(10 * CLOCK_S);
    while (processes_with(mark) != count) {
        if (clock_now() > deadline)
            fail_msg("%d processes with %s, not %d", processes_with(mark), mark, count);
        usleep(5000);
    }
}

/* The parent of a process, or -1. */
static pid_t parent_of(const char *pid) {
    char path[300], line[512];
    int parent;
    snprintf(path, sizeof(path), "/proc/%s/stat", pid);
    cleanup(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, line, sizeof(line) - 1) : 0;
    line[n > 0 ? n : 0] = '\0';
    const char *after = strrchr(line, ')');
    return after && sscanf(after + 1, " %*c %d", &parent) == 1 ? parent : -1;
}

/* The agent itself, whose parent is the guard. */
static pid_t below_guard(const struct agent *a) {
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    pid_t found = 0;
    while (!found && (entry = readdir(proc)))
        if (atoi(entry->d_name) > 0 && parent_of(entry->d_name) == a->pid)
            found = atoi(entry->d_name);
    closedir(proc);
    if (!found)
        fail_msg("the agent has no guard");
    return found;
}

static void says_hello_with_facts(UNUSED void **state) {
    struct agent a = start("r1");
    char hash[100] = "", line[1024];
    snprintf(line, sizeof(line), "%s --hash", agent_command);
    FILE *f = popen(line, "re");
    assert_non_null(fgets(hash, sizeof(hash), f));
    assert_int_equal(pclose(f), 0);
    hash[strcspn(hash, "\n")] = '\0';
    assert_string_equal(a.hello.hash, hash);
    assert_string_equal(a.hello.arch, getenv("MUSTER_TEST_ARCH"));
    assert_string_equal(a.hello.version, MUSTER_VERSION);
    static const char *const facts[] = {"hostname",  "kernel",  "os",           "arch",
                                        "cpu_model", "sockets", "cores",        "threads",
                                        "allowed",   "quota",   "memory_bytes", "lock"};
    for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
        char key[40];
        snprintf(key, sizeof(key), "\"%s\":", facts[i]);
        if (!strstr(a.hello.facts, key))
            fail_msg("no %s in %s", key, a.hello.facts);
    }
    finish(&a);
}

#define QUICK "{\"duration\":5000000}"
#define LONG "{\"duration\":60000000000}"

static double metric(const struct wire_message *m, const char *name) {
    if (m->type != WIRE_METRICS)
        fail_msg("%s", m->detail ? m->detail : "not metrics");
    for (size_t i = 0; i < m->metric_count; i++)
        if (strcmp(m->metrics[i].name, name) == 0)
            return m->metrics[i].value;
    fail_msg("no metric %s", name);
    return 0;
}

static void expect_in_conditions(const struct wire_message *m, const char *text) {
    if (!m->conditions || !strstr(m->conditions, text))
        fail_msg("'%s' is not in the conditions: %s", text, m->conditions ? m->conditions : "none");
}

static void measures_cpus(UNUSED void **state) {
    struct agent a = start("r1");
    struct wire_message m = benchmark(&a, "cpu", QUICK, 15000);
    if (m.type != WIRE_METRICS)
        fail_msg("%s", m.detail);
    cpu_set_t allowed;
    assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
    assert_int_equal(m.units, CPU_COUNT(&allowed));
    static const struct {
        const char *name, *unit;
    } expected[] = {
        {"all_cores", "Mop/s"},  {"one_core", "Mop/s"},    {"int_all", "Mop/s"},
        {"branch_all", "Mop/s"}, {"float_all", "GFLOP/s"}, {"int_one", "Mop/s"},
        {"branch_one", "Mop/s"}, {"float_one", "GFLOP/s"}, {"slowest_core", "%"},
    };
    assert_int_equal(m.metric_count, ARRAY_LEN(expected));
    for (size_t i = 0; i < m.metric_count; i++) {
        assert_string_equal(m.metrics[i].name, expected[i].name);
        assert_string_equal(m.metrics[i].unit, expected[i].unit);
        assert_true(m.metrics[i].value > 0 && m.metrics[i].value < 1e9);
        assert_false(m.metrics[i].lower_is_better);
    }
    assert_true(metric(&m, "slowest_core") <= 100);
    assert_true(m.seconds > 0);
    wire_message_done(&m);
    finish(&a);
}

/* The last CPU that this process may run on. */
static int last_cpu(void) {
    cpu_set_t allowed;
    assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
    int cpu = CPU_SETSIZE - 1;
    while (cpu > 0 && !CPU_ISSET(cpu, &allowed))
        cpu--;
    return cpu;
}

/* Leaves the processes that are started from now on this CPU alone; -1: all that there were. */
static void allow_only(int cpu) {
    static cpu_set_t all;
    if (CPU_COUNT(&all) == 0)
        assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    cpu_set_t set;
    CPU_ZERO(&set);
    if (cpu >= 0)
        CPU_SET(cpu, &set);
    assert_int_equal(sched_setaffinity(0, sizeof(set), cpu >= 0 ? &set : &all), 0);
}

static void uses_the_cpus_that_it_may(UNUSED void **state) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    allow_only(last_cpu());
    struct agent a = start("r1");
    allow_only(-1);
    struct wire_message m = benchmark(&a, "cpu", QUICK, 15000);
    assert_true(metric(&m, "slowest_core") == 100); /* of one */
    assert_int_equal(m.units, 1);
    char note[64];
    snprintf(note, sizeof(note), "1 of %ld CPUs allowed", online);
    if (online > 1)
        expect_in_conditions(&m, note);
    wire_message_done(&m);
    finish(&a);
}

/* Of all time of all CPUs since the start, what passed and what was idle, in the kernel's ticks. */
static void read_ticks(double *all, double *idle) {
    double t[8] = {0};
    FILE *f = fopen("/proc/stat", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &t[0], &t[1], &t[2], &t[3],
                            &t[4], &t[5], &t[6], &t[7]),
                     8);
    fclose(f);
    *idle = t[3] + t[4];
    *all = 0;
    for (size_t i = 0; i < ARRAY_LEN(t); i++)
        *all += t[i];
}

/*
 * What a test says of shares of a CPU holds only where nobody else wants one: asked while the test
 * itself does nothing. The load average would still tell of the tests before.
 */
static void skip_if_busy(void) {
    double all, idle, all_then, idle_then;
    read_ticks(&all_then, &idle_then);
    usleep(200000);
    read_ticks(&all, &idle);
    if (idle - idle_then < 0.7 * (all - all_then))
        skip_because("the machine is busy");
}

/* Processes that compute on the CPU until they are killed. */
static void occupy(int cpu, pid_t *pids, size_t n) {
    for (size_t i = 0; i < n; i++)
        if ((pids[i] = fork()) == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            allow_only(cpu);
            for (volatile unsigned turn = 0;; turn++)
                ;
        }
}

static void kill_all(const pid_t *pids, size_t n) {
    for (size_t i = 0; i < n; i++) {
        kill(pids[i], SIGKILL);
        assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
    }
}

/*
 * Others on one of two CPUs take most of its time. Whoever else uses the machine may take the other
 * one's in one trial, but not in all.
 */
static void finds_a_weak_core(UNUSED void **state) {
    if (getenv("MUSTER_TEST_EMULATED"))
        skip_because("an emulator's block is longer than a turn");
    cpu_set_t allowed;
    assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
    if (CPU_COUNT(&allowed) < 2)
        skip_because("this takes two CPUs");
    skip_if_busy();
    int weak = last_cpu();
    pid_t others[3];
    char note[64];
    snprintf(note, sizeof(note), "weak core: CPU %d at ", weak);
    struct agent a = start("r1");
    occupy(weak, others, ARRAY_LEN(others));
    double least = 100;
    bool noted = false;
    for (int i = 1; i <= 5 && !noted; i++) {
        struct wire_message m = benchmark_trial(&a, "cpu", i, "{\"duration\":100000000}", 15000);
        least = fmin(least, metric(&m, "slowest_core"));
        noted = m.conditions && strstr(m.conditions, note);
        wire_message_done(&m);
    }
    kill_all(others, ARRAY_LEN(others));
    finish(&a);
    if (noted && least < 80)
        return;
    skip_if_busy(); /* by now */
    fail_msg("CPU %d is not called weak; the slowest one is at %g %%", weak, least);
}

static bool write_text(const char *folder, const char *name, const char *text) {
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    cleanup(fd_close) int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* A limit of a control group, in both versions of them. */
struct group_limit {
    const char *file, *value;       /* version 2 */
    const char *file_v1, *value_v1; /* `CONTROLLER/FILE` */
};

/* Makes a control group with the limit; false where that cannot be done. */
static bool make_group(const struct group_limit *l, char folder[100]) {
    const char *slash = strchr(l->file_v1, '/');
    int n = (int)(slash - l->file_v1);
    snprintf(folder, 100, "/sys/fs/cgroup/muster-test-%d", getpid());
    if (mkdir(folder, 0755) == 0) {
        if (write_text(folder, l->file, l->value))
            return true;
        rmdir(folder);
    }
    snprintf(folder, 100, "/sys/fs/cgroup/%.*s/muster-test-%d", n, l->file_v1, getpid());
    if (mkdir(folder, 0755) != 0)
        return false;
    if (write_text(folder, slash + 1, l->value_v1))
        return true;
    rmdir(folder);
    return false;
}

/* An agent in the group; its hello has been read. */
static struct agent start_within(const char *folder) {
    char command[256];
    snprintf(command, sizeof(command), "sh -c 'echo $$ >%s/cgroup.procs; exec \"$@\"' sh %s",
             folder, agent_command);
    struct agent a = start_as(command, "r1");
    a.hello = answer(&a);
    return a;
}

static double all_cores(struct agent *a, const char *parameters) {
    struct wire_message m = benchmark(a, "cpu", parameters, 15000);
    double value = metric(&m, "all_cores");
    wire_message_done(&m);
    return value;
}

/*
 * A tenth of a CPU's time is a tenth of its result, or somewhat more when the CPU was not free
 * without the quota either.
 */
static void shows_a_quota(UNUSED void **state) {
    if (getenv("MUSTER_TEST_EMULATED"))
        skip_because("an emulator's block is longer than a period of the quota");
    static const struct group_limit tenth_of_a_cpu = {"cpu.max", "10000 100000",
                                                      "cpu/cpu.cfs_quota_us", "10000"};
    char folder[100];
    skip_if_busy();
    if (!make_group(&tenth_of_a_cpu, folder))
        skip_because("no control group with a quota can be made here");
    static const char parameters[] = "{\"duration\":200000000}";
    allow_only(last_cpu());
    struct agent a = start("r1");
    double whole = all_cores(&a, parameters);
    finish(&a);
    a = start_within(folder);
    allow_only(-1);
    struct wire_message m = benchmark(&a, "cpu", parameters, 15000);
    finish(&a);
    assert_int_equal(rmdir(folder), 0);
    double tenth = metric(&m, "all_cores");
    expect_in_conditions(&m, "quota: time of 0.1 CPUs for 1");
    assert_int_equal(m.units, 1);
    wire_message_done(&m);
    if (tenth < 0.6 * whole)
        return;
    skip_if_busy(); /* by now */
    fail_msg("%g with a tenth of a CPU, %g with a whole one", tenth, whole);
}

#define SLOW_IOPS 1000

/* The whole disk that the working folder lies on, `MAJOR:MINOR`; false where that is none. */
static bool disk_here(char device[32]) {
    struct stat st;
    char path[64], text[32] = "";
    if (stat(".", &st) != 0)
        return false;
    snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", major(st.st_dev),
             minor(st.st_dev));
    const char *disk = access(path, F_OK) == 0 ? "../dev" : "dev";
    snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(st.st_dev), minor(st.st_dev),
             disk);
    cleanup(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
        return false;
    snprintf(device, 32, "%.*s", (int)strcspn(text, "\n"), text);
    return true;
}

static double read_iops(struct agent *a) {
    char here[PATH_MAX], parameters[PATH_MAX + 100];
    assert_non_null(getcwd(here, sizeof(here)));
    snprintf(parameters, sizeof(parameters),
             "{\"path\":\"%s\",\"size\":16777216,\"duration\":300000000}", here);
    struct wire_message m = benchmark(a, "disk", parameters, 60000);
    double value = metric(&m, "read_iops");
    wire_message_done(&m);
    return value;
}

/* Throttling counts in slices of a tenth of a second, so that a short time may hold one more. */
static void finds_a_slowed_disk(UNUSED void **state) {
    char device[32], limit[64], limit_v1[64], folder[100];
    if (getenv("MUSTER_TEST_EMULATED"))
        skip_because("the emulator passes on none of the calls for many requests at once");
    if (!disk_here(device))
        skip_because("the working folder lies on no disk");
    snprintf(limit, sizeof(limit), "%s riops=%d", device, SLOW_IOPS);
    snprintf(limit_v1, sizeof(limit_v1), "%s %d", device, SLOW_IOPS);
    struct group_limit slow = {"io.max", limit, "blkio/blkio.throttle.read_iops_device", limit_v1};
    struct agent a = start("r1");
    double whole = read_iops(&a);
    finish(&a);
    if (whole < 3 * SLOW_IOPS)
        skip_because("the disk is slow by itself");
    if (!make_group(&slow, folder))
        skip_because("no control group that slows a disk can be made here");
    a = start_within(folder);
    double slowed = read_iops(&a);
    finish(&a);
    assert_int_equal(rmdir(folder), 0);
    if (slowed < 0.5 * SLOW_IOPS || slowed > 1.5 * SLOW_IOPS)
        fail_msg("%g reads a second of %d allowed; %g without the limit", slowed, SLOW_IOPS, whole);
}

static void takes_no_memory_that_a_group_lacks(UNUSED void **state) {
    static const struct group_limit small = {"memory.max", "200M", "memory/memory.limit_in_bytes",
                                             "200M"};
    char folder[100];
    if (!make_group(&small, folder))
        skip_because("no control group with a limit of memory can be made here");
    struct agent a = start_within(folder);
    expect_error(benchmark(&a, "memory", "{\"size\":67108864,\"duration\":10000000}", 60000),
                 REASON_UNSUPPORTED, "three arrays of 64 MiB");
    struct wire_message m = benchmark(
        &a, "memory", "{\"size\":33554432,\"pattern\":4194304,\"duration\":10000000}", 60000);
    assert_true(metric(&m, "triad") > 0);
    wire_message_done(&m);
    finish(&a);
    assert_int_equal(rmdir(folder), 0);
}

static struct agent start_broken(void) {
    const char *broken = getenv("MUSTER_TEST_BROKEN_AGENT");
    if (!broken || !*broken)
        skip_because("only this machine's agent has a twin for tests");
    struct agent a = start_as(broken, "r1");
    a.hello = answer(&a);
    return a;
}

static void names_the_cpu_that_computes_wrongly(UNUSED void **state) {
    static const char *const kernels[] = {"integer", "branch", "float"};
    for (int i = 0; i < 3; i++) {
        char fault[32], sentence[64];
        snprintf(fault, sizeof(fault), "%d %d", last_cpu(), i);
        snprintf(sentence, sizeof(sentence), "computed wrongly: CPU %d (%s)", last_cpu(),
                 kernels[i]);
        setenv("MUSTER_TEST_CPU_FAULT", fault, 1);
        struct agent a = start_broken();
        unsetenv("MUSTER_TEST_CPU_FAULT");
        struct wire_message m = benchmark(&a, "cpu", QUICK, 15000);
        if (m.type == WIRE_ERROR)
            assert_string_equal(m.detail, sentence);
        expect_error(m, REASON_WRONG_RESULT, "computed wrongly");
        finish(&a);
    }
}

static void expect_conditions(struct wire_message m, const char *expected) {
    if (m.type != WIRE_METRICS)
        fail_msg("not metrics: %s", m.detail ? m.detail : "");
    const char *found = m.conditions ? m.conditions : "";
    /* what the sensors saw of the machine at hand comes after it */
    size_t n = strlen(expected);
    if (strncmp(found, expected, n) != 0 || (n > 0 && found[n] && found[n] != ';'))
        fail_msg("conditions are '%s', not '%s'", found, expected);
    wire_message_done(&m);
}

static void tells_once_what_trials_note(UNUSED void **state) {
    struct agent a = start_broken();
    expect_conditions(benchmark_trial(&a, "notes", 1, "{}", 15000),
                      "card 1 is hot; trial\\t1;\\n\"noted\"");
    expect_conditions(benchmark_trial(&a, "notes", 2, "{}", 15000),
                      "card 1 is hot; trial\\t1;\\n\"noted\"");
    expect_conditions(benchmark_trial(&a, "notes", 3, "{}", 15000),
                      "card 1 is hot; trial\\t1;\\n\"noted\"; trial\\t3;\\n\"noted\"");
    /* a new benchmark has nothing of the one before */
    struct wire_message m = benchmark(&a, "notes", "{\"say\":0}", 15000);
    if (m.conditions && strstr(m.conditions, "card"))
        fail_msg("conditions of another benchmark: %s", m.conditions);
    expect_conditions(m, "");
    finish(&a);
}

static void refuses_wrong_parameters(UNUSED void **state) {
    struct agent a = start("r1");
    static const char *const wrong[] = {"{\"duration\":0}",    "{\"duration\":-1}",
                                        "{\"duration\":1.5}",  "{\"duration\":\"3\"}",
                                        "{\"duration\":1e18}", "{\"duration\":null}"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        expect_error(benchmark(&a, "cpu", wrong[i], 5000), REASON_UNSUPPORTED, "'duration'");
    expect_error(benchmark(&a, "gpu", "{\"devices\":\"0,\"}", 5000), REASON_UNSUPPORTED,
                 "'devices'");
    expect_error(benchmark(&a, "gpu", "{\"devices\":0}", 5000), REASON_UNSUPPORTED, "'devices'");
    expect_error(benchmark(&a, "cpu", "{\"wrok\":3}", 5000), REASON_UNSUPPORTED, "'wrok'");
    expect_error(benchmark(&a, "gpuu", "{}", 5000), REASON_UNSUPPORTED, "'gpuu'");
    finish(&a);
}

static void ends_a_benchmark_at_its_deadline(UNUSED void **state) {
    struct agent a = start("r1");
    expect_error(benchmark(&a, "cpu", LONG, 200), REASON_TIMEOUT, "0.2 s");
    expect_output(command(&a, "echo on", (struct ask){0}), 0, "on\n");
    finish(&a);
}

static void runs_commands(UNUSED void **state) {
    struct agent a = start("r1");
    expect_output(command(&a, "echo out; echo err >&2; echo out", (struct ask){0}), 0,
                  "out\nerr\nout\n");
    expect_output(command(&a, "exit 3", (struct ask){0}), 3, "");
    expect_output(command(&a, "kill -9 $$", (struct ask){0}), 137, "");
    expect_output(command(&a, "cat; echo end", (struct ask){0}), 0, "end\n");
    expect_output(command(&a, "printf '\\303\\274\"'\n", (struct ask){0}), 0, "\xc3\xbc\"");
    struct wire_message m = command(&a, "printf 'a\\0\\377b'", (struct ask){0});
    assert_int_equal(m.output_len, 4);
    assert_memory_equal(m.output,
                        "a\0\xff"
                        "b",
                        4);
    wire_message_done(&m);
    finish(&a);
}

static void bounds_output(UNUSED void **state) {
    struct agent a = start("r1");
    struct wire_message m =
        command(&a, "head -c 50000000 /dev/zero | tr '\\0' x; echo end >&2; exit 7",
                (struct ask){.limit = 1000});
    assert_int_equal(m.output_len, 1000);
    assert_int_equal(m.output[0], 'x');
    assert_true(m.truncated);
    assert_int_equal(m.status, 7);
    wire_message_done(&m);
    m = command(&a, "head -c 5000000 /dev/zero", (struct ask){.limit = INT64_C(1) << 40});
    assert_int_equal(m.output_len, WIRE_OUTPUT_MAX);
    assert_true(m.truncated);
    wire_message_done(&m);
    finish(&a);
}

static void keeps_the_beginning_and_the_end(UNUSED void **state) {
    struct agent a = start("r1");
    struct wire_message m =
        command(&a, "echo begin; seq 100000; printf end", (struct ask){.limit = 100});
    assert_int_equal(m.output_len, 100);
    assert_int_equal(m.bytes, 588895 + 6 + 3);
    assert_memory_equal(m.output, "begin\n1\n2\n3\n4\n5\n6\n7\n8\n9\n1\n", 26);
    assert_memory_equal(m.output + 100 - 17, "\n99999\n100000\nend", 17);
    wire_message_done(&m);
    m = command(&a, "seq 10; sleep 0.01; seq 11 20", (struct ask){.limit = 51});
    assert_int_equal(m.output_len, 51);
    assert_false(m.truncated);
    wire_message_done(&m);
    finish(&a);
}

static void sends_long_output_in_pieces(UNUSED void **state) {
    struct agent a = start("r1");
    struct str got = {0};
    struct wire_message m = command(&a, "seq 30000", (struct ask){.limit = 1000, .keep = 100000});
    for (; m.type == WIRE_PIECE; m = answer(&a)) {
        assert_int_equal(m.id, 5);
        assert_in_range(m.output_len, 1, WIRE_PIECE_MAX);
        str_add_bytes(&got, m.output, m.output_len);
        wire_message_done(&m);
    }
    assert_int_equal(m.type, WIRE_OUTPUT);
    assert_int_equal(m.bytes, 168894);
    assert_int_equal(m.output_len, 1000);
    assert_int_equal(got.len, 100000);
    struct str expected = {0};
    for (int i = 1; i <= 30000; i++)
        str_addf(&expected, "%d\n", i);
    assert_memory_equal(got.data, expected.data, got.len);
    size_t tail = WIRE_OUTPUT_TAIL(1000);
    assert_memory_equal(m.output + 1000 - tail, expected.data + expected.len - tail, tail);
    wire_message_done(&m);
    expect_output(command(&a, "seq 3", (struct ask){.limit = 1000, .keep = 100000}), 0,
                  "1\n2\n3\n");
    str_done(&got);
    str_done(&expected);
    finish(&a);
}

static void gives_commands_their_environment(UNUSED void **state) {
    struct agent a = start("r1");
    const struct wire_env env[] = {{"A", "a b"}, {"PATH", "/usr/bin:/bin"}};
    expect_output(command(&a, "echo \"$A\"; case $PATH in *:/usr/sbin:*) echo yes; esac",
                          (struct ask){.env = env, .env_count = 2}),
                  0, "a b\nyes\n");
    expect_output(command(&a, "echo \"$A\"", (struct ask){0}), 0, "\n");
    finish(&a);
}

static void looks_for_what_is_needed(UNUSED void **state) {
    struct agent a = start("r1");
    expect_error(command(&a, "touch /never", (struct ask){.needs = "no-such-tool"}),
                 REASON_TOOL_MISSING, "no-such-tool is not installed (not found in PATH)");
    expect_error(command(&a, "true", (struct ask){.needs = "/etc"}), REASON_TOOL_MISSING, "/etc");
    expect_output(command(&a, "echo ok", (struct ask){.needs = "cat"}), 0, "ok\n");
    const struct wire_env env[] = {{"PATH", "/nowhere"}};
    expect_error(command(&a, "true", (struct ask){.needs = "cat", .env = env, .env_count = 1}),
                 REASON_TOOL_MISSING, "cat");
    finish(&a);
}

static void ends_a_command_at_its_deadline(UNUSED void **state) {
    struct agent a = start("r1");
    int64_t begin = clock_now();
    expect_error(command(&a,
                         "trap '' TERM; export MARK=mk-deadline; sleep 600 & setsid sleep 601 & "
                         "while :; do sleep 1; done",
                         (struct ask){.timeout_ms = 300}),
                 REASON_TIMEOUT, "0.3 s");
    assert_in_range(clock_now() - begin, 300 * CLOCK_MS, 1300 * CLOCK_MS);
    assert_int_equal(processes_with("mk-deadline"), 0);
    finish(&a);
}

/* One that never stops printing must not outlast its deadline either. */
static void ends_endless_output(UNUSED void **state) {
    struct agent a = start("r1");
    expect_error(command(&a, "yes", (struct ask){.timeout_ms = 300}), REASON_TIMEOUT, "0.3 s");
    struct wire_message m = command(&a, "yes & exit 0", (struct ask){.limit = 100});
    assert_int_equal(m.type, WIRE_OUTPUT);
    assert_int_equal(m.status, 0);
    assert_true(m.seconds < 0.5);
    wire_message_done(&m);
    finish(&a);
}

static void kills_what_a_command_leaves(UNUSED void **state) {
    if (getenv("MUSTER_TEST_EMULATED"))
        skip_because("qemu's user emulation knows no child subreaper");
    struct agent a = start("r1");
    int64_t begin = clock_now();
    expect_output(command(&a, "export MARK=mk-leaves; sleep 600 & (setsid sleep 601 &) ; echo ok",
                          (struct ask){0}),
                  0, "ok\n");
    assert_true(clock_now() - begin < CLOCK_S);
    assert_int_equal(processes_with("mk-leaves"), 0);
    finish(&a);
}

static const char nest[] =
    "export MARK=mk-nest; trap '' TERM HUP INT; touch $TMPDIR/file; mkdir -p $TMPDIR/a/b; "
    "ln -s / $TMPDIR/a/root; chmod 0 $TMPDIR/a/b; "
    "(setsid sh -c 'trap \"\" TERM; (sleep 700; :) & sleep 701; :' &) ; "
    "setsid setsid sleep 702 & sleep 703; :";

static void nothing_is_left_when_input_closes(UNUSED void **state) {
    if (getenv("MUSTER_TEST_EMULATED"))
        skip_because("qemu's user emulation knows no child subreaper");
    char dir[64];
    assert_non_null(make_test_folder(dir));
    setenv("TMPDIR", dir, 1);
    struct agent a = start("r1");
    send_command(&a, nest, (struct ask){.timeout_ms = 60000});
    wait_for_processes("mk-nest", 7);
    usleep(50000);
    finish(&a);
    assert_int_equal(processes_with("mk-nest"), 0);
    assert_int_equal(rmdir(dir), 0); /* empty again */
    unsetenv("TMPDIR");
}

static void a_signal_ends_it_as_cleanly(UNUSED void **state) {
    if (getenv("MUSTER_TEST_EMULATED"))
        skip_because("qemu's user emulation knows no child subreaper");
    static const int signals[] = {SIGTERM, SIGHUP, SIGINT};
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        struct agent a = start("r1");
        send_command(&a, nest, (struct ask){.timeout_ms = 60000});
        wait_for_processes("mk-nest", 7);
        kill(a.pid, signals[i]);
        int in = fd_take(&a.in);
        finish(&a);
        close(in);
        assert_int_equal(processes_with("mk-nest"), 0);
    }
}

/* What is started here cannot be followed by an emulated agent where it hides. */
static void start_nest(struct agent *a) {
    bool hides = !getenv("MUSTER_TEST_EMULATED");
    send_command(a, hides ? nest : "touch $TMPDIR/file; export MARK=mk-nest; exec sleep 704",
                 (struct ask){.timeout_ms = 60000});
    wait_for_processes("mk-nest", hides ? 7 : 1);
}

/* The wait status of a process that ends soon. */
static int status_of(pid_t pid) {
    int64_t deadline = deadline_in(10 * CLOCK_S);
    int status;
    pid_t ended;
    while ((ended = waitpid(pid, &status, WNOHANG)) == 0) {
        if (clock_now() > deadline)
            fail_msg("process %d does not end", (int)pid);
        usleep(2000);
    }
    assert_int_equal(ended, pid);
    return status;
}

/* Kills the agent or its guard in the middle of a command; returns the guard's wait status. */
static int kill_in_the_middle(bool guard) {
    char dir[64];
    assert_non_null(make_test_folder(dir));
    setenv("TMPDIR", dir, 1);
    struct agent a = start("mk-killed");
    unsetenv("TMPDIR");
    start_nest(&a);
    int64_t begin = clock_now();
    assert_int_equal(kill(guard ? a.pid : below_guard(&a), SIGKILL), 0);
    int status = status_of(a.pid);
    wait_for_processes("mk-nest", 0);
    wait_for_processes("mk-killed", 0);
    if (clock_now() - begin > 2 * CLOCK_S)
        fail_msg("it took %lld ms", (long long)((clock_now() - begin) / CLOCK_MS));
    assert_int_equal(rmdir(dir), 0); /* empty again */
    close(a.in);
    close(a.out);
    str_done(&a.buffer);
    wire_message_done(&a.hello);
    return status;
}

static void nothing_is_left_when_the_agent_is_killed(UNUSED void **state) {
    int status = kill_in_the_middle(false);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGKILL);
}

/* As when sshd went just before: what the guard has to say of it must not be the end of the guard.
 */
static void nothing_is_left_when_the_agent_is_killed_unheard(UNUSED void **state) {
    nobody_reads_errors = true;
    int status = kill_in_the_middle(false);
    nobody_reads_errors = false;
    assert_true(WIFEXITED(status));
}

static void nothing_is_left_when_the_guard_is_killed(UNUSED void **state) {
    int status = kill_in_the_middle(true);
    assert_true(WIFSIGNALED(status));
}

/* At once after it was started, too, whatever it is doing then. */
static void nothing_is_left_of_a_short_life(UNUSED void **state) {
    for (int i = 0; i < 60; i++) {
        struct agent a = start_as(agent_command, "mk-short");
        usleep((useconds_t)i * 100);
        kill(a.pid, SIGKILL);
        status_of(a.pid);
        wait_for_processes("mk-short", 0);
        close(a.in);
        close(a.out);
    }
}

static void ends_in_the_middle_of_a_benchmark(UNUSED void **state) {
    struct agent a = start("mk-middle");
    struct str out = {0};
    wire_add_benchmark(&out, 1, "cpu", 60000, 1, 0, LONG);
    ask(&a, out.data, out.len);
    str_done(&out);
    wait_for_processes("mk-middle", 3); /* the guard, the agent and the benchmark */
    finish(&a);
    assert_int_equal(processes_with("mk-middle"), 0);
}

/* It must not wait for ever for someone to read its answer. */
static void ends_while_nobody_reads(UNUSED void **state) {
    struct agent a = start("r1");
    send_command(&a, "head -c 700000 /dev/zero", (struct ask){.limit = 700000});
    usleep(300000);
    finish(&a);
}

static void another_run_is_told_that_it_is_busy(UNUSED void **state) {
    struct agent a = start("run-a"), b = start("run-b");
    /* said hello only: does not hold the lock */
    expect_output(command(&b, "echo b", (struct ask){0}), 0, "b\n");
    int64_t begin = clock_now();
    expect_error(command(&a, "echo a", (struct ask){0}), REASON_BUSY, "run-b");
    assert_in_range(clock_now() - begin, CLOCK_S, 4 * CLOCK_S);
    finish(&b);
    expect_output(command(&a, "echo a", (struct ask){0}), 0, "a\n");
    struct agent c = start("run-b");
    send_command(&c, "true", (struct ask){0});
    usleep(100000);
    finish(&c); /* ends at once, though it waits for the lock */
    finish(&a);
}

static void send_lease(struct agent *a, int64_t lease_ms, int64_t beat_ms, int64_t busy_wait_ms) {
    struct str out = {0};
    wire_add_lease(&out, &(struct wire_lease){.lease_ms = lease_ms,
                                              .beat_ms = beat_ms,
                                              .busy_wait_ms = busy_wait_ms});
    ask(a, out.data, out.len);
    str_done(&out);
}

/* The next message that is more than a sign of life; *beats: how many of these came before it. */
static struct wire_message answer_after(struct agent *a, int *beats) {
    struct wire_message m;
    for (*beats = 0; (m = answer(a)).type == WIRE_ALIVE; ++*beats)
        ;
    return m;
}

static void says_that_it_is_alive(UNUSED void **state) {
    struct agent a = start("r1");
    int beats;
    /* not before it has a lease */
    expect_output(command(&a, "sleep 0.1; echo a", (struct ask){0}), 0, "a\n");
    send_lease(&a, 60000, 50, 0);
    send_command(&a, "sleep 0.5; echo b", (struct ask){0});
    expect_output(answer_after(&a, &beats), 0, "b\n");
    assert_in_range(beats, 3, 10);
    struct wire_message m = answer(&a); /* it has nothing to do */
    assert_int_equal(m.type, WIRE_ALIVE);
    send_lease(&a, 60000, 30000, 0);
    send_command(&a, "sleep 0.3; echo c", (struct ask){0});
    expect_output(answer_after(&a, &beats), 0, "c\n");
    assert_in_range(beats, 0, 2);
    finish(&a);
}

/* While nobody reads, no beat comes into a line, be it an answer or another beat. */
static void a_beat_never_splits_a_line(UNUSED void **state) {
    struct agent a = start("r1");
    int beats;
    assert_true(fcntl(a.out, F_SETPIPE_SZ, 8192) >= 8192);
    send_lease(&a, 60000, 1, 0);
    send_command(&a, "head -c 700000 /dev/zero", (struct ask){.limit = 700000});
    usleep(300000);
    struct wire_message m = answer_after(&a, &beats);
    assert_int_equal(m.type, WIRE_OUTPUT);
    assert_int_equal(m.output_len, 700000);
    wire_message_done(&m);
    usleep(500000); /* the pipe has no room for as many beats */
    send_command(&a, "echo on", (struct ask){0});
    expect_output(answer_after(&a, &beats), 0, "on\n");
    assert_true(beats > 100);
    finish(&a);
}

static void a_word_in_time_renews_the_lease(UNUSED void **state) {
    struct agent a = start("r1");
    send_lease(&a, 500, 60000, 0);
    send_command(&a, "sleep 1.2; echo a", (struct ask){0});
    for (int i = 0; i < 12; i++) {
        usleep(100000);
        send_lease(&a, 500, 60000, 0);
    }
    expect_output(answer(&a), 0, "a\n");
    int in = fd_take(&a.in);
    finish(&a); /* by itself, within a second */
    close(in);
}

static void nothing_is_left_when_the_lease_is_over(UNUSED void **state) {
    if (getenv("MUSTER_TEST_EMULATED"))
        skip_because("qemu's user emulation knows no child subreaper");
    char dir[64];
    assert_non_null(make_test_folder(dir));
    setenv("TMPDIR", dir, 1);
    struct agent a = start("r1");
    send_lease(&a, 60000, 30000, 0);
    send_command(&a, nest, (struct ask){.timeout_ms = 60000});
    wait_for_processes("mk-nest", 7);
    usleep(50000);
    send_lease(&a, 300, 30000, 0);
    int in = fd_take(&a.in);
    int64_t begin = clock_now();
    usleep(100000);
    assert_int_equal(waitpid(a.pid, NULL, WNOHANG), 0);
    usleep(150000);
    finish(&a);
    assert_true(clock_now() - begin >= 250 * CLOCK_MS);
    close(in);
    assert_int_equal(processes_with("mk-nest"), 0);
    assert_int_equal(rmdir(dir), 0); /* empty again */
    unsetenv("TMPDIR");
}

static void the_lease_ends_a_blocked_answer(UNUSED void **state) {
    struct agent a = start("r1");
    send_lease(&a, 300, 100, 0);
    send_command(&a, "head -c 700000 /dev/zero", (struct ask){.limit = 700000});
    usleep(300000);
    int in = fd_take(&a.in);
    finish(&a);
    close(in);
}

static void ends_when_it_is_told_to(UNUSED void **state) {
    struct agent a = start("mk-told");
    send_command(&a, "exec sleep 600", (struct ask){.timeout_ms = 60000});
    wait_for_processes("sleep", 1);
    ask(&a, "{\"type\":\"end\"}\n", 15);
    int in = fd_take(&a.in);
    finish(&a);
    close(in);
    assert_int_equal(processes_with("sleep"), 0);
}

static void a_lease_without_sense_changes_nothing(UNUSED void **state) {
    struct agent a = start("r1");
    static const char *const senseless[] = {
        "{\"type\":\"lease\"}\n",
        "{\"type\":\"lease\",\"lease_ms\":0,\"beat_ms\":1,\"busy_wait_ms\":0}\n",
        "{\"type\":\"lease\",\"lease_ms\":1e999,\"beat_ms\":1,\"busy_wait_ms\":0}\n",
        "{\"type\":\"lease\",\"lease_ms\":1,\"beat_ms\":-1,\"busy_wait_ms\":0}\n",
        "{\"type\":\"lease\",\"lease_ms\":1,\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(senseless); i++)
        ask(&a, senseless[i], strlen(senseless[i]));
    expect_output(command(&a, "sleep 0.2; echo on", (struct ask){0}), 0, "on\n");
    finish(&a);
}

/* Two requests with words between them, cut anywhere. */
static void reads_words_in_any_pieces(UNUSED void **state) {
    struct agent a = start("r1");
    struct str out = {0};
    const struct wire_lease lease = {.lease_ms = 60000, .beat_ms = 30000};
    wire_add_lease(&out, &lease);
    wire_add_command(&out, 1, "echo 1", 10000, 100, 0, NULL, 0, NULL);
    wire_add_lease(&out, &lease);
    wire_add_lease(&out, &lease);
    wire_add_command(&out, 2, "echo 2", 10000, 100, 0, NULL, 0, NULL);
    wire_add_lease(&out, &lease);
    for (size_t step = 1; step <= 512; step *= 8) {
        for (size_t i = 0; i < out.len; i += step) {
            ask(&a, out.data + i, out.len - i < step ? out.len - i : step);
            usleep(100);
        }
        expect_output(answer(&a), 0, "1\n");
        expect_output(answer(&a), 0, "2\n");
    }
    str_done(&out);
    finish(&a);
}

static void another_run_is_waited_for(UNUSED void **state) {
    struct agent a = start("run-a"), b = start("run-b");
    int beats;
    expect_output(command(&a, "echo a", (struct ask){0}), 0, "a\n");
    send_lease(&b, 60000, 100, 20000);
    send_command(&b, "echo b", (struct ask){0});
    usleep(2500000); /* longer than it would wait without being told to */
    finish(&a);
    expect_output(answer_after(&b, &beats), 0, "b\n");
    assert_true(beats > 5);
    finish(&b);
}

static void another_run_is_named_after_the_wait(UNUSED void **state) {
    struct agent a = start("run-a"), b = start("run-b");
    expect_output(command(&a, "echo a", (struct ask){0}), 0, "a\n");
    send_lease(&b, 60000, 30000, 2500);
    int64_t begin = clock_now();
    expect_error(command(&b, "echo b", (struct ask){0}), REASON_BUSY, "), still after 2.5 s");
    assert_in_range(clock_now() - begin, 2500 * CLOCK_MS, 4 * CLOCK_S);
    begin = clock_now(); /* once is enough */
    expect_error(command(&b, "echo b", (struct ask){0}), REASON_BUSY, "run-a");
    assert_true(clock_now() - begin < CLOCK_S);
    finish(&a);
    expect_output(command(&b, "echo b", (struct ask){0}), 0, "b\n");
    finish(&b);
}

/* As when two containers of one network have a process of the same number each. */
static void a_lock_that_cannot_be_had_is_not_held(UNUSED void **state) {
    struct agent a = start("run-a");
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int n = sprintf(name.sun_path + 1, "muster-run:run-a:%d", (int)below_guard(&a));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    assert_return_code(bind(fd, (struct sockaddr *)&name, size), errno);
    expect_error(command(&a, "echo a", (struct ask){0}), REASON_INTERNAL, "lock");
    expect_error(command(&a, "echo a", (struct ask){0}), REASON_INTERNAL, "lock");
    close(fd);
    expect_output(command(&a, "echo a", (struct ask){0}), 0, "a\n");
    finish(&a);
}

static void agents_of_one_run_share(UNUSED void **state) {
    struct agent a = start("run-a"), b = start("run-a");
    send_command(&a, "sleep 0.3; echo a", (struct ask){0});
    expect_output(command(&b, "echo b", (struct ask){0}), 0, "b\n");
    expect_output(answer(&a), 0, "a\n");
    finish(&a);
    finish(&b);
}

static void answers_garbage_and_goes_on(UNUSED void **state) {
    struct agent a = start("r1");
    static const char *const garbage[] = {
        "\n",
        "garbage\n",
        "{}\n",
        "[]\n",
        "{\"type\":\"benchmark\"}\n",
        "{\"type\":1}\n",
        "{\"type\":\"command\",\"id\":1}\n",
        "{\"type\":\"x\",\"id\":1,\"timeout_ms\":5}\n",
        "{\"type\":\"command\",\"id\":1,\"timeout_ms\":1e999,\"command\":\"true\"}\n",
        "{\"type\":\"command\",\"id\":1,\"timeout_ms\":5,\"timeout_ms\":5}\n",
        ("{\"type\":\"command\",\"id\":1,\"timeout_ms\":0,\"command\":\"true\",\"output_limit\":1}"
         "\n"),
        "{\"type\":\"command\",\"id\":1,\"timeout_ms\":5000,\"command\":\"true\"}\n",
        "{\"type\":\"command\",\"id\":1,\"timeout_ms\":5,\"command\":\"a\\u0000\"}\n",
        "{\"type\":\"command\",\"env\":{\"a\":{\"b\":1}}}\n",
        "{\"a\":\"\\ud800\"}\n",
        "{\"a\":\"x\n",
        "{\"a\":1}}\n",
        "{\"a\" 1}\n",
        "{\"a\":-}\n",
        "\xff\xfe\n"};
    for (size_t i = 0; i < ARRAY_LEN(garbage); i++)
        expect_error(ask_text(&a, garbage[i]), REASON_INTERNAL, "");
    ask(&a, "{\"a\":\"\0\"}\n", 10);
    expect_error(answer(&a), REASON_INTERNAL, "");
    struct str deep = {0};
    for (int i = 0; i < 100000; i++)
        str_add(&deep, "{\"a\":");
    str_add(&deep, "\n");
    ask(&a, deep.data, deep.len);
    expect_error(answer(&a), REASON_INTERNAL, "");
    str_done(&deep);
    expect_output(command(&a, "echo on", (struct ask){0}), 0, "on\n");
    finish(&a);
}

static void ends_at_an_endless_line(UNUSED void **state) {
    struct agent a = start("r1");
    char x[4096];
    memset(x, 'x', sizeof(x));
    size_t sent = 0;
    while (sent < 4 * WIRE_LINE_MAX && fd_write_all(a.in, x, sizeof(x)) == 0)
        sent += sizeof(x);
    assert_true(sent < 4 * WIRE_LINE_MAX);
    finish(&a);
}

/* ---- lingering ---- */

#define LINGER "{\"type\":\"lease\",\"lease_ms\":60000,\"beat_ms\":30000,\"busy_wait_ms\":0,"

static struct agent start_for(const char *key, int round, int linger_ms) {
    struct agent a = start("mk-linger");
    struct str out = {0};
    str_addf(&out, LINGER "\"linger_ms\":%d,\"key\":\"%s\",\"round\":%d}\n", linger_ms, key, round);
    ask(&a, out.data, out.len);
    str_done(&out);
    return a;
}

/* A session of the server `key`, whose agent may linger, and its requests. */
static struct agent start_session(const char *key, int round) {
    return start_for(key, round, 60000);
}

static void send_numbered(struct agent *a, int64_t id, const char *text) {
    struct str out = {0};
    wire_add_command(&out, id, text, 30000, 65536, 0, NULL, 0, NULL);
    ask(a, out.data, out.len);
    str_done(&out);
}

static void expect_numbered(struct agent *a, int64_t id, const char *output) {
    struct wire_message m = answer(a);
    assert_int_equal(m.id, id);
    expect_output(m, 0, output);
}

/* The session is lost: its agent stays, and its process with it. */
static void lose(struct agent *a) {
    close(a->in);
    close(a->out);
    str_done(&a->buffer);
    wire_message_done(&a->hello);
    usleep(50000);
    assert_int_equal(waitpid(a->pid, NULL, WNOHANG), 0);
}

/* The regular end of a session: it ends, and `lost`, which it took up, with it. */
static void end_session(struct agent *a, const struct agent *lost) {
    ask(a, "{\"type\":\"end\"}\n", 15);
    finish(a);
    if (lost)
        assert_int_equal(status_of(lost->pid), 0);
}

static void a_later_session_takes_up_what_goes_on(UNUSED void **state) {
    char dir[64], first[300], second[300], note[100];
    assert_non_null(make_test_folder(dir));
    snprintf(first, sizeof(first), "echo 1 >>%s/ran; echo one", dir);
    snprintf(second, sizeof(second),
             "echo 2 >>%s/ran; until test -e %s/go; do sleep 0.02; done; cat %s/ran", dir, dir,
             dir);
    struct agent a = start_session("web1", 0);
    send_numbered(&a, 1, first);
    expect_numbered(&a, 1, "one\n");
    send_numbered(&a, 2, second);
    wait_for_processes("until test", 1);
    lose(&a);
    struct agent other = start_session("web2", 0); /* is another server's */
    send_numbered(&other, 1, "echo other");
    expect_numbered(&other, 1, "other\n");
    struct agent b = start_session("web1", 0);
    send_numbered(&b, 1, first);
    expect_numbered(&b, 1, "one\n"); /* while the second one runs */
    send_numbered(&b, 2, second);
    struct agent c = start_session("web1", 0); /* b is half dead */
    send_numbered(&c, 1, first);
    expect_numbered(&c, 1, "one\n");
    send_numbered(&c, 2, second);
    snprintf(note, sizeof(note), "%s/go", dir);
    int go = open(note, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    expect_numbered(&c, 2, "1\n2\n");
    send_numbered(&c, 3, "echo three");
    expect_numbered(&c, 3, "three\n");
    send_numbered(&c, 1, "echo another question");
    expect_numbered(&c, 1, "another question\n");
    finish(&b);
    end_session(&other, NULL);
    end_session(&c, &a);
    wait_for_processes("mk-linger", 0);
    close(go);
    snprintf(note, sizeof(note), "rm -r %s", dir);
    assert_int_equal(system(note), 0);
}

/* Its session may be lost and it may not know that: nothing of it disturbs the next one. */
static void one_that_does_not_linger_ends_before_the_next_begins(UNUSED void **state) {
    struct agent a = start_for("web1", 0, 0), other = start_for("web2", 0, 0);
    send_numbered(&a, 1, "trap '' TERM; while :; do sleep 3.125; done");
    send_numbered(&other, 1, "while :; do sleep 4.125; done");
    wait_for_processes("sleep 3.125", 1);
    wait_for_processes("sleep 4.125", 1);
    struct agent b = start_for("web1", 0, 0);
    send_numbered(&b, 1, "pgrep -fc '[s]leep 3.125'; pgrep -fc '^[s]leep 4.125'; :");
    expect_numbered(&b, 1, "0\n1\n");
    finish(&a);
    send_numbered(&b, 2, "echo two");
    expect_numbered(&b, 2, "two\n");
    finish(&b);
    finish(&other);
    wait_for_processes("mk-linger", 0);
}

static void another_round_begins_from_the_start(UNUSED void **state) {
    struct agent a = start_session("web1", 0);
    send_numbered(&a, 1, "echo $$; sleep 30");
    wait_for_processes("sleep 30", 1);
    lose(&a);
    struct agent b = start_session("web1", 1);
    finish(&b); /* and the one before is gone */
    assert_int_equal(status_of(a.pid), 0);
    wait_for_processes("mk-linger", 0);
    wait_for_processes("sleep 30", 0);
    b = start_session("web1", 1);
    send_numbered(&b, 1, "echo anew");
    expect_numbered(&b, 1, "anew\n");
    end_session(&b, NULL);
}

/* As after a reboot of the server, when earlier trials are in the journal. */
static void a_later_trial_prepares_its_benchmark(UNUSED void **state) {
    struct agent a = start("r1");
    struct wire_message m = benchmark_trial(&a, "cpu", 3, QUICK, 15000);
    assert_true(metric(&m, "all_cores") > 0);
    wire_message_done(&m);
    finish(&a);
}

int main(void) {
    agent_command = getenv("MUSTER_TEST_AGENT");
    if (!agent_command)
        return 77; /* nothing to test with */
    signal(SIGPIPE, SIG_IGN);
    snprintf(mine, sizeof(mine), "MUSTER_TEST_PROCESS=%d", getpid());
    putenv(mine);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_hello_with_facts),
        cmocka_unit_test(measures_cpus),
        cmocka_unit_test(uses_the_cpus_that_it_may),
        cmocka_unit_test(finds_a_weak_core),
        cmocka_unit_test(shows_a_quota),
        cmocka_unit_test(finds_a_slowed_disk),
        cmocka_unit_test(takes_no_memory_that_a_group_lacks),
        cmocka_unit_test(names_the_cpu_that_computes_wrongly),
        cmocka_unit_test(tells_once_what_trials_note),
        cmocka_unit_test(refuses_wrong_parameters),
        cmocka_unit_test(ends_a_benchmark_at_its_deadline),
        cmocka_unit_test(runs_commands),
        cmocka_unit_test(bounds_output),
        cmocka_unit_test(keeps_the_beginning_and_the_end),
        cmocka_unit_test(sends_long_output_in_pieces),
        cmocka_unit_test(gives_commands_their_environment),
        cmocka_unit_test(looks_for_what_is_needed),
        cmocka_unit_test(ends_a_command_at_its_deadline),
        cmocka_unit_test(ends_endless_output),
        cmocka_unit_test(kills_what_a_command_leaves),
        cmocka_unit_test(nothing_is_left_when_input_closes),
        cmocka_unit_test(a_signal_ends_it_as_cleanly),
        cmocka_unit_test(nothing_is_left_when_the_agent_is_killed),
        cmocka_unit_test(nothing_is_left_when_the_agent_is_killed_unheard),
        cmocka_unit_test(nothing_is_left_when_the_guard_is_killed),
        cmocka_unit_test(nothing_is_left_of_a_short_life),
        cmocka_unit_test(ends_in_the_middle_of_a_benchmark),
        cmocka_unit_test(ends_while_nobody_reads),
        cmocka_unit_test(another_run_is_told_that_it_is_busy),
        cmocka_unit_test(another_run_is_waited_for),
        cmocka_unit_test(another_run_is_named_after_the_wait),
        cmocka_unit_test(says_that_it_is_alive),
        cmocka_unit_test(a_beat_never_splits_a_line),
        cmocka_unit_test(a_word_in_time_renews_the_lease),
        cmocka_unit_test(nothing_is_left_when_the_lease_is_over),
        cmocka_unit_test(the_lease_ends_a_blocked_answer),
        cmocka_unit_test(ends_when_it_is_told_to),
        cmocka_unit_test(a_lease_without_sense_changes_nothing),
        cmocka_unit_test(reads_words_in_any_pieces),
        cmocka_unit_test(a_lock_that_cannot_be_had_is_not_held),
        cmocka_unit_test(agents_of_one_run_share),
        cmocka_unit_test(answers_garbage_and_goes_on),
        cmocka_unit_test(ends_at_an_endless_line),
        cmocka_unit_test(a_later_session_takes_up_what_goes_on),
        cmocka_unit_test(one_that_does_not_linger_ends_before_the_next_begins),
        cmocka_unit_test(another_round_begins_from_the_start),
        cmocka_unit_test(a_later_trial_prepares_its_benchmark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
