/*
 * test: cmocka with the headers that it wants before it.
 *
 * A test file is `static void what_it_promises(void **state)` functions and a main() that runs them
 * with cmocka_run_group_tests().
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define UNUSED __attribute__((unused))

/* Where a test makes its files: the test runner looks there for what it leaves behind. */
static inline const char *test_tmpdir(void) {
    const char *dir = getenv("TMPDIR");
    return dir && *dir ? dir : "/tmp";
}

/* Makes a new folder, its path in the array of characters `path`; NULL where that fails. */
#define make_test_folder(path)                                                                     \
    (snprintf(path, sizeof(path), "%s/muster-test-XXXXXX", test_tmpdir()), mkdtemp(path))

/* Passes over the test; the test runner shows why. */
#define skip_because(why)                                                                          \
    do {                                                                                           \
        printf("# skipped: %s\n", why);                                                            \
        fflush(stdout);                                                                            \
        skip();                                                                                    \
    } while (0)
