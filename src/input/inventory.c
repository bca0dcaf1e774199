/*
 * inventory: see inventory.h.
 *
 * Files are read line by line through a buffer of a fixed size, so that neither a line without an
 * end nor a device costs memory. Names are collected as a set; only what is left of it after the
 * exclusions is taken apart into servers.
 *
 * Any thread; two callers must not both read standard input.
 */
#include "input/inventory.h"

#include "base/fd.h"
#include "base/text.h"
#include "base/vec.h"
#include "input/nodeset.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct reader {
    int fd;
    struct str name; /* for people */
    long line;       /* the number of the last one given out */
    char *buffer;    /* of BUFFER_SIZE */
    size_t start, end;
    bool at_end;
};

#define BUFFER_SIZE (INVENTORY_LINE + 65536)

static void reader_done(struct reader *r) {
    if (r->fd != STDIN_FILENO)
        fd_close(&r->fd);
    str_done(&r->name);
    free(r->buffer);
}

static int reader_open(struct reader *r, const char *path, struct error *err) {
    bool is_stdin = strcmp(path, "-") == 0;
    *r = (struct reader){.fd = STDIN_FILENO};
    if (is_stdin)
        str_add(&r->name, "standard input");
    else
        text_add_printable(&r->name, path, strlen(path), 200);
    r->buffer = malloc(BUFFER_SIZE);
    if (!r->buffer || r->name.failed)
        return error_memory(err);
    const char *name = r->name.data ? r->name.data : "''";
    if (!is_stdin)
        r->fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (r->fd < 0 || fstat(r->fd, &st) < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot read the inventory %s", name);
    if (S_ISDIR(st.st_mode))
        return error_set(err, ERROR_USAGE,
                         "the inventory %s is a folder: a file with one server a line was expected",
                         name);
    return 0;
}

/* Moves what is left to the buffer's begin and reads behind it. */
static int fill(struct reader *r, struct error *err) {
    memmove(r->buffer, r->buffer + r->start, r->end - r->start);
    r->end -= r->start;
    r->start = 0;
    ssize_t n;
    do
        n = read(r->fd, r->buffer + r->end, BUFFER_SIZE - 1 - r->end);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot read the inventory %s", r->name.data);
    r->end += (size_t)n;
    r->at_end = n == 0;
    return 0;
}

/* The next line without its end, and a NUL behind it; *ret is NULL when there is none. */
static int next_line(struct reader *r, char **ret, size_t *len, struct error *err) {
    const char *newline = NULL;
    size_t seen = 0;
    for (;;) {
        size_t there = r->end - r->start;
        newline = memchr(r->buffer + r->start + seen, '\n', there - seen);
        *len = newline ? (size_t)(newline - r->buffer) - r->start : there;
        if (*len > INVENTORY_LINE)
            return error_set(err, ERROR_USAGE,
                             "%s:%ld: the line is longer than %d bytes; one server or pattern a "
                             "line was expected",
                             r->name.data, r->line + 1, INVENTORY_LINE);
        if (newline || r->at_end)
            break;
        seen = there;
        if (fill(r, err) < 0)
            return -1;
    }
    r->line++;
    *ret = newline || *len ? r->buffer + r->start : NULL;
    r->buffer[r->start + *len] = '\0';
    r->start += *len + (newline != NULL);
    return 0;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* The pattern of a line, without comment and the blanks around it. */
static char *trim(char *line, size_t len) {
    if (len > 0 && line[len - 1] == '\r')
        line[--len] = '\0';
    for (char *p = strchr(line, '#'); p; p = strchr(p + 1, '#'))
        if (p == line || is_blank(p[-1])) {
            len = (size_t)(p - line);
            break;
        }
    while (len > 0 && is_blank(line[len - 1]))
        len--;
    line[len] = '\0';
    while (is_blank(*line))
        line++;
    return line;
}

/* The servers so far, and the kinds that were given for some, each in its server's place. */
struct found {
    struct names names;
    char **kinds; /* NULL: not given */
    size_t kind_count, kind_cap;
};

static void found_done(struct found *f) {
    for (size_t i = 0; i < f->kind_count; i++)
        free(f->kinds[i]);
    free(f->kinds);
    names_done(&f->names);
}

static int set_kind(struct found *f, size_t place, const char *kind) {
    if (vec_reserve(&f->kinds, &f->kind_cap, place + 1, sizeof(*f->kinds)) < 0)
        return -1;
    for (; f->kind_count <= place; f->kind_count++)
        f->kinds[f->kind_count] = NULL;
    free(f->kinds[place]);
    return (f->kinds[place] = strdup(kind)) ? 0 : -1;
}

/* Takes ` kind=...` off the end of a line: what it is given; NULL: it has none. */
static char *split_kind(char *line) {
    for (char *p = strstr(line, "kind="); p; p = strstr(p + 1, "kind=")) {
        if (p == line || !is_blank(p[-1]))
            continue;
        char *end = p;
        while (end > line && is_blank(end[-1]))
            end--;
        *end = '\0';
        return p + strlen("kind=");
    }
    return NULL;
}

/* What is wrong with a kind, or NULL. */
static const char *kind_mistake(const char *kind) {
    size_t n = strlen(kind);
    if (n == 0 || is_blank(*kind))
        return "kind= needs a kind right behind it";
    if (n > INVENTORY_KIND)
        return "the kind is longer than 100 bytes";
    return text_is_printable(kind, n) ? NULL : "the kind is not printable text";
}

/* The servers of one pattern, which are all of this kind. */
static int add_of_kind(struct found *f, const char *pattern, const char *kind, struct error *err) {
    cleanup(names_done) struct names names = {0};
    const char *mistake = kind_mistake(kind);
    if (mistake)
        return error_set(err, ERROR_USAGE, "%s", mistake);
    if (nodeset_expand(pattern, &names, err) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        size_t n = strlen(names.items[i]);
        if (names_add(&f->names, names.items[i], n) < 0 ||
            set_kind(f, names_find(&f->names, names.items[i], n), kind) < 0)
            return error_memory(err);
    }
    return 0;
}

static int read_line(const struct reader *r, char *line, size_t len, struct found *found,
                     struct error *err) {
    if (r->line == 1 && len >= 2 && (!memcmp(line, "\xff\xfe", 2) || !memcmp(line, "\xfe\xff", 2)))
        return error_set(err, ERROR_USAGE, "%s:1: this is UTF-16; UTF-8 was expected",
                         r->name.data);
    if (memchr(line, '\0', len))
        return error_set(err, ERROR_USAGE, "%s:%ld: a NUL byte; a text file was expected",
                         r->name.data, r->line);
    if (r->line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0) {
        line += 3;
        len -= 3;
    }
    char *pattern = trim(line, len);
    const char *kind = split_kind(pattern);
    int rc = 0;
    if (kind)
        rc = add_of_kind(found, pattern, kind, err);
    else if (*pattern)
        rc = nodeset_expand(pattern, &found->names, err);
    return rc < 0 ? error_prefix(err, "%s:%ld", r->name.data, r->line) : 0;
}

static int read_file(const char *path, struct found *found, struct error *err) {
    cleanup(reader_done) struct reader r;
    if (reader_open(&r, path, err) < 0)
        return -1;
    for (;;) {
        char *line = NULL;
        size_t len = 0;
        if (next_line(&r, &line, &len, err) < 0)
            return -1;
        if (!line)
            return 0;
        if (read_line(&r, line, len, found, err) < 0)
            return -1;
    }
}

static int read_all(const struct inventory_source *source, struct found *found,
                    struct names *excluded, struct error *err) {
    if (source->file_count == 0 && source->pattern_count == 0)
        return error_set(err, ERROR_USAGE,
                         "no servers were given: name them, or a file of them with -i FILE");
    for (size_t i = 0; i < source->file_count; i++)
        if (read_file(source->files[i], found, err) < 0)
            return -1;
    for (size_t i = 0; i < source->pattern_count; i++)
        if (nodeset_expand(source->patterns[i], &found->names, err) < 0)
            return -1;
    for (size_t i = 0; i < source->exclude_count; i++)
        if (nodeset_expand(source->excludes[i], excluded, err) < 0)
            return error_prefix(err, "--exclude");
    return 0;
}

/* Uses the names up, one by one, so that they and the servers are not both in memory. */
static int make_servers(struct found *found, const struct names *excluded, struct servers *list,
                        struct error *err) {
    struct names *names = &found->names;
    list->items = malloc((names->count ? names->count : 1) * sizeof(*list->items));
    if (!list->items)
        return error_memory(err);
    list->cap = names->count;
    for (size_t i = 0; i < names->count; i++) {
        struct server *s = &list->items[list->count];
        if (server_parse(names->items[i], s, err) < 0)
            return -1;
        free(TAKE(names->items[i]));
        if (i < found->kind_count)
            s->kind = TAKE(found->kinds[i]);
        if (names_has(excluded, s->name) || names_has(excluded, s->host))
            server_done(s);
        else
            list->count++;
    }
    if (list->count > 0)
        return 0;
    if (names->count > 0)
        return error_set(err, ERROR_USAGE,
                         "no server is left: all %zu of the inventory are excluded", names->count);
    return error_set(err, ERROR_USAGE, "the inventory is empty: at least one server was expected");
}

int inventory_load(const struct inventory_source *source, struct servers *ret, struct error *err) {
    cleanup(found_done) struct found found = {0};
    cleanup(names_done) struct names excluded = {0};
    cleanup(servers_done) struct servers list = {0};
    if (read_all(source, &found, &excluded, err) < 0 ||
        make_servers(&found, &excluded, &list, err) < 0)
        return -1;
    *ret = list;
    list = (struct servers){0};
    return 0;
}
