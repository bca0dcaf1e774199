/* What store/sql.h promises, on each engine, and what it says of a PostgreSQL that is not there. */
#include "store/sql.h"

#include "base/clock.h"
#include "base/str.h"
#include "store/postgres_pipe.h"
#include "store/postgres_text.h"
#include "store_place.h"
#include "test.h"

#include <errno.h>
#include <float.h>
#include <libpq-fe.h>
#include <math.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANY 5000

static struct store_place place;
static struct sql *db;

static struct sql *open_place(void) {
    struct error err;
    struct sql *ret;
    if ((place.postgres ? sql_open_postgres(place.url, false, true, (struct ending){0}, &ret, &err)
                        : sql_open_sqlite(place.url, false, true, &ret, &err)) < 0)
        fail_msg("%s", err.text);
    return ret;
}

static void fail_of(struct sql *of) {
    struct error err;
    sql_fail(of, &err);
    fail_msg("%s", err.text);
}

static void exec(const char *sql) {
    if (sql_exec(db, sql) < 0)
        fail_of(db);
}

static int set_up(UNUSED void **state) {
    if (store_place_make(&place) < 0)
        return -1;
    db = open_place();
    exec("CREATE TABLE t (id bigint PRIMARY KEY, i bigint, d double precision, s text, b bytea)");
    return 0;
}

static int tear_down(UNUSED void **state) {
    sql_close(db);
    return store_place_done(&place);
}

static struct sql_stmt *prepare(const char *sql) {
    struct sql_stmt *stmt;
    if (sql_prepare(db, sql, &stmt) < 0)
        fail_of(db);
    return stmt;
}

static void run(struct sql_stmt *stmt) {
    if (sql_step(stmt) != SQL_DONE || sql_reset(stmt) < 0)
        fail_of(db);
}

/* The one number that a question without parameters gives. */
static int64_t ask(struct sql *of, const char *sql) {
    struct sql_stmt *stmt;
    if (sql_prepare(of, sql, &stmt) < 0 || sql_step(stmt) != SQL_ROW)
        fail_of(of);
    int64_t n = sql_column_int(stmt, 0);
    assert_int_equal(sql_step(stmt), SQL_DONE);
    assert_int_equal(sql_finalize(stmt), 0);
    return n;
}

static void begin(bool write) {
    if (sql_begin(db, write) < 0)
        fail_of(db);
}

static void commit(void) {
    if (sql_commit(db) < 0)
        fail_of(db);
}

static struct sql_stmt *insert(void) {
    return prepare("INSERT INTO t (id, i, d, s, b) VALUES (?, ?, ?, ?, ?)");
}

static void keeps_numbers_as_they_are(UNUSED void **state) {
    static const int64_t ints[] = {0, 1, -1, INT64_MAX, INT64_MIN, 4294967296};
    static const double doubles[] = {0.1, -0.0, DBL_MAX, DBL_MIN, 5e-324, -INFINITY};
    struct sql_stmt *put = insert(), *get = prepare("SELECT i, d FROM t ORDER BY id");
    for (int i = 0; i < 6; i++) {
        sql_bind_int(put, 1, i);
        sql_bind_int(put, 2, ints[i]);
        sql_bind_double(put, 3, doubles[i]);
        run(put);
    }
    for (int i = 0; i < 6; i++) {
        assert_int_equal(sql_step(get), SQL_ROW);
        assert_int_equal(sql_column_type(get, 0), SQL_INT);
        assert_int_equal(sql_column_type(get, 1), SQL_DOUBLE);
        assert_true(sql_column_int(get, 0) == ints[i]);
        assert_true(sql_column_double(get, 1) == doubles[i]);
    }
    assert_int_equal(sql_step(get), SQL_DONE);
    assert_int_equal(sql_finalize(get), 0);
    assert_int_equal(sql_finalize(put), 0);
}

static void what_is_not_there_is_null(UNUSED void **state) {
    struct sql_stmt *put = insert(), *get = prepare("SELECT i, d, s, b FROM t");
    size_t n = 7;
    sql_bind_int(put, 1, 1);
    sql_bind_null(put, 2);
    sql_bind_double(put, 3, NAN);
    sql_bind_text(put, 4, NULL);
    sql_bind_bytes(put, 5, NULL, 0);
    run(put);
    assert_int_equal(sql_step(get), SQL_ROW);
    assert_int_equal(sql_column_count(get), 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(sql_column_type(get, i), SQL_NULL);
    assert_int_equal(sql_column_int(get, 0), 0);
    assert_true(isnan(sql_column_double(get, 1)));
    assert_null(sql_column_text(get, 2));
    assert_null(sql_column_bytes(get, 3, &n));
    assert_int_equal(n, 0);
    assert_int_equal(sql_finalize(get), 0);
    assert_int_equal(sql_finalize(put), 0);
}

static void keeps_texts_as_they_are(UNUSED void **state) {
    static const char *const texts[] = {"", "it's \"quoted\" ? $1 \\x41 \\", "Grüße, 世界 🎉",
                                        "a\nb\tc", "\x01"};
    struct sql_stmt *put = insert(), *get = prepare("SELECT s FROM t ORDER BY id");
    for (int round = 0; round < 2; round++) /* before and after the types are known */
        for (int i = 0; i < 5; i++) {
            sql_bind_int(put, 1, round * 5 + i);
            sql_bind_text(put, 4, texts[i]);
            run(put);
        }
    for (int i = 0; i < 10; i++) {
        assert_int_equal(sql_step(get), SQL_ROW);
        assert_int_equal(sql_column_type(get, 0), SQL_TEXT);
        assert_string_equal(sql_column_text(get, 0), texts[i % 5]);
    }
    assert_int_equal(sql_finalize(get), 0);
    /* only so much of it */
    sql_bind_int(put, 1, 99);
    sql_bind_text_n(put, 4, "abcdef", 3);
    run(put);
    assert_int_equal(ask(db, "SELECT count(*) FROM t WHERE id = 99 AND s = 'abc'"), 1);
    assert_int_equal(sql_finalize(put), 0);
}

static void keeps_bytes_of_any_size(UNUSED void **state) {
    enum { SIZE = 3000000 };
    char *big = malloc(SIZE);
    assert_non_null(big);
    for (size_t i = 0; i < SIZE; i++)
        big[i] = (char)(i * 31 >> 3);
    struct sql_stmt *put = insert(), *get = prepare("SELECT b FROM t ORDER BY id");
    for (int i = 0; i < 3; i++) {
        size_t n = i == 0 ? 1 : SIZE;
        sql_bind_int(put, 1, i);
        sql_bind_bytes(put, 5, i == 0 ? "\0" : big, n);
        run(put);
        for (int k = 0; k <= i; k++)
            assert_int_equal(sql_step(get), SQL_ROW);
        const void *got = sql_column_bytes(get, 0, &n);
        assert_int_equal(n, i == 0 ? 1 : SIZE);
        assert_memory_equal(got, i == 0 ? "\0" : big, n);
        assert_int_equal(sql_reset(get), 0);
    }
    assert_int_equal(sql_finalize(get), 0);
    assert_int_equal(sql_finalize(put), 0);
    free(big);
}

static void numbers_parameters_as_sqlite_does(UNUSED void **state) {
    struct sql_stmt *put = prepare("INSERT INTO t (id, i, d, s) VALUES (?, ?1, ?, '?1')");
    sql_bind_int(put, 1, 5);
    sql_bind_double(put, 2, 2.5);
    run(put);
    struct sql_stmt *get = prepare("SELECT id + i, d, \"s\", d IS NOT NULL AND id = 5, sum(i) "
                                   "FROM t WHERE i = ?1 AND d < ?2 AND id <= ?1 "
                                   "GROUP BY id, i, d, s LIMIT ?3");
    sql_bind_int(get, 1, 5);
    sql_bind_double(get, 2, 3);
    sql_bind_int(get, 3, 10);
    assert_int_equal(sql_step(get), SQL_ROW);
    assert_int_equal(sql_column_int(get, 0), 10);
    assert_true(sql_column_double(get, 1) == 2.5);
    assert_string_equal(sql_column_text(get, 2), "?1");
    assert_int_equal(sql_column_int(get, 3), 1);
    assert_int_equal(sql_column_type(get, 4), SQL_INT);
    assert_int_equal(sql_column_int(get, 4), 5);
    /* a number is read as what is asked for */
    assert_string_equal(sql_column_text(get, 0), "10");
    assert_int_equal(sql_column_int(get, 1), 2);
    assert_true(sql_column_double(get, 0) == 10);
    assert_int_equal(sql_finalize(get), 0);
    assert_int_equal(sql_finalize(put), 0);
}

static void sums_are_exact(UNUSED void **state) {
    exec("INSERT INTO t (id, i) VALUES (1, 9007199254740993), (2, -70000), (3, 10000)");
    assert_true(ask(db, "SELECT sum(i) FROM t") == 9007199254680993);
    assert_true(ask(db, "SELECT sum(i) FROM t WHERE id = 2") == -70000);
    assert_true(ask(db, "SELECT sum(i) FROM t WHERE id = 3") == 10000);
    assert_true(ask(db, "SELECT sum(i - i) FROM t") == 0);
    struct sql_stmt *get = prepare("SELECT avg(i) FROM t WHERE id > ?");
    sql_bind_int(get, 1, 1);
    assert_int_equal(sql_step(get), SQL_ROW);
    assert_true(sql_column_double(get, 0) == -30000);
    assert_int_equal(sql_reset(get), 0);
    exec("INSERT INTO t (id, i) VALUES (4, 1), (5, 2)");
    sql_bind_int(get, 1, 3);
    assert_int_equal(sql_step(get), SQL_ROW);
    assert_true(sql_column_double(get, 0) == 1.5);
    assert_int_equal(sql_finalize(get), 0);
}

static void counts_what_it_changed(UNUSED void **state) {
    struct sql_stmt *put = insert(), *set = prepare("UPDATE t SET i = 7 WHERE id >= ?");
    begin(true);
    for (int i = 0; i < 10; i++) {
        sql_bind_int(put, 1, i);
        run(put);
    }
    sql_bind_int(set, 1, 4);
    assert_int_equal(sql_step(set), SQL_DONE);
    assert_int_equal(sql_changes(set), 6);
    assert_int_equal(sql_reset(set), 0);
    sql_bind_int(set, 1, 100);
    assert_int_equal(sql_step(set), SQL_DONE);
    assert_int_equal(sql_changes(set), 0);
    commit();
    assert_int_equal(sql_finalize(set), 0);
    assert_int_equal(sql_finalize(put), 0);
}

static void a_transaction_is_all_or_nothing(UNUSED void **state) {
    struct sql *other = open_place();
    struct sql_stmt *put = insert();
    assert_false(sql_in_transaction(db));
    begin(true);
    assert_true(sql_in_transaction(db));
    sql_bind_int(put, 1, 1);
    run(put);
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 1);
    assert_int_equal(ask(other, "SELECT count(*) FROM t"), 0);
    sql_rollback(db);
    assert_false(sql_in_transaction(db));
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 0);
    begin(true);
    run(put);
    commit();
    assert_int_equal(ask(other, "SELECT count(*) FROM t"), 1);
    assert_int_equal(sql_finalize(put), 0);
    sql_close(other);
}

static void a_reader_sees_one_moment(UNUSED void **state) {
    struct sql *other = open_place();
    int64_t before, after;
    assert_int_equal(sql_version(db, &before), 0);
    begin(false);
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 0);
    assert_int_equal(sql_exec(other, "INSERT INTO t (id) VALUES (1)"), 0);
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 0);
    commit();
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 1);
    assert_int_equal(sql_version(db, &after), 0);
    assert_true(before != after);
    sql_close(other);
}

static void fill(int64_t n) {
    struct sql_stmt *put = insert();
    begin(true);
    for (int64_t i = 0; i < n; i++) {
        sql_bind_int(put, 1, i);
        sql_bind_int(put, 2, i % 10);
        sql_bind_text(put, 4, "some text that fills a row, so that there is something to send");
        run(put);
    }
    commit();
    assert_int_equal(sql_finalize(put), 0);
}

static struct sql_stmt *walk(const char *sql) {
    struct sql_stmt *stmt;
    if (sql_prepare_walk(db, sql, &stmt) < 0)
        fail_of(db);
    return stmt;
}

/* Goes through all rows of both, the other one's for each tenth, with a question for each. */
static void walk_side_by_side(void) {
    struct sql_stmt *all = walk("SELECT id, s FROM t WHERE id >= ? ORDER BY id");
    struct sql_stmt *tenth = walk("SELECT id FROM t WHERE i = ? ORDER BY id");
    struct sql_stmt *one = prepare("SELECT i FROM t WHERE id = ?");
    sql_bind_int(all, 1, 0);
    sql_bind_int(tenth, 1, 3);
    for (int64_t i = 0; i < 2 * MANY / 5; i++) {
        assert_int_equal(sql_step(all), SQL_ROW);
        assert_int_equal(sql_column_int(all, 0), i);
        if (i % 10 != 3)
            continue;
        assert_int_equal(sql_step(tenth), SQL_ROW);
        assert_int_equal(sql_column_int(tenth, 0), i);
        sql_bind_int(one, 1, i);
        assert_int_equal(sql_step(one), SQL_ROW);
        assert_int_equal(sql_column_int(one, 0), 3);
        assert_int_equal(sql_reset(one), 0);
        assert_string_equal(sql_column_text(all, 1),
                            "some text that fills a row, so that there is something to send");
    }
    assert_int_equal(sql_step(all), SQL_DONE);
    assert_int_equal(sql_step(tenth), SQL_DONE);
    /* once more from the start, and not to the end */
    assert_int_equal(sql_reset(all), 0);
    assert_int_equal(sql_step(all), SQL_ROW);
    assert_int_equal(sql_column_int(all, 0), 0);
    assert_int_equal(sql_finalize(all), 0);
    assert_int_equal(sql_finalize(tenth), 0);
    assert_int_equal(sql_finalize(one), 0);
}

static void walks_while_other_statements_run(UNUSED void **state) {
    fill(2 * MANY / 5);
    begin(false);
    walk_side_by_side();
    commit();
    walk_side_by_side(); /* outside of a transaction, too */
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 2 * MANY / 5);
}

static void writes_while_it_walks(UNUSED void **state) {
    fill(1200);
    struct sql_stmt *all = walk("SELECT id FROM t ORDER BY id");
    struct sql_stmt *set = prepare("UPDATE t SET i = 77 WHERE id = ?");
    int64_t n = 0;
    begin(true);
    for (; sql_step(all) == SQL_ROW; n++) {
        sql_bind_int(set, 1, sql_column_int(all, 0));
        run(set);
    }
    assert_int_equal(sql_finalize(all), 0);
    commit();
    assert_int_equal(sql_finalize(set), 0);
    assert_int_equal(n, 1200);
    assert_int_equal(ask(db, "SELECT count(*) FROM t WHERE i = 77"), 1200);
}

static void a_write_that_fails_undoes_thousands(UNUSED void **state) {
    struct sql_stmt *put = insert();
    struct error err;
    int rc = 0;
    begin(true);
    for (int64_t i = 0; rc == 0 && i < MANY; i++) {
        sql_bind_int(put, 1, i == MANY - 1000 ? 5 : i); /* is there already */
        rc = sql_step(put) < 0 ? -1 : 0;
        rc = sql_reset(put) < 0 ? -1 : rc;
    }
    if (rc == 0)
        rc = sql_commit(db);
    assert_int_equal(rc, -1);
    sql_fail(db, &err);
    assert_int_equal(err.kind, ERROR_STORE);
    assert_non_null(strcasestr(err.text, "unique"));
    assert_int_equal(err.os, 0);
    sql_rollback(db);
    assert_false(sql_in_transaction(db));
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 0);
    sql_bind_int(put, 1, 5);
    run(put);
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 1);
    assert_int_equal(sql_finalize(put), 0);
}

static void a_failure_shows_by_the_next_question(UNUSED void **state) {
    struct sql_stmt *put = insert(), *get = prepare("SELECT count(*) FROM t");
    bool failed = false;
    begin(true);
    for (int i = 0; i < 2; i++) {
        sql_bind_int(put, 1, 1);
        failed |= sql_step(put) < 0;
        failed |= sql_reset(put) < 0;
    }
    if (place.postgres)
        failed |= sql_step(get) < 0;
    assert_true(failed);
    assert_int_equal(sql_reset(get), place.postgres ? -1 : 0);
    sql_rollback(db);
    assert_int_equal(sql_step(get), SQL_ROW);
    assert_int_equal(sql_column_int(get, 0), 0);
    assert_int_equal(sql_finalize(get), 0);
    assert_int_equal(sql_finalize(put), 0);
}

static void a_mistake_outside_of_a_transaction_is_over(UNUSED void **state) {
    struct sql_stmt *stmt = NULL;
    struct error err;
    int rc = sql_prepare(db, "SELECT nothing FROM t", &stmt);
    if (rc == 0)
        rc = sql_step(stmt);
    assert_int_equal(rc, -1);
    sql_fail(db, &err);
    assert_non_null(strstr(err.text, "nothing"));
    assert_non_null(strstr(err.text, place.postgres ? "the store postgresql://" : "the store /"));
    if (stmt)
        assert_int_equal(sql_finalize(stmt), -1);
    assert_int_equal(sql_exec(db, "SELECT 1; SELECT nothing FROM t; SELECT 1"), -1);
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 0);
}

static struct sql_stmt *insert_bulk(void) {
    struct sql_stmt *stmt;
    if (sql_prepare_bulk(db, "INSERT INTO t (id, i, d, s, b) VALUES (?, ?, ?, ?, ?)", &stmt) < 0)
        fail_of(db);
    return stmt;
}

/* Adds rows from..to-1, and sets a number in each tenth as it goes. */
static void add_in_bulk(struct sql_stmt *put, struct sql_stmt *set, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
        char text[40];
        snprintf(text, sizeof(text), "row %lld", (long long)i);
        sql_bind_int(put, 1, i);
        sql_bind_int(put, 2, -i);
        sql_bind_double(put, 3, i % 2 ? 0.5 * (double)i : NAN);
        sql_bind_text(put, 4, text);
        sql_bind_bytes(put, 5, "\0\xff", 2);
        run(put);
        if (i % 10)
            continue;
        sql_bind_int(set, 1, i);
        run(set);
    }
}

static void inserts_in_bulk(UNUSED void **state) {
    exec("CREATE TABLE u (n bigint); INSERT INTO u VALUES (0)");
    struct sql_stmt *put = insert_bulk(), *set = prepare("UPDATE u SET n = n + ?");
    int64_t all = 0;
    /* one by one, a few together, and so many that they do not wait for each other */
    const int64_t ends[] = {1, 2, 50, 60, MANY, 3 * MANY};
    for (size_t k = 0; k < sizeof(ends) / sizeof(*ends); k++) {
        begin(true);
        add_in_bulk(put, set, all, ends[k]);
        all = ends[k];
        if (k % 2)
            assert_int_equal(ask(db, "SELECT count(*) FROM t"), all);
        commit();
        assert_int_equal(ask(db, "SELECT count(*) FROM t"), all);
        assert_int_equal(ask(db, "SELECT count(*) FROM t WHERE i = -id AND length(b) = 2"), all);
        assert_int_equal(ask(db, "SELECT count(*) FROM t WHERE d = id * 0.5 AND s LIKE 'row %'"),
                         all / 2);
    }
    assert_int_equal(ask(db, "SELECT n FROM u"), all * (all - 10) / 20);
    assert_int_equal(sql_finalize(put), 0);
    assert_int_equal(sql_finalize(set), 0);
}

static void a_bulk_is_undone_with_its_transaction(UNUSED void **state) {
    struct sql_stmt *put = insert_bulk(), *set = prepare("UPDATE t SET i = ?");
    struct error err;
    begin(true);
    add_in_bulk(put, set, 0, 1);
    commit();
    for (int times = 0; times < 2; times++) {
        begin(true);
        add_in_bulk(put, set, 1, times ? MANY : 50);
        sql_rollback(db);
        assert_int_equal(ask(db, "SELECT count(*) FROM t"), 1);
        /* a row that is there already */
        begin(true);
        add_in_bulk(put, set, 1, times ? MANY : 50);
        sql_bind_int(put, 1, 0);
        sql_bind_text(put, 4, "zero");
        int rc = sql_step(put) < 0 ? -1 : 0;
        rc = sql_reset(put) < 0 ? -1 : rc;
        assert_int_equal(rc < 0 ? rc : sql_commit(db), -1);
        sql_fail(db, &err);
        assert_non_null(strcasestr(err.text, "unique"));
        sql_rollback(db);
        assert_int_equal(ask(db, "SELECT count(*) FROM t"), 1);
    }
    /* one that is freed before the transaction ends has been written */
    begin(true);
    add_in_bulk(put, set, 1, 50);
    assert_int_equal(sql_finalize(put), 0);
    commit();
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 50);
    assert_int_equal(sql_finalize(set), 0);
}

static void a_statement_returns_what_it_wrote(UNUSED void **state) {
    struct sql_stmt *put = prepare("INSERT INTO t (id, i) VALUES (?1, ?1) RETURNING id + 1");
    for (int i = 0; i < 3; i++) {
        if (i == 1)
            begin(true);
        sql_bind_int(put, 1, i);
        assert_int_equal(sql_step(put), SQL_ROW);
        assert_int_equal(sql_column_int(put, 0), i + 1);
        assert_int_equal(sql_reset(put), 0);
    }
    commit();
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 3);
    assert_int_equal(sql_finalize(put), 0);
    begin(true);
    assert_int_equal(ask(db, "insert into t (id, s) values (9, ' RETURNING') returning(id)"), 9);
    assert_int_equal(ask(db, "with x as (select 7 as n) select n from x"), 7);
    commit();
}

static void waits_for_its_descriptor(UNUSED void **state) {
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    int64_t began = clock_now();
    sql_await(db, fds[0], deadline_in(20 * CLOCK_MS)); /* the first one may end at once */
    sql_await(db, fds[0], deadline_in(20 * CLOCK_MS));
    assert_true(clock_now() - began >= 20 * CLOCK_MS);
    assert_int_equal(write(fds[1], "x", 1), 1);
    began = clock_now();
    sql_await(db, fds[0], deadline_in(20 * CLOCK_S));
    assert_true(clock_now() - began < 10 * CLOCK_S);
    close(fds[0]);
    close(fds[1]);
}

/* From here on, of PostgreSQL. */

static void text_that_is_none_is_mended(UNUSED void **state) {
    struct sql_stmt *put = insert(), *get = prepare("SELECT s FROM t ORDER BY id");
    for (int i = 0; i < 2; i++) {
        sql_bind_int(put, 1, i);
        sql_bind_text_n(put, 4,
                        "0123456789 a\xff"
                        "b\0c\xc3",
                        17);
        run(put);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sql_step(get), SQL_ROW);
        assert_string_equal(sql_column_text(get, 0), "0123456789 a\xef\xbf\xbd"
                                                     "b\xef\xbf\xbd"
                                                     "c\xef\xbf\xbd");
    }
    assert_int_equal(sql_finalize(get), 0);
    assert_int_equal(sql_finalize(put), 0);
}

static void a_type_that_is_not_read_is_an_error(UNUSED void **state) {
    struct sql_stmt *get = prepare("SELECT now()");
    assert_int_equal(sql_step(get), -1);
    assert_int_equal(sql_finalize(get), -1);
    assert_int_equal(ask(db, "SELECT 5"), 5);
}

/* Ends the server's end of the connection; it is gone when this returns. */
static void cut_off(void) {
    struct sql *other = open_place();
    char sql[80];
    snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%lld, 20000)",
             (long long)ask(db, "SELECT pg_backend_pid()"));
    assert_int_equal(ask(other, sql), 1);
    sql_close(other);
}

static void connects_anew_when_it_was_cut_off(UNUSED void **state) {
    struct sql_stmt *put = insert();
    struct error err;
    sql_bind_int(put, 1, 1);
    run(put);
    cut_off(); /* between transactions: nobody notices */
    begin(true);
    sql_bind_int(put, 1, 2);
    run(put);
    commit();
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 2);

    begin(true);
    sql_bind_int(put, 1, 3);
    run(put);
    cut_off();
    run(put); /* is sent, if anything */
    assert_int_equal(sql_commit(db), -1);
    sql_fail(db, &err);
    assert_int_equal(err.kind, ERROR_STORE);
    assert_int_equal(err.os, ECONNRESET);
    sql_rollback(db);
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 2);
    begin(true);
    run(put);
    commit();
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 3);
    assert_int_equal(sql_finalize(put), 0);
}

static void a_walk_that_is_cut_off_says_so(UNUSED void **state) {
    fill(1200);
    struct sql_stmt *all = walk("SELECT id FROM t ORDER BY id");
    struct error err;
    begin(false);
    assert_int_equal(sql_step(all), SQL_ROW);
    cut_off();
    int rc, n = 1;
    while ((rc = sql_step(all)) == SQL_ROW)
        n++;
    assert_int_equal(rc, -1);
    assert_in_range(n, 1, 1199);
    sql_fail(db, &err);
    assert_int_equal(err.os, ECONNRESET);
    assert_int_equal(sql_finalize(all), -1);
    sql_rollback(db);
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 1200);
}

static void hears_of_a_notification(UNUSED void **state) {
    struct sql *other = open_place();
    int64_t began = clock_now();
    sql_await(db, -1, deadline_in(20 * CLOCK_MS));
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 0);
    assert_int_equal(sql_exec(other, "NOTIFY muster"), 0);
    sql_await(db, -1, deadline_in(20 * CLOCK_S));
    assert_true(clock_now() - began < 10 * CLOCK_S);
    /* of its own it does not */
    assert_int_equal(sql_exec(db, "NOTIFY muster"), 0);
    began = clock_now();
    sql_await(db, -1, deadline_in(30 * CLOCK_MS));
    assert_true(clock_now() - began >= 30 * CLOCK_MS);
    sql_close(other);
}

/* The end of what only reads is not waited for: its answers are taken while it waits for more. */
static void hears_of_a_notification_after_it_read(UNUSED void **state) {
    struct sql *other = open_place();
    sql_await(db, -1, deadline_in(20 * CLOCK_MS));
    begin(false);
    assert_int_equal(ask(db, "SELECT count(*) FROM t"), 0);
    commit();
    sql_await(db, -1, deadline_in(20 * CLOCK_MS));
    assert_int_equal(sql_exec(other, "NOTIFY muster"), 0);
    int64_t began = clock_now();
    sql_await(db, -1, deadline_in(20 * CLOCK_S));
    assert_true(clock_now() - began < 10 * CLOCK_S);
    sql_close(other);
}

/* Opens a URL and says what comes of it. */
static struct error try(const char *url, bool read, bool create) {
    struct error err = {0};
    struct sql *got = NULL;
    if (sql_open_postgres(url, read, create, (struct ending){0}, &got, &err) == 0)
        sql_close(got);
    return err;
}

static void an_empty_database_is_no_store_to_read(UNUSED void **state) {
    store_place_sql(&place, "DROP SCHEMA muster CASCADE");
    struct error err = try(place.url, true, false);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "is empty (`muster run` makes one"));
    assert_int_equal(try(place.url, false, false).kind, ERROR_USAGE);
    assert_int_equal(try(place.url, false, true).kind, ERROR_NONE);
    assert_int_equal(try(place.url, true, false).kind, ERROR_NONE);
    store_place_sql(&place, "UPDATE meta SET version = 999");
    err = try(place.url, false, true);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "has version 999"));
    store_place_sql(&place, "DROP TABLE meta");
    err = try(place.url, false, true);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "of another program"));
    store_place_sql(&place, "DROP SCHEMA muster CASCADE; CREATE SCHEMA muster");
    assert_int_equal(try(place.url, false, true).kind, ERROR_NONE);
}

static void tells_a_mistake_from_bad_luck(UNUSED void **state) {
    char url[600];
    snprintf(url, sizeof(url), "%s_not_there", place.url);
    struct error err = try(url, false, true);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "does not exist: make it with `createdb`"));
    err = try("postgresql://127.0.0.1:1/muster", false, true);
    assert_int_equal(err.kind, ERROR_STORE);
    assert_int_equal(err.os, ECONNRESET);
    err = try("postgresql://u:sesame@[::1/muster", false, true);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_null(strstr(err.text, "sesame"));
    err = try("postgresql://u:ses%zzame@localhost/muster?password=sesame", false, true);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_null(strstr(err.text, "ame@"));
    assert_null(strstr(err.text, "sesame"));
    assert_non_null(strstr(err.text, "postgresql://u@localhost/muster"));
}

static void shows_a_url_without_its_passwords(UNUSED void **state) {
    static const char *const urls[][2] = {
        {"postgresql://u:sesame@h:1,[::1]/d?user=me", "postgresql://u@h:1,[::1]/d?user=me"},
        {"postgresql://u:pass?word=x@h/d", "postgresql://u@h/d"},
        {"postgresql://h/d?pass%77ord=x&sslmode=require", "postgresql://h/d?sslmode=require"},
        {"postgresql://h/d?connect_timeout=3&sslpassword=a@b",
         "postgresql://h/d?connect_timeout=3"},
        {"postgresql://[?]/d?password=x", "postgresql://[?]/d"},
        /* mistakes */
        {"postgresql://u:se@same@h/d?x=1", "postgresql://u@h/d"},
        {"postgresql://h/d?x=1&password=sesame", "postgresql://h/d"},
        {"postgresql://u:se/s?x=ame@h/d", "postgresql://u"},
    };
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        cleanup(free_ptr) char *name = postgres_name(urls[i][0]);
        assert_string_equal(name, urls[i][1]);
    }
}

/* Its resolver may be restarted, too; of who never was connected it is a mistake. */
static void a_name_that_was_known_is_away(UNUSED void **state) {
    struct postgres_pipe p = {.url = "postgresql://a..b/muster", .name = "s"};
    assert_int_equal(postgres_connected(&p), -1);
    assert_int_equal(p.err.kind, ERROR_USAGE);
    p.url = place.url;
    assert_int_equal(postgres_connected(&p), 0);
    assert_int_equal(postgres_settle(&p), 0);
    postgres_hang_up(&p);
    p.url = "postgresql://a..b/muster";
    assert_int_equal(postgres_connected(&p), -1);
    assert_int_equal(p.err.kind, ERROR_STORE);
    assert_int_equal(p.err.os, ECONNRESET);
    postgres_close(&p);
}

/* Fires a token while the test waits. */
static void *fire_soon(void *cancel) {
    struct timespec pause = {.tv_nsec = 50 * CLOCK_MS};
    nanosleep(&pause, NULL);
    cancel_fire(cancel);
    return NULL;
}

static struct cancel *new_cancel(void) {
    struct cancel *cancel;
    struct error err;
    assert_int_equal(cancel_new(&cancel, &err), 0);
    return cancel;
}

/* What waits in vain ends a moment after the token. */
#define MOMENT (100 * CLOCK_MS)
#define LATE (5 * CLOCK_S)

static void who_is_to_end_gives_a_silent_server_up(UNUSED void **state) {
    struct cancel *cancel = new_cancel();
    pid_t backend = (pid_t)ask(db, "SELECT pg_backend_pid()");
    struct sql_stmt *question = prepare("SELECT 1");
    struct error err;
    pthread_t firing;
    sql_end_with(db, (struct ending){cancel, MOMENT});
    assert_int_equal(kill(backend, SIGSTOP), 0);
    int64_t began = clock_now();
    assert_int_equal(pthread_create(&firing, NULL, fire_soon, cancel), 0);
    assert_int_equal(sql_step(question), -1);
    assert_true(clock_now() - began < LATE);
    sql_fail(db, &err);
    assert_int_equal(err.os, ECONNRESET);
    pthread_join(firing, NULL);
    assert_int_equal(sql_step(question), -1); /* and connects no more */
    assert_int_equal(kill(backend, SIGCONT), 0);
    assert_int_equal(sql_reset(question), -1);
    sql_end_with(db, (struct ending){0});
    assert_int_equal(sql_step(question), SQL_ROW);
    assert_int_equal(sql_finalize(question), 0);
    cancel_free(cancel);
}

static void who_is_to_end_and_has_answers_goes_on(UNUSED void **state) {
    struct cancel *cancel = new_cancel();
    cancel_fire(cancel);
    sql_end_with(db, (struct ending){cancel, MOMENT});
    struct timespec pause = {.tv_nsec = 2 * MOMENT};
    nanosleep(&pause, NULL);
    assert_int_equal(ask(db, "SELECT 1 FROM pg_sleep(0.02)"), 1);
    cancel_free(cancel);
}

/* A socket of this machine to connect to. */
static int listen_here(int *port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void who_is_to_end_gives_up_connecting(UNUSED void **state) {
    struct cancel *cancel = new_cancel();
    struct error err;
    struct sql *got;
    pthread_t firing;
    char url[80];
    int port, fd = listen_here(&port); /* says nothing */
    snprintf(url, sizeof(url), "postgresql://127.0.0.1:%d/muster", port);
    int64_t began = clock_now();
    assert_int_equal(pthread_create(&firing, NULL, fire_soon, cancel), 0);
    assert_int_equal(
        sql_open_postgres(url, false, true, (struct ending){cancel, MOMENT}, &got, &err), -1);
    assert_true(clock_now() - began < LATE);
    assert_int_equal(err.os, ECONNRESET);
    pthread_join(firing, NULL);
    close(fd);
    cancel_free(cancel);
}

/* A server of one connection, which has no TLS, and what it is asked first. */
struct deaf {
    int fd;
    uint32_t asked;
    ssize_t then; /* how many bytes came after it had said so */
};

static void *refuse_tls(void *arg) {
    struct deaf *d = arg;
    uint32_t first[2] = {0};
    char more[64];
    int fd = accept(d->fd, NULL, NULL);
    close(d->fd); /* nobody waits there for a second one */
    if (recv(fd, first, sizeof(first), MSG_WAITALL) == sizeof(first))
        d->asked = ntohl(first[1]);
    (void)!write(fd, "N", 1);
    d->then = read(fd, more, sizeof(more));
    close(fd);
    return NULL;
}

/* Connects to such a server, by this name for it. */
static struct error ask_deaf(const char *host, const char *more, struct deaf *ret) {
    pthread_t thread;
    char url[100];
    int port;
    *ret = (struct deaf){.fd = listen_here(&port)};
    assert_int_equal(pthread_create(&thread, NULL, refuse_tls, ret), 0);
    snprintf(url, sizeof(url), "postgresql://%s:%d/m%s", host, port, more);
    struct error err = try(url, true, false);
    pthread_join(thread, NULL);
    return err;
}

static void asks_for_tls_of_another_machine(UNUSED void **state) {
    enum { TLS = 80877103, PLAIN = 196608 };
    struct deaf d;
    /* 0.0.0.0 is this machine to the kernel, and none that is known to be it */
    struct error err = ask_deaf("0.0.0.0", "", &d);
    assert_int_equal(d.asked, TLS);
    assert_int_equal(d.then, 0);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_non_null(strstr(err.text, "does not support SSL"));
    ask_deaf("127.0.0.1", "", &d);
    assert_int_equal(d.asked, TLS);
    assert_true(d.then > 0);
    ask_deaf("0.0.0.0", "?sslmode=prefer", &d);
    assert_int_equal(d.asked, TLS);
    assert_true(d.then > 0);
    ask_deaf("0.0.0.0", "?sslmode=disable", &d);
    assert_int_equal(d.asked, PLAIN);
}

#define ON_EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_EACH(keeps_numbers_as_they_are),
        ON_EACH(what_is_not_there_is_null),
        ON_EACH(keeps_texts_as_they_are),
        ON_EACH(keeps_bytes_of_any_size),
        ON_EACH(numbers_parameters_as_sqlite_does),
        ON_EACH(sums_are_exact),
        ON_EACH(counts_what_it_changed),
        ON_EACH(a_transaction_is_all_or_nothing),
        ON_EACH(a_reader_sees_one_moment),
        ON_EACH(walks_while_other_statements_run),
        ON_EACH(writes_while_it_walks),
        ON_EACH(a_write_that_fails_undoes_thousands),
        ON_EACH(a_failure_shows_by_the_next_question),
        ON_EACH(a_mistake_outside_of_a_transaction_is_over),
        ON_EACH(inserts_in_bulk),
        ON_EACH(a_bulk_is_undone_with_its_transaction),
        ON_EACH(a_statement_returns_what_it_wrote),
        ON_EACH(waits_for_its_descriptor),
    };
    const struct CMUnitTest of_postgres[] = {
        ON_EACH(text_that_is_none_is_mended),
        ON_EACH(a_type_that_is_not_read_is_an_error),
        ON_EACH(connects_anew_when_it_was_cut_off),
        ON_EACH(a_walk_that_is_cut_off_says_so),
        ON_EACH(hears_of_a_notification),
        ON_EACH(an_empty_database_is_no_store_to_read),
        ON_EACH(tells_a_mistake_from_bad_luck),
        cmocka_unit_test(shows_a_url_without_its_passwords),
        ON_EACH(asks_for_tls_of_another_machine),
        ON_EACH(hears_of_a_notification_after_it_read),
        ON_EACH(a_name_that_was_known_is_away),
        ON_EACH(who_is_to_end_gives_a_silent_server_up),
        ON_EACH(who_is_to_end_and_has_answers_goes_on),
        ON_EACH(who_is_to_end_gives_up_connecting),
    };
    int failed = run_on_each_engine(tests);
    if (store_place_has_postgres())
        failed += cmocka_run_group_tests_name("of PostgreSQL", of_postgres, store_place_on_postgres,
                                              NULL);
    return failed;
}
