/*
 * jumppool: see jumppool.h.
 *
 * A host is one jump host as it results from the configuration: its options are the key, which
 * sshconfig gives out once for each. Whoever wants room takes it where there are the fewest
 * channels, or stands in the host's queue until a connection is there or a channel is closed. A
 * connection that cannot be made fails all who wait, unless there are others: those are shared
 * then, however full, because the number of channels is a matter of speed and no limit of ssh's.
 *
 * The mutex guards all of it; nothing waits under it. A waiter lives in the frame of its thread. A
 * line belongs to the pool's list and to everyone who holds it; the last one frees it. The pool
 * lets go when it has joined the line's thread.
 */
#include "transport/jumppool.h"

#include "base/fd.h"
#include "sync/log.h"
#include "transport/thread.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>

#define OPENING_MAX 3    /* an sshd drops logins from the tenth unfinished one on */
#define BACK_OFF CLOCK_S /* less than a server waits before it asks again */
#define DROPPED_TRIES 5  /* with pauses of half a second, one, two and four */
#define DROPPED_FIRST (500 * CLOCK_MS)
#define ALIVE_INTERVAL (15 * CLOCK_S) /* where the user has set none */

struct host;

struct jumpline {
    TAILQ_ENTRY(jumpline) link;
    struct host *host;
    struct relay *relay;
    pthread_t thread;
    enum { OPENING, OPEN, ENDED } state;
    int owners;
    int load; /* channels */
    int limit;
    char *why; /* it was lost; NULL: no memory to say so */
};

struct waiter {
    TAILQ_ENTRY(waiter) link;
    int event;
    bool done;
    struct jumpline *line; /* NULL: the host's failure */
};

struct host {
    TAILQ_ENTRY(host) link;
    struct jumppool *pool;
    const struct ssh_options *options;
    char *name;
    struct pace *pace; /* of the channels through it */
    TAILQ_HEAD(, jumpline) lines;
    TAILQ_HEAD(, waiter) waiters;
    int waiting, opening, open;
    int room; /* channels of a connection: as many as are wanted, or fewer that one was full with */
    const char *unsupported; /* why the library cannot reach it */
    struct error failure;
    int64_t not_before; /* when another connection may be tried */
};

struct jumppool {
    struct sshkit kit;   /* as the servers', but for its token */
    struct cancel *stop; /* ends the threads */
    int channels;
    pthread_mutex_t lock;
    TAILQ_HEAD(, host) hosts;
};

/* ---- lines --------------------------------------------------------------------------------- */

static void let_go_locked(struct jumpline *l) {
    if (--l->owners > 0)
        return;
    relay_free(l->relay);
    free(l->why);
    free(l);
}

void jumpline_free(struct jumpline *l) {
    struct jumppool *p = l->host->pool;
    pthread_mutex_lock(&p->lock);
    let_go_locked(l);
    pthread_mutex_unlock(&p->lock);
}

struct pace *jumpline_pace(struct jumpline *l) {
    return l->host->pace;
}

struct relay *jumpline_relay(struct jumpline *l) {
    return l->relay;
}

bool jumpline_lost(struct jumpline *l, struct str *out) {
    struct host *h = l->host;
    pthread_mutex_lock(&h->pool->lock);
    bool lost = l->state == ENDED;
    if (lost && out)
        str_addf(out, "the connection to %s was lost: %s", h->name,
                 l->why && *l->why ? l->why : "no reason given");
    pthread_mutex_unlock(&h->pool->lock);
    return lost;
}

/* ---- room ---------------------------------------------------------------------------------- */

/* The open one with the fewest channels, of those with room or, if need be, of all. */
static struct jumpline *pick_locked(const struct host *h, bool any) {
    struct jumpline *best = NULL, *l;
    TAILQ_FOREACH(l, &h->lines, link) {
        bool room = l->load < l->limit && !relay_is_slow(l->relay);
        if (l->state == OPEN && (any || room) && (!best || l->load < best->load))
            best = l;
    }
    return best;
}

static struct jumpline *take_room_locked(struct jumpline *l) {
    l->load++;
    l->owners++;
    return l;
}

static void answer_locked(struct host *h, struct jumpline *l) {
    struct waiter *w = TAILQ_FIRST(&h->waiters);
    TAILQ_REMOVE(&h->waiters, w, link);
    h->waiting--;
    w->done = true;
    w->line = l ? take_room_locked(l) : NULL;
    /* under the lock, because its thread closes it once it sees that it is done */
    eventfd_write(w->event, 1);
}

/* Slow connections are no reason to open ever more: at most twice as many as the channels need. */
static bool may_open_locked(const struct host *h) {
    const struct jumpline *l;
    int channels = h->waiting + 1;
    TAILQ_FOREACH(l, &h->lines, link)
    channels += l->load;
    int needed = (channels + h->room - 1) / h->room;
    return h->opening < OPENING_MAX && h->opening + h->open < 2 * needed &&
           clock_now() >= h->not_before;
}

static void *serve(void *arg);
static void on_released(void *owner, bool no_room);

static struct jumpline *line_new(struct host *h) {
    const struct ssh_options *o = h->options;
    struct jumpline *l = calloc(1, sizeof(*l));
    if (!l) {
        error_memory(&h->failure);
        return NULL;
    }
    struct relay_settings settings = {
        .stop = h->pool->stop,
        .alive_interval = o->alive_interval > 0 ? o->alive_interval : ALIVE_INTERVAL,
        .alive_count_max = o->alive_count_max > 0 ? o->alive_count_max : 3,
        .released = on_released,
        .owner = l};
    *l = (struct jumpline){.host = h, .limit = h->room, .owners = 1};
    if (relay_new(&settings, &l->relay, &h->failure) == 0)
        return l;
    free(l);
    return NULL;
}

/* Begins a connection, or fills the host's failure. */
static void open_locked(struct host *h) {
    struct jumpline *l = line_new(h);
    if (!l)
        return;
    int rc = thread_start(serve, l, &l->thread);
    if (rc != 0) {
        error_os(&h->failure, ERROR_INTERNAL, rc, "cannot start a thread for %s", h->name);
        let_go_locked(l);
        return;
    }
    TAILQ_INSERT_TAIL(&h->lines, l, link);
    h->opening++;
}

/*
 * Gives room to those who wait, opens connections for the rest, and fails them where there is none
 * and will be none.
 */
static void settle_locked(struct host *h) {
    struct jumpline *l;
    while (h->waiting > 0 && (l = pick_locked(h, false)))
        answer_locked(h, l);
    while (h->waiting > h->opening * h->room && may_open_locked(h)) {
        int before = h->opening;
        open_locked(h);
        if (h->opening == before)
            break;
    }
    while (h->waiting > 0 && h->opening == 0) {
        l = pick_locked(h, true);
        answer_locked(h, l);
    }
}

/*
 * The jump host has no room beside the channels that are there. Where there are none, it is not
 * this connection that is full, and another one would help as little for now.
 */
static void learn_limit_locked(struct jumpline *l) {
    struct host *h = l->host;
    l->limit = l->load;
    if (l->load == 0)
        h->not_before = deadline_in(BACK_OFF);
    else if (l->load < h->room)
        h->room = l->load;
}

static void on_released(void *owner, bool no_room) {
    struct jumpline *l = owner;
    struct host *h = l->host;
    pthread_mutex_lock(&h->pool->lock);
    l->load--;
    if (no_room)
        learn_limit_locked(l);
    settle_locked(h);
    pthread_mutex_unlock(&h->pool->lock);
}

void jumpline_abandon(struct jumpline *l) {
    on_released(l, false);
    jumpline_free(l);
}

/* ---- a connection's thread ----------------------------------------------------------------- */

/* It could not be made: `unsupported` says why the ssh program may be able to, or is NULL. */
static void failed(struct jumpline *l, const char *unsupported, const struct error *err) {
    struct host *h = l->host;
    pthread_mutex_lock(&h->pool->lock);
    l->state = ENDED;
    h->opening--;
    h->not_before = deadline_in(BACK_OFF);
    if (err)
        h->failure = *err;
    h->unsupported = err && unsupported ? h->failure.text : unsupported;
    settle_locked(h);
    if (err && error_is_shortage(err))
        h->not_before = 0; /* what this machine lacks is no news of the jump host */
    pthread_mutex_unlock(&h->pool->lock);
}

static void opened(struct jumpline *l, const char *address, int64_t begin) {
    struct host *h = l->host;
    log_info("connected to jump host", LOG_S("address", address),
             LOG_F("seconds", (double)((clock_now() - begin) / CLOCK_MS) / 1e3));
    pthread_mutex_lock(&h->pool->lock);
    l->state = OPEN;
    h->opening--;
    h->open++;
    settle_locked(h);
    pthread_mutex_unlock(&h->pool->lock);
}

/* Known to be lost before the ends of its channels are seen. */
static void lost(struct jumpline *l, struct str *why) {
    struct host *h = l->host;
    pthread_mutex_lock(&h->pool->lock);
    l->state = ENDED;
    l->why = str_take(why);
    h->open--;
    int load = l->load;
    settle_locked(h);
    pthread_mutex_unlock(&h->pool->lock);
    if (!cancel_fired(h->pool->stop))
        log_warning("connection to jump host lost", LOG_S("reason", l->why),
                    LOG_I("channels", load));
}

static void carry(struct jumpline *l, struct link *link, const char *address, int64_t begin) {
    cleanup(str_done) struct str why = {0};
    opened(l, address, begin);
    relay_run(l->relay, link, &why);
    lost(l, &why);
}

/*
 * Logs in. A jump host that drops the connection while it starts may have too many others in hand,
 * and with it all its servers would fail: it is asked again, while they wait.
 */
static int log_in(struct host *h, struct link *link, char address[ADDRESS_TEXT],
                  const char **unsupported, struct error *err) {
    struct sshlink_request request = {
        .name = h->name, .options = h->options, .deadline = DEADLINE_NEVER};
    int64_t pause = DROPPED_FIRST;
    for (int tries = 1;; tries++, pause *= 2) {
        int rc = sshlink_open(&h->pool->kit, &request, link, address, unsupported, err);
        if (rc == 0 || !link->dropped || tries == DROPPED_TRIES)
            return rc;
        log_info("the jump host dropped the connection, trying again",
                 LOG_F("seconds", (double)pause / 1e9));
        link_done(link);
        cancel_sleep(h->pool->stop, deadline_in(pause)); /* when it fires, the next try ends */
    }
}

static void *serve(void *arg) {
    struct jumpline *l = arg;
    struct host *h = l->host;
    cleanup(link_done) struct link link;
    char address[ADDRESS_TEXT];
    const char *unsupported;
    struct error err;
    int64_t begin = clock_now();
    log_bind("jump_host", h->options->hostname);
    int rc = log_in(h, &link, address, &unsupported, &err);
    if (rc == 0 && !unsupported) {
        carry(l, &link, address, begin);
    } else if (rc == 0) {
        failed(l, unsupported, NULL);
    } else {
        if (!strstr(err.text, h->name))
            error_prefix(&err, "%s", h->name);
        failed(l, link.mismatch, &err);
    }
    relay_end(l->relay);
    log_unbind("jump_host");
    return NULL;
}

/* ---- asking for room ----------------------------------------------------------------------- */

static void host_free(struct host *h) {
    struct jumpline *l;
    while ((l = TAILQ_FIRST(&h->lines))) {
        TAILQ_REMOVE(&h->lines, l, link);
        pthread_join(l->thread, NULL);
        jumpline_free(l);
    }
    pace_free(h->pace);
    free(h->name);
    free(h);
}

static struct host *host_new(struct jumppool *p, const struct ssh_options *options,
                             const char *name) {
    struct error ignored; /* it can only be memory */
    struct host *h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    *h = (struct host){.pool = p, .options = options, .name = strdup(name), .room = p->channels};
    TAILQ_INIT(&h->lines);
    TAILQ_INIT(&h->waiters);
    if (h->name && pace_new(0, options->hostname, &h->pace, &ignored) == 0)
        return h;
    host_free(h);
    return NULL;
}

static struct host *find_locked(struct jumppool *p, const struct ssh_options *options,
                                const char *name) {
    struct host *h;
    TAILQ_FOREACH(h, &p->hosts, link)
    if (h->options == options)
        return h;
    h = host_new(p, options, name);
    if (!h)
        return NULL;
    TAILQ_INSERT_TAIL(&p->hosts, h, link);
    return h;
}

/* Takes a line whose thread has ended, or is about to, off the list. */
static struct jumpline *take_ended(struct jumppool *p) {
    struct jumpline *found = NULL, *l;
    struct host *h;
    pthread_mutex_lock(&p->lock);
    TAILQ_FOREACH(h, &p->hosts, link)
    TAILQ_FOREACH(l, &h->lines, link)
    if (l->state == ENDED)
        found = l;
    if (found)
        TAILQ_REMOVE(&found->host->lines, found, link);
    pthread_mutex_unlock(&p->lock);
    return found;
}

static void join_ended(struct jumppool *p) {
    struct jumpline *l = take_ended(p);
    if (!l)
        return;
    pthread_join(l->thread, NULL);
    jumpline_free(l);
}

static int outcome_locked(const struct host *h, struct jumpline *l, struct jumpline **ret,
                          const char **unsupported, struct error *err) {
    *ret = l;
    *unsupported = l ? NULL : h->unsupported;
    if (l || h->unsupported)
        return 0;
    *err = h->failure;
    return -1;
}

static int not_in_time(const struct host *h, enum waited waited, struct error *err) {
    if (waited == WAITED_CANCELLED)
        return error_set(err, ERROR_INTERRUPTED, "the run was ended");
    return error_set(err, ERROR_TIMEOUT,
                     "no connection to %s before the server's deadline (--timeout)", h->name);
}

int jumppool_reserve(struct jumppool *p, const struct ssh_options *options, const char *name,
                     struct cancel *cancel, int64_t deadline, struct jumpline **ret,
                     const char **unsupported, struct error *err) {
    join_ended(p);
    cleanup(fd_close) int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0)
        return error_os(err, ERROR_INTERNAL, errno, "cannot make an event descriptor");
    struct waiter w = {.event = event};
    pthread_mutex_lock(&p->lock);
    struct host *h = find_locked(p, options, name);
    if (!h) {
        pthread_mutex_unlock(&p->lock);
        return error_memory(err);
    }
    TAILQ_INSERT_TAIL(&h->waiters, &w, link);
    h->waiting++;
    settle_locked(h);
    bool done = w.done;
    pthread_mutex_unlock(&p->lock);
    enum waited waited = done ? WAITED_READY : gate_wait(NULL, cancel, event, POLLIN, deadline);
    pthread_mutex_lock(&p->lock);
    if (!w.done) {
        TAILQ_REMOVE(&h->waiters, &w, link);
        h->waiting--;
    }
    int rc =
        w.done ? outcome_locked(h, w.line, ret, unsupported, err) : not_in_time(h, waited, err);
    pthread_mutex_unlock(&p->lock);
    return rc;
}

/* ---- the pool ------------------------------------------------------------------------------ */

int jumppool_new(const struct sshkit *kit, int channels, struct jumppool **ret, struct error *err) {
    struct jumppool *p = calloc(1, sizeof(*p));
    if (!p)
        return error_memory(err);
    if (cancel_new(&p->stop, err) != 0) {
        free(p);
        return -1;
    }
    p->kit = *kit;
    p->kit.cancel = p->stop;
    p->channels = channels;
    TAILQ_INIT(&p->hosts);
    pthread_mutex_init(&p->lock, NULL);
    *ret = p;
    return 0;
}

void jumppool_free(struct jumppool *p) {
    if (!p)
        return;
    cancel_fire(p->stop);
    struct host *h;
    while ((h = TAILQ_FIRST(&p->hosts))) {
        TAILQ_REMOVE(&p->hosts, h, link);
        host_free(h);
    }
    pthread_mutex_destroy(&p->lock);
    cancel_free(p->stop);
    free(p);
}
