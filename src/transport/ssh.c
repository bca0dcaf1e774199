/*
 * ssh: see ssh.h.
 *
 * What is here is the making of what all links share, and the choice between a link of ours and the
 * ssh program. The transport is read-only once made, but for what its parts guard themselves.
 */
#include "transport/ssh.h"

#include "sync/log.h"
#include "transport/jump.h"
#include "transport/shortage.h"
#include "transport/sshlink.h"
#include "transport/sshprogram.h"
#include "transport/sshsession.h"
#include "transport/thread.h"
#include "transport/turn.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <string.h>

#define LOOKUPS 64
#define TRIES 3 /* when the connection to a jump host is lost during a login */

struct ssh_transport {
    struct transport base;
    struct sshkit kit;
    char *user;
    int port;
    char *config_file;
    atomic_flag said_program;
    bool spared; /* it has threads spared */
};

static struct sshprogram_request program_request(const struct ssh_transport *t,
                                                 const struct server *server,
                                                 const struct ssh_options *options) {
    return (struct sshprogram_request){
        .server = server->name,
        .host = server->host,
        .user = server->user ? server->user : t->user,
        .port = server->port ? server->port : t->port,
        .identity = server->identity,
        .config_file = t->config_file,
        .connect_timeout = sshkit_connect_timeout(&t->kit, options),
    };
}

/* Waits for its turn; no place among the handshakes, because nobody would know when it is over. */
static int start_program(struct ssh_transport *t, const char *name, int64_t deadline,
                         struct start *ret, struct error *err) {
    struct start ignored;
    if (pace_wait(t->kit.direct, t->kit.cancel, deadline, ret, err) == 0 &&
        pace_wait(t->kit.pace, t->kit.cancel, deadline, &ignored, err) == 0)
        return 0;
    return err->kind == ERROR_TIMEOUT ? turn_missed(name, err) : -1;
}

static int open_by_program(struct ssh_transport *t, const struct sshprogram_request *request,
                           const char *why, int64_t deadline, struct session **ret,
                           struct error *err) {
    if (!atomic_flag_test_and_set(&t->said_program))
        log_info("carried by the ssh program", LOG_S("because", why));
    struct start start;
    if (start_program(t, request->server, deadline, &start, err) != 0)
        return -1;
    return sshprogram_open(request, why, &start, t->kit.cancel, ret, err);
}

/* Whether the ssh program has an algorithm in common with a server that libssh has not. */
static bool program_can(struct ssh_transport *t, const struct sshprogram_request *program,
                        const struct link *link, int64_t deadline) {
    return link->mismatch && link->offer &&
           sshprogram_offers(program, link->mismatch, link->offer, t->kit.cancel,
                             deadline_min(deadline, deadline_in(CONNECT_TIMEOUT)));
}

/* *broke is whether it failed because the way to the server broke, which is worth another try. */
static int open_linked(struct ssh_transport *t, const struct server *server,
                       const struct sshlink_request *request, struct session **ret, bool *broke,
                       struct error *err) {
    cleanup(link_done) struct link link;
    char address[ADDRESS_TEXT];
    const char *unsupported;
    struct sshprogram_request program = program_request(t, server, request->options);
    *broke = false;
    if (sshlink_open(&t->kit, request, &link, address, &unsupported, err) != 0) {
        *broke = link_broke(&link);
        return program_can(t, &program, &link, request->deadline)
                   ? open_by_program(t, &program, err->text, request->deadline, ret, err)
                   : -1;
    }
    if (unsupported)
        return open_by_program(t, &program, unsupported, request->deadline, ret, err);
    log_debug("ssh session open", LOG_S("address", address),
              LOG_S("kex", ssh_get_kex_algo(link.ssh)),
              LOG_S("cipher", ssh_get_cipher_out(link.ssh)));
    return sshsession_new(&link, address, t->kit.config, request->options, ret, err);
}

static int open_session(struct transport *base, const struct server *server, int64_t deadline,
                        struct session **ret, struct error *err) {
    struct ssh_transport *t = (struct ssh_transport *)base;
    struct sshlink_request request = {
        .name = server->name, .identity = server->identity, .deadline = deadline};
    if (cancel_fired(t->kit.cancel))
        return error_set(err, ERROR_INTERRUPTED, "the run was ended");
    /* a command of the user's that ssh_config runs may hang */
    int64_t by = deadline_min(deadline, deadline_in(CONNECT_TIMEOUT));
    if (sshconfig_resolve(t->kit.config, server, by, &request.options, err) != 0)
        return -1;
    bool broke;
    int rc, tries = 0;
    do
        rc = open_linked(t, server, &request, ret, &broke, err);
    while (rc != 0 && broke && ++tries < TRIES);
    sshconfig_release(t->kit.config, request.options);
    return rc;
}

static void free_transport(struct transport *base) {
    struct ssh_transport *t = (struct ssh_transport *)base;
    jumps_free(t->kit.jumps);
    if (t->spared)
        thread_spare_end();
    pace_free(t->kit.direct);
    pace_free(t->kit.pace);
    gate_free(t->kit.gate);
    resolver_free(t->kit.resolver);
    hostkeys_free(t->kit.hostkeys);
    keyring_free(t->kit.keyring);
    keys_free(t->kit.keys);
    sshconfig_free(t->kit.config);
    if (t->kit.password)
        OPENSSL_cleanse(t->kit.password, strlen(t->kit.password));
    free(t->kit.password);
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

/* For CanonicalizeHostname. A name that cannot be looked up is one that is not known, as to ssh. */
static int look_up(void *arg, const char *name, int family, int64_t deadline, char **canonical,
                   struct error *err) {
    struct ssh_transport *t = arg;
    struct limit limit = {.deadline = deadline};
    cleanup(free_ptr) struct addresses *found = NULL;
    if (resolve(t->kit.resolver, name, family, NULL, t->kit.cancel, &limit, &found, err) != 0)
        return err->kind == ERROR_UNREACHABLE ? 0 : -1;
    if (*found->canonical && !(*canonical = strdup(found->canonical)))
        return error_memory(err);
    return 1;
}

/*
 * OpenSSL makes all algorithms of a kind when the first of them is asked for, and does without
 * those that it had no memory for until the program ends. So they are made here, where that is told
 * apart from one that this OpenSSL does not have.
 */
#define MAKE(type, name)                                                                           \
    do {                                                                                           \
        errno = 0;                                                                                 \
        EVP_##type##_free(EVP_##type##_fetch(NULL, name, NULL));                                   \
        if (errno == ENOMEM)                                                                       \
            return -1;                                                                             \
    } while (0)

static int make_algorithms(void) {
    MAKE(MD, "SHA2-256");
    MAKE(CIPHER, "AES-256-CTR");
    MAKE(MAC, "HMAC");
    MAKE(KDF, "SSHKDF");
    MAKE(RAND, "CTR-DRBG");
    MAKE(KEYMGMT, "ED25519");
    MAKE(KEYEXCH, "X25519");
    MAKE(SIGNATURE, "ED25519");
    return 0;
}

static int prepare(struct ssh_transport *t, const struct ssh_settings *s, struct error *err) {
    unsigned char byte;
    /* both make what they share on first use, which threads would race for; without memory for
     * that of OpenSSL its functions crash */
    if (!OSSL_LIB_CTX_get0_global_default() || make_algorithms() != 0)
        return error_memory(err);
    if (ssh_init() != SSH_OK || RAND_bytes(&byte, 1) != 1)
        return error_set(err, ERROR_INTERNAL, "cannot initialise libssh");
    if (!copy(s->user, &t->user) || !copy(s->config_file, &t->config_file) ||
        !copy(s->password, &t->kit.password))
        return error_memory(err);
    int handshakes = s->handshakes > 0 ? s->handshakes : SSH_HANDSHAKES;
    if (sshconfig_new(s->user, s->port, s->config_file, s->cancel, &t->kit.config, err) != 0 ||
        keys_new(&t->kit.keys, err) != 0 || keyring_new(&t->kit.keyring, err) != 0 ||
        hostkeys_new(s->cancel, &t->kit.hostkeys, err) != 0 ||
        resolver_new(LOOKUPS, &t->kit.resolver, err) != 0 ||
        gate_new(handshakes, &t->kit.gate, err) != 0 ||
        pace_new(s->start_rate, NULL, &t->kit.pace, err) != 0 ||
        pace_new(0, NULL, &t->kit.direct, err) != 0 ||
        jumps_new(&t->kit, s->jump_channels, &t->kit.jumps, err) != 0)
        return -1;
    sshconfig_set_lookup(t->kit.config, look_up, t);
    thread_spare();
    t->spared = true;
    return 0;
}

int transport_ssh_new(const struct ssh_settings *settings, struct transport **ret,
                      struct error *err) {
    struct ssh_transport *t = calloc(1, sizeof(*t));
    if (!t)
        return error_memory(err);
    t->base.ops = &OPS;
    t->kit.cancel = settings->cancel;
    t->port = settings->port;
    t->kit.connect_timeout = settings->connect_timeout;
    t->kit.login_timeout =
        settings->login_timeout > 0 ? settings->login_timeout : SSH_LOGIN_TIMEOUT;
    atomic_flag_clear(&t->said_program);
    if (shortage_new(settings->cancel, &t->base.shortage, err) != 0 ||
        prepare(t, settings, err) != 0) {
        transport_free(&t->base);
        return -1;
    }
    *ret = &t->base;
    return 0;
}

int transport_ssh_unlock(struct transport *t, const struct servers *servers, passphrase_fn *ask,
                         struct error *err) {
    const struct sshkit *kit = &((struct ssh_transport *)t)->kit;
    struct unlock unlock = {.config = kit->config,
                            .keys = kit->keys,
                            .keyring = kit->keyring,
                            .cancel = kit->cancel,
                            .ask = ask};
    return unlock_keys(&unlock, servers, err);
}

int transport_ssh_most_handshakes(struct transport *t) {
    return gate_most(((struct ssh_transport *)t)->kit.gate);
}

int transport_ssh_explain(struct transport *base, const struct server *server, int64_t deadline,
                          void (*each)(void *arg, const struct sshconfig_value *value), void *arg,
                          struct ssh_route *ret, struct error *err) {
    struct ssh_transport *t = (struct ssh_transport *)base;
    struct sshlink_request request = {
        .name = server->name, .identity = server->identity, .deadline = deadline};
    if (sshconfig_resolve(t->kit.config, server, deadline, &request.options, err) != 0 ||
        sshconfig_explain(t->kit.config, server, deadline, each, arg, err) != 0)
        return -1;
    ret->options = request.options;
    return sshlink_unsupported(&t->kit, &request, &ret->program, err);
}
