/*
 * echo: see echo.h.
 *
 * Before the echo is turned off, the guard is told through a pipe how the terminal was and how it
 * will be. The end of the pipe is the end of muster: it alone has the other side open. The guard is
 * forked from a program with threads, so it does nothing but system calls. It keeps no descriptor
 * of muster's but the terminal and the pipe (a pipe that somebody reads muster's output from would
 * not end), and stands in a session of its own, where no signal of the terminal reaches it.
 */
#include "sync/echo.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

struct modes {
    struct termios shown;
    struct termios hidden;
};

struct echo {
    int fd;
    int pipe; /* to the guard */
    pid_t guard;
    bool hidden;
    struct modes modes; /* where it is */
};

static bool same(const struct termios *a, const struct termios *b) {
    return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
           a->c_lflag == b->c_lflag && memcmp(a->c_cc, b->c_cc, sizeof(a->c_cc)) == 0;
}

/* Not where somebody else has set the terminal since. */
static void restore(int fd, const struct modes *m) {
    struct termios now;
    if (tcgetattr(fd, &now) == 0 && same(&now, &m->hidden))
        tcsetattr(fd, TCSANOW, &m->shown);
}

/* ---- the guard ----------------------------------------------------------------------------- */

static void keep_only(int fd, int pipe) {
    int high = fcntl(pipe, F_DUPFD, 2), terminal = fcntl(fd, F_DUPFD, 2);
    dup2(terminal, 0);
    dup2(high, 1);
    if (close_range(2, ~0U, 0) < 0)
        for (int i = 2; i < 65536; i++)
            close(i);
}

static _Noreturn void guard(int fd, int pipe) {
    sigset_t all;
    struct modes m;
    bool told = false;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL); /* SIGTTOU too: the terminal may be another's by then */
    setsid();
    prctl(PR_SET_NAME, "muster-echo");
    keep_only(fd, pipe);
    (void)!chdir("/");
    for (ssize_t n; (n = read(1, &m, sizeof(m))) != 0;) {
        if (n < 0 && errno != EINTR)
            break;
        told = told || n == sizeof(m);
    }
    if (told)
        restore(0, &m);
    _exit(0);
}

/* ---- muster's side ------------------------------------------------------------------------- */

struct echo *echo_new(int fd) {
    int ends[2];
    struct echo *e = calloc(1, sizeof(*e));
    if (!e || pipe2(ends, O_CLOEXEC) < 0) {
        free(e);
        return NULL;
    }
    e->fd = fd;
    e->pipe = ends[1];
    e->guard = fork();
    if (e->guard == 0)
        guard(fd, ends[0]);
    close(ends[0]);
    if (e->guard < 0) {
        close(ends[1]);
        free(e);
        return NULL;
    }
    return e;
}

static void turn_off(struct echo *e) {
    struct termios now;
    if (tcgetattr(e->fd, &now) < 0 || !(now.c_lflag & ECHO))
        return;
    e->modes = (struct modes){.shown = now, .hidden = now};
    e->modes.hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    if (fd_write_all(e->pipe, &e->modes, sizeof(e->modes)) == 0)
        e->hidden = tcsetattr(e->fd, TCSANOW, &e->modes.hidden) == 0;
}

void echo_hide(struct echo *e, bool hidden) {
    if (!e)
        return;
    if (hidden)
        turn_off(e);
    else if (e->hidden)
        restore(e->fd, &e->modes);
    e->hidden = e->hidden && hidden;
}

void echo_free(struct echo *e) {
    if (!e)
        return;
    echo_hide(e, false);
    close(e->pipe);
    while (waitpid(e->guard, NULL, 0) < 0 && errno == EINTR)
        ;
    free(e);
}
