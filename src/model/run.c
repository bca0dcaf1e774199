/* run: see run.h. */
#include "model/run.h"

#include <stdlib.h>

bool outcome_is_open(const struct outcome *o) {
    return o->verdict == VERDICT_CANCELLED && o->reason == REASON_NONE;
}

void outcome_done(struct outcome *o) {
    free(o->detail);
    free(o->outlier);
    free(o->missing);
    free(o->drift);
    free(o->why);
}

void run_count(struct run *run, enum verdict verdict) {
    switch (verdict) {
    case VERDICT_PASSED:
    case VERDICT_SKIPPED:
        run->passed++;
        break;
    case VERDICT_FAILED:
        run->failed++;
        break;
    case VERDICT_ERROR:
        run->errors++;
        break;
    case VERDICT_CANCELLED:
        run->cancelled++;
        break;
    }
}

static bool is_whole(const struct run *run) {
    return run->cancelled == 0 && run->judged;
}

bool run_goes_on(const struct run *run) {
    return run->holder.pid || (run->open && !is_whole(run));
}

const char *run_state(const struct run *run) {
    return run->holder.pid ? "running"
           : is_whole(run) ? "ended"
           : run->open     ? "waiting"
                           : "interrupted";
}
