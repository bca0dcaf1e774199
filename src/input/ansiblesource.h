/*
 * ansiblesource: Ansible's inventories as they lie on disk.
 */
#pragma once

#include "input/ansible.h"
#include "input/inventoryform.h"

/* No file of an inventory of Ansible's is larger, in bytes. */
#define ANSIBLESOURCE_MAX (64 << 20)

/*
 * Reads the n bytes of the file that people know by this name, as INI, YAML or JSON; they are
 * changed. Mistakes and warnings are put to *remarks as `FILE:LINE:COLUMN: ...` and a newline.
 * Fails with ERROR_USAGE when there are mistakes, and with ERROR_INTERNAL.
 */
int ansiblesource_text(struct ansible *a, const char *name, enum inventory_form form,
                       struct str *text, struct str *remarks, struct error *err) must_use;
