/*
 * ansiblevars: the variables that stand in files beside an inventory of Ansible's.
 *
 * In the folder of the inventory, group_vars/NAME and host_vars/NAME are a YAML file (NAME,
 * NAME.yml, NAME.yaml or NAME.json: the first that is there) or a folder of such files, read in the
 * order of their names. A file that is encrypted as a whole (Ansible Vault) is passed over with a
 * warning.
 */
#pragma once

#include "input/ansible.h"

/*
 * Reads those of all the groups and hosts so far from the folder `base`. What goes wrong is as with
 * ansiblesource_text().
 */
int ansiblevars_read(struct ansible *a, const char *base, struct str *remarks,
                     struct error *err) must_use;

/*
 * Hands the mistakes and the warnings that *a has of the file `name` over to *remarks. Fails with
 * ERROR_USAGE when there are mistakes, and with ERROR_INTERNAL.
 */
int ansiblevars_report(struct ansible *a, const char *name, struct str *remarks,
                       struct error *err) must_use;

/* Passes by hidden files when a folder is read by scandir(). */
struct dirent;
int ansiblevars_visible(const struct dirent *e);

/* In the order of their bytes. */
int ansiblevars_by_name(const struct dirent **a, const struct dirent **b);
