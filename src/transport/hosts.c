/*
 * hosts: see hosts.h.
 *
 * The file's text is kept, cut into words where it lies, so that what a line says is pointed at.
 * Each name stands once in a set, in lower case, beside the number of its line; a name that several
 * lines have, or one whose address glibc would make another one of (::1 and mapped ones), is in the
 * set without a line.
 */
#include "transport/hosts.h"

#include "base/fd.h"
#include "base/vec.h"
#include "input/names.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define HOSTS_MAX (64 << 20)
#define NSSWITCH_MAX (1 << 20)
#define NAME_MAX_LEN 255
#define BLANKS " \t\r\f\v"
#define NO_LINE UINT32_MAX

struct hosts {
    struct str text;
    struct host *lines;
    size_t count, cap;
    struct names names;
    uint32_t *line_of; /* of each name; NO_LINE: it is not for us to say */
    size_t line_cap;
};

/* ---- the order of services ----------------------------------------------------------------- */

/* Ends the line at its comment or its end, and returns the next one; NULL: there is none. */
static char *cut_line(char *line) {
    char *end = strchr(line, '\n');
    if (end)
        *end++ = '\0';
    line[strcspn(line, "#")] = '\0';
    return end;
}

/* Whether a line's services begin with the file, whose answer is then taken as it is. */
static bool begins_with_files(char *services) {
    char *rest = NULL;
    const char *first = strtok_r(services, BLANKS, &rest);
    const char *second = strtok_r(NULL, BLANKS, &rest);
    return first && strcmp(first, "files") == 0 && !(second && *second == '[');
}

static bool files_come_first(const char *path) {
    cleanup(str_done) struct str text = {0};
    struct error ignored;
    if (fd_read_file(path, NSSWITCH_MAX, &text, &ignored) != 0 || !text.data)
        return false;
    int lines = 0;
    bool first = false;
    for (char *line = text.data, *next; line; line = next) {
        next = cut_line(line);
        line += strspn(line, BLANKS);
        if (strncmp(line, "hosts:", 6) != 0)
            continue;
        lines++;
        first = begins_with_files(line + 6);
    }
    return lines == 1 && first;
}

/* ---- the file ------------------------------------------------------------------------------ */

/* Reads an address. Returns false when it is none; *plain is whether it is taken as it is. */
static bool read_address(const char *word, struct host *ret, bool *plain) {
    struct in6_addr *v6 = &ret->at.v6.sin6_addr;
    *plain = true;
    memset(&ret->at, 0, sizeof(ret->at));
    if (inet_pton(AF_INET, word, &ret->at.v4.sin_addr) == 1) {
        ret->at.any.sa_family = AF_INET;
        ret->len = sizeof(ret->at.v4);
        return true;
    }
    if (inet_pton(AF_INET6, word, v6) != 1)
        return false;
    ret->at.any.sa_family = AF_INET6;
    ret->len = sizeof(ret->at.v6);
    *plain = !IN6_IS_ADDR_V4MAPPED(v6) && !IN6_IS_ADDR_LOOPBACK(v6);
    return true;
}

/* The name in lower case; 0 when it is longer than any name can be. */
static size_t fold(const char *name, char out[NAME_MAX_LEN + 1]) {
    size_t n = strlen(name);
    if (n > NAME_MAX_LEN)
        return 0;
    for (size_t i = 0; i <= n; i++)
        out[i] = (char)tolower((unsigned char)name[i]);
    return n;
}

/* A line has this name. */
static int add_name(struct hosts *h, const char *name, uint32_t line) {
    char folded[NAME_MAX_LEN + 1];
    size_t n = fold(name, folded), count = h->names.count;
    if (n == 0)
        return 0;
    if (vec_reserve(&h->line_of, &h->line_cap, count + 1, sizeof(*h->line_of)) != 0 ||
        names_add(&h->names, folded, n) != 0)
        return -1;
    if (h->names.count > count)
        h->line_of[count] = line;
    else if (h->line_of[names_find(&h->names, folded, n)] != line)
        h->line_of[names_find(&h->names, folded, n)] = NO_LINE;
    return 0;
}

static int add_line(struct hosts *h, char *line) {
    struct host one;
    char *rest = NULL;
    bool plain;
    const char *word = strtok_r(line, BLANKS, &rest);
    if (!word || !read_address(word, &one, &plain))
        return 0;
    one.canonical = strtok_r(NULL, BLANKS, &rest);
    if (vec_reserve(&h->lines, &h->cap, h->count + 1, sizeof(*h->lines)) != 0)
        return -1;
    uint32_t number = plain ? (uint32_t)h->count : NO_LINE;
    h->lines[h->count++] = one;
    for (word = one.canonical; word; word = strtok_r(NULL, BLANKS, &rest))
        if (add_name(h, word, number) != 0)
            return -1;
    return 0;
}

static int read_all(struct hosts *h, const char *path) {
    struct error ignored;
    if (fd_read_file(path, HOSTS_MAX, &h->text, &ignored) != 0 || !h->text.data)
        return -1;
    for (char *line = h->text.data, *next; line; line = next) {
        next = cut_line(line);
        if (add_line(h, line) != 0)
            return -1;
    }
    return 0;
}

struct hosts *hosts_read(const char *hosts, const char *nsswitch) {
    if (!files_come_first(nsswitch))
        return NULL;
    struct hosts *h = calloc(1, sizeof(*h));
    if (h && read_all(h, hosts) == 0)
        return h;
    hosts_free(h);
    return NULL;
}

void hosts_free(struct hosts *h) {
    if (!h)
        return;
    names_done(&h->names);
    free(h->line_of);
    free(h->lines);
    str_done(&h->text);
    free(h);
}

const struct host *hosts_find(const struct hosts *h, const char *name, int family) {
    char folded[NAME_MAX_LEN + 1];
    size_t n = h ? fold(name, folded) : 0;
    size_t place = n > 0 ? names_find(&h->names, folded, n) : NAMES_NONE;
    if (place == NAMES_NONE || h->line_of[place] == NO_LINE)
        return NULL;
    const struct host *found = &h->lines[h->line_of[place]];
    return family == AF_UNSPEC || family == found->at.any.sa_family ? found : NULL;
}
