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
    uint32_t sum[5];
};

/* Reads `|1|salt|sum`; false when it is none. `scratch` is memory to work in. */
bool hosthash_read(const char *text, struct hosthash *ret, struct str *scratch);

/* A name to look for: n bytes, in lower case, borrowed. */
#define HOSTHASH_SHORT 55 /* fits one block of SHA-1 with its end */
struct hosthash_name {
    const char *name;
    size_t n;
    unsigned char block[64];
};
void hosthash_name(const char *name, size_t n, struct hosthash_name *ret);

/* Whether it hides this name. */
bool hosthash_is(const struct hosthash *h, const struct hosthash_name *name);

/* Hides a name under a new salt. Fails with ERROR_INTERNAL. */
#define HOSTHASH_TEXT 64
int hosthash_write(const char *name, char out[HOSTHASH_TEXT], struct error *err) must_use;
