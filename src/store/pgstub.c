/* pgstub: stands in for the engine on PostgreSQL until it is there. */
#include "store/sql.h"
int sql_open_postgres(const char *url, bool read, bool create, struct sql **ret,
                      struct error *err) {
    (void)url;
    (void)read;
    (void)create;
    (void)ret;
    return error_set(err, ERROR_USAGE, "a store on PostgreSQL is not there yet");
}
