/*
 * builtin: the benchmarks that are built into the agent, and the parameters that each takes.
 *
 * Constant data, which the agent tells when muster is built (`agent --describe`); any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The kinds differ in how people write them; PATH and LIST are texts for the
 * agent, the others whole numbers. */
enum parameter_kind {
    PARAMETER_COUNT,
    PARAMETER_BYTES,    /* 1GiB */
    PARAMETER_DURATION, /* 500ms; ns */
    PARAMETER_FLAG,     /* true and false: 1 and 0 */
    PARAMETER_PATH,     /* an absolute path */
    PARAMETER_LIST,     /* whole numbers, a text such as 0,2; without it, all there are */
};

struct parameter {
    const char *name;
    enum parameter_kind kind;
    int64_t min, max; /* of a COUNT, BYTES or DURATION */
    int64_t fallback; /* when it is not given */
    int64_t quick;    /* when it is not given in a quick run */
    const char *about;
};

/* Whether it is one as a LIST has it. */
static inline bool parameter_is_list(const char *text) {
    size_t i = 0;
    do {
        size_t digits = strspn(text + i, "0123456789");
        if (digits == 0 || digits > 4)
            return false;
        i += digits;
    } while (text[i++] == ',');
    return text[i - 1] == '\0';
}

struct builtin {
    const char *name;
    const char *about;                  /* one line */
    int trials;                         /* unless the user says */
    bool warm_up;                       /* a trial before the first one does not count */
    const struct parameter *parameters; /* ended by one without a name */
};

/* Ended by one without a name. */
extern const struct builtin builtins[];
