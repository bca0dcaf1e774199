/*
 * sshexpand: `~` and the %-tokens in paths of ssh_config(5).
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>

/* Who runs muster, from the password database, as ssh asks it: $HOME plays no part. */
struct local_user {
    char *name;
    char *home;
    char *host;       /* of this machine */
    char *short_host; /* up to its first dot */
    unsigned uid;
};

int local_user_get(struct local_user *ret, struct error *err) must_use;
void local_user_done(struct local_user *u);

/* What the tokens stand for; all borrowed. */
struct ssh_names {
    const struct local_user *local;
    const char *original; /* %n: the host as it was asked for */
    const char *hostname; /* %h */
    const char *user;     /* %r */
    const char *alias;    /* %k: the HostKeyAlias, or NULL */
    int port;             /* %p */
};

/*
 * The path with ~, ~user, %C %L %d %h %i %k %l %n %p %r %u %% and ${VARIABLE} expanded; the caller
 * frees it. A token that is not known, and a user or variable that is not there, stay as they are:
 * ssh has refused them by then if it minds. NULL: no memory.
 */
char *ssh_expand(const char *path, const struct ssh_names *names) must_use;

/*
 * As ssh expands ProxyCommand and ProxyJump: %h %k %n %p %r %% alone, all else being left to the
 * user's shell. Another token, which ssh refuses, stays as it is and sets *unknown.
 */
char *ssh_expand_proxy(const char *text, const struct ssh_names *names, bool *unknown) must_use;
