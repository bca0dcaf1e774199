/*
 * sshexpand: `~`, the %-tokens and the ${VARIABLES} of ssh_config(5).
 */
#pragma once

#include "base/error.h"

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

/* What the tokens stand for; all borrowed. What no allowed token stands for may be NULL. */
struct ssh_names {
    const struct local_user *local; /* %d %i %L %l %u */
    const char *original;           /* %n: the host as it was asked for */
    const char *hostname;           /* %h */
    const char *user;               /* %r */
    const char *alias;              /* %k */
    const char *jump;               /* %j: the host of the last ProxyJump, or "" */
    int port;                       /* %p */
};

#define SSH_TOKENS "CLdhijklnpru"     /* of most keywords */
#define SSH_TOKENS_PROXY "hknpr"      /* of ProxyCommand */
#define SSH_TOKENS_HOSTNAME "h"       /* of HostName */
#define SSH_TOKENS_ANY_SERVER "Ldilu" /* those that are the same for every server */

/*
 * Expands %% and those of the tokens that stand in `tokens`; any other is an error. Fails with
 * ERROR_UNREACHABLE, as do the others here, and with ERROR_INTERNAL.
 */
int ssh_expand_tokens(const char *text, const char *tokens, const struct ssh_names *names,
                      char **ret, struct error *err) must_use;

/* As ssh_expand_tokens(), and ${VARIABLES}, each of which must be there. */
int ssh_expand(const char *text, const char *tokens, const struct ssh_names *names, char **ret,
               struct error *err) must_use;

/* ~ and ~user at the start; then as ssh_expand(). */
int ssh_expand_path(const char *path, const struct ssh_names *names, char **ret,
                    struct error *err) must_use;

/* ~ and ~user at the start alone. */
int ssh_expand_tilde(const char *path, const struct local_user *local, char **ret,
                     struct error *err) must_use;
