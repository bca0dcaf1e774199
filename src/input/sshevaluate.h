/*
 * sshevaluate: which directives of ssh_config(5) hold for one server.
 */
#pragma once

#include "input/sshcommands.h"
#include "input/sshconfig.h"
#include "input/sshrules.h"

#include <stdint.h>

/* All borrowed. */
struct ssh_question {
    const struct ssh_rules *rules;
    const struct local_user *local;
    struct ssh_commands *commands;
    ssh_lookup *lookup; /* NULL: CanonicalizeHostname cannot be done */
    void *lookup_arg;
    const char *original;              /* the host as it was asked for */
    const struct ssh_directive *given; /* what comes before all files */
    size_t given_count;
    int64_t deadline;
};

/* One value of a keyword all of whose values count, and where it comes from. */
struct ssh_setting {
    const char *text;
    const struct ssh_directive *from;
};

struct ssh_settings {
    struct ssh_setting *items;
    size_t count, cap;
};

/* What holds, borrowed from the rules and the question but for `host`. */
struct ssh_answer {
    const struct ssh_directive *won[SSH_KEYWORDS]; /* NULL: the default holds */
    const struct ssh_directive *rekey_interval;    /* of RekeyLimit, whose second word is its own */
    struct ssh_settings identity_files;
    struct ssh_settings certificate_files;
    struct ssh_settings send_env; /* patterns */
    char *host;                   /* where to connect */
};

/*
 * Fails with ERROR_UNREACHABLE when OpenSSH refuses the configuration for this server, as
 * ssh_commands_succeeds() and the look-up do, and with ERROR_INTERNAL.
 */
int ssh_evaluate(const struct ssh_question *q, struct ssh_answer *ret, struct error *err) must_use;
void ssh_answer_done(struct ssh_answer *a);

/* The first word of the directive that won, or NULL. */
const char *ssh_answer_text(const struct ssh_answer *a, enum ssh_keyword keyword);

/* The same, and NULL also when it is "none". */
const char *ssh_answer_value(const struct ssh_answer *a, enum ssh_keyword keyword);

/* Whether a flag is on; its default is for one that is not set. */
bool ssh_answer_flag(const struct ssh_answer *a, enum ssh_keyword keyword, bool usual);
