/*
 * ansible: see ansible.h.
 *
 * Hosts and groups are numbers, the places of their names in two sets. Walks over groups mark them
 * with the walk's number instead of keeping a set each, and circles are looked for once, at the
 * end: a hostile file can neither make a walk endless nor repeat it for each of its lines.
 */
#include "input/ansible.h"

#include "base/text.h"
#include "base/vec.h"
#include "input/ansiblerange.h"
#include "model/labels.h"

#include <stdio.h>
#include <string.h>

/* ---- what it is made of ---- */

static void values_done(struct ansible_values *v) {
    for (size_t i = 0; i < v->count; i++) {
        free(v->items[i].name);
        free(v->items[i].text);
    }
    free(v->items);
}

void ansible_done(struct ansible *a) {
    for (size_t i = 0; i < a->host_names.count && a->hosts; i++) {
        values_done(&a->hosts[i].own);
        values_done(&a->hosts[i].file);
        free(a->hosts[i].groups.items);
    }
    for (size_t i = 0; i < a->group_names.count && a->groups; i++) {
        values_done(&a->groups[i].own);
        values_done(&a->groups[i].file);
        free(a->groups[i].parents.items);
        free(a->groups[i].children.items);
    }
    free(a->hosts);
    free(a->groups);
    free(a->up.items);
    free(a->by_order);
    names_done(&a->files);
    names_done(&a->bases);
    names_done(&a->host_names);
    names_done(&a->group_names);
    mistakes_done(&a->mistakes);
    mistakes_done(&a->warnings);
    *a = (struct ansible){0};
}

static int add_place(struct ansible_places *p, size_t place) {
    if (vec_reserve(&p->items, &p->cap, p->count + 1, sizeof(*p->items)) < 0)
        return -1;
    p->items[p->count++] = place;
    return 0;
}

static bool has_place(const struct ansible_places *p, size_t place) {
    for (size_t i = 0; i < p->count; i++)
        if (p->items[i] == place)
            return true;
    return false;
}

size_t ansible_file(struct ansible *a, const char *name) {
    size_t n = strlen(name);
    return names_add(&a->files, name, n) < 0 ? NAMES_NONE : names_find(&a->files, name, n);
}

static size_t add_group(struct ansible *a, const char *name, size_t len) {
    size_t place = names_find(&a->group_names, name, len);
    if (place != NAMES_NONE)
        return place;
    place = a->group_names.count;
    if (vec_reserve(&a->groups, &a->group_cap, place + 1, sizeof(*a->groups)) < 0 ||
        names_add(&a->group_names, name, len) < 0)
        return NAMES_NONE;
    a->groups[place] = (struct ansible_group){0};
    return place;
}

size_t ansible_group(struct ansible *a, const char *name, size_t len) {
    if (add_group(a, "all", 3) == NAMES_NONE || add_group(a, "ungrouped", 9) == NAMES_NONE)
        return NAMES_NONE;
    a->groups[ANSIBLE_ALL].declared = a->groups[ANSIBLE_UNGROUPED].declared = true;
    return add_group(a, name, len);
}

static int add_named(struct ansible *a, size_t group, const struct names *names, int port,
                     struct ansible_places *ret) {
    for (size_t i = 0; i < names->count; i++) {
        size_t n = strlen(names->items[i]);
        size_t place = names_find(&a->host_names, names->items[i], n);
        if (place == NAMES_NONE) {
            place = a->host_names.count;
            if (vec_reserve(&a->hosts, &a->host_cap, place + 1, sizeof(*a->hosts)) < 0 ||
                names_add(&a->host_names, names->items[i], n) < 0)
                return -1;
            a->hosts[place] = (struct ansible_host){.port = port};
        }
        struct ansible_host *h = &a->hosts[place];
        if ((!has_place(&h->groups, group) && add_place(&h->groups, group) < 0) ||
            add_place(ret, place) < 0)
            return -1;
    }
    return 0;
}

/* A mistake in the bytes at `pattern`, which stand at `at`. */
static int pattern_mistake(struct ansible *a, const char *pattern, const char *mistake,
                           size_t column, struct ansible_place at) {
    cleanup(str_done) struct str shown = {0};
    if (mistake == ansiblerange_no_memory)
        return -1;
    text_add_printable(&shown, pattern, strlen(pattern), 100);
    mistakes_add(&a->mistakes, at.line ? at.line : 1, at.line ? at.column + (int)column - 1 : 1,
                 "'%s': %s", shown.data ? shown.data : "", mistake);
    return 0;
}

int ansible_add_hosts(struct ansible *a, size_t group, const char *pattern, struct ansible_place at,
                      struct ansible_places *ret) {
    cleanup(names_done) struct names names = {0};
    size_t column = 1;
    int port = 0;
    const char *mistake = ansiblerange_expand(pattern, &names, &port, &column);
    return mistake ? pattern_mistake(a, pattern, mistake, column, at)
                   : add_named(a, group, &names, port, ret);
}

int ansible_add_host(struct ansible *a, size_t group, const char *name, struct ansible_place at,
                     struct ansible_places *ret) {
    cleanup(names_done) struct names names = {0};
    size_t column = 1;
    const char *mistake = server_mistake(name, strlen(name), &column);
    if (mistake)
        return pattern_mistake(a, name, mistake, column, at);
    return names_add(&names, name, strlen(name)) < 0 ? -1 : add_named(a, group, &names, 0, ret);
}

int ansible_add_child(struct ansible *a, size_t parent, size_t child, struct ansible_place at) {
    struct ansible_places *up = &a->groups[child].parents, *down = &a->groups[parent].children;
    a->groups[child].at = at;
    if (up->count < down->count ? has_place(up, parent) : has_place(down, child))
        return 0;
    return add_place(up, parent) < 0 || add_place(down, child) < 0 ? -1 : 0;
}

/* ---- variables ---- */

static const struct {
    const char *name;
    enum ansible_key key;
    int rank;
} keys[] = {
    {"ansible_host", ANSIBLE_HOST, 0},
    {"ansible_ssh_host", ANSIBLE_HOST, 1},
    {"ansible_port", ANSIBLE_PORT, 0},
    {"ansible_ssh_port", ANSIBLE_PORT, 1},
    {"ansible_user", ANSIBLE_USER, 0},
    {"ansible_ssh_user", ANSIBLE_USER, 1},
    {"ansible_private_key_file", ANSIBLE_IDENTITY, 0},
    {"ansible_ssh_private_key_file", ANSIBLE_IDENTITY, 1},
    {"ansible_connection", ANSIBLE_CONNECTION, 0},
    {"ansible_group_priority", ANSIBLE_PRIORITY, 0},
    {"muster_kind", ANSIBLE_KIND, 0},
    {"muster_labels", ANSIBLE_LABELS, 0},
    {"ansible_ssh_args", ANSIBLE_IGNORED, 0},
    {"ansible_ssh_common_args", ANSIBLE_IGNORED, 0},
    {"ansible_ssh_extra_args", ANSIBLE_IGNORED, 0},
    {"ansible_ssh_executable", ANSIBLE_IGNORED, 0},
    {"ansible_password", ANSIBLE_IGNORED, 0},
    {"ansible_ssh_pass", ANSIBLE_IGNORED, 0},
    {"ansible_ssh_password", ANSIBLE_IGNORED, 0},
};

static size_t find_key(const char *name) {
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(keys[i].name, name) == 0)
            return i;
    return ARRAY_LEN(keys);
}

enum ansible_key ansible_key(const char *name) {
    size_t i = find_key(name);
    return i < ARRAY_LEN(keys) ? keys[i].key : ANSIBLE_NO_KEY;
}

int ansible_set(struct ansible_values *to, const char *name, const char *text, bool tagged,
                struct ansible_place at) {
    size_t key = find_key(name), i = 0;
    if (key == ARRAY_LEN(keys))
        return 0;
    while (i < to->count && strcmp(to->items[i].name, name) != 0)
        i++;
    if (vec_reserve(&to->items, &to->cap, i + 1, sizeof(*to->items)) < 0)
        return -1;
    struct ansible_value v = {.key = keys[key].key,
                              .rank = keys[key].rank,
                              .name = strdup(name),
                              .text = strdup(text),
                              .tagged = tagged,
                              .place = at};
    if (!v.name || !v.text) {
        free(v.name);
        free(v.text);
        return -1;
    }
    if (i < to->count) {
        free(to->items[i].name);
        free(to->items[i].text);
    } else {
        to->count++;
    }
    to->items[i] = v;
    return 0;
}

void ansible_add_place(const struct ansible *a, struct ansible_place at, struct str *out) {
    const char *file = a->files.items[at.file];
    text_add_printable(out, file, strlen(file), 1000);
    if (at.line > 0)
        str_addf(out, ":%d", at.line);
    if (at.line > 0 && at.column > 0)
        str_addf(out, ":%d", at.column);
    str_add(out, ": ");
}

/* ---- groups in groups ---- */

static int adopt(struct ansible *a) {
    for (size_t i = 1; i < a->group_names.count; i++)
        if (a->groups[i].parents.count == 0 &&
            ansible_add_child(a, ANSIBLE_ALL, i, a->groups[i].at) < 0)
            return -1;
    for (size_t i = 0; i < a->host_names.count; i++) {
        struct ansible_places *g = &a->hosts[i].groups;
        size_t kept = 0;
        bool is_all = false;
        for (size_t j = 0; j < g->count; j++) {
            is_all |= g->items[j] == ANSIBLE_ALL;
            if (g->items[j] > ANSIBLE_UNGROUPED)
                g->items[kept++] = g->items[j];
        }
        g->count = kept;
        if ((is_all && add_place(g, ANSIBLE_ALL) < 0) ||
            (kept == 0 && add_place(g, ANSIBLE_UNGROUPED) < 0))
            return -1;
    }
    return 0;
}

/* Depths from the outermost group inwards; *ret is how many groups were reached. */
static int measure(struct ansible *a, size_t *ret) {
    size_t count = a->group_names.count;
    cleanup(free_ptr) size_t *left = calloc(count, sizeof(*left));
    cleanup(free_ptr) size_t *queue = calloc(count, sizeof(*queue));
    size_t end = 0;
    *ret = 0;
    if (!left || !queue)
        return -1;
    for (size_t i = 0; i < count; i++)
        if ((left[i] = a->groups[i].parents.count) == 0)
            queue[end++] = i;
    for (; *ret < end; ++*ret) {
        const struct ansible_group *g = &a->groups[queue[*ret]];
        for (size_t i = 0; i < g->children.count; i++) {
            struct ansible_group *child = &a->groups[g->children.items[i]];
            if (child->depth <= g->depth)
                child->depth = g->depth + 1;
            if (--left[g->children.items[i]] == 0)
                queue[end++] = g->children.items[i];
        }
    }
    for (size_t i = 0; i < count; i++) /* for a sentence about those that were not */
        a->groups[i].seen = left[i];
    return 0;
}

static int by_rank(const void *x, const void *y, void *arg) {
    const struct ansible *a = arg;
    size_t i = *(const size_t *)x, j = *(const size_t *)y;
    const struct ansible_group *g = &a->groups[i], *h = &a->groups[j];
    if (g->depth != h->depth)
        return g->depth < h->depth ? -1 : 1;
    if (g->priority != h->priority)
        return g->priority < h->priority ? -1 : 1;
    return strcmp(a->group_names.items[i], a->group_names.items[j]);
}

static int priority_of(const struct ansible_group *g) {
    for (size_t i = 0; i < g->own.count; i++)
        if (g->own.items[i].key == ANSIBLE_PRIORITY)
            return (int)strtol(g->own.items[i].text, NULL, 10);
    return 1;
}

static int rank(struct ansible *a) {
    size_t count = a->group_names.count;
    a->by_order = calloc(count, sizeof(*a->by_order));
    if (!a->by_order)
        return -1;
    for (size_t i = 0; i < count; i++) {
        a->by_order[i] = i;
        a->groups[i].priority = priority_of(&a->groups[i]);
        a->groups[i].seen = 0;
    }
    qsort_r(a->by_order, count, sizeof(*a->by_order), by_rank, a);
    for (size_t i = 0; i < count; i++)
        a->groups[a->by_order[i]].order = i;
    return 0;
}

int ansible_settle(struct ansible *a, struct str *out) {
    size_t reached, i = 0;
    if (ansible_group(a, "all", 3) == NAMES_NONE || adopt(a) < 0 || measure(a, &reached) < 0)
        return -1;
    if (reached == a->group_names.count)
        return rank(a);
    while (a->groups[i].seen == 0)
        i++;
    const char *name = a->group_names.items[i];
    ansible_add_place(a, a->groups[i].at, out);
    str_add(out, "the group '");
    text_add_printable(out, name, strlen(name), 100);
    str_add(out, "' holds itself: it is a child of one of the groups within it\n");
    return out->failed ? -1 : 0;
}

/* Marks the group and those above (or below) it as seen by a new walk; *up has their orders. */
static int walk(struct ansible *a, const struct ansible_places *from, bool down) {
    a->walks++;
    a->up.count = 0;
    for (size_t done = 0, i = 0;; i++) {
        for (size_t j = 0; j < from->count; j++) {
            struct ansible_group *g = &a->groups[from->items[j]];
            if (g->seen != a->walks && add_place(&a->up, g->order) < 0)
                return -1;
            g->seen = a->walks;
        }
        if (done == a->up.count)
            return 0;
        const struct ansible_group *next = &a->groups[a->by_order[a->up.items[done++]]];
        from = down ? &next->children : &next->parents;
    }
}

int ansible_mark(struct ansible *a, size_t group, bool *marked) {
    if (walk(a, &(struct ansible_places){.items = &group, .count = 1}, true) < 0)
        return -1;
    for (size_t i = 0; i < a->host_names.count; i++)
        for (size_t j = 0; j < a->hosts[i].groups.count; j++)
            marked[i] |= a->groups[a->hosts[i].groups.items[j]].seen == a->walks;
    return 0;
}

static int by_number(const void *x, const void *y) {
    size_t a = *(const size_t *)x, b = *(const size_t *)y;
    return a < b ? -1 : a > b;
}

/* ---- the values that count ---- */

#define RANKS 2

struct effective {
    const struct ansible_value *of[ANSIBLE_NO_KEY][RANKS];
    struct ansible_trouble *trouble;
    bool failed;
};

static void overlay(struct effective *e, const struct ansible_values *values) {
    for (size_t i = 0; i < values->count; i++) {
        const struct ansible_value *v = &values->items[i];
        e->of[v->key][v->rank] = v;
        if (v->key == ANSIBLE_IGNORED && *v->text)
            e->failed |= names_add(&e->trouble->ignored, v->name, strlen(v->name)) < 0;
    }
}

static const struct ansible_value *value(const struct effective *e, enum ansible_key key) {
    const struct ansible_value *v = e->of[key][1] ? e->of[key][1] : e->of[key][0];
    return v && *v->text ? v : NULL;
}

static int gather(struct ansible *a, size_t host, struct effective *e) {
    const struct ansible_host *h = &a->hosts[host];
    if (walk(a, &h->groups, false) < 0)
        return -1;
    qsort(a->up.items, a->up.count, sizeof(*a->up.items), by_number);
    for (size_t i = 0; i < a->up.count; i++)
        overlay(e, &a->groups[a->by_order[a->up.items[i]]].own);
    for (size_t i = 0; i < a->up.count; i++)
        overlay(e, &a->groups[a->by_order[a->up.items[i]]].file);
    overlay(e, &h->own);
    overlay(e, &h->file);
    return e->failed ? -1 : 0;
}

/* ---- from values to a server ---- */

struct applying {
    const struct ansible *a;
    struct server *s;
    struct str *out;
};

static void value_mistake(const struct applying *p, const struct ansible_value *v,
                          const char *mistake) {
    ansible_add_place(p->a, v->place, p->out);
    str_addf(p->out, "the %s of %s is '", v->name, p->s->name);
    text_add_printable(p->out, v->text, strlen(v->text), 100);
    str_addf(p->out, "': %s\n", mistake);
}

/* Whether a value can be used at all; else says so. */
static bool is_plain(const struct applying *p, const struct ansible_value *v) {
    const char *mistake = NULL;
    if (v->tagged)
        mistake = "it has a tag (such as !vault): muster reads no encrypted values";
    else if (strstr(v->text, "{{") || strstr(v->text, "{%"))
        mistake = "a template is worked out by Ansible alone; give muster a program that runs "
                  "`ansible-inventory --list` instead";
    if (mistake)
        value_mistake(p, v, mistake);
    return !mistake;
}

static int replace(char **to, const char *text) {
    char *copy = strdup(text);
    if (!copy)
        return -1;
    free(*to);
    *to = copy;
    return 0;
}

static int apply_host(const struct applying *p, const struct ansible_value *v) {
    struct server parsed = {0};
    struct error why;
    size_t column;
    const char *mistake = server_mistake(v->text, strlen(v->text), &column);
    if (mistake) {
        value_mistake(p, v, mistake);
        return 0;
    }
    if (server_parse(v->text, &parsed, &why) < 0)
        return -1;
    if (parsed.user || parsed.port)
        value_mistake(p, v,
                      "an address or a name alone was expected; ansible_user and "
                      "ansible_port say the rest");
    int rc = replace(&p->s->host, parsed.host);
    server_done(&parsed);
    return rc;
}

static int apply_port(const struct applying *p, const struct ansible_value *v) {
    char *end;
    long port = strtol(v->text, &end, 10);
    if (v->text[0] < '0' || v->text[0] > '9' || *end || port < 1 || port > 65535)
        value_mistake(p, v, "a port is a number from 1 to 65535");
    else
        p->s->port = (int)port;
    return 0;
}

/* A user stands before an `@`, so what may stand there is what may be a user. */
static int apply_user(const struct applying *p, const struct ansible_value *v) {
    cleanup(str_done) struct str name = {0};
    size_t column;
    str_addf(&name, "%s@x", v->text);
    if (name.failed)
        return -1;
    const char *mistake = server_mistake(name.data, name.len, &column);
    if (mistake)
        value_mistake(p, v, mistake);
    return mistake ? 0 : replace(&p->s->user, v->text);
}

static int apply_identity(const struct applying *p, const struct ansible_value *v) {
    if (!text_is_printable(v->text, strlen(v->text)))
        value_mistake(p, v, "the name of a file is printable text");
    return replace(&p->s->identity, v->text);
}

static int apply_kind(const struct applying *p, const struct ansible_value *v) {
    size_t n = strlen(v->text);
    if (n > SERVER_KIND_MAX || !text_is_printable(v->text, n))
        value_mistake(p, v, "a kind is printable text of at most 100 bytes");
    return replace(&p->s->kind, v->text);
}

static int apply_labels(const struct applying *p, const struct ansible_value *v) {
    static const char blanks[] = " \t\r\n";
    size_t at, n;
    for (const char *word = v->text + strspn(v->text, blanks); *word;
         word += n, word += strspn(word, blanks)) {
        struct label label;
        n = strcspn(word, blanks);
        const char *mistake = label_parse(word, n, &label, &at);
        int rc = mistake ? 0 : labels_set(&p->s->labels, &label);
        if (rc < 0)
            return -1;
        if (rc > 0)
            mistake = "a server has at most 32 labels";
        if (!mistake)
            continue;
        value_mistake(p, v, mistake);
        return 0;
    }
    return 0;
}

static int (*const appliers[])(const struct applying *, const struct ansible_value *) = {
    [ANSIBLE_HOST] = apply_host, [ANSIBLE_PORT] = apply_port,
    [ANSIBLE_USER] = apply_user, [ANSIBLE_IDENTITY] = apply_identity,
    [ANSIBLE_KIND] = apply_kind, [ANSIBLE_LABELS] = apply_labels,
};

/* ansible.builtin.ssh and ssh are one. */
static bool is_ssh(const char *plugin) {
    static const char *const known[] = {"ssh", "smart", "paramiko", "paramiko_ssh", "libssh"};
    const char *dot = strrchr(plugin, '.');
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(dot ? dot + 1 : plugin, known[i]) == 0)
            return true;
    return false;
}

/* Keeps the server for one sentence about all that another plugin reaches. */
static int check_connection(const struct applying *p, const struct ansible_value *v,
                            struct ansible_trouble *t) {
    if (!is_plain(p, v) || is_ssh(v->text))
        return 0;
    if (!t->plugin) {
        t->at = v->place;
        if (replace(&t->plugin, v->text) < 0)
            return -1;
    }
    return names_add(&t->servers, p->s->name, strlen(p->s->name));
}

int ansible_apply(struct ansible *a, size_t host, struct server *s, struct ansible_trouble *trouble,
                  struct str *out, struct error *err) {
    struct effective e = {.trouble = trouble};
    const struct applying p = {a, s, out};
    if (gather(a, host, &e) < 0)
        return error_memory(err);
    if (a->hosts[host].port)
        s->port = a->hosts[host].port;
    for (enum ansible_key key = 0; key < ANSIBLE_NO_KEY; key++) {
        const struct ansible_value *v = value(&e, key);
        if (!v)
            continue;
        if (key == ANSIBLE_CONNECTION && check_connection(&p, v, trouble) < 0)
            return error_memory(err);
        if (key < ARRAY_LEN(appliers) && appliers[key] && is_plain(&p, v) &&
            appliers[key](&p, v) < 0)
            return error_memory(err);
    }
    return out->failed ? error_memory(err) : 0;
}

void ansible_trouble_done(struct ansible_trouble *t) {
    names_done(&t->servers);
    names_done(&t->ignored);
    free(t->plugin);
    *t = (struct ansible_trouble){0};
}
