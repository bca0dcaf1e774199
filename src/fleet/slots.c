/*
 * slots: see slots.h.
 *
 * A part is what its fleet last said of itself, so a server that has ended counts until the fleet
 * comes round: it is handed in by then, and the fleet has had its chance to put another one in its
 * place before a younger one did.
 */
#include "fleet/slots.h"

#include "base/attr.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slots {
    pthread_mutex_t lock;     /* guards what follows, and the parts */
    struct slots_part *first; /* of the oldest run */
};

int slots_new(struct slots **ret, struct error *err) {
    struct slots *s = calloc(1, sizeof(*s));
    if (!s)
        return error_memory(err);
    pthread_mutex_init(&s->lock, NULL);
    *ret = s;
    return 0;
}

void slots_free(struct slots *s) {
    if (s)
        pthread_mutex_destroy(&s->lock);
    free(s);
}

/* Names of runs sort by their time. */
void slots_join(struct slots *s, struct slots_part *p, const char *run, int fanout) {
    *p = (struct slots_part){.of = s, .fanout = (size_t)fanout};
    snprintf(p->run, sizeof(p->run), "%s", run);
    pthread_mutex_lock(&s->lock);
    struct slots_part **at = &s->first;
    while (*at && strcmp((*at)->run, run) <= 0)
        at = &(*at)->next;
    p->next = *at;
    *at = p;
    pthread_mutex_unlock(&s->lock);
}

void slots_leave(struct slots_part *p) {
    struct slots *s = TAKE(p->of);
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    struct slots_part **at = &s->first;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    pthread_mutex_unlock(&s->lock);
}

static bool is_alone_locked(const struct slots *s) {
    return !s->first->next;
}

/*
 * What is left for the part: not used by any, nor waited for by an older one, which may have to
 * wait for fewer to be at work than this part's fan-out.
 */
static size_t free_locked(const struct slots_part *p) {
    size_t taken = 0, most = p->fanout;
    bool older = true;
    for (const struct slots_part *o = p->of->first; o; o = o->next) {
        older = older && o != p;
        taken += o->used + (older ? o->wanted : 0);
        if (older && o->wanted > 0 && o->fanout < most)
            most = o->fanout;
    }
    return taken < most ? most - taken : 0;
}

size_t slots_ask(struct slots_part *p, size_t busy, size_t most) {
    if (!p)
        return most;
    pthread_mutex_lock(&p->of->lock);
    p->used = busy;
    if (!is_alone_locked(p->of)) {
        size_t left = free_locked(p);
        most = left < most ? left : most;
    }
    p->used += most;
    pthread_mutex_unlock(&p->of->lock);
    return most;
}

void slots_settle(struct slots_part *p, size_t busy, size_t wanted) {
    if (!p)
        return;
    pthread_mutex_lock(&p->of->lock);
    p->used = busy;
    p->wanted = wanted;
    p->asked = true;
    pthread_mutex_unlock(&p->of->lock);
}

bool slots_take(struct slots_part *p) {
    if (!p)
        return true;
    pthread_mutex_lock(&p->of->lock);
    bool taken = is_alone_locked(p->of) || free_locked(p) > 0;
    if (taken)
        p->used++;
    else if (p->wanted == 0)
        p->wanted = 1;
    pthread_mutex_unlock(&p->of->lock);
    return taken;
}

bool slots_spare(struct slots *s) {
    size_t used = 0, most = 0;
    bool content = true;
    pthread_mutex_lock(&s->lock);
    for (const struct slots_part *p = s->first; p; p = p->next) {
        used += p->used;
        most = p->fanout > most ? p->fanout : most;
        content = content && p->asked && p->wanted == 0;
    }
    bool spare = !s->first || (content && used < most);
    pthread_mutex_unlock(&s->lock);
    return spare;
}
