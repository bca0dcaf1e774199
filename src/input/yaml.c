/*
 * yaml: see yaml.h.
 *
 * libyaml gives events; this builds the tree from them, because libyaml's own documents have no
 * bound on depth, and because aliases need one: nine lines of aliases to aliases stand for a
 * billion nodes. An alias here is one more pointer to the node that it names, and every node knows
 * how many nodes it stands for, so the bound costs nothing.
 *
 * Every node belongs to the flat array `nodes` of its tree, so the order of freeing does not matter
 * and what was built before a mistake is not lost.
 */
#include "input/yaml.h"

#include "base/text.h"
#include "base/units.h"
#include "base/vec.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define ANCHORS_MAX 1000 /* they are looked up one after the other */

struct anchor {
    char *name;
    struct yaml_node *node;
    bool complete; /* false while the node is being read: an alias to it would be a circle */
};

struct reader {
    yaml_parser_t parser;
    const char *source;
    size_t source_len;
    struct yaml *tree;
    struct mistakes *mistakes;
    struct anchor *anchors;
    size_t anchor_count;
    size_t anchor_cap;
    int depth;
    bool any_tag;
};

void yaml_describe(const struct yaml_node *node, struct str *out) {
    switch (node->kind) {
    case YAML_NOTHING:
        str_add(out, "nothing");
        return;
    case YAML_LIST:
        str_add(out, "a list");
        return;
    case YAML_MAPPING:
        str_add(out, "a mapping");
        return;
    case YAML_BOOLEAN:
        str_add(out, node->boolean ? "true" : "false");
        return;
    case YAML_NUMBER:
        str_add(out, "the number ");
        text_add_printable(out, node->text, strlen(node->text), 60);
        return;
    case YAML_TEXT:
        str_add(out, "the text '");
        text_add_printable(out, node->text, strlen(node->text), 60);
        str_add_char(out, '\'');
        return;
    }
}

/* ---- what went wrong ---- */

static int line_of(yaml_mark_t mark) {
    return mark.line < INT_MAX ? (int)mark.line + 1 : INT_MAX;
}

static int column_of(yaml_mark_t mark) {
    return mark.column < INT_MAX ? (int)mark.column + 1 : INT_MAX;
}

/* Adds a mistake after which there is no tree. */
static int refuse(struct reader *r, yaml_mark_t mark, struct error *err, const char *text) {
    mistakes_add(r->mistakes, line_of(mark), column_of(mark), "%s", text);
    return error_set(err, ERROR_USAGE, "%s", text);
}

/* libyaml's reader knows only the byte at which it stumbled. */
static yaml_mark_t mark_of_byte(const struct reader *r, size_t offset) {
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < r->source_len; i++) {
        if (r->source[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if ((r->source[i] & 0xc0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

static int syntax_mistake(struct reader *r, struct error *err) {
    const yaml_parser_t *p = &r->parser;
    char text[400];
    if (p->error == YAML_MEMORY_ERROR)
        return error_memory(err);
    if (p->error == YAML_READER_ERROR) {
        if (p->problem_value >= 0)
            snprintf(text, sizeof(text), "not YAML: %s (0x%02X)", p->problem,
                     (unsigned)p->problem_value);
        else
            snprintf(text, sizeof(text), "not YAML: %s", p->problem);
        return refuse(r, mark_of_byte(r, p->problem_offset), err, text);
    }
    const char *problem = p->problem ? p->problem : "it cannot be read";
    if (p->context && p->context_mark.line != p->problem_mark.line)
        snprintf(text, sizeof(text), "not YAML: %s, %s that began in line %d", problem, p->context,
                 line_of(p->context_mark));
    else if (p->context)
        snprintf(text, sizeof(text), "not YAML: %s, %s", problem, p->context);
    else
        snprintf(text, sizeof(text), "not YAML: %s", problem);
    return refuse(r, p->problem_mark, err, text);
}

static int next(struct reader *r, yaml_event_t *event, struct error *err) {
    if (yaml_parser_parse(&r->parser, event))
        return 0;
    *event = (yaml_event_t){0};
    return syntax_mistake(r, err);
}

/* ---- nodes ---- */

static struct yaml_node *add_node(struct reader *r, enum yaml_kind kind, yaml_mark_t mark,
                                  struct error *err) {
    struct yaml *tree = r->tree;
    struct yaml_node *node = NULL;
    if (vec_reserve(&tree->nodes, &tree->node_cap, tree->node_count + 1,
                    sizeof(struct yaml_node *)) < 0 ||
        !(node = calloc(1, sizeof(*node)))) {
        error_memory(err);
        return NULL;
    }
    *node = (struct yaml_node){
        .kind = kind, .line = line_of(mark), .column = column_of(mark), .weight = 1, .height = 1};
    tree->nodes[tree->node_count++] = node;
    return node;
}

static int add_child(struct reader *r, struct yaml_node *to, struct yaml_node *key,
                     struct yaml_node *item, yaml_mark_t mark, struct error *err) {
    size_t cap = to->cap;
    if ((key && vec_reserve(&to->keys, &cap, to->count + 1, sizeof(struct yaml_node *)) < 0) ||
        vec_reserve(&to->items, &to->cap, to->count + 1, sizeof(struct yaml_node *)) < 0)
        return error_memory(err);
    if (key)
        to->keys[to->count] = key;
    to->items[to->count++] = item;
    to->weight += item->weight + (key ? 1 : 0);
    if (to->height <= item->height)
        to->height = item->height + 1;
    if (to->weight > YAML_NODES)
        return refuse(r, mark, err, "too large: aliases, counted as what they stand for, included");
    if (to->height > YAML_DEPTH)
        return refuse(r, mark, err, "nested too deeply");
    return 0;
}

void yaml_done(struct yaml *y) {
    for (size_t i = 0; i < y->node_count; i++) {
        free(y->nodes[i]->text);
        free(y->nodes[i]->keys);
        free(y->nodes[i]->items);
        free(y->nodes[i]);
    }
    free(y->nodes);
    *y = (struct yaml){0};
}

/* ---- anchors ---- */

/* A later anchor of the same name hides the earlier one. */
static struct anchor *find_anchor(struct reader *r, const yaml_char_t *name) {
    for (size_t i = r->anchor_count; i > 0; i--)
        if (strcmp(r->anchors[i - 1].name, (const char *)name) == 0)
            return &r->anchors[i - 1];
    return NULL;
}

/* The anchor's index in *ret; SIZE_MAX when the node has none. */
static int open_anchor(struct reader *r, const yaml_event_t *event, const yaml_char_t *name,
                       struct yaml_node *node, size_t *ret, struct error *err) {
    *ret = SIZE_MAX;
    if (!name)
        return 0;
    if (r->anchor_count >= ANCHORS_MAX)
        return refuse(r, event->start_mark, err, "too many anchors");
    char *copy = strdup((const char *)name);
    if (!copy ||
        vec_reserve(&r->anchors, &r->anchor_cap, r->anchor_count + 1, sizeof(*r->anchors)) < 0) {
        free(copy);
        return error_memory(err);
    }
    *ret = r->anchor_count;
    struct anchor *anchor = &r->anchors[r->anchor_count++];
    anchor->name = copy;
    anchor->node = node;
    anchor->complete = false;
    return 0;
}

static void close_anchor(struct reader *r, size_t index) {
    if (index != SIZE_MAX)
        r->anchors[index].complete = true;
}

static struct yaml_node *read_alias(struct reader *r, const yaml_event_t *event,
                                    struct error *err) {
    const struct anchor *anchor = find_anchor(r, event->data.alias.anchor);
    if (anchor && anchor->complete)
        return anchor->node;
    refuse(r, event->start_mark, err,
           anchor ? "this alias stands inside what it names"
                  : "this alias names no anchor that stands before it");
    return NULL;
}

/* ---- scalars ---- */

static bool is_one_of(const char *text, const char *const *words) {
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

static void type_plain(struct yaml_node *node) {
    static const char *const nothing[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const yes[] = {"true", "True", "TRUE", NULL};
    static const char *const no[] = {"false", "False", "FALSE", NULL};
    if (is_one_of(node->text, nothing)) {
        node->kind = YAML_NOTHING;
    } else if (is_one_of(node->text, yes) || is_one_of(node->text, no)) {
        node->kind = YAML_BOOLEAN;
        node->boolean = is_one_of(node->text, yes);
    } else if (number_parse(node->text, strlen(node->text), &node->number) == 0) {
        node->kind = YAML_NUMBER;
    }
}

/* A tag of YAML's own says no more than the node does, but for !!str and !. */
static bool is_foreign(const yaml_char_t *tag) {
    static const char *const known[] = {"!",           YAML_STR_TAG, YAML_NULL_TAG,
                                        YAML_BOOL_TAG, YAML_INT_TAG, YAML_FLOAT_TAG,
                                        YAML_SEQ_TAG,  YAML_MAP_TAG, NULL};
    return tag && !is_one_of((const char *)tag, known);
}

static int check_tag(struct reader *r, const yaml_char_t *tag, yaml_mark_t mark,
                     struct error *err) {
    if (!r->any_tag && is_foreign(tag))
        return refuse(r, mark, err, "this tag is not known");
    return 0;
}

static struct yaml_node *read_scalar(struct reader *r, const yaml_event_t *event,
                                     struct error *err) {
    static const char *const text_tags[] = {"!", YAML_STR_TAG, NULL};
    const yaml_char_t *tag = event->data.scalar.tag;
    const char *value = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    size_t anchor;
    if (check_tag(r, tag, event->start_mark, err) < 0)
        return NULL;
    if (memchr(value, '\0', len)) {
        refuse(r, event->start_mark, err, "this text has a NUL in it");
        return NULL;
    }
    struct yaml_node *node = add_node(r, YAML_TEXT, event->start_mark, err);
    if (!node || open_anchor(r, event, event->data.scalar.anchor, node, &anchor, err) < 0)
        return NULL;
    close_anchor(r, anchor);
    node->text = strndup(value, len);
    if (!node->text) {
        error_memory(err);
        return NULL;
    }
    node->tagged = is_foreign(tag);
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !node->tagged &&
        !(tag && is_one_of((const char *)tag, text_tags)))
        type_plain(node);
    return node;
}

/* ---- lists and mappings ---- */

/* The node that begins with this event, or NULL with *err. */
static struct yaml_node *read_node(struct reader *r, const yaml_event_t *event, struct error *err);

static struct yaml_node *read_next_node(struct reader *r, struct error *err) {
    yaml_event_t event;
    if (next(r, &event, err) < 0)
        return NULL;
    struct yaml_node *node = read_node(r, &event, err);
    yaml_event_delete(&event);
    return node;
}

static int read_item(struct reader *r, const yaml_event_t *event, struct yaml_node *list,
                     struct error *err) {
    struct yaml_node *item = read_node(r, event, err);
    return item ? add_child(r, list, NULL, item, event->start_mark, err) : -1;
}

static int read_pair(struct reader *r, const yaml_event_t *event, struct yaml_node *mapping,
                     struct error *err) {
    struct yaml_node *key = read_node(r, event, err);
    if (!key)
        return -1;
    if (!key->text)
        return refuse(r, event->start_mark, err, "a key must be a word, not a list or a mapping");
    struct yaml_node *value = read_next_node(r, err);
    return value ? add_child(r, mapping, key, value, event->start_mark, err) : -1;
}

static int by_key(const void *a, const void *b) {
    const struct yaml_node *x = *(struct yaml_node *const *)a;
    const struct yaml_node *y = *(struct yaml_node *const *)b;
    int order = strcmp(x->text, y->text);
    if (order != 0)
        return order;
    return x->line != y->line ? (x->line < y->line ? -1 : 1) : (x->column > y->column) * 2 - 1;
}

/* By sorting: a hostile file may have tens of thousands of keys. */
static int find_duplicates(struct reader *r, const struct yaml_node *mapping, struct error *err) {
    if (mapping->count < 2)
        return 0;
    cleanup(free_ptr) struct yaml_node **keys = malloc(mapping->count * sizeof(struct yaml_node *));
    if (!keys)
        return error_memory(err);
    memcpy(keys, mapping->keys, mapping->count * sizeof(struct yaml_node *));
    qsort(keys, mapping->count, sizeof(struct yaml_node *), by_key);
    const struct yaml_node *first = keys[0];
    for (size_t i = 1; i < mapping->count; i++) {
        if (strcmp(keys[i]->text, first->text) != 0) {
            first = keys[i];
            continue;
        }
        cleanup(str_done) struct str shown = {0};
        text_add_printable(&shown, first->text, strlen(first->text), 60);
        mistakes_add(r->mistakes, keys[i]->line, keys[i]->column,
                     "the key '%s' stands in line %d already", shown.data ? shown.data : "",
                     first->line);
    }
    return 0;
}

/* Reads up to the event that ends the list or mapping. */
static int read_children(struct reader *r, struct yaml_node *node, struct error *err) {
    yaml_event_type_t end =
        node->kind == YAML_LIST ? YAML_SEQUENCE_END_EVENT : YAML_MAPPING_END_EVENT;
    for (;;) {
        yaml_event_t event;
        if (next(r, &event, err) < 0)
            return -1;
        yaml_event_type_t type = event.type;
        int rc = 0;
        if (type != end)
            rc = node->kind == YAML_LIST ? read_item(r, &event, node, err)
                                         : read_pair(r, &event, node, err);
        yaml_event_delete(&event);
        if (rc < 0 || type == end)
            return rc;
    }
}

static struct yaml_node *read_collection(struct reader *r, const yaml_event_t *event,
                                         enum yaml_kind kind, const yaml_char_t *name,
                                         const yaml_char_t *tag, struct error *err) {
    size_t anchor;
    if (r->depth >= YAML_DEPTH) {
        refuse(r, event->start_mark, err, "nested too deeply");
        return NULL;
    }
    if (check_tag(r, tag, event->start_mark, err) < 0)
        return NULL;
    struct yaml_node *node = add_node(r, kind, event->start_mark, err);
    if (!node || open_anchor(r, event, name, node, &anchor, err) < 0)
        return NULL;
    node->tagged = is_foreign(tag);
    r->depth++;
    int rc = read_children(r, node, err);
    r->depth--;
    close_anchor(r, anchor);
    if (rc < 0 || (kind == YAML_MAPPING && find_duplicates(r, node, err) < 0))
        return NULL;
    return node;
}

static struct yaml_node *read_node(struct reader *r, const yaml_event_t *event, struct error *err) {
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return read_alias(r, event, err);
    case YAML_SCALAR_EVENT:
        return read_scalar(r, event, err);
    case YAML_SEQUENCE_START_EVENT:
        return read_collection(r, event, YAML_LIST, event->data.sequence_start.anchor,
                               event->data.sequence_start.tag, err);
    case YAML_MAPPING_START_EVENT:
        return read_collection(r, event, YAML_MAPPING, event->data.mapping_start.anchor,
                               event->data.mapping_start.tag, err);
    default:
        refuse(r, event->start_mark, err, "not YAML: nothing that can stand here");
        return NULL;
    }
}

/* ---- the document ---- */

/* Passes over one event and returns its type, or -1. */
static int skip_event(struct reader *r, yaml_mark_t *mark, struct error *err) {
    yaml_event_t event;
    if (next(r, &event, err) < 0)
        return -1;
    int type = (int)event.type;
    *mark = event.start_mark;
    yaml_event_delete(&event);
    return type;
}

static int read_document(struct reader *r, struct error *err) {
    yaml_mark_t mark;
    if (skip_event(r, &mark, err) < 0) /* the stream's start */
        return -1;
    int type = skip_event(r, &mark, err);
    if (type < 0)
        return -1;
    if (type == YAML_STREAM_END_EVENT) {
        r->tree->root = add_node(r, YAML_NOTHING, (yaml_mark_t){0}, err);
        return r->tree->root ? 0 : -1;
    }
    r->tree->root = read_next_node(r, err);
    if (!r->tree->root || skip_event(r, &mark, err) < 0)
        return -1;
    type = skip_event(r, &mark, err);
    if (type == YAML_DOCUMENT_START_EVENT)
        return refuse(r, mark, err, "a second document begins here; only one is read");
    return type < 0 ? -1 : 0;
}

static int read_text(const char *text, size_t n, bool any_tag, struct yaml *ret,
                     struct mistakes *mistakes, struct error *err) {
    struct yaml tree = {0};
    struct reader r = {
        .source = text, .source_len = n, .tree = &tree, .mistakes = mistakes, .any_tag = any_tag};
    if (!yaml_parser_initialize(&r.parser))
        return error_memory(err);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
    int rc = read_document(&r, err);
    yaml_parser_delete(&r.parser);
    for (size_t i = 0; i < r.anchor_count; i++)
        free(r.anchors[i].name);
    free(r.anchors);
    if (rc < 0)
        yaml_done(&tree);
    else
        *ret = tree;
    return rc;
}

int yaml_read(const char *text, size_t n, struct yaml *ret, struct mistakes *mistakes,
              struct error *err) {
    return read_text(text, n, false, ret, mistakes, err);
}

int yaml_read_tagged(const char *text, size_t n, struct yaml *ret, struct mistakes *mistakes,
                     struct error *err) {
    return read_text(text, n, true, ret, mistakes, err);
}
