/* sql: see sql.h. Each call goes to its engine. */
#include "store/sql.h"

#include <string.h>

void sql_close(struct sql *db) {
    if (db)
        db->calls->close(db);
}

void sql_end_with(struct sql *db, struct ending ending) {
    if (db->calls->end_with)
        db->calls->end_with(db, ending);
}

int sql_fail(struct sql *db, struct error *err) {
    return db->calls->fail(db, err);
}

int sql_exec(struct sql *db, const char *sql) {
    return db->calls->exec(db, sql);
}

int sql_begin(struct sql *db, bool write) {
    return db->calls->begin(db, write);
}

int sql_commit(struct sql *db) {
    return db->calls->commit(db);
}

void sql_rollback(struct sql *db) {
    db->calls->rollback(db);
}

bool sql_in_transaction(struct sql *db) {
    return db->calls->in_transaction(db);
}

int sql_version(struct sql *db, int64_t *ret) {
    return db->calls->version(db, ret);
}

void sql_await(struct sql *db, int fd, int64_t deadline) {
    db->calls->await(db, fd, deadline);
}

int sql_prepare(struct sql *db, const char *sql, struct sql_stmt **ret) {
    return db->calls->prepare(db, sql, SQL_PLAIN, ret);
}

int sql_prepare_walk(struct sql *db, const char *sql, struct sql_stmt **ret) {
    return db->calls->prepare(db, sql, SQL_WALK, ret);
}

int sql_prepare_bulk(struct sql *db, const char *sql, struct sql_stmt **ret) {
    return db->calls->prepare(db, sql, SQL_BULK, ret);
}

void sql_bind_null(struct sql_stmt *stmt, int i) {
    stmt->db->calls->bind_null(stmt, i);
}

void sql_bind_int(struct sql_stmt *stmt, int i, int64_t value) {
    stmt->db->calls->bind_int(stmt, i, value);
}

void sql_bind_double(struct sql_stmt *stmt, int i, double value) {
    if (value != value)
        sql_bind_null(stmt, i);
    else
        stmt->db->calls->bind_double(stmt, i, value);
}

void sql_bind_text_n(struct sql_stmt *stmt, int i, const char *text, size_t n) {
    if (!text)
        sql_bind_null(stmt, i);
    else
        stmt->db->calls->bind_bytes(stmt, i, text, n, true);
}

void sql_bind_text(struct sql_stmt *stmt, int i, const char *text) {
    sql_bind_text_n(stmt, i, text, text ? strlen(text) : 0);
}

void sql_bind_bytes(struct sql_stmt *stmt, int i, const void *data, size_t n) {
    if (!data)
        sql_bind_null(stmt, i);
    else
        stmt->db->calls->bind_bytes(stmt, i, data, n, false);
}

int sql_step(struct sql_stmt *stmt) {
    return stmt->db->calls->step(stmt);
}

int sql_reset(struct sql_stmt *stmt) {
    return stmt->db->calls->reset(stmt);
}

int sql_finalize(struct sql_stmt *stmt) {
    return stmt ? stmt->db->calls->finalize(stmt) : 0;
}

int64_t sql_changes(struct sql_stmt *stmt) {
    return stmt->db->calls->changes(stmt);
}

int sql_column_count(struct sql_stmt *stmt) {
    return stmt->db->calls->column_count(stmt);
}

enum sql_type sql_column_type(struct sql_stmt *stmt, int i) {
    return stmt->db->calls->column_type(stmt, i);
}

int64_t sql_column_int(struct sql_stmt *stmt, int i) {
    return stmt->db->calls->column_int(stmt, i);
}

double sql_column_double(struct sql_stmt *stmt, int i) {
    return sql_column_type(stmt, i) == SQL_NULL ? __builtin_nan("")
                                                : stmt->db->calls->column_double(stmt, i);
}

const char *sql_column_text(struct sql_stmt *stmt, int i) {
    return stmt->db->calls->column_text(stmt, i);
}

const void *sql_column_bytes(struct sql_stmt *stmt, int i, size_t *n) {
    return stmt->db->calls->column_bytes(stmt, i, n);
}
