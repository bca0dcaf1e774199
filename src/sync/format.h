/*
 * format: one log record as one line, in any of the formats of sync/log.h.
 *
 * Pure: the log's thread renders records with it, and `muster log` renders stored ones. Whatever
 * the bytes of the event, the keys and the values are, the result is one line of valid UTF-8
 * without control characters, and the fields can be told apart again.
 */
#pragma once

#include "base/str.h"
#include "sync/field.h"

#include <stdint.h>

/* The last second that was rendered, as text; its owner's, one per thread. {.second = -1} first. */
struct format_clock {
    int64_t second;
    char local[20];
    char utc[25];
};

struct format_record {
    enum log_level level;
    int64_t wall; /* since 1970, as clock_wall() */
    const char *event;
    const struct log_field *fields; /* up to one of kind LOG_KIND_END */
    const char *run;                /* that its thread was named for; NULL: none */
};

/* Appends the line and its newline. When memory runs out, out->failed is set. */
void format_line(struct str *out, enum log_format format, const struct format_record *record,
                 struct format_clock *clock);

/*
 * What a console line is made of behind its level: the event, and " key=value" for each field. And
 * a field's value alone, where a string is its own bytes, whatever they are.
 */
void format_event(struct str *out, const char *event);
void format_fields(struct str *out, const struct log_field *fields);
void format_value(struct str *out, const struct log_field *field);

/* Appends a finite number as printf's %.6g does in the C locale, several times as fast. */
void format_number(struct str *out, double number);
