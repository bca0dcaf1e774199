/*
 * verdict: the words for how a server or a benchmark ended.
 *
 * A server ends in exactly one verdict; every verdict but `passed` has one reason. `skipped` is for
 * benchmarks only.
 */
#pragma once

#include "base/error.h"

enum verdict {
    VERDICT_PASSED,
    VERDICT_FAILED,    /* it ran, and performs below what is expected */
    VERDICT_ERROR,     /* it could not be judged */
    VERDICT_CANCELLED, /* the run ended before it was judged */
    VERDICT_SKIPPED,   /* a benchmark that has nothing to measure here */
};

/* In the order in which the first one found decides the reason of a server. */
enum reason {
    REASON_NONE,
    REASON_WRONG_RESULT,
    REASON_BELOW_THRESHOLD,
    REASON_OUTLIER,
    REASON_MISSING_METRIC,
    REASON_UNREACHABLE,
    REASON_HOST_KEY,
    REASON_AUTH,
    REASON_TIMEOUT,
    REASON_CONNECTION_LOST,
    REASON_BENCHMARK_CRASHED,
    REASON_BAD_OUTPUT,
    REASON_TOOL_MISSING,
    REASON_UNSUPPORTED,
    REASON_BUSY,
    REASON_INTERNAL,
    REASON_INTERRUPTED,
    REASON_COUNT
};

/* The words as users see them: "passed", "below-threshold". reason_name(REASON_NONE) is NULL. */
const char *verdict_name(enum verdict v);
const char *reason_name(enum reason r);

/* The inverse; -1 for an unknown word. */
int verdict_parse(const char *name, enum verdict *ret) must_use;
int reason_parse(const char *name, enum reason *ret) must_use;

/* What becomes of a server that is worse than its peers, or lacks what they have. */
enum outliers {
    OUTLIERS_NOT_GIVEN,
    OUTLIERS_FAIL, /* it fails */
    OUTLIERS_WARN, /* the summary says so */
    OUTLIERS_OFF,  /* nobody looks */
};

/* "fail", "warn" or "off"; -1 for another word. */
int outliers_parse(const char *name, enum outliers *ret) must_use;

/* The verdict that goes with a reason. */
enum verdict reason_verdict(enum reason r);

/* The reason of a server or benchmark that ended in an error of this kind. */
enum reason reason_of(enum error_kind kind);

/* The kind of error that has this reason; ERROR_INTERNAL for reasons that are no errors. */
enum error_kind reason_error(enum reason r);
