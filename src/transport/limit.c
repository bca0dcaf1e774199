/* limit: see limit.h. */
#include "transport/limit.h"

#include "base/units.h"

struct limit limit_start(int64_t within, const char *setting, int64_t deadline) {
    int64_t own = deadline_in(within);
    if (own > deadline || own == DEADLINE_NEVER)
        return (struct limit){.deadline = deadline};
    return (struct limit){.deadline = own, .within = within, .setting = setting};
}

int limit_passed(const struct limit *l, enum error_kind kind, const char *what, struct error *err) {
    if (l->within == 0)
        return error_set(err, ERROR_TIMEOUT, "%s before the server's deadline (--timeout)", what);
    char within[DURATION_TEXT];
    duration_format(l->within, within);
    return error_set(err, kind, "%s within %s (%s)", what, within, l->setting);
}
