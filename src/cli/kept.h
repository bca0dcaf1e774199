/*
 * kept: a run that is in the store, as it was begun: what `resume` and `worker` go on with.
 *
 * A run goes on as it began: the options, the text of the configuration, the servers and the folder
 * that relative paths start from are those that were kept with it, whatever has changed on disk
 * since.
 */
#pragma once

#include "cli/runner.h"

/*
 * Holds the run of r->store, and reads how it was begun and, for more than a share, its servers.
 * ERROR_USAGE when a muster
 * began it that did not keep that. Free the recipe with store_recipe_done().
 */
int kept_hold(struct runner *r, const char *run, struct store_recipe *ret,
              struct error *err) must_use;

/* Reads the options. Returns -1 to go on, or the exit status, after it has said what is wrong. */
int kept_options(struct runner *r, const struct store_recipe *recipe) must_use;

/*
 * Goes to the folder where it was begun, if it is there, and reads the configuration. What the
 * user gave now is to be absolute by then.
 */
int kept_config(struct runner *r, const struct store_recipe *recipe, struct error *err) must_use;

/*
 * Makes the path of a file that the user gave relative to where muster was started absolute; NULL
 * stays NULL. *owned is what to free afterwards, or untouched.
 */
int kept_absolute(const char **path, char **owned, struct error *err) must_use;
