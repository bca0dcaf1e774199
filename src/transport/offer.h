/*
 * offer: what libssh tells of a server's offer in the key exchange, which is in its log only.
 *
 * It forgets its words about algorithms that do not match when it finds next that it has closed the
 * connection, and never says what else a server offered: whether it has a host certificate, which
 * libssh does not ask for.
 *
 * Threads: libssh's log belongs to the thread, so an offer is listened to by the thread that does
 * the key exchange, and one at a time.
 */
#pragma once

#include "base/str.h"

struct offer {
    struct str mismatch; /* "kex error : no match for method ...", or nothing */
    int lists;           /* of types of host keys, one of each side */
    bool certificate;
};

/*
 * From before a key exchange to its end, success or not; `o` must not move meanwhile. `lists`:
 * listen for what is not a mistake, too, which costs more.
 */
void offer_listen(struct offer *o, bool lists);
void offer_stop(void);

/* The server has a host certificate, or that cannot be told; with `lists` only. */
bool offer_has_certificate(const struct offer *o);
