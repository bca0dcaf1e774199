/*
 * configkeys: see configkeys.h.
 */
#include "input/configkeys.h"

#include "base/text.h"
#include "base/units.h"
#include "input/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- mistakes ---- */

/* The text made printable, for a sentence; short. */
const char *keys_shown(const char *text, struct str *room) {
    text_add_printable(room, text, strlen(text), 60);
    return room->data ? room->data : "";
}

void keys_expected(struct reader *r, const char *key, const char *what,
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

const struct key *keys_find(const struct key *keys, const char *name) {
    for (; keys->name; keys++)
        if (strcmp(keys->name, name) == 0)
            return keys;
    return NULL;
}

void keys_unknown(struct reader *r, const struct key *keys, const struct yaml_node *key) {
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
                     keys_shown(key->text, &room), nearest);
    else
        mistakes_add(&r->mistakes, key->line, key->column, "unknown key '%s': expected one of %s",
                     keys_shown(key->text, &room), list.data ? list.data : "");
}

/* A mapping, or nothing where all its lines are commented out. */
bool keys_is_mapping(struct reader *r, const char *name, const struct yaml_node *node) {
    if (node->kind != YAML_MAPPING && node->kind != YAML_NOTHING)
        keys_expected(r, name, "a mapping", node);
    return node->kind == YAML_MAPPING;
}

void keys_read(struct reader *r, const char *name, const struct key *keys,
               const struct yaml_node *node, void *into) {
    if (!keys_is_mapping(r, name, node))
        return;
    for (size_t i = 0; i < node->count; i++) {
        const struct key *key = keys_find(keys, node->keys[i]->text);
        if (key)
            key->read(r, key, node->items[i], (char *)into + key->offset);
        else
            keys_unknown(r, keys, node->keys[i]);
    }
}

const struct yaml_node *keys_value(const struct yaml_node *node, const char *name) {
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
    keys_expected(r, key->name, what, value);
    return false;
}

void key_int(struct reader *r, const struct key *key, const struct yaml_node *value, void *into) {
    if (check_number(r, key, value, true))
        *(int *)into = (int)value->number;
}

void key_number(struct reader *r, const struct key *key, const struct yaml_node *value,
                void *into) {
    if (check_number(r, key, value, false))
        *(double *)into = value->number;
}

void key_positive(struct reader *r, const struct key *key, const struct yaml_node *value,
                  void *into) {
    if (value->kind == YAML_NUMBER && value->number <= 0)
        keys_expected(r, key->name, "a number above 0", value);
    else if (check_number(r, key, value, false))
        *(double *)into = value->number;
}

static void read_duration(struct reader *r, const struct key *key, const struct yaml_node *value,
                          int (*parse)(const char *text, int64_t *ret, struct error *err),
                          int64_t *into) {
    if (value->kind != YAML_NUMBER && value->kind != YAML_TEXT) {
        keys_expected(r, key->name, "a duration such as 90s", value);
        return;
    }
    struct error err;
    cleanup(str_done) struct str room = {0};
    int64_t ns;
    if (parse(keys_shown(value->text, &room), &ns, &err) == 0)
        *into = ns;
    else
        mistakes_add(&r->mistakes, value->line, value->column, "%s: %s", key->name, err.text);
}

void key_duration(struct reader *r, const struct key *key, const struct yaml_node *value,
                  void *into) {
    read_duration(r, key, value, duration_parse, into);
}

void key_duration_zero(struct reader *r, const struct key *key, const struct yaml_node *value,
                       void *into) {
    read_duration(r, key, value, duration_parse_zero, into);
}

void key_share(struct reader *r, const struct key *key, const struct yaml_node *value, void *into) {
    if (value->kind != YAML_NUMBER && value->kind != YAML_TEXT) {
        keys_expected(r, key->name, "a number or a percentage such as 30%", value);
        return;
    }
    struct error err;
    cleanup(str_done) struct str room = {0};
    struct share share;
    if (share_parse(keys_shown(value->text, &room), &share, &err) == 0)
        *(struct share *)into = share;
    else
        mistakes_add(&r->mistakes, value->line, value->column, "%s: %s", key->name, err.text);
}

void key_flag(struct reader *r, const struct key *key, const struct yaml_node *value, void *into) {
    if (value->kind == YAML_BOOLEAN)
        *(bool *)into = value->boolean;
    else
        keys_expected(r, key->name, "true or false", value);
}

void keys_set_text(struct reader *r, char **into, const char *text) {
    free(*into);
    *into = strdup(text);
    if (!*into)
        r->no_memory = true;
}

bool keys_is_text(struct reader *r, const struct key *key, const struct yaml_node *value) {
    if (value->kind == YAML_TEXT && value->text[strspn(value->text, " \t\r\n")])
        return true;
    if (value->kind == YAML_TEXT)
        keys_expected(r, key->name, "a text that is not empty", value);
    else if (value->kind == YAML_NUMBER || value->kind == YAML_BOOLEAN)
        keys_expected(r, key->name, "a text (put it in quotes)", value);
    else
        keys_expected(r, key->name, "a text", value);
    return false;
}

/* Any text: a command may have lines. */
void key_text(struct reader *r, const struct key *key, const struct yaml_node *value, void *into) {
    if (keys_is_text(r, key, value))
        keys_set_text(r, into, value->text);
}

/* A text that is shown to people: no control characters. */
void key_line(struct reader *r, const struct key *key, const struct yaml_node *value, void *into) {
    if (!keys_is_text(r, key, value))
        return;
    cleanup(str_done) struct str printable = {0};
    text_add_printable(&printable, value->text, strlen(value->text), CONFIG_MAX);
    if (printable.failed)
        r->no_memory = true;
    else if (strcmp(printable.data, value->text) != 0)
        keys_expected(r, key->name, "a text in one line, without control characters", value);
    else
        keys_set_text(r, into, value->text);
}

/* One word that a command line takes: no blanks, no option. */
void key_word(struct reader *r, const struct key *key, const struct yaml_node *value, void *into) {
    if (!keys_is_text(r, key, value))
        return;
    if (value->text[0] == '-' || strpbrk(value->text, " \t"))
        keys_expected(r, key->name, "one word that does not begin with -", value);
    else
        key_line(r, key, value, into);
}
