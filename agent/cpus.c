/*
 * cpus: see cpus.h.
 *
 * A control group limits CPUs in two ways: the cpuset shows in the affinity, and the quota does
 * not: all CPUs stay allowed and the whole group is stopped when its time is used up. It is
 * cpu.max in version 2 and cpu.cfs_quota_us in version 1.
 */
#include "cpus.h"

#include "cgroup.h"
#include "file.h"

#include <ctype.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef cpu_set_t cpu_bits[CPUS_MAX / CPU_SETSIZE];

int cpus_allowed(int cpus[CPUS_MAX]) {
    cpu_bits set;
    memset(set, 0, sizeof(set));
    if (sched_getaffinity(0, sizeof(set), set) != 0)
        return 0;
    int n = 0;
    for (int cpu = 0; cpu < CPUS_MAX; cpu++)
        if (CPU_ISSET_S((size_t)cpu, sizeof(set), set))
            cpus[n++] = cpu;
    return n;
}

/* The C library's _SC_NPROCESSORS_ONLN would do, but musl's is the affinity's count. */
int cpus_online(void) {
    char list[4096];
    int n = 0;
    if (!file_line("/sys/devices/system/cpu/online", list, sizeof(list)))
        return 0;
    for (char *p = list; isdigit((unsigned char)*p); p += *p == ',') {
        long first = strtol(p, &p, 10);
        long last = *p == '-' ? strtol(p + 1, &p, 10) : first;
        n += (int)(last - first + 1);
    }
    return n;
}

void cpus_pin(int cpu) {
    cpu_bits set;
    memset(set, 0, sizeof(set));
    CPU_SET_S((size_t)cpu, sizeof(set), set);
    sched_setaffinity(0, sizeof(set), set);
}

/* The quota that one group sets itself; NAN when it sets none. */
static double quota_of(const char *group, bool version2) {
    char path[600], text[64];
    double quota, period;
    if (version2) {
        snprintf(path, sizeof(path), "%s/cpu.max", group);
        if (!file_line(path, text, sizeof(text)) || sscanf(text, "%lf %lf", &quota, &period) != 2)
            return NAN; /* "max 100000" among them */
    } else {
        snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", group);
        if (!file_line(path, text, sizeof(text)) || sscanf(text, "%lf", &quota) != 1)
            return NAN;
        snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", group);
        if (!file_line(path, text, sizeof(text)) || sscanf(text, "%lf", &period) != 1)
            return NAN;
    }
    return quota > 0 && period > 0 ? quota / period : NAN;
}

double cpus_quota(void) {
    return cgroup_least("cpu", quota_of);
}

bool cpus_in_list(const char *list, int number) {
    for (const char *p = list; isdigit((unsigned char)*p); p += *p == ',') {
        char *end;
        long first = strtol(p, &end, 10);
        long last = *end == '-' ? strtol(end + 1, &end, 10) : first;
        if (number >= first && number <= last)
            return true;
        p = end;
    }
    return false;
}
