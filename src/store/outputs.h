/*
 * outputs: what the commands of a run have printed, where that was too long for its row: the files
 * below store_output_folder(), on the machine that measured. For the store's own files.
 */
#pragma once

#include "store/store.h"

#include <stdint.h>

/*
 * Copies those of a run to where the other store has its own, over those that are there; nothing
 * where that is the same place: then *copied is false. On disk when it returns. ERROR_STORE.
 */
int outputs_copy(const struct store *from, const struct store *to, const char *run_id, bool *copied,
                 struct error *err) must_use;

/* Adds to *bytes how much they are; and takes them away. Nothing where there are none. */
int outputs_measure(const struct store *s, const char *run_id, int64_t *bytes,
                    struct error *err) must_use;
int outputs_remove(const struct store *s, const char *run_id, struct error *err) must_use;
