/*
 * labels: what users say of a server beside its name, as key=value: rack=12, pdu=3, site=fra.
 *
 * A key is letters, digits, `.`, `_` and `-`, begins with a letter and ends with a letter or digit.
 * A value is printable UTF-8 without blanks, commas, quotes and backslashes. Both have 1 to
 * LABEL_MAX bytes. No label is called `kind`, which says something else in inventories, or
 * `ansible_...` or `muster_...`, which are variables there. A server has at most LABELS_MAX.
 *
 * The labels of a server are one text, a JSON object without blanks in the order of its keys:
 *
 *     {"pdu":"3","rack":"12","site":"fra"}
 *
 * in which nothing is escaped, because of what keys and values are made of; so equal labels are
 * equal texts. NULL stands for none. A text that is not of this form has the labels before the
 * first thing that is not. Plain data, any thread.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

#define LABEL_MAX 64
#define LABELS_MAX 32

/* The label that says which workers may take a server. */
#define LABEL_SITE "site"

/* Borrowed from where it stands; no NUL ends the key or the value. */
struct label {
    const char *key;
    size_t key_len;
    const char *value;
    size_t value_len;
};

/* What keeps the n bytes from being a key, or a value; NULL: nothing. */
const char *label_key_mistake(const char *key, size_t n);
const char *label_value_mistake(const char *value, size_t n);

/*
 * Takes a word `key=value` of n bytes apart. Returns NULL, or what is wrong with it, as a sentence
 * that goes on after a colon, with where in it that is in *at.
 */
const char *label_parse(const char *word, size_t n, struct label *ret, size_t *at);

/*
 * Gives the labels this one; it replaces the one of its key. Returns 0, 1 when there would be more
 * than LABELS_MAX, or -1: memory ran out.
 */
int labels_set(char **labels, const struct label *label) must_use;

/* Gives `into` all of `from`, which replace those of their keys; returns as labels_set(). */
int labels_take(char **into, const char *from) must_use;

/* The next label of those at *at, which is the labels at first. */
bool labels_next(const char **at, struct label *ret);

/* The label of this key. */
bool labels_find(const char *labels, const char *key, struct label *ret);

/* Appends `pdu=3 rack=12`, which label_parse() reads word by word. */
void labels_add_words(struct str *out, const char *labels);

/* At most so many servers at once that have the same value of the label. */
struct label_limit {
    char *key;
    int most;
};

#define LABEL_LIMIT_MAX 1000000

/* Each key once, in the order in which they came. */
struct label_limits {
    struct label_limit *items;
    size_t count;
    size_t cap;
};

void label_limits_done(struct label_limits *limits);

/* Sets the limit on a label, in the place of the one there may be. -1: memory ran out. */
int label_limits_set(struct label_limits *limits, const char *key, int most) must_use;
