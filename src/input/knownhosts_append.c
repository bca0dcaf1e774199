/*
 * knownhosts_append: see knownhosts.h.
 *
 * Threads of one run, and several runs, append to one file: flock() on a descriptor of its own
 * keeps them apart, and the line is written by one write(), because ssh itself appends without a
 * lock. A symbolic link is followed, as ssh does: people keep known_hosts in a repository of
 * theirs.
 *
 * With 10,000 new servers the file is searched 10,000 times while it grows, so it is parsed only
 * when the key's text occurs in it.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "input/hosthash.h"
#include "input/hostkey.h"
#include "input/knownhosts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 256 << 20 };

static int lock_file(int fd, const char *file, const struct cancel *cancel, struct error *err) {
    int64_t deadline = deadline_in(5 * CLOCK_S);
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return error_os(err, ERROR_HOST_KEY, errno, "cannot lock %s", file);
        if (clock_now() >= deadline)
            return error_set(err, ERROR_HOST_KEY, "%s is locked by another program", file);
        if (cancel && cancel_fired(cancel))
            return error_set(err, ERROR_INTERRUPTED, "the run was ended");
        nanosleep(&(struct timespec){.tv_nsec = 2 * CLOCK_MS}, NULL);
    }
    return 0;
}

static int make_folder(const char *file, struct error *err) {
    const char *slash = strrchr(file, '/');
    if (!slash || slash == file)
        return 0;
    cleanup(free_ptr) char *folder = strndup(file, (size_t)(slash - file));
    if (!folder)
        return error_memory(err);
    if (access(folder, F_OK) == 0)
        return 0;
    int rc = fd_make_folders(folder, err);
    if (rc < 0 && err->kind == ERROR_STORE)
        err->kind = ERROR_HOST_KEY;
    return rc;
}

/* Opens and locks the file; *ret is -1 when it is no regular one, where nothing can be kept. */
static int open_locked(const char *file, const struct cancel *cancel, int *ret, struct error *err) {
    if (make_folder(file, err) < 0)
        return -1;
    /* O_NONBLOCK: the path may be a pipe that nobody reads */
    cleanup(fd_close) int fd =
        open(file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0)
        return error_os(err, ERROR_HOST_KEY, errno, "cannot write %s", file);
    struct stat st;
    if (fstat(fd, &st) < 0)
        return error_os(err, ERROR_HOST_KEY, errno, "cannot write %s", file);
    if (!S_ISREG(st.st_mode)) {
        *ret = -1;
        return 0;
    }
    if (lock_file(fd, file, cancel, err) < 0)
        return -1;
    *ret = fd_take(&fd);
    return 0;
}

bool knownhosts_recordable(const char *host) {
    for (const char *p = host; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr("@?*#[]|'\"\\,!", *p))
            return false;
    return *host != '\0';
}

static int check(const char *file, const struct knownhosts_addition *a, struct error *err) {
    cleanup(str_done) struct str scratch = {0};
    if (a->host && !knownhosts_recordable(a->host))
        return error_set(err, ERROR_HOST_KEY,
                         "the server's name has characters that cannot stand in %s", file);
    const char *plain = hostkey_type(a->type, strlen(a->type), a->key, strlen(a->key), &scratch);
    if (scratch.failed)
        return error_memory(err);
    if (!plain || strcmp(plain, a->type) != 0)
        return error_set(err, ERROR_HOST_KEY, "not a host key, not added to %s", file);
    return 0;
}

static void add_name(struct str *out, const char *host, int port) {
    size_t start = out->len;
    if (knownhosts_bare(port))
        str_add(out, host);
    else
        str_addf(out, "[%s]:%d", host, port);
    for (size_t i = start; i < out->len; i++)
        if (out->data[i] >= 'A' && out->data[i] <= 'Z')
            out->data[i] += 'a' - 'A';
}

static void add_line(struct str *out, const char *names, const struct knownhosts_addition *a) {
    str_addf(out, "%s %s %s\n", names, a->type, a->key);
}

static int add_hidden_line(struct str *out, const char *host, int port,
                           const struct knownhosts_addition *a, struct error *err) {
    cleanup(str_done) struct str name = {0};
    char hidden[HOSTHASH_TEXT];
    add_name(&name, host, port);
    if (name.failed)
        return error_memory(err);
    if (hosthash_write(name.data, hidden, err) < 0)
        return -1;
    add_line(out, hidden, a);
    return 0;
}

static int make_lines(struct str *out, const struct knownhosts_addition *a, struct error *err) {
    if (a->hashed) {
        if ((a->host && add_hidden_line(out, a->host, a->port, a, err) < 0) ||
            (a->address && add_hidden_line(out, a->address, a->address_port, a, err) < 0))
            return -1;
    } else {
        cleanup(str_done) struct str names = {0};
        if (a->host)
            add_name(&names, a->host, a->port);
        if (a->host && a->address)
            str_add_char(&names, ',');
        if (a->address)
            add_name(&names, a->address, a->address_port);
        out->failed |= names.failed;
        if (!names.failed)
            add_line(out, names.data, a);
    }
    return out->failed ? error_memory(err) : 0;
}

/* 1: the table has the key for the host. */
static int has_key(const struct knownhosts *k, const char *host, int port, const char *key,
                   struct error *err) {
    struct knownhosts_lines lines;
    if (knownhosts_find(k, host, port, &lines, err) < 0)
        return -1;
    bool found = false;
    for (size_t i = 0; i < lines.count; i++)
        found |=
            lines.items[i]->marker == KNOWNHOSTS_PLAIN && strcmp(lines.items[i]->key, key) == 0;
    knownhosts_lines_done(&lines);
    return found;
}

/* Takes away the names under which the file has the key by now. */
static int drop_known(const char *file, const struct str *text, struct knownhosts_addition *a,
                      struct error *err) {
    if (!text->len || !memmem(text->data, text->len, a->key, strlen(a->key)))
        return 0;
    struct knownhosts *k;
    if (knownhosts_load(&file, 1, &k, err) < 0)
        return -1;
    int host = a->host ? has_key(k, a->host, a->port, a->key, err) : 0;
    int address =
        a->address && host >= 0 ? has_key(k, a->address, a->address_port, a->key, err) : 0;
    knownhosts_free(k);
    if (host > 0)
        a->host = NULL;
    if (address > 0)
        a->address = NULL;
    return host < 0 || address < 0 ? -1 : 0;
}

int knownhosts_append(const char *file, const struct knownhosts_addition *addition,
                      struct error *err) {
    struct knownhosts_addition a = *addition;
    cleanup(str_done) struct str lines = {0};
    cleanup(str_done) struct str text = {0};
    cleanup(fd_close) int fd = -1;
    if (check(file, &a, err) < 0 || open_locked(file, a.cancel, &fd, err) < 0)
        return -1;
    if (fd < 0)
        return 0;
    if (fd_read_all(fd, file, FILE_MAX, &text, err) < 0) {
        if (err->kind == ERROR_USAGE)
            err->kind = ERROR_HOST_KEY;
        return -1;
    }
    if (drop_known(file, &text, &a, err) < 0)
        return -1;
    if (!a.host && !a.address)
        return 0;
    if (text.len && text.data[text.len - 1] != '\n')
        str_add_char(&lines, '\n');
    if (make_lines(&lines, &a, err) < 0)
        return -1;
    if (fd_write_all(fd, lines.data, lines.len) < 0)
        return error_os(err, ERROR_HOST_KEY, errno, "cannot write %s", file);
    return 0;
}
