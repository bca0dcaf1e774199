/*
 * ansibleyaml: see ansibleyaml.h. The tree of input/yaml is read once, from the outermost groups
 * inwards; its bounds on depth and on aliases bound the recursion here.
 */
#include "input/ansibleyaml.h"

#include "base/text.h"
#include "input/yaml.h"
#include "model/labels.h"

#include <string.h>

struct form {
    struct ansible *a;
    size_t file;
};

/* What is done with each key of a mapping. Returns -1: no memory. */
typedef int pair_fn(struct form *r, void *arg, const struct yaml_node *key,
                    const struct yaml_node *value);

static struct ansible_place at(const struct form *r, const struct yaml_node *node) {
    return (struct ansible_place){r->file, node->line, node->column};
}

/* Adds `WHAT was expected, not ...`. */
static void unexpected(struct form *r, const struct yaml_node *node, const char *what) {
    cleanup(str_done) struct str is = {0};
    yaml_describe(node, &is);
    mistakes_add(&r->a->mistakes, node->line, node->column, "%s was expected, not %s", what,
                 is.data ? is.data : "");
}

static int each_pair(struct form *r, const struct yaml_node *mapping, const char *what,
                     pair_fn *each, void *arg);

/* What a merge key brings in counts less than what stands beside it, so it comes first. */
static int each_merged(struct form *r, const struct yaml_node *value, const char *what,
                       pair_fn *each, void *arg) {
    if (value->kind != YAML_LIST)
        return each_pair(r, value, what, each, arg);
    for (size_t i = value->count; i-- > 0;) /* the first of a list counts most */
        if (each_pair(r, value->items[i], what, each, arg) < 0)
            return -1;
    return 0;
}

static bool is_merge(const struct yaml_node *key) {
    return key->kind == YAML_TEXT && strcmp(key->text, "<<") == 0;
}

/* A mapping, or nothing. */
static int each_pair(struct form *r, const struct yaml_node *mapping, const char *what,
                     pair_fn *each, void *arg) {
    if (mapping->kind == YAML_NOTHING)
        return 0;
    if (mapping->kind != YAML_MAPPING) {
        unexpected(r, mapping, what);
        return 0;
    }
    for (size_t i = 0; i < mapping->count; i++)
        if (is_merge(mapping->keys[i]) && each_merged(r, mapping->items[i], what, each, arg) < 0)
            return -1;
    for (size_t i = 0; i < mapping->count; i++)
        if (!is_merge(mapping->keys[i]) && each(r, arg, mapping->keys[i], mapping->items[i]) < 0)
            return -1;
    return 0;
}

/* ---- variables ---- */

/* Labels as a mapping: the words of it, and what becomes of them. */
struct labels_words {
    struct str text;
    bool tagged;
};

/* A template is not judged here: nobody may need it. */
static int add_label(struct form *r, void *arg, const struct yaml_node *key,
                     const struct yaml_node *value) {
    struct labels_words *words = arg;
    if (!value->text || value->kind == YAML_NOTHING) {
        unexpected(r, value, "the value of a label");
        return 0;
    }
    const char *mistake = label_key_mistake(key->text, strlen(key->text));
    const struct yaml_node *at = mistake ? key : value;
    if (!mistake && !value->tagged && !strstr(value->text, "{{") && !strstr(value->text, "{%"))
        mistake = label_value_mistake(value->text, strlen(value->text));
    if (mistake) {
        mistakes_add(&r->a->mistakes, at->line, at->column, "%s", mistake);
        return 0;
    }
    str_addf(&words->text, "%s%s=%s", words->text.len ? " " : "", key->text, value->text);
    words->tagged |= value->tagged;
    return words->text.failed ? -1 : 0;
}

static int set_labels(struct form *r, struct ansible_values *to, const struct yaml_node *key,
                      const struct yaml_node *mapping) {
    struct labels_words words = {0};
    int rc = each_pair(r, mapping, "a mapping of labels", add_label, &words);
    if (rc == 0)
        rc = ansible_set(to, key->text, words.text.data ? words.text.data : "", words.tagged,
                         at(r, mapping));
    str_done(&words.text);
    return rc;
}

static int set_variable(struct form *r, void *arg, const struct yaml_node *key,
                        const struct yaml_node *value) {
    if (ansible_key(key->text) == ANSIBLE_NO_KEY)
        return 0;
    if (value->kind == YAML_MAPPING && ansible_key(key->text) == ANSIBLE_LABELS)
        return set_labels(r, arg, key, value);
    if (!value->text) {
        unexpected(r, value, "a text or a number");
        return 0;
    }
    const char *text = value->kind == YAML_NOTHING ? "" : value->text;
    return ansible_set(arg, key->text, text, value->tagged, at(r, value));
}

#define VARIABLES "a mapping of variables"

/* ---- hosts ---- */

static int add_hosts(struct form *r, void *arg, const struct yaml_node *key,
                     const struct yaml_node *value) {
    const size_t *group = arg;
    struct ansible_places hosts = {0};
    int rc = ansible_add_hosts(r->a, *group, key->text, at(r, key), &hosts);
    for (size_t i = 0; rc == 0 && i < hosts.count; i++)
        rc = each_pair(r, value, VARIABLES, set_variable, &r->a->hosts[hosts.items[i]].own);
    free(hosts.items);
    return rc;
}

/* ---- groups ---- */

static int read_group(struct form *r, const struct yaml_node *key, const struct yaml_node *value,
                      size_t *ret);

static int add_child(struct form *r, void *arg, const struct yaml_node *key,
                     const struct yaml_node *value) {
    const size_t *parent = arg;
    size_t child;
    if (read_group(r, key, value, &child) < 0)
        return -1;
    return child == NAMES_NONE ? 0 : ansible_add_child(r->a, *parent, child, at(r, key));
}

/* `hosts: web1` is a mapping of one that says nothing about it. */
static int each_named(struct form *r, const struct yaml_node *value, const char *what,
                      pair_fn *each, void *arg) {
    static const struct yaml_node nothing = {.kind = YAML_NOTHING};
    return value->kind == YAML_TEXT && !value->tagged ? each(r, arg, value, &nothing)
                                                      : each_pair(r, value, what, each, arg);
}

static int read_section(struct form *r, void *arg, const struct yaml_node *key,
                        const struct yaml_node *value) {
    size_t *group = arg;
    if (strcmp(key->text, "hosts") == 0)
        return each_named(r, value, "a mapping of hosts", add_hosts, group);
    if (strcmp(key->text, "children") == 0)
        return each_named(r, value, "a mapping of groups", add_child, group);
    if (strcmp(key->text, "vars") == 0) /* the array of groups grows, but not in there */
        return each_pair(r, value, VARIABLES, set_variable, &r->a->groups[*group].own);
    cleanup(str_done) struct str shown = {0};
    text_add_printable(&shown, key->text, strlen(key->text), 60);
    mistakes_add(&r->a->warnings, key->line, key->column,
                 "'%s' is passed over: a group has hosts, children and vars",
                 shown.data ? shown.data : "");
    return 0;
}

/* *ret is the group's number, or NAMES_NONE when it is none. */
static int read_group(struct form *r, const struct yaml_node *key, const struct yaml_node *value,
                      size_t *ret) {
    *ret = NAMES_NONE;
    if (value->kind != YAML_NOTHING && value->kind != YAML_MAPPING) {
        mistakes_add(&r->a->warnings, value->line, value->column,
                     "this is passed over: a group is a mapping of hosts, children and vars");
        return 0;
    }
    *ret = ansible_group(r->a, key->text, strlen(key->text));
    if (*ret == NAMES_NONE)
        return -1;
    r->a->groups[*ret].declared = true;
    r->a->groups[*ret].at = at(r, key);
    return each_pair(r, value, "a group", read_section, ret);
}

static int read_top(struct form *r, void *arg, const struct yaml_node *key,
                    const struct yaml_node *value) {
    size_t group;
    if (strcmp(key->text, "plugin") == 0 && value->text && value->kind != YAML_NOTHING) {
        mistakes_add(&r->a->mistakes, key->line, key->column,
                     "this is for a plugin of Ansible's: give muster a program that runs "
                     "`ansible-inventory --list` with it instead");
        *(bool *)arg = true;
        return 0;
    }
    return *(bool *)arg ? 0 : read_group(r, key, value, &group);
}

/* Returns 0 without a tree when what is wrong is in a->mistakes. */
static int read_tree(struct ansible *a, const char *text, size_t n, struct yaml *tree) {
    struct error err;
    *tree = (struct yaml){0};
    if (yaml_read_tagged(text, n, tree, &a->mistakes, &err) < 0 && err.kind != ERROR_USAGE)
        return -1;
    return 0;
}

int ansibleyaml_read(struct ansible *a, size_t file, const char *text, size_t n) {
    struct form r = {a, file};
    struct yaml tree;
    bool is_plugin = false;
    int rc = ansible_group(a, "all", 3) == NAMES_NONE ? -1 : read_tree(a, text, n, &tree);
    if (rc == 0 && tree.root)
        rc = each_pair(&r, tree.root, "a mapping of groups", read_top, &is_plugin);
    if (rc == 0)
        yaml_done(&tree);
    return rc < 0 || a->mistakes.failed ? -1 : 0;
}

int ansibleyaml_variables(struct ansible *a, size_t file, const char *text, size_t n,
                          struct ansible_values *to) {
    struct form r = {a, file};
    struct yaml tree;
    int rc = read_tree(a, text, n, &tree);
    if (rc == 0 && tree.root) { /* then all there can be is a key that is given twice */
        struct mistakes none = a->warnings;
        a->warnings = a->mistakes;
        a->mistakes = none;
        rc = each_pair(&r, tree.root, VARIABLES, set_variable, to);
    }
    if (rc == 0)
        yaml_done(&tree);
    return rc < 0 || a->mistakes.failed ? -1 : 0;
}
