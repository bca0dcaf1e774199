/*
 * sshrules: the files of ssh_config(5), read once.
 *
 * What is read is a list of directives, cut into blocks: what stands between two lines of Host,
 * Match or Include. Included files are part of the list, at the place of the Include. Immutable
 * once read; any thread may look.
 */
#pragma once

#include "base/error.h"
#include "input/sshexpand.h"
#include "input/sshkeywords.h"
#include "input/sshwords.h"

#include <stdbool.h>

struct ssh_directive {
    enum ssh_keyword keyword; /* SSH_UNKNOWN: the first word is its name, in lower case */
    struct ssh_words words;   /* checked (input/sshcheck.h) */
    const char *file;         /* NULL: it does not come from a file */
    int line;
    bool user; /* from the user's file, or one that it includes; not the system's */
};

struct ssh_criterion {
    enum {
        SSH_MATCH_ALL,
        SSH_MATCH_CANONICAL,
        SSH_MATCH_FINAL, /* those up to here have no argument */
        SSH_MATCH_HOST,
        SSH_MATCH_ORIGINAL_HOST,
        SSH_MATCH_USER,
        SSH_MATCH_LOCAL_USER,
        SSH_MATCH_LOCAL_NETWORK,
        SSH_MATCH_TAGGED,
        SSH_MATCH_EXEC,
    } kind;
    bool negated;
    const char *argument; /* NULL: it has none */
};

#define SSH_NO_BLOCK SIZE_MAX

struct ssh_block {
    enum {
        SSH_BLOCK_ALWAYS,
        SSH_BLOCK_SAME, /* where its parent applies: what goes on after an Include, or in it */
        SSH_BLOCK_HOST,
        SSH_BLOCK_MATCH,
    } kind;
    size_t parent; /* the block with the Include: only where it applies, this one can */
    size_t line;   /* the directive that is the line of Host or Match */
    struct ssh_criterion *criteria;
    size_t criterion_count;
    size_t first, end; /* its directives */
};

struct ssh_rules {
    struct ssh_directive *directives;
    size_t directive_count, directive_cap;
    struct ssh_block *blocks;
    size_t block_count, block_cap;
    char **files; /* the names that directives borrow */
    size_t file_count, file_cap;
    size_t *unknown; /* directives */
    size_t unknown_count, unknown_cap;
    bool has_final; /* there is a Match final: everything is gone over twice */
    /*
     * An index for the blocks of Host: those whose patterns are all plain names stand under each of
     * their names, in the order of names and then of places; all other blocks stand in `general`.
     */
    struct ssh_named_block {
        const char *name;
        size_t block;
    } * named;
    size_t named_count, named_cap;
    size_t *general;
    size_t general_count, general_cap;
};

/*
 * Reads ssh_config as ssh -F `file` does, or with NULL the user's and the system's. Fails with
 * ERROR_USAGE when a line is refused ("FILE line 12: Bad configuration option: foo"; when there are
 * several, how many), when `file` cannot be read, or when somebody else may have written the user's
 * file or one that is included; with ERROR_INTERNAL.
 */
int ssh_rules_read(const char *file, const struct local_user *local, struct ssh_rules *ret,
                   struct error *err) must_use;

/* Reads one text, as if it were the user's file of that name. */
int ssh_rules_read_text(const char *name, const char *text, size_t n,
                        const struct local_user *local, struct ssh_rules *ret,
                        struct error *err) must_use;

void ssh_rules_done(struct ssh_rules *r);

/* The first place in `named` with that name, and through *end the one behind the last. */
size_t ssh_rules_find(const struct ssh_rules *r, const char *name, size_t *end);
