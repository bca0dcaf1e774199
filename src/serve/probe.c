/*
 * probe: see probe.h.
 *
 * One thread of libmicrohttpd does all of it: an answer is a word, and who connects and says
 * nothing is let go after a few seconds.
 */
#include "serve/probe.h"

#include "base/fd.h"
#include "serve/listen.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS 32
#define IDLE_SECONDS 5
#define HEAD_MAX 4096

struct probe {
    struct listening at;
    const struct pulse *pulse;
    struct MHD_Daemon *mhd;
};

static enum MHD_Result say(struct MHD_Connection *connection, unsigned status, const char *text) {
    struct MHD_Response *answer =
        MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
    if (!answer)
        return MHD_NO;
    MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
    MHD_add_response_header(answer, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(answer, MHD_HTTP_HEADER_CONNECTION, "close");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(answer, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result rc = MHD_queue_response(connection, status, answer);
    MHD_destroy_response(answer);
    return rc;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **own) {
    (void)version, (void)data, (void)data_size, (void)own;
    const struct probe *p = arg;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
    if (strcmp(path, "/live") == 0)
        return pulse_alive(p->pulse) ? say(connection, MHD_HTTP_OK, "alive\n")
                                     : say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "stuck\n");
    if (strcmp(path, "/ready") == 0)
        return pulse_ready(p->pulse) ? say(connection, MHD_HTTP_OK, "ready\n")
                                     : say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "not ready\n");
    return say(connection, MHD_HTTP_NOT_FOUND, "there are /live and /ready\n");
}

static int start(struct probe *p, struct error *err) {
    /* the library closes the one it has */
    cleanup(fd_close) int fd = fcntl(p->at.fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return error_memory(err);
    p->mhd = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC, 0, NULL,
                              NULL, handle, p, MHD_OPTION_LISTEN_SOCKET, fd,
                              MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
                              MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
                              MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MAX, MHD_OPTION_END);
    if (!p->mhd)
        return error_set(err, ERROR_INTERNAL, "cannot start answering: no memory or no thread");
    fd_take(&fd);
    return 0;
}

int probe_start(const char *address, const struct pulse *pulse, struct probe **ret,
                struct error *err) {
    struct probe *p = calloc(1, sizeof(*p));
    if (!p)
        return error_memory(err);
    p->pulse = pulse;
    if (listen_open(address, &p->at, err) < 0) {
        free(p);
        return -1;
    }
    if (start(p, err) < 0) {
        probe_stop(p);
        return -1;
    }
    *ret = p;
    return 0;
}

void probe_stop(struct probe *p) {
    if (!p)
        return;
    if (p->mhd)
        MHD_stop_daemon(p->mhd);
    listen_done(&p->at);
    free(p);
}
