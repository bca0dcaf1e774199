/*
 * sitting: a process that works on a run: it begins or resumes it, ends its sitting, and lets go.
 *
 * The lock is taken before the row that says who holds it is written, and let go after that row is
 * cleared, which the end of a sitting does in passing. So a row that names a holder without a lock
 * is that of a process that died. A shared store has workers instead (store/crew.h).
 */
#include "store/database.h"

#include "base/clock.h"
#include "base/fd.h"
#include "store/hold.h"
#include "store/rows.h"
#include "store/shared.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static int make_id(struct run *run, struct error *err) {
    unsigned char random[3];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return error_os(err, ERROR_INTERNAL, errno, "no random numbers");
    time_t seconds = (time_t)(run->started / CLOCK_S);
    struct tm t;
    localtime_r(&seconds, &t);
    size_t n = strftime(run->id, sizeof(run->id), "%Y%m%d-%H%M%S", &t);
    snprintf(run->id + n, sizeof(run->id) - n, "-%02x%02x%02x", random[0], random[1], random[2]);
    return 0;
}

static int add_server(struct store *s, struct sql_stmt *stmt, size_t position,
                      const struct server *server, struct error *err) {
    struct label site;
    sql_bind_int(stmt, 2, (int64_t)position);
    sql_bind_text(stmt, 3, server->name);
    sql_bind_text(stmt, 4,
                  server->host && strcmp(server->host, server->name) != 0 ? server->host : NULL);
    sql_bind_text(stmt, 5, server->user);
    if (server->port)
        sql_bind_int(stmt, 6, server->port);
    else
        sql_bind_null(stmt, 6);
    sql_bind_text(stmt, 7, server->identity);
    sql_bind_text(stmt, 8, server->kind);
    if (labels_find(server->labels, LABEL_SITE, &site))
        sql_bind_text_n(stmt, 9, site.value, site.value_len);
    else
        sql_bind_null(stmt, 9);
    sql_bind_text(stmt, 10, server->labels);
    return database_run(s, stmt, err);
}

/* Adds its row; *added is false where there is one of this id already. */
static int add_row(struct store *s, const struct run *run, const struct store_recipe *recipe,
                   size_t servers, bool *added, struct error *err) {
    struct sql_stmt *stmt = database_use(s, store_is_shared(s) ? SHARED_ADD_RUN : ADD_RUN, err);
    if (!stmt)
        return -1;
    sql_bind_text(stmt, 1, run->id);
    sql_bind_int(stmt, 2, run->started);
    sql_bind_int(stmt, 3, run->fanout);
    sql_bind_double(stmt, 4, run->threshold);
    sql_bind_int(stmt, 5, (int64_t)servers);
    sql_bind_text(stmt, 6, recipe->options);
    sql_bind_text(stmt, 7, recipe->config_path);
    sql_bind_bytes(stmt, 8, recipe->config, recipe->config_len);
    sql_bind_text(stmt, 9, recipe->folder);
    *added = sql_step(stmt) == SQL_ROW;
    if (*added)
        s->held_run = sql_column_int(stmt, 0);
    return sql_reset(stmt) == 0 ? 0 : database_fail(s, err);
}

static int add_run(struct store *s, const struct run *run, const struct store_recipe *recipe,
                   const struct servers *servers, bool again, struct error *err) {
    bool added;
    if (add_row(s, run, recipe, servers->count, &added, err) < 0)
        return -1;
    if (!added)
        return again ? database_find_run(s, run->id, &s->held_run, err)
                     : error_set(err, ERROR_STORE, "the store %s has a run %s already: try again",
                                 s->db->name, run->id);
    struct sql_stmt *stmt = database_use(s, ADD_SERVER, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, s->held_run);
    for (size_t i = 0; i < servers->count; i++)
        if (add_server(s, stmt, i, &servers->items[i], err) < 0)
            return -1;
    return 0;
}

/* Writes who holds the run; nobody, when `since` is 0. */
static int set_holder(struct store *s, int64_t since, struct error *err) {
    if (store_is_shared(s))
        return 0;
    char host[HOLDER_HOST_SIZE] = "";
    struct sql_stmt *stmt = database_use(s, SET_HOLDER, err);
    if (!stmt)
        return -1;
    gethostname(host, sizeof(host) - 1);
    for (int i = 1; i <= 3; i++)
        sql_bind_null(stmt, i);
    if (since) {
        sql_bind_int(stmt, 1, getpid());
        sql_bind_text(stmt, 2, host);
        sql_bind_int(stmt, 3, since);
    }
    sql_bind_int(stmt, 4, s->held_run);
    return database_run(s, stmt, err);
}

/* Takes the lock; *holder as hold_take() has it. */
static int lock(struct store *s, const char *run_id, int64_t *holder, struct error *err) {
    store_release(s);
    *holder = 0;
    if (store_is_shared(s))
        return 0;
    cleanup(free_ptr) char *path = store_log_path(s, run_id);
    if (!path)
        return error_memory(err);
    s->hold = hold_take(path, holder, err);
    return s->hold < 0 ? -1 : 0;
}

static int write_begin(struct store *s, const struct run *run, const struct store_recipe *recipe,
                       const struct servers *servers, bool again, struct error *err) {
    if (database_begin(s, err) < 0)
        return -1;
    int rc = add_run(s, run, recipe, servers, again, err);
    if (rc == 0)
        rc = set_holder(s, run->started, err);
    return database_end(s, rc, err);
}

int store_begin(struct store *s, struct run *run, const struct store_recipe *recipe,
                const struct servers *servers, struct error *err) {
    int64_t holder;
    run->started = clock_wall();
    run->seconds = NAN;
    run->total = run->cancelled = servers->count;
    store_set_order(s, NULL, 0);
    if (make_id(run, err) < 0 || lock(s, run->id, &holder, err) < 0)
        return -1;
    s->crew.held.count = 0;
    s->noted = write_begin(s, run, recipe, servers, false, err) == 0;
    if (s->noted)
        return 0;
    cleanup(free_ptr) char *path = store_log_path(s, run->id);
    if (path && s->hold >= 0)
        unlink(path); /* there is no run whose log it could be */
    fd_close(&s->hold);
    return -1;
}

/*
 * A transaction of which nobody heard the end may have it before it yet. The row of the second one
 * waits for it, because ids are unique, and so there is one run whichever comes to its end.
 */
int store_begin_again(struct store *s, const struct run *run, const struct store_recipe *recipe,
                      const struct servers *servers, struct error *err) {
    store_set_order(s, NULL, 0);
    s->crew.held.count = 0;
    s->noted = write_begin(s, run, recipe, servers, true, err) == 0;
    return s->noted ? 0 : -1;
}

/* What is known of the holder beside its process id is in the row, once it has written that. */
static int held_by_another(struct store *s, const char *run_id, int64_t pid, struct error *err) {
    struct run run;
    char since[20];
    if (store_run(s, run_id, &run, err) < 0)
        return -1;
    clock_format_local(run.holder.since, since);
    if (run.holder.pid != pid || !run.holder.since)
        return error_set(err, ERROR_USAGE, "the run %s is being worked on by process %lld", run_id,
                         (long long)pid);
    return error_set(err, ERROR_USAGE,
                     "the run %s is being worked on by process %lld on %s, since %s", run_id,
                     (long long)pid, run.holder.host, since);
}

int store_hold(struct store *s, const char *run_id, struct run *ret, struct error *err) {
    struct run run;
    int64_t holder;
    if (store_run(s, run_id, &run, err) < 0)
        return -1;
    if (lock(s, run.id, &holder, err) < 0)
        return holder ? held_by_another(s, run.id, holder, err) : -1;
    if (database_find_run(s, run.id, &s->held_run, err) < 0 ||
        set_holder(s, clock_wall(), err) < 0 || store_run(s, run.id, &run, err) < 0) {
        fd_close(&s->hold);
        return -1;
    }
    s->noted = true;
    s->crew.held.count = 0;
    *ret = run;
    return 0;
}

void store_release(struct store *s) {
    struct error ignored;
    if (s->hold < 0)
        return;
    /* a row that cannot be cleared names a holder that has no lock, which counts for nothing */
    if (s->noted)
        (void)set_holder(s, 0, &ignored);
    s->noted = false;
    fd_close(&s->hold);
}

static int run_steps(struct store *s, const enum statement *steps, size_t n, struct error *err) {
    for (size_t i = 0; i < n; i++)
        if (database_run_on(s, steps[i], s->held_run, err) < 0)
            return -1;
    return 0;
}

/* The attempts at servers that did not pass go into the past; those servers are pending again. */
static int reopen(struct store *s, struct error *err) {
    const enum statement steps[] = {PAST_SERVERS, PAST_BENCHMARKS, DROP_PAST,
                                    store_is_shared(s) ? SHARED_REOPEN_SERVERS : REOPEN_SERVERS,
                                    REOPEN_RUN};
    return run_steps(s, steps, ARRAY_LEN(steps), err);
}

/* Others may be at work on it, and judge it. */
static int reopen_shared(struct store *s, struct error *err) {
    static const enum statement steps[] = {SHARED_LOCK_RUN, SHARED_LOCK_TALLY, SHARED_REOPEN,
                                           SHARED_REOPEN_COUNTS};
    return run_steps(s, steps, ARRAY_LEN(steps), err);
}

static int write_resume(struct store *s, bool failed, struct error *err) {
    int rc =
        store_is_shared(s) ? reopen_shared(s, err) : database_run_on(s, UNCLAIM, s->held_run, err);
    return rc == 0 && failed ? reopen(s, err) : rc;
}

int store_resume(struct store *s, struct run *run, bool failed, struct error *err) {
    store_set_order(s, NULL, 0);
    if (database_begin(s, err) < 0 || database_end(s, write_resume(s, failed, err), err) < 0)
        return -1;
    return store_run(s, run->id, run, err);
}

static int write_end(struct store *s, const struct run *run, struct error *err) {
    int64_t number;
    bool shared = store_is_shared(s);
    if ((shared && shared_renew(s, err) < 0) || database_find_run(s, run->id, &number, err) < 0 ||
        (shared ? shared_unclaim(s, s->crew.number, err)
                : database_run_on(s, UNCLAIM, number, err)) < 0)
        return -1;
    struct sql_stmt *stmt = database_use(s, shared ? SHARED_END : END_RUN, err);
    if (!stmt)
        return -1;
    sql_bind_double(stmt, 1, run->seconds);
    sql_bind_text(stmt, 2, run->stopped[0] ? run->stopped : NULL);
    sql_bind_int(stmt, 3, number);
    if (database_run(s, stmt, err) < 0)
        return -1;
    return s->noted ? set_holder(s, 0, err) : 0;
}

int store_end(struct store *s, const struct run *run, struct error *err) {
    int rc, tries = 0;
    do
        rc = database_begin(s, err) < 0 ? -1 : database_end(s, write_end(s, run, err), err);
    while (rc < 0 && database_try_again(&tries, err));
    if (rc == 0) {
        s->noted = false;
        shared_in_contact(s);
        shared_unclaimed(s);
    }
    return rc;
}
