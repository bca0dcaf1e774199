/*
 * cache: see cache.h. Reads /sys; no state.
 */
#include "cache.h"

#include "cpus.h"
#include "file.h"

#include <stdio.h>
#include <stdlib.h>

#define INDEX_MAX 10

/* The first line of a file about one cache of a CPU. */
static bool cache_file(int cpu, int index, const char *name, char *out, size_t size) {
    char path[128];
    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/cache/index%d/%s", cpu, index,
             name);
    return file_line(path, out, size);
}

/* "48K", "32M"; 0 for what is no size. */
static int64_t size_of(int cpu, int index) {
    char text[32], *end;
    if (!cache_file(cpu, index, "size", text, sizeof(text)))
        return 0;
    long long n = strtoll(text, &end, 10);
    int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    return n > 0 && n < INT64_C(1) << 30 ? (int64_t)n << shift : 0;
}

/* The level of a cache that holds data, 0 for another one, -1 when there is no such index. */
static int level_of(int cpu, int index) {
    char type[32], level[32];
    if (!cache_file(cpu, index, "type", type, sizeof(type)) ||
        !cache_file(cpu, index, "level", level, sizeof(level)))
        return -1;
    return type[0] == 'D' || type[0] == 'U' ? atoi(level) : 0;
}

int64_t cache_bytes(int cpu, int level) {
    int found;
    for (int i = 0; i < INDEX_MAX && (found = level_of(cpu, i)) >= 0; i++)
        if (found == level)
            return size_of(cpu, i);
    return 0;
}

/* Whether the CPU is the first of these that uses this cache: each is to be counted once. */
static bool counts(const int *cpus, int i, int index) {
    char sharers[4096];
    if (!cache_file(cpus[i], index, "shared_cpu_list", sharers, sizeof(sharers)))
        return true;
    for (int j = 0; j < i; j++)
        if (cpus_in_list(sharers, cpus[j]))
            return false;
    return true;
}

int64_t cache_last_level(const int *cpus, int count) {
    int64_t sum = 0;
    int last = -1, most = 0, level;
    for (int i = 0; count > 0 && i < INDEX_MAX && (level = level_of(cpus[0], i)) >= 0; i++)
        if (level > most) {
            most = level;
            last = i;
        }
    for (int i = 0; last >= 0 && i < count; i++)
        if (counts(cpus, i, last))
            sum += size_of(cpus[i], last);
    return sum;
}
