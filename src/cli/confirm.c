/* confirm: see confirm.h. */
#include "cli/confirm.h"

#include <stdio.h>
#include <strings.h>
#include <unistd.h>

int confirm(const char *question, bool yes, struct error *err) {
    char line[64];
    if (yes)
        return 1;
    if (!isatty(STDIN_FILENO))
        return error_set(err, ERROR_USAGE,
                         "there is no terminal to ask on: say --yes, once what "
                         "is above is as it should be");
    fflush(stdout);
    fprintf(stderr, "%s [y/N] ", question);
    fflush(stderr);
    if (!fgets(line, sizeof(line), stdin))
        return 0;
    return strcasecmp(line, "y\n") == 0 || strcasecmp(line, "yes\n") == 0;
}
