/*
 * crew: the workers of a shared store, for programs.
 */
#pragma once

#include "store/crew.h"

#include <stdio.h>

/* A JSON array of them; those of a store that is not shared are none. */
int crew_document(FILE *out, struct store *s, struct error *err) must_use;

/* Samples for Prometheus: how many are alive, and what they hold, by site. */
int crew_samples(FILE *out, struct store *s, struct error *err) must_use;
