/*
 * store: see store.h. Opening, closing, and where things are.
 *
 * One connection, and one prepared statement for each thing that is done (store/database). Every
 * change is one transaction, on disk when the call returns. Numbers that are not there (NAN) are
 * NULL.
 */
#include "store/database.h"

#include "base/fd.h"
#include "store/crew.h"
#include "store/places.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of muster's own state on this machine; the caller frees it. */
static char *state_folder(struct error *err) {
    struct str path = {0};
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    const struct passwd *me = home ? NULL : getpwuid(getuid());
    if (state && state[0] == '/') /* the XDG specification: relative ones are to be ignored */
        str_add(&path, state);
    else if (home || me)
        str_addf(&path, "%s/.local/state", home ? home : me->pw_dir);
    else {
        error_set(err, ERROR_USAGE, "no HOME and no XDG_STATE_HOME: say where with --store");
        return NULL;
    }
    str_add(&path, "/muster");
    char *text = str_take(&path);
    if (!text)
        error_memory(err);
    return text;
}

static char *default_path(struct error *err) {
    char *path = NULL;
    cleanup(free_ptr) char *folder = state_folder(err);
    if (folder && asprintf(&path, "%s/muster.db", folder) < 0) {
        path = NULL;
        error_memory(err);
    }
    return path;
}

/* A later change of the working folder must not move the store. */
static char *absolute(const char *path, struct error *err) {
    cleanup(str_done) struct str full = {0};
    cleanup(free_ptr) char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
    if (path[0] != '/' && !here) {
        error_os(err, ERROR_USAGE, errno, "where the store %s is cannot be found out", path);
        return NULL;
    }
    str_addf(&full, "%s%s%s", here ? here : "", here ? "/" : "", path);
    char *text = str_take(&full);
    if (!text)
        error_memory(err);
    return text;
}

static char *path_of(const char *url, struct error *err) {
    if (!url)
        return default_path(err);
    size_t scheme = strcspn(url, ":/");
    const char *path = url;
    if (strncmp(url, "sqlite:", 7) == 0) {
        path = url + 7;
        if (strncmp(path, "//", 2) == 0) /* sqlite:///path */
            path += 2;
    } else if (url[scheme] == ':') {
        error_set(err, ERROR_USAGE,
                  "a store of the kind '%.*s' is not known: give a path, sqlite:PATH or "
                  "postgresql://...",
                  (int)scheme, url);
        return NULL;
    }
    if (!*path) {
        error_set(err, ERROR_USAGE, "the store has an empty path: name a file with --store");
        return NULL;
    }
    return absolute(path, err);
}

static bool is_postgres(const char *url) {
    return strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0;
}

static int open_postgres(struct store *s, const char *url, enum store_mode mode,
                         struct ending ending, struct error *err) {
    cleanup(free_ptr) char *logs = NULL;
    s->crew.lease = CREW_LEASE;
    s->folder = state_folder(err);
    if (!s->folder)
        return -1;
    if (asprintf(&logs, "%s/logs", s->folder) < 0) {
        logs = NULL;
        return error_memory(err);
    }
    if (mode != STORE_READ && fd_make_folders(logs, err) < 0)
        return -1;
    return sql_open_postgres(url, mode == STORE_READ, mode == STORE_CREATE, ending, &s->db, err);
}

static int open_sqlite(struct store *s, const char *url, enum store_mode mode, struct error *err) {
    if (!(s->path = path_of(url, err)))
        return -1;
    s->folder = strndup(s->path, (size_t)(strrchr(s->path, '/') - s->path));
    return s->folder
               ? sql_open_sqlite(s->path, mode == STORE_READ, mode == STORE_CREATE, &s->db, err)
               : error_memory(err);
}

static int open_database(struct store *s, const char *url, enum store_mode mode,
                         struct ending ending, struct error *err) {
    int rc = url && is_postgres(url) ? open_postgres(s, url, mode, ending, err)
                                     : open_sqlite(s, url, mode, err);
    /* a reader's totals and rows are of one moment, however long it takes to print them */
    if (rc == 0 && mode == STORE_READ && sql_begin(s->db, false) < 0)
        rc = database_fail(s, err);
    return rc;
}

int store_open(const char *url, enum store_mode mode, struct store **ret, struct error *err) {
    return store_open_ending(url, mode, (struct ending){0}, ret, err);
}

int store_open_ending(const char *url, enum store_mode mode, struct ending ending,
                      struct store **ret, struct error *err) {
    struct store *s = calloc(1, sizeof(*s));
    if (!s)
        return error_memory(err);
    s->hold = -1;
    if (open_database(s, url, mode, ending, err) < 0) {
        store_close(s);
        return -1;
    }
    *ret = s;
    return 0;
}

void store_end_with(struct store *s, struct ending ending) {
    sql_end_with(s->db, ending);
}

void store_close(struct store *s) {
    struct error ignored;
    if (!s)
        return;
    store_release(s);
    if (s->crew.number && store_leave(s, &ignored) < 0)
        s->crew.number = 0; /* the lease tells */
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sql_finalize(s->statements[i]);
    sql_close(s->db);
    str_done(&s->json);
    free(s->order);
    places_free(s->places);
    held_done(&s->crew.held);
    free(s->crew.claims);
    free(s->folder);
    free(s->path);
    free(s);
}

char *store_log_path(const struct store *s, const char *run_id) {
    char *path;
    return asprintf(&path, "%s/logs/%s.jsonl", s->folder, run_id) < 0 ? NULL : path;
}

char *store_output_folder(const struct store *s, const char *run_id) {
    char *path;
    return asprintf(&path, "%s/outputs/%s", s->folder, run_id) < 0 ? NULL : path;
}
