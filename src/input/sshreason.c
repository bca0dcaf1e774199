/*
 * sshreason: what muster leaves to the ssh program. See sshoptions.h.
 *
 * Keywords that are a reason wherever they are set are rows of the table of keywords with
 * SSH_PROGRAM; here are those that are one in some case. Pure but for the files it looks for; any
 * thread.
 */
#include "base/str.h"
#include "input/sshoptions.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether connections are shared, or an open one is there to be used. */
static int multiplexes(const struct ssh_answer *a, const struct ssh_names *names, bool *ret,
                       struct error *err) {
    const char *path = ssh_answer_value(a, SSH_CONTROLPATH);
    const char *master = ssh_answer_text(a, SSH_CONTROLMASTER);
    *ret = path && master && strcasecmp(master, "false") != 0 && strcasecmp(master, "no") != 0;
    if (!path || *ret)
        return 0;
    cleanup(free_ptr) char *socket = NULL;
    struct stat st;
    if (ssh_expand_path(path, names, &socket, err) < 0)
        return -1;
    *ret = stat(socket, &st) == 0 && S_ISSOCK(st.st_mode);
    return 0;
}

/* Of a keyword with SSH_PROGRAM: whether it is set, and to something that is not off. */
static bool is_in_use(const struct ssh_answer *a, enum ssh_keyword keyword) {
    if (ssh_keyword_row(keyword)->syntax == SSH_SYNTAX_WORDS)
        return ssh_answer_flag(a, keyword, false);
    return ssh_answer_value(a, keyword) != NULL;
}

/* The reason of a keyword's row, or NULL. */
static char *row_reason(const struct ssh_answer *a) {
    for (int k = 0; k < SSH_KEYWORDS; k++) {
        const struct ssh_keyword_row *row = ssh_keyword_row((enum ssh_keyword)k);
        if (row->support != SSH_PROGRAM || !is_in_use(a, (enum ssh_keyword)k))
            continue;
        struct str text = {0};
        str_addf(&text, "%s is %s", row->name, row->syntax == SSH_SYNTAX_WORDS ? "on" : "set");
        return str_take(&text);
    }
    return NULL;
}

static const char *case_reason(const struct ssh_answer *a, const struct ssh_options *o) {
    if (ssh_answer_flag(a, SSH_VERIFYHOSTKEYDNS, false))
        return "host keys are looked up in the DNS (VerifyHostKeyDNS)";
    if (ssh_answer_flag(a, SSH_PERMITLOCALCOMMAND, false) && ssh_answer_value(a, SSH_LOCALCOMMAND))
        return "LocalCommand is set";
    if (o->proxy_command && ssh_answer_flag(a, SSH_PROXYUSEFDPASS, false))
        return "ProxyUseFdpass is set";
    return NULL;
}

int ssh_reason(const struct ssh_answer *a, const struct ssh_options *o,
               const struct ssh_names *names, char **ret, struct error *err) {
    bool shared;
    *ret = row_reason(a);
    if (*ret)
        return 0;
    if (multiplexes(a, names, &shared, err) < 0)
        return -1;
    const char *reason = shared ? "connections are shared (ControlPath)" : case_reason(a, o);
    if (!reason)
        return 0;
    *ret = strdup(reason);
    return *ret ? 0 : error_memory(err);
}
