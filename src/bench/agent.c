/*
 * agent: see agent.h.
 *
 * There is no thread that beats: whoever waits for an answer reads no longer than until the next
 * word is due, says it, and reads on. Nobody else has anything to say, because between two requests
 * no time passes.
 */
#include "bench/agent.h"

#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"
#include "bench/image.h"

#include <stdio.h>
#include <string.h>

#define READ_ROOM 1023 /* for more to come, at least: thousands of agents wait at once */
#define END_GRACE (1500 * CLOCK_MS) /* it takes the agent up to a second to end what runs */

/* ---- the lease ---- */

static int64_t length_of(const struct agent *a) {
    return a->lease.lease_ms * CLOCK_MS;
}

static int lost(const struct agent *a, const char *what, struct error *err) {
    char lease[DURATION_TEXT];
    duration_format(length_of(a), lease);
    return error_set(err, ERROR_CONNECTION_LOST, "%s for %s", what, lease);
}

/* Writes, which is a word of muster's; a server that takes nothing for a whole lease is lost. */
static int say(struct agent *a, const struct str *text, int64_t deadline, struct error *err) {
    int64_t patience = deadline_in(length_of(a));
    if (text->failed)
        return error_memory(err);
    if (session_write(a->session, text->data, text->len, deadline_min(patience, deadline), err) < 0)
        return err->kind == ERROR_TIMEOUT && patience < deadline
                   ? lost(a, "the server has taken no word", err)
                   : -1;
    a->next_word = deadline_in(a->lease.beat_ms * CLOCK_MS);
    return 0;
}

static int renew(struct agent *a, int64_t deadline, struct error *err) {
    cleanup(str_done) struct str word = {0};
    wire_add_lease(&word, &a->lease);
    return say(a, &word, deadline, err);
}

/* ---- reading ---- */

/*
 * Reads what is there, as session_read() does, and renews the lease in the meantime. The clock is
 * looked at first: a server that never stops sending must not outrun it.
 */
static ssize_t read_more(struct agent *a, char *room, size_t size, int64_t deadline,
                         struct error *err) {
    for (;;) {
        int64_t now = clock_now();
        if (now >= deadline)
            return error_set(err, ERROR_TIMEOUT,
                             "no answer from the agent before the server's deadline (--timeout)");
        if (now >= a->next_word && renew(a, deadline, err) < 0)
            return -1;
        int64_t until = deadline_min(deadline, deadline_min(a->next_word, a->silent));
        ssize_t n = session_read(a->session, room, size, until, err);
        if (n < 0 && err->kind != ERROR_TIMEOUT)
            return -1;
        if (n >= 0) {
            a->silent = deadline_in(length_of(a));
            return n;
        }
        if (clock_now() >= a->silent)
            return lost(a, "no word from the agent", err);
    }
}

/*
 * Reads up to the next newline. Returns 1 and the line without it, which stays until the next call;
 * 0 at the end of the input; -1.
 */
static int read_line(struct agent *a, int64_t deadline, const char **line, size_t *len,
                     struct error *err) {
    size_t searched = a->used;
    for (;;) {
        char *start = a->input.data ? a->input.data + searched : NULL;
        char *end = start ? memchr(start, '\n', a->input.len - searched) : NULL;
        if (end) {
            *line = a->input.data + a->used;
            *len = (size_t)(end - *line);
            a->used += *len + 1;
            return 1;
        }
        if (a->input.len - a->used > WIRE_LINE_MAX)
            return error_set(err, ERROR_BAD_OUTPUT, "the server sent a line of over %d bytes",
                             WIRE_LINE_MAX);
        if (a->used > 0) {
            memmove(a->input.data, a->input.data + a->used, a->input.len - a->used);
            a->input.len -= a->used;
            a->used = 0;
        }
        searched = a->input.len;
        char *room = str_room(&a->input, READ_ROOM);
        if (!room)
            return error_memory(err);
        ssize_t n = read_more(a, room, a->input.cap - a->input.len - 1, deadline, err);
        if (n <= 0)
            return (int)n;
        a->input.len += (size_t)n;
    }
}

/* ---- starting ---- */

static const char message_start[] = "{\"muster\":";
#define MESSAGE_START_LEN (sizeof(message_start) - 1)

static bool is_message(const char *line, size_t len) {
    return len >= MESSAGE_START_LEN && memcmp(line, message_start, MESSAGE_START_LEN) == 0;
}

/* A shell's noise may end without a newline (a terminal's title, say): the message comes behind it.
 */
static bool is_behind_noise(const char *line, size_t len, struct wire_message *ret) {
    const char *start = NULL, *next = line;
    struct error ignored;
    while ((next = memmem(next, len - (size_t)(next - line), message_start, MESSAGE_START_LEN)))
        start = next++;
    return start && wire_parse(start, len - (size_t)(start - line), ret, &ignored) == 0;
}

/*
 * The far side ended before the agent spoke. Exit statuses above 124 are how programs that carry
 * commands (ssh, docker, kubectl, env) say that they could not.
 */
static int ended_early(struct agent *a, const struct str *noise, int64_t deadline,
                       struct error *err) {
    int status = -1;
    if (session_finish(a->session, deadline, &status, err) < 0)
        return -1;
    enum error_kind kind = status >= 125 && noise->len == 0 ? ERROR_UNREACHABLE : ERROR_BAD_OUTPUT;
    const char *said = session_stderr(a->session);
    struct str first = {0};
    if (*said)
        str_add(&first, said);
    else if (noise->len > 0)
        text_add_printable(&first, noise->data, strcspn(noise->data, "\r\n"), 200);
    char how[32] = "was killed";
    if (status >= 0)
        snprintf(how, sizeof(how), "ended with status %d", status);
    error_set(err, kind, "the agent did not start: the remote shell %s%s%s", how,
              first.len ? " and said: " : " and said nothing", first.len ? first.data : "");
    str_done(&first);
    return -1;
}

static int send_image(struct agent *a, const char *arch, int64_t deadline, struct error *err) {
    const struct agent_image *image = agent_image_find(arch);
    if (!image)
        return error_set(err, ERROR_UNSUPPORTED, "there is no agent for the architecture %s", arch);
    return session_write(a->session, (const char *)image->data, image->size, deadline, err);
}

/* Passes over noise to the next message. */
static int read_first(struct agent *a, struct str *noise, int64_t deadline,
                      struct wire_message *ret, struct error *err) {
    for (size_t passed = 0;;) {
        const char *line;
        size_t len;
        int rc = read_line(a, deadline, &line, &len, err);
        if (rc < 0)
            return -1;
        if (rc == 0) {
            str_add_bytes(noise, a->input.data ? a->input.data + a->used : "",
                          a->input.len - a->used);
            return ended_early(a, noise, deadline, err);
        }
        if (is_message(line, len))
            return wire_parse(line, len, ret, err);
        if (is_behind_noise(line, len, ret))
            return 0;
        passed += len + 1;
        if (len > 0) {
            str_add_bytes(noise, line, len);
            str_add_char(noise, '\n');
        }
        if (passed > AGENT_NOISE_MAX)
            return error_set(err, ERROR_BAD_OUTPUT,
                             "the remote shell printed over %d bytes before the agent could start",
                             AGENT_NOISE_MAX);
    }
}

static int take_error(struct wire_message *m, struct error *err) {
    return error_set(err, reason_error(m->reason), "%s", m->detail);
}

static int check_hello(const struct wire_message *hello, struct error *err) {
    const struct agent_image *image = agent_image_find(hello->arch);
    if (image && strcmp(image->hash, hello->hash) != 0)
        return error_set(err, ERROR_BAD_OUTPUT,
                         "the agent on the server is not the one that was put there: its SHA-256 "
                         "is %.16s..., and should be %.16s...",
                         hello->hash, image->hash);
    return 0;
}

static int greet(struct agent *a, int64_t deadline, struct wire_message *hello, struct error *err) {
    cleanup(str_done) struct str noise = {0};
    for (bool sent = false;;) {
        struct wire_message m;
        if (read_first(a, &noise, deadline, &m, err) < 0)
            return -1;
        if (m.type == WIRE_HELLO) {
            *hello = m;
            return check_hello(hello, err);
        }
        int rc = -1;
        if (m.type == WIRE_ERROR)
            take_error(&m, err);
        else if (m.type == WIRE_NEED && !sent)
            rc = send_image(a, m.arch, deadline, err);
        else
            error_set(err, ERROR_BAD_OUTPUT, "the server answered before it was asked");
        sent = true;
        wire_message_done(&m);
        if (rc < 0)
            return -1;
    }
}

int agent_start(struct agent *a, struct session *session, const char *command,
                const struct wire_lease *lease, int64_t deadline, struct wire_message *hello,
                struct error *err) {
    *a = (struct agent){.session = session, .next_word = DEADLINE_NEVER, .silent = DEADLINE_NEVER};
    *hello = (struct wire_message){0};
    if (session_start(session, command, deadline, err) < 0 || greet(a, deadline, hello, err) < 0)
        return -1;
    a->lease = *lease;
    return 0;
}

/* ---- asking ---- */

int64_t agent_next_id(struct agent *a) {
    return ++a->last_id;
}

/* The lease goes with the request, so that it costs no turn of its own. */
static int send_request(struct agent *a, const struct str *request, int64_t deadline,
                        struct error *err) {
    cleanup(str_done) struct str both = {0};
    if (a->lease.lease_ms > 0)
        wire_add_lease(&both, &a->lease);
    str_add_bytes(&both, request->data, request->len);
    both.failed |= request->failed;
    if (say(a, &both, deadline, err) < 0)
        return -1;
    a->silent = deadline_in(length_of(a));
    return 0;
}

/* Reads the next message that is more than a sign of life or a piece of what was asked for. */
static int read_answer(struct agent *a, int64_t deadline, struct wire_message *answer,
                       struct error *err) {
    for (;;) {
        const char *line;
        size_t len;
        int rc = read_line(a, deadline, &line, &len, err);
        if (rc == 0)
            return error_set(err, ERROR_CONNECTION_LOST,
                             "the agent ended in the middle of a benchmark%s%s",
                             *session_stderr(a->session) ? ": " : "", session_stderr(a->session));
        if (rc < 0 || wire_parse(line, len, answer, err) < 0)
            return -1;
        bool piece = answer->type == WIRE_PIECE && answer->id == a->last_id;
        if (!piece && answer->type != WIRE_ALIVE)
            return 0;
        if (piece)
            outfile_add(&a->outfile, answer->output, answer->output_len);
        wire_message_done(answer);
    }
}

int agent_ask(struct agent *a, const struct str *request, int64_t deadline,
              struct wire_message *answer, struct error *err) {
    if (send_request(a, request, deadline, err) < 0 || read_answer(a, deadline, answer, err) < 0)
        return -1;
    if (answer->id == a->last_id && answer->type != WIRE_HELLO && answer->type != WIRE_NEED &&
        answer->type != WIRE_PIECE)
        return 0;
    wire_message_done(answer);
    return error_set(err, ERROR_BAD_OUTPUT, "the server answered something that was not asked");
}

/* sshd drops what it has not passed on when the connection closes: so the end is waited for. */
void agent_end(struct agent *a) {
    cleanup(str_done) struct str word = {0};
    struct error ignored;
    char trash[1024];
    int64_t deadline = deadline_in(END_GRACE);
    wire_add_end(&word);
    if (a->lease.linger_ms == 0 || word.failed ||
        session_write(a->session, word.data, word.len, deadline, &ignored) < 0)
        return;
    while (clock_now() < deadline &&
           session_read(a->session, trash, sizeof(trash), deadline, &ignored) > 0)
        ;
}

void agent_done(struct agent *a) {
    outfile_done(&a->outfile);
    str_done(&a->input);
}
