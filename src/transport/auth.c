/*
 * auth: see auth.h. Everything lives in the caller's frame but the keys, which are shared.
 *
 * A method makes one attempt at a time, and the server's answer decides which one comes next, as in
 * OpenSSH. Every attempt uses up a key or the password of its method, so the attempts end whatever
 * a server answers.
 */
#include "transport/auth.h"

#include "transport/refusal.h"
#include "transport/ticket.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* One wrong answer of a server must not make us answer for ever. */
#define ROUNDS_MAX 8

enum method { PUBLICKEY, INTERACTIVE, PASSWORD, METHODS };

struct auth {
    struct link *l;
    const struct auth_request *r;
    int64_t deadline;
    struct error *err;
    struct identities ids;
    size_t next;                /* of the identities */
    enum method order[METHODS]; /* as they are preferred */
    size_t order_count;
    bool spent[METHODS]; /* a password's method has had its turn */
    bool given;          /* the password, to the server */
    bool none_asked;
};

/* What a step came to: logged in, go on, nothing left to try that way, or an error. */
enum step { STEP_IN, STEP_NEXT, STEP_STOP, STEP_FAILED };

/* ---- failures ------------------------------------------------------------------------------ */

/* The server has not let us in; `words` is NULL or its own. */
static enum step refused(struct auth *a, const char *words) {
    struct refusal refusal = {.server = a->r->server,
                              .user = a->r->options->user,
                              .words = words,
                              .ids = &a->ids,
                              .options = a->r->options,
                              .password = a->given,
                              .methods = ssh_userauth_list(a->l->ssh, NULL)};
    refusal_error(&refusal, a->err);
    return STEP_FAILED;
}

/* The connection has ended. A server that has had enough of our keys says so first. */
static enum step lost(struct auth *a) {
    static const char said[] = "Received SSH_MSG_DISCONNECT: ";
    const char *words = ssh_get_error(a->l->ssh);
    if (strncmp(words, said, sizeof(said) - 1) == 0 && strcasestr(words, "authentication")) {
        const char *reason = strchr(words + sizeof(said) - 1, ':');
        return refused(a, reason ? reason + 1 + strspn(reason + 1, " ") : words);
    }
    link_error(a->l, LINK_LOST, "the login", a->err);
    a->err->kind = ERROR_UNREACHABLE; /* connection-lost is for those that were logged in */
    return STEP_FAILED;
}

/* ---- calls of libssh's --------------------------------------------------------------------- */

typedef int auth_call(struct auth *a, const void *arg);

/*
 * Makes a call until it has come to an end; STEP_FAILED with the error, or STEP_NEXT. Where a key
 * cannot be used for want of memory the library does not tell that from a key that is no good.
 */
static enum step call(struct auth *a, auth_call *make, const void *arg, int *rc) {
    errno = 0;
    while ((*rc = make(a, arg)) == SSH_AUTH_AGAIN) {
        enum link_state state = link_wait(a->l, a->deadline);
        if (state == LINK_LOST)
            return lost(a);
        if (state != LINK_READY) {
            link_error(a->l, state, "the login", a->err);
            return STEP_FAILED;
        }
        errno = 0;
    }
    if (*rc == SSH_AUTH_ERROR && errno == ENOMEM) {
        error_memory(a->err);
        return STEP_FAILED;
    }
    return link_lost(a->l) ? lost(a) : STEP_NEXT;
}

static int call_service(struct auth *a, const void *arg __attribute__((unused))) {
    int rc = ssh_service_request(a->l->ssh, "ssh-userauth");
    return rc == SSH_AGAIN ? SSH_AUTH_AGAIN : rc == SSH_OK ? SSH_AUTH_SUCCESS : SSH_AUTH_ERROR;
}

static int call_none(struct auth *a, const void *arg __attribute__((unused))) {
    return ssh_userauth_none(a->l->ssh, NULL);
}

static int call_try(struct auth *a, const void *arg) {
    return ssh_userauth_try_publickey(a->l->ssh, NULL, (ssh_key)arg);
}

static int call_key(struct auth *a, const void *arg) {
    return ssh_userauth_publickey(a->l->ssh, NULL, (ssh_key)arg);
}

static int call_password(struct auth *a, const void *arg) {
    return ssh_userauth_password(a->l->ssh, NULL, arg);
}

static int call_interactive(struct auth *a, const void *arg __attribute__((unused))) {
    return ssh_userauth_kbdint(a->l->ssh, NULL, NULL);
}

/* ---- keys ---------------------------------------------------------------------------------- */

static enum step sign_by_file(struct auth *a, struct identity *id, int *rc) {
    ssh_key key = id->private->private;
    *rc = SSH_AUTH_DENIED;
    if (id->public->certifies &&
        keys_certified(a->r->keys, id->private, id->public, &key, a->err) != 0)
        return STEP_FAILED;
    return key ? call(a, call_key, key, rc) : STEP_NEXT;
}

static bool has_one_by_agent(const struct auth *a) {
    size_t n = 0;
    for (size_t i = 0; i < a->ids.count; i++)
        n += a->ids.items[i].with != NULL;
    return n == 1;
}

/*
 * One of several is only offered first, although that is a round trip more: libssh loses memory
 * each time but the first that a session turns to an agent.
 */
static enum step sign_by_agent(struct auth *a, struct identity *id, int *rc) {
    if (!has_one_by_agent(a)) {
        enum step step = call(a, call_try, id->public->key, rc);
        if (step != STEP_NEXT || *rc != SSH_AUTH_SUCCESS)
            return step;
    }
    struct signature signature;
    if (keyring_sign_in(a->ids.agent, id->public, id->with, a->l, a->deadline, &signature,
                        a->err) != 0)
        return STEP_FAILED;
    *rc = signature.rc;
    if (signature.wanted)
        id->offered = signature.refused ? OFFERED_DECLINED : OFFERED_UNSIGNED;
    return link_lost(a->l) ? lost(a) : STEP_NEXT;
}

static enum step offer(struct auth *a, struct identity *id) {
    int rc;
    enum step step;
    id->offered = OFFERED_REFUSED; /* by now, should the connection end */
    if (id->private)
        step = sign_by_file(a, id, &rc);
    else if (id->with)
        step = sign_by_agent(a, id, &rc);
    else
        step = call(a, call_try, id->public->key, &rc);
    if (step != STEP_NEXT)
        return step;
    if (rc == SSH_AUTH_PARTIAL)
        id->offered = OFFERED_TAKEN;
    if (rc != SSH_AUTH_SUCCESS)
        return STEP_NEXT;
    if (!id->locked)
        return STEP_IN;
    id->offered = OFFERED_WANTED;
    return STEP_NEXT;
}

static enum step offer_next(struct auth *a) {
    return a->next < a->ids.count ? offer(a, &a->ids.items[a->next++]) : STEP_STOP;
}

/* ---- passwords ----------------------------------------------------------------------------- */

/*
 * Answers the server's questions: the first one that hides what is typed gets the password, any
 * other nobody can answer. Whether the conversation may go on.
 */
static bool answer_prompts(struct auth *a, bool *used) {
    int prompts = ssh_userauth_kbdint_getnprompts(a->l->ssh);
    if (prompts == 0)
        return true;
    char echo = 1;
    const char *prompt = ssh_userauth_kbdint_getprompt(a->l->ssh, 0, &echo);
    if (prompts != 1 || !prompt || echo || *used)
        return false;
    *used = a->given = true;
    return ssh_userauth_kbdint_setanswer(a->l->ssh, 0, a->r->password) == 0;
}

static enum step converse(struct auth *a) {
    int rc = SSH_AUTH_DENIED;
    bool used = false;
    a->spent[INTERACTIVE] = true;
    for (int i = 0; i < ROUNDS_MAX; i++) {
        if (call(a, call_interactive, NULL, &rc) == STEP_FAILED)
            return STEP_FAILED;
        if (rc != SSH_AUTH_INFO || !answer_prompts(a, &used))
            break;
    }
    return rc == SSH_AUTH_SUCCESS ? STEP_IN : STEP_STOP;
}

static enum step give_password(struct auth *a) {
    int rc;
    a->spent[PASSWORD] = a->given = true;
    if (call(a, call_password, a->r->password, &rc) == STEP_FAILED)
        return STEP_FAILED;
    return rc == SSH_AUTH_SUCCESS ? STEP_IN : STEP_STOP;
}

/* ---- methods ------------------------------------------------------------------------------- */

/* STEP_STOP says that the method has nothing more to try; an attempt may end in it, too. */
static const struct {
    const char *name;
    int bit;
    enum step (*attempt)(struct auth *a);
} methods[METHODS] = {
    [PUBLICKEY] = {"publickey", SSH_AUTH_METHOD_PUBLICKEY, offer_next},
    [INTERACTIVE] = {"keyboard-interactive", SSH_AUTH_METHOD_INTERACTIVE, converse},
    [PASSWORD] = {"password", SSH_AUTH_METHOD_PASSWORD, give_password},
};

static bool is_on(const struct auth *a, enum method m) {
    const struct ssh_options *o = a->r->options;
    if (m == PUBLICKEY)
        return o->pubkey_authentication;
    return a->r->password && o->password_prompts > 0 &&
           (m == PASSWORD ? o->password_authentication : o->kbdinteractive_authentication);
}

static bool is_in_order(const struct auth *a, enum method m) {
    for (size_t i = 0; i < a->order_count; i++)
        if (a->order[i] == m)
            return true;
    return false;
}

static void choose_order(struct auth *a) {
    const char *list = a->r->options->preferred_authentications;
    for (const char *p = list ? list : "publickey,keyboard-interactive,password"; *p;) {
        size_t n = strcspn(p, ",");
        for (enum method m = 0; m < METHODS; m++)
            if (n == strlen(methods[m].name) && memcmp(p, methods[m].name, n) == 0 && is_on(a, m) &&
                !is_in_order(a, m))
                a->order[a->order_count++] = m;
        p += n + (p[n] == ',');
    }
}

/* Each of the passwords' methods has one turn, which a changed list of the server's does not renew.
 */
static enum step attempt(struct auth *a, enum method m) {
    return a->spent[m] ? STEP_STOP : methods[m].attempt(a);
}

static enum step try_methods(struct auth *a) {
    int list = ssh_userauth_list(a->l->ssh, NULL);
    for (size_t i = 0; i < a->order_count;) {
        enum method m = a->order[i];
        enum step step = list & methods[m].bit ? attempt(a, m) : STEP_STOP;
        if (step == STEP_IN || step == STEP_FAILED)
            return step;
        int now = ssh_userauth_list(a->l->ssh, NULL);
        if (now != list)
            i = 0;
        else if (step == STEP_STOP)
            i++;
        list = now;
    }
    return STEP_STOP;
}

static enum step ask_none(struct auth *a) {
    int rc;
    a->none_asked = true;
    enum step step = call(a, call_none, NULL, &rc);
    return step == STEP_NEXT && rc == SSH_AUTH_SUCCESS ? STEP_IN : step;
}

/* A server that ends the connection has refused before, which is what counts. */
static enum step ask_none_last(struct auth *a) {
    enum step step = ask_none(a);
    return step == STEP_NEXT || link_lost(a->l) ? refused(a, NULL) : step;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static bool has_one_key(const struct auth *a) {
    return a->order_count > 0 && a->order[0] == PUBLICKEY && a->ids.count == 1 &&
           !a->ids.items[0].locked;
}

static enum step log_in(struct auth *a) {
    int rc;
    struct identity_sources from = {.options = a->r->options,
                                    .identity = a->r->identity,
                                    .keys = a->r->keys,
                                    .keyring = a->r->keyring,
                                    .cancel = a->l->cancel};
    if (identities_gather(&from, a->deadline, &a->ids, a->err) != 0)
        return STEP_FAILED;
    choose_order(a);
    /* asked for by itself, because the extensions that come with the answer decide how an RSA key
     * signs, and libssh looks at them before it asks */
    enum step step = call(a, call_service, NULL, &rc);
    if (step == STEP_NEXT && has_one_key(a))
        step = offer_next(a);
    /* without a list there was no answer: libssh itself would not send the key */
    if (step == STEP_NEXT && ssh_userauth_list(a->l->ssh, NULL) == 0)
        step = ask_none(a);
    if (step == STEP_NEXT)
        step = try_methods(a);
    if (step == STEP_STOP)
        step = a->none_asked ? refused(a, NULL) : ask_none_last(a);
    return step;
}

static bool prefers(const struct ssh_options *o, const char *name) {
    return !o->preferred_authentications || strstr(o->preferred_authentications, name);
}

/* What the ssh program may do about a refusal, or NULL. */
static const char *ssh_could(const struct auth *a) {
    const struct ssh_options *o = a->r->options;
    for (size_t i = 0; i < a->ids.count; i++) {
        const struct identity *id = &a->ids.items[i];
        if (id->offered == OFFERED_WANTED && id->public->security_key)
            return "the identity is on a security key";
        if (id->offered == OFFERED_DECLINED)
            return "the agent did not sign for muster";
    }
    int list = ssh_userauth_list(a->l->ssh, NULL);
    if (o->gssapi_authentication && (list & SSH_AUTH_METHOD_GSSAPI_MIC) &&
        prefers(o, "gssapi-with-mic") && ticket_is_there(a->l->cancel, a->deadline))
        return "the server takes GSSAPI";
    if (o->hostbased_authentication && (list & SSH_AUTH_METHOD_HOSTBASED) &&
        prefers(o, "hostbased"))
        return "the server takes the host's own key";
    return NULL;
}

int auth_login(struct link *l, const struct auth_request *r, int64_t deadline,
               const char **unsupported, struct error *err) {
    struct auth a = {.l = l, .r = r, .deadline = deadline, .err = err};
    enum step step = log_in(&a);
    const char *why = step != STEP_IN && err->kind == ERROR_AUTH ? ssh_could(&a) : NULL;
    if (why)
        *unsupported = why;
    identities_done(&a.ids);
    return step == STEP_IN ? 0 : -1;
}
