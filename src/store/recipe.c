/* recipe: what a run that goes on is made of: see store_recipe() and store_outcomes(). */
#include "store/database.h"

#include "base/vec.h"
#include "policy/finding.h"
#include "store/rows.h"

#include <string.h>

void store_recipe_done(struct store_recipe *r) {
    free(r->options);
    free(r->config_path);
    free(r->config);
    free(r->folder);
    *r = (struct store_recipe){0};
}

static int read_recipe(struct sql_stmt *stmt, struct store_recipe *ret, struct error *err) {
    if (row_read_text(stmt, 0, &ret->options, err) < 0 ||
        row_read_text(stmt, 1, &ret->config_path, err) < 0 ||
        row_read_text(stmt, 3, &ret->folder, err) < 0)
        return -1;
    const void *config = sql_column_bytes(stmt, 2, &ret->config_len);
    if (!ret->config_path)
        return 0;
    ret->config = malloc(ret->config_len + 1);
    if (!ret->config)
        return error_memory(err);
    if (!config && ret->config_len > 0)
        return error_memory(err);
    if (config) /* SQLite has NULL for no bytes */
        memcpy(ret->config, config, ret->config_len);
    ret->config[ret->config_len] = '\0';
    return 0;
}

/* Calls each() for every row that the query gives for the run. */
static int walk(struct store *s, const char *select, int64_t run,
                int (*each)(struct sql_stmt *stmt, void *arg, struct error *err), void *arg,
                struct error *err) {
    struct sql_stmt *stmt = NULL;
    if (database_prepare_walk(s, select, &stmt, err) < 0)
        return -1;
    sql_bind_int(stmt, 1, run);
    int rc = 0;
    while (rc == 0 && sql_step(stmt) == SQL_ROW)
        rc = each(stmt, arg, err);
    return database_finalize(s, stmt, rc, err);
}

static int query(struct store *s, const char *select, int64_t run,
                 int (*each)(struct sql_stmt *stmt, void *arg, struct error *err), void *arg,
                 struct error *err) {
    bool begun;
    if (database_read(s, &begun, err) < 0)
        return -1;
    return database_read_end(s, begun, walk(s, select, run, each, arg, err), err);
}

static int take_recipe(struct sql_stmt *stmt, void *arg, struct error *err) {
    return read_recipe(stmt, arg, err);
}

static int take_server(struct sql_stmt *stmt, void *arg, struct error *err) {
    struct servers *list = arg;
    if (vec_reserve(&list->items, &list->cap, list->count + 1, sizeof(*list->items)) < 0)
        return error_memory(err);
    struct server *server = &list->items[list->count++];
    *server = (struct server){0};
    return row_read_given(stmt, 0, server, err);
}

int store_recipe(struct store *s, const char *run_id, struct store_recipe *ret,
                 struct servers *servers, struct error *err) {
    cleanup(store_recipe_done) struct store_recipe recipe = {0};
    struct servers list = {0};
    int64_t run;
    if (database_find_run(s, run_id, &run, err) < 0)
        return -1;
    if (query(s, "SELECT options, config_path, config, folder FROM run WHERE number = ?", run,
              take_recipe, &recipe, err) < 0 ||
        (servers &&
         query(s, "SELECT " ROW_GIVEN_COLUMNS " FROM server WHERE run = ? ORDER BY position", run,
               take_server, &list, err) < 0)) {
        servers_done(&list);
        return -1;
    }
    *ret = recipe;
    recipe = (struct store_recipe){0};
    if (servers)
        *servers = list;
    return 0;
}

/* The outcomes of a run, and how many there are. */
struct taken {
    struct outcome *outcomes;
    size_t count;
};

/* The one that the row in hand is of. */
static struct outcome *outcome_of(struct sql_stmt *stmt, const struct taken *t) {
    size_t position = (size_t)sql_column_int(stmt, 0);
    return position < t->count ? &t->outcomes[position] : NULL;
}

static int take_outcome(struct sql_stmt *stmt, void *arg, struct error *err) {
    struct outcome *o = outcome_of(stmt, arg);
    if (!o)
        return 0;
    o->flaky = sql_column_int(stmt, 4) != 0;
    cleanup(free_ptr) char *findings = NULL, *why = NULL;
    if (row_read_verdict(stmt, 1, &o->verdict, &o->reason, err) < 0 ||
        row_read_printable(stmt, 3, &o->detail, err) < 0 ||
        row_read_printable(stmt, 5, &findings, err) < 0 ||
        row_read_printable(stmt, 6, &why, err) < 0)
        return -1;
    return finding_tell(o, findings, why, err);
}

static int take_earlier(struct sql_stmt *stmt, void *arg,
                        __attribute__((unused)) struct error *err) {
    struct outcome *o = outcome_of(stmt, arg);
    if (o)
        o->earlier = (size_t)sql_column_int(stmt, 1);
    return 0;
}

int store_outcomes(struct store *s, const struct run *run, struct outcome *outcomes,
                   struct error *err) {
    struct taken taken = {outcomes, run->total};
    int64_t number;
    if (database_find_run(s, run->id, &number, err) < 0)
        return -1;
    if (query(
            s,
            "SELECT position, verdict, reason, detail, verdict = 'passed' AND EXISTS (SELECT 1 "
            "FROM benchmark AS b WHERE b.run = s.run AND b.position = s.position AND flaky <> 0), "
            "findings, why "
            "FROM server AS s WHERE run = ? AND state = 'done'",
            number, take_outcome, &taken, err) < 0)
        return -1;
    return query(s, "SELECT position, count(*) FROM past_server WHERE run = ? GROUP BY position",
                 number, take_earlier, &taken, err);
}
