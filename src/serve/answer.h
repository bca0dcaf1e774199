/*
 * answer: what is sent back, with the headers that every answer has.
 *
 * A handler fills an answer; answer_send() hands it to the library. Where a handler fails, what it
 * had written is dropped, and the client gets the error's sentence as {"error": "..."}.
 */
#pragma once

#include "base/spool.h"
#include "serve/request.h"

#define ANSWER_JSON "application/json; charset=utf-8"
#define ANSWER_LINES "application/x-ndjson; charset=utf-8"
#define ANSWER_HTML "text/html; charset=utf-8"
#define ANSWER_TEXT "text/plain; charset=utf-8"

#define ANSWER_HEADERS 4

struct answer {
    unsigned status;   /* 0: 200, or what goes with the kind of the error */
    const char *type;  /* NULL: JSON */
    const char *cache; /* Cache-Control; NULL: no-store */
    struct {
        const char *name;
        char value[256];
    } headers[ANSWER_HEADERS];
    size_t header_count;
    struct spool body;
    struct MHD_Response *response; /* instead of the body */
    const char *refusal;           /* for who is not to know why it failed, or NULL */
};

/* One more header; one too many, or too long, is left out. */
void answer_header(struct answer *a, const char *name, const char *format, ...) printf_like(3, 4);

/* `status` for an error that is about to be returned. Returns -1. */
int answer_refuse(struct answer *a, unsigned status, struct error *err, const char *format, ...)
    printf_like(4, 5);

/* Sends what a handler made, or with rc < 0 why it could not. */
enum MHD_Result answer_send(struct request *q, struct answer *a, int rc, struct error *err);
