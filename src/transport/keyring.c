/*
 * keyring: see keyring.h.
 *
 * The lists of the agents that were asked, mostly one, are kept as keys.c keeps keys. The thread
 * that plays the agent lives during one call of keyring_sign_in(): it shares with it the socket
 * pair, the key and nothing else, and ends when its end of the pair is shut down, or closes it at
 * the deadline or when the run is cancelled, which libssh takes for an agent that hung up.
 */
#include "transport/keyring.h"

#include "base/fd.h"
#include "transport/thread.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* of a request to sign */
#define RSA_SHA2_256 2
#define RSA_SHA2_512 4

#define MESSAGE_MAX (256 * 1024) /* as OpenSSH's agent and libssh have it */
#define KEYS_MAX 1024
#define LIST_TIMEOUT (3 * CLOCK_S)

/* message numbers of the protocol */
enum {
    FAILURE = 5,
    REQUEST_IDENTITIES = 11,
    IDENTITIES_ANSWER = 12,
    SIGN_REQUEST = 13,
    SIGN_RESPONSE = 14
};

struct keyring {
    pthread_mutex_t lock;
    struct agent_keys *first;
};

int keyring_new(struct keyring **ret, struct error *err) {
    struct keyring *k = calloc(1, sizeof(*k));
    if (!k)
        return error_memory(err);
    pthread_mutex_init(&k->lock, NULL);
    *ret = k;
    return 0;
}

static void agent_keys_free(struct agent_keys *list) {
    if (!list)
        return;
    for (size_t i = 0; i < list->count; i++)
        pubkey_free(list->items[i]);
    free(list->items);
    free(list->path);
    free(list);
}

static void agent_keys_freep(struct agent_keys **list) {
    agent_keys_free(*list);
}

void keyring_free(struct keyring *k) {
    if (!k)
        return;
    while (k->first) {
        struct agent_keys *next = k->first->next;
        agent_keys_free(k->first);
        k->first = next;
    }
    pthread_mutex_destroy(&k->lock);
    free(k);
}

/* ---- messages ------------------------------------------------------------------------------ */

static uint32_t get_u32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void add_u32(struct str *s, size_t n) {
    const unsigned char p[] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16),
                               (unsigned char)(n >> 8), (unsigned char)n};
    str_add_bytes(s, p, sizeof(p));
}

/* How a conversation goes on. */
struct talk {
    struct cancel *cancel;
    int64_t deadline;
};

static int transfer(int fd, char *p, size_t n, bool out, const struct talk *t) {
    while (n > 0) {
        enum waited waited = gate_wait(NULL, t->cancel, fd, out ? POLLOUT : POLLIN, t->deadline);
        if (waited != WAITED_READY)
            return -1;
        ssize_t done =
            out ? send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT) : recv(fd, p, n, MSG_DONTWAIT);
        if (done < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (done <= 0)
            return -1;
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

/* Sends the message with its length before it. */
static int send_message(int fd, const struct str *message, const struct talk *t) {
    cleanup(str_done) struct str framed = {0};
    add_u32(&framed, message->len);
    str_add_bytes(&framed, message->data, message->len);
    if (framed.failed || message->failed)
        return -1;
    return transfer(fd, framed.data, framed.len, true, t);
}

/* Receives one message of at least one byte. */
static int receive_message(int fd, struct str *message, const struct talk *t) {
    unsigned char head[4];
    if (transfer(fd, (char *)head, sizeof(head), false, t) != 0)
        return -1;
    uint32_t n = get_u32(head);
    if (n == 0 || n > MESSAGE_MAX)
        return -1;
    str_clear(message);
    char *to = str_room(message, n);
    if (!to || transfer(fd, to, n, false, t) != 0)
        return -1;
    message->len = n;
    return 0;
}

/* ---- the real agent ------------------------------------------------------------------------ */

/* No answer; but a SHORTAGE is none of the agent's doing. */
enum { NO_ANSWER = -1, SHORTAGE = -2 };

/* Connecting to a Unix socket does not wait, unless the agent does not accept at all. */
static int agent_connect(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return NO_ANSWER;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_os_is_shortage(errno) ? SHORTAGE : NO_ANSWER;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        fd_close(&fd);
    return fd;
}

static int agent_ask(const char *path, const struct str *request, struct str *reply,
                     const struct talk *t) {
    cleanup(fd_close) int fd = agent_connect(path);
    if (fd < 0)
        return fd;
    return send_message(fd, request, t) == 0 ? receive_message(fd, reply, t) : -1;
}

/* Adds one key to the list, unless nobody could log in with it. */
static int add_key(struct agent_keys *list, const unsigned char *raw, size_t n) {
    struct pubkey *key;
    if (pubkey_new(raw, n, &key) < 0)
        return -1;
    if (key && key->key)
        list->items[list->count++] = key;
    else
        pubkey_free(key);
    return 0;
}

/* The answer is a count, and for each key its blob and a comment. */
static int parse_list(struct agent_keys *list, const struct str *answer) {
    const unsigned char *p = (const unsigned char *)answer->data;
    const unsigned char *end = p + answer->len;
    if (answer->len < 5 || p[0] != IDENTITIES_ANSWER) {
        list->why = "does not list its keys";
        return 0;
    }
    uint32_t count = get_u32(p + 1);
    p += 5;
    if (count > KEYS_MAX)
        count = KEYS_MAX;
    list->items = calloc(count ? count : 1, sizeof(*list->items));
    if (!list->items)
        return -1;
    for (uint32_t i = 0; i < 2 * count; i++) {
        if (end - p < 4 || get_u32(p) > (size_t)(end - p) - 4)
            return 0; /* cut off: what there is will do */
        if (i % 2 == 0 && add_key(list, p + 4, get_u32(p)) != 0)
            return -1;
        p += 4 + get_u32(p);
    }
    return 0;
}

static struct agent_keys *ask_list(const char *path, const struct talk *t) {
    cleanup(agent_keys_freep) struct agent_keys *list = calloc(1, sizeof(*list));
    if (!list || !(list->path = strdup(path)))
        return NULL;
    cleanup(str_done) struct str request = {0}, reply = {0};
    str_add_char(&request, REQUEST_IDENTITIES);
    int rc = agent_ask(path, &request, &reply, t);
    if (rc == SHORTAGE)
        return NULL;
    if (rc != 0)
        list->why = "does not answer";
    else if (parse_list(list, &reply) != 0)
        return NULL;
    return TAKE(list);
}

static struct agent_keys *find_locked(struct keyring *k, const char *path) {
    struct agent_keys *list = k->first;
    while (list && strcmp(list->path, path) != 0)
        list = list->next;
    return list;
}

int keyring_list(struct keyring *k, const char *path, struct cancel *cancel, int64_t deadline,
                 const struct agent_keys **ret, struct error *err) {
    pthread_mutex_lock(&k->lock);
    struct agent_keys *kept = find_locked(k, path);
    pthread_mutex_unlock(&k->lock);
    if (kept) {
        *ret = kept;
        return 0;
    }
    struct talk t = {cancel, deadline_min(deadline, deadline_in(LIST_TIMEOUT))};
    cleanup(agent_keys_freep) struct agent_keys *list = ask_list(path, &t);
    if (!list)
        return error_memory(err);
    if (list->why && cancel_fired(cancel))
        return error_set(err, ERROR_INTERRUPTED, "the run was ended");
    pthread_mutex_lock(&k->lock);
    kept = find_locked(k, path);
    if (!kept) {
        kept = TAKE(list);
        kept->next = k->first;
        k->first = kept;
    }
    pthread_mutex_unlock(&k->lock);
    *ret = kept;
    return 0;
}

/* ---- the agent with one key ---------------------------------------------------------------- */

struct relay {
    const char *path;
    const struct pubkey *shown;
    const struct pubkey *signs;
    struct talk talk;
    int fd;               /* our end of the pair */
    bool wanted, refused; /* as in struct signature */
    bool shortage;        /* of descriptors, to ask the agent by */
};

static void add_blob(struct str *s, const struct pubkey *key) {
    add_u32(s, key->raw_len);
    str_add_bytes(s, key->raw, key->raw_len);
}

/*
 * How the agent is to sign: as the algorithm says that stands in what it signs (RFC 4252 7). libssh
 * goes by what the server knows, not by what it has just written there.
 */
static uint32_t sign_flags(struct bytes data) {
    struct bytes session, user, service, method, algorithm;
    if (!bytes_take(&data, &session) || !bytes_skip(&data, 1) || !bytes_take(&data, &user) ||
        !bytes_take(&data, &service) || !bytes_take(&data, &method) || !bytes_skip(&data, 1) ||
        !bytes_take(&data, &algorithm))
        return 0;
    if (bytes_begin(algorithm, "rsa-sha2-256"))
        return RSA_SHA2_256;
    return bytes_begin(algorithm, "rsa-sha2-512") ? RSA_SHA2_512 : 0;
}

/* Hands the request on, for the key that signs in place of the one that is shown. */
static int sign(struct relay *r, const struct str *request, struct str *reply) {
    struct bytes rest = {(unsigned char *)request->data + 1, request->len - 1}, shown, data;
    cleanup(str_done) struct str asked = {0};
    if (!bytes_take(&rest, &shown) || !bytes_take(&rest, &data))
        return -1;
    str_add_char(&asked, SIGN_REQUEST);
    add_blob(&asked, r->signs);
    add_u32(&asked, data.n);
    str_add_bytes(&asked, data.p, data.n);
    add_u32(&asked, sign_flags(data));
    r->wanted = true;
    int rc = agent_ask(r->path, &asked, reply, &r->talk);
    r->shortage = rc == SHORTAGE;
    if (rc != 0)
        return -1;
    r->refused = reply->data[0] != SIGN_RESPONSE;
    r->wanted = r->refused;
    return r->refused ? -1 : 0;
}

static void answer(struct relay *r, const struct str *request, struct str *reply) {
    str_clear(reply);
    if (request->data[0] == REQUEST_IDENTITIES) {
        str_add_char(reply, IDENTITIES_ANSWER);
        add_u32(reply, 1);
        add_blob(reply, r->shown);
        add_u32(reply, 0); /* no comment */
        return;
    }
    if (request->data[0] == SIGN_REQUEST && sign(r, request, reply) == 0)
        return;
    str_clear(reply);
    str_add_char(reply, FAILURE);
}

static void *serve(void *arg) {
    struct relay *r = arg;
    cleanup(str_done) struct str request = {0}, reply = {0};
    while (receive_message(r->fd, &request, &r->talk) == 0) {
        answer(r, &request, &reply);
        if (send_message(r->fd, &reply, &r->talk) != 0)
            break;
    }
    fd_close(&r->fd);
    return NULL;
}

static int sign_in(struct link *l, int64_t deadline, int *rc, struct error *err) {
    while ((*rc = ssh_userauth_agent(l->ssh, NULL)) == SSH_AUTH_AGAIN) {
        enum link_state state = link_wait(l, deadline);
        if (state == LINK_LOST)
            break;
        if (state != LINK_READY)
            return link_error(l, state, "the login", err);
    }
    if (link_lost(l))
        *rc = SSH_AUTH_ERROR;
    return 0;
}

int keyring_sign_in(const struct agent_keys *agent, const struct pubkey *shown,
                    const struct pubkey *signs, struct link *l, int64_t deadline,
                    struct signature *ret, struct error *err) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return error_os(err, ERROR_INTERNAL, errno, "cannot make a socket pair");
    struct relay relay = {.path = agent->path,
                          .shown = shown,
                          .signs = signs,
                          .talk = {l->cancel, deadline},
                          .fd = pair[1]};
    pthread_t thread;
    int os = thread_start(serve, &relay, &thread);
    if (os != 0) {
        fd_close(&pair[0]);
        fd_close(&pair[1]);
        return error_os(err, ERROR_INTERNAL, os, "cannot start a thread for the agent");
    }
    /* the descriptor is libssh's, which closes it with the session, but not when it gets another */
    ssh_set_agent_socket(l->ssh, pair[0]);
    fd_close(&l->agent);
    l->agent = pair[0];
    int result = sign_in(l, deadline, &ret->rc, err);
    shutdown(pair[0], SHUT_RDWR);
    pthread_join(thread, NULL);
    if (relay.shortage)
        return error_os(err, ERROR_INTERNAL, EMFILE, "cannot ask the agent for a signature");
    ret->wanted = relay.wanted;
    ret->refused = relay.refused;
    return result;
}
