/* roster: see roster.h. */
#include "cli/roster.h"

#include "base/clock.h"
#include "base/vec.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASS_OVER (60 * CLOCK_S)
#define PUT_OFF (10 * CLOCK_S)

/* A run that is left alone. */
struct left_alone {
    char run[RUN_ID_SIZE];
    int64_t until;
    bool put_off; /* only for others that are in hand */
};

/* A run in hand. */
struct entry {
    char run[RUN_ID_SIZE];
    struct cancel *cancel;
};

struct roster {
    struct slots *slots;
    size_t most;

    pthread_mutex_t lock; /* guards what follows */
    bool looked;          /* a loop looks */
    bool ended;           /* roster_end_all() was called */
    bool passed_over;
    char *folder; /* that the runs in hand have; NULL: none of them is here */
    struct entry *entries;
    size_t count, cap;
    struct left_alone *alone;
    size_t alone_count, alone_cap;
};

int roster_new(size_t most, struct roster **ret, struct error *err) {
    struct roster *r = calloc(1, sizeof(*r));
    if (!r)
        return error_memory(err);
    r->most = most;
    pthread_mutex_init(&r->lock, NULL);
    *ret = r;
    return slots_new(&r->slots, err);
}

void roster_free(struct roster *r) {
    if (!r)
        return;
    slots_free(r->slots);
    pthread_mutex_destroy(&r->lock);
    free(r->folder);
    free(r->entries);
    free(r->alone);
    free(r);
}

struct slots *roster_slots(struct roster *r) {
    return r->slots;
}

/* ---- who looks ----------------------------------------------------------------------------- */

/* `spare`: the runs in hand leave slots. No lock is taken while another is held. */
static bool has_room_locked(const struct roster *r, bool spare) {
    return r->count == 0 || (spare && r->count < r->most);
}

bool roster_lacks(struct roster *r) {
    bool spare = slots_spare(r->slots);
    pthread_mutex_lock(&r->lock);
    bool lacks = !r->looked && has_room_locked(r, spare);
    pthread_mutex_unlock(&r->lock);
    return lacks;
}

bool roster_look(struct roster *r) {
    bool spare = slots_spare(r->slots);
    pthread_mutex_lock(&r->lock);
    bool looks = !r->looked && has_room_locked(r, spare);
    r->looked |= looks;
    pthread_mutex_unlock(&r->lock);
    return looks;
}

bool roster_look_on(struct roster *r) {
    bool spare = slots_spare(r->slots);
    pthread_mutex_lock(&r->lock);
    bool looks = has_room_locked(r, spare);
    r->looked = looks;
    pthread_mutex_unlock(&r->lock);
    return looks;
}

void roster_look_away(struct roster *r) {
    pthread_mutex_lock(&r->lock);
    r->looked = false;
    pthread_mutex_unlock(&r->lock);
}

/* ---- runs that are left alone -------------------------------------------------------------- */

static bool is_left_alone_locked(const struct roster *r, const struct left_alone *a) {
    return clock_now() < a->until && (!a->put_off || r->count > 0);
}

int roster_except(struct roster *r, struct str *out, struct error *err) {
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++)
        str_addf(out, "%s%s", out->len ? " " : "", r->entries[i].run);
    for (size_t i = 0; i < r->alone_count; i++)
        if (is_left_alone_locked(r, &r->alone[i]))
            str_addf(out, "%s%s", out->len ? " " : "", r->alone[i].run);
    pthread_mutex_unlock(&r->lock);
    return out->failed ? error_memory(err) : 0;
}

static int leave_alone(struct roster *r, const char *run, bool put_off, struct error *err) {
    int rc = 0;
    size_t i = 0;
    pthread_mutex_lock(&r->lock);
    while (i < r->alone_count && strcmp(r->alone[i].run, run) != 0)
        i++;
    if (i == r->alone_count)
        rc = vec_reserve(&r->alone, &r->alone_cap, i + 1, sizeof(*r->alone));
    if (rc == 0) {
        r->alone_count += i == r->alone_count;
        r->alone[i] = (struct left_alone){.put_off = put_off,
                                          .until = deadline_in(put_off ? PUT_OFF : PASS_OVER)};
        snprintf(r->alone[i].run, sizeof(r->alone[i].run), "%s", run);
        r->passed_over |= !put_off;
    }
    pthread_mutex_unlock(&r->lock);
    return rc == 0 ? 0 : error_memory(err);
}

int roster_pass_over(struct roster *r, const char *run, struct error *err) {
    return leave_alone(r, run, false, err);
}

int roster_put_off(struct roster *r, const char *run, struct error *err) {
    return leave_alone(r, run, true, err);
}

bool roster_passed_over(struct roster *r) {
    pthread_mutex_lock(&r->lock);
    bool passed_over = r->passed_over;
    pthread_mutex_unlock(&r->lock);
    return passed_over;
}

/* ---- runs in hand -------------------------------------------------------------------------- */

int roster_begin(struct roster *r, const char *run, struct cancel *cancel, struct error *err) {
    pthread_mutex_lock(&r->lock);
    int rc = vec_reserve(&r->entries, &r->cap, r->count + 1, sizeof(*r->entries));
    if (rc == 0) {
        struct entry *e = &r->entries[r->count++];
        snprintf(e->run, sizeof(e->run), "%s", run);
        e->cancel = cancel;
        r->looked = false;
        if (r->ended)
            cancel_fire(cancel);
    }
    pthread_mutex_unlock(&r->lock);
    return rc == 0 ? 0 : error_memory(err);
}

void roster_done(struct roster *r, const char *run) {
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->entries[i].run, run) == 0)
            r->entries[i--] = r->entries[--r->count];
    pthread_mutex_unlock(&r->lock);
}

size_t roster_count(struct roster *r) {
    pthread_mutex_lock(&r->lock);
    size_t count = r->count;
    pthread_mutex_unlock(&r->lock);
    return count;
}

void roster_end_all(struct roster *r) {
    pthread_mutex_lock(&r->lock);
    r->ended = true;
    for (size_t i = 0; i < r->count; i++)
        cancel_fire(r->entries[i].cancel);
    pthread_mutex_unlock(&r->lock);
}

bool roster_may_move(struct roster *r, const char *folder) {
    pthread_mutex_lock(&r->lock);
    bool same = (!folder && !r->folder) || (folder && r->folder && strcmp(folder, r->folder) == 0);
    if (r->count == 0 && !same) {
        free(r->folder);
        r->folder = folder ? strdup(folder) : NULL;
        same = !folder || r->folder;
    }
    pthread_mutex_unlock(&r->lock);
    return same;
}
