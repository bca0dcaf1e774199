/*
 * idlekind: patterns below `kinds:` that no server's kind fits, told once for the run.
 *
 * Their limits count for nobody: who mistyped one would think that a strict limit was kept. Pure.
 */
#pragma once

#include "policy/cohort.h"
#include "policy/finding.h"
#include "policy/plan.h"

/*
 * Adds one note for all of them, with the kinds that there are. Says nothing where no server's kind
 * is known. Fails with ERROR_INTERNAL.
 */
int idlekind_tell(const struct plan *plan, const struct cohort *c, struct findings *into,
                  struct error *err) must_use;
