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

#include <cmocka.h>

#define UNUSED __attribute__((unused))
