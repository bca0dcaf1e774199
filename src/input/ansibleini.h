/*
 * ansibleini: Ansible's inventories in the form of INI files.
 *
 *     web1 ansible_host=10.0.0.1      ; hosts, with variables
 *     web[01:40]:2222
 *     [group]                         ; hosts that belong to it
 *     [group:children]                ; groups within it
 *     [group:vars]                    ; variables, name = value
 *
 * Lines that begin with # or ; are comments; so is what follows a # in a line of a host. Words of
 * such a line are quoted as in a shell; in `vars` a value may stand in quotes.
 */
#pragma once

#include "input/ansible.h"

/*
 * Reads n bytes, followed by a NUL, of the file with this number (ansible_file()). What is wrong is
 * added to a->mistakes. Returns 0, or -1: no memory.
 */
int ansibleini_read(struct ansible *a, size_t file, char *text, size_t n) must_use;
