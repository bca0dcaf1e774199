/*
 * board: where every worker is, and how far the run is, for whoever wants to look.
 *
 * A worker says where it is with one short call each time it moves on; the orchestrator says how
 * servers ended. Who looks, looks at any time, and holds nobody up for longer than it takes to copy
 * a few dozen fields: whatever the size of the fleet, the work is that of the plan's benchmarks and
 * of the few servers that are looked at.
 *
 * Threads: every function may be called by any thread; a place belongs to its worker. Where a board
 * is asked for, NULL is one that nobody looks at. A server's name is borrowed while a worker is at
 * it, and copied for who looks; names of benchmarks outlive the board.
 */
#pragma once

#include "base/error.h"
#include "model/run.h"
#include "model/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct board;

/* A worker's, while it is at a server; on its stack. */
struct spot {
    struct board *board;
    struct spot *before, *after; /* the servers begun just before and just after it */
    const char *server;
    size_t phase; /* 0: connecting; n: the plan's nth benchmark */
    const char *benchmark;
    int trial;
    int64_t begun;    /* of the server */
    int64_t since;    /* of the phase */
    int64_t trial_at; /* of the trial, or of the phase where there are none yet */
    int64_t deadline; /* of the trial; DEADLINE_NEVER: none is known */
};

/* For a plan of so many benchmarks. Fails with ERROR_INTERNAL. */
int board_new(size_t benchmarks, struct board **ret, struct error *err) must_use;

/* NULL is allowed. */
void board_free(struct board *b);

/* The worker begins with a server, then with the benchmark (from 1), then with a trial of it. */
void board_begin(struct board *b, struct spot *p, const char *server);
void board_benchmark(struct spot *p, size_t number, const char *name);
void board_trial(struct spot *p, int number, int64_t deadline);

/* The worker is done with the server. */
void board_end(struct spot *p);

/*
 * The orchestrator's: the sitting begins; how far the run is now; how a server ended; a server is
 * tried again, at `due` (of clock_now()).
 */
void board_start(struct board *b, const struct run *run, int fanout);
void board_totals(struct board *b, const struct run *run);
void board_failure(struct board *b, const char *server, enum reason reason, const char *detail);
void board_again(struct board *b, int64_t due);

#define BOARD_LACKING 200

/* Where several controllers work on the run, what one process sees of the others. */
struct board_crew {
    size_t workers;              /* alive, of all controllers */
    size_t elsewhere;            /* servers that others have claimed */
    char lacking[BOARD_LACKING]; /* sites that wait for a worker, for a sentence; or empty */
};

/* The orchestrator's, or that of who only follows the run. */
void board_crew(struct board *b, const struct board_crew *crew);

#define BOARD_LONGEST 8
#define BOARD_FAILURES 3
#define BOARD_DETAIL 200
#define BOARD_NAME (2 * SERVER_PART_MAX + 16) /* user, host and port */

/* A phase, over all attempts until now. Times in seconds. */
struct board_phase {
    size_t begun, ended;
    double took;   /* by those that ended, in sum */
    double so_far; /* by those in it, in sum */
};

struct board_running {
    char server[BOARD_NAME];
    const char *benchmark; /* NULL: connecting */
    int trial;             /* 0: none has begun */
    double seconds;        /* since the server was begun */
    double in_it;          /* since the trial, or what comes before it, was begun */
    double limit;          /* of the trial; NAN: none is known */
};

struct board_failed {
    char server[BOARD_NAME];
    enum reason reason;
    char detail[BOARD_DETAIL]; /* its beginning */
};

/* What there is to see. */
struct board_view {
    size_t total, passed, failed, errors, running;
    size_t judged;  /* in this sitting */
    double seconds; /* of this sitting */
    double pause;   /* until all that are to be tried again may be */
    bool shared;    /* `crew` was told */
    struct board_crew crew;
    int fanout;
    struct board_phase *phases; /* `phase_count`, one for connecting and one for each benchmark */
    size_t phase_count;
    struct board_running longest[BOARD_LONGEST]; /* the servers that were begun first */
    size_t longest_count;
    struct board_failed failures[BOARD_FAILURES]; /* the newest first */
    size_t failure_count;
};

/* Fills *v, which board_view_done() frees. False, with nothing in it, when memory ran out. */
bool board_look(struct board *b, struct board_view *v) must_use;
void board_view_done(struct board_view *v);

/* Of v->total, those that nobody works on and that have no verdict. */
size_t board_waiting(const struct board_view *v);
