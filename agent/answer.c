/*
 * answer: see answer.h. Pure.
 */
#include "answer.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int failure_set(struct failure *f, const char *reason, const char *format, ...) {
    va_list args;
    va_start(args, format);
    f->reason = reason;
    vsnprintf(f->detail, sizeof(f->detail), format, args);
    va_end(args);
    return -1;
}

void answer_text(struct str *out, const char *text) {
    if (text)
        text_add_json(out, text, strlen(text));
    else
        str_add(out, "null");
}

void answer_open(struct str *out, int64_t id) {
    str_add(out, "{\"id\":");
    str_add_int(out, id);
    str_add_char(out, ',');
}

void answer_start(struct str *out, const char *type, int64_t ns) {
    str_add(out, "\"type\":\"");
    str_add(out, type);
    str_add_char(out, '"');
    if (ns >= 0)
        str_addf(out, ",\"seconds\":%.6f", (double)ns / 1e9);
}

void answer_failure(struct str *out, const struct failure *f) {
    bool skipped = strcmp(f->reason, "skipped") == 0;
    answer_start(out, skipped ? "skipped" : "error", -1);
    if (!skipped) {
        str_add(out, ",\"reason\":");
        answer_text(out, f->reason);
    }
    str_add(out, ",\"detail\":");
    answer_text(out, f->detail);
}

void answer_error(struct str *out, int64_t id, const struct failure *f) {
    answer_open(out, id);
    answer_failure(out, f);
    str_add(out, "}\n");
}
