/*
 * context: see context.h; this file is also the home of log_bind() and log_unbind().
 *
 * The fields stand in thread-local memory in the form in which they go into a record, so that a log
 * call copies them in one piece. The memory is freed with the thread, or when the last key is
 * unbound.
 */
#include "sync/context.h"

#include "base/str.h"
#include "sync/log.h"

#include <pthread.h>
#include <string.h>

#define BOUND_MAX 8

static _Thread_local struct {
    struct str packed;
    size_t count;
} context;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key_of_end; /* runs end_thread() in each thread that bound something */

static void end_thread(void *unused) {
    (void)unused;
    str_done(&context.packed);
    context.count = 0;
}

static void make_key(void) {
    pthread_key_create(&key_of_end, end_thread);
}

struct packed context_packed(void) {
    return (struct packed){context.packed.data, context.packed.len, context.count};
}

/* Where `key` stands and how many bytes it takes there; the end and 0 if it is not bound. */
static size_t find(const char *key, size_t *size) {
    size_t at = 0;
    while (at < context.packed.len) {
        if (strcmp(record_key(context.packed.data + at, size), key) == 0)
            return at;
        at += *size;
    }
    *size = 0;
    return at;
}

void log_bind(const char *key, const char *value) {
    if (!value) {
        log_unbind(key);
        return;
    }
    size_t old;
    size_t at = find(key, &old);
    size_t size = record_string_size(value);
    if (old == 0 && context.count == BOUND_MAX)
        return;
    pthread_once(&once, make_key);
    if (pthread_setspecific(key_of_end, &context) != 0 || !str_room(&context.packed, size)) {
        context.packed.failed = false;
        return;
    }
    char *place = context.packed.data + at;
    memmove(place + size, place + old, context.packed.len - at - old);
    record_pack_string(place, key, value);
    context.packed.len += size - old;
    context.count += old == 0;
}

void log_unbind(const char *key) {
    size_t size;
    size_t at = find(key, &size);
    if (size == 0)
        return;
    char *place = context.packed.data + at;
    memmove(place, place + size, context.packed.len - at - size);
    context.packed.len -= size;
    if (--context.count == 0)
        str_done(&context.packed);
}
