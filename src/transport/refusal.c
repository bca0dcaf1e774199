/*
 * refusal: see refusal.h.
 *
 * What is in it comes in the order of its worth, because an error has room for so much only: what
 * the server would have taken, what was tried, what could not be, and what it takes.
 */
#include "transport/refusal.h"

#include "base/str.h"
#include "base/text.h"

#include <string.h>

static const char *name_of(const struct identity *id) {
    return id->file ? id->file->path : "a key of the agent";
}

/* Between two clauses, and before the first. */
static void begin(struct str *out) {
    str_add(out, out->data[out->len - 1] == ':' ? " " : "; ");
}

/* Whether there was such a key. */
static bool add_wanted(const struct refusal *r, struct str *out) {
    bool any = false;
    for (size_t i = 0; i < r->ids->count; i++) {
        const struct identity *id = &r->ids->items[i];
        if (id->offered == OFFERED_NOT || id->offered == OFFERED_REFUSED)
            continue;
        any = true;
        begin(out);
        if (id->offered == OFFERED_TAKEN)
            str_addf(out, "it took %s, but wants more", name_of(id));
        else if (id->offered == OFFERED_UNSIGNED || id->offered == OFFERED_DECLINED)
            str_addf(out, "it would take %s, but the agent does not sign", name_of(id));
        else if (id->locked->state == KEY_PUBLIC)
            str_addf(out, "it would take %s, but the private key is not there", name_of(id));
        else
            str_addf(out, "it would take %s, which %s", id->locked->path, id->locked->why);
    }
    return any;
}

static bool was_refused(const struct identity *id) {
    return id->offered == OFFERED_REFUSED;
}

/* The number of keys without a name, and how many things there are to list. */
static int count_tries(const struct refusal *r, int *nameless) {
    int named = 0;
    *nameless = 0;
    for (size_t i = 0; i < r->ids->count; i++)
        if (was_refused(&r->ids->items[i]))
            *(r->ids->items[i].file ? &named : nameless) += 1;
    return named + (*nameless > 0) + r->password;
}

static void separate(struct str *out, int *left) {
    --*left;
    str_add(out, *left > 1 ? ", " : *left == 1 ? " and " : "");
}

static void add_tried(const struct refusal *r, bool wanted, struct str *out) {
    int nameless;
    int left = count_tries(r, &nameless);
    if (left == 0 && wanted)
        return;
    begin(out);
    str_add(out,
            left > 0 ? "tried " : "there was no key to try (ssh-add one, or set IdentityFile)");
    if (nameless > 0) {
        str_addf(out, "%d key%s of the agent", nameless, nameless == 1 ? "" : "s");
        separate(out, &left);
    }
    for (size_t i = 0; i < r->ids->count; i++)
        if (was_refused(&r->ids->items[i]) && r->ids->items[i].file) {
            str_add(out, r->ids->items[i].file->path);
            separate(out, &left);
        }
    if (r->password)
        str_add(out, "the password");
}

/* Keys that the server has not been asked about. */
static void add_left(const struct refusal *r, struct str *out) {
    int left = 0;
    for (size_t i = 0; i < r->ids->count; i++)
        left += r->ids->items[i].offered == OFFERED_NOT;
    if (r->words && left > 0)
        str_addf(out, "; %d more %s not tried%s", left, left == 1 ? "was" : "were",
                 r->options->identities_only
                     ? ""
                     : ": IdentitiesOnly with an IdentityFile chooses one of the agent's");
}

static void add_unusable(const struct refusal *r, struct str *out) {
    if (!r->options->pubkey_authentication)
        str_add(out, "; PubkeyAuthentication is off");
    for (size_t i = 0; i < r->ids->file_count; i++) {
        const struct key *file = r->ids->files[i];
        if (!file->public && (file->state == KEY_ENCRYPTED || file->state == KEY_UNUSABLE))
            str_addf(out, "; %s %s", file->path, file->why);
    }
    if (r->ids->agent && r->ids->agent->why)
        str_addf(out, "; the agent at %s %s", r->ids->agent->path, r->ids->agent->why);
}

static void add_methods(const struct refusal *r, struct str *out) {
    static const struct {
        int bit;
        const char *name;
    } methods[] = {{SSH_AUTH_METHOD_PUBLICKEY, "publickey"},
                   {SSH_AUTH_METHOD_PASSWORD, "password"},
                   {SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive"},
                   {SSH_AUTH_METHOD_HOSTBASED, "hostbased"},
                   {SSH_AUTH_METHOD_GSSAPI_MIC, "gssapi-with-mic"}};
    const char *before = "; it takes ";
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (r->methods & methods[i].bit) {
            str_addf(out, "%s%s", before, methods[i].name);
            before = ", ";
        }
}

int refusal_error(const struct refusal *r, struct error *err) {
    cleanup(str_done) struct str s = {0};
    str_addf(&s, "%s refused user %s:", r->server, r->user);
    if (s.failed)
        return error_memory(err);
    if (r->words) {
        str_add_char(&s, ' ');
        text_add_printable(&s, r->words, strlen(r->words), 100);
        str_add_char(&s, ':');
    }
    add_tried(r, add_wanted(r, &s), &s);
    add_left(r, &s);
    add_unusable(r, &s);
    if (!r->words)
        add_methods(r, &s);
    return s.failed ? error_memory(err) : error_set(err, ERROR_AUTH, "%s", s.data);
}
