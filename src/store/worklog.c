/*
 * worklog: see worklog.h.
 *
 * Lines get their places in the run's log, 1 and so on, from one worker at a time, who has a lock
 * until they are on disk: who has read the log up to a place and goes on there misses nothing. It
 * is not waited for where results are; in the end it is, as long as nobody can need for a batch.
 */
#include "store/worklog.h"

#include "base/attr.h"
#include "base/clock.h"
#include "store/crew.h"
#include "store/database.h"
#include "store/logfile.h"
#include "store/loglines.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define BUSY_MAX (30 * CLOCK_S) /* for another worker's batches */
#define BUSY_PAUSE (20 * CLOCK_MS)

struct worklog {
    struct logfile file;
    int64_t run;     /* its number */
    int64_t number;  /* of the file's row */
    int64_t carried; /* bytes of the file that are in the store, as far as is known */
    struct loglines lines;
    bool busy; /* another worker was at it */
};

int worklog_add_file(struct store *s, int64_t run, const char *name, const char *worker,
                     int64_t *ret, struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_LOG_FILE, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, run);
    sql_bind_text(stmt, 2, name);
    sql_bind_text(stmt, 3, worker);
    *ret = sql_step(stmt) == SQL_ROW ? sql_column_int(stmt, 0) : 0;
    return sql_reset(stmt) == 0 ? 0 : database_fail(s, err);
}

/* Takes the lock, and reads how far the file has come in. */
static int find_place(struct store *s, struct worklog *w, int64_t *at, struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_LOG_BEGIN, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, w->run);
    sql_bind_text(stmt, 2, w->file.name);
    w->busy = sql_step(stmt) != SQL_ROW || !sql_column_int(stmt, 0);
    w->number = sql_column_int(stmt, 1);
    *at = sql_column_int(stmt, 2);
    if (sql_reset(stmt) < 0)
        return database_fail(s, err);
    return w->busy || w->number
               ? 0
               : worklog_add_file(s, w->run, w->file.name, w->file.worker, &w->number, err);
}

int worklog_add_lines(struct store *s, int64_t run, int64_t file, const struct loglines *lines,
                      struct error *err) {
    const struct str *columns[] = {&lines->at, &lines->level, &lines->server, &lines->line};
    struct sql_stmt *stmt = database_use(s, SHARED_LOG_LINES, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, run);
    sql_bind_int(stmt, 2, file);
    for (int i = 0; i < (int)ARRAY_LEN(columns); i++)
        sql_bind_text_n(stmt, 3 + i, columns[i]->data, columns[i]->len);
    return database_run(s, stmt, err);
}

static int note_place(struct store *s, const struct worklog *w, int64_t at, struct error *err) {
    struct sql_stmt *stmt = database_use(s, SHARED_LOG_CARRIED, err);
    if (!stmt)
        return -1;
    sql_bind_int(stmt, 1, at);
    sql_bind_int(stmt, 2, w->number);
    return database_run(s, stmt, err);
}

/* The run was dropped: nobody is going to read this. */
static int pass_over(const struct worklog *w, int64_t *at, struct error *err) {
    struct stat st;
    if (fstat(w->file.fd, &st) < 0)
        return error_os(err, ERROR_STORE, errno, "cannot read the log %s", w->file.path);
    *at = st.st_size;
    return 0;
}

static int write_some(struct store *s, struct worklog *w, int64_t *at, struct error *err) {
    if (find_place(s, w, at, err) < 0)
        return -1;
    int64_t from = *at;
    if (w->busy)
        return 0;
    if (!w->number)
        return pass_over(w, at, err);
    if (loglines_read(&w->lines, w->file.fd, at, err) < 0)
        return -1;
    if (*at == from)
        return 0;
    return w->lines.count > 0 && worklog_add_lines(s, w->run, w->number, &w->lines, err) < 0
               ? -1
               : note_place(s, w, *at, err);
}

/* One batch. *more: there may be another. */
static int carry(struct store *s, struct worklog *w, bool *more, struct error *err) {
    int64_t at = 0, before = w->carried;
    if (database_begin(s, err) < 0)
        return -1;
    int rc = database_end(s, write_some(s, w, &at, err), err);
    w->carried = rc == 0 && !w->busy ? at : -1;
    *more = w->busy || at != before;
    return rc;
}

int worklog_carry(struct store *s, struct worklog *w, struct error *err) {
    struct stat st;
    bool more;
    return fstat(w->file.fd, &st) == 0 && st.st_size == w->carried ? 0 : carry(s, w, &more, err);
}

static int carry_all(struct store *s, struct worklog *w, struct error *err) {
    int64_t limit = deadline_in(BUSY_MAX);
    bool more = true;
    while (more) {
        if (carry(s, w, &more, err) < 0)
            return -1;
        if (!w->busy) {
            limit = deadline_in(BUSY_MAX);
            continue;
        }
        if (clock_now() >= limit)
            return error_set(err, ERROR_STORE,
                             "another worker keeps the log of the run %s in the store locked",
                             w->file.run);
        struct timespec pause = deadline_timespec(deadline_in(BUSY_PAUSE));
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &pause, NULL);
    }
    return 0;
}

static char *logs_folder(const struct store *s, struct error *err) {
    char *folder;
    if (asprintf(&folder, "%s/logs", s->folder) >= 0)
        return folder;
    error_memory(err);
    return NULL;
}

int worklog_begin(struct store *s, const char *run_id, struct worklog **ret, struct error *err) {
    cleanup(free_ptr) char *folder = logs_folder(s, err);
    if (!folder)
        return -1;
    struct worklog *w = calloc(1, sizeof(*w));
    if (!w)
        return error_memory(err);
    w->file.fd = -1;
    if (database_find_run(s, run_id, &w->run, err) < 0 ||
        logfile_make(folder, run_id, &w->file, err) < 0) {
        worklog_free(w);
        return -1;
    }
    *ret = w;
    return 0;
}

const char *worklog_path(const struct worklog *w) {
    return w->file.path;
}

int worklog_end(struct store *s, struct worklog *w, struct error *err) {
    if (carry_all(s, w, err) < 0)
        return -1;
    logfile_remove(&w->file);
    return 0;
}

void worklog_free(struct worklog *w) {
    if (!w)
        return;
    logfile_done(&w->file);
    loglines_done(&w->lines);
    free(w);
}

static void adopted_done(struct worklog *w) {
    logfile_done(&w->file);
    loglines_done(&w->lines);
}

static int adopt(struct store *s, const char *folder, const char *name, struct error *err) {
    struct stat st;
    cleanup(adopted_done) struct worklog w = {.file.fd = -1};
    if (!logfile_take(folder, name, &w.file))
        return 0;
    bool empty = fstat(w.file.fd, &st) == 0 && st.st_size == 0;
    if (!empty && database_seek_run(s, w.file.run, &w.run, err) < 0)
        return -1;
    return empty || w.run /* or it is of another store */ ? worklog_end(s, &w, err) : 0;
}

static void close_folder(DIR **folder) {
    if (*folder)
        closedir(*folder);
}

int worklog_adopt(struct store *s, struct error *err) {
    if (!store_is_shared(s))
        return 0;
    cleanup(free_ptr) char *path = logs_folder(s, err);
    if (!path)
        return -1;
    cleanup(close_folder) DIR *folder = opendir(path);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder)))
        if (adopt(s, path, entry->d_name, err) < 0)
            return -1;
    return 0;
}
