/*
 * postgres_pipe: a connection to PostgreSQL to which more is sent before all is answered. For the
 * engine alone (store/sql_postgres).
 *
 * What is sent is answered in its order. Who waits for an answer waits for all of them. The first
 * that fails is kept in `err`, and `failed` is set: everything up to the next point of
 * synchronisation is then passed over by the server.
 */
#pragma once

#include "base/error.h"
#include "store/postgres_value.h"
#include "sync/ending.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A statement's text as the server knows it; kept for as long as the database is open. */
struct postgres_plan {
    char *source; /* as the store has it */
    char *sql;
    char name[16];
    int param_count;
    Oid *types; /* of its parameters; NULL: not known yet */
    bool gives_rows;
    bool described; /* or asked for it */
    unsigned made;  /* by which connection: its generation; 0: by none */
};

/* What comes of a statement that was sent. */
struct postgres_answer {
    PGresult *rows; /* of the last one that returned any */
    int64_t changes;
    unsigned awaited; /* of how many an answer is still to come */
};

enum postgres_sent_kind {
    POSTGRES_PREPARE,
    POSTGRES_DESCRIBE,
    POSTGRES_EXECUTE,
    POSTGRES_COMMIT,
    POSTGRES_COMMAND, /* any that changes nothing that is looked at here */
    POSTGRES_SYNC,
};

struct postgres_pipe {
    const char *url, *name;
    bool read;            /* nothing is to be written */
    struct ending ending; /* of whoever waits */
    PGconn *conn;
    unsigned generation; /* of the connection */
    unsigned listening;  /* the generation of the one that was told to tell of notifications */
    bool over;           /* it is of no use any more */
    bool failed;
    struct error err; /* what failed first, or last */
    size_t sent;      /* statements since it was last looked for answers */
    struct postgres_expected *queue;
    size_t first, count, cap; /* a ring */
};

/* Connects where there is no connection, or none of any use. What was sent there is lost. */
int postgres_connected(struct postgres_pipe *p) must_use;

/* Ends the connection, with what it had begun. */
void postgres_hang_up(struct postgres_pipe *p);

void postgres_close(struct postgres_pipe *p);

/*
 * Sends something, without waiting for its answer. What is to be sent may be read at once. `answer`
 * may be NULL; else it stays until it was given, or forgotten.
 */
int postgres_send_command(struct postgres_pipe *p, enum postgres_sent_kind kind,
                          const char *sql) must_use;
int postgres_send(struct postgres_pipe *p, const char *sql, int n, const char *const *values,
                  const int *lengths, const int *formats, struct postgres_answer *answer) must_use;
int postgres_send_plan(struct postgres_pipe *p, struct postgres_plan *plan,
                       const char *const *values, const int *lengths, const int *formats,
                       struct postgres_answer *answer) must_use;

/* Makes sure that the server knows the plan, and tells the types of its parameters some time. */
int postgres_make(struct postgres_pipe *p, struct postgres_plan *plan) must_use;

/* Ends what fails together, and has it on its way. */
int postgres_sync(struct postgres_pipe *p) must_use;

/* Waits for all answers. -1 when something has failed, of this or of what came before. */
int postgres_settle(struct postgres_pipe *p) must_use;

/* Nothing is written into *answer any more. */
void postgres_forget(struct postgres_pipe *p, struct postgres_answer *answer);

/*
 * Waits until another connection has notified the channel `muster`, `fd` is readable, or the
 * deadline has passed; also a connection that is lost ends with one of them. The first wait of a
 * connection may end at once: there may have been something before it listened.
 */
void postgres_await(struct postgres_pipe *p, int fd, int64_t deadline);

/* Runs statements divided by semicolons, for at most `limit` nanoseconds without an answer. */
int postgres_run(struct postgres_pipe *p, const char *sql, int64_t limit) must_use;

/* Runs a COPY ... FROM STDIN with this for it. */
int postgres_copy(struct postgres_pipe *p, const char *sql, const char *data, size_t n) must_use;

/* Says that something else failed. Returns -1. */
int postgres_no_memory(struct postgres_pipe *p);
