/*
 * command: see command.h.
 *
 * The command runs as `sh -c COMMAND` with nothing to read, standard output and standard error in
 * one pipe, which is what keeps them in their order, a TMPDIR of its own, and a PATH that ends in
 * the directories of system tools, which a login by ssh as a user often lacks. What counts as a
 * failure is for muster to say: any exit status is an answer. A long output is sent when the
 * command has ended, because a slow session would hold up the command before.
 */
#include "command.h"

#include "answer.h"
#include "base/clock.h"
#include "job.h"
#include "tmpdir.h"
#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSTEM_PATHS "/usr/sbin:/sbin:/usr/local/sbin"

struct command {
    const struct json *request;
    const char *text;
    const char *path;
};

static void run_shell(void *arg, int in, int out) {
    const struct command *c = arg;
    close(in);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(126);
    const char *tmpdir = tmpdir_get();
    if (tmpdir)
        setenv("TMPDIR", tmpdir, 1);
    for (size_t i = 0; i < c->request->count; i++) {
        const struct json_field *f = &c->request->fields[i];
        if (f->object && strcmp(f->object, "env") == 0 && f->kind == JSON_TEXT)
            setenv(f->key, f->text, 1);
    }
    setenv("PATH", c->path, 1);
    io_reset_signals();
    execl("/bin/sh", "sh", "-c", c->text, (char *)NULL);
    dprintf(2, "/bin/sh: %s\n", strerror(errno));
    _exit(127);
}

static char *search_path(const struct json *request) {
    const struct json_field *own = json_find(request, "env", "PATH");
    const char *path = own && own->kind == JSON_TEXT ? own->text : getenv("PATH");
    struct str s = {0};
    str_addf(&s, "%s:" SYSTEM_PATHS, path && *path ? path : "/usr/local/bin:/usr/bin:/bin");
    return str_take(&s);
}

static bool is_program(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool is_installed(const char *program, const char *path) {
    if (strchr(program, '/'))
        return is_program(program);
    while (*path) {
        char file[4096];
        size_t n = strcspn(path, ":");
        snprintf(file, sizeof(file), "%.*s/%s", (int)n, path, program);
        if (n > 0 && is_program(file))
            return true;
        path += n + (path[n] == ':');
    }
    return false;
}

static void add_base64(struct str *out, const char *data, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)data;
    char *to = str_room(out, (n + 2) / 3 * 4);
    if (!to)
        return;
    for (; n > 0; p += 3) {
        unsigned bits =
            (unsigned)p[0] << 16 | (n > 1 ? (unsigned)p[1] << 8 : 0) | (n > 2 ? (unsigned)p[2] : 0);
        *to++ = digits[bits >> 18];
        *to++ = digits[bits >> 12 & 63];
        *to++ = n > 1 ? digits[bits >> 6 & 63] : '=';
        *to++ = n > 2 ? digits[bits & 63] : '=';
        n -= n < 3 ? n : 3;
    }
    out->len = (size_t)(to - out->data);
    *to = '\0';
}

static void add_output(struct str *out, int64_t id, const struct job *j, size_t limit, int64_t ns) {
    cleanup(str_done) struct str ends = {0};
    output_ends(&j->output, limit, &ends);
    answer_open(out, id);
    answer_start(out, "output", ns);
    int status = WIFSIGNALED(j->status) ? 128 + WTERMSIG(j->status) : WEXITSTATUS(j->status);
    str_addf(out, ",\"status\":%d,\"truncated\":%s,\"bytes\":%lld,\"output\":\"", status,
             j->output.total > (int64_t)limit ? "true" : "false", (long long)j->output.total);
    add_base64(out, ends.data, ends.len);
    str_add(out, "\"}\n");
    out->failed |= ends.failed;
}

/*
 * The beginning of a long output goes ahead of the answer, which has no room for it. No session
 * gets the rest of what another one has the beginning of.
 */
static void send_pieces(struct io *io, int64_t id, const struct str *head) {
    unsigned session = io->session;
    for (size_t at = 0; at < head->len && io_asked(io) && io->session == session;
         at += WIRE_PIECE_MAX) {
        cleanup(str_done) struct str out = {0};
        size_t n = head->len - at < WIRE_PIECE_MAX ? head->len - at : WIRE_PIECE_MAX;
        answer_open(&out, id);
        answer_start(&out, "piece", -1);
        str_add(&out, ",\"output\":\"");
        add_base64(&out, head->data + at, n);
        str_add(&out, "\"}\n");
        if (out.failed)
            return; /* what has gone is of use without the rest */
        io_write(io, out.data, out.len);
    }
}

/* How much of the output goes into the answer, and into pieces before it. */
static int read_limits(const struct json *request, size_t *answer, size_t *pieces) {
    int64_t limit, keep;
    if (!json_integer(request, NULL, "output_limit", 0, INT64_MAX / 2, &limit) ||
        !json_integer(request, NULL, "keep_limit", 0, WIRE_KEEP_MAX, &keep))
        return -1;
    *answer = (size_t)(limit < WIRE_OUTPUT_MAX ? limit : WIRE_OUTPUT_MAX);
    *pieces = (size_t)keep;
    return 0;
}

/* Returns 0 with the answer in *out (or none, when the session has ended), or -1. */
static int run(struct io *io, const struct json *request, int64_t id, int64_t timeout_ms,
               struct str *out, struct failure *f) {
    size_t limit, keep;
    struct command c = {.request = request, .text = json_text(request, "command")};
    if (!c.text || read_limits(request, &limit, &keep) != 0)
        return failure_set(f, "internal", "a command without its text or its output's limits");
    cleanup(free_ptr) char *path = search_path(request);
    c.path = path;
    if (!path)
        return failure_set(f, "internal", "the server is out of memory");
    const char *needs = json_text(request, "needs");
    if (needs && !is_installed(needs, path))
        return failure_set(f, "tool-missing", "%.200s is not installed (not found in PATH)", needs);
    tmpdir_get(); /* here, so that this process knows it */
    struct job job;
    int64_t begin = clock_now();
    if (job_start(&job, run_shell, &c) != 0)
        return failure_set(f, "internal", "the command cannot be started: %s", strerror(errno));
    job.output.head_max = keep > limit ? keep : limit;
    job.output.tail_max = WIRE_OUTPUT_TAIL(limit);
    enum job_end end = job_wait(io, &job, deadline_in(timeout_ms * CLOCK_MS));
    job_stop(&job);
    int rc = 0;
    if (end == JOB_TIMEOUT)
        rc = failure_set(f, "timeout", "the command did not end within %g s",
                         (double)timeout_ms / 1000);
    else if (end == JOB_EXITED && (job.output.head.failed || job.output.tail.failed))
        rc = failure_set(f, "internal", "the server is out of memory");
    else if (end == JOB_EXITED) {
        if (keep > 0 && job.output.total > (int64_t)limit)
            send_pieces(io, id, &job.output.head);
        add_output(out, id, &job, limit, job.ended - begin);
    }
    output_done(&job.output);
    return rc;
}

void command_run(struct io *io, const struct json *request, int64_t id, int64_t timeout_ms,
                 struct str *out) {
    struct failure f;
    if (run(io, request, id, timeout_ms, out, &f) != 0)
        answer_error(out, id, &f);
}
