/*
 * yaml: a YAML document as a tree in which every node knows where it stands.
 *
 * Scalars are typed as in the core schema of YAML 1.2, where `yes` is a text and 010 is ten: a
 * plain scalar is nothing (empty, ~, null), true or false, a number of number_parse()
 * (base/units.h), or else text; what is quoted or a block is always text. Keys are scalars, taken
 * as text.
 *
 * One document of at most YAML_DEPTH levels and, with every alias counted as what it stands for,
 * YAML_NODES nodes. Aliases share the node that they name: the tree is read-only.
 *
 * Mistakes (syntax, a key given twice, a tag that is not known, what is too deep or too large) are
 * kept with their place, for the caller to add its own and to print all in the file's order.
 *
 * Plain data, pure functions; any thread.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "input/mistakes.h"

#include <stdbool.h>
#include <stddef.h>

#define YAML_DEPTH 32
#define YAML_NODES 400000

enum yaml_kind { YAML_NOTHING, YAML_BOOLEAN, YAML_NUMBER, YAML_TEXT, YAML_LIST, YAML_MAPPING };

struct yaml_node {
    enum yaml_kind kind;
    int line; /* from 1 */
    int column;
    char *text; /* of a scalar, as it is written, without quotes; it holds no NUL */
    bool boolean;
    double number;
    bool tagged;              /* with a tag that is not YAML's own: yaml_read_tagged() */
    struct yaml_node **keys;  /* of a mapping; NULL in a list */
    struct yaml_node **items; /* of a list, or the values of a mapping */
    size_t count;
    size_t cap;
    size_t weight; /* nodes, with aliases counted as what they stand for */
    int height;    /* levels below, and this one */
};

struct yaml {
    struct yaml_node *root; /* kind YAML_NOTHING for an empty document */
    struct yaml_node **nodes;
    size_t node_count;
    size_t node_cap;
};

/*
 * Reads n bytes. Returns 0 when there is a tree to read, even if mistakes were added (a key given
 * twice); -1 with ERROR_USAGE when there is none, the reason being the last of the mistakes, or
 * with ERROR_INTERNAL.
 */
int yaml_read(const char *text, size_t n, struct yaml *ret, struct mistakes *mistakes,
              struct error *err) must_use;

/* As yaml_read(), with tags of other programs (!vault) let be; such a scalar is a text. */
int yaml_read_tagged(const char *text, size_t n, struct yaml *ret, struct mistakes *mistakes,
                     struct error *err) must_use;
void yaml_done(struct yaml *y);

/* Appends what a node is, for a sentence: "nothing", "the number 5", "the text 'many'", "a list".
 */
void yaml_describe(const struct yaml_node *node, struct str *out);
