/*
 * thermal: see thermal.h.
 *
 * Only sensors within the CPUs are read, which costs a register each: coretemp, k10temp and their
 * like under /sys/class/hwmon, or thermal zones that say that they are a CPU's. Those of drives,
 * network modules, boards and management controllers answer over slow buses; asking them would
 * disturb what is measured, and one that hangs would hang us.
 *
 * Of a chip with one sensor for the whole package and one a core the first is taken, which the
 * hottest core decides; of AMD's two the one without an offset (Tdie before Tctl). AMD tells no
 * limit: 95 C is where its server CPUs begin to throttle.
 *
 * State of the one thread: the open sensors.
 */
#include "thermal.h"

#include "base/attr.h"
#include "file.h"
#include "probe.h"

#include <stdio.h>
#include <string.h>

#define SENSORS_MAX 32
#define CHIPS_MAX 64
#define INPUTS_MAX 24
#define TRIPS_MAX 12
#define AMD_LIMIT 95000

/* Millidegrees; what is beyond was not measured. */
#define COLDEST 1000
#define HOTTEST 150000
#define LIMIT_LEAST 50000

static struct {
    int fd;
    int64_t limit;
} sensors[SENSORS_MAX];
static int sensor_count;

/* The rank of a sensor among those of its chip: only the highest ones are read. */
static int rank_of(const char *label) {
    static const char *const best[] = {"Package", "Physical", "Tdie"};
    for (size_t i = 0; i < ARRAY_LEN(best); i++)
        if (strncmp(label, best[i], strlen(best[i])) == 0)
            return 3;
    return strcmp(label, "Tctl") == 0 ? 2 : 1;
}

static bool is_limit(int64_t n) {
    return n >= LIMIT_LEAST && n < HOTTEST;
}

static void add(const char *path, int64_t limit) {
    if (sensor_count == SENSORS_MAX)
        return;
    int fd = probe_open(path);
    if (fd < 0)
        return;
    sensors[sensor_count].fd = fd;
    sensors[sensor_count++].limit = limit;
}

static int64_t chip_limit(const char *chip, int input) {
    static const char *const kinds[] = {"crit", "max"};
    char path[128];
    int64_t n;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        snprintf(path, sizeof(path), "%s/temp%d_%s", chip, input, kinds[i]);
        if (file_number(path, &n) && is_limit(n))
            return n;
    }
    return 0;
}

static void add_chip(const char *chip, int64_t fallback) {
    char path[128], label[64];
    int ranks[INPUTS_MAX + 1] = {0}, highest = 0;
    for (int i = 1; i <= INPUTS_MAX; i++) {
        int64_t n;
        snprintf(path, sizeof(path), "%s/temp%d_input", chip, i);
        if (!file_number(path, &n))
            continue;
        snprintf(path, sizeof(path), "%s/temp%d_label", chip, i);
        ranks[i] = rank_of(file_line(path, label, sizeof(label)) ? label : "");
        highest = ranks[i] > highest ? ranks[i] : highest;
    }
    for (int i = 1; highest > 0 && i <= INPUTS_MAX; i++) {
        if (ranks[i] != highest)
            continue;
        int64_t limit = chip_limit(chip, i);
        snprintf(path, sizeof(path), "%s/temp%d_input", chip, i);
        add(path, limit > 0 ? limit : fallback);
    }
}

static void add_chips(void) {
    static const struct {
        const char *name;
        int64_t limit;
    } known[] = {{"coretemp", 0},    {"k10temp", AMD_LIMIT}, {"zenpower", AMD_LIMIT},
                 {"via_cputemp", 0}, {"cpu_thermal", 0},     {"soc_thermal", 0}};
    for (int i = 0; i < CHIPS_MAX; i++) {
        char chip[64], path[96], name[64];
        snprintf(chip, sizeof(chip), "/sys/class/hwmon/hwmon%d", i);
        snprintf(path, sizeof(path), "%s/name", chip);
        if (!file_line(path, name, sizeof(name)))
            continue;
        for (size_t k = 0; k < ARRAY_LEN(known); k++)
            if (strcmp(name, known[k].name) == 0)
                add_chip(chip, known[k].limit);
    }
}

static int64_t zone_limit(const char *zone) {
    char path[128], type[32];
    int64_t n;
    for (int i = 0; i < TRIPS_MAX; i++) {
        snprintf(path, sizeof(path), "%s/trip_point_%d_type", zone, i);
        if (!file_line(path, type, sizeof(type)))
            break;
        snprintf(path, sizeof(path), "%s/trip_point_%d_temp", zone, i);
        if (strcmp(type, "critical") == 0 && file_number(path, &n) && is_limit(n))
            return n;
    }
    return 0;
}

static void add_zones(void) {
    for (int i = 0; i < CHIPS_MAX; i++) {
        char zone[64], path[96], type[64];
        snprintf(zone, sizeof(zone), "/sys/class/thermal/thermal_zone%d", i);
        snprintf(path, sizeof(path), "%s/type", zone);
        if (!file_line(path, type, sizeof(type)))
            break;
        if (strcmp(type, "x86_pkg_temp") != 0 && !strstr(type, "cpu") && !strstr(type, "CPU") &&
            !strstr(type, "soc") && !strstr(type, "cluster"))
            continue;
        snprintf(path, sizeof(path), "%s/temp", zone);
        add(path, zone_limit(zone));
    }
}

void thermal_open(void) {
    thermal_close();
    add_chips();
    if (sensor_count == 0)
        add_zones();
}

void thermal_close(void) {
    for (int i = 0; i < sensor_count; i++)
        probe_close(&sensors[i].fd);
    sensor_count = 0;
}

bool thermal_read(double *celsius, double *limit) {
    bool found = false;
    int64_t nearest = 0;
    for (int i = 0; i < sensor_count; i++) {
        int64_t n, of = sensors[i].limit;
        if (!probe_read(sensors[i].fd, &n) || n < COLDEST || n > HOTTEST)
            continue;
        int64_t distance = (of > 0 ? of : HOTTEST) - n;
        if (found && distance >= nearest)
            continue;
        found = true;
        nearest = distance;
        *celsius = (double)n / 1000;
        *limit = (double)of / 1000;
    }
    return found;
}
