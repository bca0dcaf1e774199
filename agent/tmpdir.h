/*
 * tmpdir: a private directory for the temporary files of commands.
 */
#pragma once

/* Makes it (mode 0700) the first time. Returns its path, or NULL when there is no place for it. */
const char *tmpdir_get(void);

/* Removes it and all that is in it, following no link. */
void tmpdir_remove(void);
