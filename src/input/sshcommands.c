/*
 * sshcommands: see sshcommands.h.
 *
 * One slot for each distinct command, in a search tree: empty, being filled by one thread, or full
 * for good. Whoever finds it being filled waits; when the filling failed, the slot is empty again
 * and the next one tries, with its own deadline. The mutex guards the tree and the slots, never the
 * running of a command.
 */
#include "input/sshcommands.h"

#include "base/clock.h"
#include "input/capture.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct slot {
    char *command;
    enum { EMPTY, FILLING, FAILS, SUCCEEDS } state;
};

struct ssh_commands {
    const struct cancel *cancel;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a slot has left FILLING */
    /* guarded by lock: */
    void *slots; /* a tree of tsearch(3) */
};

static int compare_slots(const void *a, const void *b) {
    return strcmp(((const struct slot *)a)->command, ((const struct slot *)b)->command);
}

static void slot_free(void *slot) {
    free(((struct slot *)slot)->command);
    free(slot);
}

int ssh_commands_new(const struct cancel *cancel, struct ssh_commands **ret, struct error *err) {
    struct ssh_commands *c = calloc(1, sizeof(*c));
    if (!c)
        return error_memory(err);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    c->cancel = cancel;
    *ret = c;
    return 0;
}

void ssh_commands_free(struct ssh_commands *c) {
    if (!c)
        return;
    tdestroy(c->slots, slot_free);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct slot *slot_of_locked(struct ssh_commands *c, const char *command) {
    struct slot key = {.command = (char *)command};
    struct slot *const *found = tfind(&key, &c->slots, compare_slots);
    if (found)
        return *found;
    struct slot *s = calloc(1, sizeof(*s));
    if (s)
        s->command = strdup(command);
    if (s && s->command && tsearch(s, &c->slots, compare_slots))
        return s;
    if (s)
        slot_free(s);
    return NULL;
}

/* Takes the slot for filling, unless it is full by then. */
static int take_slot(struct ssh_commands *c, const char *command, int64_t deadline,
                     struct slot **ret, struct error *err) {
    struct timespec until = deadline_timespec(deadline);
    int rc = 0;
    pthread_mutex_lock(&c->lock);
    struct slot *s = slot_of_locked(c, command);
    if (!s)
        rc = error_memory(err);
    while (rc == 0 && s->state == FILLING)
        if (pthread_cond_clockwait(&c->changed, &c->lock, CLOCK_MONOTONIC, &until) != 0 &&
            s->state == FILLING)
            rc = error_set(err, ERROR_TIMEOUT, "Match exec: %.200s did not end in time", command);
    if (rc == 0 && s->state == EMPTY) {
        s->state = FILLING;
        rc = 1;
    }
    pthread_mutex_unlock(&c->lock);
    *ret = s;
    return rc;
}

static int run(const struct ssh_commands *c, const char *command, int64_t deadline, bool *ret,
               struct error *err) {
    const char *shell = getenv("SHELL");
    shell = shell ? shell : "/bin/sh";
    if (access(shell, X_OK) < 0)
        return error_set(err, ERROR_UNREACHABLE, "Shell \"%.200s\" is not executable", shell);
    cleanup(str_done) struct str out = {0}, errors = {0};
    char *argv[] = {(char *)shell, "-c", (char *)command, NULL};
    int status;
    if (capture_run(shell, argv, c->cancel, deadline, &out, &errors, &status, err) < 0) {
        if (err->kind == ERROR_TOOL_MISSING)
            err->kind = ERROR_UNREACHABLE;
        return error_prefix(err, "Match exec: %.200s", command);
    }
    if (!WIFEXITED(status))
        return error_set(err, ERROR_UNREACHABLE, "Match exec: %.200s ended by signal %d", command,
                         WTERMSIG(status));
    *ret = WEXITSTATUS(status) == 0;
    return 0;
}

int ssh_commands_succeeds(struct ssh_commands *c, const char *command, int64_t deadline, bool *ret,
                          struct error *err) {
    struct slot *s;
    int rc = take_slot(c, command, deadline, &s, err);
    if (rc < 0)
        return -1;
    if (rc == 0) { /* full, and so immutable */
        *ret = s->state == SUCCEEDS;
        return 0;
    }
    rc = run(c, command, deadline, ret, err);
    pthread_mutex_lock(&c->lock);
    s->state = rc < 0 ? EMPTY : *ret ? SUCCEEDS : FAILS;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    return rc;
}
