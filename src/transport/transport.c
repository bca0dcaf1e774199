/* transport: see transport.h. What every caller uses; the work is done by the implementations. */
#include "transport/transport.h"

int transport_open(struct transport *t, const struct server *server, int64_t deadline,
                   struct session **ret, struct error *err) {
    return t->ops->open(t, server, deadline, ret, err);
}

void transport_free(struct transport *t) {
    if (t)
        t->ops->free(t);
}

int session_start(struct session *s, const char *command, int64_t deadline, struct error *err) {
    return s->ops->start(s, command, deadline, err);
}

ssize_t session_read(struct session *s, char *buf, size_t size, int64_t deadline,
                     struct error *err) {
    return s->ops->read(s, buf, size, deadline, err);
}

int session_write(struct session *s, const char *data, size_t n, int64_t deadline,
                  struct error *err) {
    return s->ops->write(s, data, n, deadline, err);
}

int session_finish(struct session *s, int64_t deadline, int *status, struct error *err) {
    return s->ops->finish(s, deadline, status, err);
}

const char *session_address(const struct session *s) {
    return s->ops->address(s);
}

const char *session_stderr(const struct session *s) {
    return s->ops->stderr_text(s);
}

void session_close(struct session *s) {
    if (s)
        s->ops->close(s);
}
