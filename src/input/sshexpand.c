/*
 * sshexpand: see sshexpand.h.
 *
 * What OpenSSH refuses is refused here, too: a token that the keyword does not take, a variable or
 * user that is not there.
 *
 * Pure but for the password database and the environment; any thread, as nobody calls setenv().
 */
#include "input/sshexpand.h"

#include "base/str.h"

#include <openssl/evp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Room for any sensible entry of the password database. */
enum { PASSWD_TEXT = 16384 };

int local_user_get(struct local_user *ret, struct error *err) {
    cleanup(free_ptr) char *room = malloc(PASSWD_TEXT);
    if (!room)
        return error_memory(err);
    struct passwd entry, *found = NULL;
    uid_t uid = getuid();
    int rc = getpwuid_r(uid, &entry, room, PASSWD_TEXT, &found);
    if (!found)
        return rc ? error_os(err, ERROR_INTERNAL, rc, "cannot look up user %u", uid)
                  : error_set(err, ERROR_INTERNAL, "there is no user %u on this machine", uid);
    char host[256] = "";
    gethostname(host, sizeof(host) - 1);
    struct local_user u = {.name = strdup(found->pw_name),
                           .home = strdup(found->pw_dir),
                           .host = strdup(host),
                           .short_host = strndup(host, strcspn(host, ".")),
                           .uid = uid};
    if (!u.name || !u.home || !u.host || !u.short_host) {
        local_user_done(&u);
        return error_memory(err);
    }
    *ret = u;
    return 0;
}

void local_user_done(struct local_user *u) {
    free(u->name);
    free(u->home);
    free(u->host);
    free(u->short_host);
    *u = (struct local_user){0};
}

int ssh_expand_tilde(const char *path, const struct local_user *local, char **ret,
                     struct error *err) {
    cleanup(free_ptr) char *room = NULL;
    const char *home = NULL, *rest = path;
    if (*path == '~') {
        size_t n = strcspn(path + 1, "/");
        rest = path + 1 + n;
        home = local->home;
        if (n > 0) {
            cleanup(free_ptr) char *user = strndup(path + 1, n);
            struct passwd entry, *found = NULL;
            room = malloc(PASSWD_TEXT);
            if (!user || !room)
                return error_memory(err);
            getpwnam_r(user, &entry, room, PASSWD_TEXT, &found);
            if (!found)
                return error_set(err, ERROR_UNREACHABLE, "No such user %s", user);
            home = found->pw_dir;
        }
    }
    struct str out = {0};
    if (home) {
        str_add(&out, home);
        rest += strspn(rest, "/");
        if (!out.len || out.data[out.len - 1] != '/')
            str_add_char(&out, '/');
    }
    str_add(&out, rest);
    *ret = str_take(&out);
    return *ret ? 0 : error_memory(err);
}

/* %C: SHA-1, in hexadecimal, of %l%h%p%r. */
static void add_connection(struct str *out, const struct ssh_names *n) {
    cleanup(str_done) struct str text = {0};
    str_addf(&text, "%s%s%d%s", n->local->host, n->hostname, n->port, n->user);
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (text.failed || EVP_Digest(text.data, text.len, sum, &len, EVP_sha1(), NULL) != 1) {
        out->failed = true;
        return;
    }
    for (unsigned i = 0; i < len; i++)
        str_addf(out, "%02x", sum[i]);
}

static void add_token(struct str *out, char token, const struct ssh_names *n) {
    switch (token) {
    case 'C':
        return add_connection(out, n);
    case 'L':
        return str_add(out, n->local->short_host);
    case 'd':
        return str_add(out, n->local->home);
    case 'h':
        return str_add(out, n->hostname);
    case 'i':
        return str_add_int(out, n->local->uid);
    case 'j':
        return str_add(out, n->jump);
    case 'k':
        return str_add(out, n->alias);
    case 'l':
        return str_add(out, n->local->host);
    case 'n':
        return str_add(out, n->original);
    case 'p':
        return str_add_int(out, n->port);
    case 'r':
        return str_add(out, n->user);
    case 'u':
        return str_add(out, n->local->name);
    default:
        return;
    }
}

/* Adds what the ${VARIABLE} at *p stands for and moves *p behind it. */
static int add_variable(struct str *out, const char **p, struct error *err) {
    const char *end = strchr(*p, '}');
    cleanup(free_ptr) char *name = end ? strndup(*p + 2, (size_t)(end - *p - 2)) : NULL;
    if (!end)
        return error_set(err, ERROR_UNREACHABLE, "environment variable '%s' missing closing '}'",
                         *p + 2);
    if (!name)
        return error_memory(err);
    const char *value = getenv(name);
    if (!value)
        return error_set(err, ERROR_UNREACHABLE, "env var ${%s} has no value", name);
    str_add(out, value);
    *p = end + 1;
    return 0;
}

static int expand(const char *text, const char *tokens, bool variables,
                  const struct ssh_names *names, char **ret, struct error *err) {
    cleanup(str_done) struct str out = {0};
    str_add(&out, "");
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "%$");
        str_add_bytes(&out, p, n);
        p += n;
        if (*p == '$' && variables && p[1] == '{') {
            if (add_variable(&out, &p, err) < 0)
                return -1;
        } else if (*p == '%' && p[1] != '%') {
            if (!p[1] || !strchr(tokens, p[1]))
                return error_set(err, ERROR_UNREACHABLE, "unknown key %%%c in %s",
                                 p[1] ? p[1] : ' ', text);
            add_token(&out, p[1], names);
            p += 2;
        } else if (*p) {
            str_add_char(&out, *p);
            p += *p == '%' ? 2 : 1;
        }
    }
    *ret = str_take(&out);
    return *ret ? 0 : error_memory(err);
}

int ssh_expand_tokens(const char *text, const char *tokens, const struct ssh_names *names,
                      char **ret, struct error *err) {
    return expand(text, tokens, false, names, ret, err);
}

int ssh_expand(const char *text, const char *tokens, const struct ssh_names *names, char **ret,
               struct error *err) {
    return expand(text, tokens, true, names, ret, err);
}

int ssh_expand_path(const char *path, const struct ssh_names *names, char **ret,
                    struct error *err) {
    cleanup(free_ptr) char *plain = NULL;
    if (ssh_expand_tilde(path, names->local, &plain, err) < 0)
        return -1;
    return ssh_expand(plain, SSH_TOKENS, names, ret, err);
}
