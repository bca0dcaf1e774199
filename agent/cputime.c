/*
 * cputime: see cputime.h.
 *
 * The kernel makes the whole of /proc/stat for every look at it, interrupts of every line on every
 * CPU included, which takes the better part of a millisecond on a large server: it is read when
 * trials begin and end, and its sums are exact for what lies between. Where all CPUs are allowed
 * its first line will do.
 *
 * Time in interrupts is nobody's, and the disk and the network cause it for the benchmark, too.
 * Kernel threads that work for the benchmark, for an encrypted disk say, do count as others:
 * nothing tells for whom they work.
 *
 * Own time is that of this process, of the children it has reaped, and of all processes below it,
 * down the lists of children that /proc keeps; where the kernel was built without these lists, of
 * the benchmark's process at least.
 *
 * State of the one thread: the open file and which CPUs are looked at.
 */
#include "cputime.h"

#include "base/clock.h"
#include "base/str.h"
#include "cpus.h"
#include "file.h"
#include "probe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEPTH_MAX 8
#define PROCESSES_MAX 256
#define PARTS_MAX 64 /* of 16 KiB: lines for all CPUs that there can be */

static int file = -1;
static bool all_cpus;
static int allowed;
static uint8_t is_allowed[CPUS_MAX / 8];

void cputime_open(void) {
    static int cpus[CPUS_MAX];
    if (file >= 0)
        return;
    file = probe_open("/proc/stat");
    allowed = cpus_allowed(cpus);
    all_cpus = allowed == sysconf(_SC_NPROCESSORS_ONLN);
    memset(is_allowed, 0, sizeof(is_allowed));
    for (int i = 0; i < allowed; i++)
        is_allowed[cpus[i] / 8] |= (uint8_t)(1 << cpus[i] % 8);
}

void cputime_close(void) {
    probe_close(&file);
}

static int64_t ticks(int64_t n) {
    static long per_second;
    if (per_second == 0)
        per_second = sysconf(_SC_CLK_TCK);
    return n > 0 && n < INT64_MAX / CLOCK_S ? n * CLOCK_S / (per_second > 0 ? per_second : 100) : 0;
}

/* Adds the times of a line `cpu 1 2 3...`: user, nice, system, idle, iowait, irq, softirq, steal.
 */
static void add_line(const char *line, struct cputime *t) {
    long long n[8] = {0};
    sscanf(line, "%*s %lld %lld %lld %lld %lld %lld %lld %lld", &n[0], &n[1], &n[2], &n[3], &n[4],
           &n[5], &n[6], &n[7]);
    t->busy += ticks(n[0]) + ticks(n[1]) + ticks(n[2]);
    t->steal += ticks(n[7]);
}

/* Reads on until the lines of CPUs are over. */
static void read_lines(struct str *text) {
    char *to;
    for (int part = 0; part < PARTS_MAX && (to = str_room(text, 16384)); part++) {
        ssize_t n = pread(file, to, 16384, (off_t)text->len);
        if (n <= 0)
            break;
        text->len += (size_t)n;
        text->data[text->len] = '\0';
        if (strstr(text->data, "\nintr"))
            break;
    }
}

static void add_cpus(struct cputime *t) {
    cleanup(str_done) struct str text = {0};
    read_lines(&text);
    for (const char *line = text.data; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        int64_t cpu;
        if (strncmp(line, "cpu", 3) == 0 && file_parse_number(line + 3, &cpu) && cpu < CPUS_MAX &&
            is_allowed[cpu / 8] & 1 << cpu % 8)
            add_line(line, t);
    }
}

/* The process's own time and that of the children it has waited for. */
static int64_t time_of(pid_t pid) {
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    const char *after = file_start(path, text, sizeof(text)) ? strrchr(text, ')') : NULL;
    long long n[4];
    if (!after ||
        sscanf(after + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld %lld %lld %lld", &n[0],
               &n[1], &n[2], &n[3]) != 4)
        return 0;
    return ticks(n[0]) + ticks(n[1]) + ticks(n[2]) + ticks(n[3]);
}

/* Also that of the processes below it; *left bounds how many. False: its children are not known. */
static bool add_tree(pid_t pid, int depth, int *left, int64_t *sum) {
    char path[64], text[4096];
    if (depth > DEPTH_MAX || --*left < 0)
        return true;
    *sum += time_of(pid);
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    int fd = file_open(path);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    char *p = text, *end;
    for (long child; (child = strtol(p, &end, 10)) > 0; p = end)
        add_tree((pid_t)child, depth + 1, left, sum);
    return true;
}

void cputime_read(pid_t leader, struct cputime *ret) {
    char line[256];
    int left = PROCESSES_MAX;
    *ret = (struct cputime){.when = clock_now()};
    ssize_t n = all_cpus && file >= 0 ? pread(file, line, sizeof(line) - 1, 0) : 0;
    line[n > 0 ? n : 0] = '\0';
    if (n > 0)
        add_line(line, ret);
    else if (file >= 0)
        add_cpus(ret);
    if (!add_tree(getpid(), 0, &left, &ret->own) && leader > 0)
        ret->own += time_of(leader);
}

struct cpushares cputime_between(const struct cputime *from, const struct cputime *to) {
    struct cpushares s = {NAN, 0, NAN};
    double room = (double)(to->when - from->when) * allowed;
    if (file < 0 || room <= 0 || to->busy < from->busy)
        return s;
    double own = (double)(to->own - from->own), busy = (double)(to->busy - from->busy);
    double steal = (double)(to->steal - from->steal);
    s.own = fmin(fmax(own / room, 0), 1);
    /* times are counted in ticks: a few more of them than there can be are no mistake */
    if (busy <= 1.25 * room)
        s.others = fmin(fmax((busy - own) / room, 0), 1);
    if (steal >= 0 && steal <= 1.25 * room)
        s.steal = fmin(steal / room, 1);
    return s;
}
