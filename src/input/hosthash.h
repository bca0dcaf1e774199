/*
 * hosthash: host names as known_hosts hides them, `|1|salt|sum`: sum is HMAC-SHA1 of the name under
 * the salt, both in base64.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A hidden name, with the two SHA-1 states that depend on the salt alone worked out. */
struct hosthash {
    uint32_t inner[5];
    uint32_t outer[5];
    unsigned char sum[20];
};

/* Reads `|1|salt|sum`; false when it is none. `scratch` is memory to work in. */
bool hosthash_read(const char *text, struct hosthash *ret, struct str *scratch);

/* Whether it hides this name: n bytes, in lower case. */
bool hosthash_is(const struct hosthash *h, const char *name, size_t n);

/* Hides a name under a new salt. Fails with ERROR_INTERNAL. */
#define HOSTHASH_TEXT 64
int hosthash_write(const char *name, char out[HOSTHASH_TEXT], struct error *err) must_use;
