/* kept: see kept.h. */
#include "cli/kept.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int kept_hold(struct runner *r, const char *run, struct store_recipe *ret, struct error *err) {
    struct servers *servers = r->until == FLEET_SHARE ? NULL : &r->servers;
    if (store_hold(r->store, run, &r->run, err) < 0 ||
        store_recipe(r->store, r->run.id, ret, servers, err) < 0)
        return -1;
    if (!ret->options)
        return error_set(err, ERROR_USAGE,
                         "the run %s was begun by a muster that did not keep what is needed to go "
                         "on with it: begin a new one with `muster run`",
                         r->run.id);
    return 0;
}

int kept_options(struct runner *r, const struct store_recipe *recipe) {
    return run_options_read(&r->options, recipe->options);
}

int kept_config(struct runner *r, const struct store_recipe *recipe, struct error *err) {
    if (recipe->folder && chdir(recipe->folder) < 0 && errno != ENOENT)
        return error_os(err, ERROR_USAGE, errno, "cannot go to %s, where the run was begun",
                        recipe->folder);
    return recipe->config ? cli_config_kept(recipe->config_path, recipe->config, recipe->config_len,
                                            &r->config, err)
                          : 0;
}

int kept_absolute(const char **path, char **owned, struct error *err) {
    if (!*path || **path == '/')
        return 0;
    cleanup(free_ptr) char *here = getcwd(NULL, 0);
    if (!here)
        return error_os(err, ERROR_USAGE, errno, "where %s is cannot be found out", *path);
    if (asprintf(owned, "%s/%s", here, *path) < 0) {
        *owned = NULL;
        return error_memory(err);
    }
    *path = *owned;
    return 0;
}
