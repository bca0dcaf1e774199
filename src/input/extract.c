/*
 * extract: see extract.h.
 *
 * Both libraries are kept behind one struct. A compiled regex is read-only, so threads share it and
 * each call makes its own match data: a few hundred bytes, nothing beside the benchmark that ran.
 * A jq program has one mutable machine, so calls take turns on a lock; compiling one for each
 * thread would cost 30 ms each, running it costs microseconds.
 *
 * PCRE2 counts its match limit anew at every place where a match may start, which for a large
 * output is no limit at all. The search therefore goes over the output in windows, and looks at the
 * clock between them.
 *
 * libjq 1.6 has its traps: the callbacks for `input` and `debug` are not initialised, the builtin
 * `stderr` writes to the standard error of this process, and a library path that is not set fails
 * an assertion. All are closed in compile_jq(). Where it finds no memory it ends the program, but
 * for a thread that has set a handler which does not return: so whatever is done with it is done in
 * guarded(), which that handler jumps back to. What libjq held at that moment stays allocated; a
 * machine that was at work is not used again, and the program is compiled anew when it is next run.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "input/extract.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/text.h"
#include "base/units.h"

#include <jq.h>
#include <limits.h>
#include <math.h>
#include <pcre2.h>
#include <pthread.h>
#include <setjmp.h>
#include <string.h>

#define QUOTE_MAX 80 /* bytes of the output, or of an expression, in a sentence */

#define MATCH_LIMIT 500000       /* backtracking steps from one start */
#define HEAP_LIMIT (64 * 1024)   /* KiB, of one match without JIT */
#define MATCH_TIME (2 * CLOCK_S) /* of one search */
#define WINDOW_MIN 64            /* starts tried between two looks at the clock */

#define JSON_STARTS 16 /* lines at which a JSON value is looked for */

struct jq_program {
    char *text;
    pthread_mutex_t lock; /* guards the machine */
    jq_state *machine;    /* NULL: memory ran out while it worked */
};

struct extract {
    char *source; /* the expression, made printable and cut, for sentences */
    pcre2_code *regex;
    struct jq_program *jq;
};

static char *quote(const char *text, size_t n) {
    struct str out = {0};
    text_add_printable(&out, text, n, QUOTE_MAX);
    return str_take(&out);
}

static struct extract *make(const char *source) {
    struct extract *e = calloc(1, sizeof(*e));
    if (e && !(e->source = quote(source, strlen(source)))) {
        free(e);
        e = NULL;
    }
    return e;
}

void extract_free(struct extract *e) {
    if (!e)
        return;
    pcre2_code_free(e->regex);
    if (e->jq) {
        jq_teardown(&e->jq->machine);
        pthread_mutex_destroy(&e->jq->lock);
        free(e->jq->text);
        free(e->jq);
    }
    free(e->source);
    free(e);
}

/* ---- what was there instead ---- */

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The first line that is not blank, without the blanks around it. */
static const char *first_line(const char *output, size_t n, size_t *len) {
    const char *end = output + n;
    const char *start = output;
    while (start < end && is_blank(*start))
        start++;
    const char *newline = memchr(start, '\n', (size_t)(end - start));
    if (newline)
        end = newline;
    while (end > start && is_blank(end[-1]))
        end--;
    *len = (size_t)(end - start);
    return start;
}

/* Ends the sentence in *err with what the output begins with. */
static int add_first_line(struct error *err, const char *output, size_t n) {
    size_t len;
    const char *line = first_line(output, n, &len);
    cleanup(free_ptr) char *quoted = quote(line, len);
    if (!quoted)
        return error_memory(err);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof(err->text) - used, ": first line '%s'", quoted);
    return -1;
}

static int nothing_printed(size_t n, struct error *err) {
    return error_set(err, ERROR_BAD_OUTPUT, "the command printed nothing%s",
                     n > 0 ? " but blanks" : "");
}

static bool is_empty(const char *output, size_t n) {
    size_t len;
    first_line(output, n, &len);
    return len == 0;
}

/* ---- regex ---- */

static int compile_regex(struct extract *e, const char *pattern, struct error *err) {
    int code;
    PCRE2_SIZE at;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context)
        return error_memory(err);
    pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);
    e->regex = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                             PCRE2_MULTILINE | PCRE2_NEVER_UTF | PCRE2_USE_OFFSET_LIMIT, &code, &at,
                             context);
    pcre2_compile_context_free(context);
    if (!e->regex) {
        char why[128];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof(why));
        return error_set(err, ERROR_USAGE, "the regex '%s': %s at column %zu", e->source, why,
                         (size_t)at + 1);
    }
    uint32_t groups = 0;
    pcre2_pattern_info(e->regex, PCRE2_INFO_CAPTURECOUNT, &groups);
    if (groups == 0)
        return error_set(err, ERROR_USAGE, "the regex '%s' has no group: put the number in ( )",
                         e->source);
    /* without JIT (not built in, or no executable memory to be had) it is slower, not wrong */
    pcre2_jit_compile(e->regex, PCRE2_JIT_COMPLETE);
    return 0;
}

int extract_regex(const char *pattern, struct extract **ret, struct error *err) {
    struct extract *e = make(pattern);
    if (!e)
        return error_memory(err);
    if (compile_regex(e, pattern, err) < 0) {
        extract_free(e);
        return -1;
    }
    *ret = e;
    return 0;
}

/* The machine code has a small stack of its own; the interpreter has the heap. */
static int match_once(const pcre2_code *regex, const char *output, size_t n, size_t start,
                      pcre2_match_data *data, pcre2_match_context *context) {
    int rc = pcre2_match(regex, (PCRE2_SPTR)output, n, start, 0, data, context);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(regex, (PCRE2_SPTR)output, n, start, PCRE2_NO_JIT, data, context);
    return rc;
}

static int search(const pcre2_code *regex, const char *output, size_t n, pcre2_match_data *data,
                  pcre2_match_context *context) {
    int64_t began = clock_now();
    int64_t now = began;
    size_t window = WINDOW_MIN;
    for (size_t start = 0; start <= n;) {
        int64_t before = now;
        if (now - began > MATCH_TIME)
            return PCRE2_ERROR_MATCHLIMIT;
        pcre2_set_offset_limit(context, start + window - 1);
        int rc = match_once(regex, output, n, start, data, context);
        if (rc != PCRE2_ERROR_NOMATCH)
            return rc;
        start += window;
        now = clock_now();
        window = now - before < CLOCK_MS ? window * 2 : WINDOW_MIN;
    }
    return PCRE2_ERROR_NOMATCH;
}

/* What the search came to: the number of its first group, or a sentence. */
static int read_group(const struct extract *e, int rc, const char *output, pcre2_match_data *data,
                      double *ret, struct error *err) {
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data);
    if (rc == PCRE2_ERROR_NOMATCH || (rc > 0 && (rc < 2 || at[2] == PCRE2_UNSET)))
        return error_set(err, ERROR_BAD_OUTPUT, "no number found by the regex '%s' in the output",
                         e->source);
    if (rc == PCRE2_ERROR_NOMEMORY)
        return error_memory(err);
    if (rc < 0)
        return error_set(err, ERROR_BAD_OUTPUT,
                         "the regex '%s' takes too long on the output: it backtracks too much",
                         e->source);
    size_t len = at[3] - at[2];
    if (number_parse(output + at[2], len, ret) == 0)
        return 0;
    cleanup(free_ptr) char *found = quote(output + at[2], len);
    if (!found)
        return error_memory(err);
    return error_set(err, ERROR_BAD_OUTPUT, "the regex '%s' found '%s', which is not a number",
                     e->source, found);
}

static int number_by_regex(const struct extract *e, const char *output, size_t n, double *ret,
                           struct error *err) {
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(e->regex, NULL);
    int rc = -1;
    if (!context || !data) {
        error_memory(err);
    } else {
        pcre2_set_match_limit(context, MATCH_LIMIT);
        pcre2_set_heap_limit(context, HEAP_LIMIT);
        rc = search(e->regex, output, n, data, context);
        rc = read_group(e, rc, output, data, ret, err);
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    return rc;
}

/* ---- jq ---- */

/* Where the thread goes when libjq finds no memory; version 1.6 hands a handler no argument. */
static _Thread_local jmp_buf *escape;

static void jump(void *unused) {
    (void)unused;
    longjmp(*escape, 1);
}

/* Calls step(), which works with libjq; where that finds no memory, step() does not return. */
static int guarded(int (*step)(void *arg, struct error *err), void *arg, struct error *err) {
    jmp_buf here;
    int rc;
    if (setjmp(here) == 0) {
        escape = &here;
        jv_nomem_handler(jump, NULL);
        rc = step(arg, err);
    } else {
        rc = error_memory(err);
    }
    escape = NULL;
    return rc;
}

/* Keeps the first complaint of the compiler, less the parts that are no help here. */
static void keep_first_message(void *arg, jv message) {
    struct str *kept = arg;
    jv text = jq_format_error(message);
    if (kept->len == 0 && jv_get_kind(text) == JV_KIND_STRING) {
        const char *p = jv_string_value(text);
        static const char prefix[] = "jq: error: ";
        if (strncmp(p, prefix, sizeof(prefix) - 1) == 0)
            p += sizeof(prefix) - 1;
        size_t len = strcspn(p, "\n");
        const char *noise = strstr(p, " (Unix shell quoting issues?)");
        const char *place = strstr(p, " at <top-level>, ");
        const char *stop = noise && (!place || noise < place) ? noise : place;
        if (stop && (size_t)(stop - p) < len)
            len = (size_t)(stop - p);
        text_add_printable(kept, p, len, 200);
    }
    jv_free(text);
}

static void ignore_message(void *arg, jv message) {
    (void)arg;
    jv_free(message);
}

static jv no_input(jq_state *machine, void *arg) {
    (void)machine;
    (void)arg;
    return jv_invalid();
}

static struct jq_program *make_program(const char *program) {
    struct str text = {0};
    struct jq_program *jq = calloc(1, sizeof(*jq));
    str_addf(&text, "def stderr: .; %s", *program ? program : ".");
    if (!jq || !(jq->text = str_take(&text))) {
        str_done(&text);
        free(jq);
        return NULL;
    }
    pthread_mutex_init(&jq->lock, NULL);
    return jq;
}

/* Making a machine, and what its compiler says. */
struct compiling {
    const struct extract *e;
    struct str message;
};

static int make_machine(void *arg, struct error *err) {
    struct compiling *c = arg;
    jq_state *machine = jq_init();
    if (!machine)
        return error_memory(err);
    jq_set_nomem_handler(machine, jump, NULL); /* it sets its own whenever it works */
    jq_set_attr(machine, jv_string("JQ_LIBRARY_PATH"), jv_array());
    jq_set_input_cb(machine, no_input, NULL);
    jq_set_debug_cb(machine, ignore_message, NULL);
    jq_set_error_cb(machine, keep_first_message, &c->message);
    int compiled = jq_compile(machine, c->e->jq->text);
    jq_set_error_cb(machine, ignore_message, NULL);
    if (compiled) {
        c->e->jq->machine = machine;
        return 0;
    }
    jq_teardown(&machine);
    return error_set(err, ERROR_USAGE, "the jq program '%s': %s", c->e->source,
                     c->message.len > 0 ? c->message.data : "it does not compile");
}

static int compile_jq(const struct extract *e, struct error *err) {
    struct compiling c = {.e = e};
    int rc = guarded(make_machine, &c, err);
    str_done(&c.message);
    return rc;
}

int extract_jq(const char *program, struct extract **ret, struct error *err) {
    struct extract *e = make(program);
    if (!e)
        return error_memory(err);
    e->jq = make_program(program);
    if ((e->jq ? compile_jq(e, err) : error_memory(err)) < 0) {
        extract_free(e);
        return -1;
    }
    *ret = e;
    return 0;
}

/*
 * The first JSON value in n bytes; invalid, with or without a message, when there is none. A NUL
 * ends the text: libjq would read the bytes "\0\0" as the number 0.
 */
static jv parse_first(const char *text, size_t n) {
    jv_parser *parser = jv_parser_new(0);
    jv_parser_set_buf(parser, text, (int)strnlen(text, n), 0);
    jv value = jv_parser_next(parser);
    jv_parser_free(parser);
    return value;
}

static jv parse_output(const char *output, size_t n) {
    const char *end = output + n;
    int starts = 0;
    for (const char *line = output; line < end && starts < JSON_STARTS;) {
        if (*line == '{' || *line == '[') {
            jv value = parse_first(line, (size_t)(end - line));
            if (jv_is_valid(value))
                return value;
            jv_free(value);
            starts++;
        }
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        line = newline ? newline + 1 : end;
    }
    return parse_first(output, n);
}

/* The sentence of an invalid jv, freed, as printable text in `out`. */
static void take_message(jv invalid, struct str *out) {
    jv message = jv_invalid_get_msg(invalid);
    if (jv_get_kind(message) != JV_KIND_STRING)
        message = jv_dump_string(message, 0);
    text_add_printable(out, jv_string_value(message),
                       (size_t)jv_string_length_bytes(jv_copy(message)), 120);
    jv_free(message);
}

static int no_json(jv invalid, struct error *err) {
    cleanup(str_done) struct str why = {0};
    bool said = jv_invalid_has_msg(jv_copy(invalid));
    if (said)
        take_message(invalid, &why);
    else
        jv_free(invalid);
    return error_set(err, ERROR_BAD_OUTPUT, "the output is not JSON%s%s%s", said ? " (" : "",
                     why.data ? why.data : "", said ? ")" : "");
}

static int wrong_kind(const struct extract *e, jv_kind kind, struct error *err) {
    const char *article = kind == JV_KIND_ARRAY || kind == JV_KIND_OBJECT ? "an "
                          : kind == JV_KIND_STRING                        ? "a "
                                                                          : "";
    return error_set(err, ERROR_BAD_OUTPUT, "the jq program '%s' gave %s%s, not a number",
                     e->source, article, jv_kind_name(kind));
}

/* What the program gave: its number, or a sentence. Frees the value. */
static int read_value(const struct extract *e, jv value, double *ret, struct error *err) {
    jv_kind kind = jv_get_kind(value);
    if (kind == JV_KIND_INVALID && jv_invalid_has_msg(jv_copy(value))) {
        cleanup(str_done) struct str why = {0};
        take_message(value, &why);
        return error_set(err, ERROR_BAD_OUTPUT, "the jq program '%s' failed: %s", e->source,
                         why.data ? why.data : "no reason given");
    }
    double number = kind == JV_KIND_NUMBER ? jv_number_value(value) : NAN;
    jv_free(value);
    if (kind == JV_KIND_INVALID)
        return error_set(err, ERROR_BAD_OUTPUT, "the jq program '%s' gave nothing", e->source);
    if (kind != JV_KIND_NUMBER)
        return wrong_kind(e, kind, err);
    if (!isfinite(number))
        return error_set(err, ERROR_BAD_OUTPUT,
                         "the jq program '%s' gave a number that is not "
                         "finite",
                         e->source);
    *ret = number;
    return 0;
}

/* One output that the program looks at. */
struct looking {
    const struct extract *e;
    const char *output;
    size_t n;
    double *ret;
    jv input;
};

static int parse(void *arg, struct error *err) {
    struct looking *l = arg;
    l->input = parse_output(l->output, l->n);
    return jv_is_valid(l->input) ? 0 : no_json(l->input, err);
}

static int run_machine(void *arg, struct error *err) {
    struct looking *l = arg;
    jq_state *machine = TAKE(l->e->jq->machine);
    jq_start(machine, l->input, 0);
    /* the value may be a constant of the program, so it too is read and freed under the lock */
    int rc = read_value(l->e, jq_next(machine), l->ret, err);
    /* lets go of the input, which the machine would keep until the next call */
    jq_start(machine, jv_null(), 0);
    l->e->jq->machine = machine;
    return rc;
}

static int run_locked(struct looking *l, struct error *err) {
    if (!l->e->jq->machine && compile_jq(l->e, err) < 0) {
        jv_free(l->input);
        return -1;
    }
    return guarded(run_machine, l, err);
}

static int number_by_jq(const struct extract *e, const char *output, size_t n, double *ret,
                        struct error *err) {
    struct looking l = {.e = e, .output = output, .n = n, .ret = ret};
    if (n > INT_MAX)
        return error_set(err, ERROR_BAD_OUTPUT, "the output is too large for jq");
    if (guarded(parse, &l, err) < 0)
        return -1;
    pthread_mutex_lock(&e->jq->lock);
    int rc = run_locked(&l, err);
    pthread_mutex_unlock(&e->jq->lock);
    return rc;
}

int extract_number(const struct extract *e, const char *output, size_t n, double *ret,
                   struct error *err) {
    if (is_empty(output, n))
        return nothing_printed(n, err);
    int rc =
        e->regex ? number_by_regex(e, output, n, ret, err) : number_by_jq(e, output, n, ret, err);
    if (rc < 0 && err->kind == ERROR_BAD_OUTPUT)
        return add_first_line(err, output, n);
    return rc;
}
