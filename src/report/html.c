/*
 * html: a run as one file for a browser, which needs nothing else: no network, no other file.
 *
 * Behind its head it has the outcome and what did not pass as plain HTML, for readers without
 * JavaScript; the overview (report/overview.h) as a block of JSON, from which the program (web/)
 * draws everything else in their place; and blocks of servers with all that is known of them
 * (report/htmldata.h), which are read when one is opened. The policy in its head allows the style
 * and the program by their hashes and nothing else, so that markup that a server might smuggle in
 * would do nothing. None can: texts are escaped here, and the program makes text of them.
 *
 * The servers are read three times, so that memory does not grow with them, but for the names of
 * those that did not pass.
 */
#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "policy/finding.h"
#include "report/assets.h"
#include "report/htmldata.h"
#include "report/report.h"
#include "report/serverlist.h"

#include <math.h>
#include <string.h>

#define SHOWN 100 /* servers of each reason that the plain part tells of, one by one */

/* ---- text ---- */

static void add_text(struct str *out, const char *text) {
    for (const char *p = text; *p; p++) {
        const char *escape = *p == '&'    ? "&amp;"
                             : *p == '<'  ? "&lt;"
                             : *p == '>'  ? "&gt;"
                             : *p == '"'  ? "&quot;"
                             : *p == '\'' ? "&#39;"
                                          : NULL;
        if (escape)
            str_add(out, escape);
        else
            str_add_char(out, *p);
    }
}

static int flush(FILE *out, struct str *text, struct error *err) {
    if (text->failed)
        return error_memory(err);
    fwrite(text->data, 1, text->len, out);
    str_clear(text);
    return 0;
}

/* ---- the head ---- */

static void add_head(struct str *out, const struct run *run) {
    str_add(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    str_addf(out,
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
             "script-src 'sha256-%s'; style-src 'sha256-%s'; img-src data:; base-uri 'none'; "
             "form-action 'none'\">\n",
             asset_js.sha256, asset_css.sha256);
    str_add(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                 "<meta name=\"color-scheme\" content=\"light dark\">\n"
                 "<meta name=\"generator\" content=\"muster " MUSTER_VERSION "\">\n"
                 "<link rel=\"icon\" href=\"data:,\">\n<title>run ");
    add_text(out, run->id);
    str_add(out, ", muster</title>\n<style>");
    str_add_bytes(out, asset_css.data, asset_css.len);
    str_add(out, "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the content</a>\n"
                 "<header class=\"top\"><span class=\"brand\">muster</span><nav id=\"where\" "
                 "aria-label=\"Parts of the page\"></nav><div id=\"tools\"></div></header>\n"
                 "<main id=\"main\" tabindex=\"-1\">\n");
}

/* ---- the plain part: the outcome, and what did not pass ---- */

static void add_count(struct str *out, size_t n, const char *letter, const char *word) {
    str_addf(out,
             "<div><dt><b class=\"letter\" aria-hidden=\"true\">%s</b> %s</dt><dd>%zu</dd></div>\n",
             letter, word, n);
}

static void add_fact(struct str *out, const char *name, const char *value) {
    str_addf(out, "<div><dt>%s</dt><dd>", name);
    add_text(out, value);
    str_add(out, "</dd></div>\n");
}

static void add_outcome(struct str *out, const struct run *run) {
    bool running = run_goes_on(run);
    size_t bad = run->failed + run->errors + (running ? 0 : run->cancelled);
    char started[25], seconds[32] = "-", number[32];
    clock_format_utc(run->started, started);
    if (isfinite(run->seconds))
        snprintf(seconds, sizeof(seconds), "%.1f s", run->seconds);
    str_add(out, "<section class=\"outcome\" aria-label=\"Outcome\">\n<h1>");
    if (bad == 0 && run->passed == run->total)
        str_addf(out, "All %zu servers passed", run->total);
    else
        str_addf(out, "%zu of %zu servers did not pass%s", bad, run->total,
                 running ? " so far" : "");
    str_add(out, ".</h1>\n<dl class=\"totals\">\n");
    add_count(out, run->passed, "P", "passed");
    add_count(out, run->failed, "F", "failed");
    add_count(out, run->errors, "E", "errors");
    if (run->cancelled)
        add_count(out, run->cancelled, running ? "w" : "C", running ? "to come" : "cancelled");
    str_add(out, "</dl>\n<dl class=\"facts\">\n");
    add_fact(out, "Run", run->id);
    add_fact(out, "Began", started);
    add_fact(out, "Took", seconds);
    add_fact(out, "State", run_state(run));
    if (run->stopped[0])
        add_fact(out, "Stopped", run->stopped);
    snprintf(number, sizeof(number), "%d", run->fanout);
    add_fact(out, "Fan-out", number);
    snprintf(number, sizeof(number), "%g", run->threshold);
    add_fact(out, "Threshold", number);
    str_add(out, "</dl>\n</section>\n");
}

/* The servers of one reason. */
struct group {
    char **names;
    size_t count, cap;
    struct str items; /* the list of the first ones, as HTML */
};

struct plain {
    bool running;
    struct group groups[REASON_COUNT];
};

static void plain_done(struct plain *p) {
    for (size_t i = 0; i < REASON_COUNT; i++) {
        for (size_t k = 0; k < p->groups[i].count; k++)
            free(p->groups[i].names[k]);
        free(p->groups[i].names);
        str_done(&p->groups[i].items);
    }
}

static int add_item(struct str *out, const char *server, const struct server_result *r,
                    struct error *err) {
    struct outcome o = {0};
    int rc = finding_tell(&o, r->findings, r->why, err);
    str_add(out, "<li><b>");
    add_text(out, server);
    str_add(out, "</b><span>");
    add_text(out, r->detail ? r->detail : "");
    if (o.why) {
        str_add(out, "<span class=\"why\">Different: ");
        add_text(out, o.why);
        str_add(out, "</span>");
    }
    if (r->kind) {
        str_add(out, "<span class=\"why\">");
        add_text(out, r->kind);
        str_add(out, "</span>");
    }
    str_add(out, "</span></li>\n");
    outcome_done(&o);
    return rc;
}

static int group_server(void *arg, const char *server, const struct server_result *r,
                        struct error *err) {
    struct plain *p = arg;
    struct group *g = &p->groups[r->reason];
    if (r->verdict == VERDICT_PASSED || (p->running && r->verdict == VERDICT_CANCELLED))
        return 0;
    if (vec_reserve(&g->names, &g->cap, g->count + 1, sizeof(*g->names)) < 0 ||
        !(g->names[g->count] = strdup(server)))
        return error_memory(err);
    return ++g->count > SHOWN ? 0 : add_item(&g->items, server, r, err);
}

static void add_group(struct str *out, enum reason reason, const struct group *g) {
    cleanup(str_done) struct str folded = {0};
    serverlist_add(&folded, (const char *const *)g->names, g->count);
    out->failed |= folded.failed || g->items.failed;
    if (out->failed)
        return;
    str_addf(out, "<section class=\"group\">\n<h3>%s, %s <span class=\"n\">%zu</span></h3>\n<p>",
             verdict_name(reason_verdict(reason)), reason_name(reason), g->count);
    add_text(out, folded.data);
    str_add(out, "</p>\n<ul class=\"sentences\">\n");
    str_add_bytes(out, g->items.data, g->items.len);
    str_add(out, "</ul>\n");
    if (g->count > SHOWN)
        str_addf(out, "<p class=\"muted\">and %zu more</p>\n", g->count - SHOWN);
    str_add(out, "</section>\n");
}

static int write_plain(FILE *out, const struct report_source *from, struct error *err) {
    cleanup(plain_done) struct plain p = {.running = run_goes_on(from->run)};
    cleanup(str_done) struct str text = {0};
    bool any = false;
    if (from->each(from, group_server, &p, err) < 0)
        return -1;
    add_outcome(&text, from->run);
    for (enum reason r = REASON_NONE + 1; r < REASON_COUNT; r++) {
        if (p.groups[r].count == 0)
            continue;
        if (!any)
            str_add(&text, "<h2>What did not pass</h2>\n");
        any = true;
        add_group(&text, r, &p.groups[r]);
    }
    str_add(&text, "<noscript><p class=\"muted\">With JavaScript this page also has every server, "
                   "its log, a map and distributions.</p></noscript>\n</main>\n");
    return flush(out, &text, err);
}

static int write_overview(FILE *out, const struct report_source *from, struct error *err) {
    fputs("<script type=\"application/json\" id=\"overview\">", out);
    int rc = report_overview(out, from, err);
    fputs("</script>\n", out);
    return rc;
}

int report_html(FILE *out, const struct report_source *from, struct error *err) {
    cleanup(str_done) struct str text = {0};
    add_head(&text, from->run);
    if (flush(out, &text, err) < 0 || write_plain(out, from, err) < 0 ||
        write_overview(out, from, err) < 0 || htmldata_write(out, from, err) < 0)
        return -1;
    /* last, so that it finds all of the above */
    fputs("<script>", out);
    fwrite(asset_js.data, 1, asset_js.len, out);
    fputs("</script>\n</body>\n</html>\n", out);
    return 0;
}
