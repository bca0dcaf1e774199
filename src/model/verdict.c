/* verdict: see verdict.h. One table holds all that is known of a reason. */
#include "model/verdict.h"

#include <string.h>

static const char *const verdict_names[] = {
    [VERDICT_PASSED] = "passed",       [VERDICT_FAILED] = "failed",   [VERDICT_ERROR] = "error",
    [VERDICT_CANCELLED] = "cancelled", [VERDICT_SKIPPED] = "skipped",
};

static const struct {
    const char *name;
    enum verdict verdict;
    enum error_kind kind; /* the error that leads to it */
} reasons[REASON_COUNT] = {
    [REASON_NONE] = {NULL, VERDICT_PASSED, ERROR_NONE},
    [REASON_WRONG_RESULT] = {"wrong-result", VERDICT_FAILED, ERROR_WRONG_RESULT},
    [REASON_BELOW_THRESHOLD] = {"below-threshold", VERDICT_FAILED, ERROR_NONE},
    [REASON_OUTLIER] = {"outlier", VERDICT_FAILED, ERROR_NONE},
    [REASON_MISSING_METRIC] = {"missing-metric", VERDICT_FAILED, ERROR_NONE},
    [REASON_UNREACHABLE] = {"unreachable", VERDICT_ERROR, ERROR_UNREACHABLE},
    [REASON_HOST_KEY] = {"host-key", VERDICT_ERROR, ERROR_HOST_KEY},
    [REASON_AUTH] = {"auth", VERDICT_ERROR, ERROR_AUTH},
    [REASON_TIMEOUT] = {"timeout", VERDICT_ERROR, ERROR_TIMEOUT},
    [REASON_CONNECTION_LOST] = {"connection-lost", VERDICT_ERROR, ERROR_CONNECTION_LOST},
    [REASON_BENCHMARK_CRASHED] = {"benchmark-crashed", VERDICT_ERROR, ERROR_BENCHMARK_CRASHED},
    [REASON_BAD_OUTPUT] = {"bad-output", VERDICT_ERROR, ERROR_BAD_OUTPUT},
    [REASON_TOOL_MISSING] = {"tool-missing", VERDICT_ERROR, ERROR_TOOL_MISSING},
    [REASON_UNSUPPORTED] = {"unsupported", VERDICT_ERROR, ERROR_UNSUPPORTED},
    [REASON_BUSY] = {"busy", VERDICT_ERROR, ERROR_BUSY},
    [REASON_INTERNAL] = {"internal", VERDICT_ERROR, ERROR_INTERNAL},
    [REASON_INTERRUPTED] = {"interrupted", VERDICT_CANCELLED, ERROR_INTERRUPTED},
};

const char *verdict_name(enum verdict v) {
    return verdict_names[v];
}

const char *reason_name(enum reason r) {
    return reasons[r].name;
}

int verdict_parse(const char *name, enum verdict *ret) {
    for (size_t i = 0; i < ARRAY_LEN(verdict_names); i++)
        if (strcmp(verdict_names[i], name) == 0) {
            *ret = (enum verdict)i;
            return 0;
        }
    return -1;
}

int reason_parse(const char *name, enum reason *ret) {
    for (size_t i = REASON_NONE + 1; i < REASON_COUNT; i++)
        if (strcmp(reasons[i].name, name) == 0) {
            *ret = (enum reason)i;
            return 0;
        }
    return -1;
}

static const char *const outliers_names[] = {
    [OUTLIERS_NOT_GIVEN] = "",
    [OUTLIERS_FAIL] = "fail",
    [OUTLIERS_WARN] = "warn",
    [OUTLIERS_OFF] = "off",
};

int outliers_parse(const char *name, enum outliers *ret) {
    for (size_t i = OUTLIERS_FAIL; i < ARRAY_LEN(outliers_names); i++)
        if (strcmp(outliers_names[i], name) == 0) {
            *ret = (enum outliers)i;
            return 0;
        }
    return -1;
}

enum verdict reason_verdict(enum reason r) {
    return reasons[r].verdict;
}

enum reason reason_of(enum error_kind kind) {
    if (kind != ERROR_NONE)
        for (size_t i = 0; i < REASON_COUNT; i++)
            if (reasons[i].kind == kind)
                return (enum reason)i;
    return REASON_INTERNAL;
}

enum error_kind reason_error(enum reason r) {
    return reasons[r].kind == ERROR_NONE ? ERROR_INTERNAL : reasons[r].kind;
}
