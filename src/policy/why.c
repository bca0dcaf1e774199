/*
 * why: see why.h.
 *
 * What is usual among the peers of a kind is worked out once for each trait. A server that has what
 * they have is done with there; one that has not costs a pass over the peers, in which values are
 * compared by their places, and which ends as soon as too many share its value.
 */
#include "policy/why.h"

#include "base/attr.h"
#include "base/str.h"
#include "base/text.h"
#include "model/stats.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PEERS_MIN 3
#define FEW 10 /* one in so many, at most */

/* How much a trait matters for speed. */
enum rank { SPEED, HARDWARE, UNRANKED, VERSION };

struct label {
    const char *what;
    const char *before, *after; /* around the value */
    enum rank rank;
    double least; /* of a sensor: by so much it must be worse */
};

static const struct label labels[] = {
    {"cpu_governor", "governor ", "", SPEED, 0},
    {"memory_bytes", "", " GiB memory", SPEED, 0},
    {"dimms", "", " DIMMs", SPEED, 0},
    {"dimms.configured_mts", "DIMM speed ", "", SPEED, 0},
    {"sensors.throttled_percent", "throttled ", " % of the time", SPEED, 1},
    {"sensors.throttled", "throttled ", " times", SPEED, 1},
    {"sensors.slow_percent", "slow clock ", " % of the time", SPEED, 10},
    {"sensors.stolen_percent", "stolen ", " % of the time", SPEED, 3},
    {"sensors.temperature_c", "", " C", SPEED, 10},
    {"sensors.busy_percent", "other processes ", " % of the time", SPEED, 10},
    {"sensors.memory_errors_corrected", "", " corrected memory errors", SPEED, 1},
    {"sensors.memory_errors_uncorrected", "", " uncorrected memory errors", SPEED, 1},
    {"sensors.held_per_second", "held ", " times a second", SPEED, 1},
    {"gpus.pcie_width", "GPU PCIe ", "", SPEED, 0},
    {"disks.pcie_width", "disk PCIe ", "", SPEED, 0},
    {"network.pcie_width", "network PCIe ", "", SPEED, 0},
    {"disks.pcie_gts", "disk PCIe ", " GT/s", SPEED, 0},
    {"network.pcie_gts", "network PCIe ", " GT/s", SPEED, 0},
    {"turbo", "turbo ", "", SPEED, 0},
    {"smt", "SMT ", "", SPEED, 0},
    {"threads", "", " CPUs online", SPEED, 0},
    {"allowed", "", " CPUs allowed", SPEED, 0},
    {"quota", "CPU quota ", "", SPEED, 0},
    {"cpu_max_mhz", "", " MHz at most", SPEED, 0},
    {"cpu_base_mhz", "", " MHz base", SPEED, 0},
    {"cpu_driver", "frequency driver ", "", SPEED, 0},
    {"gpus", "", " GPUs", SPEED, 0},
    {"numa_nodes", "", " NUMA nodes", SPEED, 0},
    {"dimms.speed_mts", "DIMMs rated ", "", HARDWARE, 0},
    {"dimms.size_bytes", "DIMMs of ", " GiB", HARDWARE, 0},
    {"disks.model", "disk ", "", HARDWARE, 0},
    {"hypervisor", "hypervisor ", "", HARDWARE, 0},
    {"container", "container ", "", HARDWARE, 0},
    {"cpu_microcode", "microcode ", "", VERSION, 0},
    {"bios_version", "BIOS ", "", VERSION, 0},
    {"bios_date", "BIOS of ", "", VERSION, 0},
    {"bios_maker", "BIOS by ", "", VERSION, 0},
    {"kernel", "kernel ", "", VERSION, 0},
    {"os", "", "", VERSION, 0},
    {"kernel_command_line", "kernel command line ", "", VERSION, 0},
    {"nvidia_driver", "NVIDIA driver ", "", VERSION, 0},
    {"gpus.vbios", "GPU BIOS ", "", VERSION, 0},
    {"gpus.firmware", "GPU firmware ", "", VERSION, 0},
    {"machine_model", "model ", "", VERSION, 0},
    {"board_model", "board ", "", VERSION, 0},
};

/* One that differs. */
struct difference {
    const struct trait *trait;
    const struct label *label;
    size_t order;
    const char *peers; /* what most of them have; NULL of a sensor */
    double median;     /* of a sensor */
    size_t agreeing, sharing, of;
};

/* What the peers of the kind in hand have of a trait, and how it is called. */
struct usual {
    const struct label *label; /* NULL: its key is its name */
    size_t order;              /* in the table above */
    uint32_t most;             /* what more than half of them have; 0: there is none */
    size_t agreeing, of;       /* so many of those that tell */
    const double *numbers;     /* of a sensor, ascending */
    double median;
};

struct work {
    const struct cohort *cohort;
    const struct traits *traits;
    const bool *found;
    size_t *peers; /* rows of the kind in hand */
    size_t peer_count;
    struct usual *usual;        /* one a trait */
    double *numbers;            /* of all sensors, one after the other */
    struct difference *differs; /* of the row in hand */
    size_t differ_count;
};

static const struct label *find_label(const char *what, size_t *order) {
    for (*order = 0; *order < ARRAY_LEN(labels); ++*order)
        if (strcmp(labels[*order].what, what) == 0)
            return &labels[*order];
    return NULL;
}

/* ---- one trait ---- */

/* Boyer and Moore's vote finds who may have a majority; then it is counted. */
static void find_majority(const struct work *w, const struct trait *t, struct usual *u) {
    uint32_t leader = 0;
    size_t votes = 0;
    *u = (struct usual){0};
    for (size_t i = 0; i < w->peer_count; i++) {
        uint32_t v = t->values[w->peers[i]];
        if (!v)
            continue;
        u->of++;
        if (votes == 0)
            leader = v;
        if (leader == v)
            votes++;
        else
            votes--;
    }
    for (size_t i = 0; leader && i < w->peer_count; i++)
        u->agreeing += t->values[w->peers[i]] == leader;
    u->most = 2 * u->agreeing > u->of ? leader : 0;
}

static int compare_numbers(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void sort_numbers(const struct work *w, const struct trait *t, double *numbers,
                         struct usual *u) {
    for (size_t i = 0; i < w->peer_count; i++)
        numbers[i] = t->numbers[w->peers[i]];
    qsort(numbers, w->peer_count, sizeof(*numbers), compare_numbers);
    *u = (struct usual){
        .of = w->peer_count, .numbers = numbers, .median = stats_median(numbers, w->peer_count)};
}

static void find_usual(struct work *w) {
    double *numbers = w->numbers;
    for (size_t i = 0; i < w->traits->count; i++) {
        const struct trait *t = &w->traits->items[i];
        struct usual *u = &w->usual[i];
        if (t->is_sensor) {
            sort_numbers(w, t, numbers, u);
            numbers += w->peer_count;
        } else if (t->values)
            find_majority(w, t, u);
        u->label = find_label(t->what, &u->order);
    }
}

/* Whether few of the peers have this value, and how many. */
static bool few_share(const struct work *w, const struct trait *t, uint32_t mine,
                      struct difference *d) {
    d->sharing = 0;
    for (size_t i = 0; i < w->peer_count && d->sharing * FEW <= d->of; i++)
        d->sharing += t->values[w->peers[i]] == mine;
    return d->sharing * FEW <= d->of;
}

static bool text_differs(const struct work *w, const struct trait *t, size_t row,
                         struct difference *d) {
    const struct usual *u = &w->usual[t - w->traits->items];
    uint32_t mine = t->values[row];
    if (!mine || !u->most || u->of < PEERS_MIN || mine == u->most)
        return false;
    d->peers = trait_text(t, u->most);
    d->agreeing = u->agreeing;
    d->of = u->of;
    return few_share(w, t, mine, d);
}

/* How many of n ascending numbers are no less than x. */
static size_t count_from(const double *numbers, size_t n, double x) {
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (numbers[middle] < x)
            low = middle + 1;
        else
            high = middle;
    }
    return n - low;
}

static bool sensor_differs(const struct work *w, const struct trait *t, size_t row,
                           struct difference *d) {
    const struct usual *u = &w->usual[t - w->traits->items];
    double mine = t->numbers[row];
    double least = d->label ? d->label->least : 0;
    if (!(mine > 0 && mine >= u->median + least && mine > u->median))
        return false;
    d->peers = NULL;
    d->of = u->of;
    d->median = u->median;
    d->sharing = count_from(u->numbers, u->of, mine);
    return d->sharing * FEW <= d->of;
}

/* ---- one server ---- */

static enum rank rank_of(const struct difference *d) {
    if (d->label)
        return d->label->rank;
    return strncmp(d->trait->what, "mitigations.", 12) == 0 ? VERSION : UNRANKED;
}

static int compare(const void *a, const void *b) {
    const struct difference *x = a, *y = b;
    double share_x = (double)x->sharing / (double)x->of;
    double share_y = (double)y->sharing / (double)y->of;
    if (rank_of(x) != rank_of(y))
        return rank_of(x) < rank_of(y) ? -1 : 1;
    if (share_x != share_y)
        return share_x < share_y ? -1 : 1;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return strcmp(x->trait->what, y->trait->what);
}

/* Of how often and for how long one says it: the share of the time. */
static void drop_count(struct work *w) {
    size_t count = SIZE_MAX;
    bool share = false;
    for (size_t i = 0; i < w->differ_count; i++) {
        const char *what = w->differs[i].trait->what;
        if (strcmp(what, "sensors.throttled") == 0)
            count = i;
        share |= strcmp(what, "sensors.throttled_percent") == 0;
    }
    if (share && count != SIZE_MAX)
        w->differs[count] = w->differs[--w->differ_count];
}

static void find_differences(struct work *w, size_t row) {
    w->differ_count = 0;
    for (size_t i = 0; i < w->traits->count; i++) {
        const struct trait *t = &w->traits->items[i];
        const struct usual *u = &w->usual[i];
        struct difference d = {.trait = t, .label = u->label, .order = u->order};
        if (!t->values && !t->numbers)
            continue;
        if (t->is_sensor ? sensor_differs(w, t, row, &d) : text_differs(w, t, row, &d))
            w->differs[w->differ_count++] = d;
    }
    drop_count(w);
    if (w->differ_count > 0)
        qsort(w->differs, w->differ_count, sizeof(*w->differs), compare);
}

/* ---- its words ---- */

static void add_value(struct str *out, const struct difference *d, size_t row) {
    if (d->trait->is_sensor)
        str_addf(out, "%.3g", d->trait->numbers[row]);
    else
        str_add(out, trait_text(d->trait, d->trait->values[row]));
}

static void add_peers(struct str *out, const struct difference *d) {
    if (d->trait->is_sensor)
        str_addf(out, "%.3g", d->median);
    else
        str_add(out, d->peers);
}

/* Lanes as the field writes them: x8, and x16/x8 of a list's items. */
static void add_lanes(struct str *out, const char *text) {
    str_add_char(out, 'x');
    for (; *text; text++) {
        str_add_char(out, *text);
        if (*text == '/')
            str_add_char(out, 'x');
    }
}

static bool is_lanes(const struct trait *t) {
    const char *dot = strrchr(t->what, '.');
    return !t->is_sensor && dot && strcmp(dot, ".pcie_width") == 0;
}

/* Numbers speak for themselves: `448 GiB memory (512)`; of words it is said who has them. */
static void add_detail(struct str *out, const struct difference *d, size_t row) {
    if (d->label)
        str_add(out, d->label->before);
    else
        str_addf(out, "%s ", d->trait->what);
    bool lanes = is_lanes(d->trait);
    if (lanes)
        add_lanes(out, trait_text(d->trait, d->trait->values[row]));
    else
        add_value(out, d, row);
    if (d->label)
        str_add(out, d->label->after);
    if (d->trait->is_sensor || isdigit((unsigned char)*d->peers)) {
        str_add(out, " (");
        if (lanes)
            add_lanes(out, d->peers);
        else
            add_peers(out, d);
        str_add_char(out, ')');
        return;
    }
    str_addf(out, " (peers: %s, %zu of %zu)", d->peers, d->agreeing, d->of);
}

static void add_member(struct str *out, const char *name, struct str *text) {
    str_addf(out, "\"%s\":", name);
    out->failed |= text->failed;
    text_add_json(out, text->data ? text->data : "", text->len);
    str_add_char(out, ',');
    str_clear(text);
}

static void add_difference(struct str *out, const struct difference *d, size_t row) {
    cleanup(str_done) struct str text = {0};
    str_add_char(out, '{');
    str_add(&text, d->trait->what);
    add_member(out, "what", &text);
    add_value(&text, d, row);
    add_member(out, "value", &text);
    add_peers(&text, d);
    add_member(out, "peers", &text);
    str_addf(out, "\"sharing\":%zu,\"of\":%zu,", d->sharing, d->of);
    add_detail(&text, d, row);
    add_member(out, "detail", &text);
    out->data[out->len - 1] = '}';
}

/* NULL in *ret where there is nothing to tell. */
static int tell_row(struct work *w, size_t row, char **ret) {
    struct str json = {0};
    find_differences(w, row);
    if (w->differ_count == 0)
        return 0;
    str_add_char(&json, '[');
    for (size_t i = 0; i < w->differ_count && !json.failed; i++) {
        if (i)
            str_add_char(&json, ',');
        add_difference(&json, &w->differs[i], row);
    }
    str_add_char(&json, ']');
    *ret = str_take(&json);
    return *ret ? 0 : -1;
}

/* ---- all of them ---- */

static bool is_to_explain(const struct work *w, size_t row) {
    return w->cohort->servers[row].verdict == VERDICT_FAILED || (w->found && w->found[row]);
}

static void take_peers(struct work *w, const struct cohort_kind *kind) {
    w->peer_count = 0;
    for (size_t i = 0; i < kind->count; i++) {
        size_t row = kind->rows[i];
        if (w->cohort->servers[row].verdict == VERDICT_PASSED && !is_to_explain(w, row))
            w->peers[w->peer_count++] = row;
    }
}

static int tell_kind(struct work *w, const struct cohort_kind *kind, char **why) {
    bool ready = false;
    take_peers(w, kind);
    for (size_t i = 0; w->peer_count >= PEERS_MIN && i < kind->count; i++) {
        size_t row = kind->rows[i];
        if (!is_to_explain(w, row))
            continue;
        if (!ready)
            find_usual(w);
        ready = true;
        if (tell_row(w, row, &why[row]) < 0)
            return -1;
    }
    return 0;
}

static int tell_kinds(struct work *w, const struct cohort_kinds *kinds, char **why) {
    for (size_t k = 0; k < kinds->count; k++)
        if (tell_kind(w, &kinds->items[k], why) < 0)
            return -1;
    return 0;
}

static size_t count_sensors(const struct traits *t) {
    size_t n = 0;
    for (size_t i = 0; i < t->count; i++)
        n += t->items[i].is_sensor;
    return n;
}

ssize_t why_concerns(const struct cohort *c, const bool *found, bool *concerned,
                     struct error *err) {
    struct work w = {.cohort = c, .found = found};
    struct cohort_kinds kinds;
    ssize_t count = 0;
    if (cohort_kinds(c, false, &kinds, err) < 0)
        return -1;
    for (size_t k = 0; k < kinds.count; k++) {
        const struct cohort_kind *kind = &kinds.items[k];
        bool any = false;
        for (size_t i = 0; i < kind->count && !any; i++)
            any = is_to_explain(&w, kind->rows[i]);
        for (size_t i = 0; i < kind->count; i++)
            concerned[kind->rows[i]] = any;
        count += any ? (ssize_t)kind->count : 0;
    }
    cohort_kinds_done(&kinds);
    return count;
}

int why_tell(const struct cohort *c, const struct traits *t, const bool *found, char **why,
             struct error *err) {
    struct work w = {.cohort = c, .traits = t, .found = found};
    struct cohort_kinds kinds = {0};
    memset(why, 0, c->server_count * sizeof(*why));
    if (c->server_count == 0)
        return 0;
    if (cohort_kinds(c, false, &kinds, err) < 0)
        return -1;
    w.peers = calloc(c->server_count, sizeof(*w.peers));
    w.numbers = calloc(count_sensors(t) * c->server_count + 1, sizeof(*w.numbers));
    w.usual = calloc(t->count + 1, sizeof(*w.usual));
    w.differs = calloc(t->count + 1, sizeof(*w.differs));
    int rc = w.peers && w.numbers && w.usual && w.differs ? tell_kinds(&w, &kinds, why) : -1;
    free(w.peers);
    free(w.numbers);
    free(w.usual);
    free(w.differs);
    cohort_kinds_done(&kinds);
    for (size_t i = 0; rc < 0 && i < c->server_count; i++) {
        free(why[i]);
        why[i] = NULL;
    }
    return rc < 0 ? error_memory(err) : 0;
}
