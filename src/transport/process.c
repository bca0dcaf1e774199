/*
 * process: see process.h.
 *
 * A session is owned by one thread and holds no lock. Every wait is one ppoll() over the pipes that
 * matter at the moment, the program's pidfd and the cancel token, so no call needs a helper thread.
 * Where the kernel has no pidfd (before 5.3, or forbidden in a container) the end of the program is
 * looked for every few milliseconds.
 *
 * Standard input is a pipe and not a socket, although a socket could be written to without SIGPIPE:
 * bash takes a socket for a remote shell and reads ~/.bashrc, and /dev/stdin cannot be opened on
 * one. So SIGPIPE is held back around each write.
 */
#include "transport/process.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/text.h"
#include "transport/child.h"
#include "transport/shortage.h"
#include "transport/spawn.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STDERR_MAX 4096
#define READ_AHEAD_MAX (1024 * 1024)
#define CHUNK 16384
#define GRACE_EOF (500 * CLOCK_MS)
#define GRACE_TERM (600 * CLOCK_MS)
#define NO_PIDFD_STEP (5 * CLOCK_MS)

/* what poll() is asked for */
enum { WAIT_OUT = 1, WAIT_IN = 2, WAIT_EXIT = 4 };

/* behind a pointer because it is rendered when a const session is asked for it */
struct complaint {
    char raw[STDERR_MAX];
    size_t len;
    struct str text;
};

struct process {
    struct session base;
    struct cancel *cancel;
    char **argv; /* one block with its strings; the slot before the NULL is the command line's */
    size_t command_slot;
    char *address;         /* has room for the process id after the prefix */
    size_t address_prefix; /* how much of it that is */
    struct child child;
    int pipe[SPAWN_PIPES];
    struct str ahead; /* output that came while writing */
    size_t ahead_at;  /* how much of it has been read */
    struct complaint *complaint;
};

/* ---- starting ---- */

static int run_program(struct process *p, pid_t *pid, struct error *err) {
    int rc = spawn_program(p->argv, p->pipe, pid);
    if (rc == 0)
        return 0;
    bool ours = error_os_is_shortage(rc) || rc == E2BIG;
    return error_os(err, ours ? ERROR_INTERNAL : ERROR_UNREACHABLE, rc, "cannot run %.200s",
                    p->argv[0]);
}

/* Until its start a session has no more than memory: it can wait for what it lacks. */
static int run_program_by(struct process *p, int64_t deadline, pid_t *pid, struct error *err) {
    struct attempt attempt = shortage_attempt(p->base.shortage);
    while (run_program(p, pid, err) != 0)
        if (!shortage_outlast(p->base.shortage, &attempt, deadline, err))
            return -1;
    return 0;
}

static int process_start(struct session *s, const char *command, int64_t deadline,
                         struct error *err) {
    struct process *p = (struct process *)s;
    if (p->child.pid != 0)
        return error_set(err, ERROR_INTERNAL, "the session still runs a command");
    if (cancel_fired(p->cancel))
        return error_set(err, ERROR_INTERRUPTED, "interrupted before a command was started");
    str_clear(&p->ahead);
    p->ahead_at = 0;
    p->complaint->len = 0;
    p->argv[p->command_slot] = (char *)command;
    pid_t pid;
    int rc = run_program_by(p, deadline, &pid, err);
    p->argv[p->command_slot] = NULL;
    if (rc != 0)
        return -1;
    child_take(&p->child, pid);
    sprintf(p->address + p->address_prefix, "pid %d", (int)pid);
    return 0;
}

/* ---- reading and writing ---- */

static void keep_complaint(struct complaint *c, const char *data, size_t n) {
    size_t room = sizeof(c->raw) - c->len;
    size_t take = n < room ? n : room;
    memcpy(c->raw + c->len, data, take);
    c->len += take;
}

/* Reads what one read() gives; closes the pipe at its end. */
static void drain_stderr(struct process *p) {
    char buf[CHUNK];
    ssize_t n = read(p->pipe[SPAWN_ERR], buf, sizeof(buf));
    if (n > 0)
        keep_complaint(p->complaint, buf, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        fd_close(&p->pipe[SPAWN_ERR]);
}

/* Takes what the program wrote before it ended. A grandchild may write for ever, so it is bounded.
 */
static void drain_last_words(struct process *p) {
    for (size_t i = 0; i < 64 * 1024 / CHUNK && p->pipe[SPAWN_ERR] >= 0; i++)
        drain_stderr(p);
}

/*
 * Waits for what `wanted` says and reads standard error on the side. Returns the WAIT_ bits that
 * are ready, perhaps none, or -1. `doing` is for the sentence.
 */
static int wait_ready(struct process *p, int wanted, int64_t deadline, const char *doing,
                      struct error *err) {
    enum { POLL_OUT, POLL_IN, POLL_EXIT, POLL_ERR, POLL_CANCEL, POLL_COUNT };
    struct pollfd fds[POLL_COUNT] = {
        [POLL_OUT] = {.fd = wanted & WAIT_OUT ? p->pipe[SPAWN_OUT] : -1, .events = POLLIN},
        [POLL_IN] = {.fd = wanted & WAIT_IN ? p->pipe[SPAWN_IN] : -1, .events = POLLOUT},
        [POLL_EXIT] = {.fd = wanted & WAIT_EXIT ? p->child.pidfd : -1, .events = POLLIN},
        [POLL_ERR] = {.fd = p->pipe[SPAWN_ERR], .events = POLLIN},
        [POLL_CANCEL] = {.fd = cancel_fd(p->cancel), .events = POLLIN},
    };
    /* asked before the data is: a program that never stops printing must not outrun its deadline */
    if (cancel_fired(p->cancel))
        return error_set(err, ERROR_INTERRUPTED, "interrupted while %s %.200s", doing, p->argv[0]);
    int64_t left = deadline == DEADLINE_NEVER ? DEADLINE_NEVER : deadline - clock_now();
    if (left <= 0)
        return error_set(err, ERROR_TIMEOUT, "timed out while %s %.200s", doing, p->argv[0]);
    bool step = wanted & WAIT_EXIT && p->child.pidfd < 0;
    struct timespec t = deadline_timespec(step ? deadline_min(left, NO_PIDFD_STEP) : left);
    ppoll(fds, POLL_COUNT, &t, NULL);
    if (fds[POLL_ERR].revents)
        drain_stderr(p);
    return (fds[POLL_OUT].revents ? WAIT_OUT : 0) | (fds[POLL_IN].revents ? WAIT_IN : 0) |
           (fds[POLL_EXIT].revents || step ? WAIT_EXIT : 0);
}

/*
 * Reads output that is ready: how much, 0 when there is none after all. Closes the pipe at its end.
 */
static size_t read_output(struct process *p, char *buf, size_t size) {
    ssize_t n = read(p->pipe[SPAWN_OUT], buf, size);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        fd_close(&p->pipe[SPAWN_OUT]);
    return n > 0 ? (size_t)n : 0;
}

static size_t read_ahead(struct process *p, char *buf, size_t size) {
    size_t n = p->ahead.len - p->ahead_at;
    if (n > size)
        n = size;
    memcpy(buf, p->ahead.data + p->ahead_at, n);
    p->ahead_at += n;
    if (p->ahead_at == p->ahead.len) {
        str_clear(&p->ahead);
        p->ahead_at = 0;
    }
    return n;
}

static ssize_t process_read(struct session *s, char *buf, size_t size, int64_t deadline,
                            struct error *err) {
    struct process *p = (struct process *)s;
    if (p->ahead.len > 0)
        return (ssize_t)read_ahead(p, buf, size);
    while (p->pipe[SPAWN_OUT] >= 0) {
        int ready = wait_ready(p, WAIT_OUT, deadline, "reading from", err);
        if (ready < 0)
            return -1;
        size_t n = ready & WAIT_OUT ? read_output(p, buf, size) : 0;
        if (n > 0)
            return (ssize_t)n;
    }
    drain_last_words(p);
    return 0;
}

/* Keeps output for later reads, so that a program that must print before it reads on can do so. */
static int keep_output(struct process *p, struct error *err) {
    char *room = str_room(&p->ahead, CHUNK);
    if (!room)
        return error_memory(err);
    p->ahead.len += read_output(p, room, CHUNK);
    p->ahead.data[p->ahead.len] = '\0';
    return 0;
}

/* As write(), with EPIPE but without SIGPIPE, whatever the thread does about that signal. */
static ssize_t write_quietly(int fd, const char *data, size_t n) {
    sigset_t pipe_only, old, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &old);
    sigpending(&pending);
    ssize_t rc = write(fd, data, n);
    int saved = errno;
    if (rc < 0 && saved == EPIPE && !sigismember(&pending, SIGPIPE))
        sigtimedwait(&pipe_only, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = saved;
    return rc;
}

static int process_write(struct session *s, const char *data, size_t n, int64_t deadline,
                         struct error *err) {
    struct process *p = (struct process *)s;
    if (p->child.pid == 0)
        return error_set(err, ERROR_INTERNAL, "the session runs no command");
    while (n > 0) {
        int wanted = WAIT_IN | (p->ahead.len < READ_AHEAD_MAX ? WAIT_OUT : 0);
        int ready = wait_ready(p, wanted, deadline, "writing to", err);
        if (ready < 0 || (ready & WAIT_OUT && keep_output(p, err) != 0))
            return -1;
        if (!(ready & WAIT_IN))
            continue;
        ssize_t written = write_quietly(p->pipe[SPAWN_IN], data, n);
        if (written > 0) {
            data += written;
            n -= (size_t)written;
        } else if (errno != EAGAIN && errno != EINTR) {
            int os = errno;
            drain_last_words(p);
            return error_os(err, ERROR_CONNECTION_LOST, os, "cannot write to %.200s", p->argv[0]);
        }
    }
    return 0;
}

/* ---- ending ---- */

static int process_finish(struct session *s, int64_t deadline, int *status, struct error *err) {
    struct process *p = (struct process *)s;
    if (p->child.pid == 0)
        return error_set(err, ERROR_INTERNAL, "the session runs no command");
    fd_close(&p->pipe[SPAWN_IN]);
    int ended;
    while (!child_has_ended(&p->child, &ended)) {
        char trash[CHUNK];
        int ready = wait_ready(p, WAIT_OUT | WAIT_EXIT, deadline, "waiting for the end of", err);
        if (ready < 0)
            return -1;
        if (ready & WAIT_OUT)
            read_output(p, trash, sizeof(trash));
    }
    drain_last_words(p);
    child_bury(&p->child);
    spawn_close(p->pipe);
    str_done(&p->ahead);
    p->ahead_at = 0;
    *status = ended;
    return 0;
}

static void process_close(struct session *s) {
    struct process *p = (struct process *)s;
    spawn_close(p->pipe);
    if (p->child.pid != 0) {
        if (!child_ends_by(&p->child, deadline_in(GRACE_EOF))) {
            kill(-p->child.pid, SIGTERM);
            child_ends_by(&p->child, deadline_in(GRACE_TERM));
        }
        child_bury(&p->child);
    }
    str_done(&p->ahead);
    str_done(&p->complaint->text);
    free(p->complaint);
    free(p->address);
    free(p->argv);
    free(p);
}

/* ---- what it says about itself ---- */

static const char *process_address(const struct session *s) {
    return ((const struct process *)s)->address;
}

static const char *process_stderr(const struct session *s) {
    struct complaint *c = ((const struct process *)s)->complaint;
    str_clear(&c->text);
    text_add_printable(&c->text, c->raw, text_length_trimmed(c->raw, c->len), STDERR_MAX);
    return c->text.len > 0 ? c->text.data : "";
}

static const struct session_ops process_ops = {
    .start = process_start,
    .read = process_read,
    .write = process_write,
    .finish = process_finish,
    .address = process_address,
    .stderr_text = process_stderr,
    .close = process_close,
};

/* The vector, two more slots and all its strings, in one block. */
static char **copy_argv(const char *const *argv, size_t count) {
    size_t bytes = (count + 2) * sizeof(char *);
    for (size_t i = 0; i < count; i++)
        bytes += strlen(argv[i]) + 1;
    char **copy = malloc(bytes);
    if (!copy)
        return NULL;
    char *to = (char *)(copy + count + 2);
    for (size_t i = 0; i < count; i++) {
        copy[i] = to;
        to = stpcpy(to, argv[i]) + 1;
    }
    copy[count] = copy[count + 1] = NULL;
    return copy;
}

static char *start_address(const char *prefix, size_t len) {
    char *address = calloc(1, len + sizeof(" pid 2147483647"));
    if (address && len > 0)
        sprintf(address, "%s ", prefix);
    return address;
}

int process_open(const char *const *argv, struct cancel *cancel, const char *address_prefix,
                 struct session **ret, struct error *err) {
    size_t count = 0;
    while (argv[count])
        count++;
    size_t prefix = address_prefix ? strlen(address_prefix) : 0;
    struct process *p = calloc(1, sizeof(*p));
    if (!p)
        return error_memory(err);
    *p = (struct process){.base.ops = &process_ops,
                          .cancel = cancel,
                          .argv = copy_argv(argv, count),
                          .command_slot = count,
                          .address = start_address(address_prefix, prefix),
                          .address_prefix = prefix > 0 ? prefix + 1 : 0,
                          .child.pidfd = -1,
                          .pipe = {-1, -1, -1},
                          .complaint = calloc(1, sizeof(*p->complaint))};
    if (!p->argv || !p->address || !p->complaint) {
        free(p->complaint);
        free(p->address);
        free(p->argv);
        free(p);
        return error_memory(err);
    }
    *ret = &p->base;
    return 0;
}
