/*
 * command: see command.h.
 *
 * The template is parsed once, into a flat list of parts that each know their word; a server's
 * argument vector is made from them when a session is opened. Values are put in after the words
 * were found, which is why they cannot be taken for anything but text. The one thing that is left
 * to a foreign value is to look like an option of the program, so a word that begins with a value
 * must not begin with '-'.
 *
 * A transport never changes once it is made, so any number of workers may open sessions.
 */
#include "transport/command.h"

#include "base/str.h"
#include "base/vec.h"
#include "transport/process.h"
#include "transport/shortage.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum part_kind { PART_TEXT, PART_SERVER, PART_HOST, PART_USER, PART_PORT };

static const char *const placeholders[] = {
    [PART_SERVER] = "server", [PART_HOST] = "host", [PART_USER] = "user", [PART_PORT] = "port"};

struct part {
    enum part_kind kind;
    size_t word; /* the index of the word that it is a part of */
    char *text;  /* of PART_TEXT; "" keeps a word that is empty, as '' is */
};

struct command {
    struct transport base;
    struct cancel *cancel;
    struct part *parts;
    size_t count;
    size_t cap;
    size_t words;
};

/* ---- the template ---- */

struct parser {
    struct command *out;
    const char *template;
    const char *at;
    struct str text; /* of the part that is being read */
    struct error *err;
};

static int mistake(const struct parser *p, const char *at, const char *what) {
    int column = 1;
    for (const char *c = p->template; c < at; c++)
        column += ((unsigned char)*c & 0xc0) != 0x80; /* characters, not bytes of UTF-8 */
    return error_set(p->err, ERROR_USAGE, "the command template '%.100s', column %d: %s",
                     p->template, column, what);
}

static int add_part(struct parser *p, enum part_kind kind) {
    struct command *c = p->out;
    char *text = NULL;
    if (kind == PART_TEXT && !(text = str_take(&p->text)))
        return error_memory(p->err);
    if (vec_reserve(&c->parts, &c->cap, c->count + 1, sizeof(*c->parts)) != 0) {
        free(text);
        return error_memory(p->err);
    }
    c->parts[c->count++] = (struct part){.kind = kind, .word = c->words, .text = text};
    return 0;
}

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* At a '{': takes a placeholder, or the brace alone where it begins none. */
static int read_brace(struct parser *p) {
    const char *name = p->at + 1;
    size_t n = 0;
    while (is_name_char(name[n]))
        n++;
    if (n == 0 || name[n] != '}') {
        str_add_char(&p->text, *p->at++);
        return 0;
    }
    if (p->out->words == 0)
        return mistake(p, p->at, "a server must not choose the program that is run");
    for (int kind = PART_SERVER; kind <= PART_PORT; kind++) {
        if (strlen(placeholders[kind]) != n || memcmp(placeholders[kind], name, n) != 0)
            continue;
        p->at = name + n + 1;
        return (p->text.len > 0 && add_part(p, PART_TEXT) != 0) ? -1 : add_part(p, kind);
    }
    return mistake(p, p->at, "the placeholders are {server}, {host}, {user} and {port}");
}

/* At the opening quote: takes everything up to the closing one. */
static int read_quoted(struct parser *p) {
    const char *open = p->at++;
    while (*p->at != *open) {
        if (!*p->at)
            return mistake(p, open,
                           *open == '"' ? "this \" is never closed" : "this ' is never closed");
        if (*open == '"' && *p->at == '\\' && p->at[1] && strchr("\"\\$`", p->at[1]))
            p->at++;
        else if (*p->at == '{') {
            if (read_brace(p) != 0)
                return -1;
            continue;
        }
        str_add_char(&p->text, *p->at++);
    }
    p->at++;
    return 0;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n';
}

static int read_word(struct parser *p) {
    size_t parts_before = p->out->count;
    while (*p->at && !is_blank(*p->at)) {
        int rc = 0;
        if (*p->at == '\'' || *p->at == '"') {
            rc = read_quoted(p);
        } else if (*p->at == '{') {
            rc = read_brace(p);
        } else {
            if (*p->at == '\\' && !*++p->at)
                return mistake(p, p->at - 1, "there is nothing after this backslash");
            str_add_char(&p->text, *p->at++);
        }
        if (rc != 0)
            return -1;
    }
    if (p->text.len > 0 || p->out->count == parts_before)
        if (add_part(p, PART_TEXT) != 0)
            return -1;
    p->out->words++;
    return 0;
}

static int parse(struct parser *p) {
    for (;;) {
        while (is_blank(*p->at))
            p->at++;
        if (!*p->at)
            break;
        if (read_word(p) != 0)
            return -1;
    }
    return p->out->words > 0 ? 0 : mistake(p, p->template, "it has no program to run");
}

/* ---- a server's session ---- */

/* The value of the placeholder, or NULL with the error. */
static const char *value_of(enum part_kind kind, const struct server *server, char port[12],
                            struct error *err) {
    const char *value = kind == PART_SERVER ? server->name
                        : kind == PART_HOST ? server->host
                        : kind == PART_USER ? server->user
                                            : NULL;
    if (kind == PART_PORT && server->port > 0) {
        snprintf(port, 12, "%d", server->port);
        value = port;
    }
    if (!value)
        error_set(err, ERROR_UNREACHABLE, "the server has no %s that {%s} could stand for",
                  placeholders[kind], placeholders[kind]);
    return value;
}

/* Appends the word that begins at *at and its NUL, and moves *at behind its parts. */
static int add_word(const struct command *c, size_t *at, const struct server *server,
                    struct str *out, struct error *err) {
    size_t start = out->len;
    size_t word = c->parts[*at].word;
    bool foreign = c->parts[*at].kind != PART_TEXT;
    for (; *at < c->count && c->parts[*at].word == word; ++*at) {
        const struct part *part = &c->parts[*at];
        char port[12];
        const char *text =
            part->kind == PART_TEXT ? part->text : value_of(part->kind, server, port, err);
        if (!text)
            return -1;
        str_add(out, text);
    }
    if (foreign && !out->failed && out->data[start] == '-')
        return error_set(err, ERROR_UNREACHABLE, "'%.100s' would be read as an option",
                         out->data + start);
    str_add_char(out, '\0');
    return 0;
}

static int command_open(struct transport *t, const struct server *server,
                        __attribute__((unused)) int64_t deadline, struct session **ret,
                        struct error *err) {
    const struct command *c = (const struct command *)t;
    cleanup(str_done) struct str strings = {0};
    cleanup(free_ptr) const char **argv = calloc(c->words + 1, sizeof(*argv));
    if (!argv)
        return error_memory(err);
    for (size_t at = 0; at < c->count;)
        if (add_word(c, &at, server, &strings, err) != 0)
            return -1;
    if (strings.failed)
        return error_memory(err);
    const char *word = strings.data;
    for (size_t i = 0; i < c->words; i++, word += strlen(word) + 1)
        argv[i] = word;
    return process_open(argv, c->cancel, NULL, ret, err);
}

static void command_free(struct transport *t) {
    struct command *c = (struct command *)t;
    for (size_t i = 0; i < c->count; i++)
        free(c->parts[i].text);
    free(c->parts);
    free(c);
}

static const struct transport_ops command_ops = {
    .name = "command",
    .open = command_open,
    .free = command_free,
};

int transport_command_new(const char *template, struct cancel *cancel, struct transport **ret,
                          struct error *err) {
    struct command *c = malloc(sizeof(*c));
    if (!c)
        return error_memory(err);
    *c = (struct command){.base.ops = &command_ops, .cancel = cancel};
    struct parser p = {.out = c, .template = template, .at = template, .err = err};
    int rc = parse(&p);
    str_done(&p.text);
    if (rc != 0 || shortage_new(cancel, &c->base.shortage, err) != 0) {
        command_free(&c->base);
        return -1;
    }
    *ret = &c->base;
    return 0;
}
