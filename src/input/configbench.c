/*
 * configbench: see configbench.h.
 */
#include "input/configbench.h"

#include "base/text.h"
#include "base/units.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KNOWN_MAX 16
#define PARAMETERS_MAX 16

/* ---- commands ---- */

static void read_better(struct reader *r, const struct key *key, const struct yaml_node *value,
                        void *into) {
    bool lower = value->kind == YAML_TEXT && strcmp(value->text, "lower") == 0;
    if (lower || (value->kind == YAML_TEXT && strcmp(value->text, "higher") == 0))
        *(bool *)into = lower;
    else
        keys_expected(r, key->name, "'higher' or 'lower'", value);
}

/* The expressions are kept while the mapping is read, to see that there is one of them. */
struct expressions {
    const struct yaml_node *regex;
    const struct yaml_node *jq;
};

static void read_expression(struct reader *r, const struct key *key, const struct yaml_node *value,
                            void *into) {
    if (keys_is_text(r, key, value))
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
        keys_expected(r, key->name, "{regex: ...} or {jq: ...}", value);
        return;
    }
    keys_read(r, key->name, extract_keys, value, &found);
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
    if (!keys_is_mapping(r, key->name, value) || b->env)
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
                         keys_shown(name->text, &room));
            continue;
        }
        if (item->kind == YAML_LIST || item->kind == YAML_MAPPING) {
            keys_expected(r, name->text, "a text", item);
            continue;
        }
        struct config_env *env = &b->env[b->env_count++];
        keys_set_text(r, &env->name, name->text);
        keys_set_text(r, &env->value, item->kind == YAML_NOTHING ? "" : item->text);
    }
}

#define AT(field) offsetof(struct config_benchmark, field)

static const struct key command_keys[] = {{"command", key_text, AT(command), 0, 0},
                                          {"extract", read_extract, AT(extract), 0, 0},
                                          {"metric", key_line, AT(metric), 0, 0},
                                          {"unit", key_line, AT(unit), 0, 0},
                                          {"better", read_better, AT(lower_is_better), 0, 0},
                                          {"reference", key_positive, AT(reference), 0, INFINITY},
                                          {"threshold", key_number, AT(threshold), 0, INFINITY},
                                          {"timeout", key_duration, AT(timeout), 0, 0},
                                          {"trials", key_int, AT(trials), 1, 1000},
                                          {"max_trials", key_int, AT(max_trials), 1, 1000},
                                          {"env", read_env, 0, 0, 0},
                                          {"needs", key_word, AT(needs), 0, 0},
                                          {NULL, NULL, 0, 0, 0}};

static const struct key builtin_keys[] = {{"reference", key_positive, AT(reference), 0, INFINITY},
                                          {"threshold", key_number, AT(threshold), 0, INFINITY},
                                          {"timeout", key_duration, AT(timeout), 0, 0},
                                          {"trials", key_int, AT(trials), 1, 1000},
                                          {"max_trials", key_int, AT(max_trials), 1, 1000},
                                          {"required", key_flag, AT(required), 0, 0},
                                          {NULL, NULL, 0, 0, 0}};

#undef AT

static const struct builtin *find_builtin(const struct reader *r, const char *name) {
    for (const struct builtin *b = r->builtin; b->name; b++)
        if (strcmp(b->name, name) == 0)
            return b;
    return NULL;
}

void config_unknown_benchmark(struct reader *r, const struct yaml_node *name,
                              const struct config *c, const char *remedy) {
    const char *names[KNOWN_MAX + 1];
    size_t n = 0;
    cleanup(str_done) struct str list = {0}, room = {0};
    for (size_t i = 0; n < KNOWN_MAX && r->builtin[i].name; i++)
        names[n++] = r->builtin[i].name;
    for (size_t i = 0; c && n < KNOWN_MAX && i < c->benchmark_count; i++)
        if (c->benchmarks[i].name && c->benchmarks[i].command)
            names[n++] = c->benchmarks[i].name;
    names[n] = NULL;
    for (size_t i = 0; i < n; i++)
        str_addf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    const char *shown = keys_shown(name->text, &room), *nearest = config_nearest(name->text, names);
    if (nearest)
        mistakes_add(&r->mistakes, name->line, name->column,
                     "unknown benchmark '%s': did you mean '%s'? Or %s", shown, nearest, remedy);
    else
        mistakes_add(&r->mistakes, name->line, name->column,
                     "unknown benchmark '%s': known are %s; %s", shown,
                     list.data ? list.data : "none", remedy);
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
                 keys_shown(name->text, &room), NAME_MAX_LEN);
    return false;
}

/* ---- built in ---- */

/* What is expected of a number of this kind, with its bounds as people write them. */
static void say_expected(struct reader *r, const struct parameter *p,
                         const struct yaml_node *value) {
    char what[120], min[DURATION_TEXT], max[DURATION_TEXT];
    if (p->kind == PARAMETER_DURATION) {
        duration_format(p->min, min);
        duration_format(p->max, max);
        snprintf(what, sizeof(what), "a duration from %s to %s", min, max);
    } else if (p->kind == PARAMETER_BYTES) {
        snprintf(what, sizeof(what), "a size from %lldKiB to %lldGiB", (long long)(p->min >> 10),
                 (long long)(p->max >> 30));
    } else {
        snprintf(what, sizeof(what), "a whole number from %lld to %lld", (long long)p->min,
                 (long long)p->max);
    }
    keys_expected(r, p->name, what, value);
}

static void read_amount(struct reader *r, const struct parameter *p, const struct yaml_node *value,
                        int64_t *ret) {
    struct error err;
    int64_t n = -1;
    if (value->kind == YAML_NUMBER && p->kind == PARAMETER_COUNT)
        n = floor(value->number) == value->number && fabs(value->number) < 0x1p53
                ? (int64_t)value->number
                : -1;
    else if (value->kind != YAML_NUMBER && value->kind != YAML_TEXT)
        n = -1;
    else if (p->kind == PARAMETER_BYTES && size_parse(value->text, &n, &err) < 0)
        n = -1;
    else if (p->kind == PARAMETER_DURATION && duration_parse(value->text, &n, &err) < 0)
        n = -1;
    if (n < p->min || n > p->max)
        say_expected(r, p, value);
    else
        *ret = n;
}

/* One number, a text of several with commas, or a list of them. */
static void read_list(struct reader *r, const struct parameter *p, const struct yaml_node *value,
                      char **ret) {
    cleanup(str_done) struct str list = {0};
    if (value->kind == YAML_LIST) {
        for (size_t i = 0; i < value->count; i++)
            str_addf(&list, "%s%s", i > 0 ? "," : "",
                     value->items[i]->kind == YAML_NUMBER ? value->items[i]->text : "?");
    } else if (value->kind == YAML_NUMBER || value->kind == YAML_TEXT) {
        str_add(&list, value->text);
    }
    r->no_memory |= list.failed;
    if (list.data && parameter_is_list(list.data))
        keys_set_text(r, ret, list.data);
    else
        keys_expected(r, p->name, "numbers, such as 0 or [0, 2]", value);
}

static void read_parameter(struct reader *r, const struct parameter *p,
                           const struct yaml_node *value, struct config_benchmark *b) {
    struct config_parameter *to = &b->parameters[b->parameter_count++];
    *to = (struct config_parameter){.of = p, .number = p->fallback};
    if (p->kind == PARAMETER_FLAG) {
        if (value->kind == YAML_BOOLEAN)
            to->number = value->boolean;
        else
            keys_expected(r, p->name, "true or false", value);
    } else if (p->kind == PARAMETER_PATH) {
        if (value->kind == YAML_TEXT && value->text[0] == '/')
            keys_set_text(r, &to->text, value->text);
        else
            keys_expected(r, p->name, "an absolute path", value);
    } else if (p->kind == PARAMETER_LIST) {
        read_list(r, p, value, &to->text);
    } else {
        read_amount(r, p, value, &to->number);
    }
}

static const struct parameter *find_parameter(const struct builtin *b, const char *name) {
    for (const struct parameter *p = b->parameters; p->name; p++)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

/* An unknown key: the benchmark's parameters are among those it may have meant. */
static void unknown_parameter(struct reader *r, const struct builtin *builtin,
                              const struct yaml_node *name) {
    struct key all[ARRAY_LEN(builtin_keys) + PARAMETERS_MAX];
    size_t n = ARRAY_LEN(builtin_keys) - 1;
    memcpy(all, builtin_keys, n * sizeof(*all));
    for (size_t i = 0; i < PARAMETERS_MAX && builtin->parameters[i].name; i++)
        all[n++] = (struct key){.name = builtin->parameters[i].name};
    all[n] = (struct key){.name = NULL};
    keys_unknown(r, all, name);
}

/* Keys that only a command has are told apart from keys that nobody knows. */
static void read_builtin(struct reader *r, const struct builtin *builtin,
                         const struct yaml_node *value, struct config_benchmark *b) {
    if (!keys_is_mapping(r, b->name, value))
        return;
    b->parameters = calloc(value->count + 1, sizeof(*b->parameters));
    r->no_memory |= !b->parameters;
    for (size_t i = 0; b->parameters && i < value->count; i++) {
        const struct yaml_node *name = value->keys[i];
        const struct key *key = keys_find(builtin_keys, name->text);
        const struct parameter *p = find_parameter(builtin, name->text);
        if (key)
            key->read(r, key, value->items[i], (char *)b + key->offset);
        else if (p)
            read_parameter(r, p, value->items[i], b);
        else if (keys_find(command_keys, name->text))
            mistakes_add(&r->mistakes, name->line, name->column,
                         "%s: only for benchmarks with a command; %s is built in", name->text,
                         b->name);
        else
            unknown_parameter(r, builtin, name);
    }
}

/* More trials than there are in any case are run for their noise, which one trial does not show. */
static void check_trials(struct reader *r, const struct yaml_node *value, int fallback,
                         const struct config_benchmark *b) {
    const struct yaml_node *max = keys_value(value, "max_trials");
    int trials = b->trials > 0 ? b->trials : fallback;
    char what[80];
    if (!max || b->max_trials == 0)
        return;
    if (b->max_trials < trials) {
        snprintf(what, sizeof(what), "no fewer than the trials, %d", trials);
        keys_expected(r, "max_trials", what, max);
    } else if (trials == 1 && b->max_trials > 1) {
        keys_expected(r, "max_trials", "1, or trials: 2 or more beside it", max);
    }
}

static void read_benchmark(struct reader *r, const struct yaml_node *name,
                           const struct yaml_node *value, struct config_benchmark *b) {
    b->line = name->line;
    b->reference = NAN;
    b->threshold = NAN;
    keys_set_text(r, &b->name, name->text);
    const struct builtin *builtin = find_builtin(r, name->text);
    /* what is known may have names that nobody else may give */
    if ((!builtin && !check_name(r, name)) || !b->name)
        return;
    bool has_command = keys_value(value, "command") != NULL;
    if (!has_command && builtin) {
        read_builtin(r, builtin, value, b);
        check_trials(r, value, builtin->trials, b);
        return;
    }
    keys_read(r, name->text, command_keys, value, b);
    check_trials(r, value, 1, b);
    if (!has_command)
        config_unknown_benchmark(r, name, NULL, "give it a command");
    else if (!keys_value(value, "extract"))
        mistakes_add(&r->mistakes, name->line, name->column,
                     "%s needs extract: {regex: ...} or {jq: ...}", name->text);
    /* the value itself as the score would fail the fast servers and pass the slow ones */
    if (b->lower_is_better && !keys_value(value, "reference"))
        mistakes_add(&r->mistakes, name->line, name->column,
                     "%s needs a reference, because its lower values are better", name->text);
}

void read_benchmarks(struct reader *r, const struct key *key, const struct yaml_node *value,
                     void *into) {
    struct config *c = into;
    if (!keys_is_mapping(r, key->name, value) || c->benchmarks)
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

void config_benchmark_done(struct config_benchmark *b) {
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
    for (size_t i = 0; i < b->parameter_count; i++)
        free(b->parameters[i].text);
    free(b->parameters);
}
