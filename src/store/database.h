/*
 * database: the connection below a store and its prepared statements. For the store's own files.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "store/held.h"
#include "store/sql.h"
#include "store/store.h"

enum statement {
    ADD_RUN,
    FIND_RUN,
    ADD_SERVER,
    FIND_PENDING,
    DROP_BENCHMARKS,
    CLAIM,
    FINISH_SERVER,
    ADD_BENCHMARK,
    COUNT_UP,
    UNCLAIM,
    END_RUN,
    SET_HOLDER,
    PAST_SERVERS,
    PAST_BENCHMARKS,
    DROP_PAST,
    REOPEN_SERVERS,
    REOPEN_RUN,
    PUT_BASELINE,
    DROP_BASELINES,
    JUDGE_SERVER,
    JUDGE_RUN,
    FIND_NOTES,
    DROPPED_RUNS,
    DROP_RUN,
    DROP_RUN_ROW,
    DROP_END,
    RESERVE_RUN,
    PLACES_PENDING,
    PLACES_CLAIMED,
    PLACES_RUN,
    SHARED_RENEW,
    SHARED_JOIN,
    SHARED_ADOPT,
    SHARED_LEAVE,
    SHARED_REAP,
    SHARED_FORGET_DEAD,
    SHARED_ACCEPT,
    SHARED_COUNT,
    SHARED_CLAIM,
    SHARED_CLAIM_THESE,
    SHARED_IS_LEFT,
    SHARED_LOCK_PLACES,
    SHARED_DROP_PARTS,
    SHARED_NOTIFY,
    SHARED_LOCK_RUN,
    SHARED_LOCK_TALLY,
    SHARED_REOPEN,
    SHARED_REOPEN_COUNTS,
    SHARED_REOPEN_SERVERS,
    SHARED_END,
    SHARED_STOP,
    SHARED_IS_DONE,
    SHARED_JUDGE,
    SHARED_COUNTED,
    SHARED_FIND_WORK,
    SHARED_MAY_COME,
    SHARED_MAY_JUDGE,
    SHARED_IS_JUDGED,
    SHARED_JUDGED,
    SHARED_WORKERS,
    SHARED_SITES,
    SHARED_UNCLAIM,
    SHARED_IS_BUSY,
    SHARED_DROP_LOCK,
    SHARED_DROP_FILES,
    SHARED_ADD_RUN,
    SHARED_LOG_BEGIN,
    SHARED_LOG_FILE,
    SHARED_LOG_LINES,
    SHARED_LOG_CARRIED,
    STATEMENT_COUNT
};

/* Their texts. */
extern const char *const statements[STATEMENT_COUNT];

/* This process among those that work on the runs of a shared store (store/crew.h). */
struct crew {
    const char *site;
    int fanout;
    int64_t lease;
    int64_t started; /* its process was */
    bool draining;   /* it was told to end */
    int64_t number;  /* of its row; 0: it has none, or has to join anew */
    int64_t former;  /* the number that it had when it lost connection or lease; 0: it has it yet */
    int64_t contact; /* when it last was in contact, of clock_now() */
    int64_t steady;  /* since when it has been, without a break */
    bool in_others_hands;      /* what its last turn left pending: the servers are other runs' */
    struct held held;          /* of the held run */
    struct held_claim *claims; /* of the turn that is not on disk yet */
    size_t claim_count, claim_cap;
    int64_t denied;       /* the run that another judges */
    int64_t denied_since; /* of clock_now() */
};

struct places;

struct store {
    struct sql *db;
    char *path;   /* of SQLite's file, or NULL */
    char *folder; /* where logs/ and outputs/ are */
    struct sql_stmt *statements[STATEMENT_COUNT];
    size_t *order; /* positions as they are to be claimed; NULL: as they are */
    size_t order_count;
    struct places *places; /* store/places.h; NULL: there are no limits */
    size_t claimed_to;     /* what is before it in that order was claimed, or is not pending */
    struct str json;       /* of the row that is being written; kept for its memory */
    int hold;              /* the lock of the run that is held, or -1 (store/hold.h) */
    int64_t held_run;      /* its number */
    int64_t version;       /* of the data, when store_refresh() looked last; 0: it never did */
    struct crew crew;
    bool noted; /* its row says that this process holds it */
};

/* Fills *err with what the database says. Returns -1. */
int database_fail(struct store *s, struct error *err);

/*
 * Whether a transaction that failed, and was undone, may be tried again: what memory there was not
 * may be there a moment later, and a run of hours is not to end for less. Waits for that moment.
 * *tries is 0 at first.
 */
bool database_try_again(int *tries, const struct error *err) must_use;

/* A statement of the caller's own: see sql_prepare() and sql_prepare_walk(). */
int database_prepare(struct store *s, const char *text, struct sql_stmt **ret,
                     struct error *err) must_use;
int database_prepare_walk(struct store *s, const char *text, struct sql_stmt **ret,
                          struct error *err) must_use;

/* Frees it; returns rc, or -1 when rc was none and the last step had failed. NULL is allowed. */
int database_finalize(struct store *s, struct sql_stmt *stmt, int rc, struct error *err) must_use;

/* The statement, ready to be bound; NULL with the error. */
struct sql_stmt *database_use(struct store *s, enum statement which, struct error *err) must_use;

/* Runs a statement that returns no row, and makes it ready for the next use. */
int database_run(struct store *s, struct sql_stmt *stmt, struct error *err) must_use;

/* As database_run(), of a statement that takes the run's number and nothing else. */
int database_run_on(struct store *s, enum statement which, int64_t run, struct error *err) must_use;

/* A transaction that writes; database_end() commits when rc is 0, else undoes all and keeps *err.
 */
int database_begin(struct store *s, struct error *err) must_use;
int database_end(struct store *s, int rc, struct error *err) must_use;

/*
 * Many rows are about to be read: of a shared store in a transaction, or they would all be fetched
 * at once. Within one that is there already nothing is begun. database_read_end() ends what was
 * begun, and returns rc, or -1 with the error.
 */
int database_read(struct store *s, bool *begun, struct error *err) must_use;
int database_read_end(struct store *s, bool begun, int rc, struct error *err) must_use;

/* The number of a run; 0: it is not there. */
int database_seek_run(struct store *s, const char *run_id, int64_t *ret,
                      struct error *err) must_use;

/* That of one that must be there. */
int database_find_run(struct store *s, const char *run_id, int64_t *ret,
                      struct error *err) must_use;
