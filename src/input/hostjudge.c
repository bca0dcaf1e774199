/*
 * hostjudge: see hostjudge.h.
 *
 * ssh's rules that surprise, each kept:
 *   - a host known with a key of another type alone is changed, not unknown;
 *   - a host at a port that no `[host]:port` line knows is accepted with a key of the bare name,
 *     but not because that key is unknown there, and not when the bare address has another;
 *   - a new key is recorded before the address is looked at, which may refuse it;
 *   - an address whose key is revoked is not looked at twice: only the host's name is.
 *
 * Pure.
 */
#include "input/hostjudge.h"

#include "input/hostkey.h"

#include <string.h>

struct look {
    enum hostjudge_status status;
    const struct knownhosts_line *line;
};

/* The first line that revokes the key, the first that has it, the last that has another. */
static struct look look_at(const struct knownhosts_lines *l, const char *key) {
    const struct knownhosts_line *same = NULL, *other = NULL;
    for (size_t i = 0; i < l->count; i++) {
        const struct knownhosts_line *line = l->items[i];
        bool is_same = strcmp(line->key, key) == 0;
        if (line->marker == KNOWNHOSTS_REVOKED && is_same)
            return (struct look){HOSTJUDGE_REVOKED, line};
        if (line->marker != KNOWNHOSTS_PLAIN)
            continue;
        if (!is_same)
            other = line;
        else if (!same)
            same = line;
    }
    if (same)
        return (struct look){HOSTJUDGE_MATCH, same};
    return (struct look){other ? HOSTJUDGE_CHANGED : HOSTJUDGE_UNKNOWN, other};
}

/* Whether the bare names settle it for a host that is unknown at its port. */
static bool by_bare_names(const struct hostjudge_lines *l, const char *key, bool off,
                          struct hostjudge_answer *ret) {
    struct look bare = look_at(&l->bare, key);
    if (bare.status == HOSTJUDGE_MATCH && !off && l->check_address &&
        look_at(&l->bare_address, key).status == HOSTJUDGE_CHANGED)
        return false;
    if (bare.status != HOSTJUDGE_MATCH && bare.status != HOSTJUDGE_REVOKED)
        return false;
    ret->status = bare.status;
    ret->line = bare.line;
    ret->trusted = bare.status == HOSTJUDGE_MATCH;
    ret->accepted = ret->trusted || off;
    return true;
}

static void by_name(const struct hostjudge_lines *l, const char *key, struct look address,
                    enum host_key_checking checking, bool recordable,
                    struct hostjudge_answer *ret) {
    struct look host = look_at(&l->host, key);
    bool off = checking == HOST_KEY_OFF;
    *ret = (struct hostjudge_answer){.status = host.status, .line = host.line};
    if (host.status == HOSTJUDGE_UNKNOWN && by_bare_names(l, key, off, ret))
        return;
    bool new_address = recordable && l->check_address && address.status == HOSTJUDGE_UNKNOWN;
    switch (host.status) {
    case HOSTJUDGE_MATCH:
        ret->accepted = ret->trusted = true;
        ret->add_address = new_address;
        break;
    case HOSTJUDGE_UNKNOWN:
        ret->accepted = ret->trusted = recordable && checking != HOST_KEY_STRICT;
        ret->add_host = ret->accepted;
        ret->add_address = ret->accepted && new_address;
        break;
    case HOSTJUDGE_CHANGED:
    case HOSTJUDGE_REVOKED:
        ret->accepted = off;
        break;
    }
}

void hostjudge(const struct hostjudge_lines *l, const char *key, enum host_key_checking checking,
               bool recordable, struct hostjudge_answer *ret) {
    struct look address = {HOSTJUDGE_UNKNOWN, NULL};
    if (l->check_address)
        address = look_at(&l->address, key);
    by_name(l, key, address, checking, recordable, ret);
    if (!ret->accepted || address.status != HOSTJUDGE_CHANGED || checking == HOST_KEY_OFF)
        return;
    ret->status = HOSTJUDGE_CHANGED;
    ret->by_address = true;
    ret->line = address.line;
    ret->accepted = ret->trusted = false;
}

bool hostjudge_has(const struct knownhosts_lines *l, enum knownhosts_marker marker) {
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i]->marker == marker)
            return true;
    return false;
}

size_t hostjudge_types(const struct knownhosts_lines *l, const char **types, size_t max) {
    const char *seen[HOSTKEY_TYPES];
    size_t seen_count = 0, n = 0;
    for (size_t i = 0; i < l->count && n < max; i++) {
        const struct knownhosts_line *line = l->items[i];
        if (line->marker != KNOWNHOSTS_PLAIN || strstr(line->type, "-cert-"))
            continue;
        size_t j = 0;
        while (j < seen_count && seen[j] != line->type) /* types are constants of hostkey.c */
            j++;
        if (j < seen_count || seen_count == HOSTKEY_TYPES)
            continue;
        seen[seen_count++] = line->type;
        /* a type whose first key is revoked is none that a server should be asked for */
        if (look_at(l, line->key).status != HOSTJUDGE_REVOKED)
            types[n++] = line->type;
    }
    return n;
}

void hostjudge_lines_done(struct hostjudge_lines *l) {
    knownhosts_lines_done(&l->host);
    knownhosts_lines_done(&l->bare);
    knownhosts_lines_done(&l->address);
    knownhosts_lines_done(&l->bare_address);
}
