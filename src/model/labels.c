/*
 * labels: see labels.h.
 *
 * A text of labels is short and is looked through from its beginning. A quote can stand nowhere but
 * around a key or a value, so that `"KEY":"` is found where the label is and nowhere else.
 */
#include "model/labels.h"

#include "base/text.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_letter_or_digit(char c) {
    return is_letter(c) || (c >= '0' && c <= '9');
}

static bool begins(const char *key, size_t n, const char *with) {
    size_t len = strlen(with);
    return n >= len && memcmp(key, with, len) == 0;
}

const char *label_key_mistake(const char *key, size_t n) {
    if (n == 0)
        return "the key of a label is missing";
    if (n > LABEL_MAX)
        return "the key of a label is longer than 64 bytes";
    if (!is_letter(key[0]) || !is_letter_or_digit(key[n - 1]))
        return "the key of a label begins with a letter and ends with a letter or digit";
    for (size_t i = 0; i < n; i++)
        if (!is_letter_or_digit(key[i]) && !memchr("._-", key[i], 3))
            return "the key of a label is letters, digits, '.', '_' and '-'";
    if (n == strlen("kind") && memcmp(key, "kind", n) == 0)
        return "the kind of a server is no label: kind= or muster_kind says it";
    if (begins(key, n, "ansible_") || begins(key, n, "muster_"))
        return "no label is called ansible_... or muster_..., which are variables of Ansible "
               "inventories";
    return NULL;
}

const char *label_value_mistake(const char *value, size_t n) {
    if (n == 0)
        return "the value of a label is missing";
    if (n > LABEL_MAX)
        return "the value of a label is longer than 64 bytes";
    if (!text_is_printable(value, n))
        return "the value of a label is not printable text";
    for (size_t i = 0; i < n; i++)
        if (strchr(" ,\"'\\", value[i]))
            return "the value of a label has no blanks, commas, quotes or backslashes";
    return NULL;
}

const char *label_parse(const char *word, size_t n, struct label *ret, size_t *at) {
    const char *sign = memchr(word, '=', n);
    *at = 0;
    if (!sign)
        return "key=value was expected";
    size_t key_len = (size_t)(sign - word);
    *ret = (struct label){word, key_len, sign + 1, n - key_len - 1};
    const char *mistake = label_key_mistake(ret->key, ret->key_len);
    if (mistake)
        return mistake;
    *at = key_len + 1;
    return label_value_mistake(ret->value, ret->value_len);
}

/* The text between two quotes of which the first is at `p`; NULL: there is none. */
static const char *read_quoted(const char *p, size_t *len) {
    const char *end = *p == '"' ? strchr(p + 1, '"') : NULL;
    *len = end ? (size_t)(end - p) - 1 : 0;
    return end ? p + 1 : NULL;
}

bool labels_next(const char **at, struct label *ret) {
    const char *p = *at;
    if (!p || (*p != '{' && *p != ','))
        return false;
    struct label l;
    if (!(l.key = read_quoted(p + 1, &l.key_len)) || l.key[l.key_len + 1] != ':' ||
        !(l.value = read_quoted(l.key + l.key_len + 2, &l.value_len)) ||
        label_key_mistake(l.key, l.key_len) || label_value_mistake(l.value, l.value_len))
        return false;
    *at = l.value + l.value_len + 1;
    *ret = l;
    return true;
}

static int compare_keys(const struct label *a, const struct label *b) {
    size_t n = a->key_len < b->key_len ? a->key_len : b->key_len;
    int order = memcmp(a->key, b->key, n);
    return order ? order : (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

bool labels_find(const char *labels, const char *key, struct label *ret) {
    const struct label wanted = {.key = key, .key_len = strlen(key)};
    while (labels_next(&labels, ret))
        if (compare_keys(ret, &wanted) == 0)
            return true;
    return false;
}

static void add_label(struct str *out, const struct label *l) {
    str_add(out, out->len ? ",\"" : "{\"");
    str_add_bytes(out, l->key, l->key_len);
    str_add(out, "\":\"");
    str_add_bytes(out, l->value, l->value_len);
    str_add_char(out, '"');
}

int labels_set(char **labels, const struct label *label) {
    cleanup(str_done) struct str out = {0};
    const char *at = *labels;
    struct label l;
    size_t count = 1;
    bool added = false;
    while (labels_next(&at, &l)) {
        int order = compare_keys(&l, label);
        if (order >= 0 && !added) {
            add_label(&out, label);
            added = true;
        }
        if (order != 0) {
            add_label(&out, &l);
            count++;
        }
    }
    if (!added)
        add_label(&out, label);
    if (count > LABELS_MAX)
        return 1;
    str_add_char(&out, '}');
    char *text = str_take(&out);
    if (!text)
        return -1;
    free(*labels);
    *labels = text;
    return 0;
}

int labels_take(char **into, const char *from) {
    struct label l;
    int rc = 0;
    if (!*into && from)
        return (*into = strdup(from)) ? 0 : -1;
    while (rc == 0 && labels_next(&from, &l))
        rc = labels_set(into, &l);
    return rc;
}

void labels_add_words(struct str *out, const char *labels) {
    struct label l;
    for (bool first = true; labels_next(&labels, &l); first = false) {
        str_add(out, first ? "" : " ");
        str_add_bytes(out, l.key, l.key_len);
        str_add_char(out, '=');
        str_add_bytes(out, l.value, l.value_len);
    }
}

void label_limits_done(struct label_limits *limits) {
    for (size_t i = 0; i < limits->count; i++)
        free(limits->items[i].key);
    free(limits->items);
    *limits = (struct label_limits){0};
}

int label_limits_set(struct label_limits *limits, const char *key, int most) {
    for (size_t i = 0; i < limits->count; i++)
        if (strcmp(limits->items[i].key, key) == 0) {
            limits->items[i].most = most;
            return 0;
        }
    if (vec_reserve(&limits->items, &limits->cap, limits->count + 1, sizeof(*limits->items)) < 0)
        return -1;
    char *copy = strdup(key);
    if (!copy)
        return -1;
    limits->items[limits->count++] = (struct label_limit){copy, most};
    return 0;
}
