/* kinds: of what kind servers were when they were last measured: see store_kinds(). */
#include "store/database.h"

#include "store/rows.h"

#include <stdlib.h>

int store_kinds(struct store *s, store_kinds_fn *each, void *arg, struct error *err) {
    sqlite3_stmt *stmt = NULL;
    /* with max(), SQLite takes the other columns from the row that has it */
    if (sqlite3_prepare_v2(s->db,
                           "SELECT name, kind, max(run) FROM server WHERE kind IS NOT NULL "
                           "GROUP BY name ORDER BY kind, max(run), position",
                           -1, &stmt, NULL) != SQLITE_OK)
        return database_fail(s, err);
    int rc = 0;
    while (rc == 0 && sqlite3_step(stmt) == SQLITE_ROW) {
        cleanup(free_ptr) char *name = NULL;
        cleanup(free_ptr) char *kind = NULL;
        rc = row_read_name(stmt, 0, &name, err);
        if (rc == 0)
            rc = row_read_name(stmt, 1, &kind, err);
        if (rc == 0)
            rc = each(arg, name, kind, err);
    }
    if (sqlite3_finalize(stmt) != SQLITE_OK && rc == 0)
        rc = database_fail(s, err);
    return rc;
}
