/* kinds: see kinds.h. */
#include "cli/kinds.h"

#include "base/str.h"
#include "base/text.h"
#include "base/vec.h"
#include "cli/cli.h"
#include "input/names.h"
#include "input/nodeset.h"
#include "policy/cohort.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct group {
    char *kind;
    struct names servers;
};

struct groups {
    struct group *items;
    size_t count, cap;
    struct names wanted; /* all when empty; those that were seen are dropped */
    bool all;
};

static void groups_done(struct groups *g) {
    for (size_t i = 0; i < g->count; i++) {
        free(g->items[i].kind);
        names_done(&g->items[i].servers);
    }
    free(g->items);
    names_done(&g->wanted);
}

/* Servers come in the order of their kinds. */
static int put(struct groups *g, const char *name, const char *kind, struct error *err) {
    if (g->count == 0 || strcmp(g->items[g->count - 1].kind, kind) != 0) {
        if (vec_reserve(&g->items, &g->cap, g->count + 1, sizeof(*g->items)) < 0)
            return error_memory(err);
        g->items[g->count] = (struct group){.kind = strdup(kind)};
        if (!g->items[g->count++].kind)
            return error_memory(err);
    }
    return names_add(&g->items[g->count - 1].servers, name, strlen(name)) < 0 ? error_memory(err)
                                                                              : 0;
}

static int take(void *arg, const char *name, const char *kind, struct error *err) {
    struct groups *g = arg;
    return g->all || names_drop(&g->wanted, name) ? put(g, name, kind, err) : 0;
}

static int collect(const char *url, const struct servers *servers, struct groups *g,
                   struct error *err) {
    struct store *store;
    g->all = !servers;
    for (size_t i = 0; servers && i < servers->count; i++)
        if (names_add(&g->wanted, servers->items[i].name, strlen(servers->items[i].name)) < 0)
            return error_memory(err);
    if (store_open(url, STORE_READ, &store, err) < 0)
        return -1;
    int rc = store_kinds(store, take, g, err);
    store_close(store);
    for (size_t i = 0; rc == 0 && i < g->wanted.count; i++)
        if (g->wanted.items[i])
            rc = put(g, g->wanted.items[i], COHORT_UNKNOWN, err);
    return rc;
}

static void print_json(const struct groups *g, struct str *out) {
    str_add_char(out, '[');
    for (size_t i = 0; i < g->count; i++) {
        const struct group *group = &g->items[i];
        str_add(out, i ? ",{\"kind\":" : "{\"kind\":");
        text_add_json(out, group->kind, strlen(group->kind));
        str_add(out, ",\"servers\":[");
        for (size_t j = 0; j < group->servers.count; j++) {
            const char *name = group->servers.items[j];
            str_add(out, j ? "," : "");
            text_add_json(out, name, strlen(name));
        }
        str_add(out, "]}");
    }
    str_add(out, "]\n");
}

static void print_lines(const struct groups *g, struct str *out) {
    for (size_t i = 0; i < g->count; i++) {
        const struct names *servers = &g->items[i].servers;
        str_addf(out, "%6zu  %-40s  ", servers->count, g->items[i].kind);
        nodeset_fold((const char *const *)servers->items, servers->count, out);
        str_add_char(out, '\n');
    }
}

int kinds_print(const char *store, const struct servers *servers, bool json) {
    cleanup(groups_done) struct groups groups = {0};
    cleanup(str_done) struct str out = {0};
    struct error err;
    if (collect(store, servers, &groups, &err) < 0)
        return cli_fail(&err);
    if (json)
        print_json(&groups, &out);
    else
        print_lines(&groups, &out);
    if (out.failed) {
        error_memory(&err);
        return cli_fail(&err);
    }
    fwrite(out.data, 1, out.len, stdout);
    return cli_flush();
}
