/*
 * watch: see watch.h.
 *
 * The list of watches has a lock, and so has each watch; neither is taken while the other is held.
 * The store is opened and read by the watch's thread alone, under no lock.
 */
#include "serve/watch.h"

#include "base/clock.h"
#include "base/vec.h"
#include "store/store.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define STACK (512 * 1024)

/* How far a server is, in a few bytes. */
struct place {
    uint32_t look;     /* at which it was first seen so; 0: not seen */
    bool done, judged; /* judged: something was found on it at the end of the run */
    uint8_t verdict, reason;
    float seconds; /* of the attempt: another one may come to the same verdict */
};

struct watches {
    const char *store;
    const struct cancel *cancel;
    pthread_mutex_t lock; /* guards the list, and the counts of listeners */
    struct watch *first;
};

struct watch {
    struct watches *all;
    struct watch *next; /* guarded by the list's lock, as are the two below */
    unsigned listeners;
    bool stop;
    char id[RUN_ID_SIZE];
    uint64_t epoch;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct watch_view view;
    struct place *places;
    size_t count, cap;
};

/* ---- looking ---- */

/* What one look has read, before others see it. */
struct look {
    struct run run;
    struct place *places;
    size_t count, cap;
    size_t claimed;
};

static int note(void *arg, const struct store_progress *p, struct error *err) {
    struct look *l = arg;
    if (vec_reserve(&l->places, &l->cap, l->count + 1, sizeof(*l->places)) < 0)
        return error_memory(err);
    l->claimed += p->state == STORE_CLAIMED;
    l->places[l->count++] = (struct place){.done = p->state == STORE_DONE,
                                           .verdict = (uint8_t)p->verdict,
                                           .reason = (uint8_t)p->reason,
                                           .seconds = (float)p->seconds};
    return 0;
}

/* What judging a run as a whole says of a server does not always change its verdict. */
static int mark(void *arg, size_t position, const char *text, struct error *err) {
    (void)text;
    (void)err;
    struct look *l = arg;
    if (position < l->count)
        l->places[position].judged = true;
    return 0;
}

static bool is_same(const struct place *a, const struct place *b) {
    return a->done == b->done && a->judged == b->judged && a->verdict == b->verdict &&
           a->reason == b->reason && a->seconds == b->seconds;
}

static bool is_same_run(const struct run *a, const struct run *b) {
    return a->holder.pid == b->holder.pid && a->open == b->open && a->passed == b->passed &&
           a->failed == b->failed && a->errors == b->errors && a->judged == b->judged &&
           (a->seconds == b->seconds || (isnan(a->seconds) && isnan(b->seconds)));
}

/* Makes what was read the view, if it is another one. Takes the places over. */
static void show(struct watch *w, struct look *l, bool rows) {
    pthread_mutex_lock(&w->lock);
    uint32_t number = w->view.look + 1;
    bool news = number == 1 || !is_same_run(&w->view.run, &l->run);
    for (size_t i = 0; rows && i < l->count; i++) {
        bool same = i < w->count && is_same(&w->places[i], &l->places[i]);
        l->places[i].look = same ? w->places[i].look : number;
        news |= !same;
    }
    news |= rows && l->claimed != w->view.claimed;
    if (news)
        w->view = (struct watch_view){.look = number,
                                      .run = l->run,
                                      .claimed = rows ? l->claimed : w->view.claimed,
                                      .over = !run_goes_on(&l->run)};
    struct place *old = NULL;
    if (rows) {
        old = w->places;
        w->places = TAKE(l->places);
        w->count = l->count;
    }
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    free(old);
}

/* The lock of who works on the run is not in the store: it is looked at each time. */
static int look(struct watch *w, struct store *store, struct error *err) {
    struct look l = {0};
    bool rows;
    int rc = store_refresh(store, &rows, err);
    if (rc == 0)
        rc = store_run(store, w->id, &l.run, err);
    if (rc == 0 && rows)
        rc = store_each_progress(store, w->id, note, &l, err);
    if (rc == 0 && rows && l.run.judged)
        rc = store_each_finding(store, w->id, mark, &l, err);
    if (rc == 0)
        rc = store_rest(store, err);
    if (rc == 0)
        show(w, &l, rows);
    free(l.places);
    return rc;
}

static bool is_to_stop(struct watch *w) {
    pthread_mutex_lock(&w->all->lock);
    bool stop = w->stop;
    pthread_mutex_unlock(&w->all->lock);
    return stop;
}

static void *follow(void *arg) {
    struct watch *w = arg;
    struct store *store = NULL;
    struct error err;
    pthread_setname_np(pthread_self(), "watch");
    if (store_open(w->all->store, STORE_READ, &store, &err) == 0)
        while (!is_to_stop(w) && look(w, store, &err) == 0 &&
               !cancel_sleep(w->all->cancel, deadline_in(CLOCK_S / WATCH_RATE)))
            ;
    store_close(store);
    /* the program ends, or the store cannot be read: listeners are not to wait for more */
    pthread_mutex_lock(&w->lock);
    w->view.look++;
    w->view.over = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- the list ---- */

int watches_new(const char *store, const struct cancel *cancel, struct watches **ret,
                struct error *err) {
    struct watches *all = calloc(1, sizeof(*all));
    if (!all)
        return error_memory(err);
    all->store = store;
    all->cancel = cancel;
    pthread_mutex_init(&all->lock, NULL);
    *ret = all;
    return 0;
}

void watches_free(struct watches *all) {
    if (!all)
        return;
    pthread_mutex_destroy(&all->lock);
    free(all);
}

static void watch_free(struct watch *w) {
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w->places);
    free(w);
}

static int start_thread(struct watch *w, struct error *err) {
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK);
    int rc = pthread_create(&w->thread, &attr, follow, w);
    pthread_attr_destroy(&attr);
    return rc == 0 ? 0 : error_os(err, ERROR_INTERNAL, rc, "cannot start a thread");
}

/* The watch of this run with one listener more, or NULL. */
static struct watch *find_locked(struct watches *all, const char *run_id) {
    struct watch *w = all->first;
    while (w && strcmp(w->id, run_id) != 0)
        w = w->next;
    if (w)
        w->listeners++;
    return w;
}

int watch_join(struct watches *all, const char *run_id, struct watch **ret, struct error *err) {
    struct watch *own = calloc(1, sizeof(*own));
    if (!own)
        return error_memory(err);
    own->all = all;
    own->listeners = 1;
    own->epoch = (uint64_t)clock_wall();
    memcpy(own->id, run_id, strnlen(run_id, sizeof(own->id) - 1));
    pthread_mutex_init(&own->lock, NULL);
    pthread_cond_init(&own->changed, NULL);
    pthread_mutex_lock(&all->lock);
    struct watch *w = find_locked(all, run_id);
    if (!w) {
        own->next = all->first;
        all->first = own;
    }
    /* in the list, it waits for its thread: nobody may take it out of there before that is known */
    int rc = w ? 0 : start_thread(own, err);
    if (rc < 0)
        all->first = own->next;
    pthread_mutex_unlock(&all->lock);
    if (w || rc < 0)
        watch_free(own);
    if (rc == 0)
        *ret = w ? w : own;
    return rc;
}

void watch_leave(struct watch *w) {
    struct watches *all = w->all;
    pthread_mutex_lock(&all->lock);
    bool last = --w->listeners == 0;
    if (last) {
        struct watch **at = &all->first;
        while (*at != w)
            at = &(*at)->next;
        *at = w->next;
        w->stop = true;
    }
    pthread_mutex_unlock(&all->lock);
    if (!last)
        return;
    pthread_join(w->thread, NULL);
    watch_free(w);
}

uint64_t watch_epoch(const struct watch *w) {
    return w->epoch;
}

bool watch_wait(struct watch *w, uint32_t look, int64_t deadline, struct watch_view *ret) {
    struct timespec until = deadline_timespec(deadline);
    int rc = 0;
    pthread_mutex_lock(&w->lock);
    while (w->view.look <= look && rc == 0)
        rc = pthread_cond_clockwait(&w->changed, &w->lock, CLOCK_MONOTONIC, &until);
    bool news = w->view.look > look;
    if (news)
        *ret = w->view;
    pthread_mutex_unlock(&w->lock);
    return news;
}

size_t watch_changed(struct watch *w, uint32_t since, size_t *position, size_t *positions,
                     size_t max) {
    size_t n = 0;
    pthread_mutex_lock(&w->lock);
    for (; *position < w->count && n < max; ++*position) {
        const struct place *p = &w->places[*position];
        if (p->look > since && (p->done || since > 0))
            positions[n++] = *position;
    }
    pthread_mutex_unlock(&w->lock);
    return n;
}
