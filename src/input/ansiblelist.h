/*
 * ansiblelist: what an inventory program prints for --list, as does `ansible-inventory --list`.
 *
 *     {"web": {"hosts": ["w1"], "vars": {...}, "children": ["db"]},
 *      "db": ["d1"],
 *      "_meta": {"hostvars": {"w1": {"ansible_host": "10.0.0.1"}}}}
 */
#pragma once

#include "input/ansible.h"

/*
 * Reads the n bytes of the file with this number (ansible_file()). Returns 0, 1 when they are
 * something else (no JSON, or a YAML inventory that is written as JSON) and nothing was read, or
 * -1: no memory. What is wrong is added to a->mistakes.
 */
int ansiblelist_read(struct ansible *a, size_t file, const char *text, size_t n) must_use;
