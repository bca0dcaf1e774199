/*
 * daemon: see daemon.h.
 */
#include "sync/daemon.h"

#include "sync/datagram.h"
#include "sync/message.h"

#include <errno.h>
#include <stdlib.h>

#define KEPT_MESSAGE (1 << 20) /* a larger buffer, grown by a huge line, is freed after it */

static const struct {
    const char *name;
    const char *socket;
    const char *program;
} known[] = {
    [LOG_JOURNAL] = {"systemd's journal", "/run/systemd/journal/socket", "systemd-journald"},
    [LOG_SYSLOG] = {"syslog", "/dev/log", "a syslog daemon"},
};

struct daemon {
    enum log_daemon kind;
    struct datagram *to;
    struct str message; /* the one that is being made */
    size_t lost;        /* for want of memory, before they were queued */
    size_t told;        /* of all that were lost */
    bool behind;        /* it was when that was told */
};

int daemon_new(enum log_daemon kind, const char *socket, struct daemon **ret, struct error *err) {
    struct error why;
    struct daemon *d = calloc(1, sizeof(*d));
    if (!d)
        return error_memory(err);
    d->kind = kind;
    if (datagram_new(socket ? socket : known[kind].socket, kind == LOG_JOURNAL, &d->to, &why) < 0) {
        free(d);
        return error_set(err, why.kind,
                         "cannot log to %s: %s; is %s running here? Without it, --log-file FILE "
                         "keeps the log",
                         known[kind].name, why.text, known[kind].program);
    }
    *ret = d;
    return 0;
}

void daemon_free(struct daemon *d) {
    if (!d)
        return;
    datagram_free(d->to);
    str_done(&d->message);
    free(d);
}

void daemon_add(struct daemon *d, const struct format_record *record, const char *run) {
    if (d->kind == LOG_JOURNAL)
        message_journal(&d->message, record, run);
    else
        message_syslog(&d->message, record, run);
    if (d->message.failed)
        d->lost++;
    else
        datagram_add(d->to, d->message.data, d->message.len);
    if (d->message.failed || d->message.cap > KEPT_MESSAGE)
        str_done(&d->message);
    else
        str_clear(&d->message);
}

void daemon_send(struct daemon *d, bool patient) {
    datagram_send(d->to, patient);
}

int64_t daemon_due(const struct daemon *d) {
    return datagram_due(d->to);
}

static void describe(const struct daemon *d, size_t lost, struct error *err) {
    int os = datagram_errno(d->to);
    error_os(err, ERROR_STORE, os ? os : ENOMEM, "%zu log line%s did not reach %s", lost,
             lost == 1 ? "" : "s", known[d->kind].name);
}

bool daemon_has_lost(struct daemon *d, struct error *ret) {
    size_t lost = d->lost + datagram_lost(d->to);
    bool behind = datagram_queued(d->to) > 0;
    if (lost == d->told || (behind && d->behind))
        return false;
    d->told = lost;
    d->behind = behind;
    describe(d, lost, ret);
    return true;
}

int daemon_end(struct daemon *d, struct error *err) {
    size_t lost = d->lost + datagram_lost(d->to) + datagram_queued(d->to);
    if (lost == 0)
        return 0;
    describe(d, lost, err);
    return -1;
}
