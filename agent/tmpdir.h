/*
 * tmpdir: a private directory for the temporary files of commands.
 */
#pragma once

/* Chooses its name, for this process and those that it forks from now on. First of all. */
void tmpdir_choose(void);

/* Makes it (mode 0700) the first time. Returns its path, or NULL when there is no place for it. */
const char *tmpdir_get(void);

/*
 * Removes it and all that is in it, following no link; also when another of the processes that know
 * its name made it.
 */
void tmpdir_remove(void);
