/*
 * postgres_pipe: see postgres_pipe.h.
 *
 * The connection is in libpq's pipeline mode all the time and never blocks: whoever sends a lot
 * takes answers meanwhile, or both sides would wait with full buffers. A ring remembers what the
 * answers will be about, because libpq hands them over without saying so.
 *
 * A server that has said nothing for SILENCE is asked on another connection whether it is there: it
 * may have been stopped, which a network that works does not show. Then the connection is given up,
 * and so it is where a statement has taken longer than any of muster's should, or where who asks is
 * to end and has had no answer for its last moment.
 */
#include "store/postgres_pipe.h"

#include "base/clock.h"
#include "store/postgres_connect.h"
#include "store/postgres_dial.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>

#define SILENCE (30 * CLOCK_S)
#define ANSWER_LIMIT (1800 * CLOCK_S)
#define COPY_BYTES (1 << 16)
#define LOOK_EVERY 64 /* statements; libpq itself sends every 8 KiB */

/*
 * Our tables come first, and nobody else's; a limit of the role's is for statements by hand. Of one
 * that is stopped, or cut off, in the middle of a transaction the server is to undo that, and let
 * go of what it has locked: what it holds, others wait for. Keepalives do not help while the server
 * has something to say; without a limit it would try for a quarter of an hour.
 */
#define SETTINGS                                                                                   \
    "SET search_path=muster, pg_temp", "SET statement_timeout=0",                                  \
        "SET idle_in_transaction_session_timeout=30000", "SET tcp_keepalives_idle=10",             \
        "SET tcp_keepalives_interval=5", "SET tcp_keepalives_count=4",                             \
        "SET tcp_user_timeout=30000"

struct postgres_expected {
    enum postgres_sent_kind kind;
    struct postgres_plan *plan;
    struct postgres_answer *answer;
};

static struct postgres_expected *at(struct postgres_pipe *p, size_t i) {
    return &p->queue[(p->first + i) % p->cap];
}

/* The ring is as a power of two large, and laid straight when it grows. */
static int expect(struct postgres_pipe *p, struct postgres_expected what) {
    if (p->count == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 64;
        struct postgres_expected *queue = malloc(cap * sizeof(*queue));
        if (!queue)
            return -1;
        for (size_t i = 0; i < p->count; i++)
            queue[i] = *at(p, i);
        free(p->queue);
        p->queue = queue;
        p->first = 0;
        p->cap = cap;
    }
    *at(p, p->count++) = what;
    if (what.answer)
        what.answer->awaited++;
    return 0;
}

/* What was prepared, or asked for, in vain is to be done again. */
static void in_vain(const struct postgres_expected *e) {
    if (e->kind == POSTGRES_PREPARE)
        e->plan->made = 0;
    else if (e->kind == POSTGRES_DESCRIBE && !e->plan->types)
        e->plan->described = false;
}

static void pop(struct postgres_pipe *p) {
    struct postgres_answer *answer = at(p, 0)->answer;
    if (answer)
        answer->awaited--;
    p->first = (p->first + 1) % p->cap;
    p->count--;
}

static void drop_all(struct postgres_pipe *p) {
    for (; p->count; pop(p))
        in_vain(at(p, 0));
}

void postgres_forget(struct postgres_pipe *p, struct postgres_answer *answer) {
    for (size_t i = 0; answer->awaited && i < p->count; i++)
        if (at(p, i)->answer == answer) {
            at(p, i)->answer = NULL;
            answer->awaited--;
        }
}

int postgres_no_memory(struct postgres_pipe *p) {
    if (!p->failed)
        error_memory(&p->err);
    p->failed = true;
    return -1;
}

static int lose(struct postgres_pipe *p, const char *message) {
    if (!p->failed)
        postgres_lost(p->name, message, &p->err);
    p->failed = p->over = true;
    drop_all(p);
    return -1;
}

static int lose_now(struct postgres_pipe *p) {
    return lose(p, PQerrorMessage(p->conn));
}

static void take_error(struct postgres_pipe *p, const PGresult *result) {
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!p->failed && sqlstate)
        postgres_refused(p->name, sqlstate, message ? message : "", &p->err);
    else if (!p->failed) /* libpq's own */
        postgres_lost(p->name, PQresultErrorMessage(result), &p->err);
    p->failed = true;
    p->over = p->over || !sqlstate || postgres_is_over(sqlstate);
}

/* A type that cannot be read would be wrong in silence. */
static int check_types(struct postgres_pipe *p, const PGresult *rows) {
    for (int i = 0; i < PQnfields(rows); i++)
        if (!postgres_is_known(PQftype(rows, i)) && !p->failed)
            return error_set(&p->err, ERROR_INTERNAL, "the column '%s' has a type that is not read",
                             PQfname(rows, i));
    return 0;
}

static void take_types(struct postgres_plan *plan, const PGresult *result) {
    Oid *types = calloc((size_t)plan->param_count + 1, sizeof(*types));
    for (int i = 0; types && i < plan->param_count; i++)
        types[i] = PQparamtype(result, i);
    free(plan->types);
    plan->types = types;
}

static void take_rows(struct postgres_pipe *p, struct postgres_answer *answer, PGresult **rows) {
    if (check_types(p, *rows) < 0)
        p->failed = true;
    if (!answer)
        return;
    PQclear(answer->rows);
    answer->rows = TAKE(*rows);
}

static void take_done(struct postgres_pipe *p, const struct postgres_expected *e,
                      PGresult *result) {
    if (e->kind == POSTGRES_DESCRIBE)
        take_types(e->plan, result);
    if (e->answer)
        e->answer->changes = strtoll(PQcmdTuples(result), NULL, 10);
    /* a server that undid it says so by another word, and by no error */
    if (e->kind == POSTGRES_COMMIT && strcmp(PQcmdStatus(result), "COMMIT") != 0 && !p->failed) {
        error_set(&p->err, ERROR_STORE, "the store %s: the server has undone a transaction",
                  p->name);
        p->failed = true;
    }
}

/* Of the first in the ring. */
static void take(struct postgres_pipe *p, PGresult *result) {
    struct postgres_expected *e = at(p, 0);
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
        take_done(p, e, result);
        break;
    case PGRES_TUPLES_OK:
        take_done(p, e, result);
        take_rows(p, e->answer, &result);
        break;
    case PGRES_PIPELINE_SYNC:
        pop(p);
        break;
    case PGRES_PIPELINE_ABORTED:
        in_vain(e);
        break;
    default:
        in_vain(e);
        take_error(p, result);
    }
    PQclear(result);
}

/* Takes the answers that have come. */
static int take_all(struct postgres_pipe *p) {
    while (p->count && !PQisBusy(p->conn)) {
        PGresult *result = PQgetResult(p->conn);
        if (result)
            take(p, result);
        else if (at(p, 0)->kind != POSTGRES_SYNC)
            pop(p);
        else /* libpq has lost count: its connection broke in the middle */
            return lose_now(p);
    }
    return PQstatus(p->conn) == CONNECTION_OK ? 0 : lose_now(p);
}

/* Whether the TLS library has bytes that no poll() will tell of. */
static bool has_unread(PGconn *conn) {
    SSL *ssl = PQsslInUse(conn) ? PQsslStruct(conn, "OpenSSL") : NULL;
    return ssl && SSL_pending(ssl) > 0;
}

/* Until there is something to read, or room to write when `to_send`; -1 after `limit`. */
static int wait_for_server(struct postgres_pipe *p, bool to_send, int64_t limit) {
    struct pollfd fd = {.fd = PQsocket(p->conn),
                        .events = (short)(to_send ? POLLIN | POLLOUT : POLLIN)};
    int64_t began = clock_now(), waited = 0;
    if (has_unread(p->conn))
        return 0;
    while (!ending_wait(&p->ending, &fd, began, deadline_in(SILENCE))) {
        if (clock_now() >= ending_deadline(&p->ending, began))
            return lose(p, "the server does not answer, and muster is to end");
        waited += SILENCE;
        if (waited < limit && postgres_answers(p->conn, &p->ending))
            continue;
        char why[80];
        snprintf(why, sizeof(why), "the server has not answered for %d s", (int)(waited / CLOCK_S));
        return lose(p, why);
    }
    return 0;
}

/* What a server said before it hung up tells more than that it did. */
static int read_some(struct postgres_pipe *p) {
    bool connected = PQconsumeInput(p->conn);
    return take_all(p) < 0 ? -1 : connected ? 0 : lose_now(p);
}

/* Sends what there is, and takes answers; until all of them are there, or only those that are. */
static int move(struct postgres_pipe *p, bool all, int64_t limit) {
    for (;;) {
        int unsent = PQflush(p->conn);
        if (read_some(p) < 0)
            return -1;
        if (unsent < 0)
            return lose_now(p);
        if (all ? p->count == 0 : unsent == 0)
            return 0;
        if (wait_for_server(p, unsent > 0, limit) < 0)
            return -1;
    }
}

/* After one thing was given to libpq, which took it when `rc` is 1. */
static int sent(struct postgres_pipe *p, int rc, struct postgres_expected what) {
    if (rc != 1)
        return lose_now(p);
    if (expect(p, what) < 0) { /* its answer would be another's */
        lose(p, "there is no memory for what comes of it");
        return error_memory(&p->err);
    }
    if (++p->sent < LOOK_EVERY)
        return 0;
    p->sent = 0;
    return move(p, false, ANSWER_LIMIT);
}

int postgres_send_command(struct postgres_pipe *p, enum postgres_sent_kind kind, const char *sql) {
    return sent(p, PQsendQueryParams(p->conn, sql, 0, NULL, NULL, NULL, NULL, 1),
                (struct postgres_expected){.kind = kind});
}

int postgres_send(struct postgres_pipe *p, const char *sql, int n, const char *const *values,
                  const int *lengths, const int *formats, struct postgres_answer *answer) {
    return sent(p, PQsendQueryParams(p->conn, sql, n, NULL, values, lengths, formats, 1),
                (struct postgres_expected){.kind = POSTGRES_EXECUTE, .answer = answer});
}

int postgres_make(struct postgres_pipe *p, struct postgres_plan *plan) {
    if (plan->made != p->generation) {
        plan->made = p->generation;
        if (sent(p, PQsendPrepare(p->conn, plan->name, plan->sql, 0, NULL),
                 (struct postgres_expected){.kind = POSTGRES_PREPARE, .plan = plan}) < 0)
            return -1;
    }
    if (plan->described || plan->param_count == 0)
        return 0;
    plan->described = true;
    return sent(p, PQsendDescribePrepared(p->conn, plan->name),
                (struct postgres_expected){.kind = POSTGRES_DESCRIBE, .plan = plan});
}

int postgres_send_plan(struct postgres_pipe *p, struct postgres_plan *plan,
                       const char *const *values, const int *lengths, const int *formats,
                       struct postgres_answer *answer) {
    return sent(
        p, PQsendQueryPrepared(p->conn, plan->name, plan->param_count, values, lengths, formats, 1),
        (struct postgres_expected){.kind = POSTGRES_EXECUTE, .answer = answer});
}

int postgres_sync(struct postgres_pipe *p) {
    if (p->count && at(p, p->count - 1)->kind == POSTGRES_SYNC)
        return 0;
    return sent(p, PQpipelineSync(p->conn), (struct postgres_expected){.kind = POSTGRES_SYNC});
}

int postgres_settle(struct postgres_pipe *p) {
    if (p->over || move(p, true, ANSWER_LIMIT) < 0)
        return -1;
    return p->failed ? -1 : 0;
}

/* Has all answered that was sent before, and a statement on its way that no pipeline takes. */
static int send_alone(struct postgres_pipe *p, const char *sql) {
    if (postgres_sync(p) < 0 || postgres_settle(p) < 0)
        return -1;
    return PQexitPipelineMode(p->conn) && PQsendQuery(p->conn, sql) ? 0 : lose_now(p);
}

/* Waits for the next result of it; *ret is NULL when that was the last one. */
static int await_alone(struct postgres_pipe *p, int64_t limit, PGresult **ret) {
    for (;;) {
        int unsent = PQflush(p->conn);
        if (!PQconsumeInput(p->conn) || unsent < 0)
            return lose_now(p);
        if (!PQisBusy(p->conn))
            break;
        if (wait_for_server(p, unsent > 0, limit) < 0)
            return -1;
    }
    *ret = PQgetResult(p->conn);
    return 0;
}

/* Takes all results of it that are left. */
static int end_alone(struct postgres_pipe *p, int64_t limit) {
    PGresult *result;
    int rc;
    while ((rc = await_alone(p, limit, &result)) == 0 && result) {
        if (PQresultStatus(result) == PGRES_FATAL_ERROR)
            take_error(p, result);
        PQclear(result);
    }
    if (rc < 0 || PQstatus(p->conn) != CONNECTION_OK || !PQenterPipelineMode(p->conn))
        return lose_now(p);
    return p->failed ? -1 : 0;
}

int postgres_run(struct postgres_pipe *p, const char *sql, int64_t limit) {
    return send_alone(p, sql) < 0 ? -1 : end_alone(p, limit);
}

/* Hands over what libpq takes at the moment: all of it (0), or not (1). */
static int copy_some(struct postgres_pipe *p, const char **data, size_t *n) {
    while (*n > 0) {
        int size = *n < COPY_BYTES ? (int)*n : COPY_BYTES;
        int rc = PQputCopyData(p->conn, *data, size);
        if (rc != 1)
            return rc < 0 ? lose_now(p) : 1;
        *data += size;
        *n -= (size_t)size;
        if (PQflush(p->conn) != 0)
            return 1;
    }
    int rc = PQputCopyEnd(p->conn, NULL);
    return rc < 0 ? lose_now(p) : rc == 0;
}

int postgres_copy(struct postgres_pipe *p, const char *sql, const char *data, size_t n) {
    PGresult *result;
    if (send_alone(p, sql) < 0 || await_alone(p, ANSWER_LIMIT, &result) < 0)
        return -1;
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_FATAL_ERROR)
        take_error(p, result);
    PQclear(result);
    while (status == PGRES_COPY_IN) {
        int more = copy_some(p, &data, &n);
        if (more < 0)
            return -1;
        if (more == 0)
            break;
        if (wait_for_server(p, true, ANSWER_LIMIT) < 0)
            return -1;
        if (PQflush(p->conn) < 0 || !PQconsumeInput(p->conn))
            return lose_now(p);
    }
    return end_alone(p, ANSWER_LIMIT);
}

/* The settings stand whatever becomes of what is sent after them. */
static int set_up(struct postgres_pipe *p) {
    static const char *const settings[] = {SETTINGS};
    if (PQsetnonblocking(p->conn, 1) < 0 || !PQenterPipelineMode(p->conn))
        return lose_now(p);
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (postgres_send_command(p, POSTGRES_COMMAND, settings[i]) < 0)
            return -1;
    return postgres_sync(p);
}

/* Whether the other end has hung up. */
static bool is_cut(PGconn *conn) {
    struct pollfd fd = {.fd = PQsocket(conn), .events = POLLRDHUP};
    return poll(&fd, 1, 0) > 0;
}

void postgres_hang_up(struct postgres_pipe *p) {
    drop_all(p);
    PQfinish(p->conn);
    p->conn = NULL;
}

int postgres_connected(struct postgres_pipe *p) {
    if (p->conn && !p->over && PQstatus(p->conn) == CONNECTION_OK && !is_cut(p->conn))
        return 0;
    postgres_hang_up(p);
    p->over = p->failed = false;
    p->conn = postgres_connect(p->url, p->name, p->read, p->generation > 0, &p->ending, &p->err);
    if (!p->conn) {
        p->failed = p->over = true;
        return -1;
    }
    p->generation++;
    return set_up(p);
}

static int listen_to(struct postgres_pipe *p) {
    if (postgres_send_command(p, POSTGRES_COMMAND, "LISTEN muster") < 0 || postgres_sync(p) < 0 ||
        postgres_settle(p) < 0)
        return -1;
    p->listening = p->generation;
    return 0;
}

/* Takes all notifications that have come, and tells whether one was another's. */
static bool was_notified(PGconn *conn) {
    bool notified = false;
    for (PGnotify *n; (n = PQnotifies(conn)); PQfreemem(n))
        notified = notified || n->be_pid != PQbackendPID(conn);
    return notified;
}

/*
 * Whether the wait is over, but for the deadline. libpq reads no notification before the answers
 * that came ahead of it were taken, and some there may be: the end of what only read is not waited
 * for.
 */
static bool is_awaited(struct postgres_pipe *p, int fd, int64_t deadline) {
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN},
                            {.fd = p->over ? -1 : PQsocket(p->conn), .events = POLLIN}};
    if ((p->over || !has_unread(p->conn)) && poll(fds, 2, deadline_left_ms(deadline)) < 0)
        return errno != EINTR;
    bool there = !p->over && read_some(p) == 0;
    return fds[0].revents || (there && was_notified(p->conn));
}

void postgres_await(struct postgres_pipe *p, int fd, int64_t deadline) {
    p->failed = false;
    if (postgres_connected(p) == 0 && p->listening != p->generation && listen_to(p) == 0)
        return;
    if (!p->over && was_notified(p->conn))
        return;
    while (deadline_left_ms(deadline) != 0)
        if (is_awaited(p, fd, deadline))
            return;
}

void postgres_close(struct postgres_pipe *p) {
    postgres_hang_up(p);
    free(p->queue);
    p->queue = NULL;
}
