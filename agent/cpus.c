/*
 * cpus: see cpus.h.
 *
 * A control group limits CPUs in two ways: the cpuset shows in the affinity, and the quota does
 * not: all CPUs stay allowed and the whole group is stopped when its time is used up. The quota in
 * force is the smallest from the process's group up to the root, in version 2 (cpu.max) or 1
 * (cpu.cfs_quota_us). Inside a container the path that /proc names may not exist below the mounted
 * root; walking up from it ends at the container's own group.
 */
#include "cpus.h"

#include "file.h"

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

/* The smallest quota from the group at `path` below `root` up to the root. */
static double quota_up(const char *root, const char *path, bool version2) {
    char group[512];
    size_t root_len = strlen(root);
    if ((size_t)snprintf(group, sizeof(group), "%s%s", root, path) >= sizeof(group))
        return NAN;
    double least = NAN;
    for (;;) {
        least = fmin(least, quota_of(group, version2));
        char *slash = strrchr(group, '/');
        if (!slash || (size_t)(slash - group) < root_len)
            return least;
        *slash = '\0';
    }
}

/* Whether the list of controllers, `cpu,cpuacct`, has `cpu` in it. */
static bool has_cpu(const char *controllers) {
    for (const char *p = controllers; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, "cpu", 3) == 0 && (p[3] == ',' || p[3] == '\0'))
            return true;
    }
    return false;
}

double cpus_quota(void) {
    FILE *f = fopen("/proc/self/cgroup", "re");
    if (!f)
        return NAN;
    double least = NAN;
    char line[512], root[300];
    /* hierarchy:controllers:path */
    while (fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        controllers++;
        if (*controllers == '\0') {
            least = fmin(least, quota_up("/sys/fs/cgroup", path, true));
        } else if (has_cpu(controllers)) {
            snprintf(root, sizeof(root), "/sys/fs/cgroup/%.200s", controllers);
            least = fmin(least, quota_up(root, path, false));
            least = fmin(least, quota_up("/sys/fs/cgroup/cpu", path, false));
        }
    }
    fclose(f);
    return least;
}
