/*
 * session: see session.h.
 *
 * Requests are answered one after the other. With a lease that lets the agent linger it keeps its
 * answers in a journal, and goes on when the session is lost. What it was asked for it finishes;
 * then it lets go of the server, because another run may want it: the benchmark's process ends and
 * the lock is given back, until muster asks for more.
 *
 * A session that takes over asks from its first request on, as the first one did. What the journal
 * has is answered from there at once, also while another request is worked on; a request that is
 * the one in progress is dropped, since its answer will come. So nothing is run twice.
 */
#include "session.h"

#include "answer.h"
#include "base/clock.h"
#include "benchmark.h"
#include "command.h"
#include "facts.h"
#include "guard.h"
#include "io.h"
#include "journal.h"
#include "json.h"
#include "lock.h"
#include "relay.h"
#include "sha256.h"
#include "tmpdir.h"
#include "tree.h"
#include "wire/wire.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_MAX_MS (INT64_C(366) * 24 * 3600 * 1000)

struct request {
    bool command;
    int64_t id, timeout_ms;
    uint64_t question;
};

struct session {
    struct io io;
    struct journal journal;
    bool keeps; /* the journal is open */
    bool works;
    struct request request; /* in progress while it works */
};

static void say_hello(struct io *io) {
    cleanup(str_done) struct str out = {0};
    char hash[65];
    if (sha256_own(hash) != 0)
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

/* Returns false for what is no request; the id is told as far as it is known. */
static bool read_request(struct json *json, char *line, size_t n, struct request *ret) {
    *ret = (struct request){0};
    const char *type = json_read(json, line, n) == 0 ? json_text(json, "type") : NULL;
    if (!type)
        return false;
    ret->command = strcmp(type, "command") == 0;
    if ((!ret->command && strcmp(type, "benchmark") != 0) ||
        !json_integer(json, NULL, "id", 0, INT64_C(1) << 53, &ret->id) ||
        !json_integer(json, NULL, "timeout_ms", 1, TIMEOUT_MAX_MS, &ret->timeout_ms))
        return false;
    ret->question = journal_question(json);
    return true;
}

/* ---- the journal ---- */

/* The journal is open from the first request on that a lease to linger came before. */
static void open_journal(struct session *s) {
    char name[JOURNAL_NAME_MAX];
    if (s->keeps || s->io.lease.linger == 0)
        return;
    snprintf(name, sizeof(name), "%s-%016llx-%lld", s->io.run, (unsigned long long)s->io.lease.key,
             (long long)s->io.lease.round);
    journal_open(&s->journal, name);
    s->keeps = true;
}

/* Answers what has been answered before. */
static bool answer_again(struct session *s, const struct request *r) {
    size_t n;
    const char *line = s->keeps ? journal_find(&s->journal, r->id, r->question, &n) : NULL;
    if (line)
        io_write(&s->io, line, n);
    return line != NULL;
}

static bool is_in_progress(const struct session *s, const struct request *r) {
    return s->works && s->request.id == r->id && s->request.question == r->question;
}

/* Requests came while another one is in progress: answers those that need no work. */
static void heard(struct io *io, void *arg) {
    static struct json json;
    struct session *s = arg;
    struct request r;
    size_t n;
    char *line;
    for (size_t at = 0; (line = io_peek(io, at, &n));) {
        if (!read_request(&json, line, n - 1, &r)) {
            at += n;
        } else if (is_in_progress(s, &r)) {
            io_drop(io, at, n);
            io->asker = io->session;
        } else if (s->keeps && journal_find(&s->journal, r.id, r.question, &(size_t){0})) {
            io_drop(io, at, n);
            answer_again(s, &r);
        } else {
            at += n;
        }
    }
}

/* ---- requests ---- */

/* Does what is asked for. Returns whether that came to anything that must not be done twice. */
static bool work(struct session *s, const struct json *json, struct str *out) {
    const struct request *r = &s->request;
    struct failure f;
    if (lock_take(&s->io, s->io.run, &f) != 0) {
        answer_error(out, r->id, &f);
        return false;
    }
    if (r->command) {
        benchmark_stop();
        command_run(&s->io, json, r->id, r->timeout_ms, out);
    } else {
        benchmark_run(&s->io, json, r->id, r->timeout_ms, out);
    }
    return out->len > 0 && !out->failed;
}

/* Answers one request; the answer is written to the session that waits for it, if any. */
static void serve(struct session *s, char *line, size_t n) {
    static struct json json;
    cleanup(str_done) struct str out = {0};
    struct request r;
    if (!read_request(&json, line, n, &r)) {
        struct failure f;
        failure_set(&f, "internal", "the agent does not understand the request");
        answer_error(&out, r.id, &f);
        io_write(&s->io, out.data, out.len);
        return;
    }
    open_journal(s);
    if (answer_again(s, &r))
        return;
    s->request = r;
    s->io.asker = s->io.session;
    s->works = true;
    bool done = work(s, &json, &out);
    if (done && s->keeps)
        journal_add(&s->journal, r.id, r.question, out.data, out.len);
    s->works = false;
    if (out.failed)
        s->io.ended = true;
    else if (io_asked(&s->io))
        io_write(&s->io, out.data, out.len);
}

/* ---- the session ---- */

/* There is no session, and nothing to do: waits for the next one. */
static void rest(struct session *s) {
    benchmark_stop();
    lock_release();
    while (s->io.lost && io_wait(&s->io, -1, DEADLINE_NEVER) != IO_ENDED)
        ;
}

static void converse(struct session *s) {
    say_hello(&s->io);
    while (!s->io.ended) {
        size_t n;
        char *line = io_line(&s->io, &n);
        if (line)
            serve(s, line, n);
        else if (s->io.lost)
            rest(s);
        else
            break;
    }
}

int session_run(const char *run) {
    static struct session s;
    if (guard_start() != 0 || io_open(&s.io, run) != 0) {
        perror("muster agent");
        return 1;
    }
    s.io.heard = heard;
    s.io.arg = &s;
    converse(&s);
    if (s.io.other >= 0)
        relay_run(&s.io, s.io.other);
    benchmark_stop();
    tree_kill(0);
    tmpdir_remove();
    if (s.keeps)
        journal_close(&s.journal, s.io.finished);
    io_close(&s.io);
    return 0;
}
