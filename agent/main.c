/*
 * main: the agent that muster puts on a server to run benchmarks there.
 *
 *   agent --run RUN    serves one session on standard input and output
 *   agent --hash       prints the SHA-256 of its own file
 *   agent --describe   prints what muster has to know of its benchmarks
 *
 * src/wire/wire.h of muster is the protocol. The agent says hello with its facts, then answers one
 * request after the other until its input closes, its lease is over or a signal tells it to end;
 * then it kills what it started, removes its temporary files and is gone, within a second, whatever
 * it was doing. When it is killed itself, its guard does all that (guard.h).
 *
 * It is one small static program, because nothing may be expected of a server. One thread; trials
 * and commands run in processes of their own (job.h).
 */
#include "answer.h"
#include "benchmark.h"
#include "command.h"
#include "facts.h"
#include "guard.h"
#include "io.h"
#include "json.h"
#include "lock.h"
#include "sha256.h"
#include "tmpdir.h"
#include "tree.h"
#include "wire/wire.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MAX_MS (INT64_C(366) * 24 * 3600 * 1000)

/* The SHA-256 of the running program's file. Returns 0 or -1. */
static int own_hash(char out[65]) {
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int rc = sha256_fd(fd, out);
    close(fd);
    return rc;
}

static void say_hello(struct io *io) {
    cleanup(str_done) struct str out = {0};
    char hash[65];
    if (own_hash(hash) != 0)
        memset(hash, '0', 64), hash[64] = '\0';
    str_addf(&out,
             "{\"muster\":%d,\"type\":\"hello\",\"version\":\"" MUSTER_VERSION
             "\",\"hash\":\"%s\",\"arch\":\"" AGENT_ARCH "\",\"facts\":",
             WIRE_VERSION, hash);
    facts_add(&out, lock_works());
    str_add(&out, "}\n");
    lease_renew(&io->lease); /* muster has nothing to say until it has heard this */
    io_write(io, out.data, out.len);
}

/* Answers one request; an answer is written unless the session has ended meanwhile. */
static void serve(struct io *io, const char *run, char *line, size_t n) {
    static struct json request;
    cleanup(str_done) struct str out = {0};
    struct failure f;
    const char *type = json_read(&request, line, n) == 0 ? json_text(&request, "type") : NULL;
    int64_t id = 0, timeout_ms;
    bool command = type && strcmp(type, "command") == 0;
    if (!type || (!command && strcmp(type, "benchmark") != 0) ||
        !json_integer(&request, NULL, "id", 0, INT64_C(1) << 53, &id) ||
        !json_integer(&request, NULL, "timeout_ms", 1, TIMEOUT_MAX_MS, &timeout_ms)) {
        failure_set(&f, "internal", "the agent does not understand the request");
        answer_error(&out, id, &f);
    } else if (lock_take(io, run, &f) != 0) {
        answer_error(&out, id, &f);
    } else if (command) {
        benchmark_stop();
        command_run(io, &request, id, timeout_ms, &out);
    } else {
        benchmark_run(io, &request, id, timeout_ms, &out);
    }
    if (out.failed)
        io->ended = true;
    else
        io_write(io, out.data, out.len);
}

static int session(const char *run) {
    struct io io;
    if (guard_start() != 0 || io_open(&io) != 0) {
        perror("muster agent");
        return 1;
    }
    say_hello(&io);
    char *line;
    size_t n;
    while ((line = io_line(&io, &n)))
        serve(&io, run, line, n);
    benchmark_stop();
    tree_kill(0);
    tmpdir_remove();
    io_close(&io);
    return 0;
}

int main(int argc, char **argv) {
    char hash[65];
    if (argc == 2 && strcmp(argv[1], "--hash") == 0) {
        if (own_hash(hash) != 0)
            return 1;
        return puts(hash) < 0 || fflush(stdout) != 0;
    }
    if (argc == 2 && strcmp(argv[1], "--describe") == 0)
        return benchmark_describe() != 0;
    if (argc == 3 && strcmp(argv[1], "--run") == 0 && lock_run_valid(argv[2]))
        return session(argv[2]);
    fputs("usage: agent --run RUN | agent --hash | agent --describe\n", stderr);
    return 2;
}
