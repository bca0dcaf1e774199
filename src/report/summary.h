/*
 * summary: the end of a run, for people: what did not pass, by reason.
 */
#pragma once

#include "base/str.h"
#include "model/run.h"

/*
 * Appends the summary of the run: one paragraph for each reason with its servers folded and up to
 * SUMMARY_DETAILS sentences, then the totals. `outcomes` are the run->total servers in the
 * inventory's order. `notes` is a JSON array of sentences about the run, or NULL. `colour`: for a
 * terminal that is to have colours; the words are the same.
 */
#define SUMMARY_DETAILS 20
void summary_add(struct str *out, const struct run *run, const struct outcome *outcomes,
                 const char *notes, bool colour);
