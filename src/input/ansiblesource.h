/*
 * ansiblesource: Ansible's inventories as they lie on disk.
 */
#pragma once

#include "input/ansible.h"
#include "input/inventoryform.h"
#include "input/inventoryreader.h"

/* No file of an inventory of Ansible's is larger, in bytes. */
#define ANSIBLESOURCE_MAX (64 << 20)

/*
 * Reads the n bytes of the file that people know by this name, as INI, YAML or JSON; they are
 * changed. Mistakes and warnings are put to *remarks as `FILE:LINE:COLUMN: ...` and a newline.
 * Fails with ERROR_USAGE when there are mistakes, and with ERROR_INTERNAL.
 */
int ansiblesource_text(struct ansible *a, const char *name, enum inventory_form form,
                       struct str *text, struct str *remarks, struct error *err) must_use;

/*
 * Reads all the files of a folder and of those in it; hidden files, group_vars, host_vars and
 * vars_plugins, and the endings that Ansible leaves out (.ini and .cfg among them) are passed over.
 */
int ansiblesource_folder(struct ansible *a, const char *path, struct str *remarks,
                         struct error *err) must_use;

/* Whether a file, which begins with these n bytes, is to be run: it may be, and is a program. */
bool ansiblesource_is_program(const struct reader *r, const char *path, const char *begin,
                              size_t n);

/* Runs a program with --list, for at most five minutes, and reads what it prints. */
int ansiblesource_program(struct ansible *a, const char *path, const char *name,
                          struct str *remarks, struct error *err) must_use;
