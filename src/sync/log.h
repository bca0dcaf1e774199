/*
 * log: structured lines, written whole, by one thread, to any number of sinks.
 *
 *     log_info("benchmark completed", LOG_F("seconds", 1.02), LOG_F("score", 49));
 *
 * A line is a time, a level, an event and key=value fields. The fields bound to the calling thread
 * with log_bind() come first, so a call site says only what happened. A bound field belongs to its
 * thread alone: threads inherit nothing.
 *
 * A call copies the record into a buffer in memory and returns: formatting and writing are done by
 * the log's own thread, so a slow terminal or disk does not slow the caller. No record is dropped:
 * when 64 MiB are waiting to be written, callers wait. A sink that cannot be written any more (a
 * full disk, a closed pipe) is given up, which is said once on the others and by log_close().
 *
 * Formats, one line a record:
 *   console  2026-11-22 11:13:44 [info     ] benchmark completed            server=web03 score=49
 *            (local time; level padded to 9; event padded to 30; then the fields)
 *   logfmt   timestamp=2026-11-22T10:13:44.123Z level=info event="benchmark completed" server=web03
 *   json     {"timestamp":"2026-11-22T10:13:44.123Z","level":"info","event":"benchmark completed",
 *            "server":"web03","score":49}
 * In console and logfmt a value that is empty or has spaces, quotes, `=`, backslashes, control
 * characters or bytes that are not UTF-8 is put in double quotes, with \" \\ \n \r \t and \xNN (the
 * escapes of base/text.h). In json bytes that are not UTF-8 become U+FFFD. Nothing a server sends
 * can break or forge a line. A list of strings is written as [a,b] in console and logfmt, its items
 * quoted also for a comma or a bracket, and as an array in json. A field of the call takes the
 * place of a bound one with the same key.
 *
 * Threads: any thread may log. log_open(), log_close() and the sinks belong to the main thread. The
 * log is the one global of the program: every floor above may write to it without being handed it.
 * Not for signal handlers; log_flush() may be called while the program ends.
 */
#pragma once

#include "base/error.h"
#include "sync/field.h"
#include "sync/footer.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The least level that any sink takes; a call below it costs one load and one branch. */
extern _Atomic int log_threshold;

#define log_at(level, event, ...)                                                                  \
    do {                                                                                           \
        if ((int)(level) >= atomic_load_explicit(&log_threshold, memory_order_relaxed))            \
            log_write((level), (event),                                                            \
                      (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.key = NULL}});        \
    } while (0)
#define log_debug(event, ...) log_at(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) log_at(LOG_INFO, event, __VA_ARGS__)
#define log_warning(event, ...) log_at(LOG_WARNING, event, __VA_ARGS__)
#define log_error(event, ...) log_at(LOG_ERROR, event, __VA_ARGS__)

/* Use the macros. `fields` ends with a field of kind LOG_KIND_END. */
void log_write(enum log_level level, const char *event, const struct log_field *fields);

/*
 * Binds a string to the calling thread under `key`, or replaces what is bound there, until
 * log_unbind(). The value is copied; NULL unbinds. At most 8 keys a thread; one more, or no memory,
 * is left out.
 */
void log_bind(const char *key, const char *value);
void log_unbind(const char *key);

/* Starts the log's thread, with every signal blocked. Fails with ERROR_INTERNAL. */
int log_open(struct error *err) must_use;

/*
 * Adds a sink for the records of at least `level` that follow. log_add_fd() borrows the descriptor;
 * log_add_file() appends to the file at `path` (mode 0600), which log_reopen() opens anew, for
 * logrotate. They fail with ERROR_USAGE, the path in the sentence; a descriptor that is not open
 * for writing is such an error.
 */
int log_add_fd(int fd, enum log_format format, enum log_level level, struct error *err) must_use;
int log_add_file(const char *path, enum log_format format, enum log_level level,
                 struct error *err) must_use;

/* As log_add_file(), but for what is said in the name of another run. */
int log_add_run_file(const char *path, const char *run, enum log_format format,
                     enum log_level level, struct error *err) must_use;

/* Takes such a file away: lines that follow are not for it. */
void log_drop_file(const char *path);

/*
 * Adds a terminal with a block below the log's lines, which the log's thread has drawn a few times
 * a second (sync/footer.h); lines wait for that for 200 ms at most. What the drawing needs outlives
 * the log. Nobody else writes to the terminal while the block is shown.
 */
int log_add_terminal(int fd, enum log_format format, enum log_level level,
                     const struct footer_drawing *drawing, struct error *err) must_use;

/*
 * Adds the daemon that keeps this machine's logs, on its Unix socket (NULL: where it usually is),
 * as a sink: systemd's journal, with a field for each key (sync/message.h), or what listens on
 * /dev/log. What it does not take at once is kept, up to 16 MiB, and offered again; nobody waits
 * for it but log_flush() and log_close(), and they for 5 s without progress at most. Lines that are
 * lost beyond that are counted and said. Fails with ERROR_USAGE where nothing listens.
 */
int log_add_daemon(enum log_daemon daemon, const char *socket, enum log_level level,
                   struct error *err) must_use;

/*
 * What run the lines that follow are of, or NULL: daemons, which keep lines of many, say so with
 * each; after log_say_run() every sink does.
 */
void log_name_run(const char *run);
void log_say_run(void);

/*
 * What run the calling thread's lines are of, whatever the others' are; NULL: the program's. The
 * name is borrowed for as long as the thread has it. Unlike what is bound, it is handed on: threads
 * of a pool (exec/pool.h) and of a transport have that of the thread that made them.
 */
void log_name_thread(const char *run);
const char *log_thread_run(void);

/*
 * Asks for the block to be erased; to be drawn again; to be drawn anew below whatever was written
 * since by others; or to be drawn at once, as the terminal has another size. They return at once:
 * log_flush() waits.
 */
enum log_footer { FOOTER_HIDE, FOOTER_SHOW, FOOTER_SHOW_BELOW, FOOTER_REDRAW };
void log_footer(enum log_footer what);

/*
 * Asks the log's thread to open every file sink anew, in its order among the records; one that was
 * given up gets another chance, and one that cannot be opened stays as it was, which is logged.
 */
void log_reopen(void);

/*
 * Waits until all that was logged before the call is written, and the block is as it was asked for
 * before, or until the deadline. Returns whether it is.
 */
bool log_flush(int64_t deadline);

/*
 * Writes what is left, erases the block, closes the sinks and ends the thread. Returns 0, or -1
 * (ERROR_STORE) when a sink had to be given up or a record was lost, for want of memory or because
 * a daemon did not take it. It waits
 * for a reader that does not read: where that matters, ask log_flush() first. Logging without an
 * open log does nothing.
 */
int log_close(struct error *err);
