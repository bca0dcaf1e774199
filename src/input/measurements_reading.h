/*
 * measurements_reading: what the readers of the forms in measurements.h share. Of no use elsewhere.
 *
 * A reader takes one line, which is in `text`, and puts what it holds into `to`. Mistakes are
 * noted, and reading goes on; want of memory is noted and ends it.
 */
#pragma once

#include "input/measurements.h"
#include "input/mistakes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a column of CSV or a key of an object stands for. */
enum role {
    ROLE_METRIC,
    ROLE_SERVER,
    ROLE_KIND,
    ROLE_BENCHMARK,
    ROLE_NAME,
    ROLE_VALUE,
    ROLE_UNIT,
    ROLE_BETTER,
    ROLE_IGNORED,
    ROLE_COUNT
};

/* A piece of a line; text is NULL where it is not there. */
struct piece {
    const char *text;
    size_t len;
    int column;
};

struct reading {
    struct measurements *to;
    const char *const *ignore;
    size_t ignore_count;
    struct mistakes mistakes;
    bool no_memory;
    int line;
    struct str text; /* the line */
    /* of JSON: keys with something else than a number, and the line of each */
    struct names others;
    int *other_lines;
    size_t other_cap;
    /* of CSV */
    enum role *roles; /* of the columns */
    char **columns;   /* their names */
    size_t column_count;
    bool is_csv, is_long;
};

/* The readers: of an object, of the line that is the header, of one below it. */
void reading_json(struct reading *r);
void reading_csv_header(struct reading *r);
void reading_csv_fields(struct reading *r);

/* Notes a mistake of this line, and what was found instead, which may be NULL. */
void reading_mistake(struct reading *r, int column, const char *what, const struct piece *found);

/* The number of a server, a new one when there is none of its name; -1: it is none. */
int64_t reading_server(struct reading *r, const struct piece *name, const struct piece *kind);

/* The number of a metric, the same way. */
int64_t reading_metric(struct reading *r, const struct piece *key);

/* A number that was measured, unless one of the three is none. */
void reading_put(struct reading *r, int64_t server, int64_t metric, double value);

/* One that has a line to itself, its pieces by their role. */
void reading_put_long(struct reading *r, int64_t server, const struct piece *by, double value);

/* Notes that a metric has something else than a number on this line: it may be a label. */
void reading_other(struct reading *r, const struct piece *key);

/* Whether it stands for a number that was not measured. */
bool reading_is_nothing(const struct piece *p);

/* Whether the user wants it passed over. */
bool reading_ignores(const struct reading *r, const char *name);

enum role reading_role(const struct reading *r, const char *name);

/* A copy of a piece, for the caller to free; NULL and noted when memory ran out. */
char *reading_copy(struct reading *r, const struct piece *p);
