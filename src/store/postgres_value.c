/*
 * postgres_value: see postgres_value.h.
 *
 * What is received is binary, numbers in network order. What is sent is binary where the type of
 * the parameter is known, for the price of a copy; before that it is text, which the server reads
 * as whatever the type is.
 */
#include "store/postgres_value.h"

#include "base/text.h"

#include <endian.h>
#include <math.h>
#include <stdio.h>

/* Of PostgreSQL's pg_type, where they are the same for good. */
enum {
    TYPE_BOOL = 16,
    TYPE_BYTEA = 17,
    TYPE_CHAR = 18,
    TYPE_NAME = 19,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_TEXT = 25,
    TYPE_OID = 26,
    TYPE_JSON = 114,
    TYPE_FLOAT4 = 700,
    TYPE_FLOAT8 = 701,
    TYPE_UNKNOWN = 705,
    TYPE_BPCHAR = 1042,
    TYPE_VARCHAR = 1043,
    TYPE_NUMERIC = 1700,
    TYPE_VOID = 2278,
    TYPE_JSONB = 3802,
};

static bool is_text(Oid type) {
    return type == TYPE_TEXT || type == TYPE_VARCHAR || type == TYPE_BPCHAR || type == TYPE_JSON ||
           type == TYPE_NAME || type == TYPE_UNKNOWN;
}

bool postgres_is_known(Oid type) {
    static const Oid others[] = {TYPE_BOOL,   TYPE_BYTEA,   TYPE_CHAR, TYPE_INT8,
                                 TYPE_INT2,   TYPE_INT4,    TYPE_OID,  TYPE_FLOAT4,
                                 TYPE_FLOAT8, TYPE_NUMERIC, TYPE_VOID, TYPE_JSONB};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (type == others[i])
            return true;
    return is_text(type);
}

/* Whether all n bytes are text that PostgreSQL takes: UTF-8 without NUL. Most of it is ASCII. */
static bool is_clean(const char *p, size_t n) {
    if (memchr(p, 0, n))
        return false;
    while (n > 0) {
        uint64_t eight;
        while (n >= sizeof(eight)) {
            memcpy(&eight, p, sizeof(eight));
            if (eight & UINT64_C(0x8080808080808080))
                break;
            p += sizeof(eight);
            n -= sizeof(eight);
        }
        for (size_t i = 0; i < sizeof(eight) && n > 0; i++) {
            size_t length = text_utf8_length(p, n);
            if (!length)
                return false;
            p += length;
            n -= length;
        }
    }
    return true;
}

static void add_clean(struct str *out, const char *p, size_t n) {
    while (n > 0) {
        size_t length = *p ? text_utf8_length(p, n) : 0;
        if (length)
            str_add_bytes(out, p, length);
        else
            str_add(out, "\xef\xbf\xbd"); /* U+FFFD */
        p += length ? length : 1;
        n -= length ? length : 1;
    }
}

static void encode_text(const struct postgres_value *v, Oid type, struct str *room,
                        struct postgres_sent *ret) {
    bool clean = is_clean(v->text.data, v->text.n);
    ret->format = is_text(type) || type == TYPE_BYTEA;
    ret->data = v->text.data;
    ret->n = (int)v->text.n;
    if (clean && ret->format == 1)
        return;
    /* text format ends with a NUL, which what is borrowed may not have */
    *ret = (struct postgres_sent){.format = ret->format, .copied = true, .at = room->len};
    if (clean)
        str_add_bytes(room, v->text.data, v->text.n);
    else
        add_clean(room, v->text.data, v->text.n);
    ret->n = (int)(room->len - ret->at);
    str_add_bytes(room, "", 1);
}

static void put(struct postgres_sent *ret, const void *number, int n) {
    memcpy(ret->number, number, (size_t)n);
    ret->data = ret->number;
    ret->n = n;
    ret->format = 1;
}

static void encode_int(int64_t x, Oid type, struct postgres_sent *ret) {
    if (type == TYPE_INT8) {
        uint64_t big = htobe64((uint64_t)x);
        put(ret, &big, sizeof(big));
    } else {
        ret->n = snprintf(ret->number, sizeof(ret->number), "%lld", (long long)x);
        ret->data = ret->number;
    }
}

static void encode_double(double x, Oid type, struct postgres_sent *ret) {
    if (type == TYPE_FLOAT8) {
        uint64_t big;
        memcpy(&big, &x, sizeof(big));
        big = htobe64(big);
        put(ret, &big, sizeof(big));
    } else if (isinf(x)) {
        ret->data = x > 0 ? "Infinity" : "-Infinity";
    } else {
        ret->n = snprintf(ret->number, sizeof(ret->number), "%.17g", x);
        ret->data = ret->number;
    }
}

void postgres_encode(const struct postgres_value *value, Oid type, struct str *room,
                     struct postgres_sent *ret) {
    ret->data = NULL;
    ret->n = ret->format = 0;
    ret->copied = false;
    switch (value->kind) {
    case POSTGRES_NULL:
        break;
    case POSTGRES_INT:
        encode_int(value->integer, type, ret);
        break;
    case POSTGRES_DOUBLE:
        encode_double(value->real, type, ret);
        break;
    case POSTGRES_TEXT:
        encode_text(value, type, room, ret);
        break;
    case POSTGRES_BYTES:
        ret->data = value->text.data;
        ret->n = (int)value->text.n;
        ret->format = 1;
        break;
    }
}

static uint64_t read_big(const char *p, int n) {
    uint64_t x = 0;
    for (int i = 0; i < n; i++)
        x = x << 8 | (unsigned char)p[i];
    return x;
}

/*
 * A numeric, as sum() of integers is one: groups of four decimal digits, the first of which counts
 * 10000 to the power of `weight`.
 */
struct numeric {
    int groups, weight, sign, scale;
    const char *digits;
};

static struct numeric read_numeric(const char *p) {
    return (struct numeric){.groups = (int16_t)read_big(p, 2),
                            .weight = (int16_t)read_big(p + 2, 2),
                            .sign = (int)read_big(p + 4, 2),
                            .scale = (int)read_big(p + 6, 2),
                            .digits = p + 8};
}

static int group(const struct numeric *x, int i) {
    return i >= 0 && i < x->groups ? (int)read_big(x->digits + (ptrdiff_t)i * 2, 2) : 0;
}

static void add_numeric(struct str *out, const char *p) {
    enum { NEGATIVE = 0x4000, NAN_SIGN = 0xc000, PLUS_INFINITY = 0xd000, MINUS_INFINITY = 0xf000 };
    struct numeric x = read_numeric(p);
    if (x.sign == NAN_SIGN || x.sign == PLUS_INFINITY || x.sign == MINUS_INFINITY) {
        str_add(out, x.sign == NAN_SIGN        ? "NaN"
                     : x.sign == PLUS_INFINITY ? "Infinity"
                                               : "-Infinity");
        return;
    }
    if (x.sign == NEGATIVE)
        str_add_char(out, '-');
    if (x.weight < 0)
        str_add_char(out, '0');
    for (int i = 0; i <= x.weight; i++)
        str_addf(out, i ? "%04d" : "%d", group(&x, i));
    if (x.scale == 0)
        return;
    str_add_char(out, '.');
    size_t end = out->len + (size_t)x.scale;
    for (int i = x.weight + 1; out->len < end && !out->failed; i++)
        str_addf(out, "%04d", group(&x, i));
    if (!out->failed)
        out->data[out->len = end] = '\0';
}

static int64_t numeric_int(const char *p) {
    cleanup(str_done) struct str text = {0};
    add_numeric(&text, p);
    return text.data ? strtoll(text.data, NULL, 10) : 0;
}

static double numeric_double(const char *p) {
    cleanup(str_done) struct str text = {0};
    add_numeric(&text, p);
    return text.data ? strtod(text.data, NULL) : NAN;
}

static double real(const char *p, int n) {
    uint64_t bits = read_big(p, n);
    uint32_t half = (uint32_t)bits;
    double x;
    float f;
    memcpy(&x, &bits, sizeof(x));
    memcpy(&f, &half, sizeof(f));
    return n == (int)sizeof(f) ? (double)f : x;
}

/* Towards zero, and to the nearest that there is, as SQLite has it. */
static int64_t to_int(double x) {
    if (isnan(x))
        return 0;
    return x >= 0x1p63 ? INT64_MAX : x <= -0x1p63 ? INT64_MIN : (int64_t)x;
}

enum sql_type postgres_type(const PGresult *rows, int row, int column) {
    switch (PQftype(rows, column)) {
    case TYPE_BOOL:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
    case TYPE_OID:
        return SQL_INT;
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        return SQL_DOUBLE;
    case TYPE_NUMERIC:
        return read_numeric(PQgetvalue(rows, row, column)).scale ? SQL_DOUBLE : SQL_INT;
    default:
        return SQL_TEXT;
    }
}

int64_t postgres_int(const PGresult *rows, int row, int column) {
    const char *p = PQgetvalue(rows, row, column);
    int n = PQgetlength(rows, row, column);
    switch (PQftype(rows, column)) {
    case TYPE_BOOL:
        return *p != 0;
    case TYPE_OID:
        return (int64_t)read_big(p, n);
    case TYPE_INT2:
        return (int16_t)read_big(p, n);
    case TYPE_INT4:
        return (int32_t)read_big(p, n);
    case TYPE_INT8:
        return (int64_t)read_big(p, n);
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        return to_int(real(p, n));
    case TYPE_NUMERIC:
        return numeric_int(p);
    default:
        return strtoll(p, NULL, 10);
    }
}

double postgres_double(const PGresult *rows, int row, int column) {
    const char *p = PQgetvalue(rows, row, column);
    switch (PQftype(rows, column)) {
    case TYPE_FLOAT4:
    case TYPE_FLOAT8:
        return real(p, PQgetlength(rows, row, column));
    case TYPE_NUMERIC:
        return numeric_double(p);
    default:
        return postgres_type(rows, row, column) == SQL_INT ? (double)postgres_int(rows, row, column)
                                                           : strtod(p, NULL);
    }
}

const char *postgres_text(const PGresult *rows, int row, int column, struct str *room, size_t *n) {
    Oid type = PQftype(rows, column);
    const char *p = PQgetvalue(rows, row, column);
    enum sql_type as = postgres_type(rows, row, column);
    *n = (size_t)PQgetlength(rows, row, column);
    if (as == SQL_TEXT) {
        size_t version = type == TYPE_JSONB && *n > 0; /* a byte before the text */
        *n -= version;
        return p + version;
    }
    str_clear(room);
    if (type == TYPE_NUMERIC)
        add_numeric(room, p);
    else if (as == SQL_INT)
        str_add_int(room, postgres_int(rows, row, column));
    else
        str_addf(room, "%.17g", postgres_double(rows, row, column));
    *n = room->len;
    return room->failed ? NULL : room->data;
}
