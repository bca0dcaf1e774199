/* transport: see transport.h. What every caller uses; the work is done by the implementations. */
#include "transport/transport.h"

#include "transport/shortage.h"

int transport_open(struct transport *t, const struct server *server, int64_t deadline,
                   struct session **ret, struct error *err) {
    int rc;
    shortage_enter(t->shortage);
    struct attempt attempt = shortage_attempt(t->shortage);
    do
        rc = t->ops->open(t, server, deadline, ret, err);
    while (rc != 0 && shortage_outlast(t->shortage, &attempt, deadline, err));
    if (rc == 0)
        (*ret)->shortage = t->shortage;
    else
        shortage_leave(t->shortage);
    return rc;
}

void transport_free(struct transport *t) {
    if (!t)
        return;
    struct shortage *shortage = t->shortage;
    t->ops->free(t);
    shortage_free(shortage);
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
    if (!s)
        return;
    struct shortage *shortage = s->shortage;
    s->ops->close(s);
    shortage_leave(shortage);
}
