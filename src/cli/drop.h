/* drop: `muster store drop`, old runs that go. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct drop_words {
    const char *store;
    char **runs; /* ids, or `last` */
    size_t run_count;
    int64_t older_than; /* ns; 0: of any age */
    int keep;           /* the newest ones; 0: was not said */
    bool dry_run, yes;
};

/* Returns the exit status. */
int drop_command(const struct drop_words *w);
