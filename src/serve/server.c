/*
 * server: see server.h.
 *
 * libmicrohttpd's part is HTTP: connections, threads, heads of requests. It is given undecoded
 * addresses (serve/request.h), and a socket that is bound already (serve/listen.h).
 */
#include "serve/server.h"

#include "serve/route.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD_MAX (32 * 1024) /* bytes of memory of a connection: the request's head must fit */
#define STACK (1024 * 1024)

struct server_daemon {
    const struct site *site;
    struct MHD_Daemon *mhd;
};

/* What is decoded here would be cut at a NUL, and slashes in names be lost. */
static size_t leave_encoded(void *arg, struct MHD_Connection *connection, char *text) {
    (void)arg;
    (void)connection;
    return strlen(text);
}

static size_t declared_length(const struct request *q) {
    const char *text = request_header(q, "Content-Length");
    return text ? strtoul(text, NULL, 10) : 0;
}

/*
 * What is answered before all of a request has come is read no further, and its connection is
 * closed. That is for what has a body, but for a form of a size that was told.
 */
static bool will_read(const struct request *q, const char *path) {
    if (request_header(q, "Transfer-Encoding") || request_is_ambiguous(q))
        return false;
    return route_has_body(q, path) ? declared_length(q) <= REQUEST_BODY : declared_length(q) == 0;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **own) {
    (void)version;
    const struct server_daemon *d = arg;
    struct request *q = *own;
    if (!q) {
        q = calloc(1, sizeof(*q));
        if (!q)
            return MHD_NO;
        *q = (struct request){.site = d->site, .connection = connection, .method = method};
        *own = q;
        return will_read(q, path) ? MHD_YES : route_answer(q, path);
    }
    if (*data_size == 0)
        return route_answer(q, path);
    size_t n = *data_size < REQUEST_BODY - q->body_len ? *data_size : REQUEST_BODY - q->body_len;
    memcpy(q->body + q->body_len, data, n);
    q->body_len += n;
    *data_size = 0;
    return MHD_YES;
}

static void complete(void *arg, struct MHD_Connection *connection, void **own,
                     enum MHD_RequestTerminationCode code) {
    (void)arg;
    (void)connection;
    (void)code;
    struct request *q = *own;
    if (!q)
        return;
    request_done(q);
    free(q);
    *own = NULL;
}

int server_start(const struct site *site, const struct listening *at, struct server_daemon **ret,
                 struct error *err) {
    struct server_daemon *d = calloc(1, sizeof(*d));
    /* the library closes the one it has */
    int fd = fcntl(at->fd, F_DUPFD_CLOEXEC, 3);
    if (!d || fd < 0) {
        free(d);
        return error_memory(err);
    }
    d->site = site;
    d->mhd = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
            MHD_USE_ITC,
        0, NULL, NULL, handle, d, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)SERVER_CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        at->loopback ? 0U : (unsigned)SERVER_CONNECTIONS_EACH, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)SERVER_IDLE, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MAX,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK, MHD_OPTION_NOTIFY_COMPLETED, complete, d,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL,
        MHD_OPTION_END);
    if (!d->mhd) {
        close(fd);
        free(d);
        return error_set(err, ERROR_INTERNAL, "cannot start answering: no memory or no thread");
    }
    *ret = d;
    return 0;
}

void server_stop(struct server_daemon *d) {
    if (!d)
        return;
    MHD_stop_daemon(d->mhd);
    free(d);
}
