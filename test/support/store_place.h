/*
 * store_place: where a unit test has its store, so that the same tests run on each engine: a file,
 * or a database on the PostgreSQL server that MUSTER_TEST_POSTGRES names, a URL without the
 * database (test/support/postgres.py with).
 */
#pragma once

#include "store/store.h"

#include <stdbool.h>

struct store_place {
    char folder[128]; /* the test's own, and muster's folder for state */
    char url[512];    /* for store_open() */
    bool postgres;
};

/* A place without a store. For the set-up of a test: 0, or -1. */
int store_place_make(struct store_place *ret);

/* Removes what is there; every store has been closed. For the tear-down: 0, or -1. */
int store_place_done(struct store_place *p);

/* Runs statements behind the store's back; fails the test where they do. */
void store_place_sql(const struct store_place *p, const char *sql);

/* As store_turn(), for who asks for no more of the servers that are claimed than their positions.
 */
ssize_t store_turn_positions(struct store *s, const struct run *run, struct store_result *results,
                             size_t n, size_t max, size_t *positions, struct error *err);

/* For groups of tests: which engine the places are made on from now on. */
int store_place_on_sqlite(void **state);
int store_place_on_postgres(void **state);

/* Whether there is a server to run tests on. */
bool store_place_has_postgres(void);

/* Runs an array of tests on each engine; for main(). */
#define run_on_each_engine(tests)                                                                  \
    (cmocka_run_group_tests_name("on SQLite", tests, store_place_on_sqlite, NULL) +                \
     (store_place_has_postgres()                                                                   \
          ? cmocka_run_group_tests_name("on PostgreSQL", tests, store_place_on_postgres, NULL)     \
          : 0))
