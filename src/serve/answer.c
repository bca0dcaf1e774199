/*
 * answer: see answer.h.
 *
 * The policy lets a page run what came from this server as a file, and nothing that stands within a
 * page: what a server of the fleet has sent could never be run, even if it were not escaped.
 */
#include "serve/answer.h"

#include "base/fd.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *value;
} always[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
     "img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
};

void answer_header(struct answer *a, const char *name, const char *format, ...) {
    if (a->header_count == ANSWER_HEADERS)
        return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(a->headers[a->header_count].value, sizeof(a->headers[0].value), format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof(a->headers[0].value))
        a->headers[a->header_count++].name = name;
}

int answer_refuse(struct answer *a, unsigned status, struct error *err, const char *format, ...) {
    char text[sizeof(err->text)];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    a->status = status;
    return error_set(err, ERROR_USAGE, "%s", text);
}

/* The sentence may hold what a client sent, so it is text, and JSON. */
static void write_error(struct answer *a, const struct error *err) {
    cleanup(str_done) struct str json = {0};
    struct error ignored;
    spool_done(&a->body);
    a->type = NULL;
    a->cache = NULL;
    if (a->status < 400)
        a->status = err->kind == ERROR_USAGE         ? MHD_HTTP_NOT_FOUND
                    : err->kind == ERROR_INTERRUPTED ? MHD_HTTP_SERVICE_UNAVAILABLE
                                                     : MHD_HTTP_INTERNAL_SERVER_ERROR;
    /* its keeper can mend it, its reader cannot; that it is being ended, its keeper knows */
    if (a->status >= 500 && err->kind != ERROR_INTERRUPTED)
        fprintf(stderr, "muster: %s\n", err->text);
    const char *text = a->refusal ? a->refusal : err->text;
    str_add(&json, "{\"error\": ");
    text_add_json(&json, text, strlen(text));
    str_add(&json, "}\n");
    if (spool_begin(&a->body, &ignored) < 0)
        return;
    fputs(json.failed ? "{\"error\": \"out of memory\"}\n" : json.data, a->body.out);
    if (spool_end(&a->body, &ignored) < 0)
        spool_done(&a->body);
}

static struct MHD_Response *make(struct answer *a) {
    struct spool *s = &a->body;
    if (s->fd > 0) {
        struct MHD_Response *r = MHD_create_response_from_fd(s->size, s->fd);
        if (r)
            fd_take(&s->fd);
        return r;
    }
    if (s->size == 0)
        return MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *r =
        MHD_create_response_from_buffer(s->size, s->memory.data, MHD_RESPMEM_MUST_FREE);
    if (r)
        s->memory = (struct str){0};
    return r;
}

static void add_headers(struct MHD_Response *r, const struct answer *a) {
    for (size_t i = 0; i < ARRAY_LEN(always); i++)
        MHD_add_response_header(r, always[i].name, always[i].value);
    MHD_add_response_header(r, "Content-Type", a->type ? a->type : ANSWER_JSON);
    MHD_add_response_header(r, "Cache-Control", a->cache ? a->cache : "no-store");
    for (size_t i = 0; i < a->header_count; i++)
        MHD_add_response_header(r, a->headers[i].name, a->headers[i].value);
}

enum MHD_Result answer_send(struct request *q, struct answer *a, int rc, struct error *err) {
    if (rc == 0 && a->body.out)
        rc = spool_end(&a->body, err);
    if (rc < 0)
        write_error(a, err);
    struct MHD_Response *r = rc == 0 && a->response ? a->response : make(a);
    enum MHD_Result sent = MHD_NO;
    if (r) {
        add_headers(r, a);
        sent = MHD_queue_response(q->connection, a->status ? a->status : MHD_HTTP_OK, r);
        MHD_destroy_response(r);
    }
    spool_done(&a->body);
    return sent;
}
