/*
 * inventory: from what the user gave (arguments, files, standard input) to servers.
 */
#pragma once

#include "base/error.h"
#include "base/str.h"
#include "input/names.h"
#include "model/server.h"

#include <stdbool.h>
#include <stddef.h>

struct inventory_source {
    const char *const *patterns; /* from the command line */
    size_t pattern_count;
    const char *const *files; /* -i; "-" is standard input */
    size_t file_count;
    const char *const *groups; /* -g; none: all of the files' servers */
    size_t group_count;
    const char *const *excludes; /* -x */
    size_t exclude_count;
    bool any_connection; /* servers need not be reached over SSH: ansible_connection is let be */
};

/*
 * Reads and expands it all: files in their order (of which groups take some, input/grouppattern.h),
 * then patterns, less the excluded; each server once. An excluded name takes away the server of
 * that name and every server on the host of that name: `web3` also excludes `me@web3:2222`.
 *
 * A plain list has one name or pattern a line (input/inventoryline.h), and may say of what kind
 * its servers are, and their labels: `web[1-4] kind=gpu rack=12` (of a server that is named twice,
 * the last kind counts, and the last value of each label). CRLF and a UTF-8 byte order mark are
 * accepted. Other forms are Ansible's (input/ansible.h), each told by what could not stand in a
 * plain list (input/inventoryform.h); a server that is in a plain list and in one of these is what
 * the latter says.
 *
 * *remarks gets lines for people: warnings, and every mistake of a file of Ansible's with its
 * place. Fails with ERROR_USAGE and a sentence that names the file and line or the pattern and its
 * column: an unreadable file, a folder, NUL bytes, a line over INVENTORY_LINE, a malformed pattern,
 * or no server at all; when mistakes are in *remarks, the sentence counts them.
 */
int inventory_load(const struct inventory_source *source, struct servers *ret, struct str *remarks,
                   struct error *err) must_use;

/*
 * The names alone of the servers of files and, in *groups, of their groups, for who is typing one.
 * No program is run, standard input and pipes are not read, and what is wrong is passed over: there
 * may be fewer names than the files have.
 */
void inventory_names(const char *const *files, size_t count, struct names *servers,
                     struct names *groups);
