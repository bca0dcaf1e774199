/*
 * daemon: what keeps the logs of this machine, systemd's journal or a syslog, as a place for the
 * log's lines.
 *
 * A record becomes a message (sync/message.h), which is queued for the daemon (sync/datagram.h).
 *
 * Threads: a struct daemon belongs to one thread at a time.
 */
#pragma once

#include "base/error.h"
#include "sync/format.h"

#include <stdbool.h>
#include <stdint.h>

struct daemon;

/*
 * Connects to the daemon's socket; NULL: where it usually is. Fails with ERROR_USAGE, the sentence
 * saying what there is to do.
 */
int daemon_new(enum log_daemon kind, const char *socket, struct daemon **ret,
               struct error *err) must_use;

/* NULL is allowed. */
void daemon_free(struct daemon *d);

/* Queues the record; `run` is the one that it is of, or NULL. */
void daemon_add(struct daemon *d, const struct format_record *record, const char *run);

/* As datagram_send() and datagram_due(). */
void daemon_send(struct daemon *d, bool patient);
int64_t daemon_due(const struct daemon *d);

/*
 * Whether lines were lost since it was last asked, and how many that makes, in *ret. While the
 * daemon is behind it is said once; the full count comes when it has caught up.
 */
bool daemon_has_lost(struct daemon *d, struct error *ret) must_use;

/* Gives up what is queued. Returns 0, or -1 (ERROR_STORE) when any line was lost, ever. */
int daemon_end(struct daemon *d, struct error *err) must_use;
