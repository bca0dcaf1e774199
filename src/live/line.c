/* line: see line.h. */
#include "live/line.h"

#include "live/estimate.h"
#include "sync/log.h"

#include <math.h>

void line_log(struct board *b) {
    struct board_view v;
    if (!board_look(b, &v))
        return;
    double left = estimate_left(&v);
    log_info("progress", LOG_I("servers", (int64_t)v.total), LOG_I("passed", (int64_t)v.passed),
             LOG_I("failed", (int64_t)v.failed), LOG_I("errors", (int64_t)v.errors),
             LOG_I("running", (int64_t)(v.running + v.crew.elsewhere)),
             LOG_I("waiting", (int64_t)board_waiting(&v)),
             isfinite(left) ? LOG_F("seconds_left", ceil(left)) : LOG_S("seconds_left", NULL));
    board_view_done(&v);
}
