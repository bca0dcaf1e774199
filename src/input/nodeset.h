/*
 * nodeset: patterns that stand for many server names, and their inverse.
 *
 * The syntax and meaning are ClusterShell's NodeSet:
 *
 *     web[01-40,42]           padding is kept: 01 and 1 differ, and [01-100] is a mistake
 *     a[0-10/5]               steps: a0, a5, a10
 *     rack[1-4]-node[01-16]   several brackets: the last one runs fastest
 *     web1,db[1-3]            a list
 *     A!B  A&B  A^B           without B; only what is in both; in one, but not in both
 *
 * `,`, `!`, `&` and `^` bind alike and go from left to right. `user@web03:2222`,
 * `[2001:db8::7]:22` and a bare IPv6 address are names: brackets that begin a host and hold a colon
 * are no range. `ssh://` before a name is left out of it. A name is what server_parse() takes
 * (model/server.h). Other than ClusterShell, names keep the order in which the pattern gives them,
 * brackets may follow each other directly, and blanks, wildcards and groups are mistakes. Pure; any
 * thread.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "input/names.h"

#include <stddef.h>

/* At most this many names are made for one pattern: more is a mistake of the pattern. */
#ifndef NODESET_MAX
#define NODESET_MAX 10000000
#endif

/* A number in brackets has at most this many digits. */
#define NODESET_DIGITS 17

/*
 * Appends the names of the pattern to *ret (names that are there already are not added again).
 * Fails with ERROR_USAGE, the sentence giving the pattern and the column of the mistake, counted
 * from 1 in bytes, or with ERROR_INTERNAL; *ret then holds what it held.
 */
int nodeset_expand(const char *pattern, struct names *ret, struct error *err) must_use;

/*
 * Appends the shortest usual pattern for the names: `web[01-40,42]`, groups joined by commas in the
 * order of their first member, numbers in rising order. Only numbers in host names are folded;
 * users, ports and IPv6 addresses stay as they are. Expanding it gives the same set.
 */
void nodeset_fold(const char *const *names, size_t count, struct str *out);
