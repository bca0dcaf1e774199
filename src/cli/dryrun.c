/* dryrun: see dryrun.h. The store is read where there is one; a run that has none makes it. */
#include "cli/dryrun.h"

#include "report/planlist.h"
#include "store/history.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

/* Leaves r->store NULL where there is none yet. */
static int open_store(struct runner *r, struct error *err) {
    if (store_open(r->output.store, STORE_READ, &r->store, err) == 0)
        return runner_baselines(r, err);
    r->store = NULL;
    return err->os == ENOENT ? 0 : -1;
}

static int read_history(const struct runner *r, double *took, struct error *err) {
    cleanup(free_ptr) const char **servers = calloc(r->servers.count + 1, sizeof(*servers));
    cleanup(free_ptr) const char **names = calloc(r->plan.benchmark_count + 1, sizeof(*names));
    if (!servers || !names)
        return error_memory(err);
    for (size_t i = 0; i < r->servers.count; i++)
        servers[i] = r->servers.items[i].name;
    for (size_t i = 0; i < r->plan.benchmark_count; i++)
        names[i] = r->plan.benchmarks[i].name;
    const struct store_planned planned = {.servers = servers,
                                          .server_count = r->servers.count,
                                          .benchmarks = names,
                                          .benchmark_count = r->plan.benchmark_count,
                                          .quick = r->options.plan.quick,
                                          .simulated = r->options.simulate};
    return store_expected_planned(r->store, &planned, took, err);
}

/* What a simulated server takes where no run tells: the mean of its dice, for each trial. */
static double simulated_seconds(const struct runner *r) {
    const struct simulation *s = &r->options.simulation;
    double part = s->skew > 0 ? 1 / (s->skew + 1) : 0.5, trials = 0;
    for (size_t i = 0; i < r->plan.benchmark_count; i++)
        trials += r->plan.benchmarks[i].trials;
    return trials * ((double)s->delay_min + part * (double)(s->delay_max - s->delay_min)) / 1e9;
}

static int forecast(const struct runner *r, struct forecast *ret, struct error *err) {
    cleanup(free_ptr) double *took = calloc(r->servers.count + 1, sizeof(*took));
    if (!took)
        return error_memory(err);
    for (size_t i = 0; i < r->servers.count; i++)
        took[i] = NAN;
    if (r->store && read_history(r, took, err) < 0)
        return -1;
    double otherwise = r->options.simulate ? simulated_seconds(r) : forecast_defaults(&r->plan);
    return forecast_make(&r->plan, took, r->servers.count, otherwise, ret, err);
}

static int print(const struct runner *r, int asked, struct error *err) {
    struct planned planned = {.plan = &r->plan, .servers = &r->servers, .asked = asked};
    if (forecast(r, &planned.forecast, err) < 0)
        return -1;
    if (r->output.json)
        return planlist_json(stdout, &planned, err);
    cleanup(str_done) struct str text = {0};
    planlist_add(&text, &planned);
    if (text.failed)
        return error_memory(err);
    fwrite(text.data, 1, text.len, stdout);
    return 0;
}

int dryrun(struct runner *r) {
    struct error err;
    int asked;
    if (runner_plan(r, &asked, &err) < 0 || open_store(r, &err) < 0 || print(r, asked, &err) < 0)
        return cli_fail(&err);
    return cli_flush();
}
