/*
 * inventory: see inventory.h.
 *
 * Plain lists are read line by line (inventoryreader); files of Ansible's are read whole, into one
 * `struct ansible` for all of them. Names are collected as a set; only what is left of it after the
 * exclusions is taken apart into servers, and gets what Ansible's files say about the host.
 *
 * Any thread; two callers must not both read standard input.
 */
#include "input/inventory.h"

#include "base/text.h"
#include "base/vec.h"
#include "input/ansible.h"
#include "input/ansiblesource.h"
#include "input/ansiblevars.h"
#include "input/grouppattern.h"
#include "input/inventoryform.h"
#include "input/inventoryline.h"
#include "input/inventoryreader.h"
#include "input/nodeset.h"
#include "input/sshexpand.h"
#include "model/labels.h"

#include <string.h>
#include <sys/stat.h>

/* What plain lists say of a server. */
struct said {
    char *kind;   /* NULL: not given */
    char *labels; /* NULL: none */
};

/* The servers so far, and what is said of some, each in its server's place. */
struct found {
    struct names names;
    struct said *said;
    size_t said_count, said_cap;
    struct ansible ansible;
    bool *selected; /* by the groups, in each server's place; NULL: there is no choice */
    size_t selected_count;
    struct str *remarks;
};

static void found_done(struct found *f) {
    for (size_t i = 0; i < f->said_count; i++) {
        free(f->said[i].kind);
        free(f->said[i].labels);
    }
    free(f->said);
    free(f->selected);
    names_done(&f->names);
    ansible_done(&f->ansible);
}

/* What a line says of the server in this place; of what is said twice, the last counts. */
static int say(struct found *f, size_t place, const struct inventory_line *l, struct error *err) {
    if (vec_reserve(&f->said, &f->said_cap, place + 1, sizeof(*f->said)) < 0)
        return error_memory(err);
    for (; f->said_count <= place; f->said_count++)
        f->said[f->said_count] = (struct said){0};
    struct said *s = &f->said[place];
    if (l->kind) {
        free(s->kind);
        s->kind = strdup(l->kind);
    }
    int rc = labels_take(&s->labels, l->labels);
    if (rc < 0 || (l->kind && !s->kind))
        return error_memory(err);
    return rc == 0 ? 0 : error_set(err, ERROR_USAGE, "a server has at most %d labels", LABELS_MAX);
}

static int add_line(struct found *f, const struct inventory_line *l, struct error *err) {
    cleanup(names_done) struct names names = {0};
    if (!*l->pattern)
        return 0;
    if (!l->kind && !l->labels)
        return nodeset_expand(l->pattern, &f->names, err);
    if (nodeset_expand(l->pattern, &names, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        size_t n = strlen(names.items[i]);
        if (names_add(&f->names, names.items[i], n) < 0)
            return error_memory(err);
        if (say(f, names_find(&f->names, names.items[i], n), l, err) < 0)
            return -1;
    }
    return 0;
}

static int read_line(const struct reader *r, char *line, size_t len, struct found *found,
                     struct error *err) {
    if (r->line == 1 && len >= 2 && (!memcmp(line, "\xff\xfe", 2) || !memcmp(line, "\xfe\xff", 2)))
        return error_set(err, ERROR_USAGE, "%s:1: this is UTF-16; UTF-8 was expected",
                         r->name.data);
    if (memchr(line, '\0', len))
        return error_set(err, ERROR_USAGE, "%s:%ld: a NUL byte; a text file was expected",
                         r->name.data, r->line);
    if (r->line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0) {
        line += 3;
        len -= 3;
    }
    cleanup(inventoryline_done) struct inventory_line l = {0};
    if (inventoryline_read(line, len, &l, err) < 0 || add_line(found, &l, err) < 0)
        return error_prefix(err, "%s:%ld", r->name.data, r->line);
    return 0;
}

static int read_list(struct reader *r, struct found *found, struct error *err) {
    for (;;) {
        char *line = NULL;
        size_t len = 0;
        if (inventoryreader_line(r, &line, &len, err) < 0)
            return -1;
        if (!line)
            return 0;
        bool late = inventoryform_is_ini(line);
        if (read_line(r, line, len, found, err) == 0)
            continue;
        return late ? error_set(err, ERROR_USAGE,
                                "%s:%ld: this is of an INI file of Ansible's, and too far from the "
                                "beginning for the file to be known as one: begin it with "
                                "[ungrouped]",
                                r->name.data, r->line)
                    : -1;
    }
}

/* Takes the hosts that are new among those of Ansible's files. */
static int take_hosts(struct found *f, size_t from, struct error *err) {
    const struct names *hosts = &f->ansible.host_names;
    for (size_t i = from; i < hosts->count; i++)
        if (names_add(&f->names, hosts->items[i], strlen(hosts->items[i])) < 0)
            return error_memory(err);
    return 0;
}

/* Variables may stand in files beside the inventory, which is `path` itself when it is a folder. */
static int add_base(struct found *f, const char *path, bool is_folder, struct error *err) {
    const char *slash = strrchr(path, '/');
    size_t n = is_folder ? strlen(path) : slash ? (size_t)(slash - path) : 0;
    if (strcmp(path, "-") == 0)
        return 0;
    int rc = n > 0 ? names_add(&f->ansible.bases, path, n)
                   : names_add(&f->ansible.bases, slash ? "/" : ".", 1);
    return rc < 0 ? error_memory(err) : 0;
}

static int read_ansible(struct found *f, struct reader *r, const char *path, struct error *err) {
    cleanup(str_done) struct str text = {0};
    struct ansible *a = &f->ansible;
    const char *begin;
    size_t n;
    if (S_ISDIR(r->st.st_mode))
        return ansiblesource_folder(a, path, f->remarks, err);
    if (inventoryreader_peek(r, &begin, &n, err) < 0)
        return -1;
    if (ansiblesource_is_program(r, path, begin, n))
        return ansiblesource_program(a, path, r->name.data, f->remarks, err);
    enum inventory_form form = inventoryform_of(begin, n);
    if (inventoryreader_rest(r, ANSIBLESOURCE_MAX, &text, err) < 0)
        return -1;
    return ansiblesource_text(a, r->name.data, form, &text, f->remarks, err);
}

/* Whether a file is neither a folder nor a program and has no form but one name a line. */
static int is_list(struct reader *r, const char *path, bool *ret, struct error *err) {
    const char *begin;
    size_t n;
    *ret = false;
    if (S_ISDIR(r->st.st_mode))
        return 0;
    if (inventoryreader_peek(r, &begin, &n, err) < 0)
        return -1;
    *ret = !ansiblesource_is_program(r, path, begin, n) && inventoryform_of(begin, n) == FORM_LIST;
    return 0;
}

static int read_file(const char *path, struct found *found, struct error *err) {
    cleanup(inventoryreader_done) struct reader r;
    size_t from = found->ansible.host_names.count;
    bool list;
    if (inventoryreader_open(&r, path, err) < 0 || is_list(&r, path, &list, err) < 0)
        return -1;
    if (list)
        return read_list(&r, found, err);
    if (read_ansible(found, &r, path, err) < 0 ||
        add_base(found, path, S_ISDIR(r.st.st_mode), err) < 0)
        return -1;
    if (S_ISDIR(r.st.st_mode) && found->ansible.host_names.count == 0)
        return error_set(err, ERROR_USAGE, "the folder %s has no inventory with a server in it",
                         r.name.data);
    return take_hosts(found, from, err);
}

/* What is wrong stands in the remarks. */
static int mistaken(struct error *err) {
    return error_set(err, ERROR_USAGE, "the inventory has mistakes");
}

/* Which servers of the files the groups mean. */
static int choose(const struct inventory_source *source, struct found *f, struct error *err) {
    if (source->group_count == 0)
        return 0;
    f->selected_count = f->names.count;
    f->selected = calloc(f->names.count + 1, sizeof(*f->selected));
    if (!f->selected)
        return error_memory(err);
    for (size_t i = 0; i < source->group_count; i++)
        if (grouppattern_select(&f->ansible, &f->names, source->groups[i], f->selected, err) < 0)
            return error_prefix(err, "--group");
    return 0;
}

/* A server that is named is meant, in whatever group it is. */
static int name(struct found *f, const char *pattern, struct error *err) {
    cleanup(names_done) struct names names = {0};
    if (nodeset_expand(pattern, &names, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count && f->selected; i++) {
        size_t place = names_find(&f->names, names.items[i], strlen(names.items[i]));
        if (place < f->selected_count)
            f->selected[place] = true;
    }
    return names_move(&f->names, &names) < 0 ? error_memory(err) : 0;
}

static int read_all(const struct inventory_source *source, struct found *found,
                    struct names *excluded, struct error *err) {
    if (source->file_count == 0 && source->pattern_count == 0)
        return error_set(err, ERROR_USAGE,
                         "no servers were given: name them, or a file of them with -i FILE");
    if (source->group_count > 0 && source->file_count == 0)
        return error_set(err, ERROR_USAGE,
                         "--group chooses among the servers of an inventory: give one with -i");
    for (size_t i = 0; i < source->file_count; i++)
        if (read_file(source->files[i], found, err) < 0)
            return -1;
    for (size_t i = 0; i < found->ansible.bases.count; i++)
        if (ansiblevars_read(&found->ansible, found->ansible.bases.items[i], found->remarks, err) <
            0)
            return -1;
    size_t warned = found->remarks->len;
    if (ansible_settle(&found->ansible, found->remarks) < 0)
        return error_memory(err);
    if (found->remarks->len > warned)
        return mistaken(err);
    if (choose(source, found, err) < 0)
        return -1;
    for (size_t i = 0; i < source->pattern_count; i++)
        if (name(found, source->patterns[i], err) < 0)
            return -1;
    for (size_t i = 0; i < source->exclude_count; i++)
        if (nodeset_expand(source->excludes[i], excluded, err) < 0)
            return error_prefix(err, "--exclude");
    return 0;
}

/* ---- from names to servers ---- */

struct making {
    struct found *found;
    const struct names *excluded;
    bool any_connection;
    struct ansible_trouble trouble;
    struct local_user local;
};

static void making_done(struct making *m) {
    ansible_trouble_done(&m->trouble);
    local_user_done(&m->local);
}

static bool is_excluded(const struct making *m, const struct server *s) {
    return names_has(m->excluded, s->name) || names_has(m->excluded, s->host);
}

/* A key file may be named from the home of whoever runs muster. */
static int expand_identity(struct making *m, struct server *s, struct error *err) {
    char *path = NULL;
    if (!s->identity || *s->identity != '~')
        return 0;
    if ((!m->local.home && local_user_get(&m->local, err) < 0) ||
        ssh_expand_tilde(s->identity, &m->local, &path, err) < 0) {
        if (err->kind == ERROR_INTERNAL)
            return -1;
        err->kind = ERROR_USAGE;
        return error_prefix(err, "the key file of %s", s->name);
    }
    free(s->identity);
    s->identity = path;
    return 0;
}

/* What Ansible's files say about a server. */
static int complete(struct making *m, struct server *s, struct error *err) {
    struct ansible *a = &m->found->ansible;
    size_t host = names_find(&a->host_names, s->name, strlen(s->name));
    if (host == NAMES_NONE)
        return 0;
    if (ansible_apply(a, host, s, &m->trouble, m->found->remarks, err) < 0)
        return -1;
    return expand_identity(m, s, err);
}

/* What plain lists say counts over what Ansible's files do. */
static int take_said(struct server *s, struct said *said, struct error *err) {
    if (said->kind) {
        free(s->kind);
        s->kind = TAKE(said->kind);
    }
    int rc = labels_take(&s->labels, said->labels);
    if (rc > 0)
        return error_set(err, ERROR_USAGE, "%s has more than %d labels", s->name, LABELS_MAX);
    return rc < 0 ? error_memory(err) : 0;
}

/* Takes the name in this place. */
static int make_server(struct making *m, size_t place, struct servers *list, struct error *err) {
    struct names *names = &m->found->names;
    struct server *s = &list->items[list->count];
    if (server_parse(names->items[place], s, err) < 0)
        return -1;
    list->count++;
    free(TAKE(names->items[place]));
    bool excluded = is_excluded(m, s);
    if (!excluded && complete(m, s, err) < 0)
        return -1;
    if (!excluded && place < m->found->said_count && take_said(s, &m->found->said[place], err) < 0)
        return -1;
    if (excluded || is_excluded(m, s))
        server_done(&list->items[--list->count]);
    return 0;
}

/* Variables that have no effect, and servers that only Ansible can reach. */
static int report(const struct making *m, struct error *err) {
    const struct ansible_trouble *t = &m->trouble;
    struct str *out = m->found->remarks;
    size_t before = out->len;
    cleanup(str_done) struct str servers = {0}, shown = {0};
    if (t->servers.count > 0 && !m->any_connection) {
        nodeset_fold((const char *const *)t->servers.items, t->servers.count, &servers);
        text_add_printable(&shown, servers.data ? servers.data : "", servers.len, 2000);
        ansible_add_place(&m->found->ansible, t->at, out);
        str_addf(out, "the connection plugin '");
        text_add_printable(out, t->plugin, strlen(t->plugin), 60);
        str_addf(out,
                 "' is none of muster's, which reaches servers over SSH: leave them out with "
                 "-x '%s'\n",
                 shown.data ? shown.data : "");
    }
    if (out->failed || servers.failed || shown.failed)
        return error_memory(err);
    return out->len > before ? mistaken(err) : 0;
}

static int warn_of_ignored(const struct making *m, struct error *err) {
    const struct names *ignored = &m->trouble.ignored;
    struct str *out = m->found->remarks;
    for (size_t i = 0; i < ignored->count; i++)
        str_addf(out, "%s%s", i ? ", " : "the inventory's ", ignored->items[i]);
    if (ignored->count > 0)
        str_addf(out, " %s not read: what ssh_config(5) says about a server holds\n",
                 ignored->count > 1 ? "are" : "is");
    return out->failed ? error_memory(err) : 0;
}

/* Uses the names up, one by one, so that they and the servers are not both in memory. */
static int make_servers(struct making *m, struct servers *list, struct error *err) {
    struct names *names = &m->found->names;
    size_t before = m->found->remarks->len;
    list->items = malloc((names->count ? names->count : 1) * sizeof(*list->items));
    if (!list->items)
        return error_memory(err);
    list->cap = names->count;
    for (size_t i = 0; i < names->count; i++)
        if ((i >= m->found->selected_count || m->found->selected[i]) &&
            make_server(m, i, list, err) < 0)
            return -1;
    if (m->found->remarks->len > before)
        return mistaken(err);
    if (report(m, err) < 0 || warn_of_ignored(m, err) < 0)
        return -1;
    if (list->count > 0)
        return 0;
    if (m->found->selected)
        return error_set(
            err, ERROR_USAGE,
            "no server is left: of the %zu of the inventory, none is in the groups and "
            "not excluded",
            names->count);
    if (names->count > 0)
        return error_set(err, ERROR_USAGE,
                         "no server is left: all %zu of the inventory are excluded", names->count);
    return error_set(err, ERROR_USAGE, "the inventory is empty: at least one server was expected");
}

int inventory_load(const struct inventory_source *source, struct servers *ret, struct str *remarks,
                   struct error *err) {
    cleanup(found_done) struct found found = {.remarks = remarks};
    cleanup(names_done) struct names excluded = {0};
    cleanup(servers_done) struct servers list = {0};
    cleanup(making_done) struct making m = {
        .found = &found, .excluded = &excluded, .any_connection = source->any_connection};
    if (read_all(source, &found, &excluded, err) < 0 || make_servers(&m, &list, err) < 0)
        return -1;
    *ret = list;
    list = (struct servers){0};
    return 0;
}

/* ---- names alone ---- */

/* What is not a file may make its reader wait. */
static void read_names(const char *path, struct found *found) {
    struct error err;
    struct stat st;
    if (stat(path, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) &&
        read_file(path, found, &err) < 0)
        /* an INI file with a mistake still has hosts */
        (void)!take_hosts(found, 0, &err);
}

void inventory_names(const char *const *files, size_t count, struct names *servers,
                     struct names *groups) {
    cleanup(str_done) struct str remarks = {0};
    cleanup(found_done) struct found found = {.remarks = &remarks, .ansible.no_programs = true};
    for (size_t i = 0; i < count; i++)
        read_names(files[i], &found);
    struct names *all[] = {&found.names, &found.ansible.group_names};
    struct names *into[] = {servers, groups};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (names_move(into[i], all[i]) < 0)
            names_done(all[i]);
}
