/*
 * sshevaluate: see sshevaluate.h.
 *
 * The blocks are gone over in their order, and of the directives in those that apply the first one
 * of each keyword wins. Of the blocks of Host whose patterns are plain names only those with the
 * right name are looked at. Where the configuration asks for it, all is gone over a second time
 * with the name that the first time led to; what has won stays.
 *
 * Unlike ssh, a Match exec in a file whose Include does not apply is not run: it makes no
 * difference to what holds.
 *
 * Threads: any; the rules are immutable, an answer belongs to its caller.
 */
#include "input/sshevaluate.h"

#include "base/vec.h"
#include "input/sshcanonical.h"
#include "input/sshpattern.h"
#include "input/sshvalues.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum {
    FILES_MAX = 100, /* identity files; certificate files */
    LIST_MAX = 32,   /* known_hosts files, domains */
};

/* One time over all blocks. */
struct pass {
    const struct ssh_question *q;
    struct ssh_answer *answer;
    const char *host; /* what Host is held against */
    bool final;
    bool *active; /* of each block */
    /* What Match host is held against, made anew when HostName has come up. */
    const struct ssh_directive *hostname;
    char *target, *target_lower;
};

static void pass_done(struct pass *p) {
    free(p->active);
    free(p->target);
    free(p->target_lower);
}

void ssh_answer_done(struct ssh_answer *a) {
    free(a->identity_files.items);
    free(a->certificate_files.items);
    free(a->send_env.items);
    free(a->host);
    *a = (struct ssh_answer){0};
}

const char *ssh_answer_text(const struct ssh_answer *a, enum ssh_keyword keyword) {
    return a->won[keyword] ? a->won[keyword]->words.items[0] : NULL;
}

const char *ssh_answer_value(const struct ssh_answer *a, enum ssh_keyword keyword) {
    const char *text = ssh_answer_text(a, keyword);
    return text && strcasecmp(text, "none") != 0 ? text : NULL;
}

bool ssh_answer_flag(const struct ssh_answer *a, enum ssh_keyword keyword, bool usual) {
    const char *text = ssh_answer_text(a, keyword);
    return text ? ssh_flag_read(text) : usual;
}

/* ---- directives ---------------------------------------------------------------------------- */

/* An error of the line that a directive stands on. */
static int fail_at(const struct ssh_directive *d, struct error *err) {
    return d->file ? error_prefix(err, "%s line %d", d->file, d->line) : -1;
}

static int add_setting(struct ssh_settings *s, const char *text, const struct ssh_directive *from,
                       struct error *err) {
    if (vec_reserve(&s->items, &s->cap, s->count + 1, sizeof(*s->items)) < 0)
        return error_memory(err);
    s->items[s->count++] = (struct ssh_setting){text, from};
    return 0;
}

/* Of files all count, each once; the user's and the system's are apart. */
static int take_file(struct ssh_settings *s, const char *what, const struct ssh_directive *d,
                     struct error *err) {
    const char *path = d->words.items[0];
    if (s->count >= FILES_MAX) {
        error_set(err, ERROR_UNREACHABLE, "Too many %s files specified (max %d)", what, FILES_MAX);
        return fail_at(d, err);
    }
    for (size_t i = 0; i < s->count; i++)
        if (s->items[i].from->user == d->user && strcmp(s->items[i].text, path) == 0)
            return 0;
    return add_setting(s, path, d, err);
}

static int take_send_env(struct ssh_settings *s, const struct ssh_directive *d, struct error *err) {
    for (size_t i = 0; i < d->words.count; i++) {
        const char *pattern = d->words.items[i];
        if (*pattern != '-') {
            if (add_setting(s, pattern, d, err) < 0)
                return -1;
            continue;
        }
        size_t kept = 0;
        for (size_t k = 0; k < s->count; k++)
            if (!ssh_pattern_match(s->items[k].text, pattern + 1))
                s->items[kept++] = s->items[k];
        s->count = kept;
    }
    return 0;
}

static void take_rekey(struct ssh_answer *a, const struct ssh_directive *d) {
    if (!a->won[SSH_REKEYLIMIT])
        a->won[SSH_REKEYLIMIT] = d;
    if (!a->rekey_interval && d->words.count > 1 && strcmp(d->words.items[1], "none") != 0)
        a->rekey_interval = d;
}

static int take_list(struct ssh_answer *a, const struct ssh_directive *d, struct error *err) {
    if (a->won[d->keyword] || !d->words.count)
        return 0;
    if (d->words.count > LIST_MAX) {
        error_set(err, ERROR_UNREACHABLE, "too many %s entries", ssh_keyword_row(d->keyword)->name);
        return fail_at(d, err);
    }
    a->won[d->keyword] = d;
    return 0;
}

static int take(struct ssh_answer *a, const struct ssh_directive *d, struct error *err) {
    switch (d->keyword) {
    case SSH_UNKNOWN:
    case SSH_HOST:
    case SSH_MATCH:
        return 0;
    case SSH_IDENTITYFILE:
        return take_file(&a->identity_files, "identity", d, err);
    case SSH_CERTIFICATEFILE:
        return take_file(&a->certificate_files, "certificate", d, err);
    case SSH_SENDENV:
        return take_send_env(&a->send_env, d, err);
    case SSH_REKEYLIMIT:
        take_rekey(a, d);
        return 0;
    case SSH_USERKNOWNHOSTSFILE:
    case SSH_GLOBALKNOWNHOSTSFILE:
    case SSH_CANONICALDOMAINS:
    case SSH_CANONICALIZEPERMITTEDCNAMES:
    case SSH_SETENV:
        return take_list(a, d, err);
    case SSH_PROXYJUMP: /* the first of either turns the other off */
        if (a->won[SSH_PROXYCOMMAND])
            return 0;
        break;
    case SSH_PROXYCOMMAND: /* but for a ProxyJump none */
        if (ssh_answer_value(a, SSH_PROXYJUMP))
            return 0;
        break;
    default: /* the time "none" is as good as not set */
        if (ssh_keyword_row(d->keyword)->syntax == SSH_SYNTAX_TIME &&
            strcmp(d->words.items[0], "none") == 0)
            return 0;
        break;
    }
    if (!a->won[d->keyword])
        a->won[d->keyword] = d;
    return 0;
}

/* ---- blocks -------------------------------------------------------------------------------- */

static bool host_applies(const struct ssh_words *patterns, const char *host) {
    bool found = false;
    for (size_t i = 0; i < patterns->count; i++) {
        const char *pattern = patterns->items[i];
        bool negated = *pattern == '!';
        if (!ssh_pattern_match(host, pattern + negated))
            continue;
        if (negated)
            return false;
        found = true;
    }
    return found;
}

static bool is_local_network(const char *list) {
    struct ifaddrs *all = NULL;
    bool found = false;
    if (getifaddrs(&all) < 0)
        return false;
    for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next) {
        char text[NI_MAXHOST];
        if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) ||
            (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
            continue;
        socklen_t len = i->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                                          : sizeof(struct sockaddr_in6);
        if (getnameinfo(i->ifa_addr, len, text, sizeof(text), NULL, 0, NI_NUMERICHOST) != 0)
            continue;
        text[strcspn(text, "%")] = '\0';
        found = ssh_network_list_match(text, list) == 1;
    }
    freeifaddrs(all);
    return found;
}

/* What Match host is held against: what HostName has made of the name so far. */
static int target(const struct pass *p, char **ret, struct error *err) {
    const char *set = p->final ? NULL : ssh_answer_text(p->answer, SSH_HOSTNAME);
    struct ssh_names names = {.hostname = p->host};
    if (set)
        return ssh_expand_tokens(set, SSH_TOKENS_HOSTNAME, &names, ret, err);
    *ret = strdup(p->host);
    return *ret ? 0 : error_memory(err);
}

static const char *remote_user(const struct pass *p) {
    const char *user = ssh_answer_text(p->answer, SSH_USER);
    return user ? user : p->q->local->name;
}

static int exec_applies(const struct pass *p, const char *host, const char *argument, bool *ret,
                        struct error *err) {
    const char *port = ssh_answer_text(p->answer, SSH_PORT);
    const char *alias = ssh_answer_text(p->answer, SSH_HOSTKEYALIAS);
    struct ssh_names names = {.local = p->q->local,
                              .original = p->q->original,
                              .hostname = host,
                              .user = remote_user(p),
                              .alias = alias ? alias : host,
                              .jump = "",
                              .port = port ? ssh_port_read(port) : 22};
    cleanup(free_ptr) char *command = NULL;
    if (ssh_expand_tokens(argument, SSH_TOKENS, &names, &command, err) < 0)
        return -1;
    return ssh_commands_succeeds(p->q->commands, command, p->q->deadline, ret, err);
}

static char *in_lower(const char *host) {
    char *lower = strdup(host);
    for (char *c = lower; c && *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c | 0x20 : *c);
    return lower;
}

static bool host_list_matches(const char *host, const char *list) {
    cleanup(free_ptr) char *lower = in_lower(host);
    return lower && ssh_pattern_list_match(lower, list, true);
}

static int make_target(struct pass *p, struct error *err) {
    if (p->target && p->hostname == p->answer->won[SSH_HOSTNAME])
        return 0;
    free(p->target);
    free(p->target_lower);
    p->target = p->target_lower = NULL;
    if (target(p, &p->target, err) < 0)
        return -1;
    p->hostname = p->answer->won[SSH_HOSTNAME];
    p->target_lower = in_lower(p->target);
    return p->target_lower ? 0 : error_memory(err);
}

static int criterion_applies(const struct pass *p, const struct ssh_criterion *c, bool *ret,
                             struct error *err) {
    const char *tag;
    switch (c->kind) {
    case SSH_MATCH_ALL:
        *ret = true;
        return 0;
    case SSH_MATCH_CANONICAL:
    case SSH_MATCH_FINAL:
        *ret = p->final;
        return 0;
    case SSH_MATCH_HOST:
        *ret = ssh_pattern_list_match(p->target_lower, c->argument, true);
        return 0;
    case SSH_MATCH_ORIGINAL_HOST:
        *ret = host_list_matches(p->q->original, c->argument);
        return 0;
    case SSH_MATCH_USER:
        *ret = ssh_pattern_list_match(remote_user(p), c->argument, false);
        return 0;
    case SSH_MATCH_LOCAL_USER:
        *ret = ssh_pattern_list_match(p->q->local->name, c->argument, false);
        return 0;
    case SSH_MATCH_LOCAL_NETWORK:
        *ret = is_local_network(c->argument);
        return 0;
    case SSH_MATCH_TAGGED:
        tag = ssh_answer_text(p->answer, SSH_TAG);
        *ret = ssh_pattern_list_match(tag ? tag : "", c->argument, false);
        return 0;
    case SSH_MATCH_EXEC:
        return exec_applies(p, p->target, c->argument, ret, err);
    }
    return 0;
}

static int match_applies(struct pass *p, const struct ssh_block *b, bool *ret, struct error *err) {
    if (make_target(p, err) < 0)
        return -1;
    for (size_t i = 0; i < b->criterion_count; i++) {
        bool applies;
        if (criterion_applies(p, &b->criteria[i], &applies, err) < 0)
            return -1;
        if (applies == b->criteria[i].negated) {
            *ret = false;
            return 0;
        }
    }
    *ret = true;
    return 0;
}

static int block_applies(struct pass *p, const struct ssh_block *b, bool *ret, struct error *err) {
    *ret = b->parent == SSH_NO_BLOCK || p->active[b->parent];
    if (!*ret || b->kind == SSH_BLOCK_ALWAYS || b->kind == SSH_BLOCK_SAME)
        return 0;
    const struct ssh_directive *line = &p->q->rules->directives[b->line];
    if (b->kind == SSH_BLOCK_HOST)
        *ret = host_applies(&line->words, p->host);
    else if (match_applies(p, b, ret, err) < 0)
        return fail_at(line, err);
    return 0;
}

static int go_over(struct pass *p, size_t index, struct error *err) {
    const struct ssh_rules *rules = p->q->rules;
    const struct ssh_block *b = &rules->blocks[index];
    if (p->active[index])
        return 0; /* a name that stands twice on its line */
    if (block_applies(p, b, &p->active[index], err) < 0)
        return -1;
    for (size_t i = b->first; p->active[index] && i < b->end; i++)
        if (take(p->answer, &rules->directives[i], err) < 0)
            return -1;
    return 0;
}

/* Goes over the general blocks and those of this host's name, in the order of the files. */
static int run_pass(const struct ssh_question *q, struct ssh_answer *answer, const char *host,
                    bool final, struct error *err) {
    const struct ssh_rules *rules = q->rules;
    bool *active = calloc(rules->block_count + 1, sizeof(*active));
    if (!active)
        return error_memory(err);
    cleanup(pass_done) struct pass p = {
        .q = q, .answer = answer, .host = host, .final = final, .active = active};
    size_t end, named = ssh_rules_find(rules, host, &end);
    for (size_t general = 0; general < rules->general_count || named < end;) {
        bool next_named = named < end && (general == rules->general_count ||
                                          rules->named[named].block < rules->general[general]);
        size_t block = next_named ? rules->named[named++].block : rules->general[general++];
        if (go_over(&p, block, err) < 0)
            return -1;
    }
    return 0;
}

/* Whether an IgnoreUnknown that holds for this server, and stands before them, excuses all words
 * that are not known. */
static int check_unknown(const struct ssh_question *q, const struct ssh_answer *a,
                         struct error *err) {
    const struct ssh_directive *ignore = a->won[SSH_IGNOREUNKNOWN];
    for (size_t i = 0; i < q->rules->unknown_count; i++) {
        const struct ssh_directive *d = &q->rules->directives[q->rules->unknown[i]];
        if (ignore && ignore < d &&
            ssh_pattern_list_match(d->words.items[0], ignore->words.items[0], true))
            continue;
        return error_set(err, ERROR_UNREACHABLE, "%s line %d: Bad configuration option: %s",
                         d->file, d->line, d->words.items[0]);
    }
    return 0;
}

static int first_host(const struct ssh_question *q, const struct ssh_answer *a, char **ret,
                      struct error *err) {
    const struct pass p = {.q = q, .answer = (struct ssh_answer *)a, .host = q->original};
    return target(&p, ret, err);
}

static int evaluate(const struct ssh_question *q, struct ssh_answer *a, struct error *err) {
    for (size_t i = 0; i < q->given_count; i++)
        if (take(a, &q->given[i], err) < 0)
            return -1;
    if (run_pass(q, a, q->original, false, err) < 0 || check_unknown(q, a, err) < 0 ||
        first_host(q, a, &a->host, err) < 0 || ssh_canonicalize(q, a, &a->host, err) < 0)
        return -1;
    if (!q->rules->has_final && !ssh_canonicalizes(a))
        return 0;
    return run_pass(q, a, a->host, true, err);
}

int ssh_evaluate(const struct ssh_question *q, struct ssh_answer *ret, struct error *err) {
    cleanup(ssh_answer_done) struct ssh_answer a = {0};
    if (evaluate(q, &a, err) < 0)
        return -1;
    *ret = a;
    a = (struct ssh_answer){0};
    return 0;
}
