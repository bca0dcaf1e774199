/*
 * team: see team.h.
 *
 * A barrier would do for the start, but not for a start that fails half-way: those who are there
 * must go home again. So a lock and a condition variable keep them, and the word is `go` or `home`.
 */
#include "team.h"

#include "base/clock.h"
#include "cpus.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define STACK (128 * 1024)

enum word { WAIT, GO, HOME };

struct team {
    void (*work)(void *arg, int i);
    void *arg;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    int ready;
    enum word word;
};

struct member {
    struct team *team;
    pthread_t thread;
    int i, cpu;
    int64_t end;
};

/* Waits for the word. */
static bool may_go(struct team *t) {
    pthread_mutex_lock(&t->lock);
    t->ready++;
    pthread_cond_broadcast(&t->changed);
    while (t->word == WAIT)
        pthread_cond_wait(&t->changed, &t->lock);
    bool go = t->word == GO;
    pthread_mutex_unlock(&t->lock);
    return go;
}

static void *member_main(void *arg) {
    struct member *m = arg;
    cpus_pin(m->cpu);
    if (may_go(m->team))
        m->team->work(m->team->arg, m->i);
    m->end = clock_now();
    return NULL;
}

/* Returns how many could be started, with why no more as errno in *why. */
static int start(struct team *t, struct member *members, const int *cpus, int count, int *why) {
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    int started = 0;
    for (*why = 0; started < count; started++) {
        members[started] = (struct member){.team = t, .i = started, .cpu = cpus[started]};
        *why = pthread_create(&members[started].thread, &attr, member_main, &members[started]);
        if (*why)
            break;
    }
    pthread_attr_destroy(&attr);
    return started;
}

/* Says the word once all are ready. */
static int64_t say(struct team *t, int started, enum word word) {
    pthread_mutex_lock(&t->lock);
    while (t->ready < started)
        pthread_cond_wait(&t->changed, &t->lock);
    int64_t now = clock_now();
    t->word = word;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    return now;
}

int team_run(const int *cpus, int count, void (*work)(void *arg, int i), void *arg,
             struct team_times *times, struct failure *f) {
    cleanup(free_ptr) struct member *members = calloc((size_t)count, sizeof(*members));
    if (!members)
        return failure_set(f, "internal", "the server is out of memory");
    struct team t = {.work = work,
                     .arg = arg,
                     .lock = PTHREAD_MUTEX_INITIALIZER,
                     .changed = PTHREAD_COND_INITIALIZER};
    int why;
    int started = start(&t, members, cpus, count, &why);
    struct team_times took = {.begin = say(&t, started, started == count ? GO : HOME)};
    for (int i = 0; i < started; i++) {
        pthread_join(members[i].thread, NULL);
        took.end = members[i].end > took.end ? members[i].end : took.end;
    }
    if (started < count)
        return failure_set(f, "internal", "only %d of %d threads could be started: %s", started,
                           count, strerror(why));
    if (times)
        *times = took;
    return 0;
}
