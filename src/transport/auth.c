/* auth: see auth.h. Everything lives in the caller's frame but the keys, which are shared. */
#include "transport/auth.h"

#include "base/text.h"
#include "base/vec.h"

#include <string.h>
#include <strings.h>

/* One wrong answer of a server must not make us answer for ever. */
#define ROUNDS_MAX 8

struct auth {
    struct link *l;
    const struct auth_request *r;
    int64_t deadline;
    struct error *err;
    const struct agent_keys *agent; /* NULL: there is none */
    const struct key **files;
    size_t file_count;
    size_t file_cap;
    int agent_tried;
    struct str tried; /* files and passwords, ", " between them */
};

/* What a step came to. */
enum step { STEP_IN, STEP_NEXT, STEP_STOP, STEP_FAILED };

/* ---- sentences ----------------------------------------------------------------------------- */

static void add_tried(struct auth *a, const char *what) {
    if (a->tried.len)
        str_add(&a->tried, ", ");
    str_add(&a->tried, what);
}

static bool agent_has(const struct auth *a, const struct key *file) {
    for (size_t i = 0; a->agent && file->public && i < a->agent->count; i++)
        if (strcmp(a->agent->items[i].blob, file->public) == 0)
            return true;
    return false;
}

static void add_attempts(const struct auth *a, struct str *out) {
    if (a->agent_tried == 0 && a->tried.len == 0) {
        str_add(out, "there was no key to try");
        return;
    }
    str_add(out, "tried ");
    if (a->agent_tried > 0)
        str_addf(out, "%d key%s of the agent", a->agent_tried, a->agent_tried == 1 ? "" : "s");
    if (a->agent_tried > 0 && a->tried.len)
        str_add(out, " and ");
    if (a->tried.len)
        str_add(out, a->tried.data);
}

static void add_unused(const struct auth *a, struct str *out) {
    for (size_t i = 0; i < a->file_count; i++) {
        const struct key *file = a->files[i];
        if (file->state == KEY_ENCRYPTED && !agent_has(a, file))
            str_addf(out, "; %s is encrypted (add it to an agent)", file->path);
        else if (file->state == KEY_UNUSABLE)
            str_addf(out, "; %s %s", file->path, file->why);
    }
    if (a->agent && a->agent->why)
        str_addf(out, "; the agent at %s %s", a->agent->path, a->agent->why);
}

static void add_methods(const struct auth *a, struct str *out) {
    static const struct {
        int bit;
        const char *name;
    } methods[] = {{SSH_AUTH_METHOD_PUBLICKEY, "publickey"},
                   {SSH_AUTH_METHOD_PASSWORD, "password"},
                   {SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive"},
                   {SSH_AUTH_METHOD_HOSTBASED, "hostbased"},
                   {SSH_AUTH_METHOD_GSSAPI_MIC, "gssapi-with-mic"}};
    int accepted = ssh_userauth_list(a->l->ssh, NULL);
    const char *before = "; it takes ";
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (accepted & methods[i].bit) {
            str_addf(out, "%s%s", before, methods[i].name);
            before = ", ";
        }
}

/* The server has not let us in; `why` is NULL or the server's own words. */
static enum step refused(struct auth *a, const char *why) {
    cleanup(str_done) struct str s = {0};
    str_addf(&s, "%s refused user %s: ", a->r->server, a->r->options->user);
    if (why) {
        text_add_printable(&s, why, strlen(why), 100);
        str_add(&s, ": ");
    }
    add_attempts(a, &s);
    add_unused(a, &s);
    if (!why)
        add_methods(a, &s);
    if (s.failed || a->tried.failed)
        error_memory(a->err);
    else
        error_set(a->err, ERROR_AUTH, "%s", s.data);
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

/* ---- steps --------------------------------------------------------------------------------- */

typedef int auth_call(struct auth *a, const void *arg);

/* Makes a call of libssh's until it has come to an end; STEP_FAILED with the error, or STEP_NEXT.
 */
static enum step call(struct auth *a, auth_call *make, const void *arg, int *rc) {
    while ((*rc = make(a, arg)) == SSH_AUTH_AGAIN) {
        enum link_state state = link_wait(a->l, a->deadline);
        if (state == LINK_LOST)
            return lost(a);
        if (state != LINK_READY) {
            link_error(a->l, state, "the login", a->err);
            return STEP_FAILED;
        }
    }
    return link_lost(a->l) ? lost(a) : STEP_NEXT;
}

/* What the answer to a key or a password means. */
static enum step settle(struct auth *a, int rc) {
    if (rc == SSH_AUTH_SUCCESS)
        return STEP_IN;
    int methods = ssh_userauth_list(a->l->ssh, NULL);
    /* without an answer yet (a key that libssh itself would not send) there are no methods */
    return methods == 0 || (methods & SSH_AUTH_METHOD_PUBLICKEY) ? STEP_NEXT : STEP_STOP;
}

static int call_service(struct auth *a, const void *arg __attribute__((unused))) {
    int rc = ssh_service_request(a->l->ssh, "ssh-userauth");
    return rc == SSH_AGAIN ? SSH_AUTH_AGAIN : rc == SSH_OK ? SSH_AUTH_SUCCESS : SSH_AUTH_ERROR;
}

static int call_none(struct auth *a, const void *arg __attribute__((unused))) {
    return ssh_userauth_none(a->l->ssh, NULL);
}

static int call_try(struct auth *a, const void *arg) {
    const struct agent_key *key = arg;
    return ssh_userauth_try_publickey(a->l->ssh, NULL, key->public);
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

static enum step offer_agent_key(struct auth *a, const struct agent_key *key) {
    int rc;
    a->agent_tried++;
    if (call(a, call_try, key, &rc) == STEP_FAILED)
        return STEP_FAILED;
    if (rc != SSH_AUTH_SUCCESS)
        return settle(a, rc);
    if (keyring_sign_in(a->agent, key, a->l, a->deadline, &rc, a->err) != 0)
        return STEP_FAILED;
    return link_lost(a->l) ? lost(a) : settle(a, rc);
}

static enum step offer_file(struct auth *a, const struct key *file) {
    int rc;
    add_tried(a, file->path);
    enum step step = STEP_NEXT;
    if (file->certified) {
        step = call(a, call_key, file->certified, &rc);
        if (step == STEP_NEXT)
            step = settle(a, rc);
    }
    if (step == STEP_NEXT) {
        step = call(a, call_key, file->private, &rc);
        if (step == STEP_NEXT)
            step = settle(a, rc);
    }
    return step;
}

/* ---- keys ---------------------------------------------------------------------------------- */

static bool file_is(const struct key *file, const struct agent_key *key) {
    return file->public && strcmp(file->public, key->blob) == 0;
}

static bool is_listed(const struct auth *a, const struct agent_key *key) {
    for (size_t i = 0; i < a->file_count; i++)
        if (file_is(a->files[i], key))
            return true;
    return false;
}

/* The agent's keys that are identity files, in the order of the files. */
static enum step offer_listed(struct auth *a) {
    for (size_t f = 0; f < a->file_count; f++)
        for (size_t i = 0; i < a->agent->count; i++)
            if (file_is(a->files[f], &a->agent->items[i])) {
                enum step step = offer_agent_key(a, &a->agent->items[i]);
                if (step != STEP_NEXT)
                    return step;
            }
    return STEP_NEXT;
}

static enum step offer_others(struct auth *a) {
    for (size_t i = 0; i < a->agent->count; i++)
        if (!is_listed(a, &a->agent->items[i])) {
            enum step step = offer_agent_key(a, &a->agent->items[i]);
            if (step != STEP_NEXT)
                return step;
        }
    return STEP_NEXT;
}

static enum step offer_files(struct auth *a) {
    for (size_t i = 0; i < a->file_count; i++)
        if (a->files[i]->state == KEY_READY && !agent_has(a, a->files[i])) {
            enum step step = offer_file(a, a->files[i]);
            if (step != STEP_NEXT)
                return step;
        }
    return STEP_NEXT;
}

static enum step offer_keys(struct auth *a) {
    enum step step = STEP_NEXT;
    if (a->agent)
        step = offer_listed(a);
    if (step == STEP_NEXT && a->agent && !a->r->options->identities_only)
        step = offer_others(a);
    if (step == STEP_NEXT)
        step = offer_files(a);
    return step;
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
    *used = true;
    return ssh_userauth_kbdint_setanswer(a->l->ssh, 0, a->r->password) == 0;
}

static enum step interactive(struct auth *a) {
    bool used = false;
    int rc = SSH_AUTH_DENIED;
    for (int i = 0; i < ROUNDS_MAX; i++) {
        if (call(a, call_interactive, NULL, &rc) == STEP_FAILED)
            return STEP_FAILED;
        if (rc != SSH_AUTH_INFO || !answer_prompts(a, &used))
            break;
    }
    if (used)
        add_tried(a, "the password");
    return rc == SSH_AUTH_SUCCESS ? STEP_IN : STEP_STOP;
}

static enum step offer_password(struct auth *a) {
    int rc;
    int methods = ssh_userauth_list(a->l->ssh, NULL);
    if (!(methods & SSH_AUTH_METHOD_PASSWORD))
        return methods & SSH_AUTH_METHOD_INTERACTIVE ? interactive(a) : STEP_STOP;
    add_tried(a, "the password");
    if (call(a, call_password, a->r->password, &rc) == STEP_FAILED)
        return STEP_FAILED;
    if (rc == SSH_AUTH_PARTIAL && (ssh_userauth_list(a->l->ssh, NULL) & SSH_AUTH_METHOD_PUBLICKEY))
        return offer_keys(a);
    return rc == SSH_AUTH_SUCCESS ? STEP_IN : STEP_STOP;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int add_file(struct auth *a, const char *path) {
    const struct key *key;
    if (!path)
        return 0;
    if (keys_get(a->r->keys, path, &key, a->err) != 0)
        return -1;
    for (size_t i = 0; i < a->file_count; i++)
        if (a->files[i] == key ||
            (key->public && a->files[i]->public && strcmp(key->public, a->files[i]->public) == 0))
            return 0;
    if (vec_reserve(&a->files, &a->file_cap, a->file_count + 1, sizeof(*a->files)) != 0)
        return error_memory(a->err);
    a->files[a->file_count++] = key;
    return 0;
}

static int gather(struct auth *a) {
    const struct ssh_options *o = a->r->options;
    if (add_file(a, a->r->identity) != 0)
        return -1;
    for (size_t i = 0; i < o->identity_count; i++)
        if (add_file(a, o->identity_files[i]) != 0)
            return -1;
    if (!o->identity_agent)
        return 0;
    return keyring_list(a->r->keyring, o->identity_agent, a->l->cancel, a->deadline, &a->agent,
                        a->err);
}

static enum step log_in(struct auth *a) {
    int rc;
    if (gather(a) != 0)
        return STEP_FAILED;
    /* asked for by itself, because the extensions that come with the answer decide how an RSA key
     * signs, and libssh looks at them before it asks */
    if (call(a, call_service, NULL, &rc) == STEP_FAILED)
        return STEP_FAILED;
    enum step step = offer_keys(a);
    if (step == STEP_NEXT && ssh_userauth_list(a->l->ssh, NULL) == 0) {
        /* nothing was offered: ask what the server takes, which may be nothing at all */
        step = call(a, call_none, NULL, &rc);
        if (step == STEP_NEXT && rc == SSH_AUTH_SUCCESS)
            step = STEP_IN;
    }
    if ((step == STEP_NEXT || step == STEP_STOP) && a->r->password)
        step = offer_password(a);
    return step == STEP_NEXT || step == STEP_STOP ? refused(a, NULL) : step;
}

int auth_login(struct link *l, const struct auth_request *r, int64_t deadline, struct error *err) {
    struct auth a = {.l = l, .r = r, .deadline = deadline, .err = err};
    enum step step = log_in(&a);
    str_done(&a.tried);
    free(a.files);
    return step == STEP_IN ? 0 : -1;
}
