/* fleet_shell: see fleet_shell.h. */
#include "fleet_shell.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

#define WORDS_MAX 64
#define SCRIPT_MAX 4096
#define DEPTH_MAX 4

/* A simple command, its words one after another in `text`. */
struct simple {
    char *words[WORDS_MAX];
    size_t count;
    char text[SCRIPT_MAX];
};

static void run(struct shell *sh, const char *script, int depth);

/* Copies the next word without its quotes, and returns what follows it. */
static const char *take_word(const char *p, char **at, const char *end, int status) {
    char quote = '\0';
    for (; *p && (quote || !strchr(" \t;\n", *p)); p++) {
        if (*p == quote) {
            quote = '\0';
        } else if (!quote && (*p == '\'' || *p == '"')) {
            quote = *p;
        } else if (quote != '\'' && p[0] == '$' && p[1] == '?' && end - *at > 4) {
            *at += snprintf(*at, 4, "%d", status & 0xff);
            p++;
        } else if (end - *at > 1) {
            *(*at)++ = *p;
        }
    }
    *(*at)++ = '\0';
    return p;
}

/* Returns what follows the command. */
static const char *take_simple(const char *p, struct simple *ret, int status) {
    char *at = ret->text;
    char *end = ret->text + sizeof(ret->text);
    ret->count = 0;
    for (p += strspn(p, " \t"); *p && *p != ';' && *p != '\n'; p += strspn(p, " \t")) {
        if (ret->count == WORDS_MAX || end - at < 2)
            return p + strcspn(p, ";\n");
        ret->words[ret->count++] = at;
        p = take_word(p, &at, end, status);
    }
    return p;
}

static void echo(struct shell *sh, const struct simple *c) {
    for (size_t i = 1; i < c->count; i++) {
        if (i > 1)
            str_add_char(&sh->out, ' ');
        str_add(&sh->out, c->words[i]);
    }
    str_add_char(&sh->out, '\n');
}

static int64_t seconds_of(const char *word) {
    double seconds = strtod(word, NULL);
    return seconds > 0 && seconds < 1e6 ? (int64_t)(seconds * 1e9) : 0;
}

/* Returns false when the shell ends. */
static bool run_simple(struct shell *sh, struct simple *c, int depth) {
    const char *name = strrchr(c->words[0], '/');
    name = name ? name + 1 : c->words[0];
    const char *first = c->count > 1 ? c->words[1] : "";
    if (strcmp(name, "exit") == 0) {
        sh->status = c->count > 1 ? atoi(first) & 0xff : sh->status;
        return false;
    }
    sh->status = 0;
    if (strcmp(name, "echo") == 0) {
        echo(sh, c);
    } else if (strcmp(name, "sleep") == 0) {
        sh->sleep += seconds_of(first);
    } else if (strcmp(name, "sh") == 0 && strcmp(first, "-c") == 0 && c->count > 2) {
        run(sh, c->words[2], depth + 1);
    } else if (strcmp(name, "false") == 0) {
        sh->status = 1;
    } else if (strcmp(name, "true") != 0 && strcmp(name, ":") != 0) {
        sh->status = 127;
        str_addf(&sh->err, "sh: 1: %.100s: not found\n", c->words[0]);
    }
    return true;
}

static void run(struct shell *sh, const char *script, int depth) {
    struct simple c;
    bool more = depth < DEPTH_MAX;
    while (more && *script) {
        script = take_simple(script, &c, sh->status);
        if (c.count > 0)
            more = run_simple(sh, &c, depth);
        script += *script != '\0';
    }
}

void shell_run(struct shell *sh, const char *script) {
    *sh = (struct shell){0};
    run(sh, script, 0);
}

void shell_done(struct shell *sh) {
    str_done(&sh->out);
    str_done(&sh->err);
}
