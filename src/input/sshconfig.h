/*
 * sshconfig: what OpenSSH would do to reach a server, from the user's and the system's ssh_config.
 *
 * The files are read once and evaluated once for each distinct host, user, port and identity; no
 * ssh program is needed. What every keyword is to muster stands in input/sshkeywords.h. Defaults
 * are those of OpenSSH 9.2 as Debian has it. Paths are expanded (~, %-tokens, ${VARIABLE}).
 *
 * Threads: any thread may resolve; the results are shared and live until whoever has resolved them
 * has let go of them, or as long as the sshconfig.
 */
#pragma once

#include "base/error.h"
#include "input/sshkeywords.h"
#include "model/server.h"
#include "sync/cancel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sshconfig;

/* StrictHostKeyChecking: yes, or ask as nobody is there to be asked; accept-new; no or off. */
enum host_key_checking { HOST_KEY_STRICT, HOST_KEY_ACCEPT_NEW, HOST_KEY_OFF };

struct ssh_options {
    char *hostname; /* where to connect: after HostName and canonicalisation */
    char *user;
    int port;
    char *host_key_alias; /* NULL: not set */
    char **identity_files;
    size_t identity_count;
    char **certificate_files;
    size_t certificate_count;
    bool identities_only;
    char *identity_agent; /* path of the agent's socket; NULL: none */
    char **user_known_hosts;
    size_t user_known_hosts_count;
    char **global_known_hosts;
    size_t global_known_hosts_count;
    char *revoked_host_keys; /* a file of keys, or a key revocation list; NULL: not set */
    bool check_host_ip;      /* the address's key is checked beside the name's */
    bool trust_localhost;    /* NoHostAuthenticationForLocalhost */
    enum host_key_checking host_key_checking;
    bool hash_known_hosts;
    int address_family;      /* AF_UNSPEC, AF_INET or AF_INET6 */
    char *bind_address;      /* NULL: not set */
    char *bind_interface;    /* NULL: not set */
    int64_t connect_timeout; /* ns; 0: not set */
    int connection_attempts; /* at least 1 */
    char *proxy_jump;        /* "[user@]host[:port]" or a list with commas; NULL: not set */
    char *proxy_command;     /* for the user's shell, tokens expanded; NULL: not set */
    int64_t alive_interval;  /* ns between words to a silent server; 0: none */
    int alive_count_max;
    int64_t rekey_bytes;   /* 0: as the cipher wants it */
    int64_t rekey_seconds; /* 0: none */
    bool pubkey_authentication;
    bool gssapi_authentication;
    bool hostbased_authentication;
    bool kbdinteractive_authentication;
    bool password_authentication;
    char *preferred_authentications; /* NULL: OpenSSH's own order */
    int password_prompts;            /* how often a password may be tried; 0: never */
    char **environment;              /* "NAME=VALUE" for the server: SendEnv, then SetEnv */
    size_t environment_count;
    int rsa_min_bits; /* shorter RSA keys are refused */
    /*
     * Lists in OpenSSH's words, or NULL where they are this OpenSSH's own, so that the library's
     * own order holds. They may name algorithms that the library does not have: it leaves those
     * out, and refuses a list of which nothing is left. That server needs the ssh program, then.
     */
    char *ciphers;
    char *macs;
    char *kex;
    char *host_key_algorithms;
    bool host_key_order; /* a list of the user's own, not one changed by + or -: known types of
                            keys do not come before it */
    char *pubkey_algorithms;
    bool compression;
    bool tcp_keepalive;
    /*
     * Why the ssh program must carry this server ("ProxyJump is set"), or NULL when muster can
     * reach it by itself. GSSAPIAuthentication alone is no reason (it is Debian's default); nor is
     * RemoteCommand, which whoever runs the ssh program must turn off (-o RemoteCommand=none).
     */
    char *needs_ssh_program;
};

/*
 * Looks a name up for CanonicalizeHostname: 1 when it has an address of the family (AF_UNSPEC: of
 * any), 0 when not, -1 when that was not known before the deadline or the run was ended. On 1,
 * *canonical is the name that its aliases lead to, for the caller to free, or NULL.
 */
typedef int ssh_lookup(void *arg, const char *name, int family, int64_t deadline, char **canonical,
                       struct error *err);

/*
 * `user` and `port` are the run's own (NULL, 0: not given); `file` is ssh's -F (NULL: not given);
 * `cancel` is borrowed. Call it before there are threads. Fails with ERROR_USAGE when a line is
 * refused ("FILE line 12: Bad configuration option: foo"), `file` cannot be read, or somebody else
 * may have written the user's; and with ERROR_INTERNAL.
 */
int sshconfig_new(const char *user, int port, const char *file, const struct cancel *cancel,
                  struct sshconfig **ret, struct error *err) must_use;
void sshconfig_free(struct sshconfig *c);

/*
 * Who looks names up for CanonicalizeHostname; without it, servers for which that is on fail. Both
 * are borrowed. Call it before there are threads.
 */
void sshconfig_set_lookup(struct sshconfig *c, ssh_lookup *lookup, void *arg);

/*
 * The options of a server; what its name or inventory says wins over the run's, which win over the
 * configuration. Its identity comes before the configuration's. A failure is not cached. Fails with
 * ERROR_UNREACHABLE when OpenSSH would refuse the configuration for this server, with ERROR_TIMEOUT
 * at the deadline or ERROR_INTERRUPTED when the run's token fires (a `Match exec` may hang), and
 * with ERROR_INTERNAL.
 */
int sshconfig_resolve(struct sshconfig *c, const struct server *server, int64_t deadline,
                      const struct ssh_options **ret, struct error *err) must_use;

/*
 * Lets go of a server's options: they are gone when nobody holds them any more, so that a fleet's
 * are not kept to the end. sshconfig_hold() is for one who has them from somebody else.
 */
void sshconfig_hold(struct sshconfig *c, const struct ssh_options *o);
void sshconfig_release(struct sshconfig *c, const struct ssh_options *o);

/*
 * The options of a jump host, as `ssh -J proxy_jump host` has them: neither the run's user and port
 * nor a server's identity apply. `user`, `port` and `proxy_jump`, the hops before it, are what the
 * list of hops says (NULL, 0, NULL: nothing; then the host's own configuration counts). They are
 * wanted again, and kept. Otherwise as sshconfig_resolve().
 */
int sshconfig_resolve_jump(struct sshconfig *c, const char *host, const char *user, int port,
                           const char *proxy_jump, int64_t deadline, const struct ssh_options **ret,
                           struct error *err) must_use;

/* A keyword that holds for a server, as whoever set it wrote it. */
struct sshconfig_value {
    const char *keyword; /* as ssh_config(5) spells it */
    const char *text;    /* several arguments with a blank between them */
    const char *file;    /* NULL: it is the run's or the server's own */
    int line;
    enum ssh_support support; /* what muster does with it */
};

/*
 * Calls `each` for every value that is set for the server, in the order of the keywords, and of the
 * files for those all of whose values count. Defaults are left out. Otherwise as
 * sshconfig_resolve(); what `each` is given lives until it returns.
 */
int sshconfig_explain(struct sshconfig *c, const struct server *server, int64_t deadline,
                      void (*each)(void *arg, const struct sshconfig_value *value), void *arg,
                      struct error *err) must_use;
