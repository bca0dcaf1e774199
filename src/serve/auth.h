/*
 * auth: who may read.
 *
 * Programs show the token of the token file (`Authorization: Bearer TOKEN`). A browser is given a
 * form for it at /login, and then a cookie that is good for AUTH_SECONDS. The cookie does not hold
 * the token: it is the time of its end, and a code of that under the token, so that nothing is kept
 * here of who has logged in, and another token ends all cookies.
 *
 * Threads: any, once it is there.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUTH_COOKIE "muster"
#define AUTH_SECONDS 43200 /* 12 hours */
#define AUTH_TOKEN_MIN 16  /* characters */
#define AUTH_TOKEN_MAX 512

struct auth;

/*
 * Reads the token: the only line of the file, of printable characters without blanks. ERROR_USAGE
 * when others than its owner may read or change the file, or the token is short.
 */
int auth_load(const char *path, struct auth **ret, struct error *err) must_use;

/* NULL is allowed. */
void auth_free(struct auth *a);

/* Whether the n bytes are the token; how long it takes does not tell how much of it is right. */
bool auth_is_token(const struct auth *a, const char *token, size_t n);

/* Whether this is the value of an Authorization header that has the token. NULL has none. */
bool auth_is_bearer(const struct auth *a, const char *header);

/* The value for the cookie of who shows the token now. */
#define AUTH_COOKIE_SIZE 96
void auth_make_cookie(const struct auth *a, int64_t now, char out[AUTH_COOKIE_SIZE]);

/* Whether the value was made here, and not too long ago. NULL was not. Times are wall clock, s. */
bool auth_is_cookie(const struct auth *a, int64_t now, const char *value);
