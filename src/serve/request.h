/*
 * request: what a client asks for, taken apart and decoded.
 *
 * A path is taken apart at its slashes before it is decoded, so that an encoded slash is part of a
 * name, and there is no way from one name to another: nothing here is ever a path of a file.
 *
 * Threads: a request belongs to the thread of its connection.
 */
#pragma once

#include "base/error.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

#define REQUEST_SEGMENTS 6
#define REQUEST_PARAMETERS 6
#define REQUEST_BODY 4096 /* bytes; of the form with the token */

struct site;

struct request {
    const struct site *site;
    struct MHD_Connection *connection;
    const char *method;
    char *segments[REQUEST_SEGMENTS + 1]; /* decoded; owned */
    size_t segment_count;
    struct {
        char *key, *value; /* decoded; owned */
    } parameters[REQUEST_PARAMETERS];
    size_t parameter_count;
    const char *names[2];        /* the segments that the route has a `*` for */
    char body[REQUEST_BODY + 1]; /* ended by a NUL */
    size_t body_len;
};

/*
 * Takes the path and the query of a request apart. ERROR_USAGE when an escape is none, when it is a
 * NUL or what is not UTF-8, or when a parameter comes twice; ERROR_INTERNAL.
 */
int request_parse(struct request *q, const char *path, struct error *err) must_use;

/*
 * Whether two readers of the head could differ over where the request ends or whom it is for: a
 * proxy in front might take for the rest of it what is read here as the next request.
 */
bool request_is_ambiguous(const struct request *q);

void request_done(struct request *q);

/* The value of a parameter, or NULL. */
const char *request_parameter(const struct request *q, const char *key);

/* The header's value, or NULL. */
const char *request_header(const struct request *q, const char *name);

/*
 * The n bytes without their escapes, as text that the caller frees; `plus`: a plus sign is a blank.
 */
int request_decode(const char *text, size_t n, bool plus, char **ret, struct error *err) must_use;
