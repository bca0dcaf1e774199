/* logread: see logread.h. */
#include "store/logread.h"

#include "base/attr.h"
#include "base/spool.h"
#include "base/text.h"
#include "store/crew.h"
#include "store/database.h"

#include <errno.h>
#include <string.h>

struct store_log {
    struct store *store;
    FILE *file;            /* or NULL: */
    struct sql_stmt *rows; /* line, worker, place */
    int64_t end;           /* the last place there is */
    int64_t place;
    char *text; /* of the line that was read last */
    size_t room;
    struct str line; /* the same, with its worker */
};

/* ---- a file ---- */

static int open_file(struct store_log *l, const char *run_id, int64_t from, struct error *err) {
    cleanup(free_ptr) char *path = store_log_path(l->store, run_id);
    if (!path)
        return error_memory(err);
    l->file = fopen(path, "re");
    if (!l->file)
        return error_os(err, ERROR_USAGE, errno, "cannot read the log %s", path);
    l->place = from;
    return fseeko(l->file, from, SEEK_SET) == 0
               ? 0
               : error_os(err, ERROR_STORE, errno, "cannot read the log from there");
}

static ssize_t next_in_file(struct store_log *l, const char **line, struct error *err) {
    errno = 0;
    ssize_t n = getline(&l->text, &l->room, l->file);
    if (n < 0 && !feof(l->file))
        return error_os(err, ERROR_STORE, errno, "cannot read the log to its end");
    *line = l->text;
    l->place += n > 0 ? n : 0;
    return n > 0 ? n : 0;
}

/* ---- a table ---- */

static int find_end(struct store_log *l, int64_t run, struct error *err) {
    struct sql_stmt *stmt;
    if (database_prepare(l->store, "SELECT max(place) FROM log WHERE run = ?", &stmt, err) < 0)
        return -1;
    sql_bind_int(stmt, 1, run);
    if (sql_step(stmt) == SQL_ROW)
        l->end = sql_column_int(stmt, 0);
    return database_finalize(l->store, stmt, 0, err);
}

static int select_rows(struct store_log *l, int64_t run, const struct store_log_wanted *w,
                       struct error *err) {
    cleanup(str_done) struct str text = {0};
    str_add(&text, "SELECT l.line, f.worker, l.place FROM log AS l JOIN log_file AS f "
                   "ON f.number = l.file WHERE l.run = ?1 AND l.place > ?2");
    if (w->server)
        str_add(&text, " AND l.server = ?3");
    for (enum log_level level = LOG_DEBUG; level < w->least; level++)
        str_addf(&text, " AND l.level <> '%s'", log_level_name(level));
    str_add(&text, w->follow ? " ORDER BY l.place" : " ORDER BY l.at, l.place");
    if (text.failed)
        return error_memory(err);
    if (database_prepare_walk(l->store, text.data, &l->rows, err) < 0)
        return -1;
    sql_bind_int(l->rows, 1, run);
    sql_bind_int(l->rows, 2, w->after);
    if (w->server)
        sql_bind_text(l->rows, 3, w->server);
    return 0;
}

static int open_table(struct store_log *l, const char *run_id, const struct store_log_wanted *w,
                      struct error *err) {
    int64_t run;
    l->place = w->after;
    return database_find_run(l->store, run_id, &run, err) < 0 || find_end(l, run, err) < 0
               ? -1
               : select_rows(l, run, w, err);
}

static void add_worker(struct str *line, const char *worker) {
    if (line->failed || line->len == 0 || line->data[line->len - 1] != '}')
        return;
    line->len--;
    str_add(line, ",\"worker\":");
    text_add_json(line, worker, strlen(worker));
    str_add_char(line, '}');
}

static ssize_t next_in_table(struct store_log *l, const char **line, struct error *err) {
    int rc = sql_step(l->rows);
    if (rc != SQL_ROW) {
        l->place = l->end;
        return rc == SQL_DONE ? 0 : database_fail(l->store, err);
    }
    const char *text = sql_column_text(l->rows, 0), *worker = sql_column_text(l->rows, 1);
    str_clear(&l->line);
    str_add(&l->line, text ? text : "");
    if (worker)
        add_worker(&l->line, worker);
    str_add_char(&l->line, '\n');
    if (l->line.failed || !text)
        return error_memory(err);
    *line = l->line.data;
    l->place = sql_column_int(l->rows, 2);
    return (ssize_t)l->line.len;
}

/* ---- either ---- */

static int open_log(struct store_log *l, const char *run_id, const struct store_log_wanted *w,
                    struct error *err) {
    return store_is_shared(l->store) ? open_table(l, run_id, w, err)
                                     : open_file(l, run_id, w->after, err);
}

int store_log_open(struct store *s, const char *run_id, const struct store_log_wanted *w,
                   struct store_log **ret, struct error *err) {
    struct store_log *l = calloc(1, sizeof(*l));
    if (!l)
        return error_memory(err);
    l->store = s;
    if (open_log(l, run_id, w, err) < 0) {
        store_log_close(l);
        return -1;
    }
    *ret = l;
    return 0;
}

ssize_t store_log_next(struct store_log *l, const char **line, int64_t *place, struct error *err) {
    ssize_t n = l->file ? next_in_file(l, line, err) : next_in_table(l, line, err);
    *place = l->place;
    return n;
}

void store_log_close(struct store_log *l) {
    if (!l)
        return;
    if (l->file)
        fclose(l->file);
    sql_finalize(l->rows);
    str_done(&l->line);
    free(l->text);
    free(l);
}

static void close_log(struct store_log **l) {
    store_log_close(*l);
}

static int write_table(struct store *s, const char *run_id, FILE *out, struct error *err) {
    const struct store_log_wanted all = {0};
    cleanup(close_log) struct store_log *l = NULL;
    const char *line;
    int64_t place;
    ssize_t n;
    if (store_log_open(s, run_id, &all, &l, err) < 0)
        return -1;
    while ((n = store_log_next(l, &line, &place, err)) > 0)
        fwrite(line, 1, (size_t)n, out);
    return (int)n;
}

static int read_table(struct store *s, const char *run_id, FILE **ret, struct error *err) {
    cleanup(spool_done) struct spool spool = {.fd = -1};
    if (spool_begin(&spool, err) < 0 || write_table(s, run_id, spool.out, err) < 0)
        return -1;
    return spool_end(&spool, err) < 0 ? -1 : spool_read(&spool, ret, err);
}

int store_log_stream(struct store *s, const char *run_id, FILE **ret, struct error *err) {
    if (store_is_shared(s))
        return read_table(s, run_id, ret, err);
    cleanup(free_ptr) char *path = store_log_path(s, run_id);
    if (!path)
        return error_memory(err);
    *ret = fopen(path, "re");
    return 0;
}
