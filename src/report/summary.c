/*
 * summary: see summary.h.
 *
 *     failed, below-threshold: web[03-04]
 *       web03  cpu scored 34, below 50
 *       web04  cpu scored 41, below 50
 *
 *     error, unreachable: db1
 *       db1  connection refused by 10.0.0.7 port 22
 *
 *     flaky, passed but not for certain: web08
 *
 *     outliers, by their peers: web05
 *       web05  memory triad 87.3 GB/s, 12.7 % below its peers' 100 GB/s (z -9.4, 31 servers)
 *              governor powersave (peers: performance, 31 of 31)
 *
 *     slower than itself: web07
 *       web07  memory -12 % since 2026-10-02
 *
 *     note: memory triad of kind X is in two groups: 60 servers around 100, 40 around 85
 *
 *     stopped: 4 of 10 servers ended in error, more than 30%
 *
 *     Out of 10, 3 servers failed. 7 passed, 2 failed, 1 error in 12.3s, run
 * 20261122-111344-7f3a2c.
 */
#include "report/summary.h"

#include "base/colours.h"
#include "report/serverlist.h"
#include "wire/jsontext.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static size_t utf8_width(const char *text) {
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* `colour`: NULL for none. */
static void add_coloured(struct str *out, const char *colour, const char *text) {
    str_addf(out, "%s%s%s", colour ? colour : "", text, colour ? COLOUR_NONE : "");
}

static const char *colour_of(enum verdict v) {
    return v == VERDICT_PASSED   ? COLOUR_PASSED
           : v == VERDICT_FAILED ? COLOUR_FAILED
           : v == VERDICT_ERROR  ? COLOUR_ERROR
                                 : NULL;
}

/* Which of its sentences an outcome is told with. */
typedef const char *sentence_fn(const struct outcome *o);

static const char *detail_of(const struct outcome *o) {
    return o->detail;
}

static const char *outlier_of(const struct outcome *o) {
    return o->outlier;
}

static const char *missing_of(const struct outcome *o) {
    return o->missing;
}

static const char *drift_of(const struct outcome *o) {
    return o->drift;
}

static void add_details(struct str *out, const struct outcome *const *group, size_t n,
                        sentence_fn *sentence) {
    size_t shown = n > SUMMARY_DETAILS ? SUMMARY_DETAILS : n;
    size_t width = 0;
    for (size_t i = 0; i < shown; i++) {
        size_t w = utf8_width(group[i]->server);
        width = w > width ? w : width;
    }
    for (size_t i = 0; i < shown; i++) {
        int pad = (int)(width - utf8_width(group[i]->server));
        const char *text = sentence(group[i]);
        str_addf(out, "  %s%*s  %s\n", group[i]->server, pad, "", text ? text : "");
        if (group[i]->why && sentence != drift_of)
            str_addf(out, "  %*s  %s\n", (int)width, "", group[i]->why);
    }
    if (n > shown)
        str_addf(out, "  and %zu more\n", n - shown);
}

static void add_names(struct str *out, const struct outcome *const *group, size_t n) {
    const char **names = calloc(n, sizeof(*names));
    if (!names) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        names[i] = group[i]->server;
    serverlist_add(out, names, n);
    str_add_char(out, '\n');
    free(names);
}

/* `running`: what has no verdict has a turn yet, and is not worth a line each. */
static void add_group(struct str *out, enum reason reason, bool running, bool colour,
                      const struct outcome *const *group, size_t n) {
    bool to_come = running && reason == REASON_INTERRUPTED;
    enum verdict verdict = reason_verdict(reason);
    if (to_come) {
        str_add(out, "to come: ");
    } else {
        add_coloured(out, colour ? colour_of(verdict) : NULL, verdict_name(verdict));
        str_addf(out, ", %s: ", reason_name(reason));
    }
    add_names(out, group, n);
    if (!to_come)
        add_details(out, group, n, detail_of);
    str_add_char(out, '\n');
}

static void add_count(struct str *out, size_t n, const char *what, const char *colour,
                      bool *first) {
    char count[64];
    if (n == 0)
        return;
    snprintf(count, sizeof(count), "%zu %s", n, what);
    str_add(out, *first ? " " : ", ");
    add_coloured(out, colour, count);
    *first = false;
}

/* The first sentence is the log's last event, word for word: one thing to look for in both. */
static void add_totals(struct str *out, const struct run *run, bool colour) {
    bool first = true, running = run_goes_on(run);
    size_t failed = run->total - run->passed - (running ? run->cancelled : 0);
    str_addf(out, "Out of %zu, %zu servers failed%s.", run->total, failed,
             running ? " so far" : "");
    add_count(out, run->passed, "passed", colour ? COLOUR_PASSED : NULL, &first);
    add_count(out, run->failed, "failed", colour ? COLOUR_FAILED : NULL, &first);
    add_count(out, run->errors, run->errors == 1 ? "error" : "errors", colour ? COLOUR_ERROR : NULL,
              &first);
    add_count(out, run->cancelled, running ? "to come" : "cancelled", NULL, &first);
    str_addf(out, " in %.1fs", isnan(run->seconds) ? 0 : run->seconds);
    if (run->id[0])
        str_addf(out, ", run %s", run->id);
    if (run->workers > 1)
        str_addf(out, ", worked on by %zu workers", run->workers);
    else if (run->holder.pid)
        str_addf(out, ", worked on by process %lld", (long long)run->holder.pid);
    else if (running)
        str_add(out, ", waiting for a worker");
    else if (run->cancelled)
        str_addf(out, "; `muster resume %s` does the rest", run->id);
    else if (run->id[0] && !run->judged)
        str_addf(out, "; not judged by peers yet: `muster resume %s` does that", run->id);
    str_add(out, ".\n");
}

static bool is_flaky(const struct outcome *o) {
    return o->flaky;
}

/* What did not pass at first, and passed when it was run again. */
static bool passed_later(const struct outcome *o) {
    return o->earlier > 0 && o->verdict == VERDICT_PASSED;
}

/* Names those of the run's servers that are so, when there are any. */
static void add_those(struct str *out, const char *colour, const char *title, const struct run *run,
                      const struct outcome *outcomes, bool (*are)(const struct outcome *o),
                      const struct outcome **room) {
    size_t n = 0;
    for (size_t i = 0; i < run->total; i++)
        if (are(&outcomes[i]))
            room[n++] = &outcomes[i];
    if (n == 0)
        return;
    add_coloured(out, colour, title);
    str_add(out, ": ");
    add_names(out, room, n);
    str_add_char(out, '\n');
}

/* Those that have such a sentence, named and with the sentence. */
static void add_told(struct str *out, const char *colour, const char *title, const struct run *run,
                     const struct outcome *outcomes, sentence_fn *sentence,
                     const struct outcome **room) {
    size_t n = 0;
    for (size_t i = 0; i < run->total; i++)
        if (sentence(&outcomes[i]))
            room[n++] = &outcomes[i];
    if (n == 0)
        return;
    add_coloured(out, colour, title);
    str_add(out, ": ");
    add_names(out, room, n);
    add_details(out, room, n, sentence);
    str_add_char(out, '\n');
}

static void add_notes(struct str *out, const char *notes) {
    struct error ignored;
    json_t *list = notes ? jsontext_read(notes, &ignored) : NULL, *note;
    size_t i;
    json_array_foreach(list, i, note) {
        const char *text = json_string_value(note);
        if (text)
            str_addf(out, "note: %s\n\n", text);
    }
    json_decref(list);
}

void summary_add(struct str *out, const struct run *run, const struct outcome *outcomes,
                 const char *notes, bool colour) {
    const struct outcome **group = calloc(run->total ? run->total : 1, sizeof(*group));
    if (!group) {
        out->failed = true;
        return;
    }
    for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++) {
        size_t n = 0;
        for (size_t i = 0; i < run->total; i++)
            if (outcomes[i].reason == reason)
                group[n++] = &outcomes[i];
        if (n > 0)
            add_group(out, reason, run_goes_on(run), colour, group, n);
    }
    const char *doubt = colour ? COLOUR_DOUBT : NULL;
    add_those(out, NULL, "passed when run again", run, outcomes, passed_later, group);
    add_those(out, doubt, "flaky, passed but not for certain", run, outcomes, is_flaky, group);
    add_told(out, doubt, "outliers, by their peers", run, outcomes, outlier_of, group);
    add_told(out, doubt, "missing what their peers have", run, outcomes, missing_of, group);
    add_told(out, doubt, "slower than itself", run, outcomes, drift_of, group);
    free(group);
    add_notes(out, notes);
    if (run->stopped[0])
        str_addf(out, "stopped: %s\n\n", run->stopped);
    add_totals(out, run, colour);
}
