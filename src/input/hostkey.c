/*
 * hostkey: see hostkey.h.
 *
 * ssh passes over a known_hosts line whose key it cannot read, and a line that is passed over makes
 * a host unknown where a line that is read makes its key changed. So the shape of a key is checked
 * here as ssh checks it: the fields of its type, of their lengths, with nothing behind them
 * (RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4, and OpenSSH's PROTOCOL.u2f). Whether a point lies on its
 * curve is not checked: such a key cannot complete a key exchange, whatever the line says.
 *
 * Pure; any thread.
 */
#include "input/hostkey.h"

#include <string.h>

/* A field of a key: 'p' a point or value of `size` bytes, 'n' a positive number, 's' any string. */
struct shape {
    const char *fields; /* after the name; "*": not looked at */
    const char *curve;  /* a field before the others, or NULL */
    size_t size;
};

static const struct shape ed25519 = {"p", NULL, 32};
static const struct shape sk_ed25519 = {"ps", NULL, 32};
static const struct shape p256 = {"p", "nistp256", 65};
static const struct shape p384 = {"p", "nistp384", 97};
static const struct shape p521 = {"p", "nistp521", 133};
static const struct shape sk_p256 = {"ps", "nistp256", 65};
static const struct shape rsa = {"nn", NULL, 0};
static const struct shape dsa = {"nnnn", NULL, 0};
static const struct shape certificate = {"*", NULL, 0};

static const struct {
    const char *name;  /* as the line writes it */
    const char *plain; /* as the key itself says */
    const struct shape *shape;
} types[] = {
    {"ssh-ed25519", "ssh-ed25519", &ed25519},
    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", &p256},
    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", &p384},
    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", &p521},
    {"ssh-rsa", "ssh-rsa", &rsa},
    {"rsa-sha2-256", "ssh-rsa", &rsa},
    {"rsa-sha2-512", "ssh-rsa", &rsa},
    {"ssh-dss", "ssh-dss", &dsa},
    {"sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519@openssh.com", &sk_ed25519},
    {"sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com", &sk_p256},
#define CERTIFICATE(name)                                                                          \
    { name, name, &certificate }
    CERTIFICATE("ssh-ed25519-cert-v01@openssh.com"),
    CERTIFICATE("ecdsa-sha2-nistp256-cert-v01@openssh.com"),
    CERTIFICATE("ecdsa-sha2-nistp384-cert-v01@openssh.com"),
    CERTIFICATE("ecdsa-sha2-nistp521-cert-v01@openssh.com"),
    CERTIFICATE("ssh-rsa-cert-v01@openssh.com"),
    CERTIFICATE("ssh-dss-cert-v01@openssh.com"),
    CERTIFICATE("sk-ssh-ed25519-cert-v01@openssh.com"),
    CERTIFICATE("sk-ecdsa-sha2-nistp256-cert-v01@openssh.com"),
#undef CERTIFICATE
};

static int digit(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(const char *text, size_t n, struct str *out) {
    str_clear(out);
    if (n == 0 || n % 4 != 0)
        return false;
    size_t pad = text[n - 1] != '=' ? 0 : text[n - 2] != '=' ? 1 : 2;
    char *to = str_room(out, n / 4 * 3);
    if (!to)
        return false;
    uint32_t bits = 0;
    for (size_t i = 0; i < n; i++) {
        int d = i < n - pad ? digit(text[i]) : 0;
        if (d < 0)
            return false;
        bits = bits << 6 | (uint32_t)d;
        if (i % 4 != 3)
            continue;
        *to++ = (char)(bits >> 16);
        *to++ = (char)(bits >> 8);
        *to++ = (char)bits;
    }
    /* what the padding stands for must be zero, or one key would have several spellings */
    if (pad && (bits & (pad == 1 ? 0xffU : 0xffffU)))
        return false;
    out->len = n / 4 * 3 - pad;
    return true;
}

/* What is left to read of a key. */
struct reader {
    const unsigned char *p;
    size_t n;
};

static bool read_string(struct reader *r, struct reader *ret) {
    if (r->n < 4)
        return false;
    size_t len = (size_t)r->p[0] << 24 | (size_t)r->p[1] << 16 | (size_t)r->p[2] << 8 | r->p[3];
    if (len > r->n - 4)
        return false;
    *ret = (struct reader){r->p + 4, len};
    r->p += 4 + len;
    r->n -= 4 + len;
    return true;
}

static bool read_text(struct reader *r, const char *expected) {
    struct reader s;
    return read_string(r, &s) && s.n == strlen(expected) && memcmp(s.p, expected, s.n) == 0;
}

/* Reads a positive number and counts its bits. */
static bool read_number(struct reader *r, size_t *bits) {
    struct reader s;
    if (!read_string(r, &s) || (s.n > 0 && s.p[0] & 0x80))
        return false;
    while (s.n > 0 && *s.p == 0) {
        s.p++;
        s.n--;
    }
    if (s.n == 0)
        return false;
    *bits = s.n * 8 - (size_t)(__builtin_clz(s.p[0]) - 24);
    return *bits <= 16384;
}

static bool read_field(struct reader *r, char field, const struct shape *shape, size_t *bits) {
    struct reader s;
    if (field == 'n')
        return read_number(r, bits);
    if (!read_string(r, &s))
        return false;
    if (field == 's')
        return true;
    /* 4 begins a point that is not compressed, the only form that SSH has */
    return s.n == shape->size && (!shape->curve || s.p[0] == 4);
}

static bool has_shape(struct reader r, const char *name, const struct shape *shape) {
    if (!read_text(&r, name))
        return false;
    if (shape == &certificate)
        return r.n > 0;
    if (shape->curve && !read_text(&r, shape->curve))
        return false;
    size_t bits = 0;
    for (const char *f = shape->fields; *f; f++)
        if (!read_field(&r, *f, shape, &bits))
            return false;
    /* the last number of an RSA key is its modulus; ssh reads none below 1024 bits */
    return r.n == 0 && (shape != &rsa || bits >= 1024);
}

const char *hostkey_type(const char *type, size_t type_len, const char *base64, size_t n,
                         struct str *scratch) {
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (strlen(types[i].name) != type_len || memcmp(types[i].name, type, type_len) != 0)
            continue;
        if (!base64_decode(base64, n, scratch))
            return NULL;
        struct reader r = {(const unsigned char *)scratch->data, scratch->len};
        return has_shape(r, types[i].plain, types[i].shape) ? types[i].plain : NULL;
    }
    return NULL;
}
