/*
 * io: see io.h.
 *
 * Standard input and output stay blocking, because their file descriptions may be shared with
 * others. Nothing blocks on them all the same: input is read only when poll() says so, and output
 * goes out in pieces of at most PIPE_BUF bytes, which fit a pipe that poll() calls writable; on a
 * socket, where that is not promised, MSG_DONTWAIT sees to it.
 *
 * Input is read while a request runs, too, since that is the only way to see its end, and what is
 * no request (a lease, the word to end) is heeded at once. What may pile up is bounded by one line
 * of the largest size; muster sends one request at a time.
 *
 * A beat is shorter than any pipe's room and never comes into the middle of a line. When muster
 * does not take what is written, the beat is left out: it would only tell what muster can see.
 */
#include "io.h"

#include "base/clock.h"
#include "guard.h"
#include "linger.h"
#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUTLIVE (3 * CLOCK_S) /* an agent that ends takes a second to kill what clings */

static const char alive[] = "{\"type\":\"alive\"}\n";

int io_open(struct io *io, const char *run) {
    *io = (struct io){.run = run, .listener = -1, .other = -1};
    lease_begin(&io->lease);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    /* an ignored signal would never arrive, and with SIGCHLD ignored there is nothing to wait for
     */
    signal(SIGCHLD, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_SETMASK, &set, NULL);
    io->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return io->signals < 0 ? -1 : 0;
}

void io_close(struct io *io) {
    close(io->signals);
    str_done(&io->input);
    str_done(&io->line);
    str_done(&io->copy);
}

void io_reset_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---- losing the session, and another one ---- */

/* Makes `fd` the session. */
static void use(struct io *io, int fd) {
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    io->session++;
    io->beat_at = 0;
}

/* Nothing more comes: that is the end, unless the agent is to linger. */
static void lose(struct io *io) {
    bool lingers = io->listener >= 0 && io->lease.linger > 0;
    int null = lingers && !io->lost ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
    if (null < 0) {
        io->ended = true;
        return;
    }
    use(io, null);
    dup2(null, STDERR_FILENO);
    close(null);
    guard_let_go();
    io->input.len = io->whole;
    io->lost = true;
    io->lost_until = deadline_in(io->lease.linger);
}

/* The newest session is the one that muster means. One that does not linger has had its time: that
 * the connection closes, with this process, says that nothing of it is left. */
static void take_over(struct io *io) {
    int fd = linger_accept(io->listener);
    if (fd < 0)
        return;
    if (io->lease.linger == 0) {
        io->ended = io->finished = true;
        return;
    }
    if (!io->lost)
        lose(io);
    use(io, fd);
    close(fd);
    io->lost = false;
    str_clear(&io->input);
    io->whole = 0;
    lease_renew(&io->lease);
    lease_said(&io->lease);
}

/* Waits for the end of the agent at the other end, and closes the connection. */
static void outlive(int fd) {
    struct pollfd end = {.fd = fd, .events = POLLIN};
    int64_t deadline = deadline_in(OUTLIVE);
    while (poll(&end, 1, deadline_left_ms(deadline)) < 0 && errno == EINTR)
        ;
    close(fd);
}

/*
 * Muster has named the server. An agent that is there for it has lost its session, though it may
 * not know that yet: one that lingers is to have this session; another one ends first, so that two
 * never measure each other.
 */
static void meet(struct io *io) {
    int fd, rc = linger_meet(io->run, &io->lease, &fd);
    if (rc == 1 && io->lease.linger == 0) {
        outlive(fd);
        rc = linger_meet(io->run, &io->lease, &fd);
        if (rc == 1)
            close(fd);
    }
    if (rc == 0)
        io->listener = fd;
    if (rc == 1 && io->lease.linger > 0) {
        io->other = fd;
        io->ended = true;
    }
}

/* ---- input ---- */

/* Whether muster wrote a line of this type: it puts the type first. */
static bool has_type(const char *line, size_t n, const char *start) {
    return n >= strlen(start) && memcmp(line, start, strlen(start)) == 0;
}

/* Returns whether the line was meant for this agent, and not for the one that lingers. */
static bool heed_lease(struct io *io, const char *line, size_t n) {
    struct lease before = io->lease;
    str_clear(&io->copy);
    str_add_bytes(&io->copy, line, n);
    if (io->copy.failed)
        return true;
    lease_take(&io->lease, io->copy.data, n);
    if (io->listener >= 0 && io->lease.round != before.round) {
        io->ended = io->finished = true; /* the server is tried anew, from the start */
    } else if (io->lease.key != before.key) {
        meet(io);
    }
    return io->other < 0;
}

/* Heeds a whole line (a NUL at its end), unless it is a request. */
static bool heed(struct io *io, const char *line, size_t n) {
    if (has_type(line, n, "{\"type\":\"lease\""))
        return heed_lease(io, line, n);
    if (!has_type(line, n, "{\"type\":\"end\"}"))
        return false;
    io->ended = io->finished = true;
    return true;
}

/* Goes through the lines that have become whole by the bytes after `old`. */
static void sort_lines(struct io *io, size_t old) {
    struct str *in = &io->input;
    char *end;
    while ((end = memchr(in->data + old, '\n', in->len - old))) {
        char *line = in->data + io->whole;
        size_t n = (size_t)(end - line);
        *end = '\0';
        if (heed(io, line, n)) {
            in->len -= n + 1;
            memmove(line, end + 1, in->len - io->whole + 1);
        } else {
            *end = '\n';
            io->whole += n + 1;
            io->fresh = true;
        }
        if (io->other >= 0) /* all of it is the other agent's */
            return;
        old = io->whole;
    }
}

static void read_input(struct io *io) {
    size_t old = io->input.len;
    char *to = old < 2 * WIRE_LINE_MAX ? str_room(&io->input, 65536) : NULL;
    ssize_t n = to ? read(STDIN_FILENO, to, 65536) : 0;
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        lose(io);
        return;
    }
    lease_renew(&io->lease);
    io->input.len += (size_t)n;
    io->input.data[io->input.len] = '\0';
    sort_lines(io, old);
    if (io->input.len - io->whole > WIRE_LINE_MAX)
        io->ended = true;
}

/* ---- output ---- */

/* Writes what is taken at once of the first PIPE_BUF bytes. Returns how much that was. */
static size_t write_piece(struct io *io, const char *data, size_t n) {
    size_t piece = n < PIPE_BUF ? n : PIPE_BUF;
    ssize_t sent = send(STDOUT_FILENO, data, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == ENOTSOCK)
        sent = write(STDOUT_FILENO, data, piece);
    if (sent < 0 && errno != EINTR && errno != EAGAIN)
        lose(io);
    return sent > 0 ? (size_t)sent : 0;
}

/* Says that the agent is alive, unless muster takes nothing now. */
static void say_alive(struct io *io) {
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    lease_said(&io->lease);
    if (io->writing || poll(&out, 1, 0) != 1)
        return;
    size_t said = write_piece(io, alive + io->beat_at, strlen(alive) - io->beat_at);
    io->beat_at = io->lost ? 0 : io->beat_at + said;
    if (io->beat_at == strlen(alive))
        io->beat_at = 0;
}

/* ---- waiting ---- */

/* Returns whether a child has ended. */
static bool read_signals(struct io *io) {
    bool child = false;
    struct signalfd_siginfo info;
    while (read(io->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            child = true;
        else
            io->ended = true;
    }
    return child;
}

/* Looks at the clock after input was read, so that what came late still counts. */
static void keep_lease(struct io *io) {
    if (io->lost)
        io->ended = io->finished = clock_now() >= io->lost_until;
    else if (lease_over(&io->lease))
        lose(io);
    else if (lease_beat_due(&io->lease))
        say_alive(io);
}

static void tell_requests(struct io *io) {
    if (!io->fresh || io->writing || !io->heard)
        return;
    io->fresh = false;
    io->heard(io, io->arg);
}

/* Waits once for any of the events. Returns what they come to, or -1 for nothing of the caller's.
 */
static int wait_once(struct io *io, int fd, short events, int64_t deadline) {
    unsigned session = io->session;
    struct pollfd fds[4] = {{.fd = io->lost ? -1 : STDIN_FILENO, .events = POLLIN},
                            {.fd = io->signals, .events = POLLIN},
                            {.fd = io->listener, .events = POLLIN},
                            {.fd = fd, .events = events}};
    int64_t next = io->lost ? io->lost_until : lease_next(&io->lease);
    if (poll(fds, 4, deadline_left_ms(deadline_min(deadline, next))) < 0) {
        if (errno == EINTR || errno == EAGAIN)
            return -1;
        io->ended = true;
    }
    if (fds[0].revents)
        read_input(io);
    if (fds[2].revents)
        take_over(io);
    bool child = fds[1].revents && read_signals(io);
    if (!io->ended)
        keep_lease(io);
    if (!io->ended)
        tell_requests(io);
    if (io->ended)
        return IO_ENDED;
    if (child)
        return IO_CHILD;
    if (fds[3].revents && (io->session == session || fd != STDOUT_FILENO))
        return IO_READY;
    return fds[0].revents || io->session != session ? IO_INPUT : -1;
}

/* Waits for `events` on `fd` and for the session's own events. */
static enum io_event wait_for(struct io *io, int fd, short events, int64_t deadline) {
    for (;;) {
        if (io->ended)
            return IO_ENDED;
        if (clock_now() >= deadline)
            return IO_TIMEOUT;
        int event = wait_once(io, fd, events, deadline);
        if (event >= 0)
            return (enum io_event)event;
    }
}

enum io_event io_wait(struct io *io, int fd, int64_t deadline) {
    return wait_for(io, fd, POLLIN, deadline);
}

bool io_sleep(struct io *io, int64_t ns) {
    int64_t deadline = deadline_in(ns);
    for (;;) {
        enum io_event event = io_wait(io, -1, deadline);
        if (event == IO_TIMEOUT || event == IO_ENDED)
            return event == IO_TIMEOUT;
    }
}

char *io_line(struct io *io, size_t *n) {
    struct str *in = &io->input;
    while (io->whole == 0)
        if (io->lost || io_wait(io, -1, DEADLINE_NEVER) == IO_ENDED)
            return NULL;
    char *end = memchr(in->data, '\n', io->whole);
    *n = (size_t)(end - in->data);
    str_clear(&io->line);
    str_add_bytes(&io->line, in->data, *n);
    in->len -= *n + 1;
    io->whole -= *n + 1;
    memmove(in->data, end + 1, in->len);
    return io->line.failed ? NULL : io->line.data;
}

char *io_peek(struct io *io, size_t at, size_t *n) {
    if (at >= io->whole)
        return NULL;
    const char *line = io->input.data + at;
    *n = (size_t)((char *)memchr(line, '\n', io->whole - at) - line) + 1;
    str_clear(&io->copy);
    str_add_bytes(&io->copy, line, *n - 1);
    return io->copy.failed ? NULL : io->copy.data;
}

void io_drop(struct io *io, size_t at, size_t n) {
    struct str *in = &io->input;
    in->len -= n;
    io->whole -= n;
    memmove(in->data + at, in->data + at + n, in->len - at);
}

bool io_asked(const struct io *io) {
    return !io->lost && io->asker == io->session;
}

static void write_all(struct io *io, const char *data, size_t n) {
    unsigned session = io->session;
    while (n > 0 && !io->lost && io->session == session) {
        enum io_event event = wait_for(io, STDOUT_FILENO, POLLOUT, DEADLINE_NEVER);
        if (event == IO_ENDED)
            return;
        if (event != IO_READY)
            continue;
        size_t sent = write_piece(io, data, n);
        data += sent;
        n -= sent;
    }
}

void io_write(struct io *io, const char *data, size_t n) {
    unsigned session = io->session;
    io->writing = true;
    if (io->beat_at > 0)
        write_all(io, alive + io->beat_at, strlen(alive) - io->beat_at);
    io->beat_at = 0;
    if (io->session == session)
        write_all(io, data, n);
    io->writing = false;
    lease_said(&io->lease);
}
