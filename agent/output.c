/*
 * output: see output.h. Pure.
 */
#include "output.h"

#include "wire/wire.h"

#include <string.h>

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static void add_to_tail(struct output *o, const char *data, size_t n) {
    if (n > o->tail_max) {
        data += n - o->tail_max;
        n = o->tail_max;
    }
    size_t fresh = least(n, o->tail_max - o->tail.len);
    str_add_bytes(&o->tail, data, fresh);
    if (o->tail.failed)
        return;
    for (data += fresh, n -= fresh; n > 0;) {
        size_t piece = least(n, o->tail_max - o->oldest);
        memcpy(o->tail.data + o->oldest, data, piece);
        o->oldest = (o->oldest + piece) % o->tail_max;
        data += piece;
        n -= piece;
    }
}

void output_add(struct output *o, const char *data, size_t n) {
    size_t first = least(n, o->head_max - o->head.len);
    o->total += (int64_t)n;
    str_add_bytes(&o->head, data, first);
    add_to_tail(o, data + first, n - first);
}

/* Its last n bytes, from the ring and, as far as that is too short, from the head. */
static void add_last(const struct output *o, size_t n, struct str *to) {
    size_t from_head = n > o->tail.len ? n - o->tail.len : 0;
    size_t skip = o->tail.len - (n - from_head);
    str_add_bytes(to, o->head.data + o->head.len - from_head, from_head);
    for (size_t i = skip; i < o->tail.len;) {
        size_t at = (o->oldest + i) % o->tail.len;
        size_t piece = least(o->tail.len - i, o->tail.len - at);
        str_add_bytes(to, o->tail.data + at, piece);
        i += piece;
    }
}

void output_ends(const struct output *o, size_t limit, struct str *to) {
    if (o->head.failed || o->tail.failed) {
        to->failed = true;
    } else if ((uint64_t)o->total <= limit) {
        str_add_bytes(to, o->head.data ? o->head.data : "", o->head.len);
    } else {
        str_add_bytes(to, o->head.data, WIRE_OUTPUT_HEAD(limit));
        str_add_char(to, '\n');
        add_last(o, WIRE_OUTPUT_TAIL(limit), to);
    }
}

void output_done(struct output *o) {
    str_done(&o->head);
    str_done(&o->tail);
}
