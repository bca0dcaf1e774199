/*
 * ticket: see ticket.h. It is only asked for servers that take GSSAPI and have refused everything
 * else, so nothing is remembered: tickets come and go during a long run.
 */
#include "transport/ticket.h"

#include "input/capture.h"

#include <stdio.h>
#include <unistd.h>

/* The cache's name is TYPE:REST or the path of a file (krb5.conf may say otherwise: klist knows).
 */
static bool has_cache(void) {
    char usual[40];
    snprintf(usual, sizeof(usual), "/tmp/krb5cc_%u", (unsigned)geteuid());
    const char *name = getenv("KRB5CCNAME");
    if (!name || !*name)
        name = usual;
    if (strncmp(name, "FILE:", 5) == 0)
        name += 5;
    return *name != '/' || access(name, R_OK) == 0;
}

bool ticket_is_there(const struct cancel *cancel, int64_t deadline) {
    char *argv[] = {"klist", "-s", NULL};
    cleanup(str_done) struct str out = {0}, errors = {0};
    struct error err;
    int status;
    if (capture_run(argv[0], argv, cancel, deadline, &out, &errors, &status, &err) == 0)
        return status == 0;
    return err.kind == ERROR_TOOL_MISSING && has_cache();
}
