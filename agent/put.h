/*
 * put: members of JSON objects, with the commas between. What is not known becomes null.
 */
#pragma once

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define PUT_TEXT_MAX 96 /* bytes of a text that is foreign, as printable characters */

/* `"key":`, what follows is the caller's. NULL as key: an element of a list. */
void put_key(struct str *out, const char *key);

/* Blanks around it are left out; one that is empty then is null. */
void put_text(struct str *out, const char *key, const char *value);
void put_long_text(struct str *out, const char *key, const char *value, size_t max);

void put_number(struct str *out, const char *key, double value); /* NAN: null */
void put_count(struct str *out, const char *key, int64_t value); /* negative: null */
void put_flag(struct str *out, const char *key, int value);      /* negative: null */

/* The first line of the file, its number, and what it says of a number: 0 or 1. */
void put_file(struct str *out, const char *key, const char *path);
void put_file_count(struct str *out, const char *key, const char *path);
