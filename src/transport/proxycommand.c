/*
 * proxycommand: see proxycommand.h.
 *
 * The library takes one descriptor for both directions, so the command gets one end of a socket
 * pair where ssh gives it two pipes. bash takes a socket for a sign that it was started from afar
 * and reads ~/.bashrc, unless it stands below another shell: SHLVL says so where nothing does.
 *
 * A thread per command reads its standard error, so that a command that complains is never held up
 * and what it says is in the log at once. The mutex guards the last line, which is the sentence
 * when the command has failed.
 */
#include "transport/proxycommand.h"

#include "base/fd.h"
#include "base/text.h"
#include "sync/log.h"
#include "transport/child.h"
#include "transport/spawn.h"
#include "transport/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE 1024
#define GRACE (500 * CLOCK_MS)
#define LAST_WORDS (200 * CLOCK_MS)
#define SAID_MAX 65536 /* bytes of what it says that are logged; and read, once it has ended */

struct proxycommand {
    struct carrier base;
    struct child child;
    char *name;     /* the server's, for the log */
    int complaints; /* the command's standard error */
    int stop;       /* tells the thread to end */
    int ended;      /* told by the thread when it has read all */
    pthread_t thread;
    size_t said; /* the thread's own: bytes that were logged */
    pthread_mutex_t lock;
    char last[LINE]; /* guarded by lock */
};

/* ---- standard error ------------------------------------------------------------------------ */

static void tell_line(struct proxycommand *p, const char *line, size_t n) {
    cleanup(str_done) struct str text = {0};
    text_add_printable(&text, line, text_length_trimmed(line, n), LINE - 1);
    if (!text.len || text.failed)
        return;
    if (p->said < SAID_MAX && p->said + n >= SAID_MAX)
        log_warning("the proxy command says too much: the rest is left out");
    else if (p->said < SAID_MAX)
        log_info("the proxy command says", LOG_S("line", text.data));
    p->said += p->said < SAID_MAX ? n : 0;
    pthread_mutex_lock(&p->lock);
    snprintf(p->last, sizeof(p->last), "%s", text.data);
    pthread_mutex_unlock(&p->lock);
}

/* Tells all whole lines, or everything when there is no room for more; returns what is left. */
static size_t tell_lines(struct proxycommand *p, char *buf, size_t n, bool all) {
    char *start = buf, *end = buf + n, *newline;
    while ((newline = memchr(start, '\n', (size_t)(end - start)))) {
        tell_line(p, start, (size_t)(newline - start));
        start = newline + 1;
    }
    size_t left = (size_t)(end - start);
    if (all || left == LINE) {
        tell_line(p, start, left);
        left = 0;
    }
    memmove(buf, start, left);
    return left;
}

static void *listen_to(void *arg) {
    struct proxycommand *p = arg;
    char buf[LINE];
    size_t n = 0, late = 0;
    ssize_t got = 1;
    log_bind("server", p->name);
    while (got != 0 && late < SAID_MAX) {
        struct pollfd set[] = {{.fd = p->complaints, .events = POLLIN},
                               {.fd = p->stop, .events = POLLIN}};
        poll(set, ARRAY_LEN(set), -1);
        got = read(p->complaints, buf + n, sizeof(buf) - n);
        if (got < 0 && (set[1].revents || (errno != EAGAIN && errno != EINTR)))
            break;
        if (got > 0)
            n = tell_lines(p, buf, n + (size_t)got, false);
        /* what is left of the group was killed, but a stray may hold the pipe, and write */
        late += got > 0 && set[1].revents ? (size_t)got : 0;
    }
    tell_lines(p, buf, n, true);
    eventfd_write(p->ended, 1);
    log_unbind("server");
    return NULL;
}

/* ---- the carrier --------------------------------------------------------------------------- */

static void add_reason(struct carrier *base, struct str *out) {
    struct proxycommand *p = (struct proxycommand *)base;
    int64_t deadline = deadline_in(LAST_WORDS);
    int status;
    /* it closes its output a moment before it ends */
    if (!child_ends_by(&p->child, deadline) || !child_has_ended(&p->child, &status))
        return;
    struct pollfd told = {.fd = p->ended, .events = POLLIN};
    poll(&told, 1, deadline_left_ms(deadline));
    if (status > 128)
        str_addf(out, "the ProxyCommand was ended by signal %d", status - 128);
    else
        str_addf(out, "the ProxyCommand ended with status %d", status);
    pthread_mutex_lock(&p->lock);
    if (*p->last)
        str_addf(out, ": %s", p->last);
    pthread_mutex_unlock(&p->lock);
}

static bool broke(struct carrier *base __attribute__((unused))) {
    return false; /* that the command has ended may as well be the server's doing */
}

static void proxycommand_free(struct proxycommand *p) {
    fd_close(&p->complaints);
    fd_close(&p->stop);
    fd_close(&p->ended);
    pthread_mutex_destroy(&p->lock);
    free(p->name);
    free(p);
}

static void end(struct proxycommand *p) {
    kill(-p->child.pid, SIGHUP);
    child_ends_by(&p->child, deadline_in(GRACE));
    child_bury(&p->child);
}

static void close_carrier(struct carrier *base) {
    struct proxycommand *p = (struct proxycommand *)base;
    end(p);
    eventfd_write(p->stop, 1);
    pthread_join(p->thread, NULL);
    proxycommand_free(p);
}

static const struct carrier_ops OPS = {
    .add_reason = add_reason, .broke = broke, .close = close_carrier};

/* ---- starting ------------------------------------------------------------------------------ */

/* This process's environment, and that a shell is above. NULL: no memory. */
static char **environment(void) {
    static char below[] = "SHLVL=1";
    const char *level = getenv("SHLVL");
    size_t n = 0, kept = 0;
    while (environ[n])
        n++;
    char **env = calloc(n + 2, sizeof(*env));
    if (!env)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "SHLVL=", 6) != 0)
            env[kept++] = environ[i];
        else if (level && atoi(level) > 0)
            env[kept++] = environ[i];
    if (!level || atoi(level) <= 0)
        env[kept++] = below;
    return env;
}

static struct proxycommand *proxycommand_new(const char *name) {
    struct proxycommand *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    *p = (struct proxycommand){.base.ops = &OPS,
                               .child.pidfd = -1,
                               .name = strdup(name),
                               .complaints = -1,
                               .stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                               .ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    pthread_mutex_init(&p->lock, NULL);
    if (p->name && p->stop >= 0 && p->ended >= 0)
        return p;
    proxycommand_free(p);
    return NULL;
}

/* Runs the command with one end of `ends` and the pipe for its three descriptors. */
static int run(const char *command, int connection, int complaints, pid_t *pid) {
    cleanup(str_done) struct str line = {0};
    cleanup(free_ptr) char **env = environment();
    const char *shell = getenv("SHELL");
    str_addf(&line, "exec %s", command);
    if (line.failed || !env)
        return ENOMEM;
    char *argv[] = {(char *)(shell && *shell ? shell : "/bin/sh"), (char *)"-c", line.data, NULL};
    return spawn_on(argv, env, (int[]){connection, connection, complaints}, pid);
}

/* Both ends of a socket pair and of a pipe: ours, theirs. Ours do not block. */
static int make_ends(int connection[2], int complaints[2]) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, connection) != 0 ||
        pipe2(complaints, O_CLOEXEC) != 0 || spawn_lift(&connection[1]) != 0 ||
        spawn_lift(&complaints[1]) != 0 || fcntl(connection[0], F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(complaints[0], F_SETFL, O_NONBLOCK) != 0)
        return errno;
    return 0;
}

/* Starts the command and its listener; an errno. */
static int start(struct proxycommand *p, const char *command, int *fd) {
    int connection[2] = {-1, -1}, complaints[2] = {-1, -1};
    pid_t pid;
    int rc = make_ends(connection, complaints);
    if (rc == 0)
        rc = run(command, connection[1], complaints[1], &pid);
    fd_close(&connection[1]);
    fd_close(&complaints[1]);
    p->complaints = fd_take(&complaints[0]);
    if (rc != 0) {
        fd_close(&connection[0]);
        return rc;
    }
    child_take(&p->child, pid);
    rc = thread_start(listen_to, p, &p->thread);
    if (rc == 0) {
        *fd = fd_take(&connection[0]);
        return 0;
    }
    fd_close(&connection[0]);
    end(p);
    return rc;
}

int proxycommand_start(const struct sshlink_request *r, struct carrier **carrier, int *fd,
                       char address[ADDRESS_TEXT], struct error *err) {
    const struct ssh_options *o = r->options;
    struct proxycommand *p = proxycommand_new(r->name);
    if (!p)
        return error_memory(err);
    int rc = start(p, o->proxy_command, fd);
    if (rc != 0) {
        proxycommand_free(p);
        return error_os(err, error_os_is_shortage(rc) ? ERROR_INTERNAL : ERROR_UNREACHABLE, rc,
                        "cannot run the ProxyCommand %.200s", o->proxy_command);
    }
    snprintf(address, ADDRESS_TEXT, "%.50s port %d by ProxyCommand", o->hostname, o->port);
    *carrier = &p->base;
    return 0;
}
