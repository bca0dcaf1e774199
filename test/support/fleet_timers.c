/* fleet_timers: see fleet_timers.h. */
#include "fleet_timers.h"

#include "base/clock.h"
#include "base/vec.h"

void timers_done(struct timers *t) {
    free(t->heap);
}

static void put(struct timers *t, size_t place, struct timer *timer) {
    t->heap[place - 1] = timer;
    timer->place = place;
}

static void move_up(struct timers *t, struct timer *timer, size_t place) {
    for (; place > 1 && t->heap[place / 2 - 1]->due > timer->due; place /= 2)
        put(t, place, t->heap[place / 2 - 1]);
    put(t, place, timer);
}

static void move_down(struct timers *t, struct timer *timer, size_t place) {
    for (size_t child; (child = 2 * place) <= t->count; place = child) {
        if (child < t->count && t->heap[child]->due < t->heap[child - 1]->due)
            child++;
        if (t->heap[child - 1]->due >= timer->due)
            break;
        put(t, place, t->heap[child - 1]);
    }
    put(t, place, timer);
}

static void move(struct timers *t, struct timer *timer, size_t place) {
    if (place > 1 && t->heap[place / 2 - 1]->due > timer->due)
        move_up(t, timer, place);
    else
        move_down(t, timer, place);
}

static void take_out(struct timers *t, struct timer *timer) {
    struct timer *last = t->heap[--t->count];
    if (last != timer)
        move(t, last, timer->place);
    timer->place = 0;
}

int timers_set(struct timers *t, struct timer *timer, int64_t due) {
    timer->due = due;
    if (due == DEADLINE_NEVER) {
        if (timer->place > 0)
            take_out(t, timer);
        return 0;
    }
    if (timer->place > 0) {
        move(t, timer, timer->place);
        return 0;
    }
    if (vec_reserve(&t->heap, &t->cap, t->count + 1, sizeof(struct timer *)) != 0)
        return -1;
    move_up(t, timer, ++t->count);
    return 0;
}

int64_t timers_due(const struct timers *t) {
    return t->count > 0 ? t->heap[0]->due : DEADLINE_NEVER;
}

struct timer *timers_take(struct timers *t, int64_t now) {
    if (timers_due(t) > now)
        return NULL;
    struct timer *first = t->heap[0];
    take_out(t, first);
    return first;
}
