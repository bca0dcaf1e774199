/*
 * sshconfig: see sshconfig.h.
 *
 * What was asked for is kept in a search tree, one slot for each distinct host, user, port,
 * identity and list of hops. The mutex guards the tree alone: two threads that ask for the same
 * server at once both evaluate, which costs less than waiting, and the first to be done is kept.
 * The options of a slot are immutable, so they are handed out without a lock; a slot that nobody
 * holds any more is taken out of the tree. Commands of the configuration are run once, and waited
 * for (input/sshcommands.h).
 */
#include "input/sshconfig.h"

#include "base/str.h"
#include "input/sshevaluate.h"
#include "input/sshoptions.h"
#include "input/sshvalues.h"

#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slot {
    char *host;
    char *user;
    char *identity;
    char *proxy_jump;
    int port;
    size_t held; /* guarded by the lock */
    struct ssh_options options;
};

struct sshconfig {
    char *user;
    int port;
    struct local_user local;
    struct ssh_rules rules;
    struct ssh_commands *commands;
    ssh_lookup *lookup;
    void *lookup_arg;
    pthread_mutex_t lock;
    /* guarded by lock: */
    void *slots; /* a tree of tsearch(3) */
};

/* ---- slots --------------------------------------------------------------------------------- */

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

static void slot_free(void *slot) {
    struct slot *s = slot;
    free(s->host);
    free(s->user);
    free(s->identity);
    free(s->proxy_jump);
    ssh_options_done(&s->options);
    free(s);
}

static struct slot *slot_new(const struct slot *key) {
    struct slot *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->host = strdup(key->host);
    s->user = key->user ? strdup(key->user) : NULL;
    s->identity = key->identity ? strdup(key->identity) : NULL;
    s->proxy_jump = key->proxy_jump ? strdup(key->proxy_jump) : NULL;
    s->port = key->port;
    if (s->host && !s->user == !key->user && !s->identity == !key->identity &&
        !s->proxy_jump == !key->proxy_jump)
        return s;
    slot_free(s);
    return NULL;
}

static struct slot *find_slot(struct sshconfig *c, const struct slot *key) {
    pthread_mutex_lock(&c->lock);
    struct slot *const *found = tfind(key, &c->slots, compare_slots);
    struct slot *s = found ? *found : NULL;
    if (s)
        s->held++;
    pthread_mutex_unlock(&c->lock);
    return s;
}

/* Puts the slot into the tree, or frees it when another thread was first. Returns that in the tree,
 * or NULL when memory ran out. */
static struct slot *keep_slot(struct sshconfig *c, struct slot *s) {
    pthread_mutex_lock(&c->lock);
    struct slot *const *found = tsearch(s, &c->slots, compare_slots);
    struct slot *kept = found ? *found : NULL;
    if (kept)
        kept->held++;
    pthread_mutex_unlock(&c->lock);
    if (kept != s)
        slot_free(s);
    return kept;
}

/* The slot that the options are of. */
static struct slot *slot_of(const struct ssh_options *o) {
    return (struct slot *)((char *)o - offsetof(struct slot, options));
}

void sshconfig_hold(struct sshconfig *c, const struct ssh_options *o) {
    pthread_mutex_lock(&c->lock);
    slot_of(o)->held++;
    pthread_mutex_unlock(&c->lock);
}

void sshconfig_release(struct sshconfig *c, const struct ssh_options *o) {
    struct slot *s = slot_of(o);
    pthread_mutex_lock(&c->lock);
    bool last = --s->held == 0;
    if (last)
        tdelete(s, &c->slots, compare_slots);
    pthread_mutex_unlock(&c->lock);
    if (last)
        slot_free(s);
}

/* ---- making ---------------------------------------------------------------------------------- */

int sshconfig_new(const char *user, int port, const char *file, const struct cancel *cancel,
                  struct sshconfig **ret, struct error *err) {
    struct sshconfig *c = calloc(1, sizeof(*c));
    if (!c)
        return error_memory(err);
    pthread_mutex_init(&c->lock, NULL);
    c->port = port;
    c->user = user ? strdup(user) : NULL;
    int rc = 0;
    if (user && !c->user)
        rc = error_memory(err);
    else if (local_user_get(&c->local, err) < 0 ||
             ssh_commands_new(cancel, &c->commands, err) < 0 ||
             ssh_rules_read(file, &c->local, &c->rules, err) < 0)
        rc = -1;
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
    ssh_rules_done(&c->rules);
    ssh_commands_free(c->commands);
    local_user_done(&c->local);
    pthread_mutex_destroy(&c->lock);
    free(c->user);
    free(c);
}

void sshconfig_set_lookup(struct sshconfig *c, ssh_lookup *lookup, void *arg) {
    c->lookup = lookup;
    c->lookup_arg = arg;
}

/* ---- asking ---------------------------------------------------------------------------------- */

enum { GIVEN_MAX = 4 };

/* What is asked, as directives that come before all files. */
struct asked {
    char port[16];
    char *texts[GIVEN_MAX];
    struct ssh_directive given[GIVEN_MAX];
    struct ssh_question question;
};

static void give(struct asked *a, enum ssh_keyword keyword, char *text) {
    size_t i = a->question.given_count;
    if (!text)
        return;
    a->texts[i] = text;
    a->given[i] =
        (struct ssh_directive){.keyword = keyword, .words = {&a->texts[i], 1}, .user = true};
    a->question.given_count++;
}

static void prepare(const struct sshconfig *c, const struct slot *key, int64_t deadline,
                    struct asked *a) {
    a->question = (struct ssh_question){.rules = &c->rules,
                                        .local = &c->local,
                                        .commands = c->commands,
                                        .lookup = c->lookup,
                                        .lookup_arg = c->lookup_arg,
                                        .original = key->host,
                                        .given = a->given,
                                        .deadline = deadline};
    give(a, SSH_USER, key->user);
    if (key->port) {
        snprintf(a->port, sizeof(a->port), "%d", key->port);
        give(a, SSH_PORT, a->port);
    }
    give(a, SSH_IDENTITYFILE, key->identity);
    give(a, SSH_PROXYJUMP, key->proxy_jump);
}

static int refuse(struct error *err) {
    return err->kind == ERROR_UNREACHABLE ? error_prefix(err, "ssh refuses its configuration") : -1;
}

static int check_hops(const char *hops, struct error *err) {
    for (const char *hop = hops; hop; hop = strchr(hop, ',')) {
        struct ssh_jump j;
        hop += *hop == ',';
        int rc = ssh_jump_parse(hop, strcspn(hop, ","), &j);
        if (rc == -2)
            return error_memory(err);
        if (rc < 0)
            return error_set(err, ERROR_UNREACHABLE, "%s is no list of jump hosts", hops);
        ssh_jump_done(&j);
    }
    return 0;
}

static int resolve(struct sshconfig *c, const struct slot *key, int64_t deadline,
                   const struct ssh_options **ret, struct error *err) {
    struct slot *s = find_slot(c, key);
    if (!s) {
        struct asked asked;
        cleanup(ssh_answer_done) struct ssh_answer answer = {0};
        struct ssh_options options;
        prepare(c, key, deadline, &asked);
        if (ssh_evaluate(&asked.question, &answer, err) < 0 ||
            ssh_options_make(&asked.question, &answer, &options, err) < 0)
            return refuse(err);
        s = slot_new(key);
        if (!s) {
            ssh_options_done(&options);
            return error_memory(err);
        }
        s->options = options;
        s = keep_slot(c, s);
        if (!s)
            return error_memory(err);
    }
    *ret = &s->options;
    return 0;
}

static struct slot key_of(const struct sshconfig *c, const struct server *server) {
    return (struct slot){.host = server->host,
                         .user = server->user ? server->user : c->user,
                         .identity = server->identity,
                         .port = server->port ? server->port : c->port};
}

int sshconfig_resolve(struct sshconfig *c, const struct server *server, int64_t deadline,
                      const struct ssh_options **ret, struct error *err) {
    struct slot key = key_of(c, server);
    return resolve(c, &key, deadline, ret, err);
}

int sshconfig_resolve_jump(struct sshconfig *c, const char *host, const char *user, int port,
                           const char *proxy_jump, int64_t deadline, const struct ssh_options **ret,
                           struct error *err) {
    /* a slot found by this key owns copies */
    struct slot key = {
        .host = (char *)host, .user = (char *)user, .proxy_jump = (char *)proxy_jump, .port = port};
    if (proxy_jump && check_hops(proxy_jump, err) < 0)
        return -1;
    return resolve(c, &key, deadline, ret, err);
}

/* ---- explaining --------------------------------------------------------------------------------
 */

/* Where explained values go. */
struct listener {
    void (*each)(void *arg, const struct sshconfig_value *value);
    void *arg;
};

static void tell(const struct listener *l, const char *text, const struct ssh_directive *from) {
    const struct ssh_keyword_row *row = ssh_keyword_row(from->keyword);
    l->each(l->arg,
            &(struct sshconfig_value){row->name, text, from->file, from->line, row->support});
}

static int tell_line(const struct listener *l, const struct ssh_directive *d, struct error *err) {
    cleanup(str_done) struct str text = {0};
    str_add(&text, "");
    for (size_t i = 0; i < d->words.count; i++)
        str_addf(&text, "%s%s", i ? " " : "", d->words.items[i]);
    if (text.failed)
        return error_memory(err);
    tell(l, text.data, d);
    return 0;
}

/* The values of a keyword all of whose values count, or NULL for any other. */
static const struct ssh_settings *settings_of(const struct ssh_answer *a, enum ssh_keyword k) {
    return k == SSH_IDENTITYFILE      ? &a->identity_files
           : k == SSH_CERTIFICATEFILE ? &a->certificate_files
           : k == SSH_SENDENV         ? &a->send_env
                                      : NULL;
}

static int tell_all(const struct listener *l, const struct ssh_answer *a, struct error *err) {
    for (int k = 0; k < SSH_KEYWORDS; k++) {
        const struct ssh_settings *all = settings_of(a, (enum ssh_keyword)k);
        for (size_t i = 0; all && i < all->count; i++)
            tell(l, all->items[i].text, all->items[i].from);
        if (a->won[k] && tell_line(l, a->won[k], err) < 0)
            return -1;
        if (k == SSH_REKEYLIMIT && a->rekey_interval && a->rekey_interval != a->won[k] &&
            tell_line(l, a->rekey_interval, err) < 0)
            return -1;
    }
    return 0;
}

int sshconfig_explain(struct sshconfig *c, const struct server *server, int64_t deadline,
                      void (*each)(void *arg, const struct sshconfig_value *value), void *arg,
                      struct error *err) {
    const struct listener listener = {each, arg};
    struct slot key = key_of(c, server);
    struct asked asked;
    cleanup(ssh_answer_done) struct ssh_answer answer = {0};
    prepare(c, &key, deadline, &asked);
    if (ssh_evaluate(&asked.question, &answer, err) < 0)
        return refuse(err);
    return tell_all(&listener, &answer, err);
}
