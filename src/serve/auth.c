/* auth: see auth.h. */
#include "serve/auth.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define CODE 32 /* bytes of SHA-256 */

struct auth {
    char token[AUTH_TOKEN_MAX + 1];
    size_t len;
};

static int check_file(int fd, const char *path, struct error *err) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot read %s", path);
    if (S_ISREG(st.st_mode) && st.st_mode & (S_IRWXG | S_IRWXO))
        return error_set(err, ERROR_USAGE,
                         "others may read the token file %s: `chmod 600 %s`, and think of a new "
                         "token if they may have",
                         path, path);
    return 0;
}

static int take_token(struct auth *a, const struct str *text, const char *path, struct error *err) {
    size_t n = text->len;
    while (n > 0 && strchr(" \t\r\n", text->data[n - 1]))
        n--;
    for (size_t i = 0; i < n; i++)
        if (text->data[i] <= ' ' || text->data[i] > '~')
            return error_set(err, ERROR_USAGE,
                             "the token file %s has one line of printable ASCII characters "
                             "without blanks: `openssl rand -hex 32 >%s` makes one",
                             path, path);
    if (n < AUTH_TOKEN_MIN || n > AUTH_TOKEN_MAX)
        return error_set(err, ERROR_USAGE,
                         "the token in %s has %zu characters, not %d to %d: `openssl rand -hex 32 "
                         ">%s` makes one",
                         path, n, AUTH_TOKEN_MIN, AUTH_TOKEN_MAX, path);
    memcpy(a->token, text->data, n);
    a->len = n;
    return 0;
}

int auth_load(const char *path, struct auth **ret, struct error *err) {
    cleanup(str_done) struct str text = {0};
    cleanup(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot read the token file %s", path);
    if (check_file(fd, path, err) < 0 || fd_read_all(fd, path, 4096, &text, err) < 0)
        return -1;
    struct auth *a = calloc(1, sizeof(*a));
    int rc = a ? take_token(a, &text, path, err) : error_memory(err);
    if (text.data)
        OPENSSL_cleanse(text.data, text.len);
    if (rc < 0) {
        auth_free(a);
        return -1;
    }
    *ret = a;
    return 0;
}

void auth_free(struct auth *a) {
    if (!a)
        return;
    OPENSSL_cleanse(a, sizeof(*a));
    free(a);
}

/* Codes are compared, which are as long and as random whatever was shown. */
static bool code_of(const struct auth *a, const char *data, size_t n, unsigned char out[CODE]) {
    unsigned len = 0;
    return HMAC(EVP_sha256(), a->token, (int)a->len, (const unsigned char *)data, n, out, &len) &&
           len == CODE;
}

bool auth_is_token(const struct auth *a, const char *token, size_t n) {
    unsigned char is[CODE], shown[CODE];
    return code_of(a, a->token, a->len, is) && code_of(a, token, n, shown) &&
           CRYPTO_memcmp(is, shown, CODE) == 0;
}

bool auth_is_bearer(const struct auth *a, const char *header) {
    static const char scheme[] = "Bearer ";
    if (!header || strncasecmp(header, scheme, strlen(scheme)) != 0)
        return false;
    header += strlen(scheme);
    header += strspn(header, " ");
    return auth_is_token(a, header, strlen(header));
}

/* The time in decimal, a full stop, and the code of "cookie" and the time, in hexadecimal. */
static bool make_cookie(const struct auth *a, int64_t end, char out[AUTH_COOKIE_SIZE]) {
    unsigned char code[CODE];
    char text[48];
    int n = snprintf(text, sizeof(text), "cookie %lld", (long long)end);
    if (!code_of(a, text, (size_t)n, code))
        return false;
    n = snprintf(out, AUTH_COOKIE_SIZE, "%lld.", (long long)end);
    for (size_t i = 0; i < CODE; i++)
        n += snprintf(out + n, AUTH_COOKIE_SIZE - (size_t)n, "%02x", code[i]);
    return true;
}

void auth_make_cookie(const struct auth *a, int64_t now, char out[AUTH_COOKIE_SIZE]) {
    if (!make_cookie(a, now + AUTH_SECONDS, out))
        *out = '\0';
}

bool auth_is_cookie(const struct auth *a, int64_t now, const char *value) {
    char expected[AUTH_COOKIE_SIZE];
    char *rest;
    errno = 0;
    long long end = value ? strtoll(value, &rest, 10) : 0;
    if (!value || errno || rest == value || *rest != '.' || end <= now || end > now + AUTH_SECONDS)
        return false;
    return make_cookie(a, end, expected) && strlen(value) == strlen(expected) &&
           CRYPTO_memcmp(value, expected, strlen(expected)) == 0;
}
