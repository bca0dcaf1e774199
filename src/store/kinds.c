/* kinds: of what kind servers were when they were last measured: see store_kinds(). */
#include "store/database.h"

#include "store/rows.h"

#include <stdlib.h>

int store_kinds(struct store *s, store_kinds_fn *each, void *arg, struct error *err) {
    struct sql_stmt *stmt = NULL;
    if (database_prepare_walk(
            s,
            "SELECT name, kind FROM (SELECT name, kind, run, position, row_number() OVER "
            "(PARTITION BY name ORDER BY run DESC) AS ago FROM server WHERE kind IS NOT NULL AND "
            "run IN "
            "(SELECT number FROM run)) "
            "AS told WHERE ago = 1 ORDER BY kind, run, position",
            &stmt, err) < 0)
        return -1;
    int rc = 0;
    while (rc == 0 && sql_step(stmt) == SQL_ROW) {
        cleanup(free_ptr) char *name = NULL;
        cleanup(free_ptr) char *kind = NULL;
        rc = row_read_name(stmt, 0, &name, err);
        if (rc == 0)
            rc = row_read_name(stmt, 1, &kind, err);
        if (rc == 0)
            rc = each(arg, name, kind, err);
    }
    return database_finalize(s, stmt, rc, err);
}
