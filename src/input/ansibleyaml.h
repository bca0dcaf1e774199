/*
 * ansibleyaml: Ansible's inventories in the form of YAML files, and its files of variables.
 *
 *     all:
 *       hosts:
 *         web[01:40]: {ansible_user: root}
 *       children:
 *         db: {hosts: {db1: }, vars: {ansible_port: 2222}}
 *
 * Anchors, aliases and merge keys (<<) are followed. What is wrong, a key given twice included, is
 * added to a->mistakes. Both return 0, or -1: no memory.
 */
#pragma once

#include "input/ansible.h"

/* Reads the n bytes of the file with this number (ansible_file()). */
int ansibleyaml_read(struct ansible *a, size_t file, const char *text, size_t n) must_use;

/* Reads variables alone, name: value, as they stand in group_vars and host_vars. Of a key that is
 * given twice the last counts, with a warning. */
int ansibleyaml_variables(struct ansible *a, size_t file, const char *text, size_t n,
                          struct ansible_values *to) must_use;
