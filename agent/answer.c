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

void answer_start(struct str *out, const char *type, int64_t id, int64_t ns) {
    str_add(out, "{\"type\":\"");
    str_add(out, type);
    str_add(out, "\",\"id\":");
    str_add_int(out, id);
    if (ns >= 0)
        str_addf(out, ",\"seconds\":%.6f", (double)ns / 1e9);
}

void answer_error(struct str *out, int64_t id, const struct failure *f) {
    answer_start(out, "error", id, -1);
    str_add(out, ",\"reason\":");
    answer_text(out, f->reason);
    str_add(out, ",\"detail\":");
    answer_text(out, f->detail);
    str_add(out, "}\n");
}
