/* sshlink: see sshlink.h. Everything lives in the caller's frame. */
#include "transport/sshlink.h"

#include "base/fd.h"
#include "transport/auth.h"
#include "transport/dial.h"
#include "transport/handshake.h"

#include <string.h>

/* one link that is being opened; all of it borrowed */
struct opening {
    const struct sshkit *kit;
    const struct sshlink_request *r;
    struct hostkey *key;
    int64_t login_deadline;
    struct link *link;
    char *address;
};

/* ---- libssh's options ---------------------------------------------------------------------- */

/*
 * Gives libssh the user's wish as its option; false when it knows none of the algorithms. NULL: no
 * wish.
 */
static bool set(ssh_session ssh, enum ssh_options_e option, const char *value) {
    return !value || ssh_options_set(ssh, option, value) == 0;
}

/* What keeps the library from reading files of the user's and from looking users up. */
static bool set_fixed(ssh_session ssh, const struct ssh_options *o) {
    return ssh_options_set(ssh, SSH_OPTIONS_PROCESS_CONFIG, &(bool){false}) == 0 &&
           ssh_options_set(ssh, SSH_OPTIONS_LOG_VERBOSITY, &(int){SSH_LOG_NONE}) == 0 &&
           ssh_options_set(ssh, SSH_OPTIONS_SSH_DIR, "/dev/null") == 0 &&
           ssh_options_set(ssh, SSH_OPTIONS_KNOWNHOSTS, "/dev/null") == 0 &&
           ssh_options_set(ssh, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null") == 0 &&
           ssh_options_set(ssh, SSH_OPTIONS_USER, o->user) == 0;
}

/* Which of the user's wishes libssh cannot fulfil, or NULL. */
static const char *set_algorithms(ssh_session ssh, const struct ssh_options *o) {
    if (!set(ssh, SSH_OPTIONS_CIPHERS_C_S, o->ciphers) ||
        !set(ssh, SSH_OPTIONS_CIPHERS_S_C, o->ciphers))
        return "muster itself has none of its Ciphers";
    if (!set(ssh, SSH_OPTIONS_HMAC_C_S, o->macs) || !set(ssh, SSH_OPTIONS_HMAC_S_C, o->macs))
        return "muster itself has none of its MACs";
    if (!set(ssh, SSH_OPTIONS_KEY_EXCHANGE, o->kex))
        return "muster itself has none of its KexAlgorithms";
    if (!set(ssh, SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, o->pubkey_algorithms))
        return "muster itself has none of its PubkeyAcceptedAlgorithms";
    if (!set(ssh, SSH_OPTIONS_COMPRESSION, o->compression ? "yes" : "no"))
        return "muster itself has no Compression";
    if (o->rsa_min_bits > 0 &&
        ssh_options_set(ssh, SSH_OPTIONS_RSA_MIN_SIZE, &(int){o->rsa_min_bits}) != 0)
        return "muster itself does not allow its RequiredRSASize";
    return NULL;
}

/* A limit of 0 is none: libssh has OpenSSH's own then, which depends on the cipher. */
static bool set_rekey(ssh_session ssh, const struct ssh_options *o) {
    uint64_t bytes = (uint64_t)o->rekey_bytes;
    uint32_t seconds = o->rekey_seconds < UINT32_MAX ? (uint32_t)o->rekey_seconds : UINT32_MAX;
    return (!bytes || ssh_options_set(ssh, SSH_OPTIONS_REKEY_DATA, &bytes) == 0) &&
           (!seconds || ssh_options_set(ssh, SSH_OPTIONS_REKEY_TIME, &seconds) == 0);
}

/* Makes the session; *unsupported is why the ssh program must take it, or NULL. */
static int configure(struct opening *o, const char **unsupported, struct error *err) {
    cleanup(str_done) struct str algorithms = {0};
    hostkey_add_algorithms(o->key, &algorithms);
    o->link->ssh = ssh_new();
    if (!o->link->ssh || algorithms.failed || !set_fixed(o->link->ssh, o->r->options) ||
        !set_rekey(o->link->ssh, o->r->options))
        return error_memory(err);
    ssh_set_blocking(o->link->ssh, 0);
    *unsupported = set_algorithms(o->link->ssh, o->r->options);
    if (!*unsupported &&
        !(algorithms.data && set(o->link->ssh, SSH_OPTIONS_HOSTKEYS, algorithms.data)))
        *unsupported = "muster itself has none of its HostKeyAlgorithms";
    return 0;
}

/* ---- steps --------------------------------------------------------------------------------- */

int64_t sshkit_connect_timeout(const struct sshkit *kit, const struct ssh_options *options) {
    if (kit->connect_timeout > 0)
        return kit->connect_timeout;
    return options->connect_timeout > 0 ? options->connect_timeout : CONNECT_TIMEOUT;
}

static int log_in(struct opening *o, bool trusted, const char **unsupported, struct error *err) {
    struct auth_request request = {.server = o->r->name,
                                   .identity = o->r->identity,
                                   .options = o->r->options,
                                   .keys = o->kit->keys,
                                   .keyring = o->kit->keyring,
                                   .password = trusted ? o->kit->password : NULL};
    return auth_login(o->link, &request, o->login_deadline, unsupported, err);
}

/* From the connection to the end of the login. */
static int establish(struct opening *o, const char **unsupported, struct error *err) {
    cleanup(fd_close) int fd = -1;
    if (dial(o->kit, o->r, o->link, &fd, o->address, unsupported, err) != 0)
        return -1;
    if (*unsupported)
        return 0;
    o->link->peer = o->address;
    struct limit login = limit_start(o->kit->login_timeout, LIMIT_LOGIN, o->r->deadline);
    o->login_deadline = login.deadline;
    o->link->within = login.within;
    bool certificate = false, trusted;
    int rc = handshake_run(o->link, fd_take(&fd), sshkit_connect_timeout(o->kit, o->r->options),
                           &login, hostkey_heeds_certificates(o->key) ? &certificate : NULL, err);
    if (rc == 0 || o->link->dropped)
        pace_tell(&o->link->start, o->link->dropped);
    if (rc != 0)
        return -1;
    if (certificate) {
        *unsupported = "it may have a host certificate, and authorities or revoked keys are set";
        return 0;
    }
    if (hostkey_check(o->key, o->link->ssh, &trusted, err) != 0 ||
        log_in(o, trusted, unsupported, err) != 0)
        return -1;
    gate_leave(&o->link->place);
    o->link->within = 0;
    return link_keep_alive(o->link, o->r->options->alive_interval, o->r->options->alive_count_max,
                           err);
}

/* What can be known before there is a connection. */
static int prepare(struct opening *o, const char **unsupported, struct error *err) {
    *unsupported = o->r->options->needs_ssh_program;
    if (*unsupported)
        return 0;
    if (hostkey_new(o->kit->hostkeys, o->r->options, o->r->name, &o->key, err) != 0)
        return -1;
    *unsupported = hostkey_needs_program(o->key);
    return *unsupported ? 0 : configure(o, unsupported, err);
}

int sshlink_unsupported(const struct sshkit *kit, const struct sshlink_request *r, const char **why,
                        struct error *err) {
    cleanup(link_done) struct link link = {.cancel = kit->cancel, .agent = -1};
    struct opening o = {.kit = kit, .r = r, .link = &link};
    int rc = prepare(&o, why, err);
    hostkey_free(o.key);
    return rc;
}

int sshlink_open(const struct sshkit *kit, const struct sshlink_request *r, struct link *link,
                 char address[ADDRESS_TEXT], const char **unsupported, struct error *err) {
    struct opening o = {.kit = kit, .r = r, .link = link, .address = address};
    *link = (struct link){.cancel = kit->cancel, .agent = -1};
    int rc = prepare(&o, unsupported, err);
    if (rc == 0 && !*unsupported)
        rc = establish(&o, unsupported, err);
    hostkey_free(o.key);
    /* what comes before the login, or the login itself, may turn out to need the ssh program */
    if (!*unsupported)
        return rc;
    link_done(link); /* its place is not to be held meanwhile */
    return 0;
}
