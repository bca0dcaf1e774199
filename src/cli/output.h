/*
 * output: how a run ended, as text or as JSON: what `run`, `wait` and `show` print.
 */
#pragma once

#include "model/run.h"
#include "store/store.h"

#include <stdio.h>

/*
 * The summary, for standard output. The notes of the run are read from the store; where they cannot
 * be, it is without them, and fails.
 */
int output_summary(FILE *to, struct store *store, const struct run *run,
                   const struct outcome *outcomes, struct error *err) must_use;

/* The JSON document, its servers read from the store. */
int output_document(FILE *to, struct store *store, const struct run *run,
                    const struct outcome *outcomes, struct error *err) must_use;
