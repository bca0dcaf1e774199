/*
 * sshexpand: see sshexpand.h.
 *
 * `ssh -G` prints some paths expanded and others as they stand in the file, and which ones has
 * changed between versions. What is expanded already has no token left in it, so everything is
 * expanded here.
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

/* Adds what a ~ or ~user at the path's start stands for. Returns what is left of the path. */
static const char *expand_tilde(struct str *out, const char *path, const struct local_user *local) {
    if (*path != '~')
        return path;
    size_t n = strcspn(path + 1, "/");
    if (n == 0) {
        str_add(out, local->home);
        return path + 1;
    }
    cleanup(free_ptr) char *user = strndup(path + 1, n);
    cleanup(free_ptr) char *room = malloc(PASSWD_TEXT);
    struct passwd entry, *found = NULL;
    if (!user || !room) {
        out->failed = true;
        return path;
    }
    getpwnam_r(user, &entry, room, PASSWD_TEXT, &found);
    if (!found)
        return path;
    str_add(out, found->pw_dir);
    return path + 1 + n;
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
    case '%':
        return str_add_char(out, '%');
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
    case 'k':
        return str_add(out, n->alias ? n->alias : n->original);
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
        str_add_char(out, '%');
        if (token)
            str_add_char(out, token);
    }
}

/* Adds the value of the ${VARIABLE} at p and returns its length, or 0 when there is none. */
static size_t add_variable(struct str *out, const char *p) {
    const char *end = p[1] == '{' ? strchr(p, '}') : NULL;
    if (!end)
        return 0;
    cleanup(free_ptr) char *name = strndup(p + 2, (size_t)(end - p - 2));
    const char *value = name ? getenv(name) : NULL;
    if (!value)
        return 0;
    str_add(out, value);
    return (size_t)(end - p + 1);
}

char *ssh_expand(const char *path, const struct ssh_names *names) {
    struct str out = {0};
    const char *p = expand_tilde(&out, path, names->local);
    while (*p) {
        size_t n = *p == '$' ? add_variable(&out, p) : 0;
        if (n) {
            p += n;
        } else if (*p == '%' && p[1]) {
            add_token(&out, p[1], names);
            p += 2;
        } else {
            str_add_char(&out, *p++);
        }
    }
    return str_take(&out);
}

char *ssh_expand_proxy(const char *text, const struct ssh_names *names, bool *unknown) {
    struct str out = {0};
    str_add(&out, "");
    while (*text) {
        size_t n = strcspn(text, "%");
        str_add_bytes(&out, text, n);
        text += n;
        if (*text == '%') {
            *unknown |= !text[1] || !strchr("%hknpr", text[1]);
            add_token(&out, text[1], names);
            text += text[1] ? 2 : 1;
        }
    }
    return str_take(&out);
}
