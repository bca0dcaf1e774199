/*
 * overview: a run in the compact form that its page draws from: all servers with their scores and
 * values, without trials, facts and sensors, which the page asks for one server at a time.
 *
 * One JSON document, written as it goes: a row for each server, in which what many rows share (a
 * kind; the names, units and directions of a benchmark's metrics; what they were scored by) is a
 * number of a list that stands behind the rows:
 *
 *     {"run": {...},                          as in `muster runs --json`
 *      "notes": ["sentence", ...],
 *      "rows": [[position, server, verdict, reason, kind, flaky, attempts, seconds, detail,
 *                [[form, verdict, reason, score, criterion, [value, ...], flaky], ...],
 *                findings, why], ...],
 *      "verdicts": ["passed", "failed", ...], "reasons": [null, "wrong-result", ...],
 *      "kinds": ["EPYC 9654 x2 192c 768G", ...],
 *      "forms": [{"benchmark": "cpu", "judged": 0, "metrics": [["score", "points", "higher"]]}],
 *      "criteria": [[threshold, reference, reference source], ...]}
 *
 * `verdict`, `reason`, `kind`, `form` and `criterion` are numbers of those lists (kind is null
 * where none is known), `judged` that of a metric of its form or null, `flaky` 0 or 1. Values are
 * in the order of the form's metrics, with six significant digits; a score has five. `findings` and
 * `why` are the arrays of the same name of `show --json`, and both left out of a row where both are
 * empty; `flaky` of a benchmark is left out where it is 0. A server whose turn has not come is
 * `cancelled`, `interrupted`, as it is everywhere.
 *
 * No text in it has a `<`: it is escaped, so that nothing in the document ends a block of HTML that
 * it stands in.
 *
 * report_overview() (report.h) writes that of a whole run. Some rows on their own, of a run in
 * progress say, are a document without `run` and `notes`: its lists are its own, and positions tell
 * which rows of an earlier document are to be replaced.
 */
#pragma once

#include "model/result.h"
#include "model/run.h"

#include <stdio.h>

struct overview;

/*
 * Begins a document; `run` NULL: of rows only. `notes` is a JSON array of sentences, or NULL. The
 * caller ends with overview_end(), or after a failure (of any of these: ERROR_INTERNAL) with
 * overview_free(). What cannot be written shows in ferror() of the stream.
 */
int overview_begin(FILE *out, const struct run *run, const char *notes, struct overview **ret,
                   struct error *err) must_use;

/* `position`: the server's in the run, from 0. Memory grows with what is new in the lists alone. */
int overview_add(struct overview *o, size_t position, const char *server,
                 const struct server_result *r, struct error *err) must_use;

/* Writes the lists, and lets go of *o. */
void overview_end(struct overview **o);

/* NULL is allowed. */
void overview_free(struct overview *o);

/* Writes n bytes of JSON text with each `<` as \u003c, which means the same within a string. */
void overview_write(FILE *out, const char *json, size_t n);
