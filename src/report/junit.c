/*
 * junit: a run as test cases, for Jenkins, GitLab and what else reads JUnit's XML.
 *
 * A test case is a benchmark on a server: its class is `muster.BENCHMARK`, its name the server, as
 * both show classes as suites and follow a case from build to build by the two names. One more case
 * a server, of class `muster.session`, says whether the server as a whole came to its end; it has
 * the server's verdict where no benchmark of the server tells of it, so that nothing is counted
 * twice. An outlier is the failure of the benchmark that it was found in.
 *
 * All of it is one suite, because both put cases together by their classes. What stands in the file
 * is what both published schemas have (that of Jenkins' xUnit plugin, and that of Ant's task, which
 * wants totals before the cases and elements in order): the servers are read twice, for the totals
 * and for the cases.
 */
#include "report/report.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/text.h"
#include "policy/finding.h"
#include "wire/jsontext.h"

#include <math.h>
#include <string.h>

/* ---- text ---- */

/* What XML 1.0 has no way to say becomes U+FFFD. */
static bool is_character(const char *p, size_t len) {
    unsigned char c = (unsigned char)*p;
    bool plane_end =
        len == 3 && memcmp(p, "\xef\xbf", 2) == 0 && ((unsigned char)p[2] & 0xfe) == 0xbe;
    return len > 0 && !plane_end && (c >= 0x20 || c == '\t' || c == '\n' || c == '\r');
}

static const char *escape_of(char c, bool in_attribute) {
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\r':
        return "&#13;";
    case '\n':
        return in_attribute ? "&#10;" : NULL; /* as they are, an attribute would have blanks */
    case '\t':
        return in_attribute ? "&#9;" : NULL;
    default:
        return NULL;
    }
}

static void add_escaped(struct str *out, const char *text, bool in_attribute) {
    size_t n = text ? strlen(text) : 0;
    for (const char *p = text; n > 0;) {
        size_t len = text_utf8_length(p, n);
        const char *escape = len == 1 ? escape_of(*p, in_attribute) : NULL;
        if (escape)
            str_add(out, escape);
        else if (is_character(p, len))
            str_add_bytes(out, p, len);
        else
            str_add(out, "\xef\xbf\xbd");
        p += len ? len : 1;
        n -= len ? len : 1;
    }
}

static void add_text(struct str *out, const char *text) {
    add_escaped(out, text, false);
}

static void add_attribute(struct str *out, const char *name, const char *value) {
    str_addf(out, " %s=\"", name);
    add_escaped(out, value, true);
    str_add_char(out, '"');
}

static double seconds_of(double x) {
    return isfinite(x) && x > 0 ? x : 0;
}

/* ---- cases ---- */

struct suite {
    FILE *out; /* NULL: only counted */
    struct str text;
    size_t tests, failures, errors, skipped;
};

struct testcase {
    const char *class; /* behind `muster.` */
    const char *server;
    double seconds;
    enum verdict verdict;
    enum reason reason;
    const char *detail; /* or NULL */
    const struct benchmark_result *measured;
};

static void count(struct suite *s, enum verdict v) {
    s->tests++;
    s->failures += v == VERDICT_FAILED;
    s->errors += v == VERDICT_ERROR;
    s->skipped += v == VERDICT_SKIPPED || v == VERDICT_CANCELLED;
}

static void add_number(struct str *out, const char *name, double x) {
    if (isfinite(x))
        str_addf(out, "%s %.6g\n", name, x);
}

/* The numbers below the sentence. */
static void add_measured(struct str *out, const struct benchmark_result *b) {
    cleanup(str_done) struct str lines = {0};
    add_number(&lines, "score", b->score);
    add_number(&lines, "threshold", b->threshold);
    if (b->metric && isfinite(b->value)) {
        str_addf(&lines, "%s ", b->metric);
        finding_add_value(&lines, b->value, b->unit);
        str_add_char(&lines, '\n');
    }
    add_number(&lines, "reference", b->reference);
    for (size_t i = 0; i < b->trial_count; i++)
        str_addf(&lines, "%s%.6g%s", i == 0 ? "trials " : ", ", b->trials[i],
                 i + 1 == b->trial_count ? "\n" : "");
    if (b->conditions)
        str_addf(&lines, "conditions: %s\n", b->conditions);
    out->failed |= lines.failed;
    add_text(out, lines.data);
}

static void add_outcome(struct str *out, const struct testcase *c) {
    const char *element = c->verdict == VERDICT_FAILED  ? "failure"
                          : c->verdict == VERDICT_ERROR ? "error"
                                                        : "skipped";
    const char *reason = reason_name(c->reason);
    const char *detail = c->detail ? c->detail : reason ? reason : "";
    str_addf(out, "\n<%s", element);
    add_attribute(out, "type", reason ? reason : "skipped");
    add_attribute(out, "message", detail);
    str_add_char(out, '>');
    add_text(out, detail);
    if (c->measured && c->measured->trial_count > 0) {
        str_add_char(out, '\n');
        add_measured(out, c->measured);
    }
    str_addf(out, "</%s>\n", element);
}

static int add_case(struct suite *s, const struct testcase *c, struct error *err) {
    count(s, c->verdict);
    if (!s->out)
        return 0;
    str_clear(&s->text);
    str_add(&s->text, "<testcase classname=\"muster.");
    add_escaped(&s->text, c->class, true);
    str_add_char(&s->text, '"');
    add_attribute(&s->text, "name", c->server);
    str_addf(&s->text, " time=\"%.3f\"", seconds_of(c->seconds));
    if (c->verdict == VERDICT_PASSED) {
        str_add(&s->text, "/>\n");
    } else {
        str_add_char(&s->text, '>');
        add_outcome(&s->text, c);
        str_add(&s->text, "</testcase>\n");
    }
    if (s->text.failed)
        return error_memory(err);
    fwrite(s->text.data, 1, s->text.len, s->out);
    return 0;
}

/* ---- servers ---- */

/* Of a server that fails for what was found on it when the run was judged as a whole. */
static bool found_guilty(const struct server_result *r) {
    return r->reason == REASON_OUTLIER || r->reason == REASON_MISSING_METRIC;
}

/* *told: the case says what the server's own verdict does. */
static int add_benchmark(struct suite *s, const char *server, const struct server_result *r,
                         const struct benchmark_result *b, bool *told, struct error *err) {
    struct testcase c = {.class = b->benchmark,
                         .server = server,
                         .seconds = b->seconds,
                         .verdict = b->verdict,
                         .reason = b->reason,
                         .detail = b->detail,
                         .measured = b};
    cleanup(free_ptr) char *found = NULL;
    if (b->verdict == VERDICT_PASSED && found_guilty(r) && b->benchmark &&
        finding_of_benchmark(r->findings, b->benchmark, &found, err) < 0)
        return -1;
    if (found) {
        c.verdict = r->verdict;
        c.reason = r->reason;
        c.detail = found;
    }
    *told |= c.verdict == r->verdict && c.reason == r->reason;
    return add_case(s, &c, err);
}

static int add_server(void *arg, const char *server, const struct server_result *r,
                      struct error *err) {
    struct suite *s = arg;
    bool told = false;
    double rest = seconds_of(r->seconds);
    for (size_t i = 0; i < r->benchmark_count; i++) {
        if (add_benchmark(s, server, r, &r->benchmarks[i], &told, err) < 0)
            return -1;
        rest -= seconds_of(r->benchmarks[i].seconds);
    }
    struct testcase whole = {.class = "session", .server = server, .seconds = rest};
    if (!told) {
        whole.verdict = r->verdict;
        whole.reason = r->reason;
        whole.detail = r->detail;
    }
    return add_case(s, &whole, err);
}

/* ---- the suite ---- */

static void add_property(struct str *out, const char *name, const char *value) {
    str_add(out, "<property");
    add_attribute(out, "name", name);
    add_attribute(out, "value", value);
    str_add(out, "/>\n");
}

static void add_count(struct str *out, const char *name, size_t n) {
    str_addf(out, "<property name=\"%s\" value=\"%zu\"/>\n", name, n);
}

static void add_properties(struct str *out, const struct run *run) {
    str_add(out, "<properties>\n");
    add_property(out, "run", run->id);
    add_property(out, "state", run_state(run));
    str_addf(out, "<property name=\"fanout\" value=\"%d\"/>\n", run->fanout);
    str_addf(out, "<property name=\"threshold\" value=\"%.6g\"/>\n", run->threshold);
    add_count(out, "servers", run->total);
    add_count(out, "passed", run->passed);
    add_count(out, "failed", run->failed);
    add_count(out, "errors", run->errors);
    add_count(out, "cancelled", run->cancelled);
    if (run->stopped[0])
        add_property(out, "stopped", run->stopped);
    str_add(out, "</properties>\n");
}

static void add_head(struct str *out, const struct run *run, const struct suite *counted) {
    char started[25];
    clock_format_utc(run->started, started);
    str_addf(out,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
             "<testsuite name=\"muster\" package=\"muster\" id=\"0\" hostname=\"localhost\" "
             "timestamp=\"%.19s\" time=\"%.3f\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
             "skipped=\"%zu\">\n",
             started, seconds_of(run->seconds), counted->tests, counted->failures, counted->errors,
             counted->skipped);
    add_properties(out, run);
}

static void add_notes(struct str *out, const char *notes) {
    struct error ignored;
    json_t *list = notes ? jsontext_read(notes, &ignored) : NULL, *note;
    size_t i;
    json_array_foreach(list, i, note) {
        str_add(out, "note: ");
        add_text(out, json_string_value(note));
        str_add_char(out, '\n');
    }
    json_decref(list);
}

static void add_end(struct str *out, const struct report_source *from) {
    const struct run *run = from->run;
    str_add(out, "<system-out>");
    str_addf(out, "Out of %zu, %zu servers passed.\n", run->total, run->passed);
    if (strcmp(run_state(run), "ended") != 0)
        str_addf(out, "The run is %s: %zu servers have no verdict.\n",
                 run_goes_on(run) ? "going on" : "interrupted", run->cancelled);
    if (run->stopped[0]) {
        str_add(out, "stopped: ");
        add_text(out, run->stopped);
        str_add_char(out, '\n');
    }
    add_notes(out, from->notes);
    str_add(out, "</system-out>\n<system-err/>\n</testsuite>\n</testsuites>\n");
}

static void suite_done(struct suite *s) {
    str_done(&s->text);
}

static int write_text(FILE *out, struct str *text, struct error *err) {
    if (text->failed)
        return error_memory(err);
    fwrite(text->data, 1, text->len, out);
    str_clear(text);
    return 0;
}

int report_junit(FILE *out, const struct report_source *from, struct error *err) {
    struct suite counted = {0};
    cleanup(suite_done) struct suite s = {.out = out};
    cleanup(str_done) struct str text = {0};
    if (from->each(from, add_server, &counted, err) < 0)
        return -1;
    add_head(&text, from->run, &counted);
    if (write_text(out, &text, err) < 0 || from->each(from, add_server, &s, err) < 0)
        return -1;
    add_end(&text, from);
    return write_text(out, &text, err);
}
