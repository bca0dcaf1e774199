/*
 * hostjudge: what ssh would do with the key that a server has shown.
 *
 * The rules are those of OpenSSH's client without a terminal (ssh_config(5), StrictHostKeyChecking,
 * CheckHostIP), the one difference being that a key which is revoked for a host's bare name is
 * refused at its other ports too, where ssh warns of it and goes on under accept-new.
 *
 * Pure.
 */
#pragma once

#include "input/knownhosts.h"
#include "input/sshconfig.h"

/* What is known of the names of one server. */
struct hostjudge_lines {
    struct knownhosts_lines host; /* [web1]:2222, or web1 at the usual port, or the alias */
    struct knownhosts_lines bare; /* web1, where the host's name has a port; else none */
    struct knownhosts_lines address;
    struct knownhosts_lines bare_address;
    bool check_address; /* CheckHostIP, and the address is known and another name than the host */
};
void hostjudge_lines_done(struct hostjudge_lines *l);

enum hostjudge_status {
    HOSTJUDGE_MATCH,
    HOSTJUDGE_UNKNOWN, /* no key of this name is known */
    HOSTJUDGE_CHANGED, /* keys are known, and this is none of them, be they of other types alone */
    HOSTJUDGE_REVOKED, /* this key is marked @revoked for this name */
};

struct hostjudge_answer {
    enum hostjudge_status status;       /* of the name that decided */
    bool by_address;                    /* it was the address */
    const struct knownhosts_line *line; /* that decided; NULL when unknown. Of a changed key: the
                                           last that has another, as ssh says it */
    bool accepted;
    bool trusted;               /* if not, no password may be sent */
    bool add_host, add_address; /* to the user's file, accepted or not */
};

/* `key` is base64, as in the files. `recordable`: ssh could write the host's name into a file. */
void hostjudge(const struct hostjudge_lines *l, const char *key, enum host_key_checking checking,
               bool recordable, struct hostjudge_answer *ret);

/* Whether a line has this marker. */
bool hostjudge_has(const struct knownhosts_lines *l, enum knownhosts_marker marker);

/*
 * The types of the keys known for a name, in the files' order, each once: at most `max` are written
 * to types[]. OpenSSH asks a server for a key of a known type first.
 */
size_t hostjudge_types(const struct knownhosts_lines *l, const char **types, size_t max);
