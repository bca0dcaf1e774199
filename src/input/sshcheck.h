/*
 * sshcheck: the arguments of ssh_config(5), checked as OpenSSH checks them.
 *
 * OpenSSH checks every line, whether it applies to a server or not, and those of which muster makes
 * no use, too. What was checked once, when the file was read, is right from then on.
 */
#pragma once

#include "base/error.h"
#include "input/sshkeywords.h"
#include "input/sshwords.h"

/*
 * Checks a keyword's arguments; writes them in lower case where OpenSSH does. Not for Host, Match,
 * Include and SSH_UNKNOWN. Fails with ERROR_USAGE and OpenSSH's words, and with ERROR_INTERNAL.
 */
int ssh_check(enum ssh_keyword keyword, struct ssh_words *words, struct error *err) must_use;

/* What a check is given: the arguments, of which it takes one after the other. */
struct arguments {
    const struct ssh_keyword_row *row;
    char **items;
    size_t count;
};

/* The next argument, or NULL; with take_one() it must be there and not be empty. */
char *argument_take(struct arguments *a);
char *argument_take_one(struct arguments *a, struct error *err);

/* A word that stands for no or for all values, and so must stand alone. */
int argument_alone(const struct arguments *a, const char *text, bool first,
                   struct error *err) must_use;

/* Whether the text is one of the words between blanks, in any case. */
bool argument_is_word(const char *words, const char *text);

/* Whether every ${VARIABLE} in the text has a value. */
bool argument_has_variables(const char *text);

/* As ssh_check(), for keywords that muster has no use for (input/sshcheck_unused.c). */
int ssh_check_unused(struct arguments *a, struct error *err) must_use;
