/*
 * rows: see rows.h.
 *
 * Writing is by hand, because ten thousand servers' results pass here while their workers wait for
 * none of it; reading is by jansson.
 */
#include "store/rows.h"

#include "base/str.h"
#include "base/text.h"
#include "wire/jsontext.h"

#include <math.h>
#include <string.h>

void row_bind_server(struct sql_stmt *stmt, int64_t run, size_t position,
                     const struct server_result *r) {
    sql_bind_text(stmt, 1, r->verdict == VERDICT_CANCELLED ? "pending" : "done");
    sql_bind_text(stmt, 2, verdict_name(r->verdict));
    sql_bind_text(stmt, 3, reason_name(r->reason));
    sql_bind_text(stmt, 4, r->detail);
    sql_bind_int(stmt, 5, r->attempts);
    sql_bind_double(stmt, 6, r->seconds);
    sql_bind_text(stmt, 7, r->facts);
    sql_bind_text(stmt, 8, r->kind);
    sql_bind_text(stmt, 9, r->machine);
    sql_bind_text(stmt, 10, r->findings);
    sql_bind_text(stmt, 11, r->why);
    sql_bind_int(stmt, 12, run);
    sql_bind_int(stmt, 13, (int64_t)position);
}

/* null for one that JSON has no word for, which must not cost the row */
static void add_number(struct str *s, double x) {
    if (isfinite(x))
        text_add_number(s, x);
    else
        str_add(s, "null");
}

static void add_trials(struct str *s, const double *trials, size_t n) {
    str_add_char(s, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            str_add_char(s, ',');
        add_number(s, trials[i]);
    }
    str_add_char(s, ']');
}

static void add_metrics(struct str *s, const struct benchmark_result *r) {
    str_add_char(s, '{');
    for (size_t i = 0; i < r->metric_count; i++) {
        const struct metric *m = &r->metrics[i];
        if (i)
            str_add_char(s, ',');
        text_add_json(s, m->name, strlen(m->name));
        str_add(s, ":{\"value\":");
        add_number(s, m->value);
        str_add(s, ",\"unit\":");
        text_add_json(s, m->unit ? m->unit : "", m->unit ? strlen(m->unit) : 0);
        str_add(s, m->lower_is_better ? ",\"better\":\"lower\"" : "");
        str_add(s, ",\"trials\":");
        add_trials(s, m->trials, m->trial_count);
        str_add(s, ",\"spread\":");
        add_number(s, m->spread);
        str_add_char(s, '}');
    }
    str_add_char(s, '}');
}

int row_bind_benchmark(struct sql_stmt *stmt, int64_t run, size_t position, size_t ordinal,
                       const struct benchmark_result *r, struct str *json, struct error *err) {
    str_clear(json);
    add_trials(json, r->trials, r->trial_count);
    size_t trials_len = json->len;
    add_metrics(json, r);
    if (json->failed)
        return error_memory(err);
    const char *metrics = json->data + trials_len;
    sql_bind_int(stmt, 1, run);
    sql_bind_int(stmt, 2, (int64_t)position);
    sql_bind_int(stmt, 3, (int64_t)ordinal);
    sql_bind_text(stmt, 4, r->benchmark);
    sql_bind_text(stmt, 5, verdict_name(r->verdict));
    sql_bind_text(stmt, 6, reason_name(r->reason));
    sql_bind_text(stmt, 7, r->detail);
    sql_bind_double(stmt, 8, r->score);
    sql_bind_text(stmt, 9, r->metric);
    sql_bind_double(stmt, 10, r->value);
    sql_bind_text(stmt, 11, r->unit);
    sql_bind_text(stmt, 12, r->lower_is_better ? "lower" : "higher");
    sql_bind_double(stmt, 13, r->reference);
    sql_bind_double(stmt, 14, r->threshold);
    sql_bind_text_n(stmt, 15, json->data, trials_len);
    sql_bind_double(stmt, 16, r->spread);
    sql_bind_double(stmt, 17, r->seconds);
    sql_bind_text(stmt, 18, metrics);
    sql_bind_text(stmt, 19, r->conditions);
    sql_bind_text(stmt, 20, r->sensors);
    sql_bind_int(stmt, 21, r->flaky);
    sql_bind_text(stmt, 22, r->reference_source);
    return 0;
}

static int corrupt(const char *what, struct error *err) {
    return error_set(err, ERROR_STORE, "a row of the store cannot be read: its %s", what);
}

int row_borrow_text(struct sql_stmt *stmt, int column, const char **ret, struct error *err) {
    /* asked first: where memory runs out the text is NULL, and so is the column from then on */
    bool null = sql_column_type(stmt, column) == SQL_NULL;
    *ret = sql_column_text(stmt, column);
    return *ret || null ? 0 : error_memory(err);
}

int row_read_text(struct sql_stmt *stmt, int column, char **ret, struct error *err) {
    const char *text;
    if (row_borrow_text(stmt, column, &text, err) < 0)
        return -1;
    *ret = text ? strdup(text) : NULL;
    return text && !*ret ? error_memory(err) : 0;
}

/* NULL: no memory. */
static char *copy_printable(const char *text) {
    size_t n = strlen(text);
    if (text_is_printable(text, n))
        return strdup(text);
    struct str printable = {0};
    text_add_printable(&printable, text, n, 4 * n + 3);
    return str_take(&printable);
}

int row_read_printable(struct sql_stmt *stmt, int column, char **ret, struct error *err) {
    const char *text;
    if (row_borrow_text(stmt, column, &text, err) < 0)
        return -1;
    *ret = text ? copy_printable(text) : NULL;
    return text && !*ret ? error_memory(err) : 0;
}

int row_read_name(struct sql_stmt *stmt, int column, char **ret, struct error *err) {
    if (row_read_printable(stmt, column, ret, err) < 0)
        return -1;
    return *ret ? 0 : corrupt("name", err);
}

int row_read_given(struct sql_stmt *stmt, int column, struct server *ret, struct error *err) {
    int host = sql_column_type(stmt, column + 1) == SQL_NULL ? column : column + 1;
    ret->port = (int)sql_column_int(stmt, column + 3);
    return row_read_name(stmt, column, &ret->name, err) < 0 ||
                   row_read_text(stmt, host, &ret->host, err) < 0 ||
                   row_read_text(stmt, column + 2, &ret->user, err) < 0 ||
                   row_read_text(stmt, column + 4, &ret->identity, err) < 0 ||
                   row_read_text(stmt, column + 5, &ret->kind, err) < 0 ||
                   row_read_printable(stmt, column + 6, &ret->labels, err) < 0
               ? -1
               : 0;
}

int row_read_verdict(struct sql_stmt *stmt, int column, enum verdict *verdict, enum reason *reason,
                     struct error *err) {
    const char *v, *r;
    if (row_borrow_text(stmt, column, &v, err) < 0 ||
        row_borrow_text(stmt, column + 1, &r, err) < 0)
        return -1;
    if (!v || verdict_parse(v, verdict) < 0)
        return corrupt("verdict", err);
    *reason = REASON_NONE;
    return r && reason_parse(r, reason) < 0 ? corrupt("reason", err) : 0;
}

/* The store may be spoiled; a duration that is no number would spoil what is made of it. */
static double read_seconds(struct sql_stmt *stmt, int column) {
    double seconds = sql_column_double(stmt, column);
    return isnan(seconds) ? 0 : seconds;
}

int row_read_server(struct sql_stmt *stmt, const char *pending, struct server_result *ret,
                    struct error *err) {
    if (sql_column_type(stmt, 2) == SQL_NULL) {
        ret->verdict = VERDICT_CANCELLED;
        ret->reason = REASON_INTERRUPTED;
        ret->detail = strdup(pending);
        return ret->detail ? 0 : error_memory(err);
    }
    ret->attempts = sql_column_int(stmt, 5);
    ret->seconds = read_seconds(stmt, 6);
    if (row_read_verdict(stmt, 2, &ret->verdict, &ret->reason, err) < 0 ||
        row_read_printable(stmt, 4, &ret->detail, err) < 0 ||
        row_read_printable(stmt, 7, &ret->facts, err) < 0 ||
        row_read_printable(stmt, 8, &ret->kind, err) < 0 ||
        row_read_printable(stmt, 9, &ret->machine, err) < 0 ||
        row_read_printable(stmt, 10, &ret->findings, err) < 0)
        return -1;
    return row_read_printable(stmt, 11, &ret->why, err);
}

/* The JSON in the column, which must be of this type; NULL with the error. */
static json_t *read_json(struct sql_stmt *stmt, int column, json_type type, const char *what,
                         struct error *err) {
    const char *text;
    if (row_borrow_text(stmt, column, &text, err) < 0)
        return NULL;
    json_t *value = jsontext_read(text, err);
    if (value && json_typeof(value) == type)
        return value;
    if (value || err->kind != ERROR_INTERNAL)
        corrupt(what, err);
    json_decref(value);
    return NULL;
}

static int read_numbers(json_t *list, double **ret, size_t *count, struct error *err) {
    json_t *item;
    size_t n = json_array_size(list), i;
    *ret = calloc(n ? n : 1, sizeof(**ret));
    if (!*ret)
        return error_memory(err);
    json_array_foreach(list, i, item) {
        if (!json_is_number(item))
            return corrupt("trials", err);
        (*ret)[(*count)++] = json_number_value(item);
    }
    return 0;
}

static int read_trials(struct sql_stmt *stmt, int column, struct benchmark_result *ret,
                       struct error *err) {
    json_t *list = read_json(stmt, column, JSON_ARRAY, "trials", err);
    int rc = list ? read_numbers(list, &ret->trials, &ret->trial_count, err) : -1;
    json_decref(list);
    return rc;
}

static double number_at(json_t *object, const char *name) {
    json_t *value = json_object_get(object, name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static int read_metric(const char *name, json_t *from, struct metric *ret, struct error *err) {
    const char *unit = json_string_value(json_object_get(from, "unit"));
    const char *better = json_string_value(json_object_get(from, "better"));
    ret->name = copy_printable(name);
    ret->unit = copy_printable(unit ? unit : "");
    ret->value = number_at(from, "value");
    ret->spread = number_at(from, "spread");
    ret->lower_is_better = better && strcmp(better, "lower") == 0;
    if (!ret->name || !ret->unit)
        return error_memory(err);
    return read_numbers(json_object_get(from, "trials"), &ret->trials, &ret->trial_count, err);
}

static int read_metrics(struct sql_stmt *stmt, int column, struct benchmark_result *ret,
                        struct error *err) {
    json_t *object = read_json(stmt, column, JSON_OBJECT, "metrics", err), *item;
    const char *name;
    int rc = object ? 0 : -1;
    size_t n = json_object_size(object);
    if (rc == 0 && n > 0 && !(ret->metrics = calloc(n, sizeof(*ret->metrics))))
        rc = error_memory(err);
    if (rc == 0)
        json_object_foreach(object, name, item) {
            rc = read_metric(name, item, &ret->metrics[ret->metric_count++], err);
            if (rc < 0)
                break;
        }
    json_decref(object);
    return rc;
}

int row_read_benchmark(struct sql_stmt *stmt, struct benchmark_result *ret, struct error *err) {
    *ret = (struct benchmark_result){
        .score = sql_column_double(stmt, 5),
        .value = sql_column_double(stmt, 7),
        .reference = sql_column_double(stmt, 10),
        .threshold = sql_column_double(stmt, 11),
        .spread = sql_column_double(stmt, 13),
        .seconds = read_seconds(stmt, 14),
        .flaky = sql_column_int(stmt, 18) != 0,
    };
    const char *better;
    if (row_borrow_text(stmt, 9, &better, err) < 0 ||
        row_read_name(stmt, 1, &ret->benchmark, err) < 0 ||
        row_read_verdict(stmt, 2, &ret->verdict, &ret->reason, err) < 0 ||
        row_read_printable(stmt, 4, &ret->detail, err) < 0 ||
        row_read_printable(stmt, 6, &ret->metric, err) < 0 ||
        row_read_printable(stmt, 8, &ret->unit, err) < 0 ||
        row_read_printable(stmt, 16, &ret->conditions, err) < 0 ||
        row_read_printable(stmt, 17, &ret->sensors, err) < 0 ||
        row_read_printable(stmt, 19, &ret->reference_source, err) < 0 ||
        read_trials(stmt, 12, ret, err) < 0)
        return -1;
    ret->lower_is_better = better && strcmp(better, "lower") == 0;
    return read_metrics(stmt, 15, ret, err);
}
