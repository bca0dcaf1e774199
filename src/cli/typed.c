/*
 * typed: see typed.h. As getopt_long() would read the words, but for mistakes: what is wrong is
 * passed over, because it is not over yet.
 */
#include "cli/typed.h"

#include <ctype.h>
#include <string.h>

static const struct option *by_letter(const struct cli_command *c, char letter) {
    for (const struct option *o = c->options; o->name; o++)
        if (o->val == letter)
            return o;
    return NULL;
}

/* A name of n bytes may be shortened as long as it is one option's. */
static const struct option *by_name(const struct cli_command *c, const char *name, size_t n) {
    const struct option *found = NULL;
    for (const struct option *o = c->options; o->name; o++) {
        if (strncmp(o->name, name, n) != 0)
            continue;
        if (!o->name[n])
            return o;
        if (found)
            return NULL;
        found = o;
    }
    return found;
}

static void take(struct typed *t, const struct option *o, const char *value) {
    if (strcmp(o->name, "config") == 0)
        t->config = value;
    else if (strcmp(o->name, "store") == 0)
        t->store = value;
    else if (strcmp(o->name, "inventory") == 0)
        cli_servers_option(&t->servers, 'i', value);
}

/*
 * The option whose value is at *value: behind it in this word or, when *value is NULL, the next
 * one. NULL: there is no such value.
 */
static const struct option *find(struct typed *t, const char *word, const char **value) {
    const struct option *o = NULL;
    *value = NULL;
    if (strncmp(word, "--", 2) == 0) {
        size_t n = strcspn(word + 2, "=");
        o = by_name(t->command, word + 2, n);
        if (o && o->has_arg != no_argument && word[2 + n] == '=')
            *value = word + 2 + n + 1;
    } else
        for (const char *p = word + 1; *p && !*value; p++) {
            o = by_letter(t->command, *p);
            if (o && o->has_arg != no_argument && p[1])
                *value = p + 1;
        }
    if (o && !*value && o->has_arg != required_argument) {
        take(t, o, "");
        return NULL;
    }
    return o;
}

static bool is_option(const struct typed *t, const char *word) {
    return !t->only_arguments && word[0] == '-' && word[1];
}

/* A word before the last one; how many words it and its value are. */
static size_t pass(struct typed *t, char **words, size_t left) {
    const char *value;
    if (!t->only_arguments && strcmp(words[0], "--") == 0) {
        t->only_arguments = true;
        return 1;
    }
    if (!is_option(t, words[0])) {
        if (t->argument_count < ARRAY_LEN(t->arguments))
            t->arguments[t->argument_count] = words[0];
        t->argument_count++;
        return 1;
    }
    const struct option *o = find(t, words[0], &value);
    if (!o)
        return 1;
    if (value)
        take(t, o, value);
    else if (left < 2)
        t->option = o;
    else
        take(t, o, words[1]);
    return value || left < 2 ? 1 : 2;
}

void typed_read(struct typed *t, char **words, size_t count) {
    *t = (struct typed){0};
    if (count < 3 || !(t->command = cli_find(words[1])))
        return;
    for (size_t i = 2; i + 1 < count;)
        i += pass(t, words + i, count - 1 - i);
    const char *word = words[count - 1], *value;
    if (t->option || !is_option(t, word))
        return;
    const struct option *o = find(t, word, &value);
    if (o && value) {
        t->option = o;
        t->head = (size_t)(value - word);
    }
}

void typed_done(struct typed *t) {
    cli_servers_done(&t->servers);
}

/* ---- what the help says ---- */

/* Whether the n bytes that begin a line of the help name the option: --NAME, or -X. */
static bool names(const char *head, size_t n, const char *option) {
    size_t len = strlen(option);
    for (size_t i = 0; i + len <= n; i++)
        if (strncmp(head + i, option, len) == 0 && (i == 0 || head[i - 1] == ' ') &&
            (i + len == n || strchr(" ,=[", head[i + len])))
            return true;
    return false;
}

static size_t line_length(const char *line) {
    return strcspn(line, "\n");
}

/* Whether the text begins here: behind two blanks, or one where a VALUE has left no more. */
static bool is_gap(const char *at) {
    return at[0] == ' ' &&
           (at[1] == ' ' || (isupper((unsigned char)at[-1]) && islower((unsigned char)at[1])));
}

/* The names of a line that is about options, up to the gap behind them; 0: it is not. */
static size_t head_length(const char *line, size_t indent) {
    if (line[indent] != '-')
        return 0;
    const char *end = line + indent + 1;
    while (*end && *end != '\n' && !is_gap(end))
        end++;
    return (size_t)(end - line) - indent;
}

/* Adds the text of a line from `at` on, and of those that go on with it. */
static void add_text(const char *line, size_t at, struct str *out) {
    size_t column = at + strspn(line + at, " ");
    str_add_bytes(out, line + column, line_length(line) - column);
    for (line += line_length(line); *line == '\n'; line += line_length(line)) {
        line++;
        size_t indent = strspn(line, " ");
        if (indent != column || line[indent] == '\n' || !line[indent])
            return;
        str_add_char(out, ' ');
        str_add_bytes(out, line + indent, line_length(line) - indent);
    }
}

static bool describe(const char *help, const char *option, struct str *out) {
    for (const char *line = help; *line; line += line_length(line), line += *line == '\n') {
        size_t indent = strspn(line, " ");
        size_t n = head_length(line, indent);
        if (n == 0 || !names(line + indent, n, option))
            continue;
        if (indent + n < line_length(line))
            add_text(line, indent + n, out);
        return true;
    }
    return false;
}

void typed_describe(const struct cli_command *c, const struct option *o, struct str *out) {
    char letter[] = {'-', (char)o->val, 0};
    cleanup(str_done) struct str name = {0};
    str_addf(&name, "--%s", o->name);
    if (!name.failed && !describe(c->help, name.data, out) && o->val < 128)
        describe(c->help, letter, out);
}
