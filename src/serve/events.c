/*
 * events: see events.h.
 *
 * The library asks for bytes in the connection's own thread, which waits here until there are some.
 * A client that does not read makes that thread wait in the library instead, with nothing kept for
 * it but how far it has been told (serve/watch.h).
 */
#include "serve/events.h"

#include "base/clock.h"
#include "report/overview.h"
#include "serve/site.h"
#include "serve/snapshot.h"
#include "serve/watch.h"

#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK (16 * 1024)
#define LOOK_AT_CLIENT CLOCK_S /* so often, whether it is still there */

struct stream {
    const struct site *site;
    int client;
    struct watch *watch;
    struct watch_view view;
    uint32_t told;     /* the look up to which the client knows all servers */
    bool begun, ended; /* its first view was taken; its last event was written */
    bool telling;      /* rows, from `position` on */
    size_t position;
    bool resumes;       /* with an id ... */
    uint64_t epoch;     /* ... of this watch ... */
    uint32_t resume_at; /* ... and this look */
    int64_t heartbeat;  /* when it is due */
    struct str out;     /* what was written and not sent yet: */
    size_t sent;        /* so many bytes of it were */
};

/* ---- what is told ---- */

/* JSON has line ends between its parts alone, and there a line of data may end. */
static void add_event(struct str *out, const char *name, const char *data, size_t n) {
    str_addf(out, "event: %s\n", name);
    while (n > 0) {
        size_t line = strcspn(data, "\n");
        line = line < n ? line : n;
        if (line > 0) {
            str_add(out, "data: ");
            str_add_bytes(out, data, line);
            str_add_char(out, '\n');
        }
        line += line < n;
        data += line;
        n -= line;
    }
    str_add_char(out, '\n');
}

static void add_progress(struct stream *s) {
    const struct run *r = &s->view.run;
    size_t left = r->cancelled, fanout = r->fanout > 0 ? (size_t)r->fanout : 0;
    size_t running = s->view.claimed < fanout ? s->view.claimed : fanout;
    running = running < left ? running : left;
    cleanup(str_done) struct str data = {0};
    str_addf(&data,
             "{\"total\": %zu, \"passed\": %zu, \"failed\": %zu, \"errors\": %zu, "
             "\"cancelled\": %zu, \"running\": %zu, \"waiting\": %zu, \"seconds\": ",
             r->total, r->passed, r->failed, r->errors, left, running, left - running);
    if (isfinite(r->seconds))
        str_addf(&data, "%.3f", r->seconds);
    else
        str_add(&data, "null");
    str_addf(&data, ", \"state\": \"%s\"}", run_state(r));
    str_addf(&s->out, "id: %llu-%u\n", (unsigned long long)watch_epoch(s->watch), s->view.look);
    if (data.failed)
        s->out.failed = true;
    else
        add_event(&s->out, "progress", data.data, data.len);
}

static void add_end(struct stream *s) {
    cleanup(str_done) struct str data = {0};
    str_addf(&data, "{\"state\": \"%s\"}", run_state(&s->view.run));
    if (data.failed)
        s->out.failed = true;
    else
        add_event(&s->out, "end", data.data, data.len);
}

struct rows {
    struct overview *overview;
    size_t position;
};

static int add_row(void *arg, const char *server, const struct server_result *result,
                   struct error *err) {
    struct rows *r = arg;
    return overview_add(r->overview, r->position++, server, result, err);
}

/* Reads the servers at these positions, which ascend, a stretch of neighbours at a time. */
static int add_stretches(struct stream *s, struct store *store, const size_t *positions, size_t n,
                         struct overview *to, struct error *err) {
    for (size_t i = 0, end; i < n; i = end) {
        struct rows rows = {to, positions[i]};
        for (end = i + 1; end < n && positions[end] == positions[end - 1] + 1;)
            end++;
        if (store_each_between(store, s->view.run.id, positions[i], positions[end - 1], add_row,
                               &rows, err) < 0)
            return -1;
    }
    return 0;
}

static int write_rows(struct stream *s, const size_t *positions, size_t n, FILE *out,
                      struct error *err) {
    cleanup(snapshot_close) struct store *store = NULL;
    struct overview *overview = NULL;
    if (store_open(s->site->store, STORE_READ, &store, err) < 0) {
        store = NULL;
        return -1;
    }
    if (overview_begin(out, NULL, NULL, &overview, err) < 0)
        return -1;
    if (add_stretches(s, store, positions, n, overview, err) < 0) {
        overview_free(overview);
        return -1;
    }
    overview_end(&overview);
    return 0;
}

static int add_servers(struct stream *s, const size_t *positions, size_t n) {
    cleanup(free_ptr) char *text = NULL;
    size_t size = 0;
    struct error err;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return -1;
    int rc = write_rows(s, positions, n, out, &err);
    if (fclose(out) != 0)
        rc = -1;
    if (rc == 0)
        add_event(&s->out, "servers", text, size);
    return rc;
}

/* ---- when ---- */

/* The next servers that have changed; behind the last ones, how far the run is. */
static int tell(struct stream *s) {
    size_t positions[EVENTS_ROWS];
    size_t n = watch_changed(s->watch, s->told, &s->position, positions, ARRAY_LEN(positions));
    if (n > 0 && add_servers(s, positions, n) < 0)
        return -1;
    if (n == ARRAY_LEN(positions))
        return 0;
    s->telling = false;
    s->told = s->view.look;
    add_progress(s);
    if (s->view.over) {
        add_end(s);
        s->ended = true;
    }
    return 0;
}

static void take_view(struct stream *s) {
    s->telling = true;
    s->position = 0;
    if (s->begun)
        return;
    s->begun = true;
    bool known = s->resumes && s->epoch == watch_epoch(s->watch) && s->resume_at <= s->view.look;
    s->told = known ? s->resume_at : 0;
}

static bool is_gone(int client) {
    struct pollfd p = {.fd = client, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0;
}

/* Waits until there is something to tell. -1: it cannot be told, or there is nobody to tell it to.
 */
static int next(struct stream *s) {
    if (s->telling)
        return tell(s);
    int64_t until = deadline_min(s->heartbeat, deadline_in(LOOK_AT_CLIENT));
    if (watch_wait(s->watch, s->view.look, until, &s->view)) {
        /* over, though somebody works on the run: the store has gone, or the program ends */
        if (s->view.over && (run_goes_on(&s->view.run) || !s->view.run.id[0]))
            return -1;
        take_view(s);
        return tell(s);
    }
    if (is_gone(s->client))
        return -1;
    if (clock_now() >= s->heartbeat)
        str_add(&s->out, ": still there\n\n");
    return 0;
}

static ssize_t read_some(void *arg, uint64_t position, char *to, size_t max) {
    (void)position;
    struct stream *s = arg;
    while (s->sent == s->out.len) {
        str_clear(&s->out);
        s->sent = 0;
        if (s->ended || cancel_fired(s->site->cancel))
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (next(s) < 0 || s->out.failed)
            return MHD_CONTENT_READER_END_WITH_ERROR;
        if (s->out.len > 0)
            s->heartbeat = deadline_in(EVENTS_HEARTBEAT * CLOCK_S);
    }
    size_t n = s->out.len - s->sent < max ? s->out.len - s->sent : max;
    memcpy(to, s->out.data + s->sent, n);
    s->sent += n;
    return (ssize_t)n;
}

/* ---- the request ---- */

static void stream_free(void *arg) {
    struct stream *s = arg;
    if (s->watch)
        watch_leave(s->watch);
    str_done(&s->out);
    free(s);
}

/* EPOCH-LOOK, as it was given out; anything else is no place that is known. */
static void read_id(struct stream *s, const char *id) {
    char *rest;
    if (!id || !*id)
        return;
    s->resumes = true;
    s->epoch = strtoull(id, &rest, 10);
    if (*rest == '-')
        s->resume_at = (uint32_t)strtoul(rest + 1, &rest, 10);
    if (*rest)
        s->epoch = 0;
}

static int open_stream(struct request *q, const char *run_id, struct answer *a, struct error *err) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(q->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct stream *s = calloc(1, sizeof(*s));
    if (!s || !info) {
        free(s);
        return error_memory(err);
    }
    s->site = q->site;
    s->client = info->connect_fd;
    s->heartbeat = deadline_in(EVENTS_HEARTBEAT * CLOCK_S);
    read_id(s, request_header(q, "Last-Event-ID"));
    if (watch_join(q->site->watches, run_id, &s->watch, err) < 0) {
        stream_free(s);
        return -1;
    }
    a->response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_some, s, stream_free);
    if (a->response)
        return 0;
    stream_free(s);
    return error_memory(err);
}

int events_stream(struct request *q, struct answer *a, struct error *err) {
    cleanup(snapshot_close) struct store *store = NULL;
    struct run run;
    if (snapshot_open(q, a, &store, err) < 0 || store_run(store, q->names[0], &run, err) < 0)
        return -1;
    a->type = "text/event-stream";
    if (!run_goes_on(&run) && request_header(q, "Last-Event-ID")) {
        a->status = MHD_HTTP_NO_CONTENT;
        return 0;
    }
    /* the library would send the end of a stream all the same */
    if (strcmp(q->method, "HEAD") == 0)
        return 0;
    answer_header(a, "X-Accel-Buffering", "no"); /* nginx would keep events until they are many */
    return open_stream(q, run.id, a, err);
}
