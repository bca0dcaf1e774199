/* begin: see begin.h. */
#include "cli/begin.h"

#include "input/configlabels.h"
#include "store/crew.h"
#include "transport/simtruth.h"

#include <string.h>
#include <unistd.h>

int begin_take(struct runner *r, struct beginning *b, int c, const char *value, struct error *err) {
    int taken = run_options_take(&r->options, c, value, err);
    if (taken == 0)
        taken = run_output_take(&r->output, c, value, err);
    if (taken == 0 && !cli_servers_option(&b->servers, c, value))
        b->config = value; /* -c is all that is left */
    return taken < 0 ? -1 : 0;
}

static int load_servers(const struct run_options *o, struct beginning *b, char **patterns,
                        size_t count, struct servers *ret, struct error *err) {
    bool named = count > 0 || b->servers.file_count > 0;
    if (o->simulate && named)
        return error_set(err, ERROR_USAGE,
                         "--simulate makes its own servers: name none, or leave it out");
    if (o->simulate)
        return simulation_servers(&o->simulation, ret, err) < 0 ? -1
               : b->dry                                         ? 0
                        : simtruth_write(&o->simulation, ret, err);
    if (!named && o->transport && strcmp(o->transport, "local") == 0) {
        char *local[] = {(char *)"localhost"};
        return cli_servers_load(&b->servers, local, 1, ret, err);
    }
    b->servers.any_connection = o->transport && strcmp(o->transport, "ssh") != 0;
    return cli_servers_load(&b->servers, patterns, count, ret, err);
}

int begin_store(struct runner *r, int fanout, struct error *err) {
    cleanup(free_ptr) char *words = run_options_words(&r->options);
    cleanup(free_ptr) char *folder = getcwd(NULL, 0); /* NULL where there is none to go back to */
    if (!words)
        return error_memory(err);
    const struct store_recipe recipe = {.options = words,
                                        .config_path = r->config.path,
                                        .config = r->config.text,
                                        .config_len = r->config.text_len,
                                        .folder = folder};
    r->run = (struct run){.fanout = fanout, .threshold = r->plan.threshold};
    if (store_begin(r->store, &r->run, &recipe, &r->servers, err) < 0)
        return -1;
    r->run.open = store_is_shared(r->store);
    struct error ignored; /* a run that nobody was told of is found all the same, a little later */
    (void)!store_notify(r->store, &ignored);
    return 0;
}

int begin_read(struct runner *r, struct beginning *b, char **patterns, size_t count,
               struct error *err) {
    if (cli_config(b->config, &r->config, err) < 0 ||
        load_servers(&r->options, b, patterns, count, &r->servers, err) < 0)
        return -1;
    return config_label_servers(&r->config, &r->servers, err);
}

void beginning_done(struct beginning *b) {
    cli_servers_done(&b->servers);
}
