/*
 * markdown: a run for a pull request or a ticket, as GitHub and GitLab show it.
 *
 *     ## muster: 3 of 20 servers did not pass
 *
 *     17 passed, 1 failed, 2 errors in 10.0 s. Run `20261123-015727-dc5384` of 2026-11-23 01:57
 * UTC.
 *
 *     | did not pass | servers | which |
 *     |---|--:|---|
 *     | failed, below-threshold | 1 | `web04` |
 *     | error, unreachable | 2 | `web[07,13]` |
 *
 *     <details><summary>failed, below-threshold: why</summary>
 *
 *     - `web04`: `cpu scored 34, below 50`
 *
 * What came from a server or a user stands in a code span and nowhere else: there a text is no
 * table, no HTML, no link, no mention of anybody and no number of an issue. A span is fenced by
 * more backticks than are in it. In a table a bar is escaped even within a span; one behind a
 * backslash, where readers differ, is shown as a broken bar.
 *
 * The servers are read once. What is kept of them has a bound, so that memory does not grow with
 * the fleet: of each group, names and sentences up to so many bytes, and how many more there are.
 */
#include "report/report.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/text.h"
#include "base/vec.h"
#include "policy/finding.h"
#include "report/serverlist.h"
#include "wire/jsontext.h"

#include <math.h>
#include <string.h>

#define NAMES_MAX 1500 /* bytes of the names of a group, before they are folded */
#define WHY_MAX 8000   /* bytes of its sentences */
#define SENTENCE_MAX 300
#define NOTES_MAX 4000
#define END_ROOM 200 /* for what is said at the end */

/* ---- code spans ---- */

static size_t longest_fence(const char *text) {
    size_t longest = 0, run = 0;
    for (; *text; text++) {
        run = *text == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void add_fence(struct str *out, size_t n) {
    while (n-- > 0)
        str_add_char(out, '`');
}

/* A blank at both ends of a span is not part of it, so that it may end in a backtick. */
static void add_span(struct str *out, const char *foreign, size_t max, bool in_table) {
    cleanup(str_done) struct str text = {0};
    text_add_printable(&text, foreign, strlen(foreign), max);
    if (text.failed || text.len == 0) {
        out->failed |= text.failed;
        return;
    }
    size_t fence = longest_fence(text.data) + 1;
    bool padded = text.data[0] == '`' || text.data[0] == ' ' || text.data[text.len - 1] == '`';
    add_fence(out, fence);
    str_add(out, padded ? " " : "");
    for (const char *p = text.data; *p; p++) {
        bool bar = in_table && *p == '|';
        if (bar)
            str_add(out, p > text.data && p[-1] == '\\' ? "\u00a6" : "\\|");
        else
            str_add_char(out, *p);
    }
    str_add(out, padded ? " " : "");
    add_fence(out, fence);
}

/* ---- groups ---- */

/* Servers that ended alike, or that the same is told of. */
struct group {
    size_t count;
    char **names;
    size_t name_count, name_cap, name_bytes;
    struct str why; /* lines, whole */
    size_t told;    /* servers that are in it */
};

/* What is told of servers that passed, behind the reasons. */
enum told { TOLD_OUTLIER = REASON_COUNT, TOLD_MISSING, TOLD_DRIFT, TOLD_FLAKY, TOLD_LATER, GROUPS };

static const char *const told_names[] = {
    [TOLD_OUTLIER - REASON_COUNT] = "outliers, by their peers",
    [TOLD_MISSING - REASON_COUNT] = "missing what their peers have",
    [TOLD_DRIFT - REASON_COUNT] = "slower than itself",
    [TOLD_FLAKY - REASON_COUNT] = "flaky, passed but not for certain",
    [TOLD_LATER - REASON_COUNT] = "passed when run again",
};

struct gathering {
    struct group groups[GROUPS];
};

static void gathering_done(struct gathering *g) {
    for (size_t i = 0; i < GROUPS; i++) {
        for (size_t j = 0; j < g->groups[i].name_count; j++)
            free(g->groups[i].names[j]);
        free(g->groups[i].names);
        str_done(&g->groups[i].why);
    }
}

static int add_name(struct group *g, const char *server, struct error *err) {
    size_t len = strlen(server) + 1;
    if (g->name_bytes + len > NAMES_MAX)
        return 0;
    if (vec_reserve(&g->names, &g->name_cap, g->name_count + 1, sizeof(*g->names)) < 0 ||
        !(g->names[g->name_count] = strdup(server)))
        return error_memory(err);
    g->name_count++;
    g->name_bytes += len;
    return 0;
}

static int add_why(struct group *g, const struct outcome *o, const char *sentence,
                   struct error *err) {
    size_t before = g->why.len;
    str_add(&g->why, "- ");
    add_span(&g->why, o->server, SENTENCE_MAX, false);
    str_add(&g->why, ": ");
    add_span(&g->why, sentence, SENTENCE_MAX, false);
    if (o->why && sentence != o->drift) {
        str_add(&g->why, "; different: ");
        add_span(&g->why, o->why, SENTENCE_MAX, false);
    }
    str_add_char(&g->why, '\n');
    if (g->why.failed)
        return error_memory(err);
    if (g->why.len <= WHY_MAX)
        g->told++;
    else
        g->why.data[g->why.len = before] = '\0';
    return 0;
}

static int add_to(struct group *g, const struct outcome *o, const char *sentence,
                  struct error *err) {
    g->count++;
    if (add_name(g, o->server, err) < 0)
        return -1;
    return sentence && g->why.len < WHY_MAX ? add_why(g, o, sentence, err) : 0;
}

static int sort_in(struct gathering *g, const struct outcome *o, struct error *err) {
    const struct {
        bool in;
        size_t group;
        const char *sentence;
    } all[] = {
        {o->reason != REASON_NONE, o->reason, o->reason == REASON_INTERRUPTED ? NULL : o->detail},
        {o->outlier, TOLD_OUTLIER, o->outlier},
        {o->missing, TOLD_MISSING, o->missing},
        {o->drift, TOLD_DRIFT, o->drift},
        {o->flaky, TOLD_FLAKY, NULL},
        {o->earlier > 0 && o->verdict == VERDICT_PASSED, TOLD_LATER, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i].in && add_to(&g->groups[all[i].group], o, all[i].sentence, err) < 0)
            return -1;
    return 0;
}

static int add_server(void *arg, const char *server, const struct server_result *r,
                      struct error *err) {
    struct outcome o;
    if (finding_outcome(server, r, &o, err) < 0)
        return -1;
    int rc = sort_in(arg, &o, err);
    outcome_done(&o);
    return rc;
}

/* ---- the text ---- */

static void add_title(struct str *out, const struct run *run, size_t group) {
    enum reason reason = (enum reason)group;
    if (group >= REASON_COUNT)
        str_add(out, told_names[group - REASON_COUNT]);
    else if (reason == REASON_INTERRUPTED && run_goes_on(run))
        str_add(out, "to come");
    else
        str_addf(out, "%s, %s", verdict_name(reason_verdict(reason)), reason_name(reason));
}

static void add_count(struct str *out, size_t n, const char *what, bool *first) {
    if (n > 0)
        str_addf(out, "%s%zu %s", *first ? "" : ", ", n, what);
    *first &= n == 0;
}

static void add_outcome(struct str *out, const struct run *run) {
    bool running = run_goes_on(run), first = true;
    size_t failed = run->total - run->passed - (running ? run->cancelled : 0);
    if (failed == 0 && run->passed == run->total)
        str_addf(out, "## muster: all %zu servers passed\n\n", run->total);
    else
        str_addf(out, "## muster: %zu of %zu servers did not pass%s\n\n", failed, run->total,
                 running ? " so far" : "");
    char started[25];
    clock_format_utc(run->started, started);
    add_count(out, run->passed, "passed", &first);
    add_count(out, run->failed, "failed", &first);
    add_count(out, run->errors, run->errors == 1 ? "error" : "errors", &first);
    add_count(out, run->cancelled, running ? "to come" : "cancelled", &first);
    str_addf(out, "%s in %.1f s. Run ", first ? "no servers" : "",
             isfinite(run->seconds) ? run->seconds : 0);
    add_span(out, run->id, SENTENCE_MAX, false);
    str_addf(out, " of %.10s %.5s UTC.\n", started, started + 11);
    if (strcmp(run_state(run), "ended") == 0)
        return;
    str_addf(out, "\n**The run %s**%s\n", running ? "is still going on" : "was interrupted",
             running || run->cancelled ? ": what is below is not all of it."
                                       : " before it was judged by peers.");
}

static void add_names(struct str *out, const struct group *g) {
    cleanup(str_done) struct str list = {0};
    serverlist_add(&list, (const char *const *)g->names, g->name_count);
    out->failed |= list.failed;
    if (list.len > 0)
        add_span(out, list.data, SIZE_MAX, true);
    if (g->count > g->name_count)
        str_addf(out, " and %zu more", g->count - g->name_count);
}

static void add_table(struct str *out, const struct gathering *g, const struct run *run,
                      size_t from, size_t to, const char *title) {
    bool first = true;
    for (size_t i = from; i < to; i++) {
        if (g->groups[i].count == 0)
            continue;
        if (first)
            str_addf(out, "\n| %s | servers | which |\n|---|--:|---|\n", title);
        first = false;
        str_add(out, "| ");
        add_title(out, run, i);
        str_addf(out, " | %zu | ", g->groups[i].count);
        add_names(out, &g->groups[i]);
        str_add(out, " |\n");
    }
}

static void add_notes(struct str *out, const struct report_source *from) {
    struct error ignored;
    if (from->run->stopped[0]) {
        str_add(out, "\nStopped: ");
        add_span(out, from->run->stopped, SENTENCE_MAX, false);
        str_add_char(out, '\n');
    }
    json_t *list = from->notes ? jsontext_read(from->notes, &ignored) : NULL, *note;
    size_t i, start = out->len;
    json_array_foreach(list, i, note) {
        if (!json_string_value(note) || out->len - start > NOTES_MAX)
            continue;
        str_add(out, i ? "- " : "\n- ");
        add_span(out, json_string_value(note), SENTENCE_MAX, false);
        str_add_char(out, '\n');
    }
    json_decref(list);
}

/* The lines of the group that there is room for; returns how many of its servers those are. */
static size_t add_lines(struct str *out, const struct group *g) {
    size_t told = 0;
    for (const char *line = g->why.data; line && *line;) {
        size_t len = strcspn(line, "\n") + 1;
        if (out->len + len > REPORT_MARKDOWN_MAX - END_ROOM)
            break;
        str_add_bytes(out, line, len);
        line += len;
        told++;
    }
    return told;
}

/* Returns how many of its servers are not in it. */
static size_t add_details(struct str *out, const struct run *run, const struct group *g,
                          size_t group) {
    if (out->len + 2 * END_ROOM > REPORT_MARKDOWN_MAX)
        return g->count;
    str_add(out, "\n<details><summary>");
    add_title(out, run, group);
    str_add(out, ": why</summary>\n\n");
    size_t told = add_lines(out, g);
    str_add(out, "\n</details>\n");
    return g->count - told;
}

static void add_cut(struct str *out, const char *id, size_t cut) {
    cleanup(str_done) struct str command = {0};
    str_addf(&command, "muster show %s", id);
    out->failed |= command.failed;
    str_addf(out, "\nCut to be short enough for a comment: %zu sentences, which ", cut);
    add_span(out, command.failed ? "" : command.data, SENTENCE_MAX, false);
    str_add(out, " has.\n");
}

static void add_text(struct str *out, const struct gathering *g, const struct report_source *from) {
    size_t cut = 0;
    add_outcome(out, from->run);
    add_table(out, g, from->run, REASON_NONE + 1, REASON_COUNT, "did not pass");
    add_table(out, g, from->run, REASON_COUNT, GROUPS, "worth a look");
    add_notes(out, from);
    for (size_t i = REASON_NONE + 1; i < GROUPS; i++)
        if (g->groups[i].told > 0)
            cut += add_details(out, from->run, &g->groups[i], i);
    if (cut > 0)
        add_cut(out, from->run->id, cut);
}

int report_markdown(FILE *out, const struct report_source *from, struct error *err) {
    cleanup(gathering_done) struct gathering g = {0};
    cleanup(str_done) struct str text = {0};
    if (from->each(from, add_server, &g, err) < 0)
        return -1;
    add_text(&text, &g, from);
    if (text.failed)
        return error_memory(err);
    fwrite(text.data, 1, text.len, out);
    return 0;
}
