/*
 * sensors: see sensors.h.
 */
#include "sensors.h"

#include "base/clock.h"

void sensors_begin(void) {
}

void sensors_sample(void) {
}

void sensors_add(struct str *out) {
    (void)out;
}

bool sensors_settle(struct io *io, int64_t most) {
    (void)io, (void)most;
    return true;
}
