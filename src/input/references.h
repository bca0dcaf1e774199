/*
 * references: what the scores of the built-in benchmarks mean when nobody says otherwise.
 *
 * The table is data/references.yaml, which is part of the program. Read once, then constant; any
 * thread.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct reference {
    char *benchmark;
    char *metric;
    char *class;   /* of the device that was measured, NULL: of any */
    bool per_unit; /* the value is of one core, node, ...: times how many were measured */
    double value;
    char *unit;
    char *source; /* where the number comes from, for people */
};

struct references {
    struct reference *items;
    size_t count;
};

/* Fails with ERROR_INTERNAL. */
int references_builtin(struct references *ret, struct error *err) must_use;

/* The same of any text of n bytes, for tests; `name` is what mistakes are told of. */
int references_read(const char *name, const char *text, size_t n, struct references *ret,
                    struct error *err) must_use;

void references_done(struct references *r);

/* The reference of a metric measured on a device of that class (NULL: unknown), or NULL. */
const struct reference *references_find(const struct references *r, const char *benchmark,
                                        const char *metric, const char *class);
