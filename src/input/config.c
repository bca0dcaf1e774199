/*
 * config: see config.h.
 *
 * Each mapping of the format is a table of keys; a key has a function that reads its value into a
 * field of the struct it fills. A reader that does not like a value adds a mistake and returns:
 * nothing stops before the end of the file, so that one look shows all there is to mend.
 *
 * Plain data of its caller; no threads.
 */
#include "input/config.h"

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "input/yaml.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_MAX (1024UL * 1024)
#define MISTAKES_MAX 100
#define NAME_MAX_LEN 64

struct reader {
    const char *const *builtin;
    struct mistakes mistakes;
    bool no_memory;
};

/* A key of a mapping; min and max are those of a number. */
struct key {
    const char *name;
    void (*read)(struct reader *r, const struct key *key, const struct yaml_node *value,
                 void *into);
    size_t offset; /* of the field in the struct that the mapping fills */
    double min;
    double max;
};

/* ---- mistakes ---- */

/* The text made printable, for a sentence; short. */
static const char *shown(const char *text, struct str *room) {
    text_add_printable(room, text, strlen(text), 60);
    return room->data ? room->data : "";
}

static void expected(struct reader *r, const char *key, const char *what,
                     const struct yaml_node *found) {
    cleanup(str_done) struct str is = {0};
    yaml_describe(found, &is);
    mistakes_add(&r->mistakes, found->line, found->column, "%s: expected %s, found %s", key, what,
                 is.data ? is.data : "something else");
}

/* The distance of two words in edits, swapped neighbours being one; both of at most 63 bytes. */
static size_t distance(const char *a, const char *b) {
    size_t rows[3][NAME_MAX_LEN];
    size_t n = strlen(b);
    for (size_t j = 0; j <= n; j++)
        rows[0][j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                two_above[j - 2] + 1 < best)
                best = two_above[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[strlen(a) % 3][n];
}

const char *config_nearest(const char *key, const char *const *known) {
    const char *nearest = NULL;
    size_t least = SIZE_MAX;
    size_t len = strlen(key);
    if (len >= NAME_MAX_LEN)
        return NULL;
    for (; *known; known++) {
        size_t longer = strlen(*known) > len ? strlen(*known) : len;
        if (longer >= NAME_MAX_LEN)
            continue;
        size_t edits = distance(key, *known);
        if (edits < least && edits <= (longer + 2) / 3 && edits < longer) {
            least = edits;
            nearest = *known;
        }
    }
    return nearest;
}

/* ---- mappings ---- */

static const struct key *find_key(const struct key *keys, const char *name) {
    for (; keys->name; keys++)
        if (strcmp(keys->name, name) == 0)
            return keys;
    return NULL;
}

static void unknown_key(struct reader *r, const struct key *keys, const struct yaml_node *key) {
    const char *names[32];
    size_t n = 0;
    cleanup(str_done) struct str list = {0};
    cleanup(str_done) struct str room = {0};
    for (; n < ARRAY_LEN(names) - 1 && keys[n].name; n++) {
        names[n] = keys[n].name;
        str_addf(&list, "%s%s", n > 0 ? ", " : "", names[n]);
    }
    names[n] = NULL;
    const char *nearest = config_nearest(key->text, names);
    if (nearest)
        mistakes_add(&r->mistakes, key->line, key->column, "unknown key '%s': did you mean '%s'?",
                     shown(key->text, &room), nearest);
    else
        mistakes_add(&r->mistakes, key->line, key->column, "unknown key '%s': expected one of %s",
                     shown(key->text, &room), list.data ? list.data : "");
}

/* A mapping, or nothing where all its lines are commented out. */
static bool is_mapping(struct reader *r, const char *name, const struct yaml_node *node) {
    if (node->kind != YAML_MAPPING && node->kind != YAML_NOTHING)
        expected(r, name, "a mapping", node);
    return node->kind == YAML_MAPPING;
}

static void read_mapping(struct reader *r, const char *name, const struct key *keys,
                         const struct yaml_node *node, void *into) {
    if (!is_mapping(r, name, node))
        return;
    for (size_t i = 0; i < node->count; i++) {
        const struct key *key = find_key(keys, node->keys[i]->text);
        if (key)
            key->read(r, key, node->items[i], (char *)into + key->offset);
        else
            unknown_key(r, keys, node->keys[i]);
    }
}

static const struct yaml_node *find_value(const struct yaml_node *node, const char *name) {
    for (size_t i = 0; node->kind == YAML_MAPPING && i < node->count; i++)
        if (strcmp(node->keys[i]->text, name) == 0)
            return node->items[i];
    return NULL;
}

/* ---- values ---- */

static bool check_number(struct reader *r, const struct key *key, const struct yaml_node *value,
                         bool whole) {
    if (value->kind == YAML_NUMBER && value->number >= key->min && value->number <= key->max &&
        (!whole || floor(value->number) == value->number))
        return true;
    char what[80];
    const char *kind = whole ? "a whole number" : "a number";
    if (value->kind != YAML_NUMBER)
        snprintf(what, sizeof(what), "%s", kind);
    else if (isinf(key->max))
        snprintf(what, sizeof(what), "%s of at least %.10g", kind, key->min);
    else
        snprintf(what, sizeof(what), "%s from %.10g to %.10g", kind, key->min, key->max);
    expected(r, key->name, what, value);
    return false;
}

static void read_int(struct reader *r, const struct key *key, const struct yaml_node *value,
                     void *into) {
    if (check_number(r, key, value, true))
        *(int *)into = (int)value->number;
}

static void read_number(struct reader *r, const struct key *key, const struct yaml_node *value,
                        void *into) {
    if (check_number(r, key, value, false))
        *(double *)into = value->number;
}

static void read_positive(struct reader *r, const struct key *key, const struct yaml_node *value,
                          void *into) {
    if (value->kind == YAML_NUMBER && value->number <= 0)
        expected(r, key->name, "a number above 0", value);
    else if (check_number(r, key, value, false))
        *(double *)into = value->number;
}

static void read_duration(struct reader *r, const struct key *key, const struct yaml_node *value,
                          void *into) {
    if (value->kind != YAML_NUMBER && value->kind != YAML_TEXT) {
        expected(r, key->name, "a duration such as 90s", value);
        return;
    }
    struct error err;
    cleanup(str_done) struct str room = {0};
    int64_t ns;
    if (duration_parse(shown(value->text, &room), &ns, &err) == 0)
        *(int64_t *)into = ns;
    else
        mistakes_add(&r->mistakes, value->line, value->column, "%s: %s", key->name, err.text);
}

static void set_text(struct reader *r, char **into, const char *text) {
    free(*into);
    *into = strdup(text);
    if (!*into)
        r->no_memory = true;
}

static bool is_text(struct reader *r, const struct key *key, const struct yaml_node *value) {
    if (value->kind == YAML_TEXT && value->text[strspn(value->text, " \t\r\n")])
        return true;
    if (value->kind == YAML_TEXT)
        expected(r, key->name, "a text that is not empty", value);
    else if (value->kind == YAML_NUMBER || value->kind == YAML_BOOLEAN)
        expected(r, key->name, "a text (put it in quotes)", value);
    else
        expected(r, key->name, "a text", value);
    return false;
}

/* Any text: a command may have lines. */
static void read_text(struct reader *r, const struct key *key, const struct yaml_node *value,
                      void *into) {
    if (is_text(r, key, value))
        set_text(r, into, value->text);
}

/* A text that is shown to people: no control characters. */
static void read_line(struct reader *r, const struct key *key, const struct yaml_node *value,
                      void *into) {
    if (!is_text(r, key, value))
        return;
    cleanup(str_done) struct str printable = {0};
    text_add_printable(&printable, value->text, strlen(value->text), CONFIG_MAX);
    if (printable.failed)
        r->no_memory = true;
    else if (strcmp(printable.data, value->text) != 0)
        expected(r, key->name, "a text in one line, without control characters", value);
    else
        set_text(r, into, value->text);
}

/* One word that a command line takes: no blanks, no option. */
static void read_word(struct reader *r, const struct key *key, const struct yaml_node *value,
                      void *into) {
    if (!is_text(r, key, value))
        return;
    if (value->text[0] == '-' || strpbrk(value->text, " \t"))
        expected(r, key->name, "one word that does not begin with -", value);
    else
        read_line(r, key, value, into);
}

static void read_better(struct reader *r, const struct key *key, const struct yaml_node *value,
                        void *into) {
    bool lower = value->kind == YAML_TEXT && strcmp(value->text, "lower") == 0;
    if (lower || (value->kind == YAML_TEXT && strcmp(value->text, "higher") == 0))
        *(bool *)into = lower;
    else
        expected(r, key->name, "'higher' or 'lower'", value);
}

/* ---- benchmarks ---- */

/* The expressions are kept while the mapping is read, to see that there is one of them. */
struct expressions {
    const struct yaml_node *regex;
    const struct yaml_node *jq;
};

static void read_expression(struct reader *r, const struct key *key, const struct yaml_node *value,
                            void *into) {
    if (is_text(r, key, value))
        *(const struct yaml_node **)into = value;
}

static const struct key extract_keys[] = {
    {"regex", read_expression, offsetof(struct expressions, regex), 0, 0},
    {"jq", read_expression, offsetof(struct expressions, jq), 0, 0},
    {NULL, NULL, 0, 0, 0}};

static void read_extract(struct reader *r, const struct key *key, const struct yaml_node *value,
                         void *into) {
    struct extract **extract = into;
    struct expressions found = {NULL, NULL};
    struct error err;
    if (value->kind != YAML_MAPPING || value->count == 0) {
        expected(r, key->name, "{regex: ...} or {jq: ...}", value);
        return;
    }
    read_mapping(r, key->name, extract_keys, value, &found);
    if (found.regex && found.jq) {
        mistakes_add(&r->mistakes, value->line, value->column,
                     "extract: expected either a regex or a jq program, found both");
        return;
    }
    const struct yaml_node *source = found.regex ? found.regex : found.jq;
    if (!source || *extract)
        return;
    int rc = found.regex ? extract_regex(source->text, extract, &err)
                         : extract_jq(source->text, extract, &err);
    if (rc < 0 && err.kind == ERROR_INTERNAL)
        r->no_memory = true;
    else if (rc < 0)
        mistakes_add(&r->mistakes, source->line, source->column, "extract: %s", err.text);
}

static bool is_variable(const char *name) {
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    while (isalnum((unsigned char)*name) || *name == '_')
        name++;
    return *name == '\0';
}

static void read_env(struct reader *r, const struct key *key, const struct yaml_node *value,
                     void *into) {
    struct config_benchmark *b = into;
    if (!is_mapping(r, key->name, value) || b->env)
        return;
    b->env = calloc(value->count + 1, sizeof(*b->env));
    if (!b->env) {
        r->no_memory = true;
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        const struct yaml_node *name = value->keys[i];
        const struct yaml_node *item = value->items[i];
        cleanup(str_done) struct str room = {0};
        if (!is_variable(name->text)) {
            mistakes_add(&r->mistakes, name->line, name->column,
                         "env: '%s' is no name of a variable: expected letters, digits and _",
                         shown(name->text, &room));
            continue;
        }
        if (item->kind == YAML_LIST || item->kind == YAML_MAPPING) {
            expected(r, name->text, "a text", item);
            continue;
        }
        struct config_env *env = &b->env[b->env_count++];
        set_text(r, &env->name, name->text);
        set_text(r, &env->value, item->kind == YAML_NOTHING ? "" : item->text);
    }
}

#define AT(field) offsetof(struct config_benchmark, field)

static const struct key command_keys[] = {{"command", read_text, AT(command), 0, 0},
                                          {"extract", read_extract, AT(extract), 0, 0},
                                          {"metric", read_line, AT(metric), 0, 0},
                                          {"unit", read_line, AT(unit), 0, 0},
                                          {"better", read_better, AT(lower_is_better), 0, 0},
                                          {"reference", read_positive, AT(reference), 0, INFINITY},
                                          {"threshold", read_number, AT(threshold), 0, INFINITY},
                                          {"timeout", read_duration, AT(timeout), 0, 0},
                                          {"trials", read_int, AT(trials), 1, 1000},
                                          {"env", read_env, 0, 0, 0},
                                          {"needs", read_word, AT(needs), 0, 0},
                                          {NULL, NULL, 0, 0, 0}};

static const struct key builtin_keys[] = {{"reference", read_positive, AT(reference), 0, INFINITY},
                                          {"threshold", read_number, AT(threshold), 0, INFINITY},
                                          {"timeout", read_duration, AT(timeout), 0, 0},
                                          {"trials", read_int, AT(trials), 1, 1000},
                                          {NULL, NULL, 0, 0, 0}};

#undef AT

static bool is_builtin(const struct reader *r, const char *name) {
    for (const char *const *b = r->builtin; *b; b++)
        if (strcmp(*b, name) == 0)
            return true;
    return false;
}

static void unknown_benchmark(struct reader *r, const struct yaml_node *name) {
    const char *nearest = config_nearest(name->text, r->builtin);
    cleanup(str_done) struct str list = {0};
    for (size_t i = 0; r->builtin[i]; i++)
        str_addf(&list, "%s%s", i > 0 ? ", " : "", r->builtin[i]);
    if (nearest)
        mistakes_add(&r->mistakes, name->line, name->column,
                     "unknown benchmark '%s': did you mean '%s'? Or give it a command", name->text,
                     nearest);
    else
        mistakes_add(&r->mistakes, name->line, name->column,
                     "unknown benchmark '%s': built in are %s; give it a command", name->text,
                     list.data ? list.data : "none");
}

static bool check_name(struct reader *r, const struct yaml_node *name) {
    size_t len = strlen(name->text);
    size_t good = strspn(name->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789_.-");
    if (len > 0 && good == len && len <= NAME_MAX_LEN)
        return true;
    cleanup(str_done) struct str room = {0};
    mistakes_add(&r->mistakes, name->line, name->column,
                 "'%s' is no name of a benchmark: expected at most %d letters, digits, _, . "
                 "and -",
                 shown(name->text, &room), NAME_MAX_LEN);
    return false;
}

/* Keys that only a command has are told apart from keys that nobody knows. */
static void read_builtin(struct reader *r, const struct yaml_node *value,
                         struct config_benchmark *b) {
    if (!is_mapping(r, b->name, value))
        return;
    for (size_t i = 0; i < value->count; i++) {
        const struct yaml_node *name = value->keys[i];
        const struct key *key = find_key(builtin_keys, name->text);
        if (key)
            key->read(r, key, value->items[i], (char *)b + key->offset);
        else if (find_key(command_keys, name->text))
            mistakes_add(&r->mistakes, name->line, name->column,
                         "%s: only for benchmarks with a command; %s is built in", name->text,
                         b->name);
        else
            unknown_key(r, builtin_keys, name);
    }
}

static void read_benchmark(struct reader *r, const struct yaml_node *name,
                           const struct yaml_node *value, struct config_benchmark *b) {
    b->line = name->line;
    b->reference = NAN;
    b->threshold = NAN;
    set_text(r, &b->name, name->text);
    if (!check_name(r, name) || !b->name)
        return;
    bool has_command = find_value(value, "command") != NULL;
    if (!has_command && is_builtin(r, name->text)) {
        read_builtin(r, value, b);
        return;
    }
    read_mapping(r, name->text, command_keys, value, b);
    if (!has_command)
        unknown_benchmark(r, name);
    else if (!find_value(value, "extract"))
        mistakes_add(&r->mistakes, name->line, name->column,
                     "%s needs extract: {regex: ...} or {jq: ...}", name->text);
    /* the value itself as the score would fail the fast servers and pass the slow ones */
    if (b->lower_is_better && !find_value(value, "reference"))
        mistakes_add(&r->mistakes, name->line, name->column,
                     "%s needs a reference, because its lower values are better", name->text);
}

static void read_benchmarks(struct reader *r, const struct key *key, const struct yaml_node *value,
                            void *into) {
    struct config *c = into;
    if (!is_mapping(r, key->name, value) || c->benchmarks)
        return;
    c->benchmarks = calloc(value->count + 1, sizeof(*c->benchmarks));
    if (!c->benchmarks) {
        r->no_memory = true;
        return;
    }
    c->benchmark_count = value->count;
    for (size_t i = 0; i < value->count; i++)
        read_benchmark(r, value->keys[i], value->items[i], &c->benchmarks[i]);
}

/* ---- the file ---- */

#define AT(field) offsetof(struct config, field)

static const struct key ssh_keys[] = {
    {"user", read_word, AT(ssh.user), 0, 0},
    {"port", read_int, AT(ssh.port), 1, 65535},
    {"connect_timeout", read_duration, AT(ssh.connect_timeout), 0, 0},
    {"login_timeout", read_duration, AT(ssh.login_timeout), 0, 0},
    {"start_rate", read_positive, AT(ssh.start_rate), 0, INFINITY},
    {"jump_channels", read_int, AT(ssh.jump_channels), 1, 10000},
    {"config", read_line, AT(ssh.config), 0, 0},
    {NULL, NULL, 0, 0, 0}};

static void read_ssh(struct reader *r, const struct key *key, const struct yaml_node *value,
                     void *into) {
    read_mapping(r, key->name, ssh_keys, value, into);
}

static const struct key top_keys[] = {{"fanout", read_int, AT(fanout), 1, 100000},
                                      {"threshold", read_number, AT(threshold), 0, INFINITY},
                                      {"timeout", read_duration, AT(timeout), 0, 0},
                                      {"run_timeout", read_duration, AT(run_timeout), 0, 0},
                                      {"ssh", read_ssh, 0, 0, 0},
                                      {"benchmarks", read_benchmarks, 0, 0, 0},
                                      {NULL, NULL, 0, 0, 0}};

#undef AT

void config_init(struct config *c) {
    *c = (struct config){.threshold = NAN};
}

static void benchmark_done(struct config_benchmark *b) {
    free(b->name);
    free(b->command);
    extract_free(b->extract);
    free(b->metric);
    free(b->unit);
    for (size_t i = 0; i < b->env_count; i++) {
        free(b->env[i].name);
        free(b->env[i].value);
    }
    free(b->env);
    free(b->needs);
}

void config_done(struct config *c) {
    for (size_t i = 0; i < c->benchmark_count; i++)
        benchmark_done(&c->benchmarks[i]);
    free(c->benchmarks);
    free(c->path);
    free(c->ssh.user);
    free(c->ssh.config);
    config_init(c);
}

/* Reads the text into *c; what is wrong goes to the reader's mistakes. */
static int read_text_of_file(struct reader *r, const struct str *text, struct config *c,
                             struct error *err) {
    struct yaml tree = {0};
    if (yaml_read(text->data ? text->data : "", text->len, &tree, &r->mistakes, err) < 0)
        return err->kind == ERROR_USAGE ? 0 : -1;
    read_mapping(r, "the file", top_keys, tree.root, c);
    yaml_done(&tree);
    return r->no_memory || r->mistakes.failed ? error_memory(err) : 0;
}

static int read_file(struct reader *r, const char *path, struct config *c, struct str *mistakes,
                     struct error *err) {
    cleanup(str_done) struct str text = {0};
    if (fd_read_file(path, CONFIG_MAX, &text, err) < 0)
        return -1;
    set_text(r, &c->path, path);
    if (read_text_of_file(r, &text, c, err) < 0)
        return -1;
    if (r->mistakes.count == 0)
        return 0;
    size_t count = mistakes_print(&r->mistakes, path, MISTAKES_MAX, mistakes);
    return error_set(err, ERROR_USAGE, "%zu mistake%s in %s", count, count > 1 ? "s" : "", path);
}

int config_load(const char *path, const char *const *builtin, struct config *ret,
                struct str *mistakes, struct error *err) {
    struct reader r = {.builtin = builtin};
    struct config c;
    config_init(&c);
    int rc = read_file(&r, path, &c, mistakes, err);
    mistakes_done(&r.mistakes);
    if (rc < 0)
        config_done(&c);
    else
        *ret = c;
    return rc;
}
