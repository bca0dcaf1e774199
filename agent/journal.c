/*
 * journal: see journal.h.
 *
 * The file is a line for each answer: the request's id, its question in hex, the answer as muster
 * gets it. It is read once, in the beginning, and only written to after that; a last line that was
 * cut by a crash is cut off. Whoever holds the run's listening socket (linger.h) is the only one
 * with the file, and locks it because another container may have sockets of its own and the same
 * directory. It lies in the agent's own directory, which belongs to the user alone and outlives
 * a reboot.
 *
 * A request's id says which one it is, because muster asks the same questions in the same order in
 * each session of a run on a server. That it is the same question is checked all the same: another
 * muster may have taken over, whose plan is another one.
 */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX (64 * 1024 * 1024) /* what is beyond that is measured again, if need be */

struct journal_entry {
    int64_t id;
    uint64_t question;
    size_t at, n; /* the answer in the text, with its newline */
};

/* ---- questions ---- */

static uint64_t mix(uint64_t hash, const void *data, size_t n) {
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
    return hash;
}

static uint64_t mix_text(uint64_t hash, const char *text) {
    return mix(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

/* What may differ between two sessions that ask for the same thing. */
static bool is_circumstance(const struct json_field *f) {
    static const char *const keys[] = {"id", "timeout_ms", "settle_ms"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (!f->object && strcmp(f->key, keys[i]) == 0)
            return true;
    return false;
}

uint64_t journal_question(const struct json *request) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < request->count; i++) {
        const struct json_field *f = &request->fields[i];
        if (is_circumstance(f))
            continue;
        hash = mix_text(mix_text(hash, f->object), f->key);
        hash = mix(hash, &f->kind, sizeof(f->kind));
        if (f->kind == JSON_TEXT)
            hash = mix_text(hash, f->text);
        else if (f->kind == JSON_NUMBER)
            hash = mix(hash, &f->number, sizeof(f->number));
    }
    return hash;
}

/* ---- entries ---- */

/* Takes the line of n bytes at the text's `at` for an answer. Returns false when it is none. */
static bool take_line(struct journal *j, size_t at, size_t n) {
    long long id;
    unsigned long long question;
    int skip = 0;
    const char *line = j->text.data + at;
    if (sscanf(line, "%lld %llx %n", &id, &question, &skip) != 2 || skip == 0 ||
        (size_t)skip >= n || line[skip] != '{')
        return false;
    if (j->count == j->cap) {
        size_t cap = j->cap ? j->cap * 2 : 32;
        struct journal_entry *more = realloc(j->entries, cap * sizeof(*more));
        if (!more)
            return false;
        j->entries = more;
        j->cap = cap;
    }
    j->entries[j->count++] = (struct journal_entry){
        .id = id, .question = question, .at = at + (size_t)skip, .n = n - (size_t)skip};
    return true;
}

/* Keeps the whole lines from the text's beginning, and nothing after them. */
static void take_lines(struct journal *j) {
    size_t at = 0;
    char *end;
    while (at < j->text.len && (end = memchr(j->text.data + at, '\n', j->text.len - at))) {
        size_t n = (size_t)(end + 1 - (j->text.data + at));
        if (!take_line(j, at, n))
            break;
        at += n;
    }
    if (at < j->text.len) {
        j->text.data[at] = '\0';
        j->text.len = at;
    }
}

const char *journal_find(const struct journal *j, int64_t id, uint64_t question, size_t *n) {
    for (size_t i = j->count; i-- > 0;)
        if (j->entries[i].id == id && j->entries[i].question == question) {
            *n = j->entries[i].n;
            return j->text.data + j->entries[i].at;
        }
    return NULL;
}

/* ---- the file ---- */

/* `journal-NAME` in the directory of the running program, or NULL. */
static char *path_of(const char *name) {
    char own[4096];
    ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
    struct str path = {0};
    if (n <= 0)
        return NULL;
    own[n] = '\0';
    char *slash = strrchr(own, '/');
    if (!slash)
        return NULL;
    str_addf(&path, "%.*s/journal-%s", (int)(slash - own), own, name);
    return str_take(&path);
}

/* -1 when there is none to be had, or another agent has it. */
static int open_file(const char *path) {
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
                    flock(fd, LOCK_EX | LOCK_NB) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void read_file(struct journal *j) {
    ssize_t n;
    char *room;
    while (j->text.len < TEXT_MAX && (room = str_room(&j->text, 65536)) &&
           (n = read(j->fd, room, 65536)) > 0) {
        j->text.len += (size_t)n;
        j->text.data[j->text.len] = '\0';
    }
}

void journal_open(struct journal *j, const char *name) {
    *j = (struct journal){.path = path_of(name), .fd = -1};
    if (j->path)
        j->fd = open_file(j->path);
    if (j->fd < 0) {
        free(j->path);
        j->path = NULL;
        return;
    }
    read_file(j);
    take_lines(j);
    off_t end = (off_t)j->text.len;
    if (ftruncate(j->fd, end) != 0 || lseek(j->fd, end, SEEK_SET) != end) {
        close(j->fd);
        j->fd = -1;
    }
}

/* A file that cannot be written to the end has whole lines up to there, which still count. */
static void write_file(struct journal *j, const char *data, size_t n) {
    while (j->fd >= 0 && n > 0) {
        ssize_t written = write(j->fd, data, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            close(j->fd);
            j->fd = -1;
            return;
        }
        data += written;
        n -= (size_t)written;
    }
    if (j->fd >= 0)
        fdatasync(j->fd);
}

void journal_add(struct journal *j, int64_t id, uint64_t question, const char *line, size_t n) {
    size_t at = j->text.len;
    if (at + n > TEXT_MAX || !str_room(&j->text, n + 64))
        return;
    str_addf(&j->text, "%lld %llx ", (long long)id, (unsigned long long)question);
    str_add_bytes(&j->text, line, n);
    if (take_line(j, at, j->text.len - at))
        write_file(j, j->text.data + at, j->text.len - at);
}

void journal_close(struct journal *j, bool remove) {
    if (j->fd >= 0)
        close(j->fd);
    if (j->path && remove)
        unlink(j->path);
    free(j->path);
    free(j->entries);
    str_done(&j->text);
    *j = (struct journal){.fd = -1};
}
