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
 * Rows are those of the cohort that it is beside: a row has four bytes a fact and eight a sensor.
 * Plain data, owned by the table; pure.
 */
#pragma once

#include "base/error.h"
#include "input/names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is left out has neither values nor numbers: its name is all there is. */
struct trait {
    char *what; /* cpu_governor, dimms.speed_mts, sensors.throttled */
    bool is_sensor;
    struct names texts; /* each once, however many servers say it */
    uint32_t *values; /* one a row: the place of its text plus 1, which is compared; 0: not told */
    uint32_t last;    /* the value that was put last: the next server often says the same */
    double *numbers;  /* of a sensor, one a row */
};

/* The text of a value that was told. */
const char *trait_text(const struct trait *t, uint32_t value);

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
