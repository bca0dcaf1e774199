/*
 * attr: compiler attributes under the names this code uses for them.
 *
 * cleanup(f) runs f(&variable) when the variable leaves its scope; TAKE(p) hands the value over and
 * leaves NULL behind, so that the clean-up has nothing to do.
 */
#pragma once

#include <stddef.h>
#include <stdlib.h>

#define cleanup(f) __attribute__((cleanup(f)))
#define printf_like(text, first) __attribute__((format(printf, text, first)))
#define must_use __attribute__((warn_unused_result))

#define TAKE(p)                                                                                    \
    ({                                                                                             \
        __typeof__(p) *taken_from_ = &(p);                                                         \
        __typeof__(p) taken_ = *taken_from_;                                                       \
        *taken_from_ = NULL;                                                                       \
        taken_;                                                                                    \
    })

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* for cleanup(): frees what a `T *` variable points to */
static inline void free_ptr(void *p) {
    free(*(void **)p);
}
