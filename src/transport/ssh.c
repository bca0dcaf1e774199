/*
 * ssh: see ssh.h.
 *
 * Opening a session goes through a gate, whose place is held from the connection to the end of the
 * login. libssh is given no chance to read files of its own, to connect, to judge host keys or to
 * choose among keys: each of these is done here or beside, because the library does them per
 * session, without a deadline, or not as OpenSSH does.
 *
 * The transport is read-only once made, but for what its parts guard themselves.
 */
#include "transport/ssh.h"

#include "base/fd.h"
#include "base/text.h"
#include "sync/log.h"
#include "transport/auth.h"
#include "transport/connect.h"
#include "transport/hostkey.h"
#include "transport/sshprogram.h"
#include "transport/sshsession.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <string.h>

#define LOOKUPS 64

struct ssh_transport {
    struct transport base;
    struct cancel *cancel;
    char *user;
    int port;
    char *config_file;
    int64_t connect_timeout;
    int64_t login_timeout;
    char *password;
    struct sshconfig *config;
    struct keys *keys;
    struct keyring *keyring;
    struct hostkeys *hostkeys;
    struct resolver *resolver;
    struct gate *gate;
    atomic_flag said_program;
};

/* one server that is being opened; all of it borrowed but the link */
struct opening {
    struct ssh_transport *t;
    const struct server *server;
    const struct ssh_options *options;
    const struct knownhosts *known;
    int64_t deadline;
    int64_t login_deadline;
    struct link link;
    char address[ADDRESS_TEXT];
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

/* Makes the session; *unsupported is why the ssh program must take it, or NULL. */
static int configure(struct opening *o, const char **unsupported, struct error *err) {
    cleanup(str_done) struct str algorithms = {0};
    hostkey_add_algorithms(o->known, o->options, &algorithms);
    o->link.ssh = ssh_new();
    if (!o->link.ssh || algorithms.failed || !set_fixed(o->link.ssh, o->options))
        return error_memory(err);
    ssh_set_blocking(o->link.ssh, 0);
    *unsupported = set_algorithms(o->link.ssh, o->options);
    if (!*unsupported &&
        !(algorithms.data && set(o->link.ssh, SSH_OPTIONS_HOSTKEYS, algorithms.data)))
        *unsupported = "muster itself has none of its HostKeyAlgorithms";
    return 0;
}

/* ---- steps --------------------------------------------------------------------------------- */

static int take_place(struct opening *o, struct error *err) {
    if (gate_enter(o->t->gate, o->t->cancel, o->deadline, &o->link.place, err) == 0)
        return 0;
    if (err->kind != ERROR_TIMEOUT)
        return -1;
    return error_set(err, ERROR_TIMEOUT,
                     "the deadline of %s passed while it waited for its turn to connect",
                     o->server->name);
}

static int64_t connect_timeout(const struct ssh_transport *t, const struct ssh_options *options) {
    if (t->connect_timeout > 0)
        return t->connect_timeout;
    return options->connect_timeout > 0 ? options->connect_timeout : SSH_CONNECT_TIMEOUT;
}

static int connect_server(struct opening *o, int *fd, struct error *err) {
    struct destination to = {.host = o->options->hostname,
                             .port = o->options->port,
                             .family = o->options->address_family,
                             .bind_address = o->options->bind_address,
                             .keepalive = o->options->tcp_keepalive};
    return connect_tcp(o->t->resolver, &to, &o->link.place, o->t->cancel,
                       connect_timeout(o->t, o->options), o->deadline, fd, o->address, err);
}

/* What people call that on which client and server must agree. */
static const char *method_name(const char *method) {
    static const char *const names[][2] = {{"kex", "key exchange method"},
                                           {"server host key", "type of host key"},
                                           {"encryption", "cipher"},
                                           {"mac", "MAC"},
                                           {"compression", "compression"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strncmp(method, names[i][0], strlen(names[i][0])) == 0)
            return names[i][1];
    return "method";
}

/* "kex error : no match for method mac algo client->server: server [a,b], client [c]" for people.
 * Whether that was what libssh said. */
static bool no_match(const struct opening *o, struct error *err) {
    static const char before[] = "no match for method ", offered[] = "server [";
    const char *method = strstr(ssh_get_error(o->link.ssh), before);
    const char *offer = method ? strstr(method, offered) : NULL;
    if (!offer)
        return false;
    offer += strlen(offered);
    cleanup(str_done) struct str list = {0};
    text_add_printable(&list, offer, strcspn(offer, "]"), 300);
    error_set(err, ERROR_UNREACHABLE, "%s and muster have no %s in common: the server has %s",
              o->address, method_name(method + strlen(before)), list.data ? list.data : "none");
    return true;
}

static int handshake_failed(struct opening *o, struct error *err) {
    if (no_match(o, err))
        return -1;
    bool spoke = ssh_get_serverbanner(o->link.ssh) != NULL;
    cleanup(str_done) struct str words = {0};
    link_add_words(&o->link, &words);
    if (words.failed)
        return error_memory(err);
    return error_set(err, ERROR_UNREACHABLE, "the connection to %s failed %s: %s", o->address,
                     spoke ? "in the key exchange" : "before its SSH banner came", words.data);
}

static int handshake(struct opening *o, struct error *err) {
    ssh_session ssh = o->link.ssh;
    int rc;
    while ((rc = ssh_connect(ssh)) == SSH_AGAIN) {
        /* libssh makes the descriptor block once, when it finds it connected */
        int fd = ssh_get_fd(ssh);
        if (fd >= 0 && !ssh_get_serverbanner(ssh))
            fcntl(fd, F_SETFL, O_NONBLOCK);
        enum link_state state = link_wait(&o->link, o->login_deadline);
        if (state == LINK_LOST)
            break;
        if (state != LINK_READY)
            return link_error(
                &o->link, state,
                ssh_get_serverbanner(ssh) ? "the key exchange" : "the wait for an SSH banner", err);
    }
    return rc == SSH_OK ? 0 : handshake_failed(o, err);
}

static int log_in(struct opening *o, bool trusted, struct error *err) {
    struct auth_request request = {.server = o->server->name,
                                   .identity = o->server->identity,
                                   .options = o->options,
                                   .keys = o->t->keys,
                                   .keyring = o->t->keyring,
                                   .password = trusted ? o->t->password : NULL};
    return auth_login(&o->link, &request, o->login_deadline, err);
}

/* From the place at the gate to the end of the login. */
static int establish(struct opening *o, struct error *err) {
    cleanup(fd_close) int fd = -1;
    if (take_place(o, err) != 0 || connect_server(o, &fd, err) != 0)
        return -1;
    if (ssh_options_set(o->link.ssh, SSH_OPTIONS_FD, &fd) != 0)
        return error_memory(err);
    fd = -1; /* libssh's from here on */
    int64_t own = deadline_in(o->t->login_timeout);
    o->login_deadline = deadline_min(own, o->deadline);
    o->link.within = own <= o->deadline ? o->t->login_timeout : 0;
    o->link.peer = o->address;
    bool trusted;
    if (handshake(o, err) != 0 ||
        hostkey_check(o->known, o->options, o->server->name, o->link.ssh, &trusted, err) != 0 ||
        log_in(o, trusted, err) != 0)
        return -1;
    gate_leave(&o->link.place);
    o->link.within = 0;
    return 0;
}

/* ---- the transport ------------------------------------------------------------------------- */

static int open_by_program(struct opening *o, const char *why, struct session **ret,
                           struct error *err) {
    struct ssh_transport *t = o->t;
    if (!atomic_flag_test_and_set(&t->said_program))
        log_info("carried by the ssh program", LOG_S("because", why));
    struct sshprogram_request request = {
        .server = o->server->name,
        .host = o->server->host,
        .user = o->server->user ? o->server->user : t->user,
        .port = o->server->port ? o->server->port : t->port,
        .identity = o->server->identity,
        .config_file = t->config_file,
        .connect_timeout = connect_timeout(t, o->options),
    };
    return sshprogram_open(&request, t->cancel, ret, err);
}

static int open_linked(struct opening *o, struct session **ret, struct error *err) {
    const char *unsupported = o->options->needs_ssh_program;
    if (!unsupported) {
        if (hostkeys_table(o->t->hostkeys, o->options, &o->known, err) != 0)
            return -1;
        if (hostkey_needs_certificate(o->known, o->options))
            unsupported = "only a certificate authority is known for its host key";
        else if (configure(o, &unsupported, err) != 0)
            return -1;
    }
    if (unsupported)
        return open_by_program(o, unsupported, ret, err);
    if (establish(o, err) != 0)
        return -1;
    log_debug("ssh session open", LOG_S("address", o->address),
              LOG_S("kex", ssh_get_kex_algo(o->link.ssh)),
              LOG_S("cipher", ssh_get_cipher_out(o->link.ssh)));
    return sshsession_new(&o->link, o->address, ret, err);
}

static int open_session(struct transport *base, const struct server *server, int64_t deadline,
                        struct session **ret, struct error *err) {
    struct ssh_transport *t = (struct ssh_transport *)base;
    struct opening o = {
        .t = t, .server = server, .deadline = deadline, .link = {.cancel = t->cancel, .agent = -1}};
    if (cancel_fired(t->cancel))
        return error_set(err, ERROR_INTERRUPTED, "the run was ended");
    /* a command of the user's that ssh_config runs may hang */
    int64_t by = deadline_min(deadline, deadline_in(SSH_CONNECT_TIMEOUT));
    if (sshconfig_resolve(t->config, server, by, &o.options, err) != 0)
        return -1;
    int rc = open_linked(&o, ret, err);
    link_done(&o.link);
    return rc;
}

static void free_transport(struct transport *base) {
    struct ssh_transport *t = (struct ssh_transport *)base;
    gate_free(t->gate);
    resolver_free(t->resolver);
    hostkeys_free(t->hostkeys);
    keyring_free(t->keyring);
    keys_free(t->keys);
    sshconfig_free(t->config);
    if (t->password)
        OPENSSL_cleanse(t->password, strlen(t->password));
    free(t->password);
    free(t->config_file);
    free(t->user);
    free(t);
}

static const struct transport_ops OPS = {
    .name = "ssh", .open = open_session, .free = free_transport};

/* A copy of a setting that may not be given; false when memory ran out. */
static bool copy(const char *from, char **to) {
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

static int prepare(struct ssh_transport *t, const struct ssh_settings *s, struct error *err) {
    unsigned char byte;
    /* both make what they share on first use, which threads would race for */
    if (ssh_init() != SSH_OK || RAND_bytes(&byte, 1) != 1)
        return error_set(err, ERROR_INTERNAL, "cannot initialise libssh");
    if (!copy(s->user, &t->user) || !copy(s->config_file, &t->config_file) ||
        !copy(s->password, &t->password))
        return error_memory(err);
    int handshakes = s->handshakes > 0 ? s->handshakes : SSH_HANDSHAKES;
    if (sshconfig_new(s->user, s->port, s->config_file, s->cancel, &t->config, err) != 0 ||
        keys_new(&t->keys, err) != 0 || keyring_new(&t->keyring, err) != 0 ||
        hostkeys_new(&t->hostkeys, err) != 0 || resolver_new(LOOKUPS, &t->resolver, err) != 0 ||
        gate_new(handshakes, &t->gate, err) != 0)
        return -1;
    return 0;
}

int transport_ssh_new(const struct ssh_settings *settings, struct transport **ret,
                      struct error *err) {
    struct ssh_transport *t = calloc(1, sizeof(*t));
    if (!t)
        return error_memory(err);
    t->base.ops = &OPS;
    t->cancel = settings->cancel;
    t->port = settings->port;
    t->connect_timeout = settings->connect_timeout;
    t->login_timeout = settings->login_timeout > 0 ? settings->login_timeout : SSH_LOGIN_TIMEOUT;
    atomic_flag_clear(&t->said_program);
    if (prepare(t, settings, err) != 0) {
        free_transport(&t->base);
        return -1;
    }
    *ret = &t->base;
    return 0;
}

int transport_ssh_most_handshakes(struct transport *t) {
    return gate_most(((struct ssh_transport *)t)->gate);
}
