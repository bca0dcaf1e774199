/* fake_transport: see fake_transport.h. */
#include "fake_transport.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

struct fake_session {
    struct session session;
    struct fake_transport *f;
    size_t step;    /* of the script, the one being said */
    size_t said;    /* of it */
    size_t allowed; /* how many steps may be said by now */
    size_t alive;   /* of a sign of life, the byte that was said last */
};

static int fake_start(struct session *s, const char *command, int64_t deadline, struct error *err) {
    (void)command, (void)deadline, (void)err;
    ((struct fake_session *)s)->allowed = 1;
    return 0;
}

static const char alive[] = "\n{\"type\":\"alive\"}";

static int wait_in_vain(int64_t deadline, struct error *err) {
    struct timespec until = deadline_timespec(deadline);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    return error_set(err, ERROR_TIMEOUT, "nothing came in time");
}

static ssize_t fake_read(struct session *s, char *buf, size_t size, int64_t deadline,
                         struct error *err) {
    struct fake_session *fs = (struct fake_session *)s;
    const char *text = fs->step < fs->allowed ? fs->f->script[fs->step] : NULL;
    if (text == NULL || text == FAKE_SILENCE || text == FAKE_DEAF)
        return wait_in_vain(deadline, err);
    if (text == FAKE_END)
        return 0;
    if (text == FAKE_LOST)
        return error_set(err, ERROR_CONNECTION_LOST, "the connection broke");
    if (text == FAKE_ALIVE) {
        fs->alive = (fs->alive + 1) % strlen(alive);
        *buf = alive[fs->alive];
        return 1;
    }
    /* in small pieces, so that lines come broken */
    size_t n = strnlen(text + fs->said, size < 7 ? size : 7);
    memcpy(buf, text + fs->said, n);
    fs->said += n;
    if (!text[fs->said]) {
        fs->step++;
        fs->said = 0;
    }
    return (ssize_t)n;
}

static int fake_write(struct session *s, const char *data, size_t n, int64_t deadline,
                      struct error *err) {
    struct fake_session *fs = (struct fake_session *)s;
    struct fake_transport *f = fs->f;
    if (f->script[fs->step] == FAKE_DEAF)
        return wait_in_vain(deadline, err);
    for (size_t i = 0; i < n && f->written_len + 1 < sizeof(f->written); i++)
        if (data[i])
            f->written[f->written_len++] = data[i];
    f->written[f->written_len] = '\0';
    fs->allowed++;
    return 0;
}

static int fake_finish(struct session *s, int64_t deadline, int *status, struct error *err) {
    (void)deadline, (void)err;
    *status = ((struct fake_session *)s)->f->status;
    return 0;
}

static const char *fake_address(const struct session *s) {
    (void)s;
    return "nowhere";
}

static const char *fake_stderr(const struct session *s) {
    const struct fake_transport *f = ((const struct fake_session *)s)->f;
    return f->stderr_text ? f->stderr_text : "";
}

static void fake_close(struct session *s) {
    ((struct fake_session *)s)->f->closed++;
    free(s);
}

static const struct session_ops session_ops = {fake_start,   fake_read,   fake_write, fake_finish,
                                               fake_address, fake_stderr, fake_close};

static int fake_open(struct transport *t, const struct server *server, int64_t deadline,
                     struct session **ret, struct error *err) {
    struct fake_transport *f = (struct fake_transport *)t;
    (void)server, (void)deadline;
    if (f->refuse) {
        *err = *f->refuse;
        return -1;
    }
    struct fake_session *fs = calloc(1, sizeof(*fs));
    if (!fs)
        return error_memory(err);
    fs->session.ops = &session_ops;
    fs->f = f;
    f->opened++;
    *ret = &fs->session;
    return 0;
}

static void fake_free(struct transport *t) {
    (void)t;
}

static const struct transport_ops transport_ops = {"fake", fake_open, fake_free};

void fake_transport_init(struct fake_transport *f, const char *const *script) {
    *f = (struct fake_transport){.transport.ops = &transport_ops, .script = script};
}
