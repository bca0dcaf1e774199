/*
 * handshake: see handshake.h.
 *
 * libssh reads the banner itself, and throws the lines before it away (RFC 4253 allows them). They
 * are looked at in the socket first: a server that is none says there what it is, or sshd that it
 * has too many connections. Nobody waits for them before our own banner is sent, because there are
 * servers that speak second.
 */
#include "transport/handshake.h"

#include "base/fd.h"
#include "base/text.h"
#include "transport/offer.h"

#include <errno.h>
#include <fcntl.h>
#include <libssh/callbacks.h>
#include <string.h>
#include <sys/socket.h>

#define SAID_MAX 100

struct handshake {
    struct link *l;
    int fd;
    char said[SAID_MAX]; /* the first bytes that came */
    size_t said_len;
    struct offer offer;
    int os; /* what looking at them took from the socket: libssh sees an end only */
};

static bool has_banner(const struct handshake *h) {
    return ssh_get_serverbanner(h->l->ssh) != NULL;
}

/* Looks at what has come, once something has. */
static void listen_in(struct handshake *h) {
    if (h->said_len > 0)
        return;
    ssize_t n = recv(h->fd, h->said, sizeof(h->said), MSG_PEEK | MSG_DONTWAIT);
    h->said_len = n > 0 ? (size_t)n : 0;
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        h->os = errno;
}

/* ---- sentences ----------------------------------------------------------------------------- */

/* Whether the server's first words were the beginning of a banner, or nothing. */
static bool began_well(const struct handshake *h) {
    static const char banner[] = "SSH-";
    size_t n = h->said_len;
    return memcmp(h->said, banner, n < sizeof(banner) - 1 ? n : sizeof(banner) - 1) == 0;
}

/* Appends the server's first words to the sentence, unless they were the beginning of a banner. */
static int quote(const struct handshake *h, struct error *err) {
    const char *end = memchr(h->said, '\n', h->said_len);
    size_t n = text_length_trimmed(h->said, end ? (size_t)(end - h->said) : h->said_len);
    if (began_well(h) || n == 0)
        return -1;
    cleanup(str_done) struct str text = {0};
    str_addf(&text, "%s: it says ", err->text);
    text_add_printable(&text, h->said, n, SAID_MAX);
    return text.failed ? error_memory(err) : error_set(err, err->kind, "%s", text.data);
}

static int too_late(const struct handshake *h, const struct limit *stage, struct error *err) {
    cleanup(str_done) struct str what = {0};
    bool spoke = has_banner(h);
    str_addf(&what, spoke ? "no end of the key exchange with %s" : "no SSH banner from %s",
             h->l->peer);
    if (what.failed)
        return error_memory(err);
    limit_passed(stage, ERROR_TIMEOUT, what.data, err);
    return spoke ? -1 : quote(h, err);
}

static int without_banner(const struct handshake *h, const char *words, struct error *err) {
    if (strcmp(words, LINK_CLOSED) == 0)
        error_set(err, ERROR_UNREACHABLE,
                  "the connection to %s was closed before its SSH banner came", h->l->peer);
    else
        error_set(err, ERROR_UNREACHABLE,
                  "the connection to %s failed before its SSH banner came: %s", h->l->peer, words);
    return quote(h, err);
}

/* ---- algorithms ---------------------------------------------------------------------------- */

/* What client and server must agree on: how libssh names it, how people do, and ssh_config. */
static const struct {
    const char *method;
    const char *name;
    const char *keyword;
} METHODS[] = {{"kex", "key exchange method", "kexalgorithms"},
               {"server host key", "type of host key", "hostkeyalgorithms"},
               {"encryption", "cipher", "ciphers"},
               {"mac", "MAC", "macs"},
               {"compression", "compression", NULL}};

static size_t find_method(const char *method) {
    size_t i = 0;
    while (i < ARRAY_LEN(METHODS) &&
           strncmp(method, METHODS[i].method, strlen(METHODS[i].method)) != 0)
        i++;
    return i;
}

/*
 * "kex error : no match for method mac algo client->server: server [a,b], client [c]" for people.
 * Whether that was what libssh said.
 */
static bool no_match(const struct handshake *h, struct error *err) {
    static const char before[] = "no match for method ", offered[] = "server [";
    const char *method = h->offer.mismatch.data ? strstr(h->offer.mismatch.data, before) : NULL;
    const char *offer = method ? strstr(method, offered) : NULL;
    size_t i = offer ? find_method(method + strlen(before)) : ARRAY_LEN(METHODS);
    if (i == ARRAY_LEN(METHODS))
        return false;
    offer += strlen(offered);
    cleanup(str_done) struct str list = {0};
    text_add_printable(&list, offer, strcspn(offer, "]"), 300);
    error_set(err, ERROR_UNREACHABLE, "%s and muster have no %s in common: the server has %s",
              h->l->peer, METHODS[i].name, list.data ? list.data : "none");
    h->l->mismatch = METHODS[i].keyword;
    free(h->l->offer);
    h->l->offer = strndup(offer, strcspn(offer, "]"));
    return true;
}

/* ---- the stages ---------------------------------------------------------------------------- */

/*
 * Whether the far side closed the connection without an answer to what we said, as one does that
 * has too many of them: nothing came, the beginning of a handshake, or words to that effect.
 * `words` are the carrier's or libssh's.
 */
static bool was_dropped(const struct handshake *h, const char *words) {
    char said[SAID_MAX + 1] = "";
    if (link_broke(h->l))
        return false;
    memcpy(said, h->said, h->said_len);
    if (!has_banner(h) && !began_well(h))
        return pace_means_dropped(said);
    return strcmp(words, LINK_CLOSED) == 0 || h->os == ECONNRESET || pace_means_dropped(words);
}

static int failed(const struct handshake *h, struct error *err) {
    if (no_match(h, err))
        return -1;
    cleanup(str_done) struct str words = {0};
    if (h->os && !h->l->carrier) /* whose socket's error is none of the server's */
        str_add(&words, strerrordesc_np(h->os));
    else
        link_add_words(h->l, &words);
    if (words.failed)
        return error_memory(err);
    h->l->dropped = was_dropped(h, words.data);
    if (!has_banner(h))
        return without_banner(h, words.data, err);
    return error_set(err, ERROR_UNREACHABLE, "the connection to %s failed in the key exchange: %s",
                     h->l->peer, words.data);
}

/* A stage's own limit, or the login's when that is the shorter. */
static struct limit stage_limit(int64_t within, const struct limit *login) {
    struct limit stage = limit_start(within, LIMIT_CONNECT, login->deadline);
    return stage.within ? stage : *login;
}

static int run(struct handshake *h, int64_t within, const struct limit *login, struct error *err) {
    struct limit stage = stage_limit(within, login);
    bool exchanging = false;
    int rc;
    listen_in(h);
    while ((rc = ssh_connect(h->l->ssh)) == SSH_AGAIN) {
        /* libssh makes the descriptor block once, when it finds it connected */
        if (!link_lost(h->l) && !has_banner(h))
            fcntl(h->fd, F_SETFL, O_NONBLOCK);
        if (has_banner(h) && !exchanging) {
            exchanging = true;
            stage = stage_limit(within, login);
        }
        enum link_state state = link_wait(h->l, stage.deadline);
        if (state == LINK_LOST)
            break;
        if (state == LINK_TIMEOUT)
            return too_late(h, &stage, err);
        if (state != LINK_READY)
            return link_error(h->l, state,
                              exchanging ? "the key exchange" : "the wait for an SSH banner", err);
        if (!exchanging)
            listen_in(h);
    }
    return rc == SSH_OK ? 0 : failed(h, err);
}

int handshake_run(struct link *l, int fd, int64_t within, const struct limit *login,
                  bool *certificate, struct error *err) {
    if (ssh_options_set(l->ssh, SSH_OPTIONS_FD, &fd) != 0) {
        fd_close(&fd);
        return error_memory(err);
    }
    struct handshake h = {.l = l, .fd = fd};
    offer_listen(&h.offer, certificate != NULL);
    int rc = run(&h, within, login, err);
    offer_stop();
    if (certificate)
        *certificate = offer_has_certificate(&h.offer);
    str_done(&h.offer.mismatch);
    return rc;
}
