/*
 * fold: nodeset_fold() of nodeset.h, the inverse of nodeset_expand().
 *
 * 1. Each name becomes a template, in which its numbers are replaced by marks, and the row of these
 *    numbers. Names of one template are points in a space of as many dimensions as it has marks.
 * 2. The points are covered by boxes that do not overlap, a box being a set of numbers for each
 *    dimension. One dimension after the other is folded: rows that agree in all others become one
 *    row with the set of what they had there. Sets are interned, so agreeing is one comparison, and
 *    a step is one sort. A full grid ends as one box whichever dimension goes first; where it
 *    matters, both directions are tried and the fewer boxes win.
 * 3. Each box is written as one pattern.
 *
 * A number is its digits and its length, so 1, 01 and 001 are three, and ordered by length first:
 * then a range with padding is consecutive numbers of one length, a range without is consecutive
 * numbers that may go from 9 to 10, and no more is there to padding.
 *
 * n names cost n log n. Pure; when memory runs out, the output is marked as failed.
 */
#include "input/nodeset.h"

#include "base/vec.h"

#include <inttypes.h>
#include <string.h>

/* In a template: stands for a number. Names have no control characters. */
#define MARK '\x01'

/* The first byte of a template tells whether it has marks or is a name as it stands. */
#define FOLDED '#'
#define VERBATIM '='

/*
 * A coordinate of a row: one number, its length in the bits above VALUE_BITS and its value below;
 * or, with SET_BIT, the index of an interned set of such numbers.
 */
#define VALUE_BITS 57
#define VALUE_MASK ((UINT64_C(1) << VALUE_BITS) - 1)
#define SET_BIT (UINT64_C(1) << 63)

struct set {
    size_t start; /* its numbers, rising, in the pool */
    size_t count;
    uint64_t hash;
};

struct group { /* the names of one template */
    size_t marks;
    size_t count;
    size_t start; /* in `order` */
};

/* What a name is made of. */
struct entry {
    size_t group;
    size_t numbers; /* where its row begins in `numbers` */
};

struct box {
    size_t first; /* which of the names is its first */
    size_t group;
    size_t coordinates; /* where they begin in `corners` */
};

struct array {
    uint64_t *items;
    size_t count, cap;
};

struct fold {
    struct names templates;
    struct group *groups;
    size_t group_count, group_cap;
    struct entry *entries;
    struct array numbers;
    struct array pool; /* of the sets' numbers */
    struct set *sets;
    size_t set_count, set_cap;
    uint32_t *table; /* set index + 1 by hash, open addressing, at most half full */
    size_t table_size;
    struct box *boxes;
    size_t box_count, box_cap;
    struct array corners;
};

static void fold_done(struct fold *f) {
    names_done(&f->templates);
    free(f->groups);
    free(f->entries);
    free(f->numbers.items);
    free(f->pool.items);
    free(f->sets);
    free(f->table);
    free(f->boxes);
    free(f->corners.items);
}

static int push(struct array *a, const uint64_t *items, size_t count) {
    if (vec_reserve(&a->items, &a->cap, a->count + count, sizeof(*items)) < 0)
        return -1;
    if (count)
        memcpy(a->items + a->count, items, count * sizeof(*items));
    a->count += count;
    return 0;
}

/* 1. Names to templates and numbers. */

/* The part of the name whose numbers may be folded; empty for IPv6 addresses and foreign bytes. */
static void foldable(const char *name, const char **start, const char **end) {
    const char *sign = strrchr(name, '@');
    *start = sign ? sign + 1 : name;
    *end = *start + strcspn(*start, ":");
    if (**start == '[' || (**end && strchr(*end + 1, ':')) || strchr(name, MARK))
        *end = *start;
}

/* Writes the name's template and appends its numbers. */
static int take_apart(struct fold *f, const char *name, struct str *template) {
    const char *start, *end;
    foldable(name, &start, &end);
    str_clear(template);
    str_add_char(template, start < end ? FOLDED : VERBATIM);
    str_add_bytes(template, name, (size_t)(start - name));
    for (const char *p = start; p < end;) {
        size_t digits = strspn(p, "0123456789");
        size_t other = strcspn(p, "0123456789");
        if (other > (size_t)(end - p))
            other = (size_t)(end - p);
        if (digits == 0 || digits > NODESET_DIGITS) {
            str_add_bytes(template, p, digits + other);
            p += digits + other;
            continue;
        }
        uint64_t number = 0;
        for (size_t i = 0; i < digits; i++)
            number = number * 10 + (uint64_t)(*p++ - '0');
        number |= (uint64_t)digits << VALUE_BITS;
        str_add_char(template, MARK);
        if (push(&f->numbers, &number, 1) < 0)
            return -1;
    }
    str_add(template, end);
    return template->failed ? -1 : 0;
}

static int group_of(struct fold *f, const struct str *template, size_t *ret) {
    *ret = names_find(&f->templates, template->data, template->len);
    if (*ret != NAMES_NONE)
        return 0;
    *ret = f->group_count;
    if (names_add(&f->templates, template->data, template->len) < 0 ||
        vec_reserve(&f->groups, &f->group_cap, f->group_count + 1, sizeof(*f->groups)) < 0)
        return -1;
    f->groups[f->group_count++] = (struct group){0};
    return 0;
}

static int read_names(struct fold *f, const char *const *names, size_t count) {
    cleanup(str_done) struct str template = {0};
    f->entries = malloc(count * sizeof(*f->entries));
    if (!f->entries)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct entry *e = &f->entries[i];
        e->numbers = f->numbers.count;
        if (take_apart(f, names[i], &template) < 0 || group_of(f, &template, &e->group) < 0)
            return -1;
        struct group *group = &f->groups[e->group];
        group->marks = f->numbers.count - e->numbers;
        group->count++;
    }
    return 0;
}

/* 2. Numbers to boxes. */

static uint64_t hash_numbers(const uint64_t *numbers, size_t count) {
    uint64_t h = count;
    for (size_t i = 0; i < count; i++) {
        h = (h ^ numbers[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    return h;
}

static int grow_table(struct fold *f) {
    size_t size = f->table_size ? f->table_size * 2 : 64;
    uint32_t *table = calloc(size, sizeof(*table));
    if (!table)
        return -1;
    for (size_t s = 0; s < f->set_count; s++) {
        size_t i = f->sets[s].hash & (size - 1);
        while (table[i])
            i = (i + 1) & (size - 1);
        table[i] = (uint32_t)(s + 1);
    }
    free(f->table);
    f->table = table;
    f->table_size = size;
    return 0;
}

/* Makes one coordinate of the numbers from `start` to the pool's end, and keeps them there only
 * when they are a new set. */
static int intern(struct fold *f, size_t start, uint64_t *ret) {
    const uint64_t *numbers = f->pool.items + start;
    struct set set = {.start = start, .count = f->pool.count - start};
    if (set.count == 1) {
        *ret = numbers[0];
        f->pool.count = start;
        return 0;
    }
    set.hash = hash_numbers(numbers, set.count);
    if (2 * (f->set_count + 1) > f->table_size && grow_table(f) < 0)
        return -1;
    size_t i = set.hash & (f->table_size - 1);
    for (; f->table[i]; i = (i + 1) & (f->table_size - 1)) {
        const struct set *s = &f->sets[f->table[i] - 1];
        if (s->hash == set.hash && s->count == set.count &&
            memcmp(f->pool.items + s->start, numbers, set.count * sizeof(*numbers)) == 0) {
            *ret = SET_BIT | (f->table[i] - 1);
            f->pool.count = start;
            return 0;
        }
    }
    if (vec_reserve(&f->sets, &f->set_cap, f->set_count + 1, sizeof(set)) < 0)
        return -1;
    *ret = SET_BIT | f->set_count;
    f->sets[f->set_count++] = set;
    f->table[i] = (uint32_t)f->set_count;
    return 0;
}

/* Rows of `width` coordinates, each followed by the place of its first name. */
struct rows {
    uint64_t *items;
    size_t count;
    size_t width;
    size_t dimension; /* the one that is being folded */
};

static void rows_done(struct rows *r) {
    free(r->items);
}

static uint64_t *row_at(const struct rows *r, size_t i) {
    return r->items + i * (r->width + 1);
}

static int compare_others(const uint64_t *a, const uint64_t *b, const struct rows *r) {
    for (size_t i = 0; i < r->width; i++)
        if (i != r->dimension && a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

static int compare_rows(const void *a, const void *b, void *rows) {
    const struct rows *r = rows;
    const uint64_t *x = a, *y = b;
    int others = compare_others(x, y, r);
    if (others)
        return others;
    return (x[r->dimension] > y[r->dimension]) - (x[r->dimension] < y[r->dimension]);
}

/* Makes one row of those that agree in all dimensions but one. */
static int fold_dimension(struct fold *f, struct rows *r, size_t dimension) {
    r->dimension = dimension;
    qsort_r(r->items, r->count, (r->width + 1) * sizeof(*r->items), compare_rows, r);
    size_t kept = 0;
    for (size_t i = 0, next; i < r->count; i = next) {
        const uint64_t *row = row_at(r, i);
        uint64_t first = row[r->width];
        size_t start = f->pool.count;
        if (push(&f->pool, &row[dimension], 1) < 0)
            return -1;
        for (next = i + 1; next < r->count && !compare_others(row, row_at(r, next), r); next++) {
            const uint64_t *other = row_at(r, next);
            if (other[r->width] < first)
                first = other[r->width];
            /* a name may have been given twice */
            if (other[dimension] != f->pool.items[f->pool.count - 1] &&
                push(&f->pool, &other[dimension], 1) < 0)
                return -1;
        }
        uint64_t *to = row_at(r, kept++);
        memmove(to, row, r->width * sizeof(*row));
        to[r->width] = first;
        if (intern(f, start, &to[dimension]) < 0)
            return -1;
    }
    r->count = kept;
    return 0;
}

static int fold_rows(struct fold *f, struct rows *r, bool from_last) {
    for (size_t i = 0; i < r->width; i++)
        if (fold_dimension(f, r, from_last ? r->width - 1 - i : i) < 0)
            return -1;
    return 0;
}

static int add_boxes(struct fold *f, size_t group, const struct rows *r) {
    size_t need = f->box_count + r->count;
    if (vec_reserve(&f->boxes, &f->box_cap, need, sizeof(*f->boxes)) < 0)
        return -1;
    for (size_t i = 0; i < r->count; i++) {
        const uint64_t *row = row_at(r, i);
        f->boxes[f->box_count++] =
            (struct box){.first = row[r->width], .group = group, .coordinates = f->corners.count};
        if (push(&f->corners, row, r->width) < 0)
            return -1;
    }
    return 0;
}

/* Lays the rows of a group out; `order` lists its names. */
static int lay_out(const struct fold *f, const struct group *g, const size_t *order,
                   struct rows *ret) {
    *ret = (struct rows){.width = g->marks, .count = g->count};
    ret->items = malloc(g->count * (g->marks + 1) * sizeof(*ret->items));
    if (!ret->items)
        return -1;
    for (size_t i = 0; i < g->count; i++) {
        const struct entry *e = &f->entries[order[g->start + i]];
        uint64_t *row = row_at(ret, i);
        if (g->marks)
            memcpy(row, f->numbers.items + e->numbers, g->marks * sizeof(*row));
        row[g->marks] = order[g->start + i];
    }
    return 0;
}

static int fold_group(struct fold *f, size_t group, const size_t *order) {
    const struct group *g = &f->groups[group];
    cleanup(rows_done) struct rows rows = {0};
    cleanup(rows_done) struct rows others = {0};
    if (lay_out(f, g, order, &rows) < 0)
        return -1;
    if (g->marks == 0) /* one name, maybe given many times */
        rows.count = 1;
    if (fold_rows(f, &rows, true) < 0)
        return -1;
    if (g->marks < 2 || rows.count < 2)
        return add_boxes(f, group, &rows);
    if (lay_out(f, g, order, &others) < 0)
        return -1;
    if (fold_rows(f, &others, false) < 0)
        return -1;
    return add_boxes(f, group, others.count < rows.count ? &others : &rows);
}

static int fold_groups(struct fold *f, size_t count) {
    cleanup(free_ptr) size_t *order = malloc(count * sizeof(*order));
    if (!order)
        return -1;
    size_t start = 0;
    for (size_t g = 0; g < f->group_count; g++) {
        f->groups[g].start = start;
        start += f->groups[g].count;
    }
    for (size_t i = 0; i < count; i++)
        order[f->groups[f->entries[i].group].start++] = i;
    for (size_t g = 0; g < f->group_count; g++) {
        f->groups[g].start -= f->groups[g].count;
        if (fold_group(f, g, order) < 0)
            return -1;
    }
    return 0;
}

/* 3. Boxes to text. */

static int length_of(uint64_t number) {
    return (int)(number >> VALUE_BITS);
}

static uint64_t power_of_ten(int exponent) {
    uint64_t power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

static void add_number(struct str *out, uint64_t number) {
    str_addf(out, "%0*" PRIu64, length_of(number), number & VALUE_MASK);
}

/* Whether a range that begins with `first` can go on from `last` to `next`. */
static bool goes_on(uint64_t first, uint64_t last, uint64_t next) {
    if (next == last + 1)
        return true;
    int length = length_of(first);
    bool padded = length > 1 && (first & VALUE_MASK) < power_of_ten(length - 1);
    return !padded && length_of(next) == length_of(last) + 1 &&
           (next & VALUE_MASK) == (last & VALUE_MASK) + 1 &&
           (next & VALUE_MASK) == power_of_ten(length_of(last));
}

static void add_ranges(struct str *out, const uint64_t *numbers, size_t count) {
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && goes_on(numbers[i], numbers[next - 1], numbers[next]);)
            next++;
        if (i > 0)
            str_add_char(out, ',');
        add_number(out, numbers[i]);
        if (next - i > 1) {
            str_add_char(out, '-');
            add_number(out, numbers[next - 1]);
        }
    }
}

static void add_coordinate(const struct fold *f, struct str *out, uint64_t coordinate) {
    if (!(coordinate & SET_BIT)) {
        add_number(out, coordinate);
        return;
    }
    const struct set *set = &f->sets[coordinate & ~SET_BIT];
    str_add_char(out, '[');
    add_ranges(out, f->pool.items + set->start, set->count);
    str_add_char(out, ']');
}

static void add_box(const struct fold *f, struct str *out, const struct box *box) {
    const char *template = f->templates.items[box->group];
    size_t coordinate = box->coordinates;
    if (template[0] == VERBATIM) {
        str_add(out, template + 1);
        return;
    }
    for (const char *p = template + 1; *p;) {
        size_t literal = strcspn(p, (char[]){MARK, '\0'});
        str_add_bytes(out, p, literal);
        p += literal;
        if (*p) {
            add_coordinate(f, out, f->corners.items[coordinate++]);
            p++;
        }
    }
}

static int compare_boxes(const void *a, const void *b) {
    const struct box *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

void nodeset_fold(const char *const *names, size_t count, struct str *out) {
    cleanup(fold_done) struct fold f = {0};
    if (count == 0)
        return;
    if (read_names(&f, names, count) < 0 || fold_groups(&f, count) < 0) {
        out->failed = true;
        return;
    }
    qsort(f.boxes, f.box_count, sizeof(*f.boxes), compare_boxes);
    for (size_t i = 0; i < f.box_count; i++) {
        if (i > 0)
            str_add_char(out, ',');
        add_box(&f, out, &f.boxes[i]);
    }
}
