/*
 * past: the servers of a run held against their own past. The orchestrator's, for fleet/judgement.
 */
#pragma once

#include "policy/cohort.h"
#include "policy/finding.h"
#include "store/store.h"

/*
 * Adds a finding for each judged metric in which a server has drifted (policy/drift.h). The
 * cohort's rows are the run's servers in their order. Where more than half of at least PAST_MANY
 * servers with a past did, it was not the servers that changed, one by one, but what is measured or
 * what they all have: then there is one note instead. Fails with ERROR_STORE or ERROR_INTERNAL.
 */
#define PAST_MANY 8
int past_judge(struct store *store, const char *run_id, const struct cohort *cohort,
               struct findings *found, struct error *err) must_use;
