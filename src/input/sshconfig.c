/*
 * sshconfig: see sshconfig.h.
 *
 * One slot for each distinct host, user, port and identity, in a search tree, and one for what ssh
 * prints without a configuration, against which lists of algorithms are compared. A slot is empty,
 * being filled by one thread, or full for good. Whoever finds it being filled waits; when the
 * filling failed, the slot is empty again and the next one tries, with its own deadline.
 *
 * The mutex guards the tree and the slots' states, never the running of ssh. A full slot is
 * immutable, so its options are handed out without a lock.
 */
#include "input/sshconfig.h"

#include "base/clock.h"
#include "base/text.h"
#include "input/capture.h"
#include "input/sshoptions.h"

#include <errno.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct slot {
    char *host; /* NULL: the one without a configuration */
    char *user;
    char *identity;
    char *proxy_jump;
    int port;
    enum { EMPTY, FILLING, FULL } state;
    char *usual; /* of the one without a configuration: what ssh printed */
    struct ssh_options options;
};

struct sshconfig {
    const struct cancel *cancel;
    char *program; /* NULL: there is none */
    char *file;
    char *user;
    int port;
    struct local_user local;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a slot has left FILLING */
    /* guarded by lock: */
    void *slots; /* a tree of tsearch(3) */
    struct slot usual;
};

static int compare_text(const char *a, const char *b) {
    return !a || !b ? (a != NULL) - (b != NULL) : strcmp(a, b);
}

static int compare_slots(const void *x, const void *y) {
    const struct slot *a = x, *b = y;
    int order = compare_text(a->host, b->host);
    if (!order)
        order = compare_text(a->user, b->user);
    if (!order)
        order = compare_text(a->identity, b->identity);
    if (!order)
        order = compare_text(a->proxy_jump, b->proxy_jump);
    return order ? order : (a->port > b->port) - (a->port < b->port);
}

static void slot_done(struct slot *s) {
    free(s->host);
    free(s->user);
    free(s->identity);
    free(s->proxy_jump);
    free(s->usual);
    ssh_options_done(&s->options);
}

static void slot_free(void *slot) {
    slot_done(slot);
    free(slot);
}

/* The first ssh in $PATH, or NULL. */
static int find_program(char **ret, struct error *err) {
    const char *path = getenv("PATH");
    for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
        size_t n = strcspn(p, ":");
        cleanup(str_done) struct str name = {0};
        str_addf(&name, "%.*s/ssh", (int)n, p);
        if (name.failed)
            return error_memory(err);
        /* an empty or relative folder would run whatever lies where muster was started */
        if (*p == '/' && access(name.data, X_OK) == 0) {
            *ret = str_take(&name);
            return 0;
        }
        p += n;
        p += *p == ':';
    }
    *ret = NULL;
    return 0;
}

/* ssh itself would say it of each server again, and of a folder nothing at all. */
static int check_file(const char *file, struct error *err) {
    struct stat st;
    int rc = stat(file, &st) < 0 || access(file, R_OK) < 0 ? errno : 0;
    if (rc == 0 && S_ISDIR(st.st_mode))
        rc = EISDIR;
    return rc == 0 ? 0 : error_os(err, ERROR_USAGE, rc, "cannot read the ssh_config %s", file);
}

int sshconfig_new(const char *user, int port, const char *file, const struct cancel *cancel,
                  struct sshconfig **ret, struct error *err) {
    struct sshconfig *c = calloc(1, sizeof(*c));
    if (!c)
        return error_memory(err);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    c->cancel = cancel;
    c->port = port;
    c->user = user ? strdup(user) : NULL;
    c->file = file ? strdup(file) : NULL;
    int rc = 0;
    if ((user && !c->user) || (file && !c->file))
        rc = error_memory(err);
    else if (local_user_get(&c->local, err) < 0 || find_program(&c->program, err) < 0)
        rc = -1;
    else if (file && !c->program)
        rc = error_set(err, ERROR_USAGE, "there is no ssh program in $PATH to read %s", file);
    else if (file && strcmp(file, "none") != 0) /* a word of ssh's: no file at all */
        rc = check_file(file, err);
    if (rc < 0) {
        sshconfig_free(c);
        return -1;
    }
    *ret = c;
    return 0;
}

void sshconfig_free(struct sshconfig *c) {
    if (!c)
        return;
    tdestroy(c->slots, slot_free);
    slot_done(&c->usual);
    local_user_done(&c->local);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c->program);
    free(c->file);
    free(c->user);
    free(c);
}

/* Runs ssh and gives what it printed; what it says when it fails becomes the sentence. */
static int run_ssh(const struct sshconfig *c, char *const argv[], int64_t deadline, struct str *out,
                   struct error *err) {
    cleanup(str_done) struct str errors = {0};
    int status;
    if (capture_run(c->program, argv, c->cancel, deadline, out, &errors, &status, err) < 0)
        return -1;
    if (out->len >= CAPTURE_MAX)
        return error_set(err, ERROR_UNREACHABLE, "%s -G printed too much", c->program);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    while (errors.len > 0 && strchr("\r\n", errors.data[errors.len - 1]))
        errors.len--;
    cleanup(str_done) struct str words = {0};
    if (errors.len)
        text_add_printable(&words, errors.data, errors.len, 300);
    else
        str_addf(&words, WIFSIGNALED(status) ? "signal %d" : "exit status %d",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    if (words.failed)
        return error_memory(err);
    return error_set(err, ERROR_UNREACHABLE, "ssh refuses its configuration: %s", words.data);
}

static int fill_usual(struct sshconfig *c, struct slot *s, int64_t deadline, struct error *err) {
    cleanup(str_done) struct str out = {0};
    char *argv[] = {"ssh", "-T", "-G", "-F", "/dev/null", "--", "localhost", NULL};
    if (run_ssh(c, argv, deadline, &out, err) < 0) {
        /* no reason to give up a server: its lists are then passed on as they are */
        if (err->kind != ERROR_UNREACHABLE)
            return -1;
        str_clear(&out);
    }
    s->usual = str_take(&out);
    return s->usual ? 0 : error_memory(err);
}

/* IdentityFile="path" with what ssh_config's quotes need escaped. */
static char *identity_option(const char *path) {
    struct str s = {0};
    str_add(&s, "IdentityFile=\"");
    for (; *path; path++) {
        if (*path == '"' || *path == '\\')
            str_add_char(&s, '\\');
        str_add_char(&s, *path);
    }
    str_add_char(&s, '"');
    return str_take(&s);
}

static int fill_server(struct sshconfig *c, struct slot *s, int64_t deadline, struct error *err) {
    if (!c->program)
        return ssh_options_default(s->host, s->user, s->port, s->identity, &c->local, &s->options,
                                   err);
    char port[16];
    snprintf(port, sizeof(port), "%d", s->port);
    cleanup(free_ptr) char *identity = s->identity ? identity_option(s->identity) : NULL;
    if (s->identity && !identity)
        return error_memory(err);
    char *argv[16];
    size_t n = 0;
    argv[n++] = "ssh";
    argv[n++] = "-T";
    argv[n++] = "-G";
    const struct {
        char *option;
        char *value;
    } given[] = {{"-F", c->file},
                 {"-p", s->port ? port : NULL},
                 {"-l", s->user},
                 {"-o", identity},
                 {"-J", s->proxy_jump}};
    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        if (!given[i].value)
            continue;
        argv[n++] = given[i].option;
        argv[n++] = given[i].value;
    }
    argv[n++] = "--";
    argv[n++] = s->host;
    argv[n] = NULL;
    cleanup(str_done) struct str out = {0};
    if (run_ssh(c, argv, deadline, &out, err) < 0)
        return -1;
    /* c->usual is full by now, and so immutable */
    return ssh_options_read(out.data ? out.data : "", c->usual.usual, s->host, &c->local,
                            &s->options, err);
}

/* Waits until the slot is full, or fills it, or fails. */
static int obtain(struct sshconfig *c, struct slot *s,
                  int (*fill)(struct sshconfig *, struct slot *, int64_t, struct error *),
                  int64_t deadline, struct error *err) {
    struct timespec until = deadline_timespec(deadline);
    pthread_mutex_lock(&c->lock);
    while (s->state == FILLING) {
        if (pthread_cond_clockwait(&c->changed, &c->lock, CLOCK_MONOTONIC, &until) == 0)
            continue;
        pthread_mutex_unlock(&c->lock);
        return error_set(err, ERROR_TIMEOUT, "%s -G did not end in time", c->program);
    }
    if (s->state == FULL) {
        pthread_mutex_unlock(&c->lock);
        return 0;
    }
    s->state = FILLING;
    pthread_mutex_unlock(&c->lock);
    int rc = fill(c, s, deadline, err);
    pthread_mutex_lock(&c->lock);
    s->state = rc < 0 ? EMPTY : FULL;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    return rc;
}

static struct slot *add_slot_locked(struct sshconfig *c, const struct slot *key) {
    struct slot *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->host = strdup(key->host);
    s->user = key->user ? strdup(key->user) : NULL;
    s->identity = key->identity ? strdup(key->identity) : NULL;
    s->proxy_jump = key->proxy_jump ? strdup(key->proxy_jump) : NULL;
    s->port = key->port;
    if (!s->host || (key->user && !s->user) || (key->identity && !s->identity) ||
        (key->proxy_jump && !s->proxy_jump) || !tsearch(s, &c->slots, compare_slots)) {
        slot_free(s);
        return NULL;
    }
    return s;
}

static struct slot *slot_of(struct sshconfig *c, const struct slot *key) {
    pthread_mutex_lock(&c->lock);
    struct slot *const *found = tfind(key, &c->slots, compare_slots);
    struct slot *s = found ? *found : add_slot_locked(c, key);
    pthread_mutex_unlock(&c->lock);
    return s;
}

static int resolve(struct sshconfig *c, const struct slot *key, int64_t deadline,
                   const struct ssh_options **ret, struct error *err) {
    struct slot *s = slot_of(c, key);
    if (!s)
        return error_memory(err);
    if (c->program && obtain(c, &c->usual, fill_usual, deadline, err) < 0)
        return -1;
    if (obtain(c, s, fill_server, deadline, err) < 0)
        return -1;
    *ret = &s->options;
    return 0;
}

int sshconfig_resolve(struct sshconfig *c, const struct server *server, int64_t deadline,
                      const struct ssh_options **ret, struct error *err) {
    struct slot key = {.host = server->host,
                       .user = server->user ? server->user : c->user,
                       .identity = server->identity,
                       .port = server->port ? server->port : c->port};
    return resolve(c, &key, deadline, ret, err);
}

int sshconfig_resolve_jump(struct sshconfig *c, const char *host, const char *user, int port,
                           const char *proxy_jump, int64_t deadline, const struct ssh_options **ret,
                           struct error *err) {
    /* a slot found by this key owns copies */
    struct slot key = {
        .host = (char *)host, .user = (char *)user, .proxy_jump = (char *)proxy_jump, .port = port};
    return resolve(c, &key, deadline, ret, err);
}
