/*
 * history: one server over the runs of a store, for people and for programs.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "model/history.h"

#include <stdio.h>

/*
 * Appends, for each benchmark, a spark line (the oldest run on the left), whether the server is
 * slower than it used to be (policy/drift.h), and its runs, the newest first. The spark line is as
 * high as the largest value, and its foot is 10 % below that, or at the smallest value where that
 * is lower, so that noise does not look like mountains; a dot is a run without a value.
 */
void history_add_text(struct str *out, const struct history *h);

/* Writes one JSON object and a line end. ERROR_INTERNAL when memory runs out. */
int history_document(FILE *out, const struct history *h, struct error *err) must_use;
