/* dial: see dial.h. What each way needs is done beside: connect.c, jump.c, proxycommand.c. */
#include "transport/dial.h"

#include "transport/jump.h"
#include "transport/proxycommand.h"
#include "transport/turn.h"

/*
 * Before the turn is taken: a place is for machines that are connected to, and a resolver that is
 * slow for some names must not hold up the servers whose names it knows. Addresses are kept, so
 * that connecting finds them.
 */
static int look_up(const struct sshkit *kit, const struct sshlink_request *r, struct link *link,
                   struct error *err) {
    cleanup(free_ptr) struct addresses *found = NULL;
    struct limit limit =
        limit_start(sshkit_connect_timeout(kit, r->options), LIMIT_CONNECT, r->deadline);
    return resolve(kit->resolver, r->options->hostname, r->options->address_family, NULL,
                   link->cancel, &limit, &found, err);
}

static int dial_tcp(const struct sshkit *kit, const struct sshlink_request *r, struct link *link,
                    int *fd, char address[ADDRESS_TEXT], struct error *err) {
    const struct ssh_options *o = r->options;
    struct destination to = {.host = o->hostname,
                             .port = o->port,
                             .family = o->address_family,
                             .bind_address = o->bind_address,
                             .bind_interface = o->bind_interface,
                             .attempts = o->connection_attempts,
                             .keepalive = o->tcp_keepalive};
    return connect_tcp(kit->resolver, &to, &link->place, link->cancel,
                       sshkit_connect_timeout(kit, o), r->deadline, fd, address, err);
}

int dial(const struct sshkit *kit, const struct sshlink_request *r, struct link *link, int *fd,
         char address[ADDRESS_TEXT], const char **unsupported, struct error *err) {
    *unsupported = NULL;
    if (r->options->proxy_jump) /* takes its turn when there is a jump host to take it for */
        return jumps_connect(kit->jumps, r, link, fd, address, unsupported, err);
    if (!r->options->proxy_command && look_up(kit, r, link, err) != 0)
        return -1;
    if (turn_take(kit, kit->direct, r->name, link, r->deadline, err) != 0)
        return -1;
    if (r->options->proxy_command)
        return proxycommand_start(r, &link->carrier, fd, address, err);
    return dial_tcp(kit, r, link, fd, address, err);
}
