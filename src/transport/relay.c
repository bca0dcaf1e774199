/*
 * relay: see relay.h.
 *
 * The thread waits in one epoll for the session's socket, for the flows' sockets (edge-triggered:
 * each flow remembers what its socket can do) and for requests. A flow that has something to do
 * stands in `ready` and gets one bounded step per turn; one that cannot go on because the far side
 * takes nothing stands in `starved` and is looked at after every word from there. So a turn costs
 * as much as there is to do, no flow can keep another from its turn, and one whose server or reader
 * has stalled costs nothing.
 *
 * What the session has not sent yet is bounded by the BUDGET of one turn: while something is left
 * of it, no flow's socket is read.
 *
 * The library tells that a channel was refused by one sentence per session, so that of two refusals
 * that arrive in one packet the first is lost. The sentence has the channel's number, by which it
 * is given to the right flow; a flow whose sentence was lost is asked for again.
 *
 * The mutex guards what passes between threads: the inbox, the calls of those who wait, and whether
 * the relay has ended. A call lives in the frame of its thread, and is let go of under the lock.
 */
#include "transport/relay.h"

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "transport/flow.h"

#include <errno.h>
#include <libssh/server.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUDGET (8 * FLOW_CHUNK)
#define EVENTS 64
#define SESSION_STEPS 32 /* of 4 KiB each */
#define SLOW_AFTER CLOCK_S
#define FIRST_CHANNEL 42 /* the library counts from it */
#define WORDS 200

enum { PROHIBITED = 1, NO_ROOM = 4 }; /* RFC 4254, 5.1 */

struct relay_call {
    int event;
    bool answered;
    enum relay_answer answer;
    char words[WORDS];
};

struct relay {
    struct relay_settings settings;
    int wake;
    atomic_bool slow;
    pthread_mutex_t lock;
    /* guarded by lock: */
    struct flow_list inbox;
    bool ended;
    /* the thread's own: */
    struct link *link;
    ssh_event event;
    int epoll;
    struct flow_list opening, again, ready, starved, quiet;
    bool asking_again;    /* one of those that are opening */
    unsigned channels;    /* asked for */
    unsigned outstanding; /* of them, not answered yet */
    size_t backlog;       /* bytes given to the session in this turn */
    bool stirred;         /* the session has sent or received in this turn */
    bool look;            /* the library's sentence may have been lost */
    int64_t heard;        /* when the last word came */
    int unanswered;       /* askings for one */
    int64_t stuck;        /* since when it has something to send; 0: it has not */
    char scratch[FLOW_CHUNK];
};

int relay_new(const struct relay_settings *settings, struct relay **ret, struct error *err) {
    struct relay *r = calloc(1, sizeof(*r));
    if (!r)
        return error_memory(err);
    r->settings = *settings;
    pthread_mutex_init(&r->lock, NULL);
    TAILQ_INIT(&r->inbox);
    TAILQ_INIT(&r->opening);
    TAILQ_INIT(&r->again);
    TAILQ_INIT(&r->ready);
    TAILQ_INIT(&r->starved);
    TAILQ_INIT(&r->quiet);
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->epoll < 0 || r->wake < 0) {
        error_os(err, ERROR_INTERNAL, errno, "cannot carry channels of a jump host");
        relay_free(r);
        return -1;
    }
    *ret = r;
    return 0;
}

void relay_free(struct relay *r) {
    if (!r)
        return;
    fd_close(&r->epoll);
    fd_close(&r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

bool relay_is_slow(struct relay *r) {
    return atomic_load_explicit(&r->slow, memory_order_relaxed);
}

/* ---- asking, in any thread ----------------------------------------------------------------- */

static struct flow *flow_new(struct relay *r, const struct relay_request *request, int fd) {
    struct flow *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    *f = (struct flow){.ready = &r->ready,
                       .host = strdup(request->host),
                       .port = request->port,
                       .fd = fd,
                       .readable = true,
                       .writable = true};
    if (f->host)
        return f;
    free(f);
    return NULL;
}

/* Whether the relay has taken the flow. */
static bool post(struct relay *r, struct flow *f, struct relay_call *call) {
    pthread_mutex_lock(&r->lock);
    bool taken = !r->ended;
    if (taken) {
        f->call = call;
        flow_move(f, &r->inbox);
    }
    pthread_mutex_unlock(&r->lock);
    if (taken)
        eventfd_write(r->wake, 1);
    return taken;
}

/* Whether there is an answer; from here on, there will be none. */
static bool let_go(struct relay *r, struct relay_call *call, struct flow *f) {
    pthread_mutex_lock(&r->lock);
    if (!call->answered)
        f->call = NULL; /* the flow lives until it was answered or let go of */
    pthread_mutex_unlock(&r->lock);
    return call->answered;
}

static enum relay_answer wait_for(struct relay *r, const struct relay_request *request,
                                  struct relay_call *call, struct flow *f) {
    enum waited waited =
        gate_wait(request->place, request->cancel, call->event, POLLIN, request->deadline);
    if (let_go(r, call, f))
        return call->answer;
    return waited == WAITED_CANCELLED ? RELAY_CANCELLED : RELAY_TIMEOUT;
}

enum relay_answer relay_open(struct relay *r, const struct relay_request *request, int *fd,
                             struct str *words) {
    int ends[2];
    cleanup(fd_close) int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        r->settings.released(r->settings.owner, false);
        return RELAY_FAILED;
    }
    cleanup(fd_close) int ours = ends[0], theirs = ends[1];
    struct relay_call call = {.event = event};
    struct flow *f = flow_new(r, request, theirs);
    if (f)
        fd_take(&theirs); /* the flow's from here on */
    if (!f || !post(r, f, &call)) {
        if (f)
            flow_free(f);
        r->settings.released(r->settings.owner, false);
        return f ? RELAY_LOST : RELAY_FAILED;
    }
    enum relay_answer answer = wait_for(r, request, &call, f);
    if (answer == RELAY_OPEN)
        *fd = fd_take(&ours);
    str_add(words, call.words);
    return answer;
}

static void move_all(struct flow_list *from, struct flow_list *to) {
    struct flow *f;
    while ((f = TAILQ_FIRST(from)))
        flow_move(f, to);
}

/* ---- answering, from here on in the relay's thread ----------------------------------------- */

/* Whether somebody was still waiting for it. */
static bool answer(struct relay *r, struct flow *f, enum relay_answer a, const char *words) {
    pthread_mutex_lock(&r->lock);
    struct relay_call *call = TAKE(f->call);
    if (call) {
        call->answer = a;
        call->answered = true;
        snprintf(call->words, sizeof(call->words), "%s", words);
        eventfd_write(call->event, 1);
    }
    pthread_mutex_unlock(&r->lock);
    return call != NULL;
}

/* Whether somebody waits for the flow to open. */
static bool is_wanted(struct relay *r, const struct flow *f) {
    pthread_mutex_lock(&r->lock);
    bool wanted = f->call != NULL;
    pthread_mutex_unlock(&r->lock);
    return wanted;
}

static void end_flow(struct relay *r, struct flow *f, bool no_room) {
    /* by hand, because a program that is being started holds a copy of the socket for a moment,
     * and what is watched is gone with the last one only */
    if (f->open)
        epoll_ctl(r->epoll, EPOLL_CTL_DEL, f->fd, NULL);
    flow_free(f);
    r->settings.released(r->settings.owner, no_room);
}

static void refuse(struct relay *r, struct flow *f, enum relay_answer a, const char *words) {
    answer(r, f, a, words);
    end_flow(r, f, a == RELAY_FULL);
}

/* It is open or refused: it does not stand among the opening ones any more. */
static void settled(struct relay *r, struct flow *f) {
    r->asking_again &= !f->again;
    r->outstanding--;
    flow_move(f, NULL);
}

static void opened(struct relay *r, struct flow *f) {
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = f};
    settled(r, f);
    f->open = true;
    if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, f->fd, &e) != 0)
        refuse(r, f, RELAY_FAILED, "");
    else if (answer(r, f, RELAY_OPEN, ""))
        flow_move(f, &r->ready);
    else
        end_flow(r, f, false);
}

/* ---- the opening of channels --------------------------------------------------------------- */

/* "Channel opening failure: channel 43 error (2) Connection refused" */
static const char *read_refusal(const char *text, unsigned *number, unsigned *code) {
    int at = 0;
    if (sscanf(text, "Channel opening failure: channel %u error (%u) %n", number, code, &at) != 2 ||
        at == 0)
        return NULL;
    return text + at;
}

/* The flow was refused; the library's sentence may be of another one. */
static void refused(struct relay *r, struct flow *f) {
    unsigned number = 0, code = 0;
    const char *said = read_refusal(ssh_get_error(r->link->ssh), &number, &code);
    settled(r, f);
    if (said && number == f->number) {
        cleanup(str_done) struct str words = {0};
        text_add_printable(&words, said, strlen(said), WORDS / 2);
        refuse(r, f, code == NO_ROOM ? RELAY_FULL : RELAY_REFUSED,
               words.data && !words.failed ? words.data : "");
    } else if (f->alone && f->number == FIRST_CHANNEL + r->channels) {
        refuse(r, f, RELAY_REFUSED,
               ""); /* there was no other whose sentence could have come last */
    } else {
        flow_forget(f);
        f->again = true;
        flow_move(f, &r->again);
    }
}

/* Asks, or looks what came of it. */
static void ask(struct relay *r, struct flow *f) {
    if (!f->channel) {
        f->number = FIRST_CHANNEL + ++r->channels;
        f->alone = r->outstanding++ == 0;
        r->asking_again |= f->again;
        flow_move(f, &r->opening);
    }
    int rc = flow_ask(f, r->link->ssh);
    if (rc == SSH_OK || f->closed)
        opened(r, f);
    else if (rc != SSH_AGAIN && !link_lost(r->link))
        refused(r, f);
}

/* Looks which channels are open. Whether one of the others was refused. */
static bool find_open(struct relay *r) {
    unsigned number, code;
    const char *said = read_refusal(ssh_get_error(r->link->ssh), &number, &code);
    bool refusal = r->look;
    struct flow *f, *next;
    for (f = TAILQ_FIRST(&r->opening); f; f = next) {
        next = TAILQ_NEXT(f, link);
        if (ssh_channel_is_open(f->channel) || f->closed)
            opened(r, f);
        else
            refusal |= said && f->number == number;
    }
    r->look = false;
    return refusal;
}

/*
 * Looks what came of the asking. Refusals need a call of the library's for each channel, so they
 * are looked for only when its sentence tells of one that is not known yet.
 */
static void settle_opening(struct relay *r) {
    struct flow_list look = TAILQ_HEAD_INITIALIZER(look);
    struct flow *f;
    while (!link_lost(r->link) && find_open(r)) {
        move_all(&r->opening, &look);
        while ((f = TAILQ_FIRST(&look))) {
            flow_move(f, &r->opening);
            ask(r, f);
        }
    }
    /* one at a time, so that their sentences do not meet */
    while (!link_lost(r->link) && !r->asking_again && (f = TAILQ_FIRST(&r->again)))
        if (is_wanted(r, f))
            ask(r, f);
        else
            end_flow(r, f, false);
}

static void take_inbox(struct relay *r) {
    eventfd_t count;
    eventfd_read(r->wake, &count);
    for (;;) {
        pthread_mutex_lock(&r->lock);
        struct flow *f = TAILQ_FIRST(&r->inbox);
        if (f)
            flow_move(f, NULL);
        pthread_mutex_unlock(&r->lock);
        if (!f)
            return;
        if (is_wanted(r, f))
            ask(r, f);
        else
            end_flow(r, f, false);
    }
}

/* ---- the session --------------------------------------------------------------------------- */

static bool has_more_to_send(const struct relay *r) {
    return ssh_get_status(r->link->ssh) & SSH_WRITE_PENDING;
}

/* Lets the library send and receive what it can now. */
static void serve_session(struct relay *r) {
    int steps = 0;
    while (steps < SESSION_STEPS && !link_lost(r->link) && ssh_event_dopoll(r->event, 0) == SSH_OK)
        steps++;
    r->stirred |= steps > 0;
}

/*
 * Those that starved go on when there is something to hope for: their window is open, or, where the
 * library took nothing while it exchanges keys anew, there was a word from the far side. Words may
 * also be heard while a flow gives its bytes.
 */
static void release_starved(struct relay *r) {
    struct flow *f, *next;
    if (has_more_to_send(r))
        return;
    for (f = TAILQ_FIRST(&r->starved); f; f = next) {
        next = TAILQ_NEXT(f, link);
        if (f->up.len ? r->stirred || r->backlog > 0 : ssh_channel_window_size(f->channel) > 0)
            flow_move(f, &r->ready);
    }
}

static void watch_session(struct relay *r) {
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = r->link};
    int64_t now = clock_now();
    if (has_more_to_send(r)) {
        e.events |= EPOLLOUT;
        r->stuck = r->stuck ? r->stuck : now;
    } else {
        r->stuck = 0;
    }
    epoll_ctl(r->epoll, EPOLL_CTL_MOD, ssh_get_fd(r->link->ssh), &e);
    atomic_store_explicit(&r->slow, r->stuck && now - r->stuck >= SLOW_AFTER, memory_order_relaxed);
}

/* When the jump host is to be asked for a word. */
static int64_t next_asking(const struct relay *r) {
    return r->heard + (r->unanswered + 1) * r->settings.alive_interval;
}

/* Whether the jump host may still be there. */
static bool keep_alive(struct relay *r, struct str *why) {
    if (clock_now() < next_asking(r))
        return true;
    if (r->unanswered >= r->settings.alive_count_max) {
        char silence[DURATION_TEXT];
        duration_format((r->unanswered + 1) * r->settings.alive_interval, silence);
        str_addf(why, "no word from it for %s", silence);
        return false;
    }
    r->unanswered++;
    /* the first call may only take note of the last one's answer */
    ssh_send_keepalive(r->link->ssh);
    ssh_send_keepalive(r->link->ssh);
    r->look = true;
    return true;
}

/* ---- the loop ------------------------------------------------------------------------------ */

static void serve_flow(struct relay *r, struct flow *f, bool up) {
    flow_move(f, &r->quiet);
    switch (flow_serve(f, up, r->scratch, &r->backlog)) {
    case FLOW_MORE:
        flow_move(f, &r->ready);
        break;
    case FLOW_STARVED:
        flow_move(f, &r->starved);
        break;
    case FLOW_ENDED:
        end_flow(r, f, false);
        break;
    case FLOW_IDLE:
        break;
    }
}

/* One step for each flow that is ready now; what the budget does not reach comes first next time.
 */
static void serve_flows(struct relay *r) {
    struct flow_list turn = TAILQ_HEAD_INITIALIZER(turn);
    struct flow *f;
    bool up = !has_more_to_send(r);
    r->backlog = 0;
    move_all(&r->ready, &turn);
    while (r->backlog < BUDGET && (f = TAILQ_FIRST(&turn)))
        serve_flow(r, f, up);
    move_all(&r->ready, &turn);
    move_all(&turn, &r->ready);
}

static void note(struct relay *r, const struct epoll_event *e) {
    if (e->data.ptr == r->link) {
        if (e->events & EPOLLIN) {
            r->heard = clock_now();
            r->unanswered = 0;
        }
        serve_session(r);
    } else if (e->data.ptr == r) {
        take_inbox(r);
    } else if (e->data.ptr) {
        struct flow *f = e->data.ptr;
        f->readable |= (e->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        f->writable |= (e->events & EPOLLOUT) != 0;
        f->gone |= (e->events & (EPOLLHUP | EPOLLERR)) != 0;
        flow_move(f, &r->ready);
    }
}

static int wait_ms(struct relay *r) {
    int64_t until = next_asking(r);
    if (!TAILQ_EMPTY(&r->ready))
        return 0;
    if (r->stuck && !relay_is_slow(r))
        until = deadline_min(until, r->stuck + SLOW_AFTER);
    return deadline_left_ms(until);
}

/* What is there to do, once. */
static void take_turn(struct relay *r) {
    settle_opening(r);
    serve_flows(r);
    if (has_more_to_send(r)) /* what was written goes out now, rather than after another wait */
        serve_session(r);
    settle_opening(r);
    release_starved(r);
}

static void carry(struct relay *r, struct str *why) {
    struct epoll_event events[EVENTS];
    while (!cancel_fired(r->settings.stop) && !link_lost(r->link) && keep_alive(r, why)) {
        watch_session(r);
        int n = epoll_wait(r->epoll, events, EVENTS, wait_ms(r));
        r->stirred = false;
        for (int i = 0; i < n && !link_lost(r->link); i++)
            note(r, &events[i]);
        if (!link_lost(r->link))
            take_turn(r);
    }
    if (link_lost(r->link))
        link_add_words(r->link, why);
}

static bool watch(struct relay *r, int fd, void *who) {
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = who};
    return epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

void relay_run(struct relay *r, struct link *link, struct str *why) {
    r->link = link;
    r->heard = clock_now();
    r->event = ssh_event_new();
    if (r->event && ssh_event_add_session(r->event, link->ssh) == SSH_OK &&
        watch(r, ssh_get_fd(link->ssh), link) && watch(r, r->wake, r) &&
        watch(r, cancel_fd(r->settings.stop), NULL))
        carry(r, why);
    else
        str_add(why, "memory or descriptors ran out");
}

/* Any flow that is left, or NULL. */
static struct flow *any_flow(const struct relay *r) {
    const struct flow_list *lists[] = {&r->inbox, &r->opening, &r->again,
                                       &r->ready, &r->starved, &r->quiet};
    struct flow *f = NULL;
    for (size_t i = 0; !f && i < ARRAY_LEN(lists); i++)
        f = TAILQ_FIRST(lists[i]);
    return f;
}

void relay_end(struct relay *r) {
    pthread_mutex_lock(&r->lock);
    r->ended = true;
    pthread_mutex_unlock(&r->lock);
    struct flow *f;
    while ((f = any_flow(r))) /* closing one may make others ready, which move then */
        refuse(r, f, RELAY_LOST, "");
    if (r->event) {
        if (r->link->ssh)
            ssh_event_remove_session(r->event, r->link->ssh);
        ssh_event_free(r->event);
        r->event = NULL;
    }
}
