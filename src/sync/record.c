/*
 * record: see record.h. Pure but for the memory of struct unpacked.
 *
 * A line is its head, the event, and the fields; a field is its kind, its key's address and its
 * value, where a string is its length and its bytes with their NUL, and a list its length and its
 * strings with their NULs. Nothing is aligned: every part is read and written by memcpy, which
 * compilers turn into plain moves.
 */
#include "sync/record.h"

#include "base/vec.h"

#include <string.h>

#define FIELD_HEAD (1 + sizeof(const char *))

static char *put(char *to, const void *from, size_t n) {
    memcpy(to, from, n);
    return to + n;
}

static const char *get(void *to, const char *from, size_t n) {
    memcpy(to, from, n);
    return from + n;
}

static char *put_head(char *to, enum log_kind kind, const char *key) {
    *to++ = (char)kind;
    return put(to, &key, sizeof(key));
}

size_t record_string_size(const char *value) {
    return FIELD_HEAD + sizeof(size_t) + strlen(value) + 1;
}

char *record_pack_string(char *to, const char *key, const char *value) {
    size_t len = strlen(value);
    to = put_head(to, LOG_KIND_STRING, key);
    to = put(to, &len, sizeof(len));
    return put(to, value, len + 1);
}

const char *record_key(const char *packed, size_t *size) {
    const char *key;
    size_t len;
    get(&len, get(&key, packed + 1, sizeof(key)), sizeof(len));
    *size = FIELD_HEAD + sizeof(len) + len + 1;
    return key;
}

static size_t measure_list(struct record_head *head, const struct log_field *field) {
    size_t size = FIELD_HEAD + sizeof(size_t);
    for (size_t i = 0; i < field->list.count; i++)
        size += strlen(field->list.items[i]) + 1;
    head->items += field->list.count;
    return size;
}

void record_measure(struct record_head *head, enum log_level level, const char *event,
                    const struct log_field *fields, const struct packed *bound) {
    *head = (struct record_head){.kind = RECORD_LINE, .level = level, .bound = bound->count};
    size_t size = sizeof(*head) + strlen(event) + 1 + bound->size;
    size_t count = bound->count;
    for (const struct log_field *f = fields; f->kind != LOG_KIND_END; f++) {
        if (f->kind == LOG_KIND_STRING && !f->string)
            continue;
        count++;
        if (f->kind == LOG_KIND_STRING)
            size += record_string_size(f->string);
        else if (f->kind == LOG_KIND_LIST)
            size += measure_list(head, f);
        else
            size += FIELD_HEAD + 8;
    }
    head->size = size;
    head->fields = count;
}

static char *pack_list(char *to, const struct log_field *field) {
    to = put_head(to, LOG_KIND_LIST, field->key);
    to = put(to, &field->list.count, sizeof(size_t));
    for (size_t i = 0; i < field->list.count; i++)
        to = put(to, field->list.items[i], strlen(field->list.items[i]) + 1);
    return to;
}

void record_pack(char *to, const struct record_head *head, const char *event,
                 const struct log_field *fields, const struct packed *bound) {
    to = put(to, head, sizeof(*head));
    to = put(to, event, strlen(event) + 1);
    if (bound->size > 0)
        to = put(to, bound->data, bound->size);
    for (const struct log_field *f = fields; f->kind != LOG_KIND_END; f++) {
        if (f->kind == LOG_KIND_STRING && f->string)
            to = record_pack_string(to, f->key, f->string);
        else if (f->kind == LOG_KIND_LIST)
            to = pack_list(to, f);
        else if (f->kind == LOG_KIND_INT)
            to = put(put_head(to, f->kind, f->key), &f->integer, 8);
        else if (f->kind == LOG_KIND_FLOAT)
            to = put(put_head(to, f->kind, f->key), &f->number, 8);
    }
}

void unpacked_done(struct unpacked *u) {
    free(u->fields);
    free(u->items);
    *u = (struct unpacked){0};
}

/* Reads the value of `f`, whose kind is known; list items go to `items`. Returns what follows. */
static const char *unpack_value(const char *from, struct log_field *f, const char ***items) {
    size_t n;
    switch (f->kind) {
    case LOG_KIND_STRING:
        f->string = get(&n, from, sizeof(n));
        return f->string + n + 1;
    case LOG_KIND_LIST:
        from = get(&f->list.count, from, sizeof(n));
        f->list.items = *items;
        for (n = 0; n < f->list.count; n++) {
            *(*items)++ = from;
            from += strlen(from) + 1;
        }
        return from;
    case LOG_KIND_INT:
        return get(&f->integer, from, 8);
    case LOG_KIND_FLOAT:
        return get(&f->number, from, 8);
    case LOG_KIND_END:
        break;
    }
    return from;
}

/* Takes those of the first `bound` fields out whose key comes again in the rest. */
static void drop_replaced(struct log_field *fields, size_t bound) {
    size_t kept = 0;
    for (size_t i = 0; i < bound; i++) {
        const struct log_field *f = fields + bound;
        while (f->kind != LOG_KIND_END && strcmp(f->key, fields[i].key) != 0)
            f++;
        if (f->kind == LOG_KIND_END)
            fields[kept++] = fields[i];
    }
    if (kept < bound)
        for (size_t i = bound;; i++) {
            fields[kept++] = fields[i];
            if (fields[i].kind == LOG_KIND_END)
                break;
        }
}

int record_unpack(const char *from, struct unpacked *u) {
    from = get(&u->head, from, sizeof(u->head));
    if (vec_reserve(&u->fields, &u->fields_cap, u->head.fields + 1, sizeof(*u->fields)) < 0 ||
        vec_reserve(&u->items, &u->items_cap, u->head.items, sizeof(*u->items)) < 0)
        return -1;
    u->event = from;
    from += strlen(from) + 1;
    const char **items = u->items;
    for (size_t i = 0; i < u->head.fields; i++) {
        struct log_field *f = &u->fields[i];
        f->kind = (enum log_kind) * from++;
        from = get(&f->key, from, sizeof(f->key));
        from = unpack_value(from, f, &items);
    }
    u->fields[u->head.fields] = (struct log_field){.kind = LOG_KIND_END};
    drop_replaced(u->fields, u->head.bound);
    return 0;
}
