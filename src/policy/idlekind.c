/* idlekind: see idlekind.h. */
#include "policy/idlekind.h"

#include "base/str.h"

#include <fnmatch.h>
#include <string.h>

#define KINDS_NAMED 3

static bool is_known(const struct cohort_server *s) {
    return strcmp(s->kind, COHORT_UNKNOWN) != 0;
}

static bool fits_any(const char *pattern, const struct cohort *c) {
    for (size_t i = 0; i < c->server_count; i++)
        if (is_known(&c->servers[i]) && fnmatch(pattern, c->servers[i].kind, 0) == 0)
            return true;
    return false;
}

/* Names the first kinds of servers; returns how many it named. */
static size_t add_kinds(struct str *out, const struct cohort *c) {
    const char *named[KINDS_NAMED];
    size_t n = 0;
    for (size_t i = 0; i < c->server_count; i++) {
        bool again = !is_known(&c->servers[i]);
        for (size_t k = 0; k < n && !again; k++)
            again = strcmp(named[k], c->servers[i].kind) == 0;
        if (again)
            continue;
        if (n == KINDS_NAMED) {
            str_add(out, " and others");
            break;
        }
        named[n++] = c->servers[i].kind;
        str_addf(out, "%s'%s'", n == 1 ? "" : ", ", c->servers[i].kind);
    }
    return n;
}

int idlekind_tell(const struct plan *plan, const struct cohort *c, struct findings *into,
                  struct error *err) {
    cleanup(str_done) struct str idle = {0};
    cleanup(str_done) struct str there = {0};
    struct str note = {0};
    size_t n = 0;
    for (size_t i = 0; i < plan->kind_count; i++)
        if (!fits_any(plan->kinds[i].pattern, c))
            str_addf(&idle, "%s'%s'", n++ ? ", " : "", plan->kinds[i].pattern);
    if (n == 0 || add_kinds(&there, c) == 0)
        return 0;
    str_addf(&note, "no server is of a kind that fits %s, below kinds:; there are %s", idle.data,
             there.data);
    if (idle.failed || there.failed)
        note.failed = true;
    return findings_note(into, str_take(&note), err);
}
