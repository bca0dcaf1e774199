/*
 * sshprogram: see sshprogram.h.
 *
 * A session around a session of process.c. It adds one thing: at the end of the output it learns
 * how the program ended, and tells ssh's own failure from the command's. They share the status 255,
 * so it takes words that ssh is known to use to make a failure of it, or that nothing came at all.
 */
#include "transport/sshprogram.h"

#include "base/clock.h"
#include "base/str.h"
#include "input/capture.h"
#include "transport/process.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SSH_FAILED 255
#define ARGS_MAX 24

struct program {
    struct session base;
    struct session *inner;
    char *server;
    char *why;
    struct start start;
    bool printed; /* the command's output has begun, so ssh was logged in */
    bool ended;   /* and this is how */
    int status;
};

/* What ssh says, and which error it means; the first that is found counts. */
static const struct {
    const char *words;
    enum error_kind kind;
} MEANINGS[] = {
    {"HOST IDENTIFICATION HAS CHANGED", ERROR_HOST_KEY},
    {"Host key verification failed", ERROR_HOST_KEY},
    {"REVOKED HOST KEY", ERROR_HOST_KEY},
    {"Permission denied (", ERROR_AUTH},
    {"Too many authentication failures", ERROR_AUTH},
    {"No more authentication methods", ERROR_AUTH},
    {"Could not resolve hostname", ERROR_UNREACHABLE},
    {"Connection refused", ERROR_UNREACHABLE},
    {"Connection timed out", ERROR_UNREACHABLE},
    {"Operation timed out", ERROR_UNREACHABLE},
    {"No route to host", ERROR_UNREACHABLE},
    {"Network is unreachable", ERROR_UNREACHABLE},
    {"Unable to negotiate", ERROR_UNREACHABLE},
    {"exchange_identification", ERROR_UNREACHABLE},
    {"stdio forwarding failed", ERROR_UNREACHABLE},
    {"Bad configuration option", ERROR_UNREACHABLE},
    {"Bad owner or permissions", ERROR_UNREACHABLE},
    {"client_loop:", ERROR_CONNECTION_LOST},
    {"not responding", ERROR_CONNECTION_LOST},
    {"closed by remote host", ERROR_CONNECTION_LOST},
    {"Connection reset", ERROR_CONNECTION_LOST},
    {"Connection closed", ERROR_CONNECTION_LOST},
    {"Broken pipe", ERROR_CONNECTION_LOST},
};

static enum error_kind meaning(const char *said) {
    for (size_t i = 0; i < ARRAY_LEN(MEANINGS); i++)
        if (strstr(said, MEANINGS[i].words))
            return MEANINGS[i].kind;
    return ERROR_NONE;
}

static struct program *of(struct session *s) {
    return (struct program *)s;
}

/*
 * The last line of what ssh said; the text is printable, so that ends of lines are written \r\n in
 * it.
 */
static void last_line(const char *said, struct str *out) {
    size_t end = strlen(said);
    while (end >= 2 && said[end - 2] == '\\' && strchr("rn", said[end - 1]))
        end -= 2;
    size_t start = end;
    while (start > 0 && !(start >= 2 && said[start - 2] == '\\' && said[start - 1] == 'n'))
        start--;
    if (end == start)
        str_add(out, "it gave no reason");
    else
        str_add_bytes(out, said + start, end - start < 300 ? end - start : 300);
}

/* Judges how the program ended: 0, or -1 when it was ssh that failed. */
static int judge(struct program *p, struct error *err) {
    if (p->status != SSH_FAILED)
        return 0;
    const char *said = session_stderr(p->inner);
    enum error_kind kind = meaning(said);
    if (kind == ERROR_NONE && p->printed)
        return 0; /* the command's own status */
    if (!p->printed && pace_means_dropped(said))
        pace_tell(&p->start, true);
    if (kind == ERROR_NONE)
        kind = ERROR_UNREACHABLE;
    else if (kind == ERROR_CONNECTION_LOST && !p->printed)
        kind = ERROR_UNREACHABLE;
    else if (kind == ERROR_UNREACHABLE && p->printed)
        kind = ERROR_CONNECTION_LOST;
    cleanup(str_done) struct str line = {0};
    last_line(said, &line);
    if (line.failed)
        return error_memory(err);
    return error_set(err, kind, "the ssh program cannot carry %s: %s", p->server, line.data);
}

static int start(struct session *s, const char *command, int64_t deadline, struct error *err) {
    struct program *p = of(s);
    p->printed = false;
    p->ended = false;
    p->inner->shortage = s->shortage;
    if (session_start(p->inner, command, deadline, err) == 0)
        return 0;
    if (err->os == ENOENT)
        error_set(err, ERROR_UNREACHABLE,
                  "%s needs the ssh program (%s), and there is none in $PATH", p->server, p->why);
    return -1;
}

static int learn_end(struct program *p, int64_t deadline, struct error *err) {
    if (p->ended)
        return 0;
    if (session_finish(p->inner, deadline, &p->status, err) != 0)
        return -1;
    p->ended = true;
    return 0;
}

static ssize_t read_output(struct session *s, char *buf, size_t size, int64_t deadline,
                           struct error *err) {
    struct program *p = of(s);
    if (p->ended)
        return judge(p, err);
    ssize_t n = session_read(p->inner, buf, size, deadline, err);
    if (n > 0) {
        p->printed = true;
        pace_tell(&p->start, false);
    }
    if (n != 0)
        return n;
    /* ssh closes its output when it ends: what it has to say is there now */
    return learn_end(p, deadline, err) == 0 ? judge(p, err) : -1;
}

static int write_input(struct session *s, const char *data, size_t n, int64_t deadline,
                       struct error *err) {
    struct program *p = of(s);
    if (session_write(p->inner, data, n, deadline, err) == 0)
        return 0;
    /* ssh ended before it took all: why it did is the better sentence */
    struct error why;
    if (err->kind == ERROR_CONNECTION_LOST && learn_end(p, deadline, &why) == 0 &&
        judge(p, &why) != 0)
        *err = why;
    return -1;
}

static int finish(struct session *s, int64_t deadline, int *status, struct error *err) {
    struct program *p = of(s);
    if (learn_end(p, deadline, err) != 0 || judge(p, err) != 0)
        return -1;
    *status = p->status;
    return 0;
}

static const char *address(const struct session *s) {
    return session_address(((const struct program *)s)->inner);
}

static const char *stderr_text(const struct session *s) {
    return session_stderr(((const struct program *)s)->inner);
}

static void free_program(struct program *p) {
    free(p->server);
    free(p->why);
    free(p);
}

static void close_session(struct session *s) {
    struct program *p = of(s);
    p->inner->shortage = NULL; /* one session, whose end is told once */
    session_close(p->inner);
    free_program(p);
}

static const struct session_ops OPS = {.start = start,
                                       .read = read_output,
                                       .write = write_input,
                                       .finish = finish,
                                       .address = address,
                                       .stderr_text = stderr_text,
                                       .close = close_session};

/* The numbers that argv points into. */
struct numbers {
    char timeout[40];
    char port[16];
};

static void make_argv(const struct sshprogram_request *r, const char *mode, struct numbers *numbers,
                      const char *argv[ARGS_MAX]) {
    size_t n = 0;
    int64_t seconds = (r->connect_timeout + CLOCK_S - 1) / CLOCK_S;
    snprintf(numbers->timeout, sizeof(numbers->timeout), "ConnectTimeout=%lld",
             (long long)(seconds < INT_MAX ? seconds : INT_MAX));
    snprintf(numbers->port, sizeof(numbers->port), "%d", r->port);
    argv[n++] = "ssh";
    argv[n++] = mode;
    argv[n++] = "-oBatchMode=yes";
    argv[n++] = "-oLogLevel=INFO"; /* its words are needed, whatever the user's setting */
    argv[n++] = "-oRemoteCommand=none";
    argv[n++] = "-oRequestTTY=no";
    argv[n++] = "-o";
    argv[n++] = numbers->timeout;
    const char *given[][2] = {{"-F", r->config_file},
                              {"-p", r->port ? numbers->port : NULL},
                              {"-l", r->user},
                              {"-i", r->identity}};
    for (size_t i = 0; i < ARRAY_LEN(given); i++)
        if (given[i][1]) {
            argv[n++] = given[i][0];
            argv[n++] = given[i][1];
        }
    argv[n++] = "--";
    argv[n++] = r->host;
    argv[n] = NULL;
}

/* Whether two lists with commas have a name in common. */
static bool share_one(const char *a, const char *b) {
    for (const char *p = a; *p;) {
        size_t n = strcspn(p, ",");
        for (const char *q = b; n > 0 && *q;) {
            size_t m = strcspn(q, ",");
            if (n == m && memcmp(p, q, n) == 0)
                return true;
            q += m + (q[m] == ',');
        }
        p += n + (p[n] == ',');
    }
    return false;
}

/* The value of a keyword in what `ssh -G` prints, its line ended; or NULL. */
static char *value_in(char *output, const char *keyword) {
    size_t n = strlen(keyword);
    for (char *line = strtok_r(output, "\n", &output); line; line = strtok_r(NULL, "\n", &output))
        if (strncmp(line, keyword, n) == 0 && line[n] == ' ')
            return line + n + 1;
    return NULL;
}

bool sshprogram_offers(const struct sshprogram_request *request, const char *keyword,
                       const char *offer, struct cancel *cancel, int64_t deadline) {
    struct numbers numbers;
    const char *argv[ARGS_MAX];
    cleanup(str_done) struct str out = {0}, errors = {0};
    struct error err;
    int status;
    make_argv(request, "-G", &numbers, argv);
    if (capture_run("ssh", (char *const *)argv, cancel, deadline, &out, &errors, &status, &err) !=
            0 ||
        status != 0 || !out.data)
        return false;
    const char *value = value_in(out.data, keyword);
    return value && share_one(value, offer);
}

int sshprogram_open(const struct sshprogram_request *request, const char *why,
                    const struct start *start, struct cancel *cancel, struct session **ret,
                    struct error *err) {
    struct numbers numbers;
    const char *argv[ARGS_MAX];
    make_argv(request, "-T", &numbers, argv);
    struct program *p = calloc(1, sizeof(*p));
    if (!p)
        return error_memory(err);
    p->base.ops = &OPS;
    p->start = *start;
    p->server = strdup(request->server);
    p->why = strdup(why);
    int rc =
        p->server && p->why ? process_open(argv, cancel, "ssh", &p->inner, err) : error_memory(err);
    if (rc != 0) {
        free_program(p);
        return -1;
    }
    *ret = &p->base;
    return 0;
}
