/*
 * postgres_dial: see postgres_dial.h.
 *
 * libpq can make a connection without blocking, but looks names up in calls that block, and keeps
 * the time-out of each host only where it blocks altogether. So it blocks in a thread of its own
 * (sync/aside), which has what it needs as a copy.
 */
#include "store/postgres_dial.h"

#include "base/attr.h"
#include "sync/aside.h"

#include <stdlib.h>
#include <string.h>

#define SETTINGS_MAX 20

struct call {
    char *keywords[SETTINGS_MAX + 1], *values[SETTINGS_MAX + 1];
    PGconn *conn;
    PGPing found;
};

static void call_free(struct call *c) {
    for (size_t i = 0; c && i < SETTINGS_MAX; i++) {
        free(c->keywords[i]);
        free(c->values[i]);
    }
    free(c);
}

static void drop(void *arg) {
    struct call *c = arg;
    PQfinish(c->conn);
    call_free(c);
}

static struct call *call_new(const char *const *keywords, const char *const *values) {
    struct call *c = calloc(1, sizeof(*c));
    for (size_t i = 0; c && i < SETTINGS_MAX && keywords[i]; i++) {
        c->keywords[i] = strdup(keywords[i]);
        c->values[i] = strdup(values[i] ? values[i] : "");
        if (!c->keywords[i] || !c->values[i]) {
            call_free(c);
            return NULL;
        }
    }
    return c;
}

static bool call(struct call *c, void (*run)(void *), const struct ending *e) {
    return aside_run(&(struct aside){.run = run, .drop = drop, .arg = c}, e);
}

static void dial(void *arg) {
    struct call *c = arg;
    c->conn =
        PQconnectdbParams((const char *const *)c->keywords, (const char *const *)c->values, 1);
}

bool postgres_dial(const char *const *keywords, const char *const *values, const struct ending *e,
                   PGconn **ret) {
    struct call *c = call_new(keywords, values);
    *ret = NULL;
    if (!c)
        return true;
    if (!call(c, dial, e))
        return false;
    *ret = TAKE(c->conn);
    call_free(c);
    return true;
}

static void dial_again(void *arg) {
    PQreset(((struct call *)arg)->conn);
}

bool postgres_dial_again(PGconn *conn, const struct ending *e) {
    const char *none[] = {NULL};
    struct call *c = call_new(none, none);
    if (!c)
        return true;
    c->conn = conn;
    if (!call(c, dial_again, e))
        return false;
    call_free(c);
    return true;
}

static void ask(void *arg) {
    struct call *c = arg;
    c->found = PQpingParams((const char *const *)c->keywords, (const char *const *)c->values, 0);
}

bool postgres_answers(PGconn *conn, const struct ending *e) {
    const char *keywords[] = {"host", "port", "user", "dbname", "connect_timeout", NULL};
    const char *values[] = {PQhost(conn), PQport(conn), PQuser(conn), PQdb(conn), "10", NULL};
    struct call *c = call_new(keywords, values);
    if (!c || !call(c, ask, e))
        return false;
    bool answers = c->found == PQPING_OK;
    call_free(c);
    return answers;
}
