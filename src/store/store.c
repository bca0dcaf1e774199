/*
 * store: see store.h. Opening, closing, and where things are.
 *
 * One connection, and one prepared statement for each thing that is done (store/database). Every
 * change is one transaction, on disk when the call returns (synchronous = FULL). Numbers that are
 * not there (NAN) are NULL, as SQLite has it.
 */
#include "store/database.h"

#include "base/fd.h"
#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BUSY_MS 10000 /* how long another process may hold the database */

static char *default_path(struct error *err) {
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
    str_add(&path, "/muster/muster.db");
    char *text = str_take(&path);
    if (!text)
        error_memory(err);
    return text;
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
                  "a store of the kind '%.*s' is not known: give a path, or "
                  "sqlite:PATH",
                  (int)scheme, url);
        return NULL;
    }
    if (!*path) {
        error_set(err, ERROR_USAGE, "the store has an empty path: name a file with --store");
        return NULL;
    }
    return absolute(path, err);
}

/* Of the folder of the store. */
static int folder_length(const char *path) {
    return (int)(strrchr(path, '/') - path);
}

static int make_folder(const char *path, struct error *err) {
    cleanup(free_ptr) char *folder = strndup(path, (size_t)folder_length(path) + 1);
    if (!folder)
        return error_memory(err);
    if (fd_make_folders(folder, err) < 0) {
        err->kind = ERROR_USAGE;
        return error_prefix(err, "the store %s", path);
    }
    return 0;
}

/*
 * A new database is its owner's alone, with the files that SQLite puts beside it: configurations
 * may hold what is nobody else's business. What cannot be made is for SQLite to say.
 */
static void make_private(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    fd_close(&fd);
}

/* Whether nobody can change the database, and all of it is in its file: nothing in its log. */
static bool is_frozen(const char *path) {
    struct statvfs system;
    struct stat st;
    cleanup(str_done) struct str log = {0};
    str_addf(&log, "%s-wal", path);
    return !log.failed && statvfs(path, &system) == 0 && system.f_flag & ST_RDONLY &&
           (stat(log.data, &st) < 0 || st.st_size == 0);
}

/*
 * Opens the file. Where nothing can be written SQLite would have no place for the index of its log,
 * so there a reader tells it that it needs neither, in the form of an URI.
 */
static int connect_to(struct store *s, enum store_mode mode, int flags) {
    cleanup(str_done) struct str uri = {0};
    if (mode != STORE_READ || !is_frozen(s->path))
        return sqlite3_open_v2(s->path, &s->db, flags, NULL);
    str_add(&uri, "file:");
    for (const char *p = s->path; *p; p++)
        if (strchr("%?#", *p))
            str_addf(&uri, "%%%02x", (unsigned char)*p);
        else
            str_add_char(&uri, *p);
    str_add(&uri, "?immutable=1");
    return uri.failed ? SQLITE_NOMEM
                      : sqlite3_open_v2(uri.data, &s->db, flags | SQLITE_OPEN_URI, NULL);
}

static int open_database(struct store *s, enum store_mode mode, struct error *err) {
    struct stat st;
    if (stat(s->path, &st) < 0 && mode != STORE_CREATE)
        return error_os(err, ERROR_USAGE, errno,
                        "no store at %s (`muster run` makes one, --store names another)", s->path);
    if (mode == STORE_CREATE && make_folder(s->path, err) < 0)
        return -1;
    if (mode == STORE_CREATE)
        make_private(s->path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                (mode == STORE_CREATE ? SQLITE_OPEN_CREATE : 0);
    int rc = connect_to(s, mode, flags);
    if (rc == SQLITE_NOMEM)
        return error_memory(err);
    if (rc != SQLITE_OK)
        return error_set(err, ERROR_USAGE, "cannot open the store %s: %s", s->path,
                         sqlite3_errmsg(s->db));
    sqlite3_busy_timeout(s->db, BUSY_MS);
    if (sqlite3_exec(s->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL) != SQLITE_OK)
        return error_set(err, ERROR_USAGE, "cannot open the store %s: %s", s->path,
                         sqlite3_errmsg(s->db));
    if (schema_migrate(s->db, s->path, mode != STORE_READ, err) < 0)
        return -1;
    /* a reader's totals and rows are of one moment, however long it takes to print them */
    if (mode == STORE_READ && sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        return database_fail(s, err);
    return 0;
}

int store_open(const char *url, enum store_mode mode, struct store **ret, struct error *err) {
    /* its count of allocations takes a lock for each; too late, harmlessly, once SQLite is in use
     */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    struct store *s = calloc(1, sizeof(*s));
    if (!s)
        return error_memory(err);
    s->hold = -1;
    s->path = path_of(url, err);
    if (!s->path || open_database(s, mode, err) < 0) {
        store_close(s);
        return -1;
    }
    *ret = s;
    return 0;
}

void store_close(struct store *s) {
    if (!s)
        return;
    store_release(s);
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(s->statements[i]);
    sqlite3_close(s->db);
    str_done(&s->json);
    free(s->order);
    free(s->path);
    free(s);
}

char *store_log_path(const struct store *s, const char *run_id) {
    char *path;
    int len = folder_length(s->path);
    return asprintf(&path, "%.*s/logs/%s.jsonl", len, s->path, run_id) < 0 ? NULL : path;
}

char *store_output_folder(const struct store *s, const char *run_id) {
    char *path;
    int len = folder_length(s->path);
    return asprintf(&path, "%.*s/outputs/%s", len, s->path, run_id) < 0 ? NULL : path;
}
