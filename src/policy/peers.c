/*
 * peers: see peers.h.
 *
 * One column of one kind at a time: its values are sorted once, and from them come the centre, or
 * two of them, that every server of the kind is held against.
 */
#include "policy/peers.h"

#include "base/vec.h"
#include "model/stats.h"
#include "model/student.h"

#include <math.h>
#include <stdlib.h>

/* What is judged now, and room that is used again for each column. */
struct judging {
    const struct cohort *cohort;
    const struct baselines *known;
    struct findings *findings;
    const struct cohort_kind *kind;
    const struct cohort_metric *metric;
    size_t metrics; /* that there are of the kind: so many chances to be wrong */
    double *sorted; /* the column's values, `count` of them; room for all servers */
    size_t count;
    size_t *scratch;  /* of modes_split(): twice that room */
    bool by_baseline; /* of the kind: a baseline stood in for too few peers */
};

/* The servers that a value is held against. */
struct group {
    struct stats_centre centre;
    size_t peers; /* besides the server */
    bool baseline;
};

double peers_cut(size_t metrics, size_t servers) {
    double freedom = PEERS_FREEDOM * (double)servers;
    double low = PEERS_Z, high = PEERS_Z_MOST;
    if ((double)metrics * student_p(low, freedom) / 2 <= PEERS_ALARMS)
        return low;
    while (high - low > 0.001) {
        double z = (low + high) / 2;
        if ((double)metrics * student_p(z, freedom) / 2 > PEERS_ALARMS)
            low = z;
        else
            high = z;
    }
    return high;
}

static bool is_peer(const struct cohort_server *s) {
    return s->measured && s->reason != REASON_WRONG_RESULT;
}

static char *outlier_sentence(const struct judging *b, const struct group *g, double value,
                              double percent, double z) {
    const struct cohort_metric *m = b->metric;
    bool below = value < g->centre.median;
    struct str text = {0};
    str_addf(&text, "%s %s ", m->benchmark, m->metric);
    finding_add_value(&text, value, m->unit);
    if (isnan(percent))
        str_addf(&text, ", %s", below ? "below " : "above ");
    else
        str_addf(&text, ", %.3g %% %s ", fabs(percent), below ? "below" : "above");
    str_add(&text, g->baseline ? "its kind's baseline of " : "its peers' ");
    finding_add_value(&text, g->centre.median, m->unit);
    if (isfinite(z))
        str_addf(&text, " (z %.1f", z);
    else
        str_add(&text, " (all the same");
    str_addf(&text, ", %zu %s)", g->peers, g->peers == 1 ? "server" : "servers");
    return str_take(&text);
}

/* Holds one value against its group. */
static int judge_value(const struct judging *b, size_t row, double value, const struct group *g,
                       struct error *err) {
    const struct cohort_metric *m = b->metric;
    double z = stats_robust_z(value, &g->centre);
    if (m->lower_is_better)
        z = -z;
    double percent = finding_percent(value, g->centre.median, m->lower_is_better);
    if (isnan(z) || z >= -PEERS_Z || percent > -PEERS_PERCENT ||
        z >= -peers_cut(b->metrics, g->peers + 1))
        return 0;
    struct finding f = {.what = FINDING_OUTLIER,
                        .row = row,
                        .benchmark = m->benchmark,
                        .metric = m->metric,
                        .unit = m->unit,
                        .value = value,
                        .expected = g->centre.median,
                        .percent = percent,
                        .z = z,
                        .peers = g->peers,
                        .detail = outlier_sentence(b, g, value, percent, z)};
    return findings_add(b->findings, &f, err);
}

/* The column's value of a server that is a peer; NAN when there is none. */
static double value_of(const struct judging *b, size_t row) {
    return is_peer(&b->cohort->servers[row]) ? b->metric->values[row] : NAN;
}

/* Each value against the group below or from `bound` on. */
static int judge_values(const struct judging *b, const struct group *lower, double bound,
                        const struct group *upper, struct error *err) {
    for (size_t i = 0; i < b->kind->count; i++) {
        size_t row = b->kind->rows[i];
        double value = value_of(b, row);
        if (!isnan(value) && judge_value(b, row, value, value < bound ? lower : upper, err) < 0)
            return -1;
    }
    return 0;
}

static char *groups_sentence(const struct judging *b, const struct modes_split *s) {
    const struct cohort_metric *m = b->metric;
    struct str text = {0};
    str_addf(&text, "%s %s of kind %s is in two groups: %zu servers around ", m->benchmark,
             m->metric, b->kind->kind, b->count - s->first);
    finding_add_value(&text, s->upper.median, m->unit);
    str_addf(&text, ", %zu around ", s->first);
    finding_add_value(&text, s->lower.median, m->unit);
    str_add(&text, "; each was judged by itself");
    return str_take(&text);
}

bool peers_split(const double *sorted, size_t n, size_t *scratch, struct modes_split *ret) {
    size_t least = (size_t)ceil(PEERS_SHARE * (double)n);
    if (least < PEERS_LEAST)
        least = PEERS_LEAST;
    if (n < 2 * least || !modes_split(sorted, n, least, scratch, ret))
        return false;
    double percent = finding_percent(ret->lower.median, ret->upper.median, false);
    return isnan(percent) || percent <= -PEERS_PERCENT;
}

static int judge_by_peers(struct judging *b, struct error *err) {
    struct modes_split split;
    stats_sort(b->sorted, b->count);
    if (!peers_split(b->sorted, b->count, b->scratch, &split)) {
        struct group all = {stats_centre(b->sorted, b->count), b->count - 1, false};
        return judge_values(b, &all, INFINITY, &all, err);
    }
    struct group lower = {split.lower, split.first - 1, false};
    struct group upper = {split.upper, b->count - split.first - 1, false};
    if (findings_note(b->findings, groups_sentence(b, &split), err) < 0)
        return -1;
    return judge_values(b, &lower, b->sorted[split.first], &upper, err);
}

/* A baseline in another unit, of another mind of what is better, or of few servers, is none. */
static bool fits(const struct baseline *known, const struct cohort_metric *m) {
    const char *unit = m->unit ? m->unit : "", *its = known->unit ? known->unit : "";
    return known->lower_is_better == m->lower_is_better && strcmp(unit, its) == 0 &&
           known->count >= PEERS_LEAST;
}

static int judge_by_baseline(struct judging *b, struct error *err) {
    const struct baseline *known = b->known
                                       ? baselines_find(b->known, b->kind->kind, b->kind->disk,
                                                        b->metric->benchmark, b->metric->metric)
                                       : NULL;
    if (!known || !fits(known, b->metric))
        return 0;
    b->by_baseline = true;
    struct group g = {{known->median, known->scale}, (size_t)known->count, true};
    return judge_values(b, &g, INFINITY, &g, err);
}

static char *missing_sentence(const struct judging *b, size_t others) {
    struct str text = {0};
    str_addf(&text, "%s %s was not measured; %zu of its %zu peers have it", b->metric->benchmark,
             b->metric->metric, b->count, others);
    return str_take(&text);
}

/* `judged` servers of the kind are peers. */
static int find_missing(const struct judging *b, size_t judged, struct error *err) {
    if (b->count == judged || b->count < PEERS_LEAST ||
        (double)b->count < PEERS_HAVE * (double)(judged - 1))
        return 0;
    for (size_t i = 0; i < b->kind->count; i++) {
        size_t row = b->kind->rows[i];
        if (!is_peer(&b->cohort->servers[row]) || !isnan(b->metric->values[row]))
            continue;
        struct finding f = {.what = FINDING_MISSING,
                            .row = row,
                            .benchmark = b->metric->benchmark,
                            .metric = b->metric->metric,
                            .unit = b->metric->unit,
                            .value = NAN,
                            .expected = stats_median(b->sorted, b->count),
                            .percent = NAN,
                            .z = NAN,
                            .peers = judged - 1,
                            .detail = missing_sentence(b, judged - 1)};
        if (findings_add(b->findings, &f, err) < 0)
            return -1;
    }
    return 0;
}

static size_t peers_of(const struct judging *b) {
    size_t n = 0;
    for (size_t i = 0; i < b->kind->count; i++)
        n += is_peer(&b->cohort->servers[b->kind->rows[i]]);
    return n;
}

static int judge_column(struct judging *b, size_t judged, struct error *err) {
    b->count = 0;
    for (size_t i = 0; i < b->kind->count; i++) {
        double value = value_of(b, b->kind->rows[i]);
        if (!isnan(value))
            b->sorted[b->count++] = value;
    }
    if (b->count == 0)
        return 0;
    int rc = b->count < PEERS_LEAST ? judge_by_baseline(b, err) : judge_by_peers(b, err);
    return rc < 0 ? -1 : find_missing(b, judged, err);
}

/* How many metrics there are of this kind: so many chances to be wrong. */
static size_t metrics_of(const struct judging *b) {
    size_t n = 0;
    for (size_t m = 0; m < b->cohort->metric_count; m++)
        for (size_t i = 0; i < b->kind->count; i++)
            if (!isnan(b->cohort->metrics[m].values[b->kind->rows[i]])) {
                n++;
                break;
            }
    return n;
}

/* The metrics that are judged among such groups: those of disks, or all others. */
static int judge_kind(struct judging *b, bool by_disk, struct error *err) {
    size_t judged = peers_of(b);
    b->metrics = metrics_of(b);
    b->by_baseline = false;
    for (size_t i = 0; judged > 0 && i < b->cohort->metric_count; i++) {
        b->metric = &b->cohort->metrics[i];
        if (cohort_by_disk(b->metric) == by_disk && judge_column(b, judged, err) < 0)
            return -1;
    }
    return 0;
}

/* What is said of kinds that nobody could judge: `web: 3 servers`, among servers that were. */
static int note_small(struct str *small, size_t n, struct findings *ret, struct error *err) {
    struct str text = {0};
    str_addf(&text,
             "%s not judged by peers, which takes %d servers, and %s no baseline of as many: ",
             n == 1 ? "a kind was" : "kinds were", PEERS_LEAST, n == 1 ? "has" : "have");
    str_add(&text, small->data ? small->data : "");
    text.failed |= small->failed;
    return findings_note(ret, str_take(&text), err);
}

static int judge_kinds(struct judging *b, bool by_disk, struct error *err) {
    cleanup(cohort_kinds_done) struct cohort_kinds kinds = {0};
    cleanup(str_done) struct str small = {0};
    size_t few = 0;
    if (cohort_kinds(b->cohort, by_disk, &kinds, err) < 0)
        return -1;
    for (size_t i = 0; i < kinds.count; i++) {
        b->kind = &kinds.items[i];
        if (judge_kind(b, by_disk, err) < 0)
            return -1;
        size_t judged = peers_of(b);
        if (judged == 0 || judged >= PEERS_LEAST || b->by_baseline)
            continue;
        str_addf(&small, "%s%s (%zu)", few++ ? ", " : "", b->kind->kind, judged);
    }
    /* of a run that is small as a whole nobody expects it */
    bool expected = b->cohort->server_count >= PEERS_LEAST;
    return few > 0 && !by_disk && expected ? note_small(&small, few, b->findings, err) : 0;
}

int peers_judge(const struct cohort *c, const struct baselines *known, struct findings *ret,
                struct error *err) {
    struct judging b = {.cohort = c, .known = known, .findings = ret};
    size_t room = c->server_count ? c->server_count : 1;
    b.sorted = malloc(room * sizeof(*b.sorted));
    b.scratch = malloc(2 * room * sizeof(*b.scratch));
    int rc = b.sorted && b.scratch ? 0 : error_memory(err);
    if (rc == 0)
        rc = judge_kinds(&b, false, err);
    if (rc == 0)
        rc = judge_kinds(&b, true, err);
    free(b.sorted);
    free(b.scratch);
    return rc;
}
