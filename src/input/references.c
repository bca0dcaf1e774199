/*
 * references: see references.h.
 *
 * The file is read by the same readers as muster.yaml, so a mistake in it is found like one there;
 * the build's own tests see to it that there is none.
 */
#include "input/references.h"

#include "input/configkeys.h"
#include "input/references_text.h"

#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(struct reference, field)

static void read_per(struct reader *r, const struct key *key, const struct yaml_node *value,
                     void *into) {
    if (value->kind == YAML_TEXT && strcmp(value->text, "unit") == 0)
        *(bool *)into = true;
    else
        keys_expected(r, key->name, "unit", value);
}

static const struct key keys[] = {{"metric", key_line, AT(metric), 0, 0},
                                  {"class", key_line, AT(class), 0, 0},
                                  {"per", read_per, AT(per_unit), 0, 0},
                                  {"value", key_positive, AT(value), 0, 1e18},
                                  {"unit", key_line, AT(unit), 0, 0},
                                  {"source", key_line, AT(source), 0, 0},
                                  {NULL, NULL, 0, 0, 0}};

#undef AT

static void read_entry(struct reader *r, const struct yaml_node *benchmark,
                       const struct yaml_node *node, struct references *to) {
    struct reference *grown = realloc(to->items, (to->count + 1) * sizeof(*grown));
    if (!grown) {
        r->no_memory = true;
        return;
    }
    to->items = grown;
    struct reference *e = &grown[to->count++];
    *e = (struct reference){0};
    keys_set_text(r, &e->benchmark, benchmark->text);
    keys_read(r, benchmark->text, keys, node, e);
    if (!e->metric || e->value <= 0 || !e->unit || !e->source)
        mistakes_add(&r->mistakes, node->line, node->column,
                     "%s: a reference needs a metric, a value, its unit and its source",
                     benchmark->text);
}

static void read_all(struct reader *r, const struct yaml_node *root, struct references *to) {
    if (!keys_is_mapping(r, "the references", root))
        return;
    for (size_t i = 0; i < root->count; i++) {
        const struct yaml_node *list = root->items[i];
        if (list->kind != YAML_LIST)
            keys_expected(r, root->keys[i]->text, "a list", list);
        for (size_t j = 0; list->kind == YAML_LIST && j < list->count; j++)
            read_entry(r, root->keys[i], list->items[j], to);
    }
}

int references_read(const char *name, const char *text, size_t n, struct references *ret,
                    struct error *err) {
    cleanup(references_done) struct references all = {0};
    cleanup(str_done) struct str said = {0};
    struct reader r = {0};
    struct yaml tree = {0};
    if (yaml_read(text, n, &tree, &r.mistakes, err) == 0)
        read_all(&r, tree.root, &all);
    yaml_done(&tree);
    size_t count = r.mistakes.count;
    mistakes_print(&r.mistakes, name, 1, &said);
    bool failed = r.no_memory || r.mistakes.failed || said.failed;
    mistakes_done(&r.mistakes);
    if (failed)
        return error_memory(err);
    if (count > 0)
        return error_set(err, ERROR_INTERNAL, "%s", said.data);
    *ret = all;
    all = (struct references){0};
    return 0;
}

int references_builtin(struct references *ret, struct error *err) {
    return references_read("references.yaml", (const char *)references_text,
                           sizeof(references_text), ret, err);
}

void references_done(struct references *r) {
    for (size_t i = 0; i < r->count; i++) {
        struct reference *e = &r->items[i];
        char *texts[] = {e->benchmark, e->metric, e->class, e->unit, e->source};
        for (size_t j = 0; j < ARRAY_LEN(texts); j++)
            free(texts[j]);
    }
    free(r->items);
    *r = (struct references){0};
}

const struct reference *references_find(const struct references *r, const char *benchmark,
                                        const char *metric, const char *class) {
    for (size_t i = 0; i < r->count; i++) {
        const struct reference *e = &r->items[i];
        if (strcmp(e->benchmark, benchmark) == 0 && strcmp(e->metric, metric) == 0 &&
            (!e->class || (class && strcmp(e->class, class) == 0)))
            return e;
    }
    return NULL;
}
