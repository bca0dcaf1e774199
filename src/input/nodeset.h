/*
 * nodeset: patterns that stand for many server names, and their inverse.
 *
 * The syntax and meaning are ClusterShell's NodeSet: `web[01-40,42]` (padding is kept: 01 and 1
 * differ), steps `a[0-10/5]`, several brackets `rack[1-4]-node[01-16]`, lists `web1,db[1-3]`,
 * `A!B` without B, `A&B` only what is in both, `A^B` in one but not both, from left to right.
 * `user@web03:2222`, `[2001:db8::7]:22` and a bare IPv6 address are names: brackets that hold an
 * address are no range. A name is what server_parse() takes (model/server.h).
 *
 * Names keep the order in which the pattern gives them, each once. Pure; any thread.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stddef.h>

/* Names, each once, in order. */
struct names {
    char **items;
    size_t count;
    size_t cap;
};

void names_done(struct names *n);

/* At most this many names come out of one expansion: more is a mistake of the pattern. */
#define NODESET_MAX 10000000

/*
 * Appends the names of the pattern to *ret (names that are there already are not added again).
 * Fails with ERROR_USAGE, the sentence giving the pattern and the column of the mistake, counted
 * from 1 in bytes; *ret is then unchanged.
 */
int nodeset_expand(const char *pattern, struct names *ret, struct error *err) must_use;

/* Removes from *from every name of *what; the order stays. Fails with ERROR_INTERNAL. */
int names_subtract(struct names *from, const struct names *what, struct error *err) must_use;

/*
 * Appends the shortest usual pattern for the names: `web[01-40,42]`, groups joined by commas in the
 * order of their first member, numbers in rising order. Expanding it gives the same set.
 */
void nodeset_fold(const char *const *names, size_t count, struct str *out);
