/*
 * planlist: what a run would do, for `muster run --dry-run`.
 */
#pragma once

#include "base/str.h"
#include "model/server.h"
#include "policy/forecast.h"
#include "policy/plan.h"

#include <stdio.h>

struct planned {
    const struct plan *plan; /* with the baselines of the store, if there are any */
    const struct servers *servers;
    int asked; /* the fan-out, before this machine's room was looked at */
    struct forecast forecast;
};

/* Appends it for people. */
void planlist_add(struct str *out, const struct planned *p);

/* Writes it as one JSON object. Fails with ERROR_INTERNAL. */
int planlist_json(FILE *out, const struct planned *p, struct error *err) must_use;
