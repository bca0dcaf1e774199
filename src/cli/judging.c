/* judging: see judging.h. Here all servers are judged: each by itself, then by its peers. */
#include "cli/judging.h"

#include "policy/peers.h"

#include <stdlib.h>
#include <string.h>

void judging_done(struct judging *j) {
    for (size_t i = 0; j->outcomes && i < j->in.servers.count; i++)
        outcome_done(&j->outcomes[i]);
    for (size_t i = 0; j->findings && i < j->in.servers.count; i++)
        free(j->findings[i]);
    free(j->outcomes);
    free(j->findings);
    plan_done(&j->plan);
    free(j->scored);
    free(j->better);
    free(j->trials);
    free(j->words.lower.items);
    free(j->words.higher.items);
    free(j->words.ignored.items);
    str_done(&j->notes);
    cohort_done(&j->cohort);
    findings_done(&j->found);
    names_done(&j->benchmarks);
    baselines_done(&j->baselines);
    config_done(&j->config);
    measurements_done(&j->in);
}

int judging_each(struct judging *j, struct error *err,
                 int (*use)(struct judging *j, size_t server, struct server_result *r,
                            struct error *err)) {
    for (size_t i = 0, from = 0, to; i < j->in.servers.count; i++, from = to) {
        cleanup(server_result_done) struct server_result r = {0};
        for (to = from; to < j->in.count && j->in.items[to].server == i;)
            to++;
        if (judging_result(j, i, from, to, &r, err) < 0 || use(j, i, &r, err) < 0)
            return -1;
    }
    return 0;
}

static int add_server(struct judging *j, size_t server, const struct server_result *r,
                      struct error *err) {
    struct outcome *o = &j->outcomes[server];
    const char *name = j->in.servers.items[server];
    *o = (struct outcome){.server = name,
                          .verdict = r->verdict,
                          .reason = r->reason,
                          .flaky = server_result_flaky(r)};
    if (r->detail && !(o->detail = strdup(r->detail)))
        return error_memory(err);
    return cohort_add(&j->cohort, name, r, err);
}

static int take_server(struct judging *j, size_t server, struct server_result *r,
                       struct error *err) {
    return add_server(j, server, r, err);
}

/* The n findings of one server, the first one being the one that decides. */
static int settle_server(struct judging *j, const struct finding *f, size_t n, struct error *err) {
    struct outcome *o = &j->outcomes[f->row];
    struct str json = {0};
    finding_add_json(&json, f, n);
    if (!(j->findings[f->row] = str_take(&json)))
        return error_memory(err);
    if (j->words.outliers == OUTLIERS_FAIL && o->verdict == VERDICT_PASSED) {
        o->reason = f->what == FINDING_OUTLIER ? REASON_OUTLIER : REASON_MISSING_METRIC;
        o->verdict = reason_verdict(o->reason);
        free(o->detail);
        if (!(o->detail = strdup(f->detail)))
            return error_memory(err);
    }
    return finding_tell(o, j->findings[f->row], NULL, err);
}

static int settle(struct judging *j, struct error *err) {
    const struct findings *all = &j->found;
    findings_sort(&j->found);
    for (size_t i = 0, n; i < all->count; i += n) {
        for (n = 1; i + n < all->count && all->items[i + n].row == all->items[i].row;)
            n++;
        if (settle_server(j, &all->items[i], n, err) < 0)
            return -1;
    }
    findings_add_notes(&j->notes, all);
    for (size_t i = 0; i < j->run.total; i++)
        run_count(&j->run, j->outcomes[i].verdict);
    j->run.judged = true;
    return j->notes.failed ? error_memory(err) : 0;
}

int judging_judge(struct judging *j, struct error *err) {
    size_t n = j->in.servers.count;
    j->run.total = n;
    j->outcomes = calloc(n, sizeof(*j->outcomes));
    j->findings = calloc(n, sizeof(*j->findings));
    j->trials = malloc((j->in.count + 1) * sizeof(*j->trials));
    if (!j->outcomes || !j->findings || !j->trials)
        return error_memory(err);
    if (judging_each(j, err, take_server) < 0)
        return -1;
    if (j->words.outliers != OUTLIERS_OFF &&
        peers_judge(&j->cohort, &j->baselines, &j->found, err) < 0)
        return -1;
    return settle(j, err);
}
