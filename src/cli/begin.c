/* begin: see begin.h. */
#include "cli/begin.h"

#include "base/clock.h"
#include "fleet/patience.h"
#include "input/configlabels.h"
#include "store/crew.h"
#include "transport/simtruth.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BEGIN_AGAIN (60 * CLOCK_S) /* a shared store that goes away just then is given */

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

/* Who has no log open yet says it as the command's own. */
static void say_trying(const struct runner *r, const struct error *err) {
    if (!r->log_open)
        fprintf(stderr, "muster: %s: trying again for a minute\n", err->text);
}

/* A shared store that goes away meanwhile may have the run, and nobody would have been told of it.
 */
static int begin_once(struct runner *r, const struct store_recipe *recipe, struct error *err) {
    const struct ending ending = {r->cancel, r->moment};
    struct patience patience = {0};
    int64_t until = deadline_in(BEGIN_AGAIN);
    int rc = store_begin(r->store, &r->run, recipe, &r->servers, err);
    if (rc == 0 || err->os != ECONNRESET)
        return rc;
    say_trying(r, err);
    while (!patience_answered(&patience, &ending, rc, err) && clock_now() < until)
        rc = store_begin_again(r->store, &r->run, recipe, &r->servers, err);
    return rc == 0 ? 0
                   : error_prefix(err,
                                  "whether the run %s is in the store is not known: `muster show` "
                                  "tells when it is back",
                                  r->run.id);
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
    if (begin_once(r, &recipe, err) < 0)
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
