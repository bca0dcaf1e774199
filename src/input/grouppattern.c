/*
 * grouppattern: see grouppattern.h. A pattern is cut into terms, and a set of servers (an array of
 * flags) is made of each. Any thread.
 */
#include "input/grouppattern.h"

#include "base/fd.h"
#include "base/text.h"
#include "input/nodeset.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (16 << 20)

enum operation { ADD, KEEP, DROP, OPERATIONS };

struct selection {
    struct ansible *a;
    const struct names *names;
    bool *sets[OPERATIONS]; /* of what was added; of what every & keeps; of what any ! drops */
    bool *one;              /* of the term at hand */
    bool *hosts;            /* of Ansible's hosts, by their own places */
    bool any[OPERATIONS];
    struct error *err;
};

static void selection_done(struct selection *s) {
    for (int i = 0; i < OPERATIONS; i++)
        free(s->sets[i]);
    free(s->one);
    free(s->hosts);
}

static int unknown(struct selection *s, const char *term) {
    cleanup(str_done) struct str shown = {0};
    text_add_printable(&shown, term, strlen(term), 100);
    return error_set(s->err, ERROR_USAGE, "the inventory has no group and no server '%s'",
                     shown.data ? shown.data : "");
}

/* ---- the servers of a term ---- */

static int take_group(struct selection *s, size_t group) {
    const struct names *hosts = &s->a->host_names;
    memset(s->hosts, 0, hosts->count);
    if (ansible_mark(s->a, group, s->hosts) < 0)
        return error_memory(s->err);
    for (size_t i = 0; i < hosts->count; i++) {
        size_t place = names_find(s->names, hosts->items[i], strlen(hosts->items[i]));
        if (s->hosts[i] && place != NAMES_NONE)
            s->one[place] = true;
    }
    return 0;
}

/* A server of a plain list is in no group. */
static void take_strangers(struct selection *s) {
    for (size_t i = 0; i < s->names->count; i++) {
        const char *name = s->names->items[i];
        s->one[i] |= names_find(&s->a->host_names, name, strlen(name)) == NAMES_NONE;
    }
}

static int take_matching(struct selection *s, const char *term) {
    bool found = false;
    for (size_t i = 0; i < s->a->group_names.count; i++)
        if (fnmatch(term, s->a->group_names.items[i], 0) == 0) {
            found = true;
            if (take_group(s, i) < 0)
                return -1;
        }
    for (size_t i = 0; i < s->names->count; i++)
        if (fnmatch(term, s->names->items[i], 0) == 0)
            found = s->one[i] = true;
    return found ? 0 : unknown(s, term);
}

/* Servers by their names, all of which must be there. */
static int take_servers(struct selection *s, const char *term) {
    cleanup(names_done) struct names names = {0};
    if (nodeset_expand(term, &names, s->err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        size_t place = names_find(s->names, names.items[i], strlen(names.items[i]));
        if (place == NAMES_NONE)
            return unknown(s, names.items[i]);
        s->one[place] = true;
    }
    return 0;
}

static int take_file(struct selection *s, const char *path) {
    cleanup(str_done) struct str text = {0};
    char *rest = NULL;
    if (fd_read_file(path, FILE_MAX, &text, s->err) < 0)
        return -1;
    for (char *line = text.len ? strtok_r(text.data, "\r\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\r\n", &rest)) {
        line += strspn(line, " \t");
        line[strcspn(line, " \t#")] = '\0';
        if (*line && take_servers(s, line) < 0)
            return error_prefix(s->err, "%s", path);
    }
    return 0;
}

static int take_term(struct selection *s, const char *term) {
    const struct names *groups = &s->a->group_names;
    size_t group = names_find(groups, term, strlen(term));
    if (strcmp(term, "all") == 0 || strcmp(term, "*") == 0) {
        memset(s->one, true, s->names->count);
        return 0;
    }
    if (*term == '@')
        return take_file(s, term + 1);
    if (strcmp(term, "ungrouped") == 0)
        take_strangers(s);
    if (group != NAMES_NONE)
        return take_group(s, group);
    if (strpbrk(term, "*?"))
        return take_matching(s, term);
    size_t place = names_find(s->names, term, strlen(term));
    if (place == NAMES_NONE)
        return strchr(term, '[') ? take_servers(s, term) : unknown(s, term);
    s->one[place] = true;
    return 0;
}

/* ---- terms ---- */

static int apply(struct selection *s, char *term) {
    enum operation operation = *term == '&' ? KEEP : *term == '!' ? DROP : ADD;
    bool *set = s->sets[operation];
    if (operation != ADD)
        term++;
    if (!*term)
        return error_set(s->err, ERROR_USAGE,
                         "the name of a group or of a server was expected between ':' or ','");
    memset(s->one, 0, s->names->count);
    if (take_term(s, term) < 0)
        return -1;
    for (size_t i = 0; i < s->names->count; i++)
        if (operation == KEEP)
            set[i] = (set[i] || !s->any[KEEP]) && s->one[i];
        else
            set[i] |= s->one[i];
    s->any[operation] = true;
    return 0;
}

/* How far it is to the next of `marks` outside of brackets. */
static size_t span(const char *p, const char *marks) {
    int depth = 0;
    size_t n = 0;
    for (; p[n] && (depth > 0 || !strchr(marks, p[n])); n++)
        depth += p[n] == '[' ? 1 : p[n] == ']' && depth > 0 ? -1 : 0;
    return n;
}

static bool is_known(const struct selection *s, const char *term) {
    term += *term == '&' || *term == '!';
    return *term == '@' || names_find(s->names, term, strlen(term)) != NAMES_NONE ||
           names_find(&s->a->group_names, term, strlen(term)) != NAMES_NONE;
}

/* Cuts at colons, but for a name that has one. */
static int apply_all(struct selection *s, char *terms) {
    if (is_known(s, terms))
        return apply(s, terms);
    for (;;) {
        size_t n = span(terms, ":");
        bool last = !terms[n];
        terms[n] = '\0';
        if (apply(s, terms) < 0)
            return -1;
        if (last)
            return 0;
        terms += n + 1;
    }
}

static int read_pattern(struct selection *s, char *pattern) {
    for (;;) {
        size_t n = span(pattern, ",");
        bool last = !pattern[n];
        pattern[n] = '\0';
        if (apply_all(s, pattern) < 0)
            return -1;
        if (last)
            return 0;
        pattern += n + 1;
    }
}

int grouppattern_select(struct ansible *a, const struct names *names, const char *pattern,
                        bool *selected, struct error *err) {
    cleanup(selection_done) struct selection s = {.a = a, .names = names, .err = err};
    cleanup(free_ptr) char *copy = strdup(pattern);
    bool memory = copy && (s.one = calloc(names->count + 1, 1)) &&
                  (s.hosts = calloc(a->host_names.count + 1, 1));
    for (int i = 0; i < OPERATIONS; i++)
        memory = memory && (s.sets[i] = calloc(names->count + 1, 1));
    if (!memory)
        return error_memory(err);
    if (read_pattern(&s, copy) < 0)
        return -1;
    for (size_t i = 0; i < names->count; i++)
        selected[i] |= (s.sets[ADD][i] || !s.any[ADD]) && (s.sets[KEEP][i] || !s.any[KEEP]) &&
                       !s.sets[DROP][i];
    return 0;
}
