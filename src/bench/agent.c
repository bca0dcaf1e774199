/* agent: see agent.h. */
#include "bench/agent.h"

#include "base/clock.h"
#include "base/text.h"
#include "bench/image.h"

#include <stdio.h>
#include <string.h>

#define READ_SIZE 16384

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
        char *room = str_room(&a->input, READ_SIZE);
        if (!room)
            return error_memory(err);
        ssize_t n = session_read(a->session, room, READ_SIZE, deadline, err);
        if (n <= 0)
            return (int)n;
        a->input.len += (size_t)n;
    }
}

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
    for (;;) {
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
        if (len > 0) {
            str_add_bytes(noise, line, len);
            str_add_char(noise, '\n');
        }
        if (noise->len > AGENT_NOISE_MAX)
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

int agent_start(struct agent *a, struct session *session, const char *command, int64_t deadline,
                struct wire_message *hello, struct error *err) {
    *a = (struct agent){.session = session};
    *hello = (struct wire_message){0};
    if (session_start(session, command, deadline, err) < 0)
        return -1;
    return greet(a, deadline, hello, err);
}

int64_t agent_next_id(struct agent *a) {
    return ++a->last_id;
}

int agent_ask(struct agent *a, const struct str *request, int64_t deadline,
              struct wire_message *answer, struct error *err) {
    const char *line;
    size_t len;
    if (request->failed)
        return error_memory(err);
    if (session_write(a->session, request->data, request->len, deadline, err) < 0)
        return -1;
    int rc = read_line(a, deadline, &line, &len, err);
    if (rc == 0)
        return error_set(err, ERROR_CONNECTION_LOST,
                         "the agent ended in the middle of a benchmark%s%s",
                         *session_stderr(a->session) ? ": " : "", session_stderr(a->session));
    if (rc < 0 || wire_parse(line, len, answer, err) < 0)
        return -1;
    if (answer->id == a->last_id && answer->type != WIRE_HELLO && answer->type != WIRE_NEED)
        return 0;
    wire_message_done(answer);
    return error_set(err, ERROR_BAD_OUTPUT, "the server answered something that was not asked");
}

void agent_done(struct agent *a) {
    str_done(&a->input);
}
