/*
 * knownhosts: see knownhosts.h.
 *
 * The files are kept in memory as they were read; an entry points into them. Three indexes lead to
 * the entries: plain names sorted for a binary search (a line of several names stands there several
 * times), lines with wildcards or negation, and hidden names, which all have to be tried. What a
 * look-up wants does not depend on the order in which the indexes give the entries: the first line
 * that has the key, the last that has another, any that revokes it.
 *
 * ssh's rules that surprise, each kept:
 *   - a host known with a key of another type alone is changed, not unknown;
 *   - a host at a port that no `[host]:port` line knows is accepted with a key of the bare name;
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
enum marker { MARKER_NONE, MARKER_REVOKED, MARKER_AUTHORITY, MARKER_BAD };

struct entry {
    const char *file;
    const char *names; /* in lower case, when they are not hidden */
    const char *type;
    const char *key;
    int line;
    enum marker marker;
};

struct plain {
    const char *name;
    uint32_t entry;
};

struct hidden {
    struct hosthash hash;
    uint32_t entry;
};

struct knownhosts {
    char **texts; /* a file's path, then what it holds, and so on */
    size_t text_count, text_cap;
    struct entry *entries; /* in the files' order */
    size_t entry_count, entry_cap;
    struct plain *plain; /* sorted by name */
    size_t plain_count, plain_cap;
    struct hidden *hidden;
    size_t hidden_count, hidden_cap;
    uint32_t *patterns;
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

static enum marker read_marker(char **line) {
    if (**line != '@')
        return MARKER_NONE;
    char *end = strchr(*line, ' ');
    if (!end)
        end = strchr(*line, '\t');
    if (!end)
        return MARKER_BAD;
    size_t n = (size_t)(end - *line);
    enum marker marker = MARKER_BAD;
    if (n == strlen("@revoked") && memcmp(*line, "@revoked", n) == 0)
        marker = MARKER_REVOKED;
    else if (n == strlen("@cert-authority") && memcmp(*line, "@cert-authority", n) == 0)
        marker = MARKER_AUTHORITY;
    *line = end + strspn(end, " \t");
    return **line == '@' ? MARKER_BAD : marker;
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

static int add_plain(struct knownhosts *k, char *names, uint32_t entry) {
    char *rest = names;
    for (char *name = strsep(&rest, ","); name; name = strsep(&rest, ",")) {
        if (vec_reserve(&k->plain, &k->plain_cap, k->plain_count + 1, sizeof(*k->plain)) < 0)
            return -1;
        k->plain[k->plain_count++] = (struct plain){name, entry};
    }
    return 0;
}

/* Puts the entry that is about to be added into the index that its names ask for. 1: into none. */
static int index_names(struct knownhosts *k, char *names, struct str *scratch) {
    uint32_t entry = (uint32_t)k->entry_count;
    if (*names == '|') {
        struct hidden h = {.entry = entry};
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
        return add_plain(k, names, entry);
    if (vec_reserve(&k->patterns, &k->pattern_cap, k->pattern_count + 1, sizeof(entry)) < 0)
        return -1;
    k->patterns[k->pattern_count++] = entry;
    return 0;
}

/* Returns -1 when memory ran out; a line that cannot be read is no error. */
static int add_line(struct knownhosts *k, const char *file, int number, char *line,
                    struct str *scratch) {
    while (is_blank(*line))
        line++;
    if (!*line || *line == '#')
        return 0;
    enum marker marker = read_marker(&line);
    if (marker == MARKER_BAD || is_blank(*line))
        return 0;
    char *names = next_field(&line);
    char *type = next_field(&line);
    char *key = next_field(&line);
    /* base64 may be followed by the CR of a CRLF */
    key[strcspn(key, "\r")] = '\0';
    const char *plain = hostkey_type(type, strlen(type), key, strlen(key), scratch);
    if (scratch->failed)
        return -1;
    if (!plain)
        return 0;
    /* room first: once the names are in an index, the entry must be there */
    if (k->entry_count >= UINT32_MAX ||
        vec_reserve(&k->entries, &k->entry_cap, k->entry_count + 1, sizeof(*k->entries)) < 0)
        return -1;
    int indexed = index_names(k, names, scratch);
    if (indexed == 0)
        k->entries[k->entry_count++] = (struct entry){file, names, plain, key, number, marker};
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
    free(k->entries);
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

/* Calls visit() for each entry of the name, in no particular order. */
static void each_entry(const struct knownhosts *k, const char *name,
                       void (*visit)(const struct entry *e, void *arg), void *arg) {
    size_t low = 0, high = k->plain_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(k->plain[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < k->plain_count && strcmp(k->plain[low].name, name) == 0; low++)
        visit(&k->entries[k->plain[low].entry], arg);
    for (size_t i = 0; i < k->pattern_count; i++)
        if (list_matches(name, k->entries[k->patterns[i]].names))
            visit(&k->entries[k->patterns[i]], arg);
    size_t n = strlen(name);
    for (size_t i = 0; i < k->hidden_count; i++)
        if (hosthash_is(&k->hidden[i].hash, name, n))
            visit(&k->entries[k->hidden[i].entry], arg);
}

static bool usual_port(int port) {
    return port == 0 || port == 22;
}

/* The name that a host has in the files; false when it is longer than any can be. */
static bool name_of(const char *host, int port, char out[NAME_TEXT]) {
    int n = usual_port(port) ? snprintf(out, NAME_TEXT, "%s", host)
                             : snprintf(out, NAME_TEXT, "[%s]:%d", host, port);
    lower(out);
    return n < NAME_TEXT;
}

struct verdicts {
    const char *key;
    const struct entry *same;  /* the first line with the key */
    const struct entry *other; /* the last with another */
    const struct entry *revoked;
};

static void judge(const struct entry *e, void *arg) {
    struct verdicts *v = arg;
    bool same = strcmp(e->key, v->key) == 0;
    if (e->marker == MARKER_REVOKED && same)
        v->revoked = e;
    else if (e->marker == MARKER_NONE && same && (!v->same || e < v->same))
        v->same = e;
    else if (e->marker == MARKER_NONE && !same && (!v->other || e > v->other))
        v->other = e;
}

static struct verdicts judge_name(const struct knownhosts *k, const char *host, int port,
                                  const char *key) {
    struct verdicts v = {.key = key};
    char name[NAME_TEXT];
    if (name_of(host, port, name))
        each_entry(k, name, judge, &v);
    return v;
}

static void answer(struct knownhosts_answer *ret, enum knownhosts_status status,
                   const struct entry *e) {
    *ret = (struct knownhosts_answer){status, e->file, e->line, e->type, e->key};
}

void knownhosts_check(const struct knownhosts *k, const char *host, int port, const char *key,
                      struct knownhosts_answer *ret) {
    struct verdicts v = judge_name(k, host, port, key);
    if (!usual_port(port) && !v.same && !v.other && !v.revoked) {
        v = judge_name(k, host, 0, key);
        v.other = NULL;
    }
    if (v.revoked)
        answer(ret, KNOWNHOSTS_REVOKED, v.revoked);
    else if (v.same)
        answer(ret, KNOWNHOSTS_MATCH, v.same);
    else if (v.other)
        answer(ret, KNOWNHOSTS_CHANGED, v.other);
    else
        *ret = (struct knownhosts_answer){.status = KNOWNHOSTS_UNKNOWN};
}

/* The first key of each type, and how many types there are. */
struct first_keys {
    const struct entry *of[HOSTKEY_TYPES];
    size_t count;
};

static void collect_type(const struct entry *e, void *arg) {
    struct first_keys *first = arg;
    if (e->marker != MARKER_NONE)
        return;
    for (size_t i = 0; i < first->count; i++) {
        /* types are constants of hostkey.c */
        if (first->of[i]->type != e->type)
            continue;
        if (e < first->of[i])
            first->of[i] = e;
        return;
    }
    if (first->count < HOSTKEY_TYPES && !strstr(e->type, "-cert-"))
        first->of[first->count++] = e;
}

static int by_place(const void *a, const void *b) {
    const struct entry *x = *(const struct entry *const *)a, *y = *(const struct entry *const *)b;
    return x < y ? -1 : x > y;
}

size_t knownhosts_types(const struct knownhosts *k, const char *host, int port, const char **types,
                        size_t max) {
    struct first_keys first = {.count = 0};
    char name[NAME_TEXT];
    if (!name_of(host, port, name))
        return 0;
    each_entry(k, name, collect_type, &first);
    qsort(first.of, first.count, sizeof(*first.of), by_place);
    size_t n = 0;
    for (size_t i = 0; i < first.count && n < max; i++) {
        /* a type whose first key is revoked is none that a server should be asked for */
        if (!judge_name(k, host, port, first.of[i]->key).revoked)
            types[n++] = first.of[i]->type;
    }
    return n;
}

static void see_authority(const struct entry *e, void *arg) {
    *(bool *)arg |= e->marker == MARKER_AUTHORITY;
}

bool knownhosts_has_authority(const struct knownhosts *k, const char *host, int port) {
    bool found = false;
    char name[NAME_TEXT];
    if (!name_of(host, port, name))
        return false;
    each_entry(k, name, see_authority, &found);
    if (!found && !usual_port(port) && name_of(host, 0, name))
        each_entry(k, name, see_authority, &found);
    return found;
}
