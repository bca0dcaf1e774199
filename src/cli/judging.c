/* judging: see judging.h. Here all servers are judged: each by itself, then by its peers. */
#include "cli/judging.h"

#include "policy/idlekind.h"
#include "policy/peers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 5 /* of a list in a note */

void judging_done(struct judging *j) {
    for (size_t i = 0; j->outcomes && i < j->in.servers.count; i++)
        outcome_done(&j->outcomes[i]);
    for (size_t i = 0; j->findings && i < j->in.servers.count; i++)
        free(j->findings[i]);
    free(j->outcomes);
    free(j->findings);
    free(j->judged);
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
    misfits_done(&j->misfits);
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
    j->judged[server] = r->verdict != VERDICT_PASSED;
    for (size_t i = 0; i < r->benchmark_count; i++)
        if (!isnan(r->benchmarks[i].score))
            j->judged[server] = j->scores = true;
    if (misfits_take(&j->misfits, r, err) < 0)
        return -1;
    return add_server(j, server, r, err);
}

/* ---- notes ---- */

void judging_list_add(struct judging_list *l, const char *name) {
    if (l->count++ < SHOWN)
        str_addf(&l->text, "%s%s", l->count > 1 ? ", " : "", name);
}

int judging_note(struct judging *j, const char *what, struct judging_list *l, struct error *err) {
    struct str note = {0};
    if (l->count > 0)
        str_addf(&note, "%s %s", what, l->text.data ? l->text.data : "");
    if (l->count > SHOWN)
        str_addf(&note, " and %zu more", l->count - SHOWN);
    note.failed |= l->text.failed;
    str_done(&l->text);
    return l->count > 0 ? findings_note(&j->found, str_take(&note), err) : 0;
}

/* A server without a score passes for want of peers: nobody is to think that it was judged. */
static int note_unjudged(struct judging *j, struct error *err) {
    struct judging_list unjudged = {0};
    struct cohort_kinds kinds;
    if (cohort_kinds(&j->cohort, false, &kinds, err) < 0)
        return -1;
    for (size_t i = 0; i < kinds.count; i++)
        for (size_t k = 0; k < kinds.items[i].count; k++) {
            size_t row = kinds.items[i].rows[k];
            bool peers = j->words.outliers != OUTLIERS_OFF && kinds.items[i].count >= PEERS_LEAST;
            if (!peers && !j->judged[row])
                judging_list_add(&unjudged, j->in.servers.items[row]);
        }
    cohort_kinds_done(&kinds);
    return judging_note(
        j, "passed unjudged, without a threshold, a baseline or enough peers:", &unjudged, err);
}

/* Who asks for a threshold is to know that nothing was held against it. */
static int note_threshold(struct judging *j, struct error *err) {
    struct str note = {0};
    if (isnan(j->words.threshold) || j->scores)
        return 0;
    str_addf(&note,
             "nothing was held against the threshold %g: no benchmark has a score, which takes the "
             "configuration or a baseline",
             j->words.threshold);
    return findings_note(&j->found, str_take(&note), err);
}

/* ---- all of them ---- */

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
        if (!(o->detail = finding_decides(f, n)))
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
    j->judged = calloc(n, sizeof(*j->judged));
    if (!j->outcomes || !j->findings || !j->judged || !j->trials)
        return error_memory(err);
    if (judging_each(j, err, take_server) < 0)
        return -1;
    if (misfits_tell(&j->misfits, &j->found, err) < 0 ||
        idlekind_tell(&j->plan, &j->cohort, &j->found, err) < 0)
        return -1;
    if (j->words.outliers != OUTLIERS_OFF &&
        peers_judge(&j->cohort, &j->baselines, &j->found, err) < 0)
        return -1;
    if (note_threshold(j, err) < 0 || note_unjudged(j, err) < 0)
        return -1;
    return settle(j, err);
}
