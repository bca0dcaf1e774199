/*
 * record: a log call packed into bytes, to be rendered later by another thread.
 *
 * A packed record stands at any address and holds copies of all strings; of keys it holds the
 * pointers, which are constants. Fields can be packed ahead (the ones bound to a thread) and copied
 * into many records as they are.
 */
#pragma once

#include "base/attr.h"
#include "sync/field.h"

#include <stddef.h>
#include <stdint.h>

#define RECORD_RUN 32 /* bytes of a run's name, with its NUL */

enum record_kind {
    RECORD_LINE,
    RECORD_ADD_SINK,
    RECORD_DROP_FILE,
    RECORD_REOPEN,
    RECORD_NAME_RUN,
    RECORD_SAY_RUN,
};

/* Fields as bytes: borrowed. */
struct packed {
    const char *data;
    size_t size;
    size_t count; /* of fields */
};

struct record_head {
    size_t size; /* of the whole record, this head included */
    int64_t wall;
    size_t fields; /* bound ones and the call's */
    size_t bound;  /* how many of them come from the thread; they stand first */
    size_t items;  /* of all lists */
    enum record_kind kind;
    enum log_level level;
    char run[RECORD_RUN]; /* that the line is of; empty: the thread has none */
};

/* The bytes that the string field takes, and packing it there; returns the end. */
size_t record_string_size(const char *value);
char *record_pack_string(char *to, const char *key, const char *value);

/* The key of a packed string field and its size; for walking through bound fields. */
const char *record_key(const char *packed, size_t *size);

/* Fills *head, but for its clock, for a line with these parts. */
void record_measure(struct record_head *head, enum log_level level, const char *event,
                    const struct log_field *fields, const struct packed *bound);

/* Writes the head->size bytes of the line that was measured. */
void record_pack(char *to, const struct record_head *head, const char *event,
                 const struct log_field *fields, const struct packed *bound);

/* Reused from record to record: what record_unpack() points into. {0} first. */
struct unpacked {
    struct record_head head;
    const char *event;
    struct log_field *fields; /* up to one of kind LOG_KIND_END */
    const char **items;
    size_t fields_cap;
    size_t items_cap;
};

void unpacked_done(struct unpacked *u);

/*
 * Reads the line packed at `from`; event and strings point there. A bound field whose key the call
 * has too is left out. Returns 0, or -1 when memory ran out.
 */
int record_unpack(const char *from, struct unpacked *u) must_use;
