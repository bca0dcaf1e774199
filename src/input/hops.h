/*
 * hops: the words of ProxyJump: "[user@]host[:port]" or "ssh://[user@]host[:port]", with commas
 * between those that are passed one after the other.
 */
#pragma once

#include "base/error.h"

struct hop {
    char *host;
    char *user;   /* NULL: not said */
    int port;     /* 0: not said */
    char *before; /* the list of those that come first, or NULL */
};

/*
 * The last hop of a list, the one that the server is reached from. Fails with ERROR_UNREACHABLE
 * when it is none that ssh takes, and with ERROR_INTERNAL.
 */
int hop_last(const char *list, struct hop *ret, struct error *err) must_use;

void hop_done(struct hop *h);
