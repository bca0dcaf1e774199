/*
 * ansiblesource: see ansiblesource.h.
 *
 * A folder's files are read as Ansible reads them: in the order of their names, without those that
 * it leaves out, and what has no other form as INI. A program is run by its path alone, with one
 * argument that is always the same, in a process group of its own; no shell has a part in it.
 */
#include "input/ansiblesource.h"

#include "base/clock.h"
#include "base/text.h"
#include "input/ansibleini.h"
#include "input/ansiblelist.h"
#include "input/ansiblevars.h"
#include "input/ansibleyaml.h"
#include "input/capture.h"
#include "input/inventoryreader.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEEP 8                      /* folders in folders */
#define PATIENCE (5 * 60 * CLOCK_S) /* programs may ask a cloud */

/* A NUL would hide what follows it from readers of text. */
static void check_nul(struct ansible *a, const struct str *text) {
    int line = 1;
    const char *nul = text->len ? memchr(text->data, '\0', text->len) : NULL;
    for (const char *p = text->data; nul && p < nul; p++)
        line += *p == '\n';
    if (nul)
        mistakes_add(&a->mistakes, line, 1, "a NUL byte; a text file was expected");
}

int ansiblesource_text(struct ansible *a, const char *name, enum inventory_form form,
                       struct str *text, struct str *remarks, struct error *err) {
    size_t file = ansible_file(a, name);
    int rc = file == NAMES_NONE ? -1 : 0;
    str_add(text, "");
    if (text->failed || rc < 0)
        return error_memory(err);
    check_nul(a, text);
    if (a->mistakes.count == 0 && form == FORM_JSON)
        rc = ansiblelist_read(a, file, text->data, text->len);
    if (a->mistakes.count == 0 && (rc == 1 || form == FORM_YAML))
        rc = ansibleyaml_read(a, file, text->data, text->len);
    if (a->mistakes.count == 0 && form == FORM_INI)
        rc = ansibleini_read(a, file, text->data, text->len);
    return rc < 0 ? error_memory(err) : ansiblevars_report(a, name, remarks, err);
}

/* ---- programs ---- */

static int fail_of_program(const char *name, const struct str *errors, int status,
                           struct error *err) {
    cleanup(str_done) struct str says = {0};
    size_t len = text_length_trimmed(errors->data ? errors->data : "", errors->len);
    text_add_printable(&says, errors->data ? errors->data : "", len, 300);
    bool signalled = WIFSIGNALED(status);
    return error_set(err, ERROR_USAGE, "the inventory program %s ended with %s %d%s%s", name,
                     signalled ? "signal" : "status",
                     signalled ? WTERMSIG(status) : WEXITSTATUS(status), says.len ? ": " : "",
                     says.len ? says.data : "");
}

static int run(const char *path, const char *name, struct str *out, struct error *err) {
    cleanup(str_done) struct str errors = {0}, program = {0};
    struct cancel *cancel = NULL;
    int status = 0;
    str_addf(&program, "%s%s", strchr(path, '/') ? "" : "./", path);
    if (program.failed)
        return error_memory(err);
    char *argv[] = {program.data, (char *)"--list", NULL};
    if (cancel_new(&cancel, err) < 0)
        return -1;
    int rc = capture_run_max(program.data, argv, cancel, deadline_in(PATIENCE), ANSIBLESOURCE_MAX,
                             out, &errors, &status, err);
    cancel_free(cancel);
    if (rc < 0 && (err->kind == ERROR_TOOL_MISSING || err->kind == ERROR_TIMEOUT))
        err->kind = ERROR_USAGE;
    if (rc < 0)
        return error_prefix(err, "the inventory program");
    return status ? fail_of_program(name, &errors, status, err) : 0;
}

bool ansiblesource_is_program(const struct reader *r, const char *path, const char *begin,
                              size_t n) {
    return r->fd != STDIN_FILENO && S_ISREG(r->st.st_mode) && access(path, X_OK) == 0 &&
           inventoryform_is_program(begin, n);
}

int ansiblesource_program(struct ansible *a, const char *path, const char *name,
                          struct str *remarks, struct error *err) {
    cleanup(str_done) struct str text = {0};
    if (a->no_programs)
        return 0;
    if (run(path, name, &text, err) < 0)
        return -1;
    size_t n = strspn(text.len ? text.data : "", " \t\r\n");
    if (text.len == n || text.data[n] != '{')
        return error_set(err, ERROR_USAGE, "the inventory program %s printed no JSON for --list",
                         name);
    return ansiblesource_text(a, name, FORM_JSON, &text, remarks, err);
}

/* ---- folders ---- */

/* What Ansible leaves out of a folder. */
static bool is_left_out(const char *name) {
    static const char *const names[] = {"group_vars", "host_vars", "vars_plugins"};
    static const char *const ends[] = {".pyc", ".pyo", ".swp",  ".bak", "~",    ".rpm",  ".md",
                                       ".txt", ".rst", ".orig", ".ini", ".cfg", ".retry"};
    size_t n = strlen(name);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (n >= strlen(ends[i]) && strcmp(name + n - strlen(ends[i]), ends[i]) == 0)
            return true;
    return false;
}

static int read_file(struct ansible *a, struct reader *r, const char *path, struct str *remarks,
                     struct error *err) {
    cleanup(str_done) struct str text = {0};
    const char *begin;
    size_t n;
    if (inventoryreader_peek(r, &begin, &n, err) < 0)
        return -1;
    if (ansiblesource_is_program(r, path, begin, n))
        return ansiblesource_program(a, path, r->name.data, remarks, err);
    enum inventory_form form = inventoryform_of(begin, n);
    if (inventoryreader_rest(r, ANSIBLESOURCE_MAX, &text, err) < 0)
        return -1;
    return ansiblesource_text(a, r->name.data, form == FORM_LIST ? FORM_INI : form, &text, remarks,
                              err);
}

static int read_folder(struct ansible *a, const char *path, int depth, struct str *remarks,
                       struct error *err);

static int read_entry(struct ansible *a, const char *path, int depth, struct str *remarks,
                      struct error *err) {
    cleanup(inventoryreader_done) struct reader r = {.fd = -1};
    struct stat st;
    if (stat(path, &st) < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot read the inventory %.200s", path);
    if (S_ISDIR(st.st_mode))
        return read_folder(a, path, depth + 1, remarks, err);
    if (!S_ISREG(st.st_mode)) /* opening a pipe would wait for its writer */
        return 0;
    return inventoryreader_open(&r, path, err) < 0 ? -1 : read_file(a, &r, path, remarks, err);
}

static int read_folder(struct ansible *a, const char *path, int depth, struct str *remarks,
                       struct error *err) {
    struct dirent **entries = NULL;
    if (depth > DEEP)
        return error_set(err, ERROR_USAGE, "the inventory has too many folders in folders: %.200s",
                         path);
    int rc = 0, count = scandir(path, &entries, ansiblevars_visible, ansiblevars_by_name);
    if (count < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot read the inventory %.200s", path);
    for (int i = 0; i < count; i++) {
        cleanup(str_done) struct str child = {0};
        str_addf(&child, "%s/%s", path, entries[i]->d_name);
        if (rc == 0 && child.failed)
            rc = error_memory(err);
        if (rc == 0 && !is_left_out(entries[i]->d_name))
            rc = read_entry(a, child.data, depth, remarks, err);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

int ansiblesource_folder(struct ansible *a, const char *path, struct str *remarks,
                         struct error *err) {
    return read_folder(a, path, 0, remarks, err);
}
