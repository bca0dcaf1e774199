/*
 * command: see command.h.
 *
 * The command runs as `sh -c COMMAND` with nothing to read, standard output and standard error in
 * one pipe, which is what keeps them in their order, a TMPDIR of its own, and a PATH that ends in
 * the directories of system tools, which a login by ssh as a user often lacks. What counts as a
 * failure is for muster to say: any exit status is an answer.
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

static void add_output(struct str *out, int64_t id, const struct job *j, int64_t ns) {
    answer_open(out, id);
    answer_start(out, "output", ns);
    int status = WIFSIGNALED(j->status) ? 128 + WTERMSIG(j->status) : WEXITSTATUS(j->status);
    str_addf(out, ",\"status\":%d,\"truncated\":%s,\"output\":\"", status,
             j->truncated ? "true" : "false");
    add_base64(out, j->output.data, j->output.len);
    str_add(out, "\"}\n");
}

/* Returns 0 with the answer in *out (or none, when the session has ended), or -1. */
static int run(struct io *io, const struct json *request, int64_t id, int64_t timeout_ms,
               struct str *out, struct failure *f) {
    int64_t limit;
    struct command c = {.request = request, .text = json_text(request, "command")};
    if (!c.text || !json_integer(request, NULL, "output_limit", 0, INT64_MAX / 2, &limit))
        return failure_set(f, "internal", "a command without its text or output limit");
    cleanup(free_ptr) char *path = search_path(request);
    c.path = path;
    if (!path)
        return failure_set(f, "internal", "out of memory");
    const char *needs = json_text(request, "needs");
    if (needs && !is_installed(needs, path))
        return failure_set(f, "tool-missing", "%.200s is not installed (not found in PATH)", needs);
    tmpdir_get(); /* here, so that this process knows it */
    size_t keep = (size_t)(limit < WIRE_OUTPUT_MAX ? limit : WIRE_OUTPUT_MAX);
    struct job job;
    int64_t begin = clock_now();
    if (job_start(&job, run_shell, &c) != 0)
        return failure_set(f, "internal", "the command cannot be started: %s", strerror(errno));
    enum job_end end = job_wait(io, &job, keep, deadline_in(timeout_ms * CLOCK_MS));
    job_stop(&job, keep);
    int rc = 0;
    if (end == JOB_TIMEOUT)
        rc = failure_set(f, "timeout", "the command did not end within %g s",
                         (double)timeout_ms / 1000);
    else if (end == JOB_EXITED && job.output.failed)
        rc = failure_set(f, "internal", "out of memory");
    else if (end == JOB_EXITED)
        add_output(out, id, &job, job.ended - begin);
    str_done(&job.output);
    return rc;
}

void command_run(struct io *io, const struct json *request, int64_t id, int64_t timeout_ms,
                 struct str *out) {
    struct failure f;
    if (run(io, request, id, timeout_ms, out, &f) != 0)
        answer_error(out, id, &f);
}
