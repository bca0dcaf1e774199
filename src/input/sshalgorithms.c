/* sshalgorithms: see sshalgorithms.h. Pure; any thread. */
#include "input/sshalgorithms.h"

#include "base/str.h"
#include "input/sshpattern.h"

#include <string.h>
#include <strings.h>

/* Debian's OpenSSH, which has the key exchanges of GSSAPI, too. */
static const char usual_ciphers[] =
    "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,"
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com";

static const char all_ciphers[] =
    "3des-cbc,aes128-cbc,aes192-cbc,aes256-cbc,aes128-ctr,aes192-ctr,aes256-ctr,"
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com";

static const char usual_macs[] =
    "umac-64-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,"
    "hmac-sha2-512-etm@openssh.com,hmac-sha1-etm@openssh.com,umac-64@openssh.com,"
    "umac-128@openssh.com,hmac-sha2-256,hmac-sha2-512,hmac-sha1";

static const char all_macs[] =
    "hmac-sha1,hmac-sha1-96,hmac-sha2-256,hmac-sha2-512,hmac-md5,hmac-md5-96,"
    "umac-64@openssh.com,umac-128@openssh.com,hmac-sha1-etm@openssh.com,"
    "hmac-sha1-96-etm@openssh.com,hmac-sha2-256-etm@openssh.com,"
    "hmac-sha2-512-etm@openssh.com,hmac-md5-etm@openssh.com,hmac-md5-96-etm@openssh.com,"
    "umac-64-etm@openssh.com,umac-128-etm@openssh.com";

static const char usual_kex[] =
    "sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,curve25519-sha256,"
    "curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,"
    "ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256,"
    "diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,"
    "diffie-hellman-group14-sha256";

static const char all_kex[] =
    "diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,"
    "diffie-hellman-group14-sha256,diffie-hellman-group16-sha512,"
    "diffie-hellman-group18-sha512,diffie-hellman-group-exchange-sha1,"
    "diffie-hellman-group-exchange-sha256,ecdh-sha2-nistp256,ecdh-sha2-nistp384,"
    "ecdh-sha2-nistp521,curve25519-sha256,curve25519-sha256@libssh.org,"
    "sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,mlkem768x25519-sha256";

static const char usual_key_types[] =
    "ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256-cert-v01@openssh.com,"
    "ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521-cert-v01@openssh.com,"
    "sk-ssh-ed25519-cert-v01@openssh.com,sk-ecdsa-sha2-nistp256-cert-v01@openssh.com,"
    "rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,ssh-ed25519,"
    "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"
    "sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,"
    "rsa-sha2-256";

static const char all_key_types[] =
    "ssh-ed25519,ssh-ed25519-cert-v01@openssh.com,sk-ssh-ed25519@openssh.com,"
    "sk-ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256,"
    "ecdsa-sha2-nistp256-cert-v01@openssh.com,ecdsa-sha2-nistp384,"
    "ecdsa-sha2-nistp384-cert-v01@openssh.com,ecdsa-sha2-nistp521,"
    "ecdsa-sha2-nistp521-cert-v01@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com,"
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com,"
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com,ssh-dss,ssh-dss-cert-v01@openssh.com,"
    "ssh-rsa,ssh-rsa-cert-v01@openssh.com,rsa-sha2-256,rsa-sha2-256-cert-v01@openssh.com,"
    "rsa-sha2-512,rsa-sha2-512-cert-v01@openssh.com";

static const char all_gss_kex[] =
    "gss-group14-sha256-,gss-group16-sha512-,gss-nistp256-sha256-,gss-curve25519-sha256-,"
    "gss-group14-sha1-,gss-gex-sha1-,gss-group1-sha1-";

/* What people call the types of keys, where OpenSSH takes that, too. */
static const char short_key_types[] = "RSA,DSA,ECDSA,ECDSA-SK,ED25519,ED25519-SK";

/* Steps through a list: the next name, of *n bytes, or NULL. */
static const char *next_name(const char **rest, size_t *n) {
    const char *name = *rest;
    if (!name)
        return NULL;
    *n = strcspn(name, ",");
    *rest = name[*n] ? name + *n + 1 : NULL;
    return name;
}

static bool has_name(const char *list, const char *name, size_t n) {
    size_t len;
    for (const char *p; (p = next_name(&list, &len));)
        if (len == n && memcmp(p, name, n) == 0)
            return true;
    return false;
}

static bool is_short_key_type(const char *name, size_t n) {
    const char *list = short_key_types;
    size_t len;
    for (const char *p; (p = next_name(&list, &len));)
        if (len == n && strncasecmp(p, name, n) == 0)
            return true;
    return false;
}

/* Appends those of the names in `from` that the pattern fits and *to lacks. */
static void add_matching(struct str *to, const char *from, const char *pattern) {
    size_t n;
    for (const char *name; (name = next_name(&from, &n));) {
        char text[128];
        memcpy(text, name, n);
        text[n] = '\0';
        if (!ssh_pattern_match(text, pattern) || (to->data && has_name(to->data, name, n)))
            continue;
        if (to->len)
            str_add_char(to, ',');
        str_add(to, text);
    }
}

static bool matches_any(const char *list, const char *name, size_t n) {
    char pattern[128];
    cleanup(str_done) struct str found = {0};
    if (n >= sizeof(pattern))
        return false;
    memcpy(pattern, name, n);
    pattern[n] = '\0';
    add_matching(&found, list, pattern + (*pattern == '!'));
    return found.len > 0;
}

static const char *all_names(enum ssh_syntax syntax) {
    switch (syntax) {
    case SSH_SYNTAX_CIPHERS:
        return all_ciphers;
    case SSH_SYNTAX_MACS:
        return all_macs;
    case SSH_SYNTAX_KEX:
        return all_kex;
    case SSH_SYNTAX_GSS_KEX:
        return all_gss_kex;
    default:
        return all_key_types;
    }
}

/* A key exchange of GSSAPI: its name goes on with that of a mechanism. */
static bool is_gss_kex(const char *name, size_t n) {
    const char *list = all_gss_kex;
    size_t len;
    for (const char *p; (p = next_name(&list, &len));)
        if (len <= n && memcmp(p, name, len) == 0)
            return true;
    return false;
}

bool ssh_algorithms_valid(enum ssh_syntax syntax, const char *argument) {
    if (*argument == '-' && syntax != SSH_SYNTAX_GSS_KEX)
        return true;
    const char *rest = argument + (*argument == '+' || *argument == '^');
    if (!*rest)
        return false;
    const char *all = all_names(syntax);
    size_t n;
    for (const char *name; (name = next_name(&rest, &n)) && n > 0;) {
        if (has_name(all, name, n) || (syntax == SSH_SYNTAX_KEX && is_gss_kex(name, n)))
            continue;
        if (syntax != SSH_SYNTAX_KEY_TYPES ||
            !(is_short_key_type(name, n) || matches_any(all, name, n)))
            return false;
    }
    return true;
}

static const char *usual_names(enum ssh_keyword keyword) {
    switch (keyword) {
    case SSH_CIPHERS:
        return usual_ciphers;
    case SSH_MACS:
        return usual_macs;
    case SSH_KEXALGORITHMS:
        return usual_kex;
    default:
        return usual_key_types;
    }
}

/* OpenSSH's own names that none of the patterns fits. */
static void take_out(struct str *to, const char *usual, const char *patterns) {
    size_t n;
    for (const char *name; (name = next_name(&usual, &n));) {
        char text[128];
        memcpy(text, name, n);
        text[n] = '\0';
        if (ssh_pattern_list_match(text, patterns, false))
            continue;
        if (to->len)
            str_add_char(to, ',');
        str_add(to, text);
    }
}

/* Appends what the names and patterns of a list stand for. False: one is negated. */
static bool add_list(struct str *to, const char *all, const char *list, bool to_first_empty) {
    size_t n;
    for (const char *name; (name = next_name(&list, &n));) {
        char pattern[128];
        if (n == 0 && to_first_empty)
            break;
        if (*name == '!')
            return false;
        if (n >= sizeof(pattern))
            continue; /* no name is as long */
        memcpy(pattern, name, n);
        pattern[n] = '\0';
        add_matching(to, all, pattern);
    }
    return true;
}

int ssh_algorithms_make(enum ssh_keyword keyword, const char *argument, char **ret,
                        struct error *err) {
    const struct ssh_keyword_row *row = ssh_keyword_row(keyword);
    const char *all = all_names(row->syntax), *usual = usual_names(keyword);
    cleanup(str_done) struct str list = {0};
    bool good = true;
    if (*argument == '-')
        take_out(&list, usual, argument + 1);
    else if (*argument == '+')
        good = add_list(&list, all, usual, false) && add_list(&list, all, argument + 1, true);
    else if (*argument == '^')
        good = add_list(&list, all, argument + 1, false) && add_list(&list, all, usual, false);
    else
        good = add_list(&list, all, argument, false);
    if (list.failed)
        return error_memory(err);
    if (!good || !list.len)
        return error_set(err, ERROR_UNREACHABLE, "%s %s leaves no algorithm", row->name, argument);
    *ret = NULL;
    if (strcmp(list.data, usual) == 0)
        return 0;
    *ret = str_take(&list);
    return *ret ? 0 : error_memory(err);
}
