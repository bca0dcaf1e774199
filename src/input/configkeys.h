/*
 * configkeys: how the mappings of muster.yaml are read.
 *
 * A mapping is a table of keys; a key has a function that reads its value into a field of the
 * struct that the mapping fills. A function that does not like a value adds a mistake and returns:
 * nothing stops before the end of the file, so that one look shows all there is to mend.
 *
 * Plain data of its caller; no threads.
 */
#pragma once

#include "base/str.h"
#include "input/yaml.h"
#include "model/builtin.h"

#define CONFIG_MAX (1024UL * 1024) /* bytes of a file */
#define NAME_MAX_LEN 64            /* of a benchmark */

struct reader {
    const struct builtin *builtin; /* ended by one without a name */
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

/* The text made printable, for a sentence; short. */
const char *keys_shown(const char *text, struct str *room);

/* The mistake "KEY: expected WHAT, found ...". */
void keys_expected(struct reader *r, const char *key, const char *what,
                   const struct yaml_node *found);

/* Tables of keys end with one without a name. */
const struct key *keys_find(const struct key *keys, const char *name);
void keys_unknown(struct reader *r, const struct key *keys, const struct yaml_node *key);

/* A mapping, or nothing where all its lines are commented out: anything else is a mistake. */
bool keys_is_mapping(struct reader *r, const char *name, const struct yaml_node *node);

/* Reads a mapping into the struct at `into`. */
void keys_read(struct reader *r, const char *name, const struct key *keys,
               const struct yaml_node *node, void *into);

/* The value at a name of a mapping, or NULL. */
const struct yaml_node *keys_value(const struct yaml_node *node, const char *name);

void keys_set_text(struct reader *r, char **into, const char *text);
bool keys_is_text(struct reader *r, const struct key *key, const struct yaml_node *value);

/* Readers of values; `into` is an int, a double, a bool, an int64_t of ns, a share or a char *. */
#define KEY_READER(name)                                                                           \
    void name(struct reader *r, const struct key *key, const struct yaml_node *value, void *into)
KEY_READER(key_int);
KEY_READER(key_number);
KEY_READER(key_positive);
KEY_READER(key_duration);
KEY_READER(key_duration_zero); /* one that may be zero */
KEY_READER(key_share);
KEY_READER(key_flag);
KEY_READER(key_text); /* any text: a command may have lines */
KEY_READER(key_line); /* a text that is shown to people: no control characters */
KEY_READER(key_word); /* one word that a command line takes: no blanks, no option */
