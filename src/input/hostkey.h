/*
 * hostkey: public keys as known_hosts files and the .pub files write them, `type base64`.
 *
 * Base64 is read strictly (padding required, no spare bits), so that a key has one spelling and two
 * keys are equal when their texts are.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

/* Decodes n characters into *out, which it empties first. False: not base64, or no memory. */
bool base64_decode(const char *text, size_t n, struct str *out);

/* At most this many plain types come out of hostkey_type(). */
#define HOSTKEY_TYPES 8

/*
 * The plain type of a well-formed key: "ssh-rsa" for one written as rsa-sha2-512, the certificate's
 * own type for a certificate. NULL when the type is unknown, or the key is malformed or not of that
 * type. The result is a constant. `scratch` is memory to work in, which the caller keeps.
 */
const char *hostkey_type(const char *type, size_t type_len, const char *base64, size_t n,
                         struct str *scratch);
