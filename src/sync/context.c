/*
 * context: see context.h; this file is also the home of log_bind(), log_unbind() and
 * log_name_thread().
 *
 * The fields stand in thread-local memory in the form in which they go into a record, so that a log
 * call copies them in one piece. What is usually bound fits into a piece that every thread has from
 * its start: no line about a server lacks that server because memory ran out. More than fits there
 * goes into memory that is freed with the thread, or when the last key is unbound.
 */
#include "sync/context.h"

#include "base/attr.h"
#include "sync/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BOUND_MAX 8
#define ROOM 640 /* a server's name and all that is bound beside it */

static _Thread_local struct {
    char room[ROOM];
    char *more; /* in its place, or NULL */
    size_t cap; /* of `more` */
    size_t len;
    size_t count;
} context;

static _Thread_local const char *run; /* that the thread works for; borrowed */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key_of_end; /* runs end_thread() in each thread that has more */

static char *data(void) {
    return context.more ? context.more : context.room;
}

static void end_thread(void *unused) {
    (void)unused;
    free(TAKE(context.more));
    context.len = context.count = 0;
}

static void make_key(void) {
    pthread_key_create(&key_of_end, end_thread);
}

struct packed context_packed(void) {
    return (struct packed){data(), context.len, context.count};
}

void log_name_thread(const char *name) {
    run = name;
}

const char *log_thread_run(void) {
    return run;
}

/* Whether there is room for `need` bytes in all. */
static bool make_room(size_t need) {
    if (need <= (context.more ? context.cap : ROOM))
        return true;
    pthread_once(&once, make_key);
    if (pthread_setspecific(key_of_end, &context) != 0)
        return false;
    char *more = realloc(context.more, need);
    if (!more)
        return false;
    if (!context.more)
        memcpy(more, context.room, context.len);
    context.more = more;
    context.cap = need;
    return true;
}

/* Where `key` stands and how many bytes it takes there; the end and 0 if it is not bound. */
static size_t find(const char *key, size_t *size) {
    size_t at = 0;
    while (at < context.len) {
        if (strcmp(record_key(data() + at, size), key) == 0)
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
    if ((old == 0 && context.count == BOUND_MAX) || !make_room(context.len - old + size))
        return;
    char *place = data() + at;
    memmove(place + size, place + old, context.len - at - old);
    record_pack_string(place, key, value);
    context.len += size - old;
    context.count += old == 0;
}

void log_unbind(const char *key) {
    size_t size;
    size_t at = find(key, &size);
    if (size == 0)
        return;
    char *place = data() + at;
    memmove(place, place + size, context.len - at - size);
    context.len -= size;
    if (--context.count == 0)
        free(TAKE(context.more));
}
