/*
 * password: see password.h. Before any thread is started.
 *
 * Ctrl-C at the prompt must not leave a terminal that shows nothing: while it is asked, the signals
 * that would end the program only interrupt the read, and are raised again once the terminal is as
 * it was.
 */
#include "cli/password.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define LONGEST 1024

static volatile sig_atomic_t caught;

static void catch (int number) {
    caught = number;
}

/* Reads up to a newline; the terminal is in line mode, so one read() is one line. */
static ssize_t read_line(int tty, char *line, size_t size) {
    struct sigaction with = {.sa_handler = catch}, old_int, old_term;
    sigaction(SIGINT, &with, &old_int);
    sigaction(SIGTERM, &with, &old_term);
    ssize_t n;
    do
        n = read(tty, line, size - 1);
    while (n < 0 && errno == EINTR && !caught);
    sigaction(SIGINT, &old_int, NULL);
    sigaction(SIGTERM, &old_term, NULL);
    if (n > 0 && line[n - 1] == '\n')
        n--;
    line[n > 0 ? n : 0] = '\0';
    return n;
}

static int open_terminal(void) {
    return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

bool password_can_ask(void) {
    cleanup(fd_close) int tty = open_terminal();
    return tty >= 0 && tcgetpgrp(tty) == getpgrp();
}

int password_ask(const char *prompt, char **ret, struct error *err) {
    cleanup(fd_close) int tty = open_terminal();
    struct termios shown, hidden;
    if (tty < 0 || tcgetattr(tty, &shown) < 0)
        return error_set(
            err, ERROR_USAGE,
            "there is no terminal to ask on: log in with a key, and ssh-add it where it "
            "is encrypted");
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(tty, TCSAFLUSH, &hidden);
    char line[LONGEST];
    int rc = fd_write_all(tty, prompt, strlen(prompt));
    ssize_t n = rc < 0 ? -1 : read_line(tty, line, sizeof(line));
    tcsetattr(tty, TCSAFLUSH, &shown);
    if (caught)
        raise(caught);
    rc = fd_write_all(tty, "\n", 1);
    *ret = n > 0 ? strdup(line) : NULL;
    explicit_bzero(line, sizeof(line));
    if (n <= 0 || rc < 0)
        return error_set(err, ERROR_USAGE, "no password was given");
    return *ret ? 0 : error_memory(err);
}

void password_free(char *password) {
    if (password)
        explicit_bzero(password, strlen(password));
    free(password);
}
