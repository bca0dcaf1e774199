/*
 * knownhosts: see knownhosts.h.
 *
 * The files are kept in memory as they were read; a line points into them. Three indexes lead to
 * the lines: plain names sorted for a binary search (a line of several names stands there several
 * times), lists with wildcards or negation, and hidden names, which all have to be tried. So a
 * search is made once for each name of a server, and everything else is asked of what it found.
 *
 * ssh's rules that surprise, each kept:
 *   - a marker must be followed by a space somewhere: `@revoked` and a tab is no marker, and the
 *     line is passed over when the first space comes after the name;
 *   - a line with a name of 1,023 characters or more matches nothing.
 *
 * Read-only once loaded, so that threads need no lock. knownhosts_free() frees all of it.
 */
#include "input/knownhosts.h"

#include "base/fd.h"
#include "base/vec.h"
#include "input/hosthash.h"
#include "input/hostkey.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { PATTERN_MAX = 1023, NAME_TEXT = 1100, FILE_MAX = 256 << 20 };

struct plain {
    const char *name;
    uint32_t line;
};

struct hidden {
    struct hosthash hash;
    uint32_t line;
};

struct pattern {
    const char *names; /* in lower case */
    uint32_t line;
};

struct knownhosts {
    char **texts; /* a file's path, then what it holds, and so on */
    size_t text_count, text_cap;
    struct knownhosts_line *lines; /* in the files' order */
    size_t line_count, line_cap;
    struct plain *plain; /* sorted by name */
    size_t plain_count, plain_cap;
    struct hidden *hidden;
    size_t hidden_count, hidden_cap;
    struct pattern *patterns;
    size_t pattern_count, pattern_cap;
};

static void lower(char *text) {
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text += 'a' - 'A';
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* Cuts the next field off the line, at blanks; "" at its end. */
static char *next_field(char **line) {
    char *field = *line + strspn(*line, " \t");
    *line = field + strcspn(field, " \t");
    if (**line)
        *(*line)++ = '\0';
    return field;
}

/* Reads the marker, if there is one; false when the line is to be passed over. */
static bool read_marker(char **line, enum knownhosts_marker *ret) {
    *ret = KNOWNHOSTS_PLAIN;
    if (**line != '@')
        return true;
    char *end = strchr(*line, ' ');
    if (!end)
        end = strchr(*line, '\t');
    if (!end)
        return false;
    size_t n = (size_t)(end - *line);
    if (n == strlen("@revoked") && memcmp(*line, "@revoked", n) == 0)
        *ret = KNOWNHOSTS_REVOKED;
    else if (n == strlen("@cert-authority") && memcmp(*line, "@cert-authority", n) == 0)
        *ret = KNOWNHOSTS_AUTHORITY;
    else
        return false;
    *line = end + strspn(end, " \t");
    return **line != '@';
}

/* Whether a list of names needs more than a comparison; -1 when it can match nothing. */
static int list_kind(const char *names) {
    bool pattern = strpbrk(names, "*?") != NULL;
    for (const char *p = names; *p;) {
        pattern |= *p == '!';
        p += *p == '!';
        size_t n = strcspn(p, ",");
        if (n >= PATTERN_MAX)
            return -1;
        p += n;
        p += *p == ',';
    }
    return pattern;
}

static int add_plain(struct knownhosts *k, char *names, uint32_t line) {
    char *rest = names;
    for (char *name = strsep(&rest, ","); name; name = strsep(&rest, ",")) {
        if (vec_reserve(&k->plain, &k->plain_cap, k->plain_count + 1, sizeof(*k->plain)) < 0)
            return -1;
        k->plain[k->plain_count++] = (struct plain){name, line};
    }
    return 0;
}

/* Puts the line that is about to be added into the index that its names ask for. 1: into none. */
static int index_names(struct knownhosts *k, char *names, struct str *scratch) {
    uint32_t line = (uint32_t)k->line_count;
    if (*names == '|') {
        struct hidden h = {.line = line};
        if (!hosthash_read(names, &h.hash, scratch))
            return 1;
        if (vec_reserve(&k->hidden, &k->hidden_cap, k->hidden_count + 1, sizeof(h)) < 0)
            return -1;
        k->hidden[k->hidden_count++] = h;
        return 0;
    }
    lower(names);
    int kind = list_kind(names);
    if (kind < 0)
        return 1;
    if (kind == 0)
        return add_plain(k, names, line);
    if (vec_reserve(&k->patterns, &k->pattern_cap, k->pattern_count + 1, sizeof(*k->patterns)) < 0)
        return -1;
    k->patterns[k->pattern_count++] = (struct pattern){names, line};
    return 0;
}

/* Returns -1 when memory ran out; a line that cannot be read is no error. */
static int add_line(struct knownhosts *k, const char *file, int number, char *text,
                    struct str *scratch) {
    while (is_blank(*text))
        text++;
    if (!*text || *text == '#')
        return 0;
    struct knownhosts_line line = {.file = file, .number = number};
    if (!read_marker(&text, &line.marker) || is_blank(*text))
        return 0;
    char *names = next_field(&text);
    char *type = next_field(&text);
    char *key = next_field(&text);
    /* base64 may be followed by the CR of a CRLF */
    key[strcspn(key, "\r")] = '\0';
    line.key = key;
    line.type = hostkey_type(type, strlen(type), key, strlen(key), scratch);
    if (scratch->failed)
        return -1;
    if (!line.type)
        return 0;
    /* room first: once the names are in an index, the line must be there */
    if (k->line_count >= UINT32_MAX ||
        vec_reserve(&k->lines, &k->line_cap, k->line_count + 1, sizeof(*k->lines)) < 0)
        return -1;
    int indexed = index_names(k, names, scratch);
    if (indexed == 0)
        k->lines[k->line_count++] = line;
    return indexed < 0 ? -1 : 0;
}

static int add_text(struct knownhosts *k, const char *file, char *text, size_t n) {
    cleanup(str_done) struct str scratch = {0};
    char *end = text + n;
    int number = 1;
    for (char *line = text; line < end; number++) {
        char *newline = memchr(line, '\n', (size_t)(end - line));
        char *next = newline ? newline + 1 : end;
        if (newline)
            *newline = '\0';
        if (add_line(k, file, number, line, &scratch) < 0)
            return -1;
        line = next;
    }
    return 0;
}

static int keep(struct knownhosts *k, char *text) {
    if (!text || vec_reserve(&k->texts, &k->text_cap, k->text_count + 1, sizeof(char *)) < 0) {
        free(text);
        return -1;
    }
    k->texts[k->text_count++] = text;
    return 0;
}

/* Takes the text over. */
static int add_file(struct knownhosts *k, const char *path, struct str *text, struct error *err) {
    size_t n = text->len;
    if (keep(k, strdup(path)) < 0 || keep(k, str_take(text)) < 0 ||
        add_text(k, k->texts[k->text_count - 2], k->texts[k->text_count - 1], n) < 0)
        return error_memory(err);
    return 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct plain *)a)->name, ((const struct plain *)b)->name);
}

static void sort_names(struct knownhosts *k) {
    if (k->plain_count)
        qsort(k->plain, k->plain_count, sizeof(*k->plain), by_name);
}

static void free_table(struct knownhosts **k) {
    knownhosts_free(*k);
}

int knownhosts_load(const char *const *files, size_t count, struct knownhosts **ret,
                    struct error *err) {
    cleanup(free_table) struct knownhosts *k = calloc(1, sizeof(*k));
    if (!k)
        return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        cleanup(str_done) struct str text = {0};
        struct error unreadable;
        if (fd_read_file(files[i], FILE_MAX, &text, &unreadable) < 0) {
            if (unreadable.kind != ERROR_INTERNAL)
                continue;
            *err = unreadable;
            return -1;
        }
        if (add_file(k, files[i], &text, err) < 0)
            return -1;
    }
    sort_names(k);
    *ret = TAKE(k);
    return 0;
}

void knownhosts_free(struct knownhosts *k) {
    if (!k)
        return;
    for (size_t i = 0; i < k->text_count; i++)
        free(k->texts[i]);
    free(k->texts);
    free(k->lines);
    free(k->plain);
    free(k->hidden);
    free(k->patterns);
    free(k);
}

/* Whether a name matches a pattern of n characters with * and ?. */
static bool glob(const char *name, const char *pattern, size_t n) {
    const char *end = pattern + n, *star = NULL, *resume = NULL;
    while (*name) {
        if (pattern < end && *pattern == '*') {
            star = ++pattern;
            resume = name;
        } else if (pattern < end && (*pattern == '?' || *pattern == *name)) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (pattern < end && *pattern == '*')
        pattern++;
    return pattern == end;
}

/* Whether a name matches a list of patterns: one of them, and none that is negated. */
static bool list_matches(const char *name, const char *list) {
    bool positive = false;
    while (*list) {
        bool negated = *list == '!';
        list += negated;
        size_t n = strcspn(list, ",");
        if (glob(name, list, n)) {
            if (negated)
                return false;
            positive = true;
        }
        list += n;
        list += *list == ',';
    }
    return positive;
}

static int add_found(const struct knownhosts *k, uint32_t line, struct knownhosts_lines *ret) {
    if (vec_reserve(&ret->items, &ret->cap, ret->count + 1, sizeof(*ret->items)) < 0)
        return -1;
    ret->items[ret->count++] = &k->lines[line];
    return 0;
}

static int find_plain(const struct knownhosts *k, const char *name, struct knownhosts_lines *ret) {
    size_t low = 0, high = k->plain_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(k->plain[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < k->plain_count && strcmp(k->plain[low].name, name) == 0; low++)
        if (add_found(k, k->plain[low].line, ret) < 0)
            return -1;
    return 0;
}

static int find_patterns(const struct knownhosts *k, const char *name,
                         struct knownhosts_lines *ret) {
    for (size_t i = 0; i < k->pattern_count; i++)
        if (list_matches(name, k->patterns[i].names) && add_found(k, k->patterns[i].line, ret) < 0)
            return -1;
    return 0;
}

static int find_hidden(const struct knownhosts *k, const char *name, struct knownhosts_lines *ret) {
    struct hosthash_name hashed;
    hosthash_name(name, strlen(name), &hashed);
    for (size_t i = 0; i < k->hidden_count; i++)
        if (hosthash_is(&k->hidden[i].hash, &hashed) && add_found(k, k->hidden[i].line, ret) < 0)
            return -1;
    return 0;
}

/* The name that a host has in the files; false when it is longer than any can be. */
static bool name_of(const char *host, int port, char out[NAME_TEXT]) {
    int n = knownhosts_bare(port) ? snprintf(out, NAME_TEXT, "%s", host)
                                  : snprintf(out, NAME_TEXT, "[%s]:%d", host, port);
    lower(out);
    return n < NAME_TEXT;
}

static int by_place(const void *a, const void *b) {
    const struct knownhosts_line *x = *(const struct knownhosts_line *const *)a,
                                 *y = *(const struct knownhosts_line *const *)b;
    return x < y ? -1 : x > y;
}

int knownhosts_find(const struct knownhosts *k, const char *host, int port,
                    struct knownhosts_lines *ret, struct error *err) {
    char name[NAME_TEXT];
    *ret = (struct knownhosts_lines){0};
    if (!name_of(host, port, name))
        return 0;
    if (find_plain(k, name, ret) < 0 || find_patterns(k, name, ret) < 0 ||
        find_hidden(k, name, ret) < 0) {
        knownhosts_lines_done(ret);
        return error_memory(err);
    }
    if (ret->count > 1)
        qsort(ret->items, ret->count, sizeof(*ret->items), by_place);
    return 0;
}

void knownhosts_lines_done(struct knownhosts_lines *lines) {
    free(lines->items);
    *lines = (struct knownhosts_lines){0};
}
