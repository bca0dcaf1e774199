/*
 * fuzz_rows: a row of the store with anything in any column, as another program or a damaged disk
 * may leave it, read back and printed.
 *
 * The columns stand in the input with 0xff between them, each with its type before it: i for an
 * integer, d for a real, b for bytes, anything else for text; nothing is NULL. What is held: no
 * crash, a sentence for every refusal; what was read can be written and is read again, the same;
 * and it becomes a JSON document and a page for people, neither with a control character.
 */
#include "fuzz.h"
#include "report/detail.h"
#include "report/document.h"
#include "store/rows.h"

#include <jansson.h>
#include <unistd.h>

#define COLUMNS 32 /* more than any table has */

static struct sql *db;
static struct sql_stmt *row;     /* gives what is bound to it */
static struct sql_stmt *written; /* gives a benchmark that is bound as the selects of rows.h do */

static struct sql_stmt *prepare(const char *first, int next) {
    cleanup(str_done) struct str sql = {0};
    struct sql_stmt *stmt = NULL;
    str_add(&sql, first);
    for (int i = next; i <= COLUMNS; i++)
        str_addf(&sql, ",?%d", i);
    require(!sql.failed && sql_prepare(db, sql.data, &stmt) == 0);
    return stmt;
}

static void open_rows(void) {
    static char path[] = "/tmp/fuzz_rows.XXXXXX";
    struct error err;
    int fd = mkstemp(path);
    require(fd >= 0 && close(fd) == 0);
    require(sql_open_sqlite(path, false, true, &db, &err) == 0);
    /* nothing is written to it, nor to what SQLite has put beside it */
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char file[sizeof(path) + 4];
        snprintf(file, sizeof(file), "%s%s", path, ends[i]);
        unlink(file);
    }
    row = prepare("SELECT ?1", 2);
    written = prepare("SELECT ?2", 4); /* the position, then all from the name on */
}

static void bind_column(int i, const char *p, size_t n) {
    cleanup(free_ptr) char *text = fuzz_text(p + (n > 0), n > 0 ? n - 1 : 0);
    if (n == 0)
        sql_bind_null(row, i);
    else if (*p == 'i')
        sql_bind_int(row, i, strtoll(text, NULL, 10));
    else if (*p == 'd')
        sql_bind_double(row, i, strtod(text, NULL));
    else if (*p == 'b')
        sql_bind_bytes(row, i, p + 1, n - 1);
    else
        sql_bind_text_n(row, i, p + 1, n - 1);
}

static void bind_row(const char *p, const char *end) {
    for (int i = 1; i <= COLUMNS; i++) {
        const char *cut = p < end ? memchr(p, 0xff, (size_t)(end - p)) : NULL;
        const char *stop = cut ? cut : end;
        bind_column(i, p, (size_t)(stop - p));
        p = cut ? cut + 1 : end;
    }
}

static void check_error(const struct error *err) {
    require(err->kind == ERROR_STORE && err->text[0]);
}

/* Lines of printable text. */
static void check_lines(const char *text, size_t n) {
    for (const char *end = text + n; text < end;) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        require(newline);
        require_printable(text, (size_t)(newline - text));
        text = newline + 1;
    }
}

static void check_written(const struct benchmark_result *b) {
    cleanup(str_done) struct str json = {0};
    cleanup(benchmark_result_done) struct benchmark_result again = {0};
    struct error err;
    require(row_bind_benchmark(written, 1, 2, 3, b, &json, &err) == 0);
    require(sql_step(written) == SQL_ROW);
    require(row_read_benchmark(written, &again, &err) == 0);
    require(strcmp(again.benchmark, b->benchmark) == 0 && again.verdict == b->verdict);
    require(again.reason == b->reason && !again.detail == !b->detail);
    require(again.trial_count == b->trial_count && again.metric_count <= b->metric_count);
    for (size_t i = 0; i < b->trial_count; i++)
        require(again.trials[i] == b->trials[i]);
    sql_reset(written);
}

static void check_printed(const struct server_result *r) {
    cleanup(str_done) struct str page = {0};
    char *document = NULL;
    size_t size;
    struct error err;
    FILE *out = open_memstream(&document, &size);
    require(out && document_add(out, true, "web1", r, &err) == 0);
    fputc('\n', out);
    require(fclose(out) == 0);
    check_lines(document, size);
    json_t *json = json_loads(document, 0, NULL);
    require(json_array_size(json_object_get(json, "benchmarks")) == r->benchmark_count);
    json_decref(json);
    free(document);
    detail_add(&page, "web1", r);
    require(!page.failed);
    check_lines(page.data, page.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cleanup(server_result_done) struct server_result r = {0};
    struct error err = {0};
    if (!db)
        open_rows();
    bind_row((const char *)data, (const char *)data + size);
    require(sql_step(row) == SQL_ROW);
    if (row_read_server(row, "its turn has not come", &r, &err) < 0)
        check_error(&err);
    r.benchmarks = calloc(1, sizeof(*r.benchmarks));
    require(r.benchmarks);
    if (row_read_benchmark(row, r.benchmarks, &err) < 0) {
        check_error(&err);
        benchmark_result_done(r.benchmarks);
    } else {
        r.benchmark_count = 1;
        check_written(r.benchmarks);
    }
    check_printed(&r);
    sql_reset(row);
    return 0;
}
