/*
 * answer: the lines that the agent prints (wire/wire.h of muster is the contract).
 */
#pragma once

#include "base/str.h"

#include <stdint.h>

/*
 * Why a request has no result: the reason's word, or `skipped` for a benchmark that has nothing to
 * measure here, and a sentence.
 */
struct failure {
    const char *reason;
    char detail[300];
};

/* Fills *f. Returns -1, so that `return failure_set(f, ...)` reads well. */
int failure_set(struct failure *f, const char *reason, const char *format, ...) printf_like(3, 4);

void answer_text(struct str *out, const char *text); /* a JSON string, or null for NULL */

/* `{"id":N,`: every answer begins so; its `}` and newline come last. */
void answer_open(struct str *out, int64_t id);

/* `"type":TYPE` and, unless ns is negative, `,"seconds":X`. */
void answer_start(struct str *out, const char *type, int64_t ns);

/* `"type":"error"` (or "skipped") and why. */
void answer_failure(struct str *out, const struct failure *f);

/* A whole line. */
void answer_error(struct str *out, int64_t id, const struct failure *f);
