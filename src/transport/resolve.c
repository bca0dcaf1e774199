/*
 * resolve: see resolve.h.
 *
 * A look-up stands in a search tree from the moment it is first asked for. It is queued, then in
 * the hands of a thread, then done: with addresses it stays in the tree for the run, with a failure
 * until somebody asks after a second. One for which memory or a thread was lacking leaves at once.
 * Threads are started while there are fewer than the bound and something is queued, and end when
 * nothing is; a look-up that nobody waits for any more by the time its turn comes is dropped.
 *
 * A resolver that is dead for some names keeps their threads for half a minute. So a look-up that
 * has gone on for half a second counts no more: another one may begin in its place, at the call of
 * those who wait in the queue, up to sixteen times the bound.
 *
 * A name of /etc/hosts is taken from what was read of that (transport/hosts) when the first name
 * was asked for; that needs no look-up.
 *
 * Those who wait poll an event descriptor of the look-up's, which the last of them closes, so that
 * a name that is known costs memory only. A look-up is owned by the tree and by each who waits;
 * the last one to let go frees it. The resolver is owned by its maker and its threads: one
 * that hangs in getaddrinfo() may outlast the run.
 *
 * The mutex guards the tree, the queue, the numbers of threads, and of each look-up `state`,
 * `slow`, `waiting`, `owners` and `done`. What a look-up found is written before it is DONE and
 * immutable afterwards.
 */
#include "transport/resolve.h"

#include "base/fd.h"
#include "transport/hosts.h"
#include "transport/thread.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/queue.h>

#define SLOW (500 * CLOCK_MS)
#define SLOW_SHARE 15 /* so many times the bound, at most, are slow */
#define FAILURE_KEPT CLOCK_S

struct lookup {
    TAILQ_ENTRY(lookup) link; /* of the queue, or of those that have just begun */
    char *host;
    int family;
    enum { QUEUED, RUNNING, DONE } state;
    int64_t begun;
    bool slow;          /* has been RUNNING for so long that it counts no more */
    int64_t kept_until; /* of a failure */
    int owners;
    int waiting;
    int done; /* event descriptor; -1 once it is DONE and nobody waits */
    int rc;   /* of getaddrinfo(); 0 without addresses: there was no thread */
    int os;   /* errno to either */
    struct addresses *found;
};

struct resolver {
    int most;
    pthread_mutex_t reading; /* guards `hosts` until it has been read */
    bool hosts_known;
    struct hosts *hosts;
    pthread_mutex_t lock;
    int owners;
    int threads;
    int slow;
    void *tree; /* of tsearch(3) */
    TAILQ_HEAD(, lookup) queue, begun;
};

/* ---- addresses ----------------------------------------------------------------------------- */

static int get_addresses(const char *host, int family, int flags, struct addrinfo **list) {
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    return getaddrinfo(host, NULL, &hints, list);
}

/* The next one from `from` on that is of the first one's family, or is not. */
static const struct addrinfo *next_of(const struct addrinfo *from, int family, bool same) {
    while (from && (from->ai_family == family) != same)
        from = from->ai_next;
    return from;
}

/* One that is too long is not known. */
static void set_canonical(struct addresses *a, const char *name) {
    if (name && strlen(name) < sizeof(a->canonical))
        strcpy(a->canonical, name);
}

/* Copies a list, its families alternating; NULL when memory ran out. */
static struct addresses *interleave(const struct addrinfo *list) {
    size_t count = 0;
    for (const struct addrinfo *ai = list; ai; ai = ai->ai_next)
        count++;
    struct addresses *a = calloc(1, sizeof(*a) + count * sizeof(a->items[0]));
    if (!a)
        return NULL;
    set_canonical(a, list->ai_canonname);
    int family = list->ai_family;
    const struct addrinfo *next[2] = {list, next_of(list, family, false)};
    for (int turn = 0; a->count < count; turn = !turn) {
        const struct addrinfo *ai = next[turn];
        if (!ai)
            continue;
        struct address *to = &a->items[a->count++];
        memcpy(&to->at, ai->ai_addr, ai->ai_addrlen);
        to->len = ai->ai_addrlen;
        next[turn] = next_of(ai->ai_next, family, turn == 0);
    }
    return a;
}

static struct addresses *copy_of(const struct addresses *a) {
    size_t size = sizeof(*a) + a->count * sizeof(a->items[0]);
    struct addresses *copy = malloc(size);
    return copy ? memcpy(copy, a, size) : NULL;
}

/* ---- look-ups ------------------------------------------------------------------------------ */

static int compare_lookups(const void *x, const void *y) {
    const struct lookup *a = x, *b = y;
    int order = strcmp(a->host, b->host);
    return order ? order : (a->family > b->family) - (a->family < b->family);
}

static void lookup_free(void *lookup) {
    struct lookup *l = lookup;
    fd_close(&l->done);
    free(l->found);
    free(l->host);
    free(l);
}

static void release_locked(struct lookup *l) {
    if (--l->owners == 0)
        lookup_free(l);
}

static void drop_locked(struct resolver *r, struct lookup *l) {
    tdelete(l, &r->tree, compare_lookups);
    release_locked(l);
}

/* A look-up in the tree, or NULL: errno says why. */
static struct lookup *add_locked(struct resolver *r, const char *host, int family) {
    struct lookup *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->family = family;
    l->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->host = l->done >= 0 ? strdup(host) : NULL;
    if (!l->host || !tsearch(l, &r->tree, compare_lookups)) {
        int os = errno;
        lookup_free(l);
        errno = os;
        return NULL;
    }
    l->owners = 1;
    TAILQ_INSERT_TAIL(&r->queue, l, link);
    return l;
}

/* Whether it failed for want of something that may be there at once. */
static bool lacked_something(const struct lookup *l) {
    return l->rc == 0 || l->rc == EAI_MEMORY ||
           (l->rc == EAI_SYSTEM && error_os_is_shortage(l->os));
}

/* Ends a look-up, which may be gone afterwards if it found nothing and nobody waits. */
static void settle_locked(struct resolver *r, struct lookup *l) {
    l->state = DONE;
    l->kept_until = deadline_in(FAILURE_KEPT);
    if (l->waiting > 0)
        eventfd_write(l->done, 1);
    else
        fd_close(&l->done);
    if (!l->found && lacked_something(l))
        drop_locked(r, l);
}

/* ---- threads ------------------------------------------------------------------------------- */

static void tree_free(void *tree) {
    tdestroy(tree, lookup_free);
}

/* Lets go of the lock and of the resolver. */
static void leave_locked(struct resolver *r) {
    bool last = --r->owners == 0;
    pthread_mutex_unlock(&r->lock);
    if (!last)
        return;
    tree_free(r->tree);
    hosts_free(r->hosts);
    pthread_mutex_destroy(&r->reading);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static void look_up(struct lookup *l) {
    struct addrinfo *list = NULL;
    l->rc = get_addresses(l->host, l->family, AI_CANONNAME, &list);
    l->os = errno;
    if (l->rc != 0)
        return;
    l->found = interleave(list);
    if (!l->found)
        l->rc = EAI_MEMORY;
    freeaddrinfo(list);
}

/* Those that have gone on for too long leave their places to others. */
static void let_pass_locked(struct resolver *r) {
    int64_t latest = clock_now() - SLOW;
    struct lookup *l;
    while ((l = TAILQ_FIRST(&r->begun)) && l->begun <= latest) {
        TAILQ_REMOVE(&r->begun, l, link);
        l->slow = true;
        r->slow++;
    }
}

static int most_threads_locked(const struct resolver *r) {
    int slow = r->slow < r->most * SLOW_SHARE ? r->slow : r->most * SLOW_SHARE;
    return r->most + slow;
}

static void begin_locked(struct resolver *r, struct lookup *l) {
    l->state = RUNNING; /* so that it stays in the tree */
    l->begun = clock_now();
    TAILQ_INSERT_TAIL(&r->begun, l, link);
}

static void end_locked(struct resolver *r, struct lookup *l) {
    if (l->slow)
        r->slow--;
    else
        TAILQ_REMOVE(&r->begun, l, link);
    settle_locked(r, l);
}

static void *look_up_all(void *arg) {
    struct resolver *r = arg;
    struct lookup *l;
    pthread_mutex_lock(&r->lock);
    while ((l = TAILQ_FIRST(&r->queue)) && r->threads <= most_threads_locked(r)) {
        TAILQ_REMOVE(&r->queue, l, link);
        if (l->waiting == 0) {
            drop_locked(r, l);
            continue;
        }
        begin_locked(r, l);
        pthread_mutex_unlock(&r->lock);
        look_up(l);
        pthread_mutex_lock(&r->lock);
        end_locked(r, l);
    }
    r->threads--;
    leave_locked(r);
    return NULL;
}

/*
 * Sees to it that the queue is worked off. Returns 0 or an errno, when there is no thread at all.
 */
static int start_locked(struct resolver *r) {
    let_pass_locked(r);
    if (r->threads >= most_threads_locked(r))
        return 0;
    r->threads++;
    r->owners++;
    int rc = thread_start(look_up_all, r, NULL);
    if (rc == 0)
        return 0;
    r->threads--;
    r->owners--;
    return r->threads > 0 ? 0 : rc;
}

int resolver_new(int lookups, struct resolver **ret, struct error *err) {
    struct resolver *r = calloc(1, sizeof(*r));
    if (!r)
        return error_memory(err);
    r->most = lookups;
    r->owners = 1;
    TAILQ_INIT(&r->queue);
    TAILQ_INIT(&r->begun);
    pthread_mutex_init(&r->lock, NULL);
    pthread_mutex_init(&r->reading, NULL);
    *ret = r;
    return 0;
}

void resolver_free(struct resolver *r) {
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    leave_locked(r);
}

/* ---- asking -------------------------------------------------------------------------------- */

/* The look-up of a name that is in the tree, unless it failed too long ago; NULL: there is none. */
static struct lookup *find_locked(struct resolver *r, const char *host, int family) {
    struct lookup key = {.host = (char *)host, .family = family};
    struct lookup *const *there = tfind(&key, &r->tree, compare_lookups);
    struct lookup *l = there ? *there : NULL;
    if (!l || l->state != DONE || l->found || clock_now() < l->kept_until)
        return l;
    drop_locked(r, l);
    return NULL;
}

/* The look-up of a name, waited for by one more; NULL with the errno when there can be none. */
static struct lookup *join_locked(struct resolver *r, const char *host, int family, int *os) {
    struct lookup *there = find_locked(r, host, family);
    struct lookup *l = there ? there : add_locked(r, host, family);
    if (!l) {
        *os = errno;
        return NULL;
    }
    l->owners++;
    l->waiting++;
    if (!there)
        *os = start_locked(r);
    return l;
}

static void part_locked(struct lookup *l) {
    if (--l->waiting == 0 && l->state == DONE)
        fd_close(&l->done);
    release_locked(l);
}

/* Ends a look-up that has not begun and never will; whoever waits for it hears why. */
static void give_up_locked(struct resolver *r, struct lookup *l, int os) {
    TAILQ_REMOVE(&r->queue, l, link);
    l->os = os;
    settle_locked(r, l);
}

#define ALIVE "is the resolver of /etc/resolv.conf alive?"

static int failed(const struct lookup *l, struct error *err) {
    switch (l->rc) {
    case 0:
        return error_os(err, ERROR_INTERNAL, l->os, "cannot start a thread to look up %s", l->host);
    case EAI_NONAME:
        return error_set(err, ERROR_UNREACHABLE, "the name %s is not known", l->host);
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        if (l->family == AF_UNSPEC)
            return error_set(err, ERROR_UNREACHABLE, "the name %s has no address", l->host);
        return error_set(err, ERROR_UNREACHABLE, "the name %s has no %s address", l->host,
                         l->family == AF_INET ? "IPv4" : "IPv6");
    case EAI_AGAIN:
        return error_set(err, ERROR_UNREACHABLE, "the name %s cannot be looked up: %s: " ALIVE,
                         l->host, gai_strerror(l->rc));
    case EAI_MEMORY:
        return error_memory(err);
    case EAI_SYSTEM:
        return error_os(err, error_os_is_shortage(l->os) ? ERROR_INTERNAL : ERROR_UNREACHABLE,
                        l->os, "the name %s cannot be looked up", l->host);
    default:
        return error_set(err, ERROR_UNREACHABLE, "the name %s cannot be looked up: %s", l->host,
                         gai_strerror(l->rc));
    }
}

static int take_result_locked(const struct lookup *l, struct addresses **ret, struct error *err) {
    if (l->state != DONE)
        return error_set(err, ERROR_INTERNAL, "cannot wait for the look-up of %s", l->host);
    if (!l->found)
        return failed(l, err);
    *ret = copy_of(l->found);
    return *ret ? 0 : error_memory(err);
}

/* Whether a look-up has yet to begin; sees to it that it does if others take too long. */
static bool hurry(struct resolver *r, const struct lookup *l) {
    pthread_mutex_lock(&r->lock);
    bool queued = l->state == QUEUED;
    if (queued)
        (void)!start_locked(r); /* it is in the queue of the threads there are */
    pthread_mutex_unlock(&r->lock);
    return queued;
}

static int too_late(const struct lookup *l, const struct limit *limit, struct error *err) {
    char what[300];
    snprintf(what, sizeof(what), "the name %.200s could not be looked up", l->host);
    struct error late;
    limit_passed(limit, ERROR_UNREACHABLE, what, &late);
    bool own = late.kind == ERROR_UNREACHABLE;
    return error_set(err, late.kind, "%s%s", late.text, own ? ": " ALIVE : "");
}

static int wait_for(struct resolver *r, const struct lookup *l, struct place *place,
                    struct cancel *cancel, const struct limit *limit, struct error *err) {
    for (bool queued = true;;) {
        int64_t look = queued ? deadline_in(SLOW) : DEADLINE_NEVER;
        switch (gate_wait(place, cancel, l->done, POLLIN, deadline_min(limit->deadline, look))) {
        case WAITED_READY:
            return 0;
        case WAITED_CANCELLED:
            return error_set(err, ERROR_INTERRUPTED, "the run was ended");
        default:
            if (clock_now() >= limit->deadline)
                return too_late(l, limit, err);
            queued = hurry(r, l);
        }
    }
}

static int resolve_name(struct resolver *r, const char *host, int family, struct place *place,
                        struct cancel *cancel, const struct limit *limit, struct addresses **ret,
                        struct error *err) {
    int os = 0;
    pthread_mutex_lock(&r->lock);
    struct lookup *l = join_locked(r, host, family, &os);
    bool done = l && (l->state == DONE || os != 0);
    if (l && os != 0)
        give_up_locked(r, l, os);
    pthread_mutex_unlock(&r->lock);
    if (!l)
        return error_os(err, ERROR_INTERNAL, os, "cannot look up %s", host);
    int rc = done ? 0 : wait_for(r, l, place, cancel, limit, err);
    pthread_mutex_lock(&r->lock);
    if (rc == 0)
        rc = take_result_locked(l, ret, err);
    part_locked(l);
    pthread_mutex_unlock(&r->lock);
    return rc;
}

/* What /etc/hosts alone says of a name; NULL: it is not for it to say. */
static const struct host *in_hosts(struct resolver *r, const char *host, int family) {
    pthread_mutex_lock(&r->reading);
    if (!r->hosts_known)
        r->hosts = hosts_read("/etc/hosts", "/etc/nsswitch.conf");
    r->hosts_known = true;
    pthread_mutex_unlock(&r->reading);
    return hosts_find(r->hosts, host, family);
}

static struct addresses *address_of(const struct host *host) {
    struct addresses *a = calloc(1, sizeof(*a) + sizeof(a->items[0]));
    if (!a)
        return NULL;
    set_canonical(a, host->canonical);
    memcpy(&a->items[0].at, &host->at, host->len);
    a->items[0].len = host->len;
    a->count = 1;
    return a;
}

int resolve(struct resolver *r, const char *host, int family, struct place *place,
            struct cancel *cancel, const struct limit *limit, struct addresses **ret,
            struct error *err) {
    struct addrinfo *list;
    const struct host *known = NULL;
    bool numeric = get_addresses(host, family, AI_NUMERICHOST, &list) == 0;
    if (!numeric && !(known = in_hosts(r, host, family)))
        return resolve_name(r, host, family, place, cancel, limit, ret, err);
    *ret = numeric ? interleave(list) : address_of(known);
    if (numeric)
        freeaddrinfo(list);
    return *ret ? 0 : error_memory(err);
}
