/*
 * output: a run on standard output, as text or as JSON. Shared by `run` and `show`.
 */
#pragma once

#include "model/run.h"
#include "store/store.h"

/* The summary; the notes of the run are read from the store. */
int output_summary(struct store *store, const struct run *run, const struct outcome *outcomes,
                   struct error *err) must_use;

/* The JSON document, its servers read from the store. */
int output_document(struct store *store, const struct run *run, const struct outcome *outcomes,
                    struct error *err) must_use;
