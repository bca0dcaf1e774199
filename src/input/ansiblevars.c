/*
 * ansiblevars: see ansiblevars.h. For each group and host the files are looked for by name, so that
 * a folder of a whole company's variables costs no more than the inventory is long.
 */
#include "input/ansiblevars.h"

#include "base/fd.h"
#include "base/text.h"
#include "input/ansibleyaml.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (16 << 20)
#define DEEP 8   /* folders in folders */
#define SHOWN 20 /* mistakes of one file */

struct variables {
    struct ansible *a;
    struct str *remarks;
    struct error *err;
};

int ansiblevars_visible(const struct dirent *e) {
    return e->d_name[0] != '.';
}

int ansiblevars_by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

int ansiblevars_report(struct ansible *a, const char *name, struct str *remarks,
                       struct error *err) {
    if (a->mistakes.failed || a->warnings.failed)
        return error_memory(err);
    mistakes_print(&a->warnings, name, SHOWN, remarks);
    size_t count = mistakes_print(&a->mistakes, name, SHOWN, remarks);
    mistakes_done(&a->warnings);
    mistakes_done(&a->mistakes);
    if (remarks->failed)
        return error_memory(err);
    if (count == 0)
        return 0;
    cleanup(str_done) struct str shown = {0};
    text_add_printable(&shown, name, strlen(name), 200);
    return error_set(err, ERROR_USAGE, "%zu mistake%s in the inventory %s", count,
                     count > 1 ? "s" : "", shown.data ? shown.data : "");
}

static int read_file(struct variables *v, const char *path, struct ansible_values *to) {
    static const char vault[] = "$ANSIBLE_VAULT";
    cleanup(str_done) struct str text = {0};
    size_t file = ansible_file(v->a, path);
    if (file == NAMES_NONE)
        return error_memory(v->err);
    if (fd_read_file(path, FILE_MAX, &text, v->err) < 0)
        return -1;
    if (text.len == 0)
        return 0;
    if (strncmp(text.data, vault, strlen(vault)) == 0)
        mistakes_add(&v->a->warnings, 1, 1, "this is encrypted, and passed over");
    else if (ansibleyaml_variables(v->a, file, text.data, text.len, to) < 0)
        return error_memory(v->err);
    return ansiblevars_report(v->a, path, v->remarks, v->err);
}

/* .yml, .yaml, .json, or none at all. */
static bool is_variables(const char *name) {
    const char *dot = strrchr(name, '.');
    return !dot || strcmp(dot, ".yml") == 0 || strcmp(dot, ".yaml") == 0 ||
           strcmp(dot, ".json") == 0;
}

static int read_path(struct variables *v, const char *path, int depth, struct ansible_values *to);

static int read_folder(struct variables *v, const char *path, int depth,
                       struct ansible_values *to) {
    struct dirent **entries = NULL;
    int rc = 0, count = scandir(path, &entries, ansiblevars_visible, ansiblevars_by_name);
    if (count < 0)
        return error_set(v->err, ERROR_USAGE, "cannot read the folder %.200s", path);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        size_t n = strlen(name);
        cleanup(str_done) struct str child = {0};
        str_addf(&child, "%s/%s", path, name);
        if (rc == 0 && child.failed)
            rc = error_memory(v->err);
        if (rc == 0 && name[n - 1] != '~' && is_variables(name))
            rc = read_path(v, child.data, depth + 1, to);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

/* A file or a folder; what is neither is passed over. */
static int read_path(struct variables *v, const char *path, int depth, struct ansible_values *to) {
    struct stat st;
    if (depth > DEEP || stat(path, &st) < 0)
        return 0;
    if (S_ISDIR(st.st_mode))
        return read_folder(v, path, depth, to);
    return S_ISREG(st.st_mode) ? read_file(v, path, to) : 0;
}

/* What stands under this name. A name may be anything; it must not lead out of the folder. */
static int read_named(struct variables *v, const char *folder, const char *name,
                      struct ansible_values *to) {
    static const char *const ends[] = {"", ".yml", ".yaml", ".json"};
    struct stat st;
    if (*name == '.' || !*name || strchr(name, '/'))
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        cleanup(str_done) struct str path = {0};
        str_addf(&path, "%s/%s%s", folder, name, ends[i]);
        if (path.failed)
            return error_memory(v->err);
        if (stat(path.data, &st) == 0)
            return read_path(v, path.data, 0, to);
    }
    return 0;
}

static bool is_folder(const char *path) {
    struct stat st;
    return path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int ansiblevars_read(struct ansible *a, const char *base, struct str *remarks, struct error *err) {
    struct variables v = {a, remarks, err};
    cleanup(str_done) struct str groups = {0}, hosts = {0};
    str_addf(&groups, "%s/group_vars", base);
    str_addf(&hosts, "%s/host_vars", base);
    if (groups.failed || hosts.failed)
        return error_memory(err);
    if (is_folder(groups.data))
        for (size_t i = 0; i < a->group_names.count; i++)
            if (read_named(&v, groups.data, a->group_names.items[i], &a->groups[i].file) < 0)
                return -1;
    if (is_folder(hosts.data))
        for (size_t i = 0; i < a->host_names.count; i++)
            if (read_named(&v, hosts.data, a->host_names.items[i], &a->hosts[i].file) < 0)
                return -1;
    return 0;
}
