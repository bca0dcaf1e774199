/*
 * sshoptions: what holds for one server, made into struct ssh_options.
 */
#pragma once

#include "input/sshconfig.h"
#include "input/sshevaluate.h"

/* Fails with ERROR_UNREACHABLE when OpenSSH refuses a value, and with ERROR_INTERNAL. */
int ssh_options_make(const struct ssh_question *q, const struct ssh_answer *a,
                     struct ssh_options *ret, struct error *err) must_use;

void ssh_options_done(struct ssh_options *o);

/*
 * Why muster cannot do what the options ask for, so that the ssh program has to; the caller frees
 * it. NULL: it can. Looks for files. Fails as ssh_options_make().
 */
int ssh_reason(const struct ssh_answer *a, const struct ssh_options *o,
               const struct ssh_names *names, char **ret, struct error *err) must_use;
