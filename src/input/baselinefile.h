/*
 * baselinefile: baselines as YAML, to be reviewed, kept in version control and carried from one
 * store to another:
 *
 *     version: 1
 *     kinds:
 *       EPYC 9654 x2 192c 768G:
 *         memory:
 *           triad: {median: 412.5, unit: "GB/s", better: higher, scale: 3.1, count: 31,
 *                   run: "20261122-111344-7f3a2c", taken: "2026-11-22T11:13:44.123Z"}
 *
 * `median`, `scale` and `count` must be there. What is written can be read again and says the same
 * to the last bit; in any other file each mistake is told with its line and column.
 *
 * Pure functions; any thread.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "model/baseline.h"

#define BASELINEFILE_MAX (16UL * 1024 * 1024) /* bytes of a file */

void baselinefile_write(const struct baselines *list, struct str *out);

/*
 * Reads n bytes. ERROR_USAGE when they are not baselines: each mistake is appended to *mistakes as
 * a line `NAME:LINE:COLUMN: ...`. ERROR_INTERNAL when memory ran out.
 */
int baselinefile_read(const char *name, const char *text, size_t n, struct baselines *ret,
                      struct str *mistakes, struct error *err) must_use;
