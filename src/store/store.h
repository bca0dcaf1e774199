/*
 * store: where runs are kept. A SQLite database in WAL mode, or a database of PostgreSQL, which
 * several processes may work on (store/crew.h); what was committed survives a crash of muster and
 * of the machine.
 *
 * A run's servers are rows that go from pending to claimed to done; the rows are numbered from 0 in
 * the inventory's order (`position`). One process at a time works on a run: it holds it, by a lock
 * that the kernel lets go however the process ends. What it had claimed is then pending again. A
 * schema version stands in the database; an older one is migrated when it is opened, a newer one is
 * refused.
 *
 * Threads: a store belongs to one thread. Errors are of kind ERROR_STORE and name the file.
 */
#pragma once

#include "base/error.h"
#include "model/baseline.h"
#include "model/labels.h"
#include "model/result.h"
#include "model/run.h"
#include "model/server.h"
#include "sync/ending.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

enum store_mode {
    STORE_READ,   /* nothing is written, and all that is read is of one moment: the first read's */
    STORE_CREATE, /* for a new run: makes file (mode 0600) and folder (0700) if need be */
    STORE_CHANGE, /* for a run that is there */
};

/*
 * Opens the store at `url`: a path, sqlite:PATH, or NULL for $XDG_STATE_HOME/muster/muster.db
 * (~/.local/state without the variable). A scheme that is not known, a file that is not there or is
 * no database, one of a newer version or one that cannot be written fails with ERROR_USAGE: nothing
 * was run yet. A disk that is full or broken is ERROR_STORE.
 */
int store_open(const char *url, enum store_mode mode, struct store **ret,
               struct error *err) must_use;

/*
 * The same, with what ends the waits for a server, and what does so from now on. Once its token is
 * fired, an answer that does not come within its moment fails as if the connection was lost, and
 * after that moment there is no new one (err->os is ECONNRESET). The token is borrowed until
 * another one is given.
 */
int store_open_ending(const char *url, enum store_mode mode, struct ending ending,
                      struct store **ret, struct error *err) must_use;
void store_end_with(struct store *s, struct ending ending);

/* Lets go of the run that it holds, if any. */
void store_close(struct store *s);

/* Where the log of a run is kept: logs/ID.jsonl beside the database. The caller frees it. */
char *store_log_path(const struct store *s, const char *run_id);

/* The folder for a run's files: outputs/ID beside the database. The caller frees it. */
char *store_output_folder(const struct store *s, const char *run_id);

/* What a later sitting needs to go on as the first one began. NULL: not there. */
struct store_recipe {
    char *options;     /* the option words of the command line, a JSON array */
    char *config_path; /* of the configuration file, for sentences */
    char *config;      /* its text, config_len bytes */
    size_t config_len;
    char *folder; /* where it was begun: what relative paths are relative to */
};

void store_recipe_done(struct store_recipe *r);

/*
 * Adds a run and its servers, all pending, and holds it: no other process can until
 * store_release(), store_close() or the end of this process, however it comes. Fills in the run's
 * id, its start and its totals. A store holds one run at a time.
 */
int store_begin(struct store *s, struct run *run, const struct store_recipe *recipe,
                const struct servers *servers, struct error *err) must_use;

/*
 * After store_begin() has lost a shared store (err->os is ECONNRESET), which may have the run
 * nevertheless: sees to it that it does, once, with the same id. May be called again, too.
 */
int store_begin_again(struct store *s, const struct run *run, const struct store_recipe *recipe,
                      const struct servers *servers, struct error *err) must_use;

/*
 * Holds the run of this id (or `last`) and reads it. Fails with ERROR_USAGE when there is none, the
 * nearest offered, and when another process holds it: the sentence says which, and since when.
 */
int store_hold(struct store *s, const char *run_id, struct run *ret, struct error *err) must_use;
void store_release(struct store *s);

/*
 * How the run was begun, and its servers, unless `servers` is NULL. Free with store_recipe_done()
 * and servers_done().
 */
int store_recipe(struct store *s, const char *run_id, struct store_recipe *ret,
                 struct servers *servers, struct error *err) must_use;

/*
 * Makes what has no final verdict pending, of the run that is held, and with `failed` also what did
 * not pass: those attempts are kept as earlier ones. Reads *run anew.
 */
int store_resume(struct store *s, struct run *run, bool failed, struct error *err) must_use;

/* Fills those of the run's outcomes, in the inventory's order, that have a final verdict. */
int store_outcomes(struct store *s, const struct run *run, struct outcome *outcomes,
                   struct error *err) must_use;

struct store_result {
    size_t position;
    const struct server_result *result;
    char *server; /* its name, of who hands it in and for him: the store does not read it */
    /* set by store_turn(), where the store is shared: */
    bool refused; /* another worker has the server by now: this is nobody's result */
    bool there;   /* it was in the store already */
};

/* A server that was claimed: all that is needed to measure it. */
struct store_claim {
    size_t position;
    struct server server; /* owned by who claimed it */
};

/*
 * Hands in `n` results and claims up to `max` pending servers in the inventory's order, or that of
 * store_set_order(), into claims[], in one transaction: when it returns, the results and
 * run->seconds are on disk. A result of VERDICT_CANCELLED leaves its server pending. Returns how
 * many were claimed, or -1: then it may be called again with the same.
 */
ssize_t store_turn(struct store *s, const struct run *run, struct store_result *results, size_t n,
                   size_t max, struct store_claim *claims, struct error *err) must_use;

/*
 * From now on store_turn() claims these servers, in this order; those of them that are pending.
 * Takes the positions over, which free() must be able to free, also when it is called again. A run
 * that begins or is resumed afterwards has the inventory's order again.
 */
void store_set_order(struct store *s, size_t *positions, size_t n);

/*
 * From now on store_turn() claims no more servers that have the same value of a label than its
 * limit says are to be worked on at once, in all runs of the store together. The limits are
 * borrowed until the next call; NULL or none: there are no limits.
 */
int store_set_limits(struct store *s, const struct label_limits *limits,
                     struct error *err) must_use;

/* Whether the last turn claimed fewer than it could because of limits: there are more to claim. */
bool store_held_back(const struct store *s);

/* Whether it claimed none because other runs of a shared store have those that are left in hand. */
bool store_in_others_hands(const struct store *s);

/* What judging the run as a whole came to for one server that has a final verdict. */
struct store_judged {
    size_t position;
    enum verdict verdict;
    enum reason reason;
    const char *detail; /* or NULL, as the other two, which are JSON arrays */
    const char *findings;
    const char *why;
};

/*
 * Writes that of n servers, with run->passed and run->failed, and that the run was judged; `notes`
 * is a JSON array of sentences about it, or NULL. All of it, or nothing. Returns 1, with nothing
 * written, when another worker of a shared store has judged the run meanwhile, or it was resumed.
 */
int store_judge(struct store *s, const struct run *run, const struct store_judged *judged, size_t n,
                const char *notes, struct error *err) must_use;

/* The notes of the run, NULL when there are none; the caller frees them. */
int store_notes(struct store *s, const char *run_id, char **ret, struct error *err) must_use;

/* Gives claimed servers back as pending, and notes run->seconds. */
int store_end(struct store *s, const struct run *run, struct error *err) must_use;

/*
 * The run of this id (`last`: the newest). ERROR_USAGE with the nearest id when there is none. Its
 * holder is the process that works on it now.
 */
int store_run(struct store *s, const char *run_id, struct run *ret, struct error *err) must_use;

/* All runs, the newest first; the caller frees *ret. */
int store_runs(struct store *s, struct run **ret, size_t *count, struct error *err) must_use;

/*
 * Calls each() for every server of the run in the inventory's order, with its earlier attempts; a
 * server without a verdict has a result of VERDICT_CANCELLED, REASON_INTERRUPTED. The result is
 * borrowed for the call. A negative value of each() ends the walk and is returned.
 */
typedef int store_each_fn(void *arg, const char *server, const struct server_result *result,
                          struct error *err);
int store_each(struct store *s, const char *run_id, store_each_fn *each, void *arg,
               struct error *err) must_use;

/* As store_each(), of the servers at these positions and between them. */
int store_each_between(struct store *s, const char *run_id, size_t first, size_t last,
                       store_each_fn *each, void *arg, struct error *err) must_use;

/* The position of a server in the run; ERROR_USAGE when it has none of this name. */
int store_position(struct store *s, const char *run_id, const char *server, size_t *ret,
                   struct error *err) must_use;

/* How far a server of a run is. */
struct store_progress {
    size_t position;
    enum { STORE_PENDING, STORE_CLAIMED, STORE_DONE } state;
    enum verdict verdict; /* and the rest: when it is done */
    enum reason reason;
    double seconds;
};

/*
 * Calls each() for every server of the run in the inventory's order. It costs little: nothing is
 * read of what was measured. A negative value of each() ends the walk and is returned.
 */
typedef int store_progress_fn(void *arg, const struct store_progress *p, struct error *err);
int store_each_progress(struct store *s, const char *run_id, store_progress_fn *each, void *arg,
                        struct error *err) must_use;

/*
 * For who follows what others write, with a store that was opened to be read: what is read from now
 * on is of one moment, the first read's. *changed: something was written since the last time; true
 * the first time.
 */
int store_refresh(struct store *s, bool *changed, struct error *err) must_use;

/*
 * Between one look and the next: the moment that was read ends. While one lasts, SQLite's log of
 * what others write cannot begin anew and grows.
 */
int store_rest(struct store *s, struct error *err) must_use;

/*
 * Calls each() for every server of the run, in the inventory's order, with a text that is borrowed
 * for the call: its name, as it stands in the store; or the JSON text of its facts, if it told
 * them; or of what judging the run found of it, if it did; or for every benchmark that sensors
 * watched. A negative value of each() ends the walk and is returned.
 */
typedef int store_text_fn(void *arg, size_t position, const char *text, struct error *err);
int store_each_name(struct store *s, const char *run_id, store_text_fn *each, void *arg,
                    struct error *err) must_use;
int store_each_facts(struct store *s, const char *run_id, store_text_fn *each, void *arg,
                     struct error *err) must_use;
int store_each_finding(struct store *s, const char *run_id, store_text_fn *each, void *arg,
                       struct error *err) must_use;
int store_each_sensors(struct store *s, const char *run_id, store_text_fn *each, void *arg,
                       struct error *err) must_use;

/*
 * The baselines, which belong to no run. One whose numbers something else has spoiled is
 * ERROR_STORE, and named; for who is about to replace or drop it (`_any`) it has a median of NAN
 * and no servers.
 */
int store_baselines(struct store *s, struct baselines *ret, struct error *err) must_use;
int store_baselines_any(struct store *s, struct baselines *ret, struct error *err) must_use;

/* Each instead of the one there is of its kind, benchmark and metric: all of them, or none. */
int store_put_baselines(struct store *s, const struct baselines *list, struct error *err) must_use;

/* Those of a kind, or all when it is NULL. */
int store_drop_baselines(struct store *s, const char *kind, struct error *err) must_use;

/*
 * Calls each() for every server that was ever told of a kind, in the order of kinds, with the kind
 * that it was of in the newest run that measured it. A negative value of each() ends the walk.
 */
typedef int store_kinds_fn(void *arg, const char *server, const char *kind, struct error *err);
int store_kinds(struct store *s, store_kinds_fn *each, void *arg, struct error *err) must_use;
