/*
 * frequency: see frequency.h.
 *
 * Sixteen of the allowed CPUs are looked at, evenly spread: the kernel asks each of them for its
 * frequency, and none of those that work for a benchmark is asked often. The fastest tells how fast
 * a CPU can run now; idle ones may say anything.
 *
 * State of the one thread: the open files.
 */
#include "frequency.h"

#include "base/attr.h"
#include "cpus.h"
#include "file.h"
#include "probe.h"

#include <stdio.h>

#define LOOK_AT 16
#define KHZ_LEAST 50000 /* what is beyond these was not measured */
#define KHZ_MOST 20000000

static struct {
    int fd;
    double full;
    bool base;
} looked_at[LOOK_AT];
static int looked_at_count;

/* The frequency in the CPU's `file`, counted in units of `khz`; 0 when there is none. */
static double in_file(int cpu, const char *name, int64_t khz) {
    char path[128];
    int64_t n;
    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/%s", cpu, name);
    if (!file_number(path, &n) || n < KHZ_LEAST / khz || n > KHZ_MOST / khz)
        return 0;
    return (double)(n * khz) / 1000;
}

static void add(int cpu) {
    char path[128];
    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", cpu);
    double base = in_file(cpu, "cpufreq/base_frequency", 1);
    if (base == 0)
        base = in_file(cpu, "acpi_cppc/nominal_freq", 1000);
    double full = base > 0 ? base : in_file(cpu, "cpufreq/cpuinfo_max_freq", 1);
    int fd = full > 0 ? probe_open(path) : -1;
    if (fd < 0)
        return;
    looked_at[looked_at_count].fd = fd;
    looked_at[looked_at_count].full = full;
    looked_at[looked_at_count++].base = base > 0;
}

void frequency_open(void) {
    static int cpus[CPUS_MAX];
    frequency_close();
    int n = cpus_allowed(cpus);
    int looks = n < LOOK_AT ? n : LOOK_AT;
    for (int i = 0; i < looks; i++)
        add(cpus[(long)i * n / looks]);
}

void frequency_close(void) {
    for (int i = 0; i < looked_at_count; i++)
        probe_close(&looked_at[i].fd);
    looked_at_count = 0;
}

bool frequency_read(struct frequency *ret) {
    bool found = false;
    for (int i = 0; i < looked_at_count; i++) {
        int64_t khz;
        if (!probe_read(looked_at[i].fd, &khz) || khz < KHZ_LEAST || khz > KHZ_MOST)
            continue;
        if (found && (double)khz / 1000 <= ret->now)
            continue;
        found = true;
        *ret = (struct frequency){(double)khz / 1000, looked_at[i].full, looked_at[i].base};
    }
    return found;
}
