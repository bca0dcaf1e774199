/*
 * sshmatch: see sshmatch.h. Pure; any thread.
 *
 * OpenSSH before 9.9 cuts the line as it cuts keywords, later as arguments. A line that the older
 * way refuses is read in the newer one.
 */
#include "input/sshmatch.h"

#include "base/vec.h"
#include "input/sshpattern.h"

#include <string.h>
#include <strings.h>

struct list {
    struct ssh_criterion *items;
    size_t count, cap;
};

static int kind_of(const char *name, size_t n) {
    static const char *const names[] = {[SSH_MATCH_ALL] = "all",
                                        [SSH_MATCH_CANONICAL] = "canonical",
                                        [SSH_MATCH_FINAL] = "final",
                                        [SSH_MATCH_HOST] = "host",
                                        [SSH_MATCH_ORIGINAL_HOST] = "originalhost",
                                        [SSH_MATCH_USER] = "user",
                                        [SSH_MATCH_LOCAL_USER] = "localuser",
                                        [SSH_MATCH_LOCAL_NETWORK] = "localnetwork",
                                        [SSH_MATCH_TAGGED] = "tagged",
                                        [SSH_MATCH_EXEC] = "exec"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strlen(names[i]) == n && strncasecmp(names[i], name, n) == 0)
            return (int)i;
    return -1;
}

/* Reads the criterion at items[*i], and its argument, and moves *i behind them. */
static int read_criterion(const struct ssh_words *w, size_t *i, struct ssh_criterion *ret,
                          struct error *err) {
    const char *word = w->items[(*i)++];
    bool negated = *word == '!';
    const char *name = word + negated;
    size_t n = strcspn(name, "=");
    int kind = kind_of(name, n);
    if (kind < 0)
        return error_set(err, ERROR_USAGE, "Unsupported Match attribute %s", name);
    *ret = (struct ssh_criterion){.kind = (unsigned)kind, .negated = negated};
    if (kind <= SSH_MATCH_FINAL)
        return name[n] ? error_set(err, ERROR_USAGE, "Unsupported Match attribute %s", name) : 0;
    ret->argument = name[n] ? name + n + 1 : *i < w->count ? w->items[(*i)++] : "";
    if (!*ret->argument || *ret->argument == '#')
        return error_set(err, ERROR_USAGE, "Missing Match criteria for %s", name);
    if (kind == SSH_MATCH_LOCAL_NETWORK && ssh_network_list_match(NULL, ret->argument) < 0)
        return error_set(err, ERROR_USAGE, "Bad Match localnetwork %s", ret->argument);
    return 0;
}

static int read_criteria(const struct ssh_words *w, bool left, struct list *ret,
                         struct error *err) {
    for (size_t i = 0; i < w->count;) {
        struct ssh_criterion c;
        if (*w->items[i] == '#') {
            left = false;
            break;
        }
        if (read_criterion(w, &i, &c, err) < 0)
            return -1;
        bool follows = i < w->count && *w->items[i] != '#';
        if (c.kind == SSH_MATCH_ALL && (ret->count > 1 || follows))
            return error_set(err, ERROR_USAGE,
                             "'all' cannot be combined with other Match attributes");
        if (vec_reserve(&ret->items, &ret->cap, ret->count + 1, sizeof(*ret->items)) < 0)
            return error_memory(err);
        ret->items[ret->count++] = c;
        if (c.kind == SSH_MATCH_ALL)
            return 0;
    }
    if (left)
        return error_set(err, ERROR_USAGE, "keyword Match extra arguments at end of line");
    if (!ret->count)
        return error_set(err, ERROR_USAGE, "One or more attributes required for Match");
    return 0;
}

int ssh_match_read(const char *text, struct ssh_words *words, struct ssh_criterion **criteria,
                   size_t *count, struct error *err) {
    struct list list = {0};
    struct error newer;
    bool left;
    if (ssh_words_cut(text, words, &left) < 0)
        return error_memory(err);
    int rc = read_criteria(words, left, &list, err);
    if (rc < 0) {
        list.count = 0;
        ssh_words_done(words);
        int split = ssh_words_split(text, words);
        rc = split == 0 ? read_criteria(words, false, &list, &newer) : -1;
    }
    if (rc < 0) {
        free(list.items);
        ssh_words_done(words);
        return -1;
    }
    *criteria = list.items;
    *count = list.count;
    return 0;
}
