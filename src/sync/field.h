/*
 * field: the words of the log: levels, formats, and the fields of a line.
 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_CONSOLE, LOG_LOGFMT, LOG_JSON };
enum log_daemon { LOG_JOURNAL, LOG_SYSLOG };

enum log_kind { LOG_KIND_END, LOG_KIND_STRING, LOG_KIND_INT, LOG_KIND_FLOAT, LOG_KIND_LIST };

struct log_field {
    const char *key; /* a string constant: the log keeps the pointer */
    enum log_kind kind;
    union {
        const char *string; /* copied before the call returns; NULL leaves the field out */
        int64_t integer;
        double number; /* written with at most 6 significant digits */
        struct {
            const char *const *items;
            size_t count;
        } list;
    };
};

#define LOG_S(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_STRING, .string = (v)})
#define LOG_I(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_INT, .integer = (v)})
#define LOG_F(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_FLOAT, .number = (v)})
#define LOG_L(k, v, n)                                                                             \
    ((struct log_field){.key = (k), .kind = LOG_KIND_LIST, .list = {.items = (v), .count = (n)}})

/*
 * "console", "logfmt", "json"; "journal", "syslog"; "debug", "info", "warning", "error": -1 for an
 * unknown name.
 */
int log_format_parse(const char *name, enum log_format *ret) must_use;
int log_daemon_parse(const char *name, enum log_daemon *ret) must_use;
int log_level_parse(const char *name, enum log_level *ret) must_use;
const char *log_level_name(enum log_level level);

/* Whether one of the fields, which end with one of LOG_KIND_END, has the key. */
bool log_fields_have(const struct log_field *fields, const char *key);
