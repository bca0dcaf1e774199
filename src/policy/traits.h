/*
 * traits: what servers say of themselves, side by side: facts, and what their sensors saw.
 *
 * Facts are flattened: a member of an object is `mitigations.retbleed`; of a list, such as the
 * DIMMs, `dimms` is the number of its items and `dimms.speed_mts` the different values of a member.
 * Memory is rounded to how DIMMs come, so that what the kernel keeps for itself makes no
 * difference. Left out is what differs between any two servers (names, serial numbers, addresses),
 * what runs on by itself (uptime, load) and the speed of a GPU's PCIe link, which an idle GPU
 * lowers. Of the sensors, which are numbers, the worst of a server's benchmarks counts; one that
 * was not told was nothing.
 *
 * Rows are those of the cohort that it is beside. Plain data, owned by the table; pure.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trait_value {
    char *text;    /* NULL: not told */
    uint64_t hash; /* of the text, 0 without one: what is compared */
    double number; /* of a sensor */
};

struct trait {
    char *what; /* cpu_governor, dimms.speed_mts, sensors.throttled */
    bool is_sensor;
    struct trait_value
        *values; /* one a row; NULL of what is left out, whose name is all there is */
};

struct traits {
    size_t rows; /* set before anything is put */
    struct trait *items;
    size_t count, cap;
    size_t row;  /* the one in hand */
    size_t next; /* the one that is looked for first: servers have theirs in the same order */
};

/*
 * Puts the facts of a server into its row, or what the sensors saw during one of its benchmarks: a
 * JSON object as text, or NULL; what is none has no traits. Fails with ERROR_INTERNAL.
 */
int traits_put_facts(struct traits *t, size_t row, const char *facts, struct error *err) must_use;
int traits_put_sensors(struct traits *t, size_t row, const char *sensors,
                       struct error *err) must_use;
void traits_done(struct traits *t);
