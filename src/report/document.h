/*
 * document: a run as one JSON document, the form that `--json` prints.
 *
 * The document is written as it goes, so that its size does not matter: document_begin(), one
 * document_add() for each server in the inventory's order, document_end(). They fail with
 * ERROR_INTERNAL when memory runs out; what cannot be written shows in ferror() of the stream.
 */
#pragma once

#include "model/result.h"
#include "model/run.h"

#include <stdio.h>

/*
 * `outcomes` are the run->total servers in the inventory's order, for the list of those that did
 * not pass; while the run is going on, those to come are not among them. `notes` is a JSON array of
 * sentences about the run, or NULL.
 */
int document_begin(FILE *out, const struct run *run, const struct outcome *outcomes,
                   const char *notes, struct error *err) must_use;

/* `first`: no server was added before. */
int document_add(FILE *out, bool first, const char *server, const struct server_result *result,
                 struct error *err) must_use;

void document_end(FILE *out);

/* One run on its own, as in `muster runs --json`: an object without its servers. */
int document_run(FILE *out, const struct run *run, struct error *err) must_use;
