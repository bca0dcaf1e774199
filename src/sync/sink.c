/*
 * sink: see sink.h.
 *
 * A sink collects rendered lines in memory and writes them in large pieces; one with a block below
 * its lines (sync/footer.h) writes both a few times a second at most. Sinks of one format
 * share the work of rendering: the first that takes a record renders it, the others copy the bytes.
 *
 * A daemon gets each line as a message of its own (sync/daemon.h), and never holds up the
 * lines of the other sinks.
 *
 * A failed write gives the sink up, for good or until its file is opened anew: trying again with
 * every line would cost much and tell nothing. A descriptor that its owner made non-blocking is
 * waited for. SIGPIPE is the caller's to block.
 */
#include "sync/sink.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/vec.h"
#include "sync/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_BUFFER (1 << 20) /* a larger one, grown by a huge line, is freed after writing */
#define HELD_MAX (64 << 10)   /* bytes of lines that wait for a frame */

struct sink {
    struct sink *next;
    char *path; /* NULL: a borrowed descriptor */
    int fd;
    enum log_format format;
    enum log_level level;
    struct str out;
    struct footer *footer; /* NULL: there is none */
    struct str frame;
    struct daemon *daemon; /* NULL: there is none */
    char *run;             /* whose lines it takes; NULL: those of all */
    bool given_up;
    bool told; /* the others know that it was given up */
    bool torn; /* the last write ended within a line */
    int os;    /* why it was given up */
};

static int open_file(const char *path) {
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
}

static int sink_new(int fd, enum log_format format, enum log_level level, struct sink **ret,
                    struct error *err) {
    struct sink *s = calloc(1, sizeof(*s));
    if (!s)
        return error_memory(err);
    s->fd = fd;
    s->format = format;
    s->level = level;
    *ret = s;
    return 0;
}

int sink_new_fd(int fd, enum log_format format, enum log_level level, struct sink **ret,
                struct error *err) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
        return error_os(err, ERROR_USAGE, EBADF, "cannot log to descriptor %d", fd);
    return sink_new(fd, format, level, ret, err);
}

/* Whether the file is there and its last line has no end: its writer was killed, or the disk full.
 */
static bool ends_within_a_line(const char *path) {
    struct stat st;
    char last = '\n';
    cleanup(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
        return false;
    return pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
}

int sink_new_file(const char *path, enum log_format format, enum log_level level, struct sink **ret,
                  struct error *err) {
    cleanup(fd_close) int fd = open_file(path);
    if (fd < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot log to %s", path);
    cleanup(free_ptr) char *name = strdup(path);
    if (!name)
        return error_memory(err);
    if (sink_new(fd, format, level, ret, err) < 0)
        return -1;
    fd_take(&fd);
    (*ret)->path = TAKE(name);
    if (ends_within_a_line(path))
        str_add_char(&(*ret)->out, '\n');
    return 0;
}

int sink_new_daemon(enum log_daemon kind, const char *socket, enum log_level level,
                    struct sink **ret, struct error *err) {
    struct daemon *daemon;
    if (daemon_new(kind, socket, &daemon, err) < 0)
        return -1;
    if (sink_new(-1, LOG_CONSOLE, level, ret, err) < 0) {
        daemon_free(daemon);
        return -1;
    }
    (*ret)->daemon = daemon;
    return 0;
}

int sink_add_footer(struct sink *s, const struct footer_drawing *drawing, struct error *err) {
    return footer_new(s->fd, drawing, &s->footer, err);
}

int sink_take_only(struct sink *s, const char *run, struct error *err) {
    s->run = strdup(run);
    return s->run ? 0 : error_memory(err);
}

void sink_free(struct sink *s) {
    if (!s)
        return;
    daemon_free(s->daemon);
    footer_free(s->footer);
    str_done(&s->frame);
    if (s->path)
        fd_close(&s->fd);
    free(s->path);
    free(s->run);
    str_done(&s->out);
    free(s);
}

void sinks_init(struct sinks *all) {
    *all = (struct sinks){.clock.second = -1};
}

void sinks_done(struct sinks *all) {
    while (all->first) {
        struct sink *s = all->first;
        all->first = s->next;
        sink_free(s);
    }
    free(all->run);
    free(all->fields);
    all->run = NULL;
    all->fields = NULL;
}

void sinks_name_run(struct sinks *all, char *run) {
    free(all->run);
    all->run = run;
}

void sinks_add(struct sinks *all, struct sink *s) {
    struct sink **end = &all->first;
    while (*end)
        end = &(*end)->next;
    *end = s;
}

static void give_up(struct sink *s, int os) {
    s->given_up = true;
    s->told = false;
    s->os = os;
}

static int write_waiting(int fd, const char *p, size_t n, size_t *written) {
    *written = 0;
    while (*written < n) {
        ssize_t rc = write(fd, p + *written, n - *written);
        if (rc >= 0) {
            *written += (size_t)rc;
        } else if (errno == EAGAIN) {
            struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
            poll(&poll_fd, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

static void write_bytes(struct sink *s, const struct str *bytes) {
    size_t written;
    if (s->given_up || bytes->len == 0)
        return;
    int os = write_waiting(s->fd, bytes->data, bytes->len, &written);
    if (written > 0)
        s->torn = bytes->data[written - 1] != '\n';
    if (os != 0)
        give_up(s, os);
}

static void write_out(struct sink *s) {
    if (s->footer && !s->given_up)
        footer_frame(s->footer, &s->out, &s->frame);
    bool framed = s->frame.len > 0 && !s->frame.failed;
    write_bytes(s, framed ? &s->frame : &s->out);
    str_clear(&s->frame);
    s->frame.failed = false;
    if (s->out.cap > KEPT_BUFFER)
        str_done(&s->out);
    else
        str_clear(&s->out);
}

static int64_t due(const struct sink *s) {
    if (s->daemon)
        return daemon_due(s->daemon);
    if (!s->footer || s->given_up)
        return DEADLINE_NEVER;
    return footer_due(s->footer, s->out.len > 0);
}

/* Whether its lines, and the block below them, may wait for the next frame. */
static bool may_wait(const struct sink *s) {
    return s->footer && s->out.len < HELD_MAX && clock_now() < due(s);
}

/*
 * Appends the line to the sink: a copy of `copy`, or rendered. When memory runs out it tries again
 * with an empty buffer. Returns whether it has the line, and in *start where.
 */
static bool append(struct sink *s, const struct str *copy, size_t from, size_t *start,
                   const struct format_record *record, struct format_clock *clock) {
    for (int attempt = 0; attempt < 2; attempt++) {
        *start = s->out.len;
        if (copy)
            str_add_bytes(&s->out, copy->data + from, copy->len - from);
        else
            format_line(&s->out, s->format, record, clock);
        if (!s->out.failed)
            return true;
        s->out.failed = false;
        s->out.len = *start;
        write_out(s);
    }
    return false;
}

/* The record with its run as its first field, where that is to be said and it has none. */
static struct format_record with_run(struct sinks *all, const struct format_record *record,
                                     const char *run) {
    struct format_record told = *record;
    size_t count = 0;
    if (!all->say_run || !run || log_fields_have(record->fields, "run"))
        return told;
    while (record->fields[count].kind != LOG_KIND_END)
        count++;
    if (vec_reserve(&all->fields, &all->fields_cap, count + 2, sizeof(*all->fields)) < 0)
        return told;
    all->fields[0] = LOG_S("run", run);
    memcpy(&all->fields[1], record->fields, (count + 1) * sizeof(*all->fields));
    told.fields = all->fields;
    return told;
}

void sinks_render(struct sinks *all, const struct format_record *record) {
    const char *run = record->run ? record->run : all->run;
    const struct format_record told = with_run(all, record, run);
    const struct str *rendered[LOG_JSON + 1] = {0};
    size_t from[LOG_JSON + 1] = {0};
    for (struct sink *s = all->first; s; s = s->next) {
        bool elsewhere = s->run && run && strcmp(s->run, run) != 0;
        if (s->given_up || record->level < s->level || elsewhere)
            continue;
        if (s->daemon) {
            daemon_add(s->daemon, record, run);
            continue;
        }
        size_t start;
        if (!append(s, rendered[s->format], from[s->format], &start, &told, &all->clock)) {
            all->lost++;
        } else if (!rendered[s->format]) {
            rendered[s->format] = &s->out;
            from[s->format] = start;
        }
    }
}

static void error_line(struct sinks *all, const char *event, const struct error *why) {
    const struct log_field fields[] = {LOG_S("detail", why->text), {.kind = LOG_KIND_END}};
    sinks_render(all,
                 &(struct format_record){
                     .level = LOG_ERROR, .wall = clock_wall(), .event = event, .fields = fields});
}

static void describe(const struct sink *s, struct error *err) {
    if (s->path)
        error_os(err, ERROR_STORE, s->os, "cannot write the log to %s", s->path);
    else
        error_os(err, ERROR_STORE, s->os, "cannot write the log to descriptor %d", s->fd);
}

/* Offers the daemons what they have not taken, and says on all sinks what is lost. */
static void send_to_daemons(struct sinks *all, bool patient) {
    bool told;
    do {
        told = false;
        for (struct sink *s = all->first; s; s = s->next) {
            struct error why;
            if (!s->daemon)
                continue;
            daemon_send(s->daemon, patient);
            if (!daemon_has_lost(s->daemon, &why))
                continue;
            error_line(all, "log lines lost", &why);
            told = true;
        }
    } while (told); /* the daemons, too */
}

void sinks_write(struct sinks *all, enum sinks_write what) {
    send_to_daemons(all, what == WRITE_ALL);
    for (struct sink *s = all->first; s; s = s->next)
        if (!s->daemon && (what == WRITE_ALL || !may_wait(s)))
            write_out(s);
    for (struct sink *s = all->first; s; s = s->next) {
        if (!s->given_up || s->told)
            continue;
        struct error why;
        describe(s, &why);
        if (all->failure.kind == ERROR_NONE)
            all->failure = why;
        s->told = true;
        error_line(all, "log given up", &why);
        sinks_write(all, what); /* ends, as every sink is given up at most once */
        return;
    }
}

static int reopen(struct sink *s) {
    int fd = open_file(s->path);
    if (fd < 0)
        return errno;
    fd_close(&s->fd);
    s->fd = fd;
    s->given_up = false;
    if (s->torn && lseek(fd, 0, SEEK_END) > 0)
        str_add_char(&s->out, '\n');
    s->torn = false;
    return 0;
}

void sinks_reopen(struct sinks *all) {
    sinks_write(all, WRITE_DUE);
    for (struct sink *s = all->first; s; s = s->next) {
        int os = s->path ? reopen(s) : 0;
        if (os != 0) {
            struct error why;
            error_os(&why, ERROR_STORE, os, "cannot open %s anew", s->path);
            error_line(all, "log not reopened", &why);
        }
    }
    sinks_write(all, WRITE_DUE);
}

void sinks_drop_file(struct sinks *all, char *path) {
    sinks_write(all, WRITE_DUE);
    for (struct sink **at = &all->first; *at;) {
        struct sink *s = *at;
        if (!s->path || strcmp(s->path, path) != 0) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        sink_free(s);
    }
    free(path);
}

void sinks_end(struct sinks *all) {
    struct error why;
    for (struct sink *s = all->first; s; s = s->next)
        if (s->daemon && daemon_end(s->daemon, &why) < 0 && all->failure.kind == ERROR_NONE)
            all->failure = why;
}

int64_t sinks_due(const struct sinks *all) {
    int64_t first = DEADLINE_NEVER;
    for (const struct sink *s = all->first; s; s = s->next)
        first = deadline_min(first, due(s));
    return first;
}

void sinks_show_footer(struct sinks *all, bool shown, bool forget) {
    for (struct sink *s = all->first; s; s = s->next) {
        if (s->footer)
            footer_show(s->footer, shown);
        if (s->footer && forget)
            footer_forget(s->footer);
    }
}
