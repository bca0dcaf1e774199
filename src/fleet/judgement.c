/*
 * judgement: see judgement.h.
 *
 * Three steps: take() makes each server's result a row, and its numbers one of the cohort; the pure
 * judging adds findings; settle() turns both into what is written. Only rows that changed are
 * written. What servers say of themselves is read of those kinds alone of which there is a server
 * to explain: it is the larger part of what the store holds, and its parsing costs more than all
 * the judging.
 */
#include "fleet/judgement.h"

#include "base/attr.h"
#include "base/text.h"
#include "fleet/past.h"
#include "policy/finding.h"
#include "policy/idlekind.h"
#include "policy/misfit.h"
#include "policy/peers.h"
#include "policy/traits.h"
#include "policy/why.h"
#include "sync/log.h"

#include <stdlib.h>
#include <string.h>

/* A server of which there is something to say, as it stands in the store, and what becomes of it.
 */
struct row {
    char *name; /* once something was found */
    enum verdict verdict, new_verdict;
    enum reason reason, new_reason;
    char *detail, *findings, *why;
    char *new_detail; /* the same text where it stays */
    char *new_findings, *new_why;
};

struct judgement {
    const struct plan *plan;
    struct run *run;
    struct cohort cohort;
    struct row **rows; /* the cohort's: the run's servers in their order; NULL: passed, no more */
    size_t taken;      /* rows that have a verdict */
    size_t next;       /* the row whose turn it is as the store is read */
    bool sensed;       /* whether any server had sensors */
    struct traits traits;
    struct findings found;
    struct misfits misfits;
    bool *concerned;  /* of each row, whether its traits are needed */
    struct str notes; /* a JSON array; empty: none */
};

static void row_free(struct row *r) {
    if (!r)
        return;
    if (r->new_detail != r->detail)
        free(r->new_detail);
    free(r->name);
    free(r->detail);
    free(r->findings);
    free(r->why);
    free(r->new_findings);
    free(r->new_why);
    free(r);
}

void judgement_free(struct judgement *j) {
    if (!j)
        return;
    for (size_t i = 0; j->rows && i < j->cohort.server_count; i++)
        row_free(j->rows[i]);
    free(j->rows);
    free(j->concerned);
    cohort_done(&j->cohort);
    traits_done(&j->traits);
    findings_done(&j->found);
    misfits_done(&j->misfits);
    str_done(&j->notes);
    free(j);
}

int judgement_new(size_t servers, struct judgement **ret, struct error *err) {
    struct judgement *j = calloc(1, sizeof(*j));
    if (!j)
        return error_memory(err);
    j->rows = calloc(servers + 1, sizeof(struct row *));
    j->concerned = calloc(servers + 1, sizeof(*j->concerned));
    if (!j->rows || !j->concerned || cohort_add_rows(&j->cohort, servers) < 0) {
        judgement_free(j);
        return error_memory(err);
    }
    *ret = j;
    return 0;
}

static bool is_taken(const struct judgement *j, size_t at) {
    return j->cohort.servers[at].verdict != VERDICT_CANCELLED;
}

/* That of a server, made if need be; NULL: no memory. */
static struct row *row_of(struct judgement *j, size_t at) {
    struct row **row = &j->rows[at];
    if (!*row && (*row = calloc(1, sizeof(**row))))
        (*row)->verdict = (*row)->new_verdict = VERDICT_PASSED;
    return *row;
}

static bool is_judged_here(enum reason reason) {
    return reason == REASON_OUTLIER || reason == REASON_MISSING_METRIC;
}

static int copy(const char *text, char **ret) {
    *ret = text ? strdup(text) : NULL;
    return text && !*ret ? -1 : 0;
}

/* What stands in the store of a server that did not just pass. */
static int take_texts(struct judgement *j, size_t at, const struct server_result *r) {
    const struct cohort_server *s = &j->cohort.servers[at];
    if (r->verdict == VERDICT_PASSED && !r->detail && !r->findings && !r->why)
        return 0;
    struct row *row = row_of(j, at);
    if (!row)
        return -1;
    row->verdict = r->verdict;
    row->reason = r->reason;
    row->new_verdict = s->verdict;
    row->new_reason = s->reason;
    if (copy(r->detail, &row->detail) < 0 || copy(r->findings, &row->findings) < 0 ||
        copy(r->why, &row->why) < 0)
        return -1;
    row->new_detail = is_judged_here(r->reason) ? NULL : row->detail;
    return 0;
}

/* What a server was before it was judged by others: one that was failed for them had passed. */
static int take(struct judgement *j, size_t at, const struct server_result *r, struct error *err) {
    struct cohort_server *s = &j->cohort.servers[at];
    int rc = cohort_put(&j->cohort, at, r, err);
    if (is_judged_here(s->reason)) {
        s->verdict = VERDICT_PASSED;
        s->reason = REASON_NONE;
    }
    if (rc == 0 && (take_texts(j, at, r) < 0 || misfits_take(&j->misfits, r, err) < 0))
        rc = error_memory(err);
    if (rc < 0) {
        row_free(TAKE(j->rows[at]));
        s->verdict = VERDICT_CANCELLED;
        return -1;
    }
    for (size_t i = 0; i < r->benchmark_count; i++)
        j->sensed |= r->benchmarks[i].sensors != NULL;
    j->taken++;
    return 0;
}

void judgement_take(struct judgement *j, size_t position, const struct server_result *r) {
    struct error ignored;
    bool takes = r->verdict != VERDICT_CANCELLED && position < j->cohort.server_count;
    if (takes && take(j, position, r, &ignored) < 0)
        return; /* judgement_make() reads it */
}

static int read_row(void *arg, const char *server, const struct server_result *r,
                    struct error *err) {
    struct judgement *j = arg;
    size_t at = j->next++;
    (void)server;
    if (at >= j->cohort.server_count || is_taken(j, at) || r->verdict == VERDICT_CANCELLED)
        return 0;
    return take(j, at, r, err);
}

static int read_rest(struct judgement *j, struct store *store, struct error *err) {
    if (j->taken == j->run->passed + j->run->failed + j->run->errors)
        return 0;
    return store_each(store, j->run->id, read_row, j, err);
}

static int read_facts(void *arg, size_t position, const char *text, struct error *err) {
    struct judgement *j = arg;
    if (position >= j->cohort.server_count || !j->concerned[position])
        return 0;
    return traits_put_facts(&j->traits, position, text, err);
}

static int read_sensors(void *arg, size_t position, const char *text, struct error *err) {
    struct judgement *j = arg;
    if (position >= j->cohort.server_count || !j->concerned[position])
        return 0;
    return traits_put_sensors(&j->traits, position, text, err);
}

/*
 * What is different about those that did not pass, or on which something was found. A server that
 * fails here is no peer of another, nor one that is an outlier and passes.
 */
static int tell_why(struct judgement *j, struct store *store, struct error *err) {
    size_t n = j->cohort.server_count;
    cleanup(free_ptr) bool *found = calloc(n + 1, sizeof(*found));
    cleanup(free_ptr) char **why = calloc(n + 1, sizeof(*why));
    if (!found || !why)
        return error_memory(err);
    for (size_t i = 0; i < j->found.count; i++)
        found[j->found.items[i].row] = true;
    ssize_t concerned = why_concerns(&j->cohort, found, j->concerned, err);
    if (concerned <= 0)
        return (int)concerned;
    j->traits.rows = n;
    if (store_each_facts(store, j->run->id, read_facts, j, err) < 0 ||
        (j->sensed && store_each_sensors(store, j->run->id, read_sensors, j, err) < 0) ||
        why_tell(&j->cohort, &j->traits, found, why, err) < 0)
        return -1;
    int rc = 0;
    for (size_t i = 0; i < n; i++) {
        struct row *row = why[i] ? row_of(j, i) : NULL;
        if (row)
            row->new_why = why[i];
        else if (why[i]) {
            free(why[i]);
            rc = error_memory(err);
        }
    }
    return rc;
}

static int judge(struct judgement *j, struct store *store, struct error *err) {
    cohort_sort_metrics(&j->cohort); /* they came in any order */
    if (j->plan->outliers != OUTLIERS_OFF &&
        peers_judge(&j->cohort, j->plan->baselines, &j->found, err) < 0)
        return -1;
    if (misfits_tell(&j->misfits, &j->found, err) < 0 ||
        idlekind_tell(j->plan, &j->cohort, &j->found, err) < 0 ||
        past_judge(store, j->run->id, &j->cohort, &j->found, err) < 0)
        return -1;
    findings_sort(&j->found);
    return tell_why(j, store, err);
}

/* A finding that decides, in a row that passed otherwise. */
static bool decides(const struct judgement *j, const struct row *row, const struct finding *f) {
    return j->plan->outliers == OUTLIERS_FAIL && row->new_verdict == VERDICT_PASSED &&
           f->what != FINDING_DRIFT;
}

/* The findings of one row, `n` of them, the first one being the one that decides. */
static int settle_row(struct judgement *j, const struct finding *f, size_t n, struct error *err) {
    struct row *row = row_of(j, f->row);
    struct str json = {0};
    if (!row)
        return error_memory(err);
    finding_add_json(&json, f, n);
    if (!(row->new_findings = str_take(&json)))
        return error_memory(err);
    if (!decides(j, row, f))
        return 0;
    row->new_reason = f->what == FINDING_OUTLIER ? REASON_OUTLIER : REASON_MISSING_METRIC;
    row->new_verdict = reason_verdict(row->new_reason);
    row->new_detail = finding_decides(f, n);
    return row->new_detail ? 0 : error_memory(err);
}

static int settle(struct judgement *j, struct error *err) {
    const struct findings *all = &j->found;
    for (size_t i = 0, n; i < all->count; i += n) {
        for (n = 1; i + n < all->count && all->items[i + n].row == all->items[i].row;)
            n++;
        if (settle_row(j, &all->items[i], n, err) < 0)
            return -1;
    }
    findings_add_notes(&j->notes, all);
    return j->notes.failed ? error_memory(err) : 0;
}

static bool same(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool changed(const struct row *r) {
    return r->verdict != r->new_verdict || r->reason != r->new_reason ||
           !same(r->detail, r->new_detail) || !same(r->findings, r->new_findings) ||
           !same(r->why, r->new_why);
}

static void count(struct run *run, enum verdict verdict, int by) {
    if (verdict == VERDICT_PASSED)
        run->passed = (size_t)((ssize_t)run->passed + by);
    else if (verdict == VERDICT_FAILED)
        run->failed = (size_t)((ssize_t)run->failed + by);
}

static size_t count_changed(const struct judgement *j) {
    size_t n = 0;
    for (size_t i = 0; i < j->cohort.server_count; i++)
        n += j->rows[i] && changed(j->rows[i]);
    return n;
}

static int write(struct judgement *j, struct store *store, struct error *err) {
    cleanup(free_ptr) struct store_judged *judged = NULL;
    struct run counted = *j->run;
    size_t n = 0;
    judged = calloc(count_changed(j) + 1, sizeof(*judged));
    if (!judged)
        return error_memory(err);
    for (size_t i = 0; i < j->cohort.server_count; i++) {
        const struct row *r = j->rows[i];
        if (!r || !changed(r))
            continue;
        judged[n++] = (struct store_judged){
            i, r->new_verdict, r->new_reason, r->new_detail, r->new_findings, r->new_why};
        count(&counted, r->verdict, -1);
        count(&counted, r->new_verdict, 1);
    }
    int rc = store_judge(store, &counted, judged, n, j->notes.data, err);
    if (rc != 0)
        return rc;
    counted.judged = true;
    *j->run = counted;
    return 0;
}

static int take_name(void *arg, size_t position, const char *text, struct error *err) {
    struct judgement *j = arg;
    struct row *row = position < j->cohort.server_count ? j->rows[position] : NULL;
    struct str name = {0};
    if (!row || !row->new_findings)
        return 0;
    text_add_printable(&name, text ? text : "", text ? strlen(text) : 0, SIZE_MAX);
    row->name = str_take(&name);
    return row->name ? 0 : error_memory(err);
}

/* One line for each server that something was found on. */
static void report(const struct row *r, const struct outcome *o) {
    log_bind("server", r->name);
    if (is_judged_here(r->new_reason))
        log_error("server failed", LOG_S("verdict", verdict_name(r->new_verdict)),
                  LOG_S("reason", reason_name(r->new_reason)), LOG_S("detail", r->new_detail),
                  LOG_S("why", o->why));
    else
        log_warning("server stands out", LOG_S("outlier", o->outlier), LOG_S("missing", o->missing),
                    LOG_S("drift", o->drift), LOG_S("why", o->why));
    log_unbind("server");
}

/* Tells of one server; *o becomes what is on disk. */
static int tell_row(const struct row *r, struct outcome *o, struct error *err) {
    o->verdict = r->new_verdict;
    o->reason = r->new_reason;
    free(TAKE(o->detail));
    if (copy(r->new_detail, &o->detail) < 0 ||
        finding_tell(o, r->new_findings, r->new_why, err) < 0)
        return error_memory(err);
    if (r->new_findings)
        report(r, o);
    return 0;
}

static int tell(struct judgement *j, struct outcome *outcomes, struct error *err) {
    for (size_t i = 0; i < j->cohort.server_count; i++) {
        cleanup(outcome_done) struct outcome unasked = {0};
        const struct row *r = j->rows[i];
        if (r && tell_row(r, outcomes ? &outcomes[i] : &unasked, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < j->found.note_count; i++)
        log_info("of the run", LOG_S("note", j->found.notes[i]));
    return 0;
}

int judgement_make(struct judgement *j, struct store *store, const struct plan *plan,
                   struct run *run, struct outcome *outcomes, struct error *err) {
    j->plan = plan;
    j->run = run;
    if (read_rest(j, store, err) < 0 || judge(j, store, err) < 0 || settle(j, err) < 0 ||
        (j->found.count > 0 && store_each_name(store, run->id, take_name, j, err) < 0))
        return -1;
    int rc = write(j, store, err);
    return rc == 0 ? tell(j, outcomes, err) : rc;
}
