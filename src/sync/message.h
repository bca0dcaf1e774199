/*
 * message: one log record as the daemons that keep a machine's logs take it.
 *
 * Pure. `run` is the run that the record is of, or NULL; a record with a field `run` has its own.
 */
#pragma once

#include "base/str.h"
#include "sync/format.h"

/*
 * Appends the record in the native protocol of systemd's journal: lines KEY=value, or, for a value
 * that has newlines, KEY, a newline, the value's length as 64 bits little-endian, the value and a
 * newline. The keys are
 *   MESSAGE             the event and the fields, as in a console line
 *   PRIORITY            7 for debug, 6 info, 4 warning, 3 error
 *   SYSLOG_IDENTIFIER   muster
 *   MUSTER_EVENT        the event
 *   MUSTER_TIMESTAMP    when it was logged, in UTC
 *   MUSTER_RUN          the run
 *   MUSTER_<KEY>        each field, its key in capitals, with _ for what a key may not have;
 *                       strings byte for byte as they are, lists as [a,b]
 * A value is as it was given, also where it is no UTF-8: a reader of the journal finds by it what
 * it looks for. When memory runs out, out->failed is set.
 */
void message_journal(struct str *out, const struct format_record *record, const char *run);

/*
 * Appends the record as the daemons behind /dev/log take it, in the form of syslog(3): <PRI>, local
 * time, muster[pid], then the event, run=... and the fields as in a console line. The facility is
 * LOG_USER. A message is cut at 8 KiB, which is what rsyslog takes, and ends in "..." then.
 */
void message_syslog(struct str *out, const struct format_record *record, const char *run);
