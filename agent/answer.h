/*
 * answer: the lines that the agent prints (wire/wire.h of muster is the contract).
 */
#pragma once

#include "base/str.h"

#include <stdint.h>

/* Why a request has no result: the reason's word and a sentence. */
struct failure {
    const char *reason;
    char detail[300];
};

/* Fills *f. Returns -1, so that `return failure_set(f, ...)` reads well. */
int failure_set(struct failure *f, const char *reason, const char *format, ...) printf_like(3, 4);

void answer_text(struct str *out, const char *text); /* a JSON string, or null for NULL */

/* `{"type":TYPE,"id":N` and, unless ns is negative, `,"seconds":X`. */
void answer_start(struct str *out, const char *type, int64_t id, int64_t ns);

/* A whole line. */
void answer_error(struct str *out, int64_t id, const struct failure *f);
