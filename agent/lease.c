/*
 * lease: see lease.h.
 *
 * The end of the input tells of most ends: muster, ssh or sshd has gone, and the kernel has closed
 * what they held. It does not tell of a network that was cut or of a controller that was switched
 * off, which may take the kernel hours to find out. The lease does: what muster says renews it, and
 * who hears nothing for so long cleans up and goes. It holds from the start on, because the network
 * may be cut before the first word.
 */
#include "lease.h"

#include "base/clock.h"
#include "json.h"
#include "wire/wire.h"

#define MOST_MS (INT64_C(366) * 24 * 3600 * 1000)

void lease_begin(struct lease *l) {
    *l = (struct lease){.length = WIRE_LEASE_MS * CLOCK_MS, .next_beat = DEADLINE_NEVER};
    lease_renew(l);
}

/* Two names with one hash would have to be of one machine, and in one run, to be mixed up. */
static uint64_t hash_of(const char *key) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * UINT64_C(0x100000001b3); /* FNV-1a */
    return hash;
}

/* Lines without these change nothing about it; the key holds from the first one on. */
static void take_linger(struct lease *l, const struct json *message) {
    const char *key = json_text(message, "key");
    int64_t linger, round;
    if (!key || !json_integer(message, NULL, "linger_ms", 0, MOST_MS, &linger) ||
        !json_integer(message, NULL, "round", 0, INT32_MAX, &round))
        return;
    l->linger = linger * CLOCK_MS;
    l->key = hash_of(key);
    l->round = round;
}

void lease_take(struct lease *l, char *line, size_t n) {
    static struct json message;
    int64_t length, beat, busy_wait;
    if (json_read(&message, line, n) != 0 ||
        !json_integer(&message, NULL, "lease_ms", 1, MOST_MS, &length) ||
        !json_integer(&message, NULL, "beat_ms", 1, MOST_MS, &beat) ||
        !json_integer(&message, NULL, "busy_wait_ms", 0, MOST_MS, &busy_wait))
        return;
    bool first = l->beat == 0;
    l->length = length * CLOCK_MS;
    l->beat = beat * CLOCK_MS;
    l->busy_wait = busy_wait * CLOCK_MS;
    take_linger(l, &message);
    lease_renew(l);
    if (first)
        lease_said(l); /* the hello */
}

void lease_renew(struct lease *l) {
    l->ends = deadline_in(l->length);
}

void lease_said(struct lease *l) {
    l->next_beat = deadline_in(l->beat);
}

bool lease_over(const struct lease *l) {
    return clock_now() >= l->ends;
}

bool lease_beat_due(const struct lease *l) {
    return clock_now() >= l->next_beat;
}

int64_t lease_next(const struct lease *l) {
    return deadline_min(l->ends, l->next_beat);
}
