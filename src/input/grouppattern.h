/*
 * grouppattern: which servers of an inventory are meant by patterns such as `web:&prod:!db`.
 *
 *     web              the group, with the groups within it; or the server of this name
 *     all  *           every server;  ungrouped: those that are in no group
 *     web*  w?b        groups and servers whose names match
 *     web[01-40,42]    servers, as everywhere (input/nodeset.h)
 *     @FILE            servers, one name or pattern a line: what an earlier run has written
 *     A:B  A,B         those of both
 *     A:&B             those of A that are also in B
 *     A:!B             those of A that are not in B
 *
 * As Ansible has it, the order does not matter: what stands alone is put together first (all
 * servers, when nothing stands alone), then every & applies, then every !. A name with a colon in
 * it is taken as such when a server has it. Of several patterns, the servers of each are meant.
 */
#pragma once

#include "base/error.h"
#include "input/ansible.h"
#include "input/names.h"

#include <stdbool.h>

/*
 * Sets selected[i] for the names->items[i] that are meant, of which those that *a knows may be in
 * groups. What is in no inventory is a mistake: ERROR_USAGE.
 */
int grouppattern_select(struct ansible *a, const struct names *names, const char *pattern,
                        bool *selected, struct error *err) must_use;
