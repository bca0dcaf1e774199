/*
 * turn: see turn.h.
 *
 * The pace of a way comes before the gate: those who wait for a slow one must not hold places that
 * others could use. The run's comes after it, so that no more start at once when places become
 * free; as it holds up everyone, nobody misses the places of those who wait for it.
 */
#include "transport/turn.h"

static int take(const struct sshkit *kit, struct pace *way, struct link *link, int64_t deadline,
                struct error *err) {
    struct start ignored; /* that the run's pace is too fast for a way is the way's to learn */
    if (pace_wait(way, link->cancel, deadline, &link->start, err) != 0 ||
        gate_enter(kit->gate, link->cancel, deadline, &link->place, err) != 0)
        return -1;
    if (pace_wait(kit->pace, link->cancel, deadline, &ignored, err) != 0) {
        gate_leave(&link->place);
        return -1;
    }
    gate_renew(&link->place);
    return 0;
}

int turn_missed(const char *name, struct error *err) {
    return error_set(
        err, ERROR_TIMEOUT,
        "the deadline of %s (--timeout) passed while it waited for its turn to connect", name);
}

int turn_take(const struct sshkit *kit, struct pace *way, const char *name, struct link *link,
              int64_t deadline, struct error *err) {
    if (take(kit, way, link, deadline, err) == 0)
        return 0;
    return err->kind == ERROR_TIMEOUT ? turn_missed(name, err) : -1;
}
