/*
 * postgres_bulk: see postgres_bulk.h.
 *
 * For the server, a row of COPY is half the work of one that is inserted. But COPY cannot be sent
 * along with other statements: it takes three journeys of its own.
 */
#include "store/postgres_bulk.h"

#include <endian.h>

#define COPY_MIN 256           /* rows */
#define FULL ((size_t)4 << 20) /* bytes */

static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0"; /* with the NUL at its end */
static const char trailer[] = {'\377', '\377'};

static void add_int16(struct str *s, int n) {
    uint16_t big = htobe16((uint16_t)n);
    str_add_bytes(s, &big, sizeof(big));
}

static void add_int32(struct str *s, int n) {
    uint32_t big = htobe32((uint32_t)n);
    str_add_bytes(s, &big, sizeof(big));
}

bool postgres_bulk_add(struct postgres_bulk *b, const struct postgres_sent *sent,
                       const char *const *data, int n) {
    for (int i = 0; i < n; i++)
        if (data[i] && sent[i].format != 1)
            return false;
    if (b->count == 0) {
        str_clear(&b->rows);
        str_add_bytes(&b->rows, header, sizeof(header));
    }
    add_int16(&b->rows, n);
    for (int i = 0; i < n; i++) {
        add_int32(&b->rows, data[i] ? sent[i].n : -1);
        if (data[i])
            str_add_bytes(&b->rows, data[i], (size_t)sent[i].n);
    }
    b->count++;
    return true;
}

bool postgres_bulk_is_full(const struct postgres_bulk *b) {
    return b->rows.len >= FULL || b->rows.failed;
}

static const char *read_int32(const char *p, int *ret) {
    uint32_t big;
    memcpy(&big, p, sizeof(big));
    *ret = (int)be32toh(big);
    return p + sizeof(big);
}

/* The values of the row at `p`, which are left where they are. Returns where it ends. */
static const char *read_row(const char *p, int n, const char **values, int *lengths) {
    p += sizeof(uint16_t);
    for (int i = 0; i < n; i++) {
        p = read_int32(p, &lengths[i]);
        values[i] = lengths[i] < 0 ? NULL : p;
        p += lengths[i] < 0 ? 0 : lengths[i];
    }
    return p;
}

static int insert(struct postgres_bulk *b, struct postgres_pipe *p, struct postgres_plan *plan) {
    int n = plan->param_count;
    cleanup(free_ptr) const char **values = calloc((size_t)n + 1, sizeof(*values));
    cleanup(free_ptr) int *lengths = calloc(2 * (size_t)n + 1, sizeof(*lengths));
    if (!values || !lengths)
        return postgres_no_memory(p);
    int *formats = lengths + n;
    for (int i = 0; i < n; i++)
        formats[i] = 1;
    const char *row = b->rows.data + sizeof(header);
    int rc = postgres_make(p, plan);
    for (size_t i = 0; rc == 0 && i < b->count; i++) {
        row = read_row(row, n, values, lengths);
        rc = postgres_send_plan(p, plan, values, lengths, formats, NULL);
    }
    return rc;
}

/* The INSERT INTO table (columns) VALUES in the words of COPY. */
static int copy(struct postgres_bulk *b, struct postgres_pipe *p,
                const struct postgres_plan *plan) {
    cleanup(str_done) struct str sql = {0};
    const char *table = strstr(plan->sql, "INTO ");
    const char *end = table ? strstr(table, " VALUES") : NULL;
    if (!end)
        return error_set(&p->err, ERROR_INTERNAL, "no INSERT of values: %s", plan->sql);
    str_add(&sql, "COPY ");
    str_add_bytes(&sql, table + 5, (size_t)(end - table) - 5);
    str_add(&sql, " FROM STDIN (FORMAT binary)");
    str_add_bytes(&b->rows, trailer, sizeof(trailer));
    return sql.failed || b->rows.failed ? postgres_no_memory(p)
                                        : postgres_copy(p, sql.data, b->rows.data, b->rows.len);
}

int postgres_bulk_write(struct postgres_bulk *b, struct postgres_pipe *p,
                        struct postgres_plan *plan) {
    int rc = 0;
    if (b->rows.failed) {
        str_done(&b->rows);
        rc = postgres_no_memory(p);
    } else if (b->count > 0) {
        rc = b->count < COPY_MIN ? insert(b, p, plan) : copy(b, p, plan);
    }
    b->count = 0;
    return rc;
}
