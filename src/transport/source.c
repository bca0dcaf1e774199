/* source: see source.h. Interfaces are looked at anew each time, as they come and go. */
#include "transport/source.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

int source_find(struct resolver *r, const char *address, const char *interface, int family,
                struct place *place, struct cancel *cancel, const struct limit *limit,
                struct source *ret, struct error *err) {
    struct source s = {.name = address ? address : interface};
    if (address && resolve(r, address, family, place, cancel, limit, &s.found, err) != 0)
        return error_prefix(err, "cannot bind to %s", address);
    *ret = s;
    return 0;
}

void source_done(struct source *s) {
    free(s->found);
}

/* Whether others can reach the address from beyond the machine and its links. */
static bool is_far_reaching(const struct sockaddr *a) {
    if (a->sa_family == AF_INET)
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr != htonl(INADDR_LOOPBACK);
    const struct in6_addr *in6 = &((const struct sockaddr_in6 *)a)->sin6_addr;
    return !IN6_IS_ADDR_LINKLOCAL(in6) && !IN6_IS_ADDR_LOOPBACK(in6);
}

static const struct sockaddr *address_of(const struct ifaddrs *list, const char *interface,
                                         int family, bool far_reaching) {
    for (const struct ifaddrs *i = list; i; i = i->ifa_next)
        if (i->ifa_addr && i->ifa_addr->sa_family == family && (i->ifa_flags & IFF_UP) &&
            strcmp(i->ifa_name, interface) == 0 && (!far_reaching || is_far_reaching(i->ifa_addr)))
            return i->ifa_addr;
    return NULL;
}

static socklen_t length_of(int family) {
    return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static int bind_interface(const char *interface, int fd, int family) {
    struct ifaddrs *list;
    if (getifaddrs(&list) != 0)
        return errno;
    const struct sockaddr *a = address_of(list, interface, family, true);
    if (!a)
        a = address_of(list, interface, family, false);
    int rc = !a ? EAFNOSUPPORT : bind(fd, a, length_of(family)) == 0 ? 0 : errno;
    freeifaddrs(list);
    return rc;
}

int source_bind(const struct source *s, int fd, int family) {
    if (!s->found)
        return s->name ? bind_interface(s->name, fd, family) : 0;
    for (size_t i = 0; i < s->found->count; i++) {
        const struct address *a = &s->found->items[i];
        if (a->at.ss_family == family)
            return bind(fd, (const struct sockaddr *)&a->at, a->len) == 0 ? 0 : errno;
    }
    return EAFNOSUPPORT;
}
