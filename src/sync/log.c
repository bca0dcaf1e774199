/*
 * log: see log.h.
 *
 * Callers pack their record (sync/record.h) into the last chunk of a queue, under one short lock;
 * the log's thread takes chunk after chunk, renders the records for every sink and writes them
 * (sync/sink.h). What a caller pays is a measure, a lock, a clock and a copy. The clock is read
 * under the lock, so that the lines' times never run backwards.
 *
 * Waking the thread costs a system call, so it is done only when the thread has been idle: while
 * there is work it takes what has come meanwhile, and then lingers for some milliseconds, in which
 * callers do not wake it unless a chunk is full.
 *
 * A terminal with a block below its lines is written in frames, which the thread wakes up for. Who
 * wants a frame now, or waits for what was logged to be written, asks for it by a number, which the
 * thread takes over when it has done so.
 *
 * New sinks and reopening travel through the queue as records of their own. So they take effect in
 * order, and the sinks belong to the log's thread alone, without a lock.
 */
#include "sync/log.h"

#include "base/clock.h"
#include "sync/context.h"
#include "sync/record.h"
#include "sync/sink.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define PENDING_MAX ((size_t)64 << 20)
#define CHUNK_SIZE ((size_t)64 << 10)
#define SPARE_MAX 2
#define LINGER (5 * CLOCK_MS)
#define BOUND_MAX 8
#define NO_LEVEL (LOG_ERROR + 1)

_Atomic int log_threshold = NO_LEVEL;

struct chunk {
    struct chunk *next;
    size_t len;
    size_t cap;
    char data[];
};

enum thread_state { WORKING, LINGERING, IDLE };

static struct {
    pthread_once_t once;
    pthread_t thread;

    pthread_mutex_t lock; /* guards what is below */
    pthread_cond_t wake;  /* for the thread: there is work */
    pthread_cond_t moved; /* for callers: a chunk was written, or the log was closed */
    bool open;
    bool running; /* the thread is */
    enum thread_state state;
    struct chunk *first;
    struct chunk *last;
    struct chunk *spare;
    size_t spares;
    size_t pending;   /* bytes that wait or are being written */
    uint64_t added;   /* bytes, ever */
    uint64_t written; /* bytes, ever: handed to the sinks */
    uint64_t target;  /* which of them are to be on their way now */
    uint64_t asked;   /* times that somebody asked for that, or for another block */
    uint64_t obeyed;  /* how many of them were heeded */
    bool hidden;      /* the block is to be */
    bool forget;      /* what is drawn is no block any more */
    size_t lost;      /* records that no memory could be found for */

    /* the thread's own; the main thread's before its start and after its end */
    struct sinks sinks;
} the = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

static void set_up_once(void) {
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&the.wake, &attr);
    pthread_cond_init(&the.moved, &attr);
    pthread_condattr_destroy(&attr);
}

static void wake_locked(void) {
    if (the.state != WORKING) {
        the.state = WORKING;
        pthread_cond_signal(&the.wake);
    }
}

static struct chunk *new_chunk_locked(size_t size) {
    struct chunk *c = the.spare;
    if (c && size <= CHUNK_SIZE) {
        the.spare = c->next;
        the.spares--;
    } else {
        size_t cap = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        c = malloc(sizeof(*c) + cap);
        if (!c)
            return NULL;
        c->cap = cap;
    }
    c->len = 0;
    c->next = NULL;
    return c;
}

static void free_chunk_locked(struct chunk *c) {
    if (c->cap != CHUNK_SIZE || the.spares == SPARE_MAX) {
        free(c);
        return;
    }
    c->next = the.spare;
    the.spare = c;
    the.spares++;
}

/*
 * Returns where `size` bytes of a record go, and counts them. Waits while too much is pending, or
 * for memory as long as the thread is going to give some back. NULL: closed, or the record is lost.
 */
static char *room_locked(size_t size) {
    while (the.open) {
        struct chunk *c = the.last;
        bool full = the.pending > 0 && the.pending + size > PENDING_MAX;
        if (!full && (!c || c->cap - c->len < size)) {
            c = new_chunk_locked(size);
            if (c) {
                *(the.last ? &the.last->next : &the.first) = c;
                the.last = c;
                if (c != the.first)
                    wake_locked();
            } else if (the.pending == 0) {
                the.lost++;
                return NULL;
            }
        }
        if (!full && c) {
            char *room = c->data + c->len;
            c->len += size;
            the.pending += size;
            the.added += size;
            if (the.state == IDLE)
                wake_locked();
            return room;
        }
        wake_locked();
        pthread_cond_wait(&the.moved, &the.lock);
    }
    return NULL;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields) {
    struct packed bound = context_packed();
    struct record_head head;
    record_measure(&head, level, event, fields, &bound);
    if (log_thread_run())
        snprintf(head.run, sizeof(head.run), "%s", log_thread_run());
    pthread_mutex_lock(&the.lock);
    char *room = room_locked(head.size);
    if (room) {
        head.wall = clock_wall();
        record_pack(room, &head, event, fields, &bound);
    }
    pthread_mutex_unlock(&the.lock);
}

/* Queues a record of a kind that is no line. Returns whether it was. */
static bool queue_order(enum record_kind kind, void *what) {
    struct record_head head = {.kind = kind, .size = sizeof(head) + sizeof(what)};
    pthread_mutex_lock(&the.lock);
    char *room = room_locked(head.size);
    if (room) {
        memcpy(room, &head, sizeof(head));
        memcpy(room + sizeof(head), &what, sizeof(what));
    }
    pthread_mutex_unlock(&the.lock);
    return room;
}

/* What an order is about. */
static void *ordered(const char *record) {
    void *what;
    memcpy(&what, record + sizeof(struct record_head), sizeof(what));
    return what;
}

static void obey(const char *record, struct unpacked *u) {
    struct record_head head;
    memcpy(&head, record, sizeof(head));
    switch (head.kind) {
    case RECORD_LINE:
        if (record_unpack(record, u) < 0)
            the.sinks.lost++;
        else
            sinks_render(&the.sinks, &(struct format_record){.level = head.level,
                                                             .wall = head.wall,
                                                             .event = u->event,
                                                             .fields = u->fields,
                                                             .run = *head.run ? head.run : NULL});
        break;
    case RECORD_ADD_SINK:
        sinks_add(&the.sinks, ordered(record));
        break;
    case RECORD_DROP_FILE:
        sinks_drop_file(&the.sinks, ordered(record));
        break;
    case RECORD_REOPEN:
        sinks_reopen(&the.sinks);
        break;
    case RECORD_NAME_RUN:
        sinks_name_run(&the.sinks, ordered(record));
        break;
    case RECORD_SAY_RUN:
        the.sinks.say_run = true;
        break;
    }
}

static void consume(const struct chunk *c, struct unpacked *u) {
    for (size_t at = 0; at < c->len;) {
        size_t size; /* the first member of the head */
        memcpy(&size, c->data + at, sizeof(size));
        obey(c->data + at, u);
        at += size;
    }
    sinks_write(&the.sinks, WRITE_DUE);
}

static void wait_for_work_locked(void) {
    if (!the.open)
        return;
    the.state = LINGERING;
    struct timespec until = deadline_timespec(clock_now() + LINGER);
    while (the.state == LINGERING)
        if (pthread_cond_timedwait(&the.wake, &the.lock, &until) == ETIMEDOUT)
            break;
    if (!the.first && the.open && the.state == LINGERING)
        the.state = IDLE;
    until = deadline_timespec(sinks_due(&the.sinks));
    while (the.state == IDLE)
        if (pthread_cond_timedwait(&the.wake, &the.lock, &until) == ETIMEDOUT)
            break;
    the.state = WORKING;
}

/* Whether somebody asked for a frame now, all of what it is to have in it being there. */
static bool is_asked_locked(void) {
    return the.asked != the.obeyed && the.written >= the.target;
}

/* Writes what the sinks hold back: what is due, or all of it where that was asked for. */
static void frame_locked(void) {
    uint64_t asked = the.asked;
    bool all = is_asked_locked(), hidden = the.hidden, forget = the.forget;
    the.forget = false;
    pthread_mutex_unlock(&the.lock);
    sinks_show_footer(&the.sinks, !hidden, forget);
    sinks_write(&the.sinks, all ? WRITE_ALL : WRITE_DUE);
    pthread_mutex_lock(&the.lock);
    if (all)
        the.obeyed = asked;
    pthread_cond_broadcast(&the.moved);
}

/* Hands the oldest chunk's records to the sinks. */
static void take_chunk_locked(struct unpacked *u) {
    struct chunk *c = the.first;
    the.first = c->next;
    if (!the.first)
        the.last = NULL;
    pthread_mutex_unlock(&the.lock);
    consume(c, u);
    pthread_mutex_lock(&the.lock);
    the.pending -= c->len;
    the.written += c->len;
    free_chunk_locked(c);
    pthread_cond_broadcast(&the.moved);
}

static void *run(void *unused) {
    (void)unused;
    pthread_setname_np(pthread_self(), "log");
    struct unpacked u = {0};
    pthread_mutex_lock(&the.lock);
    while (the.first || the.open)
        if (is_asked_locked())
            frame_locked();
        else if (the.first)
            take_chunk_locked(&u);
        else if (clock_now() >= sinks_due(&the.sinks))
            frame_locked();
        else
            wait_for_work_locked();
    pthread_mutex_unlock(&the.lock);
    sinks_show_footer(&the.sinks, false, false);
    sinks_write(&the.sinks, WRITE_ALL);
    sinks_end(&the.sinks);
    unpacked_done(&u);
    pthread_mutex_lock(&the.lock);
    the.running = false;
    the.obeyed = the.asked;
    pthread_cond_broadcast(&the.moved);
    pthread_mutex_unlock(&the.lock);
    return NULL;
}

static int start_thread(void) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int rc = pthread_create(&the.thread, NULL, run, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

static void free_spares_locked(void) {
    while (the.spare) {
        struct chunk *c = the.spare;
        the.spare = c->next;
        free(c);
    }
    the.spares = 0;
}

int log_open(struct error *err) {
    pthread_once(&the.once, set_up_once);
    pthread_mutex_lock(&the.lock);
    sinks_init(&the.sinks);
    the.added = the.written = the.target = the.pending = the.lost = 0;
    the.asked = the.obeyed = 0;
    the.hidden = the.forget = false;
    the.state = WORKING;
    the.open = true;
    int rc = 0;
    while (rc == 0 && the.spares < SPARE_MAX) {
        struct chunk *c = malloc(sizeof(*c) + CHUNK_SIZE);
        if (c) {
            c->cap = CHUNK_SIZE;
            free_chunk_locked(c);
        } else {
            rc = ENOMEM;
        }
    }
    if (rc == 0)
        rc = start_thread();
    the.running = rc == 0;
    if (rc != 0) {
        the.open = false;
        free_spares_locked();
    }
    pthread_mutex_unlock(&the.lock);
    return rc == 0 ? 0 : error_os(err, ERROR_INTERNAL, rc, "cannot start the log's thread");
}

static int add_sink(struct sink *s, enum log_level level, struct error *err) {
    if (!queue_order(RECORD_ADD_SINK, s)) {
        sink_free(s);
        return error_set(err, ERROR_INTERNAL, "the log is not open, or out of memory");
    }
    if ((int)level < atomic_load(&log_threshold))
        atomic_store(&log_threshold, level);
    return 0;
}

int log_add_fd(int fd, enum log_format format, enum log_level level, struct error *err) {
    struct sink *s;
    return sink_new_fd(fd, format, level, &s, err) < 0 ? -1 : add_sink(s, level, err);
}

int log_add_file(const char *path, enum log_format format, enum log_level level,
                 struct error *err) {
    struct sink *s;
    return sink_new_file(path, format, level, &s, err) < 0 ? -1 : add_sink(s, level, err);
}

int log_add_run_file(const char *path, const char *run, enum log_format format,
                     enum log_level level, struct error *err) {
    struct sink *s;
    if (sink_new_file(path, format, level, &s, err) < 0)
        return -1;
    if (sink_take_only(s, run, err) < 0) {
        sink_free(s);
        return -1;
    }
    return add_sink(s, level, err);
}

void log_drop_file(const char *path) {
    char *copy = strdup(path);
    if (!copy || !queue_order(RECORD_DROP_FILE, copy))
        free(copy);
}

int log_add_terminal(int fd, enum log_format format, enum log_level level,
                     const struct footer_drawing *drawing, struct error *err) {
    struct sink *s;
    if (sink_new_fd(fd, format, level, &s, err) < 0)
        return -1;
    if (sink_add_footer(s, drawing, err) < 0) {
        sink_free(s);
        return -1;
    }
    return add_sink(s, level, err);
}

int log_add_daemon(enum log_daemon daemon, const char *socket, enum log_level level,
                   struct error *err) {
    struct sink *s;
    return sink_new_daemon(daemon, socket, level, &s, err) < 0 ? -1 : add_sink(s, level, err);
}

void log_name_run(const char *run) {
    char *copy = run ? strdup(run) : NULL;
    if (!queue_order(RECORD_NAME_RUN, copy))
        free(copy);
}

void log_say_run(void) {
    queue_order(RECORD_SAY_RUN, NULL);
}

/* Everything added until now is to be on its way, and the block as it is asked for. */
static uint64_t ask_locked(void) {
    the.target = the.added;
    wake_locked();
    return ++the.asked;
}

void log_footer(enum log_footer what) {
    pthread_mutex_lock(&the.lock);
    if (what != FOOTER_REDRAW)
        the.hidden = what == FOOTER_HIDE;
    the.forget |= what == FOOTER_SHOW_BELOW;
    ask_locked();
    pthread_mutex_unlock(&the.lock);
}

void log_reopen(void) {
    queue_order(RECORD_REOPEN, NULL);
}

bool log_flush(int64_t deadline) {
    struct timespec until = deadline_timespec(deadline);
    int rc = 0;
    pthread_mutex_lock(&the.lock);
    uint64_t target = the.running ? ask_locked() : the.obeyed;
    while (the.obeyed < target && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&the.moved, &the.lock, &until);
    bool done = the.obeyed >= target;
    pthread_mutex_unlock(&the.lock);
    return done;
}

int log_close(struct error *err) {
    atomic_store(&log_threshold, NO_LEVEL);
    pthread_mutex_lock(&the.lock);
    bool was_open = the.open;
    the.open = false;
    if (was_open) {
        wake_locked();
        pthread_cond_broadcast(&the.moved);
    }
    pthread_mutex_unlock(&the.lock);
    if (!was_open)
        return 0;
    pthread_join(the.thread, NULL);

    size_t lost = the.lost + the.sinks.lost;
    struct error failure = the.sinks.failure;
    sinks_done(&the.sinks);
    pthread_mutex_lock(&the.lock);
    free_spares_locked();
    pthread_mutex_unlock(&the.lock);
    if (failure.kind != ERROR_NONE) {
        *err = failure;
        return -1;
    }
    if (lost > 0)
        return error_set(err, ERROR_STORE, "%zu log lines were lost: out of memory", lost);
    return 0;
}
