/*
 * places: see places.h.
 *
 * The pending servers of the run are read once, with their labels, and kept in memory as bunches:
 * servers that have the same values of all labels with limits. So a claim costs one look at what is
 * claimed now and a few candidates of each bunch that has a place, however many servers wait for
 * one. On SQLite nobody else claims servers of this run; on PostgreSQL others do, and give some
 * back: what is chosen and not pending any more is dropped, and what is pending is read anew when
 * nothing is left to choose.
 */
#include "store/places.h"

#include "base/clock.h"
#include "base/vec.h"
#include "input/names.h"
#include "store/crew.h"
#include "store/hold.h"
#include "store/rows.h"

#include <stdlib.h>
#include <string.h>

#define NO_BUNCH SIZE_MAX
#define AGAIN CLOCK_S /* after which what is pending may be read anew, at least, and */
#define SPARED 20     /* so many times as long as that took */

/* The servers that have one value of a label with a limit. */
struct group {
    int most;
    int64_t taken;
};

/* Servers of the same groups; of each its rank, which is its place in the order of claims. */
struct bunch {
    size_t *ranks;
    size_t count, cap;
    size_t next; /* those before it were chosen */
    size_t *groups;
    size_t group_count;
};

struct places {
    const struct label_limits *limits;
    int64_t run;   /* whose servers these are, or 0: they are to be read */
    int64_t again; /* when they may be read anew, where others claim them too */
    struct names group_names;
    struct group *groups; /* by their names' places, as the bunches are */
    size_t group_cap;
    struct names bunch_names;
    struct bunch *bunches;
    size_t bunch_cap;
    struct str name; /* scratch */
    bool held_back;  /* at the last choice some were left for want of a place */
};

/* A server that may be chosen. */
struct candidate {
    size_t rank;
    size_t bunch;
};

static void clear(struct places *p) {
    for (size_t i = 0; i < p->bunch_names.count; i++) {
        free(p->bunches[i].ranks);
        free(p->bunches[i].groups);
    }
    names_done(&p->bunch_names);
    names_done(&p->group_names);
    p->run = 0;
}

void places_forget(struct places *p) {
    if (p)
        p->run = 0;
}

void places_missed(struct places *p) {
    p->held_back = false;
}

void places_free(struct places *p) {
    if (!p)
        return;
    clear(p);
    free(p->bunches);
    free(p->groups);
    str_done(&p->name);
    free(p);
}

int store_set_limits(struct store *s, const struct label_limits *limits, struct error *err) {
    places_free(TAKE(s->places));
    if (!limits || limits->count == 0)
        return 0;
    s->places = calloc(1, sizeof(*s->places));
    if (!s->places)
        return error_memory(err);
    s->places->limits = limits;
    return 0;
}

bool store_held_back(const struct store *s) {
    return s->places && s->places->held_back;
}

/* ---- groups and bunches ---- */

/* Appends the name of the group that the label makes a server one of. */
static void add_name(struct str *out, const struct label *l) {
    str_add_bytes(out, l->key, l->key_len);
    str_add_char(out, '=');
    str_add_bytes(out, l->value, l->value_len);
}

/* The number of the group, made if need be; NAMES_NONE: no memory. */
static size_t group_of(struct places *p, const struct label *l, int most) {
    str_clear(&p->name);
    add_name(&p->name, l);
    if (p->name.failed)
        return NAMES_NONE;
    size_t i = names_find(&p->group_names, p->name.data, p->name.len);
    if (i != NAMES_NONE)
        return i;
    i = p->group_names.count;
    if (vec_reserve(&p->groups, &p->group_cap, i + 1, sizeof(*p->groups)) < 0 ||
        names_add(&p->group_names, p->name.data, p->name.len) < 0)
        return NAMES_NONE;
    p->groups[i] = (struct group){.most = most};
    return i;
}

static int fill_bunch(struct places *p, struct bunch *b, const char *labels) {
    struct label l;
    b->groups = calloc(p->limits->count, sizeof(*b->groups));
    for (size_t i = 0; b->groups && i < p->limits->count; i++) {
        const struct label_limit *limit = &p->limits->items[i];
        if (!labels_find(labels, limit->key, &l))
            continue;
        size_t group = group_of(p, &l, limit->most);
        if (group == NAMES_NONE)
            return -1;
        b->groups[b->group_count++] = group;
    }
    return b->groups ? 0 : -1;
}

/* The number of the bunch of servers with these labels, made if need be; NO_BUNCH: no memory. */
static size_t bunch_of(struct places *p, const char *labels) {
    struct label l;
    str_clear(&p->name);
    str_add_char(&p->name, '=');
    for (size_t i = 0; i < p->limits->count; i++)
        if (labels_find(labels, p->limits->items[i].key, &l)) {
            add_name(&p->name, &l);
            str_add_char(&p->name, ' ');
        }
    if (p->name.failed)
        return NO_BUNCH;
    size_t i = names_find(&p->bunch_names, p->name.data, p->name.len);
    if (i != NAMES_NONE)
        return i;
    i = p->bunch_names.count;
    if (vec_reserve(&p->bunches, &p->bunch_cap, i + 1, sizeof(*p->bunches)) < 0 ||
        names_add(&p->bunch_names, p->name.data, p->name.len) < 0)
        return NO_BUNCH;
    p->bunches[i] = (struct bunch){0};
    return fill_bunch(p, &p->bunches[i], labels) < 0 ? NO_BUNCH : i;
}

/* ---- what is pending ---- */

/* Reads of which bunch each pending server is, by position. */
static int read_pending(struct store *s, int64_t run, size_t **of, size_t *count,
                        struct error *err) {
    struct sql_stmt *stmt = database_use(s, PLACES_PENDING, err);
    size_t cap = 0;
    int rc = 0;
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, run);
    sql_bind_text(stmt, 2, s->crew.site);
    while (rc == 0 && sql_step(stmt) == SQL_ROW) {
        size_t position = (size_t)sql_column_int(stmt, 0);
        size_t bunch = bunch_of(s->places, sql_column_text(stmt, 1));
        if (bunch == NO_BUNCH || vec_reserve(of, &cap, position + 1, sizeof(**of)) < 0) {
            rc = error_memory(err);
            continue;
        }
        while (*count < position)
            (*of)[(*count)++] = NO_BUNCH;
        (*of)[(*count)++] = bunch;
    }
    if (sql_reset(stmt) < 0 && rc == 0)
        rc = database_fail(s, err);
    return rc;
}

static int load(struct store *s, int64_t run, struct error *err) {
    struct places *p = s->places;
    cleanup(free_ptr) size_t *of = NULL;
    size_t count = 0;
    int64_t start = clock_now();
    clear(p);
    if (read_pending(s, run, &of, &count, err) < 0)
        return -1;
    for (size_t rank = 0; rank < (s->order ? s->order_count : count); rank++) {
        size_t position = s->order ? s->order[rank] : rank;
        if (position >= count || of[position] == NO_BUNCH)
            continue;
        struct bunch *b = &p->bunches[of[position]];
        if (vec_reserve(&b->ranks, &b->cap, b->count + 1, sizeof(*b->ranks)) < 0)
            return error_memory(err);
        b->ranks[b->count++] = rank;
    }
    p->run = run;
    p->again = clock_now() + AGAIN + SPARED * (clock_now() - start);
    return 0;
}

/* ---- what is claimed ---- */

/* Counts `n` servers with these labels as worked on. */
static void count_taken(struct places *p, const char *labels, int64_t n) {
    struct label l;
    for (size_t i = 0; i < p->limits->count; i++) {
        if (!labels_find(labels, p->limits->items[i].key, &l))
            continue;
        str_clear(&p->name);
        add_name(&p->name, &l);
        size_t group =
            p->name.failed ? NAMES_NONE : names_find(&p->group_names, p->name.data, p->name.len);
        if (group != NAMES_NONE)
            p->groups[group].taken += n;
    }
}

/* Whether a process works on the run; what one that died had claimed is claimed no more. */
static int is_live(struct store *s, int64_t run, bool *ret, struct error *err) {
    struct sql_stmt *stmt = database_use(s, PLACES_RUN, err);
    cleanup(free_ptr) char *path = NULL;
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, run);
    if (sql_step(stmt) == SQL_ROW) {
        const char *id = sql_column_text(stmt, 0);
        path = store_log_path(s, id ? id : "");
    }
    if (sql_reset(stmt) < 0)
        return database_fail(s, err);
    *ret = !path || hold_holder(path) > 0;
    return 0;
}

static int count_claimed(struct store *s, int64_t run, struct error *err) {
    struct places *p = s->places;
    struct sql_stmt *stmt = database_use(s, PLACES_CLAIMED, err);
    int64_t asked = run;
    bool live = true;
    int rc = 0;
    if (!stmt)
        return -1;
    for (size_t i = 0; i < p->group_names.count; i++)
        p->groups[i].taken = 0;
    while (rc == 0 && sql_step(stmt) == SQL_ROW) {
        int64_t of = sql_column_int(stmt, 0);
        if (of != asked && !store_is_shared(s))
            rc = of == run ? 0 : is_live(s, of, &live, err);
        asked = of;
        if (of == run || live)
            count_taken(p, sql_column_text(stmt, 1), sql_column_int(stmt, 2));
    }
    if (sql_reset(stmt) < 0 && rc == 0)
        rc = database_fail(s, err);
    return p->name.failed && rc == 0 ? error_memory(err) : rc;
}

/* ---- the choice ---- */

static size_t room_of(const struct places *p, const struct bunch *b, size_t max) {
    size_t room = max < b->count - b->next ? max : b->count - b->next;
    for (size_t i = 0; i < b->group_count; i++) {
        const struct group *g = &p->groups[b->groups[i]];
        int64_t left = g->most - g->taken;
        if (left < (int64_t)room)
            room = left > 0 ? (size_t)left : 0;
    }
    return room;
}

static int by_rank(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* As many of each bunch as could have a place if the others took none, in the order of claims. */
static int list_candidates(const struct places *p, size_t max, struct candidate **ret,
                           size_t *count) {
    size_t cap = 0;
    for (size_t i = 0; i < p->bunch_names.count; i++) {
        const struct bunch *b = &p->bunches[i];
        size_t room = room_of(p, b, max);
        if (room > 0 && vec_reserve(ret, &cap, *count + room, sizeof(**ret)) < 0)
            return -1;
        for (size_t j = 0; j < room; j++)
            (*ret)[(*count)++] = (struct candidate){b->ranks[b->next + j], i};
    }
    if (*count > 0)
        qsort(*ret, *count, sizeof(**ret), by_rank);
    return 0;
}

/* A group that is full stays so for the rest of the choice: what is chosen of a bunch are its next.
 */
static ssize_t choose(struct store *s, size_t max, size_t *positions, struct error *err) {
    struct places *p = s->places;
    cleanup(free_ptr) struct candidate *candidates = NULL;
    size_t count = 0, n = 0;
    if (list_candidates(p, max, &candidates, &count) < 0)
        return error_memory(err);
    for (size_t i = 0; n < max && i < count; i++) {
        struct bunch *b = &p->bunches[candidates[i].bunch];
        if (room_of(p, b, 1) == 0)
            continue;
        b->next++;
        for (size_t j = 0; j < b->group_count; j++)
            p->groups[b->groups[j]].taken++;
        size_t rank = candidates[i].rank;
        positions[n++] = s->order ? s->order[rank] : rank;
    }
    p->held_back = false;
    for (size_t i = 0; n < max && i < p->bunch_names.count; i++)
        p->held_back |= p->bunches[i].next < p->bunches[i].count;
    return (ssize_t)n;
}

ssize_t places_choose(struct store *s, int64_t run, size_t max, size_t *positions,
                      struct error *err) {
    struct places *p = s->places;
    bool fresh = p->run != run;
    ssize_t n = -1;
    if ((!fresh || load(s, run, err) == 0) && count_claimed(s, run, err) == 0)
        n = choose(s, max, positions, err);
    if (n == 0 && !p->held_back && !fresh && store_is_shared(s) && clock_now() >= p->again) {
        n = -1;
        if (load(s, run, err) == 0 && count_claimed(s, run, err) == 0)
            n = choose(s, max, positions, err);
    }
    if (n < 0)
        places_forget(p);
    return n;
}
