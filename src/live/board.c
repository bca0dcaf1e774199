/*
 * board: see board.h.
 *
 * The spots are a list in the order in which their servers were begun, because a new one goes to
 * its end: so the longest-running servers are its first ones, and nobody has to look for them. Of a
 * phase only sums are kept; that of the times at which those in it began gives what they have taken
 * until any moment.
 */
#include "live/board.h"

#include "base/clock.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct phase {
    size_t begun, ended;
    int64_t took;
    int64_t since; /* the sum of when those in it began, from the board's start */
};

struct board {
    pthread_mutex_t lock; /* guards what is below */
    struct spot *first, *last;
    size_t running;
    size_t total, passed, failed, errors;
    size_t before; /* servers that had a verdict when the sitting began */
    int fanout;
    int64_t start;
    int64_t again; /* when the last pause ends of those until now */
    struct board_failed failures[BOARD_FAILURES];
    size_t failure_count;
    bool shared;
    struct board_crew crew;
    size_t phase_count;
    struct phase phases[];
};

int board_new(size_t benchmarks, struct board **ret, struct error *err) {
    size_t count = benchmarks + 1;
    struct board *b = calloc(1, sizeof(*b) + count * sizeof(b->phases[0]));
    if (!b)
        return error_memory(err);
    pthread_mutex_init(&b->lock, NULL);
    b->phase_count = count;
    b->start = clock_now();
    *ret = b;
    return 0;
}

void board_free(struct board *b) {
    if (b)
        pthread_mutex_destroy(&b->lock);
    free(b);
}

static double seconds(int64_t ns) {
    return (double)ns / CLOCK_S;
}

static void enter_locked(struct spot *p, size_t phase, int64_t now) {
    struct phase *to = &p->board->phases[phase];
    p->phase = phase;
    p->since = p->trial_at = now;
    p->trial = 0;
    p->deadline = DEADLINE_NEVER;
    to->begun++;
    to->since += now - p->board->start;
}

static void leave_locked(struct spot *p, int64_t now) {
    struct phase *from = &p->board->phases[p->phase];
    from->ended++;
    from->took += now - p->since;
    from->since -= p->since - p->board->start;
}

void board_begin(struct board *b, struct spot *p, const char *server) {
    *p = (struct spot){.board = b, .server = server};
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    p->begun = clock_now(); /* with the lock held, so that the list is in order */
    enter_locked(p, 0, p->begun);
    p->before = b->last;
    *(b->last ? &b->last->after : &b->first) = p;
    b->last = p;
    b->running++;
    pthread_mutex_unlock(&b->lock);
}

void board_benchmark(struct spot *p, size_t number, const char *name) {
    if (!p->board)
        return;
    int64_t now = clock_now();
    pthread_mutex_lock(&p->board->lock);
    leave_locked(p, now);
    enter_locked(p, number, now);
    p->benchmark = name;
    pthread_mutex_unlock(&p->board->lock);
}

void board_trial(struct spot *p, int number, int64_t deadline) {
    if (!p->board)
        return;
    int64_t now = clock_now();
    pthread_mutex_lock(&p->board->lock);
    p->trial = number;
    p->trial_at = now;
    p->deadline = deadline;
    pthread_mutex_unlock(&p->board->lock);
}

void board_end(struct spot *p) {
    struct board *b = p->board;
    if (!b)
        return;
    int64_t now = clock_now();
    pthread_mutex_lock(&b->lock);
    leave_locked(p, now);
    *(p->before ? &p->before->after : &b->first) = p->after;
    *(p->after ? &p->after->before : &b->last) = p->before;
    b->running--;
    pthread_mutex_unlock(&b->lock);
}

static void totals_locked(struct board *b, const struct run *run) {
    b->total = run->total;
    b->passed = run->passed;
    b->failed = run->failed;
    b->errors = run->errors;
}

void board_start(struct board *b, const struct run *run, int fanout) {
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    totals_locked(b, run);
    b->before = run->passed + run->failed + run->errors;
    b->fanout = fanout;
    b->start = clock_now();
    pthread_mutex_unlock(&b->lock);
}

void board_totals(struct board *b, const struct run *run) {
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    totals_locked(b, run);
    pthread_mutex_unlock(&b->lock);
}

void board_failure(struct board *b, const char *server, enum reason reason, const char *detail) {
    if (!b)
        return;
    struct board_failed new = {.reason = reason};
    snprintf(new.server, sizeof(new.server), "%s", server);
    size_t n = detail ? strnlen(detail, sizeof(new.detail) - 1) : 0;
    while (n > 0 && ((unsigned char)detail[n] & 0xc0) == 0x80)
        n--; /* no part of a character */
    if (n > 0)
        memcpy(new.detail, detail, n);
    pthread_mutex_lock(&b->lock);
    memmove(&b->failures[1], &b->failures[0], sizeof(b->failures) - sizeof(b->failures[0]));
    b->failures[0] = new;
    b->failure_count += b->failure_count < BOARD_FAILURES;
    pthread_mutex_unlock(&b->lock);
}

void board_again(struct board *b, int64_t due) {
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    if (due > b->again)
        b->again = due;
    pthread_mutex_unlock(&b->lock);
}

void board_crew(struct board *b, const struct board_crew *crew) {
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    b->shared = true;
    b->crew = *crew;
    pthread_mutex_unlock(&b->lock);
}

static void fill_running(const struct spot *p, int64_t now, struct board_running *ret) {
    bool limited = p->deadline != DEADLINE_NEVER;
    snprintf(ret->server, sizeof(ret->server), "%s", p->server);
    ret->benchmark = p->benchmark;
    ret->trial = p->trial;
    ret->seconds = seconds(now - p->begun);
    ret->in_it = seconds(now - p->trial_at);
    ret->limit = limited ? seconds(p->deadline - p->trial_at) : NAN;
}

/* `age`: of the board. */
static struct board_phase phase_of(const struct phase *p, int64_t age) {
    return (struct board_phase){.begun = p->begun,
                                .ended = p->ended,
                                .took = seconds(p->took),
                                .so_far = seconds((int64_t)(p->begun - p->ended) * age - p->since)};
}

static void look_locked(const struct board *b, struct board_view *v) {
    int64_t now = clock_now();
    v->total = b->total;
    v->passed = b->passed;
    v->failed = b->failed;
    v->errors = b->errors;
    v->running = b->running;
    v->judged = b->passed + b->failed + b->errors - b->before;
    v->seconds = seconds(now - b->start);
    v->pause = b->again > now ? seconds(b->again - now) : 0;
    v->fanout = b->fanout;
    v->shared = b->shared;
    v->crew = b->crew;
    for (size_t i = 0; i < b->phase_count; i++)
        v->phases[i] = phase_of(&b->phases[i], now - b->start);
    for (const struct spot *p = b->first; p && v->longest_count < BOARD_LONGEST; p = p->after)
        fill_running(p, now, &v->longest[v->longest_count++]);
    memcpy(v->failures, b->failures, sizeof(v->failures));
    v->failure_count = b->failure_count;
}

bool board_look(struct board *b, struct board_view *v) {
    *v = (struct board_view){.phases = calloc(b->phase_count, sizeof(*v->phases)),
                             .phase_count = b->phase_count};
    if (!v->phases)
        return false;
    pthread_mutex_lock(&b->lock);
    look_locked(b, v);
    pthread_mutex_unlock(&b->lock);
    return true;
}

void board_view_done(struct board_view *v) {
    free(v->phases);
    *v = (struct board_view){0};
}

size_t board_waiting(const struct board_view *v) {
    size_t known = v->passed + v->failed + v->errors + v->running + v->crew.elsewhere;
    return v->total > known ? v->total - known : 0;
}
