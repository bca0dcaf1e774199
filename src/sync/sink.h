/*
 * sink: where the log's lines go, each sink with its format and its least level.
 *
 * One thread at a time owns a struct sinks and everything in it.
 */
#pragma once

#include "base/error.h"
#include "sync/field.h"
#include "sync/format.h"

struct sink;

/* A sink on a borrowed descriptor, or on a file that is appended to. Fail with ERROR_USAGE. */
int sink_new_fd(int fd, enum log_format format, enum log_level level, struct sink **ret,
                struct error *err) must_use;
int sink_new_file(const char *path, enum log_format format, enum log_level level, struct sink **ret,
                  struct error *err) must_use;
void sink_free(struct sink *s);

struct sinks {
    struct sink *first;
    struct format_clock clock;
    struct error failure; /* of the first sink that was given up */
    size_t lost;          /* lines that a sink lost for want of memory */
};

void sinks_init(struct sinks *all);
void sinks_done(struct sinks *all); /* frees the sinks; writes nothing */

/* Puts the sink at the end of the list, which owns it from now on. */
void sinks_add(struct sinks *all, struct sink *s);

/* Renders the record for every sink that takes it, once per format. */
void sinks_render(struct sinks *all, const struct format_record *record);

/* Writes what was rendered. A sink that fails is given up, which the others are told. */
void sinks_write(struct sinks *all);

/* Writes, then opens every file anew. */
void sinks_reopen(struct sinks *all);
