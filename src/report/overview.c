/*
 * overview: see overview.h.
 *
 * The lists behind the rows are kept as the JSON texts that are written in the end, each once,
 * found by a balanced tree: kinds and names come from servers, and nothing keeps ten thousand of
 * them from being told apart in ten thousand ways.
 *
 * Threads: an overview belongs to one thread, and owns all it has but the stream.
 */
#include "report/overview.h"

#include "base/str.h"
#include "base/text.h"
#include "base/vec.h"
#include "report/document.h"
#include "report/report.h"
#include "wire/jsontext.h"

#include <math.h>
#include <search.h>

/* A text of a list, and its number there. */
struct item {
    size_t number;
    char text[];
};

struct list {
    void *tree;
    struct item **items;
    size_t count, cap;
};

struct overview {
    FILE *out;
    bool any; /* a row was written */
    struct list kinds, forms, criteria;
    struct str row, item;
};

static int by_text(const void *a, const void *b) {
    return strcmp(((const struct item *)a)->text, ((const struct item *)b)->text);
}

static void keep(void *item) {
    (void)item;
}

static void list_done(struct list *l) {
    tdestroy(l->tree, keep);
    for (size_t i = 0; i < l->count; i++)
        free(l->items[i]);
    free(l->items);
}

static int list_add(struct list *l, struct item **item) {
    if (vec_reserve(&l->items, &l->cap, l->count + 1, sizeof(struct item *)) < 0 ||
        !tsearch(*item, &l->tree, by_text))
        return -1;
    (*item)->number = l->count;
    l->items[l->count++] = TAKE(*item);
    return 0;
}

/* Appends the number that the text has in the list, and adds it where it is new. */
static void add_number_of(struct str *row, struct list *l, const struct str *text) {
    cleanup(free_ptr) struct item *item = malloc(sizeof(*item) + text->len + 1);
    if (text->failed || !item) {
        row->failed = true;
        return;
    }
    memcpy(item->text, text->data, text->len + 1);
    struct item *const *found = tfind(item, &l->tree, by_text);
    size_t number = found ? (*found)->number : l->count;
    if (!found && list_add(l, &item) < 0)
        row->failed = true;
    str_add_int(row, (int64_t)number);
}

static void add_text(struct str *out, const char *text) {
    if (text)
        text_add_json(out, text, strlen(text));
    else
        str_add(out, "null");
}

static void add_number(struct str *out, const char *format, double x) {
    char text[40];
    if (!isfinite(x)) {
        str_add(out, "null");
        return;
    }
    snprintf(text, sizeof(text), format, x);
    str_add(out, text);
}

static bool is_judged(const struct benchmark_result *b, const struct metric *m) {
    return b->metric && strcmp(b->metric, m->name) == 0;
}

static void add_form(struct str *out, const struct benchmark_result *b) {
    size_t judged = 0;
    while (judged < b->metric_count && !is_judged(b, &b->metrics[judged]))
        judged++;
    str_add(out, "{\"benchmark\":");
    add_text(out, b->benchmark);
    str_add(out, ",\"judged\":");
    if (judged < b->metric_count)
        str_add_int(out, (int64_t)judged);
    else
        str_add(out, "null");
    str_add(out, ",\"metrics\":[");
    for (size_t i = 0; i < b->metric_count; i++) {
        const struct metric *m = &b->metrics[i];
        str_add(out, i ? ",[" : "[");
        add_text(out, m->name);
        str_add_char(out, ',');
        add_text(out, m->unit);
        str_add(out, m->lower_is_better ? ",\"lower\"]" : ",\"higher\"]");
    }
    str_add(out, "]}");
}

static void add_criterion(struct str *out, const struct benchmark_result *b) {
    str_add_char(out, '[');
    add_number(out, "%.6g", b->threshold);
    str_add_char(out, ',');
    add_number(out, "%.6g", b->reference);
    str_add_char(out, ',');
    add_text(out, b->reference_source);
    str_add_char(out, ']');
}

static void add_verdict(struct str *row, enum verdict verdict, enum reason reason) {
    str_add_int(row, verdict);
    str_add_char(row, ',');
    str_add_int(row, reason);
    str_add_char(row, ',');
}

static void add_benchmark(struct overview *o, const struct benchmark_result *b) {
    struct str *row = &o->row;
    str_add_char(row, '[');
    str_clear(&o->item);
    add_form(&o->item, b);
    add_number_of(row, &o->forms, &o->item);
    str_add_char(row, ',');
    add_verdict(row, b->verdict, b->reason);
    add_number(row, "%.5g", b->score);
    str_add_char(row, ',');
    str_clear(&o->item);
    add_criterion(&o->item, b);
    add_number_of(row, &o->criteria, &o->item);
    str_add(row, ",[");
    for (size_t i = 0; i < b->metric_count; i++) {
        if (i)
            str_add_char(row, ',');
        add_number(row, "%.6g", b->metrics[i].value);
    }
    str_add(row, b->flaky ? "],1]" : "]]");
}

/* Appends the JSON array that is in `text`, `[]` for none: another program may have written it. */
static void add_array(struct str *row, const char *text, bool *any) {
    struct error why = {.kind = ERROR_NONE};
    json_t *list = text ? jsontext_read(text, &why) : NULL;
    bool is = json_is_array(list) && json_array_size(list) > 0;
    char *dumped = is ? json_dumps(list, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    row->failed |= why.kind == ERROR_INTERNAL || (is && !dumped);
    str_add(row, dumped ? dumped : "[]");
    *any |= is;
    free(dumped);
    json_decref(list);
}

static void add_judgement(struct str *row, const struct server_result *r) {
    size_t before = row->len;
    bool any = false;
    str_add_char(row, ',');
    add_array(row, r->findings, &any);
    str_add_char(row, ',');
    add_array(row, r->why, &any);
    if (!any && !row->failed) {
        row->len = before;
        row->data[before] = '\0';
    }
}

static void add_row(struct overview *o, size_t position, const char *server,
                    const struct server_result *r) {
    struct str *row = &o->row;
    str_add(row, o->any ? ",\n[" : "\n[");
    str_add_int(row, (int64_t)position);
    str_add_char(row, ',');
    add_text(row, server);
    str_add_char(row, ',');
    add_verdict(row, r->verdict, r->reason);
    if (r->kind) {
        str_clear(&o->item);
        add_text(&o->item, r->kind);
        add_number_of(row, &o->kinds, &o->item);
    } else {
        str_add(row, "null");
    }
    str_addf(row, ",%d,%d,", server_result_flaky(r), r->attempts);
    add_number(row, "%.5g", r->seconds);
    str_add_char(row, ',');
    add_text(row, r->detail);
    str_add(row, ",[");
    for (size_t i = 0; i < r->benchmark_count; i++) {
        if (i)
            str_add_char(row, ',');
        add_benchmark(o, &r->benchmarks[i]);
    }
    str_add_char(row, ']');
    add_judgement(row, r);
    str_add_char(row, ']');
}

void overview_write(FILE *out, const char *json, size_t n) {
    while (n > 0) {
        const char *less = memchr(json, '<', n);
        size_t run = less ? (size_t)(less - json) : n;
        fwrite(json, 1, run, out);
        if (!less)
            return;
        fputs("\\u003c", out);
        json += run + 1;
        n -= run + 1;
    }
}

int overview_add(struct overview *o, size_t position, const char *server,
                 const struct server_result *r, struct error *err) {
    str_clear(&o->row);
    add_row(o, position, server, r);
    if (o->row.failed)
        return error_memory(err);
    overview_write(o->out, o->row.data, o->row.len);
    o->any = true;
    return 0;
}

/* `"run": {...}, "notes": [...],`: text that comes from elsewhere, so it is escaped like the rows.
 */
static int write_run(struct overview *o, const struct run *run, const char *notes,
                     struct error *err) {
    cleanup(free_ptr) char *text = NULL;
    size_t len = 0;
    bool any = false;
    FILE *f = open_memstream(&text, &len);
    if (!f)
        return error_memory(err);
    int rc = document_run(f, run, err);
    if (fclose(f) != 0)
        return error_memory(err);
    if (rc < 0)
        return -1;
    str_add(&o->row, "\"run\":");
    str_add_bytes(&o->row, text, len);
    str_add(&o->row, ",\n\"notes\":");
    add_array(&o->row, notes, &any);
    str_add(&o->row, ",\n");
    if (o->row.failed)
        return error_memory(err);
    overview_write(o->out, o->row.data, o->row.len);
    return 0;
}

int overview_begin(FILE *out, const struct run *run, const char *notes, struct overview **ret,
                   struct error *err) {
    struct overview *o = calloc(1, sizeof(*o));
    if (!o)
        return error_memory(err);
    o->out = out;
    fputc('{', out);
    if (run && write_run(o, run, notes, err) < 0) {
        overview_free(o);
        return -1;
    }
    fputs("\"rows\":[", out);
    *ret = o;
    return 0;
}

static void write_list(struct overview *o, const char *name, const struct list *l) {
    fprintf(o->out, ",\n\"%s\":[", name);
    for (size_t i = 0; i < l->count; i++) {
        fputs(i ? ",\n" : "", o->out);
        overview_write(o->out, l->items[i]->text, strlen(l->items[i]->text));
    }
    fputc(']', o->out);
}

void overview_end(struct overview **o) {
    FILE *out = (*o)->out;
    fputs("\n],\n\"verdicts\":[", out);
    for (enum verdict v = VERDICT_PASSED; v <= VERDICT_SKIPPED; v++)
        fprintf(out, "%s\"%s\"", v ? "," : "", verdict_name(v));
    fputs("],\n\"reasons\":[null", out);
    for (enum reason r = REASON_NONE + 1; r < REASON_COUNT; r++)
        fprintf(out, ",\"%s\"", reason_name(r));
    fputc(']', out);
    write_list(*o, "kinds", &(*o)->kinds);
    write_list(*o, "forms", &(*o)->forms);
    write_list(*o, "criteria", &(*o)->criteria);
    fputs("}\n", out);
    overview_free(TAKE(*o));
}

void overview_free(struct overview *o) {
    if (!o)
        return;
    list_done(&o->kinds);
    list_done(&o->forms);
    list_done(&o->criteria);
    str_done(&o->row);
    str_done(&o->item);
    free(o);
}

/* ---- of a whole run ---- */

struct rows {
    struct overview *overview;
    size_t position;
};

static int take_server(void *arg, const char *server, const struct server_result *r,
                       struct error *err) {
    struct rows *rows = arg;
    return overview_add(rows->overview, rows->position++, server, r, err);
}

int report_overview(FILE *out, const struct report_source *from, struct error *err) {
    struct rows rows = {0};
    if (overview_begin(out, from->run, from->notes, &rows.overview, err) < 0)
        return -1;
    if (from->each(from, take_server, &rows, err) < 0) {
        overview_free(rows.overview);
        return -1;
    }
    overview_end(&rows.overview);
    return 0;
}
