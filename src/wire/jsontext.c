/*
 * jsontext: see jsontext.h.
 *
 * Where the library finds no memory for one more character of a string, it goes on without the
 * character, and a number or a name is another one. So its allocations are watched: a text during
 * whose reading one of this thread's has failed was not read.
 */
#include "wire/jsontext.h"

#include <pthread.h>
#include <stdbool.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local bool failed;

static void *allocate(size_t n) {
    void *p = malloc(n);
    failed |= !p;
    return p;
}

/* What was allocated before is freed the same way. */
static void watch(void) {
    json_set_alloc_funcs(allocate, free);
}

json_t *jsontext_read(const char *text, struct error *err) {
    json_error_t why = {.text = "nothing is there", .line = 1, .column = 1};
    pthread_once(&once, watch);
    failed = false;
    json_t *value = text ? json_loads(text, 0, &why) : NULL;
    if (failed) {
        json_decref(value);
        error_memory(err);
        return NULL;
    }
    if (!value)
        error_set(err, ERROR_BAD_OUTPUT, "no JSON: line %d, column %d: %.100s", why.line,
                  why.column, why.text);
    return value;
}
