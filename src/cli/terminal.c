/* terminal: see terminal.h. */
#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_set(const char *name) {
    const char *value = getenv(name);
    return value && *value;
}

bool terminal_moves(int fd) {
    const char *term = getenv("TERM");
    return term && *term && strcmp(term, "dumb") != 0 && isatty(fd);
}

bool terminal_colours(int fd) {
    return terminal_moves(fd) && !is_set("NO_COLOR");
}

/* All do that are in wide use, but xterm itself, GNU screen and the console of Linux. */
bool terminal_reflows(void) {
    const char *term = getenv("TERM");
    if (is_set("TMUX"))
        return true;
    return !is_set("XTERM_VERSION") && !is_set("STY") && !(term && strcmp(term, "linux") == 0);
}
