/*
 * configlabels: see configlabels.h. Of each label all names are in one set, so that a server costs
 * two look-ups a label, however many racks there are.
 */
#include "input/configlabels.h"

#include "base/vec.h"
#include "input/nodeset.h"

#include <stdlib.h>
#include <string.h>

void config_label_done(struct config_label *l) {
    for (size_t i = 0; i < l->value_count; i++)
        free(l->values[i].text);
    free(l->values);
    free(l->key);
    names_done(&l->names);
}

static bool is_taken(struct reader *r, const struct config_label *l, const struct names *names,
                     const struct yaml_node *at) {
    for (size_t i = 0; i < names->count; i++) {
        size_t place = names_find(&l->names, names->items[i], strlen(names->items[i])), v = 0;
        if (place == NAMES_NONE)
            continue;
        while (l->values[v].names_end <= place)
            v++;
        mistakes_add(&r->mistakes, at->line, at->column, "labels: %s has the %s %s already",
                     names->items[i], l->key, l->values[v].text);
        return true;
    }
    return false;
}

/* Adds the servers of one pattern to the label's last value. */
static void read_pattern(struct reader *r, const struct yaml_node *value, struct config_label *l) {
    cleanup(names_done) struct names names = {0};
    struct error err;
    if (!value->text || value->kind == YAML_NOTHING) {
        keys_expected(r, "labels", "a pattern of servers such as web[01-40], or a list of them",
                      value);
        return;
    }
    if (nodeset_expand(value->text, &names, &err) < 0) {
        r->no_memory |= err.kind == ERROR_INTERNAL;
        mistakes_add(&r->mistakes, value->line, value->column, "labels: %s", err.text);
        return;
    }
    if (is_taken(r, l, &names, value))
        return;
    r->no_memory |= names_move(&l->names, &names) < 0;
    l->values[l->value_count - 1].names_end = l->names.count;
}

static bool is_mistaken(struct reader *r, const struct yaml_node *node, const char *mistake) {
    if (mistake)
        mistakes_add(&r->mistakes, node->line, node->column, "labels: %s", mistake);
    return mistake != NULL;
}

static void read_value(struct reader *r, const struct yaml_node *key, const struct yaml_node *value,
                       struct config_label *l) {
    if (is_mistaken(r, key, label_value_mistake(key->text, strlen(key->text))))
        return;
    struct config_label_value *v = &l->values[l->value_count++];
    *v = (struct config_label_value){.names_end = l->names.count};
    keys_set_text(r, &v->text, key->text);
    if (r->no_memory)
        return;
    if (value->kind != YAML_LIST)
        read_pattern(r, value, l);
    for (size_t i = 0; value->kind == YAML_LIST && i < value->count; i++)
        read_pattern(r, value->items[i], l);
}

static void read_label(struct reader *r, const struct yaml_node *key, const struct yaml_node *value,
                       struct config *c) {
    if (is_mistaken(r, key, label_key_mistake(key->text, strlen(key->text))) ||
        !keys_is_mapping(r, key->text, value))
        return;
    struct config_label *l = &c->labels[c->label_count++];
    *l = (struct config_label){.values = calloc(value->count + 1, sizeof(*l->values))};
    keys_set_text(r, &l->key, key->text);
    r->no_memory |= !l->values;
    for (size_t i = 0; i < value->count && !r->no_memory; i++)
        read_value(r, value->keys[i], value->items[i], l);
}

KEY_READER(read_labels) {
    struct config *c = into;
    if (!keys_is_mapping(r, key->name, value) || c->labels)
        return;
    c->labels = calloc(value->count + 1, sizeof(*c->labels));
    r->no_memory |= !c->labels;
    for (size_t i = 0; i < value->count && !r->no_memory; i++)
        read_label(r, value->keys[i], value->items[i], c);
}

KEY_READER(read_label_limits) {
    struct config *c = into;
    if (!keys_is_mapping(r, key->name, value))
        return;
    for (size_t i = 0; i < value->count; i++) {
        const struct yaml_node *label = value->keys[i];
        const char *mistake = label_key_mistake(label->text, strlen(label->text));
        const struct key most = {label->text, NULL, 0, 1, LABEL_LIMIT_MAX};
        int n = 0;
        if (mistake)
            mistakes_add(&r->mistakes, label->line, label->column, "limits: %s", mistake);
        else
            key_int(r, &most, value->items[i], &n);
        if (n > 0)
            r->no_memory |= label_limits_set(&c->limits, label->text, n) < 0;
    }
}

/* The value that the label has for a name; NULL: none. */
static const char *value_for(const struct config_label *l, const char *name) {
    size_t place = names_find(&l->names, name, strlen(name)), v = 0;
    if (place == NAMES_NONE)
        return NULL;
    for (size_t end = l->value_count; v + 1 < end;) { /* the first whose names end behind it */
        size_t middle = v + (end - v - 1) / 2;
        if (l->values[middle].names_end > place)
            end = middle + 1;
        else
            v = middle + 1;
    }
    return l->values[v].text;
}

static int label_server(const struct config *c, struct server *s, struct error *err) {
    for (size_t i = 0; i < c->label_count; i++) {
        const struct config_label *l = &c->labels[i];
        struct label there;
        const char *value = value_for(l, s->name);
        if (!value)
            value = value_for(l, s->host);
        if (!value || labels_find(s->labels, l->key, &there))
            continue;
        const struct label label = {l->key, strlen(l->key), value, strlen(value)};
        int rc = labels_set(&s->labels, &label);
        if (rc > 0)
            return error_set(err, ERROR_USAGE, "%s has more than %d labels", s->name, LABELS_MAX);
        if (rc < 0)
            return error_memory(err);
    }
    return 0;
}

int config_label_servers(const struct config *c, struct servers *servers, struct error *err) {
    for (size_t i = 0; c->label_count > 0 && i < servers->count; i++)
        if (label_server(c, &servers->items[i], err) < 0)
            return -1;
    return 0;
}
