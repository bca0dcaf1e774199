/*
 * memfree: see memfree.h.
 *
 * In the machine it is MemAvailable, the kernel's own estimate of what can be had without
 * swapping. In a control group it is the limit less what is used, but for the page cache that it
 * can drop. Reads /proc and /sys; no state.
 */
#include "memfree.h"

#include "cgroup.h"
#include "file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

/* A number of bytes in a file of the group; NAN when there is none ("max"). */
static double number_in(const char *group, const char *file) {
    char path[600], text[64], *end;
    snprintf(path, sizeof(path), "%s/%s", group, file);
    if (!file_line(path, text, sizeof(text)))
        return NAN;
    double n = strtod(text, &end);
    return end > text ? n : NAN;
}

/* The value of a line "KEY N" of memory.stat; 0 when it is not there. */
static double stat_of(const char *group, const char *key) {
    char path[600], text[8192];
    snprintf(path, sizeof(path), "%s/memory.stat", group);
    if (!file_start(path, text, sizeof(text)))
        return 0;
    size_t n = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n) == 0 && line[n] == ' ')
            return strtod(line + n, NULL);
    }
    return 0;
}

static double left_in(const char *group, bool version2) {
    double limit = number_in(group, version2 ? "memory.max" : "memory.limit_in_bytes");
    double used = number_in(group, version2 ? "memory.current" : "memory.usage_in_bytes");
    if (isnan(limit) || isnan(used))
        return NAN;
    double cache = stat_of(group, version2 ? "inactive_file" : "total_inactive_file");
    return fmax(0, limit - used + fmin(cache, used));
}

static double available_in_machine(void) {
    char text[4096];
    struct sysinfo info;
    const char *line =
        file_start("/proc/meminfo", text, sizeof(text)) ? strstr(text, "MemAvailable:") : NULL;
    if (line)
        return strtod(line + strlen("MemAvailable:"), NULL) * 1024;
    return sysinfo(&info) == 0 ? (double)info.freeram * info.mem_unit : 0;
}

int64_t memfree_bytes(void) {
    return (int64_t)fmin(available_in_machine(), cgroup_least("memory", left_in));
}
