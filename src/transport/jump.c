/*
 * jump: see jump.h.
 *
 * A server first gets room in a connection to its jump host, which it may have to wait for, then
 * its turn to start, with a place at the gate, and then the channel: who holds a place at the gate
 * does not wait for a connection whose own login needs one.
 *
 * The last hop of the list is the jump host; the hops before it are, in its own options, the way to
 * it. ssh finds loops only where a host is its own jump host and starts programs without end
 * otherwise; here the way is followed to its end first, for HOPS_MAX hops at most.
 */
#include "transport/jump.h"

#include "input/hops.h"
#include "transport/jumppool.h"
#include "transport/limit.h"
#include "transport/turn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HOPS_MAX 16
#define TRIES 3 /* connections, when the first are lost or have no room */

struct jumps {
    const struct sshkit *kit;
    struct jumppool *pool;
};

/* What carries a link that goes through a jump host. */
struct jump {
    struct carrier base;
    struct jumpline *line;
};

int jumps_new(const struct sshkit *kit, int channels, struct jumps **ret, struct error *err) {
    struct jumps *j = calloc(1, sizeof(*j));
    if (!j)
        return error_memory(err);
    j->kit = kit;
    struct sshkit theirs = *kit; /* the jump hosts' own way may be through others */
    theirs.jumps = j;
    theirs.password =
        NULL; /* it was asked for the servers, and is not to be shown to other hosts */
    if (jumppool_new(&theirs, channels > 0 ? channels : JUMP_CHANNELS, &j->pool, err) != 0) {
        free(j);
        return -1;
    }
    *ret = j;
    return 0;
}

void jumps_free(struct jumps *j) {
    if (!j)
        return;
    jumppool_free(j->pool);
    free(j);
}

/* ---- the way ------------------------------------------------------------------------------- */

static void hop_name(const struct hop *hop, char name[ADDRESS_TEXT]) {
    snprintf(name, ADDRESS_TEXT, "the jump host %.60s", hop->host);
}

/* The options of the last hop before the server that has `options`. */
static int resolve_hop(struct jumps *j, const struct ssh_options *options, int64_t deadline,
                       char name[ADDRESS_TEXT], const struct ssh_options **ret, struct error *err) {
    cleanup(hop_done) struct hop hop = {0};
    if (hop_last(options->proxy_jump, &hop, err) != 0)
        return -1;
    hop_name(&hop, name);
    int port = hop.port ? hop.port : 22;
    if (strcmp(hop.host, options->hostname) == 0 && port == options->port &&
        (!hop.user || strcmp(hop.user, options->user) == 0))
        return error_set(err, ERROR_UNREACHABLE, "%s is its own jump host", hop.host);
    int64_t by = deadline_min(deadline, deadline_in(CONNECT_TIMEOUT));
    if (sshconfig_resolve_jump(j->kit->config, hop.host, hop.user, hop.port, hop.before, by, ret,
                               err) == 0)
        return 0;
    return error_prefix(err, "%s", name);
}

/* Whether the way to the jump host comes to an end. */
static int follow(struct jumps *j, const struct ssh_options *options, int64_t deadline,
                  struct error *err) {
    char name[ADDRESS_TEXT];
    for (int hops = 1; options->proxy_jump; hops++) {
        if (hops == HOPS_MAX)
            return error_set(err, ERROR_UNREACHABLE,
                             "there are more than %d jump hosts on the way: %s and others lead to "
                             "each other",
                             HOPS_MAX, name);
        if (resolve_hop(j, options, deadline, name, &options, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- the carrier --------------------------------------------------------------------------- */

static void jump_add_reason(struct carrier *c, struct str *out) {
    jumpline_lost(((struct jump *)c)->line, out);
}

static bool jump_broke(struct carrier *c) {
    return jumpline_lost(((struct jump *)c)->line, NULL);
}

static void jump_close(struct carrier *c) {
    jumpline_free(((struct jump *)c)->line);
    free(c);
}

static const struct carrier_ops OPS = {
    .add_reason = jump_add_reason, .broke = jump_broke, .close = jump_close};

/* Takes the line, also when it fails. */
static struct carrier *carrier_new(struct jumpline *line) {
    struct jump *c = malloc(sizeof(*c));
    if (!c) {
        jumpline_free(line);
        return NULL;
    }
    *c = (struct jump){.base.ops = &OPS, .line = line};
    return &c->base;
}

/* ---- connecting ---------------------------------------------------------------------------- */

struct attempt {
    const struct sshlink_request *r;
    const struct ssh_options *hop;
    char name[ADDRESS_TEXT]; /* of the jump host */
    struct link *link;
    struct cancel *cancel;
    int64_t timeout;
};

static int too_late(const struct attempt *a, const struct limit *limit, struct error *err) {
    const struct ssh_options *o = a->r->options;
    cleanup(str_done) struct str what = {0};
    str_addf(&what, "no answer from %s port %d through %s", o->hostname, o->port, a->name);
    if (what.failed)
        return error_memory(err);
    return limit_passed(limit, ERROR_UNREACHABLE, what.data, err);
}

static int failed(const struct attempt *a, enum relay_answer answer, const char *words,
                  const struct limit *limit, struct error *err) {
    const struct ssh_options *o = a->r->options;
    switch (answer) {
    case RELAY_CANCELLED:
        return error_set(err, ERROR_INTERRUPTED, "the run was ended");
    case RELAY_TIMEOUT:
        return too_late(a, limit, err);
    case RELAY_FAILED:
        error_set(err, ERROR_INTERNAL, "memory or descriptors ran out on the way to %s", a->name);
        err->os = EMFILE; /* or ENOMEM: a shortage */
        return -1;
    case RELAY_LOST:
        return error_set(err, ERROR_UNREACHABLE, "the connection to %s was lost", a->name);
    case RELAY_FULL:
        return error_set(err, ERROR_UNREACHABLE,
                         "%s does not connect to %s port %d: it has no room for another channel",
                         a->name, o->hostname, o->port);
    default:
        return error_set(err, ERROR_UNREACHABLE, "%s does not connect to %s port %d: %s", a->name,
                         o->hostname, o->port, *words ? words : "no reason given");
    }
}

/* Opens a channel in the connection. Whether another one may be tried when it fails: *again. */
static int open_channel(struct attempt *a, struct jumpline *line, int *fd, bool *again,
                        struct error *err) {
    struct limit limit = limit_start(a->timeout, LIMIT_CONNECT, a->r->deadline);
    struct relay_request request = {.host = a->r->options->hostname,
                                    .port = a->r->options->port,
                                    .place = &a->link->place,
                                    .cancel = a->cancel,
                                    .deadline = limit.deadline};
    cleanup(str_done) struct str words = {0};
    enum relay_answer answer = relay_open(jumpline_relay(line), &request, fd, &words);
    *again = answer == RELAY_LOST || answer == RELAY_FULL;
    if (answer == RELAY_OPEN)
        return 0;
    return failed(a, answer, words.data && !words.failed ? words.data : "", &limit, err);
}

static int try_line(struct jumps *j, struct attempt *a, int *fd, bool *again,
                    const char **unsupported, struct error *err) {
    struct jumpline *line;
    *again = false;
    if (jumppool_reserve(j->pool, a->hop, a->name, a->cancel, a->r->deadline, &line, unsupported,
                         err) != 0)
        return -1;
    if (*unsupported)
        return 0;
    if (turn_take(j->kit, jumpline_pace(line), a->r->name, a->link, a->r->deadline, err) != 0) {
        jumpline_abandon(line);
        return -1;
    }
    if (open_channel(a, line, fd, again, err) != 0) {
        gate_leave(&a->link->place);
        jumpline_free(line);
        return -1;
    }
    a->link->carrier = carrier_new(line);
    return a->link->carrier ? 0 : error_memory(err);
}

int jumps_connect(struct jumps *j, const struct sshlink_request *r, struct link *link, int *fd,
                  char address[ADDRESS_TEXT], const char **unsupported, struct error *err) {
    const struct ssh_options *o = r->options;
    struct attempt a = {
        .r = r, .link = link, .cancel = link->cancel, .timeout = sshkit_connect_timeout(j->kit, o)};
    if (resolve_hop(j, o, r->deadline, a.name, &a.hop, err) != 0 ||
        follow(j, a.hop, r->deadline, err) != 0)
        return -1;
    bool again = true;
    int rc = -1;
    for (int i = 0; i < TRIES && rc != 0 && again; i++)
        rc = try_line(j, &a, fd, &again, unsupported, err);
    snprintf(address, ADDRESS_TEXT, "%.40s port %d through %.20s", o->hostname, o->port,
             a.hop->hostname);
    return rc;
}
