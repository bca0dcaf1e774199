/*
 * crew: see crew.h. Joining and leaving, finding work, and who else is there; what a turn does with
 * a lease and its claims is in store/shared.
 */
#include "store/crew.h"

#include "base/clock.h"
#include "base/vec.h"
#include "store/shared.h"

#include <stdio.h>
#include <string.h>

#define JUDGE_LEASES 4 /* that another has for judging a run */

bool store_is_shared(const struct store *s) {
    return s->db->engine == SQL_POSTGRES;
}

/* A transaction of one step, on disk when it returns. */
static int write_one(struct store *s, int (*step)(struct store *s, struct error *err),
                     struct error *err) {
    return database_begin(s, err) < 0 ? -1 : database_end(s, step(s, err), err);
}

int store_join(struct store *s, const struct store_enlistment *as, struct error *err) {
    if (!store_is_shared(s))
        return error_set(err, ERROR_USAGE,
                         "several controllers need a store on PostgreSQL: give one with "
                         "--store postgresql://...");
    s->crew.site = as->site;
    s->crew.fanout = as->fanout;
    s->crew.lease = as->lease;
    s->crew.started = as->started;
    if (write_one(s, shared_renew, err) < 0)
        return -1;
    shared_in_contact(s);
    return 0;
}

int64_t store_worker_number(const struct store *s) {
    return s->crew.number;
}

/* One that lost its connection leaves under the number that it had then. */
static int leave(struct store *s, struct error *err) {
    int64_t number = s->crew.former ? s->crew.former : s->crew.number;
    return shared_unclaim(s, number, err) < 0 ? -1 : database_run_on(s, SHARED_LEAVE, number, err);
}

void store_drain(struct store *s) {
    s->crew.draining = true;
}

int store_leave(struct store *s, struct error *err) {
    if (!s->crew.number && !s->crew.former)
        return 0;
    if (write_one(s, leave, err) < 0)
        return -1;
    s->crew.number = s->crew.former = 0;
    return 0;
}

/* Runs a statement that gives a row or none; *found tells, and the row is read by `read`. */
static int ask(struct store *s, struct sql_stmt *stmt, void (*read)(struct sql_stmt *, void *),
               void *arg, int *found, struct error *err) {
    *found = sql_step(stmt) == SQL_ROW;
    if (*found)
        read(stmt, arg);
    return sql_reset(stmt) == 0 ? 0 : database_fail(s, err);
}

static void read_id(struct sql_stmt *stmt, void *id) {
    const char *text = sql_column_text(stmt, 0);
    snprintf(id, RUN_ID_SIZE, "%s", text ? text : "");
}

static void read_truth(struct sql_stmt *stmt, void *truth) {
    *(bool *)truth = sql_column_int(stmt, 0) != 0;
}

static int find_work(struct store *s, const char *only, const char *except, char *id,
                     struct error *err) {
    int found;
    if (shared_renew(s, err) < 0 || shared_reap(s, err) < 0)
        return -1;
    struct sql_stmt *stmt = database_use(s, SHARED_FIND_WORK, err);
    if (!stmt)
        return -1;
    sql_bind_text(stmt, 1, only);
    sql_bind_text(stmt, 2, s->crew.site);
    sql_bind_text(stmt, 3, except);
    return ask(s, stmt, read_id, id, &found, err) < 0 ? -1 : found;
}

int store_find_work(struct store *s, const char *only, const char *except, char ret[RUN_ID_SIZE],
                    struct error *err) {
    s->held_run = 0;
    s->crew.held.count = 0; /* whatever it held, it has handed in or given back */
    if (database_begin(s, err) < 0)
        return -1;
    int found = find_work(s, only, except, ret, err);
    if (database_end(s, found < 0 ? -1 : 0, err) < 0)
        return -1;
    shared_in_contact(s);
    return found;
}

int store_may_come(struct store *s, const char *only, bool *ret, struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_MAY_COME, err);
    int found;
    if (!stmt || database_begin(s, err) < 0)
        return -1;
    sql_bind_text(stmt, 1, only);
    sql_bind_text(stmt, 2, s->crew.site);
    return database_end(s, ask(s, stmt, read_truth, ret, &found, err), err);
}

void store_await(struct store *s, const struct cancel *cancel, int64_t deadline) {
    sql_await(s->db, cancel_fd(cancel), deadline);
}

static int notify(struct store *s, struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_NOTIFY, err);
    int found;
    bool ignored;
    return stmt ? ask(s, stmt, read_truth, &ignored, &found, err) : -1;
}

int store_notify(struct store *s, struct error *err) {
    return store_is_shared(s) ? write_one(s, notify, err) : 0;
}

int store_look(struct store *s, struct run *run, size_t *left, struct error *err) {
    struct run now;
    if (!sql_in_transaction(s->db) && sql_begin(s->db, false) < 0)
        return database_fail(s, err);
    int rc = store_run(s, run->id, &now, err);
    if (store_rest(s, err) < 0 || rc < 0)
        return -1;
    *run = now;
    *left = now.cancelled;
    return 0;
}

int store_stop(struct store *s, const struct run *run, struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_STOP, err);
    if (!stmt || database_begin(s, err) < 0)
        return -1;
    sql_bind_text(stmt, 1, run->stopped[0] ? run->stopped : NULL);
    sql_bind_int(stmt, 2, s->held_run);
    int rc = database_run(s, stmt, err);
    if (rc == 0)
        rc = notify(s, err);
    return database_end(s, rc, err);
}

static int ask_of(struct store *s, enum statement which, int64_t run, bool *ret,
                  struct error *err) {
    struct sql_stmt *stmt = database_use(s, which, err);
    int found;
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, run);
    return ask(s, stmt, read_truth, ret, &found, err);
}

/* Asks something of the run that is held. */
static int ask_of_run(struct store *s, enum statement which, bool *ret, struct error *err) {
    return ask_of(s, which, s->held_run, ret, err);
}

int shared_is_busy(struct store *s, int64_t number, bool *ret, struct error *err) {
    return ask_of(s, SHARED_IS_BUSY, number, ret, err);
}

/* The lock is the session's and counts; who takes it for nothing lets it go. */
static int lock_judgement(struct store *s, bool *ret, struct error *err) {
    bool judged = false, ignored;
    if (ask_of_run(s, SHARED_MAY_JUDGE, ret, err) < 0)
        return -1;
    if (!*ret)
        return 0;
    if (ask_of_run(s, SHARED_IS_JUDGED, &judged, err) < 0)
        return -1;
    *ret = !judged;
    return judged ? ask_of_run(s, SHARED_JUDGED, &ignored, err) : 0;
}

/*
 * Who has the lock may have been stopped, or cut off in a way that the server does not notice: it
 * is not waited for without an end. That two judge a run does no harm (store_judge()).
 */
static bool has_waited(struct crew *c, int64_t run) {
    if (c->denied != run) {
        c->denied = run;
        c->denied_since = clock_now();
    }
    return clock_now() - c->denied_since > JUDGE_LEASES * c->lease;
}

int store_may_judge(struct store *s, bool *ret, struct error *err) {
    if (database_begin(s, err) < 0 || database_end(s, lock_judgement(s, ret, err), err) < 0)
        return -1;
    if (!*ret)
        *ret = has_waited(&s->crew, s->held_run);
    if (*ret)
        s->crew.denied = 0;
    return 0;
}

static int judged(struct store *s, struct error *err) {
    bool ignored;
    return ask_of_run(s, SHARED_JUDGED, &ignored, err) < 0 ? -1 : notify(s, err);
}

int shared_judged(struct store *s, struct error *err) {
    return write_one(s, judged, err);
}

static void copy_name(char *to, struct sql_stmt *stmt, int column) {
    const char *text = sql_column_text(stmt, column);
    snprintf(to, CREW_NAME_SIZE, "%s", text ? text : "");
}

/* Adds the rows of the statement to a list; `item` is the size of one. */
static int list(struct store *s, struct sql_stmt *stmt, void (*read)(struct sql_stmt *, void *),
                size_t item, void **ret, size_t *count, struct error *err) {
    cleanup(free_ptr) char *items = NULL;
    size_t n = 0, cap = 0;
    while (sql_step(stmt) == SQL_ROW) {
        if (vec_reserve(&items, &cap, n + 1, item) < 0)
            return error_memory(err);
        memset(items + n * item, 0, item);
        read(stmt, items + n++ * item);
    }
    if (sql_reset(stmt) < 0)
        return database_fail(s, err);
    *ret = TAKE(items);
    *count = n;
    return 0;
}

static void read_worker(struct sql_stmt *stmt, void *to) {
    struct store_worker *w = to;
    w->number = sql_column_int(stmt, 0);
    copy_name(w->host, stmt, 1);
    copy_name(w->site, stmt, 2);
    if (sql_column_type(stmt, 3) != SQL_NULL)
        snprintf(w->run, sizeof(w->run), "%s", sql_column_text(stmt, 3));
    w->pid = sql_column_int(stmt, 4);
    w->started = sql_column_int(stmt, 5);
    w->fanout = (int)sql_column_int(stmt, 6);
    w->claimed = (size_t)sql_column_int(stmt, 7);
    w->lease = sql_column_double(stmt, 8);
}

static bool is_same_process(const struct store_worker *a, const struct store_worker *b) {
    return a->pid == b->pid && a->started == b->started && strcmp(a->host, b->host) == 0;
}

static void mark_again(struct store_worker *workers, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i && !workers[i].again; k++)
            workers[i].again = workers[i].lease > 0 && workers[k].lease > 0 &&
                               is_same_process(&workers[k], &workers[i]);
}

int store_workers(struct store *s, struct store_worker **ret, size_t *count, struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_WORKERS, err);
    if (!stmt || list(s, stmt, read_worker, sizeof(**ret), (void **)ret, count, err) < 0)
        return -1;
    mark_again(*ret, *count);
    return 0;
}

static void read_site(struct sql_stmt *stmt, void *to) {
    struct store_site *site = to;
    copy_name(site->site, stmt, 0);
    site->pending = (size_t)sql_column_int(stmt, 1);
    site->claimed = (size_t)sql_column_int(stmt, 2);
    site->workers = (size_t)sql_column_int(stmt, 3);
}

int store_sites(struct store *s, const char *run_id, struct store_site **ret, size_t *count,
                struct error *err) {
    int64_t run;
    if (database_find_run(s, run_id, &run, err) < 0)
        return -1;
    struct sql_stmt *stmt = database_use(s, SHARED_SITES, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, run);
    return list(s, stmt, read_site, sizeof(**ret), (void **)ret, count, err);
}
