/*
 * check: see store_check(). A question each, which gives the rows that cannot be: how many, and the
 * first of them, with the run it belongs to.
 */
#include "store/upkeep.h"

#include "store/crew.h"
#include "store/database.h"
#include "store/rows.h"

#include <string.h>

#define OF_RUN(table) "(SELECT id FROM run WHERE number = " table ".run)"
#define ROWS(what, from) "SELECT count(*), min(" what ") FROM " from
#define COUNT(verdict)                                                                             \
    "(SELECT count(*) FROM server AS s WHERE s.run = r.number AND s.state = 'done' AND "           \
    "s.verdict = '" verdict "')"

struct question {
    const char *what;         /* after the number of rows */
    const char *sql, *shared; /* NULL: the same for a shared store */
};

/* A run that somebody works on is of one moment, too: a reader's transaction. */
static const struct question questions[] = {
    {"runs whose counts are not those of their servers",
     ROWS("r.id", "run AS r WHERE r.passed <> " COUNT("passed") " OR r.failed <> " COUNT(
                      "failed") " OR r.errors <> " COUNT("error")),
     ROWS("r.id", "(SELECT number, id, "
                  "passed + (SELECT coalesce(sum(t.passed), 0) FROM tally AS t WHERE t.run = "
                  "number) AS passed, "
                  "failed + (SELECT coalesce(sum(t.failed), 0) FROM tally AS t WHERE t.run = "
                  "number) AS failed, "
                  "errors + (SELECT coalesce(sum(t.errors), 0) FROM tally AS t WHERE t.run = "
                  "number) AS errors FROM run) AS r WHERE r.passed <> " COUNT(
                      "passed") " OR r.failed <> " COUNT("failed") " OR r.errors "
                                                                   "<> " COUNT("error"))},
    {"runs that have not all of their servers",
     ROWS("r.id", "run AS r WHERE r.total <> (SELECT count(*) FROM server AS s WHERE s.run = "
                  "r.number)"),
     NULL},
    {"servers of a run that is not there",
     ROWS("s.name", "server AS s WHERE NOT EXISTS (SELECT 1 FROM run WHERE number = s.run) AND "
                    "NOT EXISTS (SELECT 1 FROM dropped WHERE number = s.run)"),
     NULL},
    {"servers that are done without a verdict and a reason for it",
     ROWS(OF_RUN("s"), "server AS s WHERE s.state = 'done' AND (s.verdict IS NULL OR "
                       "s.verdict NOT IN ('passed', 'failed', 'error') OR "
                       "(s.verdict <> 'passed' AND s.reason IS NULL))"),
     NULL},
    {"servers in a state that there is not",
     ROWS(OF_RUN("s"), "server AS s WHERE s.state NOT IN ('pending', 'claimed', 'done')"), NULL},
    {"benchmarks of a server that is not there",
     ROWS(OF_RUN("b"), "benchmark AS b WHERE NOT EXISTS (SELECT 1 FROM server AS s WHERE "
                       "s.run = b.run AND s.position = b.position)"),
     NULL},
    {"earlier attempts of a server that is not there",
     ROWS(OF_RUN("p"), "past_server AS p WHERE NOT EXISTS (SELECT 1 FROM server AS s WHERE "
                       "s.run = p.run AND s.position = p.position)"),
     NULL},
    {"benchmarks of an earlier attempt that is not there",
     ROWS(OF_RUN("b"), "past_benchmark AS b WHERE NOT EXISTS (SELECT 1 FROM past_server AS p "
                       "WHERE p.run = b.run AND p.position = b.position AND p.round = b.round)"),
     NULL},
};

struct checking {
    struct store *s;
    store_tell_fn *tell;
    void *arg;
    int found;
};

static int tell(struct checking *c, const char *text, struct error *err) {
    c->found++;
    return c->tell(c->arg, text, err);
}

static int ask(struct checking *c, const struct question *q, struct error *err) {
    cleanup(free_ptr) char *first = NULL;
    cleanup(str_done) struct str text = {0};
    struct sql_stmt *stmt;
    int64_t n = 0;
    int rc = 0;
    const char *sql = q->shared && store_is_shared(c->s) ? q->shared : q->sql;
    if (database_prepare(c->s, sql, &stmt, err) < 0)
        return -1;
    if (sql_step(stmt) == SQL_ROW) {
        n = sql_column_int(stmt, 0);
        rc = row_read_printable(stmt, 1, &first, err);
    }
    if (database_finalize(c->s, stmt, rc, err) < 0)
        return -1;
    if (n == 0)
        return 0;
    str_addf(&text, "%s: %lld", q->what, (long long)n);
    if (first)
        str_addf(&text, ", first %s", first);
    return text.failed ? error_memory(err) : tell(c, text.data, err);
}

/* What SQLite finds in its own pages; a line each. PostgreSQL has programs for that. */
static int check_pages(struct checking *c, struct error *err) {
    struct sql_stmt *stmt;
    int rc = 0;
    if (store_is_shared(c->s))
        return 0;
    if (database_prepare(c->s, "PRAGMA integrity_check", &stmt, err) < 0)
        return -1;
    while (rc == 0 && sql_step(stmt) == SQL_ROW) {
        cleanup(free_ptr) char *line = NULL;
        rc = row_read_printable(stmt, 0, &line, err);
        if (rc == 0 && line && strcmp(line, "ok") != 0)
            rc = tell(c, line, err);
    }
    return database_finalize(c->s, stmt, rc, err);
}

int store_check(struct store *s, store_tell_fn *tell_what, void *arg, struct error *err) {
    struct checking c = {.s = s, .tell = tell_what, .arg = arg};
    if (check_pages(&c, err) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(questions); i++)
        if (ask(&c, &questions[i], err) < 0)
            return -1;
    return c.found;
}
