/*
 * sink: where the log's lines go, each sink with its format and its least level.
 *
 * One thread at a time owns a struct sinks and everything in it.
 */
#pragma once

#include "base/error.h"
#include "sync/field.h"
#include "sync/footer.h"
#include "sync/format.h"

struct sink;

/* A sink on a borrowed descriptor, or on a file that is appended to. Fail with ERROR_USAGE. */
int sink_new_fd(int fd, enum log_format format, enum log_level level, struct sink **ret,
                struct error *err) must_use;
int sink_new_file(const char *path, enum log_format format, enum log_level level, struct sink **ret,
                  struct error *err) must_use;
/* A sink on the socket of a daemon; NULL: where it usually is. Fails with ERROR_USAGE. */
int sink_new_daemon(enum log_daemon daemon, const char *socket, enum log_level level,
                    struct sink **ret, struct error *err) must_use;
void sink_free(struct sink *s);

/* From now on it has nothing to do with records that are of another run. */
int sink_take_only(struct sink *s, const char *run, struct error *err) must_use;

/* Gives the sink a block below its lines; its lines are then written in frames. */
int sink_add_footer(struct sink *s, const struct footer_drawing *drawing,
                    struct error *err) must_use;

struct sinks {
    struct sink *first;
    struct format_clock clock;
    struct error failure;     /* of the first sink that was given up */
    size_t lost;              /* lines that a sink lost for want of memory */
    char *run;                /* what the records are of; NULL: not known */
    bool say_run;             /* to all sinks, not to daemons alone */
    struct log_field *fields; /* of the record in hand, the run before them */
    size_t fields_cap;
};

void sinks_init(struct sinks *all);
void sinks_done(struct sinks *all); /* frees the sinks; writes nothing */

/* The run that the records to come are of; takes the string. */
void sinks_name_run(struct sinks *all, char *run);

/* Puts the sink at the end of the list, which owns it from now on. */
void sinks_add(struct sinks *all, struct sink *s);

/* Renders the record for every sink that takes it, once per format. */
void sinks_render(struct sinks *all, const struct format_record *record);

/*
 * Writes what was rendered. A sink that fails is given up, which the others are told. The lines of
 * a sink with a block may wait for its next frame, but with WRITE_ALL; what a daemon does not
 * take is kept for later, and with WRITE_ALL waited for, for some seconds.
 */
enum sinks_write { WRITE_DUE, WRITE_ALL };
void sinks_write(struct sinks *all, enum sinks_write what);

/* Counts what a daemon has not taken as lost; the last call before sinks_done(). */
void sinks_end(struct sinks *all);

/* When a frame is due, or a daemon to be tried again; DEADLINE_NEVER: nothing is to come. */
int64_t sinks_due(const struct sinks *all);

/* Shows or hides the blocks from the next write on; `forget`: what is there is no block any more.
 */
void sinks_show_footer(struct sinks *all, bool shown, bool forget);

/* Writes, then takes the sinks on the file at `path` away; takes the string. */
void sinks_drop_file(struct sinks *all, char *path);

/* Writes, then opens every file anew. */
void sinks_reopen(struct sinks *all);
