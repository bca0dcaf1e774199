/*
 * ansibleini: see ansibleini.h. Lines are cut in place, one after the other, and every mistake is
 * kept, so that a file is mended at once.
 *
 * A group may be named before it is declared, by [group:vars] or as a child; whether it ever was is
 * asked at the end of the file.
 */
#include "input/ansibleini.h"

#include "base/text.h"
#include "base/vec.h"

#include <string.h>

enum section { HOSTS, CHILDREN, VARS };

struct ini {
    struct ansible *a;
    size_t file;
    int line;
    const char *start; /* of the line, for columns */
    enum section section;
    size_t group;
    struct ansible_places wanted; /* groups that this file has named */
    struct str word;
};

static struct ansible_place at(const struct ini *r, const char *p) {
    return (struct ansible_place){r->file, r->line, (int)(p - r->start) + 1};
}

static void mistake(struct ini *r, const char *p, const char *what) {
    mistakes_add(&r->a->mistakes, r->line, (int)(p - r->start) + 1, "%s", what);
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static char *skip_blanks(char *p) {
    while (is_blank(*p))
        p++;
    return p;
}

/* Whether nothing but a comment follows. */
static bool at_end(char *p) {
    p = skip_blanks(p);
    return !*p || *p == '#';
}

/* ---- sections and groups ---- */

static size_t name_length(const char *p) {
    return strcspn(p, ":] \t\r\f\v");
}

static int want_group(struct ini *r, const char *name, size_t len, bool declares, size_t *ret) {
    size_t g = *ret = ansible_group(r->a, name, len);
    if (g == NAMES_NONE)
        return -1;
    struct ansible_group *group = &r->a->groups[g];
    if (declares)
        group->declared = true;
    if (group->declared)
        return 0;
    group->at = at(r, name);
    if (vec_reserve(&r->wanted.items, &r->wanted.cap, r->wanted.count + 1,
                    sizeof(*r->wanted.items)) < 0)
        return -1;
    r->wanted.items[r->wanted.count++] = g;
    return 0;
}

static int read_section(struct ini *r, char *line) {
    static const char *const kinds[] = {
        [HOSTS] = "hosts", [CHILDREN] = "children", [VARS] = "vars"};
    char *name = line + 1;
    size_t len = name_length(name), kind = HOSTS;
    char *p = name + len;
    if (*p == ':') {
        size_t n = strcspn(++p, "] \t\r\f\v");
        for (kind = 0; kind < ARRAY_LEN(kinds); kind++)
            if (strlen(kinds[kind]) == n && memcmp(kinds[kind], p, n) == 0)
                break;
        if (kind == ARRAY_LEN(kinds)) {
            mistake(r, p, "a section is [group], [group:children] or [group:vars]");
            return 0;
        }
        p += n;
    }
    if (len == 0 || *p != ']' || !at_end(p + 1)) {
        mistake(r, len == 0 ? name : p,
                "a section is [group], [group:children] or [group:vars], without blanks");
        return 0;
    }
    r->section = (enum section)kind;
    return want_group(r, name, len, kind != VARS, &r->group);
}

static int read_child(struct ini *r, char *line) {
    size_t len = name_length(line), child;
    if (len == 0 || !at_end(line + len)) {
        mistake(r, line + len, "the name of one group was expected");
        return 0;
    }
    if (want_group(r, line, len, false, &child) < 0)
        return -1;
    return ansible_add_child(r->a, r->group, child, at(r, line));
}

/* ---- variables ---- */

/* Takes the quotes off a value, or a comment off a number: what Python would read as one. */
static char *literal(char *value) {
    size_t len = text_length_trimmed(value, strlen(value));
    value[len] = '\0';
    char quote = *value;
    size_t digits = strspn(value, "0123456789");
    if (digits > 0 && at_end(value + digits))
        value[digits] = '\0';
    if (quote != '\'' && quote != '"')
        return value;
    char *end = strchr(value + 1, quote);
    if (!end || !at_end(end + 1) || memchr(value, '\\', (size_t)(end - value)))
        return value;
    *end = '\0';
    return value + 1;
}

static int read_variable(struct ini *r, char *line) {
    char *sign = strchr(line, '=');
    if (!sign) {
        mistake(r, line, "name=value was expected");
        return 0;
    }
    size_t len = text_length_trimmed(line, (size_t)(sign - line));
    char *value = skip_blanks(sign + 1);
    struct ansible_place place = at(r, value);
    line[len] = '\0';
    return ansible_set(&r->a->groups[r->group].own, line, literal(value), false, place);
}

/* ---- hosts ---- */

/* Takes the characters between quotes, up to the closing one; NULL: there is none. */
static char *read_quoted(struct ini *r, char *p) {
    char quote = *p++;
    for (; *p && *p != quote; p++) {
        if (quote == '"' && *p == '\\' && (p[1] == '"' || p[1] == '\\'))
            p++;
        str_add_char(&r->word, *p);
    }
    return *p ? p + 1 : NULL;
}

/* Reads a word of a line into r->word; NULL: it is a mistake. */
static char *read_word(struct ini *r, char *p) {
    char *start = p;
    str_clear(&r->word);
    str_add(&r->word, ""); /* a word that is empty is one, too */
    while (*p && !is_blank(*p) && *p != '#') {
        if (*p == '\'' || *p == '"') {
            char *open = p;
            p = read_quoted(r, p);
            if (!p) {
                mistake(r, open, "this quote is never closed");
                return NULL;
            }
            continue;
        }
        if (*p == '\\' && !*++p) {
            mistake(r, start, "a '\\' ends the line");
            return NULL;
        }
        str_add_char(&r->word, *p++);
    }
    return p;
}

static int set_variable(struct ini *r, const struct ansible_places *hosts, const char *start) {
    char *word = r->word.data, *sign = strchr(word, '=');
    if (!sign) {
        mistake(r, start, "name=value was expected, or a # before a comment");
        return 0;
    }
    struct ansible_place place = at(r, start + (sign + 1 - word));
    *sign = '\0';
    char *value = literal(sign + 1);
    for (size_t i = 0; i < hosts->count; i++)
        if (ansible_set(&r->a->hosts[hosts->items[i]].own, word, value, false, place) < 0)
            return -1;
    return 0;
}

static int read_variables(struct ini *r, char *p, const struct ansible_places *hosts) {
    for (p = skip_blanks(p); *p && *p != '#'; p = skip_blanks(p)) {
        char *start = p;
        p = read_word(r, p);
        if (!p)
            return 0;
        if (r->word.failed || set_variable(r, hosts, start) < 0)
            return -1;
    }
    return 0;
}

static int read_host(struct ini *r, char *line) {
    struct ansible_places hosts = {0};
    char *p = read_word(r, line);
    if (!p)
        return 0;
    if (r->word.failed)
        return -1;
    int rc = ansible_add_hosts(r->a, r->group, r->word.data, at(r, line), &hosts);
    if (rc == 0 && hosts.count > 0)
        rc = read_variables(r, p, &hosts);
    free(hosts.items);
    return rc;
}

/* ---- the file ---- */

static int read_line(struct ini *r, char *line) {
    char *p = skip_blanks(line);
    r->line++;
    r->start = line;
    if (!*p || *p == '#' || *p == ';')
        return 0;
    if (!text_is_utf8(p, strlen(p))) {
        mistake(r, p, "this line is not valid UTF-8");
        return 0;
    }
    size_t len = text_length_trimmed(p, strlen(p));
    char *close = *p == '[' ? strchr(p, ']') : NULL;
    /* an address in brackets has a colon, and no name before it that a section could have */
    bool is_section = close && (at_end(close + 1) || p[len - 1] == ']');
    if (is_section && strchr(p, ':') && strchr(strchr(p, ':') + 1, ':'))
        is_section = false;
    if (is_section)
        return read_section(r, p);
    switch (r->section) {
    case HOSTS:
        return read_host(r, p);
    case CHILDREN:
        return read_child(r, p);
    case VARS:
        return read_variable(r, p);
    }
    return 0;
}

static void check_wanted(struct ini *r) {
    for (size_t i = 0; i < r->wanted.count; i++) {
        size_t g = r->wanted.items[i];
        const struct ansible_group *group = &r->a->groups[g];
        cleanup(str_done) struct str shown = {0};
        const char *name = r->a->group_names.items[g];
        text_add_printable(&shown, name, strlen(name), 100);
        if (!group->declared)
            mistakes_add(&r->a->mistakes, group->at.line, group->at.column,
                         "there is no group '%s': [%s] or [%s:children] would make one",
                         shown.data ? shown.data : "", shown.data ? shown.data : "",
                         shown.data ? shown.data : "");
    }
}

int ansibleini_read(struct ansible *a, size_t file, char *text, size_t n) {
    struct ini r = {.a = a, .file = file, .group = ANSIBLE_UNGROUPED};
    int rc = ansible_group(a, "ungrouped", 9) == NAMES_NONE ? -1 : 0;
    char *end = text + n;
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    for (char *next = NULL; rc == 0 && text < end; text = next) {
        char *newline = memchr(text, '\n', (size_t)(end - text));
        next = newline ? newline + 1 : end;
        *(newline ? newline : end) = '\0';
        rc = read_line(&r, text);
    }
    if (rc == 0)
        check_wanted(&r);
    free(r.wanted.items);
    str_done(&r.word);
    return rc < 0 || a->mistakes.failed ? -1 : 0;
}
