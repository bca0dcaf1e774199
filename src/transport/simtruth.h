/*
 * simtruth: what was planted in a modelled fleet (transport/simulation.h), for whoever checks what
 * was found.
 *
 * The file has one JSON object a line for each server, in their order:
 *   {"server":"17","kind":2,"fault":"slow","metric":"metric07","size":5,"active":true,
 *    "firmware":"other","mode_metric":"metric03"}
 * kind: from 0; fault: none, slow, throttled, drift or missing; metric: the one that is slow or not
 * there in every benchmark, null for all or none; size: percent, 0 of a missing one; active:
 * whether it is there at this age; firmware: "usual" or "other", and the metric in which those
 * differ within the kind, null without a share of another firmware.
 */
#pragma once

#include "transport/simulation.h"

/* Does nothing where no file is wished. Fails with ERROR_USAGE when it cannot be written. */
int simtruth_write(const struct simulation *s, const struct servers *servers,
                   struct error *err) must_use;
