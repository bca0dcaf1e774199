/*
 * hosts: the names of /etc/hosts, read once.
 *
 * getaddrinfo() reads the whole file for each name, a millisecond where it has 10,000 lines, which
 * is what clusters have. A name is found here only where it is sure that getaddrinfo() would say
 * the same: the system asks the file first, and one line alone has the name, with an address of
 * the family that is asked for. All other names are getaddrinfo()'s.
 *
 * Threads: read-only once made.
 */
#pragma once

#include "base/attr.h"

#include <netinet/in.h>

struct hosts;

struct host {
    const char *canonical; /* the first name of the line */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at; /* its port is 0 */
    socklen_t len;
};

/*
 * Reads the files (/etc/hosts and /etc/nsswitch.conf, but for tests). NULL where nothing can be
 * found: the system asks another service first, a file cannot be read, or memory ran out.
 */
struct hosts *hosts_read(const char *hosts, const char *nsswitch);
void hosts_free(struct hosts *h);

/* The one line of a name, in any case, for a family (AF_UNSPEC: any); NULL: ask getaddrinfo(). */
const struct host *hosts_find(const struct hosts *h, const char *name, int family);
