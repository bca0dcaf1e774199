/*
 * jsontext: see jsontext.h.
 *
 * Where the library finds no memory for one more character of a string, it goes on without the
 * character: a number or a name is another one, or an assertion fails. So its allocations, while it
 * reads, do not return when there is no memory: they jump back to jsontext_read(). What was read up
 * to then stays allocated.
 */
#include "wire/jsontext.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdbool.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local jmp_buf *escape; /* while this thread reads */

static void *allocate(size_t n) {
    void *p = malloc(n);
    if (!p && escape)
        longjmp(*escape, 1);
    return p;
}

/* What was allocated before is freed the same way. */
static void watch(void) {
    json_set_alloc_funcs(allocate, free);
}

/* False: memory ran out. Of its own, because what setjmp() comes back to may be lost. */
static bool load(const char *text, json_t **value, json_error_t *why) {
    jmp_buf here;
    if (setjmp(here) != 0) {
        escape = NULL;
        return false;
    }
    escape = &here;
    *value = json_loads(text, 0, why);
    escape = NULL;
    return true;
}

json_t *jsontext_read(const char *text, struct error *err) {
    json_error_t why = {.text = "nothing is there", .line = 1, .column = 1};
    json_t *value = NULL;
    pthread_once(&once, watch);
    if (text && !load(text, &value, &why)) {
        error_memory(err);
        return NULL;
    }
    if (!value)
        error_set(err, ERROR_BAD_OUTPUT, "no JSON: line %d, column %d: %.100s", why.line,
                  why.column, why.text);
    return value;
}
