/*
 * postgres_value: values as PostgreSQL sends and takes them. For the engine alone
 * (store/sql_postgres).
 */
#pragma once

#include "base/str.h"
#include "store/sql.h"

#include <libpq-fe.h>

/* A value that is to be sent. Texts and bytes are borrowed. */
struct postgres_value {
    enum { POSTGRES_NULL, POSTGRES_INT, POSTGRES_DOUBLE, POSTGRES_TEXT, POSTGRES_BYTES } kind;
    union {
        int64_t integer;
        double real;
        struct {
            const char *data;
            size_t n;
        } text;
    };
};

/* As libpq takes it. */
struct postgres_sent {
    const char *data; /* NULL: SQL's NULL, or a copy */
    int n;
    int format;
    bool copied; /* what is sent stands at `at` in the room that was given */
    size_t at;
    char number[32]; /* where that of a number is */
};

/*
 * Sets *ret to what is sent for a parameter of this type; 0: it is not known yet. What must be
 * written anew, as text that is not UTF-8, is appended to *room, which may move.
 */
void postgres_encode(const struct postgres_value *value, Oid type, struct str *room,
                     struct postgres_sent *ret);

/* Whether columns of the type can be read. */
bool postgres_is_known(Oid type);

/* Of a field that is not NULL, in a result in binary format. */
enum sql_type postgres_type(const PGresult *rows, int row, int column);
int64_t postgres_int(const PGresult *rows, int row, int column);
double postgres_double(const PGresult *rows, int row, int column);

/*
 * The text of a field, of *n bytes: what is there, or written into *room. NULL: no memory.
 */
const char *postgres_text(const PGresult *rows, int row, int column, struct str *room, size_t *n);
