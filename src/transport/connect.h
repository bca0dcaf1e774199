/*
 * connect: a TCP connection to a server, with deadlines that hold.
 *
 * The library's own connecting looks names up without a time-out and gives up after the first
 * address. Here all addresses of a name are tried as RFC 8305 has it ("happy eyeballs"): the next
 * one after CONNECT_STEP without an answer, or as soon as one has failed, while those before it go
 * on; the first to connect is taken and the others are closed. So an address that swallows packets
 * costs a quarter of a second, and not the time-out.
 *
 * Threads: any thread.
 */
#pragma once

#include "transport/resolve.h"

#include <stdbool.h>

#define CONNECT_STEP (250 * CLOCK_MS)
#define CONNECT_PAUSE (1 * CLOCK_S) /* between two attempts, as ssh has it */
#define ADDRESS_TEXT 80             /* "2001:db8::7 port 22" */

struct destination {
    const char *host; /* as resolve() takes it */
    int port;
    int family;                 /* AF_UNSPEC, AF_INET or AF_INET6 */
    const char *bind_address;   /* transport/source.h; NULL: not given */
    const char *bind_interface; /* NULL: not given */
    int attempts;               /* 0 is 1 */
    bool keepalive;             /* probes by the kernel: a peer that is gone is noticed when idle */
};

/*
 * Connects before the deadline; looking up and each attempt at connecting may take `timeout` ns (0:
 * any time). Gives up `place` when it is held for too long. *fd does not block, is closed on exec
 * and has TCP_NODELAY; `address` is where it is connected to. Fails with ERROR_UNREACHABLE (unknown
 * name; or what became of each address: "connection refused by 10.0.0.7 port 22; no answer from
 * fd00::7 port 22 within 10s"), ERROR_TIMEOUT (the deadline was the shorter), ERROR_INTERRUPTED or
 * ERROR_INTERNAL.
 */
int connect_tcp(struct resolver *r, const struct destination *to, struct place *place,
                struct cancel *cancel, int64_t timeout, int64_t deadline, int *fd,
                char address[ADDRESS_TEXT], struct error *err) must_use;
