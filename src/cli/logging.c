/* logging: see logging.h. */
#include "cli/logging.h"

#include "sync/log.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int add_standard_error(const struct run_output *o, struct progress *progress,
                              enum log_level level, struct error *err) {
    const struct footer_drawing drawing = progress_drawing(progress);
    enum log_format format = o->log_format;
    return progress->shown ? log_add_terminal(STDERR_FILENO, format, level, &drawing, err)
                           : log_add_fd(STDERR_FILENO, format, level, err);
}

/* Whether systemd has connected standard error with the journal: systemd.exec(5), JOURNAL_STREAM.
 */
static bool standard_error_is_journal(void) {
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char here[50];
    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(here, sizeof(here), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, here) == 0;
}

int logging_open(const struct run_output *o, struct progress *progress, struct error *err) {
    enum log_level level = o->verbose ? LOG_DEBUG : LOG_INFO;
    /* the journal need not have each line twice */
    bool quiet = o->quiet || (o->log_to[LOG_JOURNAL] && standard_error_is_journal());
    if (log_open(err) < 0)
        return -1;
    if (!quiet && add_standard_error(o, progress, level, err) < 0)
        return -1;
    for (enum log_daemon to = LOG_JOURNAL; to <= LOG_SYSLOG; to++)
        if (o->log_to[to] && log_add_daemon(to, NULL, level, err) < 0)
            return -1;
    return o->log_file ? log_add_file(o->log_file, o->log_format, level, err) : 0;
}
