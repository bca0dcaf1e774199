/* field: see field.h. Pure. */
#include "sync/field.h"

#include <string.h>

static const char *const level_names[] = {"debug", "info", "warning", "error"};
static const char *const format_names[] = {"console", "logfmt", "json"};
static const char *const daemon_names[] = {"journal", "syslog"};

static int find_name(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

int log_format_parse(const char *name, enum log_format *ret) {
    int i = find_name(name, format_names, ARRAY_LEN(format_names));
    if (i < 0)
        return -1;
    *ret = (enum log_format)i;
    return 0;
}

int log_daemon_parse(const char *name, enum log_daemon *ret) {
    int i = find_name(name, daemon_names, ARRAY_LEN(daemon_names));
    if (i < 0)
        return -1;
    *ret = (enum log_daemon)i;
    return 0;
}

int log_level_parse(const char *name, enum log_level *ret) {
    int i = find_name(name, level_names, ARRAY_LEN(level_names));
    if (i < 0)
        return -1;
    *ret = (enum log_level)i;
    return 0;
}

const char *log_level_name(enum log_level level) {
    return level_names[level];
}

bool log_fields_have(const struct log_field *fields, const char *key) {
    for (; fields->kind != LOG_KIND_END; fields++)
        if (strcmp(fields->key, key) == 0)
            return true;
    return false;
}
