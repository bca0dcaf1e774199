/*
 * document: a run as one JSON document, the form that `--json` prints.
 *
 * The document is written as it goes, so that its size does not matter: document_head(), one
 * document_failed() for each server, document_servers(), one document_add() for each server,
 * document_end(); both times in the inventory's order. They fail with ERROR_INTERNAL when memory
 * runs out; what cannot be written shows in ferror() of the stream.
 */
#pragma once

#include "model/result.h"
#include "model/run.h"

#include <stdio.h>

int document_head(FILE *out, const struct run *run, struct error *err) must_use;

/*
 * Names a server that did not pass; while the run is going on, those to come are not among them.
 * *first: none was named before; true at first.
 */
int document_failed(FILE *out, bool *first, const struct run *run, const char *server,
                    enum verdict verdict, struct error *err) must_use;

/* `notes` is a JSON array of sentences about the run, or NULL. */
int document_servers(FILE *out, const char *notes, struct error *err) must_use;

/*
 * The three above in one, for who has the outcomes at hand: the run->total servers in the
 * inventory's order.
 */
int document_begin(FILE *out, const struct run *run, const struct outcome *outcomes,
                   const char *notes, struct error *err) must_use;

/* `first`: no server was added before. */
int document_add(FILE *out, bool first, const char *server, const struct server_result *result,
                 struct error *err) must_use;

void document_end(FILE *out);

/* One run on its own, as in `muster runs --json`: an object without its servers. */
int document_run(FILE *out, const struct run *run, struct error *err) must_use;

/* A JSON array of them. */
int document_runs(FILE *out, const struct run *runs, size_t n, struct error *err) must_use;
