/*
 * typed: a command line that is being typed, read with the tables that the commands read it with.
 */
#pragma once

#include "base/str.h"
#include "cli/cli.h"

/* What stands before the word that is being typed. Borrows from the words. */
struct typed {
    const struct cli_command *command; /* NULL: the first word is being typed, or there is none */
    const struct option *option;       /* whose value is being typed; NULL: none */
    bool only_arguments;               /* behind -- */
    const char *arguments[4];          /* the first ones */
    size_t argument_count;             /* all of them */
    size_t head;                       /* bytes of the word before that value: `--config=` */
    struct cli_servers servers;        /* -i, -g, -x */
    const char *config, *store;
};

/* Reads the words; the first is muster itself, the last one is being typed. */
void typed_read(struct typed *t, char **words, size_t count);
void typed_done(struct typed *t);

/*
 * Adds what the command's help says of the option, in one line; nothing when it says nothing. It is
 * found by the option's long name, or by its letter where the help has no other.
 */
void typed_describe(const struct cli_command *c, const struct option *o, struct str *out);
