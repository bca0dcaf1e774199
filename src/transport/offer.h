/*
 * offer: whether a server has a host certificate, told by what it offers in the key exchange.
 *
 * libssh neither asks for host certificates nor tells what a server offered, except in its log:
 * that is listened to for one key exchange. A log that says something else than this version's
 * does counts as a certificate.
 *
 * Threads: libssh's log belongs to the thread, so an offer is begun and ended by the thread that
 * does the key exchange, and one at a time.
 */
#pragma once

#include <stdbool.h>

struct offer {
    int lists; /* of types of host keys, one of each side */
    bool certificate;
};

/* Before a key exchange; `o` must not move until offer_end(). */
void offer_begin(struct offer *o);

/* After it, or instead of it. True: the server has a certificate, or that cannot be told. */
bool offer_end(struct offer *o);
