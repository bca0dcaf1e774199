/*
 * wire: see wire.h.
 *
 * Requests are few and small and written by hand. Answers are taken apart by wire/value.h, which
 * refuses what is not JSON; what is left to do here is to take the fields out, each with its type,
 * its range and its bound, and to make every text printable. Each reader below returns 0, or -1
 * with a sentence about the field that is wrong; wire_parse() adds the beginning of the line, so
 * that an operator sees what the server really said.
 *
 * Facts are copied as JSON text, because nothing above takes them apart; they are written anew
 * rather than dumped, so that no escape sequence hides in them.
 *
 * Pure; no state; a message owns all it points to.
 */
#include "wire/wire.h"

#include "base/text.h"
#include "wire/value.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#define NAME_MAX_BYTES 100
#define UNIT_MAX_BYTES 40
#define DETAIL_MAX_BYTES 400
#define METRICS_MAX 1000
#define FACTS_DEPTH_MAX 8
#define QUOTED_MAX_BYTES 120

static void add_text(struct str *out, const char *text) {
    text_add_json(out, text, strlen(text));
}

static void add_request(struct str *out, const char *type, int64_t id, int64_t timeout_ms) {
    str_add(out, "{\"type\":\"");
    str_add(out, type);
    str_add(out, "\",\"id\":");
    str_add_int(out, id);
    str_add(out, ",\"timeout_ms\":");
    str_add_int(out, timeout_ms);
}

void wire_add_benchmark(struct str *out, int64_t id, const char *name, int64_t timeout_ms,
                        int trial, int64_t settle_ms, const char *parameters) {
    add_request(out, "benchmark", id, timeout_ms);
    str_addf(out, ",\"trial\":%d,\"settle_ms\":%lld", trial, (long long)settle_ms);
    str_add(out, ",\"name\":");
    add_text(out, name);
    str_add(out, ",\"parameters\":");
    str_add(out, parameters);
    str_add(out, "}\n");
}

void wire_add_command(struct str *out, int64_t id, const char *command, int64_t timeout_ms,
                      int64_t output_limit, int64_t keep_limit, const struct wire_env *env,
                      size_t env_count, const char *needs) {
    add_request(out, "command", id, timeout_ms);
    str_add(out, ",\"command\":");
    add_text(out, command);
    str_add(out, ",\"output_limit\":");
    str_add_int(out, output_limit);
    str_add(out, ",\"keep_limit\":");
    str_add_int(out, keep_limit);
    for (size_t i = 0; i < env_count; i++) {
        str_add(out, i == 0 ? ",\"env\":{" : ",");
        add_text(out, env[i].name);
        str_add_char(out, ':');
        add_text(out, env[i].value);
    }
    if (env_count > 0)
        str_add_char(out, '}');
    if (needs) {
        str_add(out, ",\"needs\":");
        add_text(out, needs);
    }
    str_add(out, "}\n");
}

void wire_add_lease(struct str *out, const struct wire_lease *lease) {
    str_add(out, "{\"type\":\"lease\",\"lease_ms\":");
    str_add_int(out, lease->lease_ms);
    str_add(out, ",\"beat_ms\":");
    str_add_int(out, lease->beat_ms);
    str_add(out, ",\"busy_wait_ms\":");
    str_add_int(out, lease->busy_wait_ms);
    if (lease->key) {
        str_add(out, ",\"linger_ms\":");
        str_add_int(out, lease->linger_ms);
        str_add(out, ",\"key\":");
        add_text(out, lease->key);
        str_add(out, ",\"round\":");
        str_add_int(out, lease->round);
    }
    str_add(out, "}\n");
}

void wire_add_end(struct str *out) {
    str_add(out, "{\"type\":\"end\"}\n");
}

static int bad(struct error *err, const char *key, const char *expected) {
    return error_set(err, ERROR_BAD_OUTPUT, "'%s' is not %s", key, expected);
}

/* An object, and the line it is in. */
struct object {
    const struct values *all;
    const struct value *value;
};

static const struct value *member(const struct object *o, const char *key) {
    return value_member(o->all, o->value, key);
}

/* The text at `key` as it was sent, or NULL. */
static const char *raw_text(const struct object *o, const char *key) {
    const struct value *value = member(o, key);
    return value && value->kind == VALUE_TEXT ? value->text : NULL;
}

/* The text at `key`, not empty, made printable and cut at `max` bytes. */
static int take_text(const struct object *o, const char *key, size_t max, char **ret,
                     struct error *err) {
    const struct value *value = member(o, key);
    if (!value || value->kind != VALUE_TEXT || value->len == 0)
        return bad(err, key, "a text");
    cleanup(str_done) struct str text = {0};
    text_add_printable(&text, value->text, value->len, max);
    *ret = str_take(&text);
    return *ret ? 0 : error_memory(err);
}

static int take_integer(const struct object *o, const char *key, int64_t min, int64_t max,
                        int64_t *ret, struct error *err) {
    const struct value *value = member(o, key);
    if (!value || value->kind != VALUE_INTEGER || value->integer < min || value->integer > max)
        return error_set(err, ERROR_BAD_OUTPUT, "'%s' is not an integer of %lld to %lld", key,
                         (long long)min, (long long)max);
    *ret = value->integer;
    return 0;
}

static int take_number(const struct object *o, const char *key, double *ret, struct error *err) {
    const struct value *value = member(o, key);
    if (!value || (value->kind != VALUE_INTEGER && value->kind != VALUE_REAL))
        return bad(err, key, "a finite number");
    *ret = value->kind == VALUE_REAL ? value->real : (double)value->integer;
    return 0;
}

static int take_id(const struct object *o, struct wire_message *m, struct error *err) {
    return take_integer(o, "id", 0, INT64_MAX, &m->id, err);
}

static int take_seconds(const struct object *o, struct wire_message *m, struct error *err) {
    if (take_number(o, "seconds", &m->seconds, err) != 0)
        return -1;
    return m->seconds < 0 ? bad(err, "seconds", "a positive number") : 0;
}

static int take_version(const struct object *o, struct error *err) {
    int64_t version = 0;
    if (take_integer(o, "muster", 0, INT64_MAX, &version, err) != 0)
        return -1;
    if (version != WIRE_VERSION)
        return error_set(err, ERROR_BAD_OUTPUT, "the agent's protocol is version %lld, not %d",
                         (long long)version, WIRE_VERSION);
    return 0;
}

static void add_fact_text(struct str *out, const struct value *text) {
    cleanup(str_done) struct str printable = {0};
    text_add_printable(&printable, text->text, text->len, WIRE_FACTS_MAX);
    text_add_json(out, printable.data ? printable.data : "", printable.len);
    if (printable.failed)
        out->failed = true;
}

static int add_fact(struct str *out, const struct object *fact, int depth);

/* What a list or an object holds. Stops early when there is too much of it: take_facts() sees it by
 * the length. */
static int add_facts(struct str *out, const struct object *facts, int depth) {
    bool object = facts->value->kind == VALUE_OBJECT;
    const struct value *v = value_first(facts->all, facts->value);
    str_add_char(out, object ? '{' : '[');
    for (bool first = true; v; v = value_next(facts->all, facts->value, v), first = false) {
        if (!first)
            str_add_char(out, ',');
        if (object) {
            add_fact_text(out, v++); /* a key is followed by its member */
            str_add_char(out, ':');
        }
        if (out->len > WIRE_FACTS_MAX ||
            add_fact(out, &(struct object){facts->all, v}, depth + 1) != 0)
            return -1;
    }
    str_add_char(out, object ? '}' : ']');
    return 0;
}

/* Writes a value anew. */
static int add_fact(struct str *out, const struct object *fact, int depth) {
    static const char *const words[] = {"null", "false", "true"};
    const struct value *v = fact->value;
    if (depth > FACTS_DEPTH_MAX)
        return -1;
    switch (v->kind) {
    case VALUE_OBJECT:
    case VALUE_LIST:
        return add_facts(out, fact, depth);
    case VALUE_TEXT:
        add_fact_text(out, v);
        return 0;
    case VALUE_INTEGER:
        str_add_int(out, v->integer);
        return 0;
    case VALUE_REAL:
        text_add_number(out, v->real);
        return 0;
    case VALUE_NULL:
    case VALUE_FALSE:
    case VALUE_TRUE:
        str_add(out, words[v->kind]);
        return 0;
    }
    return -1;
}

/* An object of facts at `key`. */
static int take_facts(const struct object *o, const char *key, char **ret, struct error *err) {
    struct object facts = {o->all, member(o, key)};
    if (!facts.value || facts.value->kind != VALUE_OBJECT)
        return bad(err, key, "an object");
    cleanup(str_done) struct str out = {0};
    if (add_fact(&out, &facts, 0) != 0 || out.len > WIRE_FACTS_MAX)
        return error_set(err, ERROR_BAD_OUTPUT, "'%s' is larger than %d bytes or %d levels", key,
                         WIRE_FACTS_MAX, FACTS_DEPTH_MAX);
    *ret = str_take(&out);
    return *ret ? 0 : error_memory(err);
}

static int read_need(const struct object *o, struct wire_message *m, struct error *err) {
    if (take_version(o, err) != 0)
        return -1;
    return take_text(o, "arch", NAME_MAX_BYTES, &m->arch, err);
}

static int read_hello(const struct object *o, struct wire_message *m, struct error *err) {
    if (take_version(o, err) != 0 ||
        take_text(o, "version", NAME_MAX_BYTES, &m->version, err) != 0 ||
        take_text(o, "hash", NAME_MAX_BYTES, &m->hash, err) != 0 ||
        take_text(o, "arch", NAME_MAX_BYTES, &m->arch, err) != 0)
        return -1;
    if (strlen(m->hash) != 64 || strspn(m->hash, "0123456789abcdef") != 64)
        return bad(err, "hash", "64 hex digits");
    return take_facts(o, "facts", &m->facts, err);
}

static int read_metric(const struct object *o, struct metric *metric, struct error *err) {
    const char *better = raw_text(o, "better");
    if (!better || (strcmp(better, "higher") != 0 && strcmp(better, "lower") != 0))
        return bad(err, "better", "'higher' or 'lower'");
    metric->lower_is_better = strcmp(better, "lower") == 0;
    if (take_text(o, "name", NAME_MAX_BYTES, &metric->name, err) != 0 ||
        take_text(o, "unit", UNIT_MAX_BYTES, &metric->unit, err) != 0)
        return -1;
    return take_number(o, "value", &metric->value, err);
}

static int read_list(const struct object *list, size_t count, struct wire_message *m,
                     struct error *err) {
    m->metrics = calloc(count, sizeof(*m->metrics));
    if (!m->metrics)
        return error_memory(err);
    for (const struct value *v = value_first(list->all, list->value); v;
         v = value_next(list->all, list->value, v))
        if (read_metric(&(struct object){list->all, v}, &m->metrics[m->metric_count++], err) != 0)
            return -1;
    return 0;
}

static int read_metrics(const struct object *o, struct wire_message *m, struct error *err) {
    struct object list = {o->all, member(o, "metrics")};
    size_t count = 0;
    if (list.value && list.value->kind == VALUE_LIST)
        for (const struct value *v = value_first(o->all, list.value); v;
             v = value_next(o->all, list.value, v))
            count++;
    if (count == 0 || count > METRICS_MAX)
        return error_set(err, ERROR_BAD_OUTPUT, "'metrics' is not a list of 1 to %d", METRICS_MAX);
    if (take_id(o, m, err) != 0 || take_seconds(o, m, err) != 0)
        return -1;
    if (member(o, "units")) {
        int64_t units = 0;
        if (take_integer(o, "units", 0, INT_MAX, &units, err) != 0)
            return -1;
        m->units = (int)units;
    }
    if ((member(o, "class") && take_text(o, "class", NAME_MAX_BYTES, &m->class, err) != 0) ||
        (member(o, "conditions") &&
         take_text(o, "conditions", DETAIL_MAX_BYTES, &m->conditions, err) != 0) ||
        (member(o, "sensors") && take_facts(o, "sensors", &m->sensors, err) != 0))
        return -1;
    return read_list(&list, count, m, err);
}

static int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/*
 * Decodes n characters of base64 (RFC 4648: padded, no spaces) into `to`, which has room for n / 4
 * * 3 bytes. Returns how many bytes they are, or -1.
 */
static ssize_t base64_decode(const char *from, size_t n, char *to) {
    if (n % 4 != 0)
        return -1;
    size_t padding = 0;
    while (padding < 2 && n > padding && from[n - 1 - padding] == '=')
        padding++;
    size_t len = 0;
    for (size_t i = 0; i < n; i += 4) {
        unsigned bits = 0;
        size_t digits = i + 4 == n ? 4 - padding : 4;
        for (size_t j = 0; j < 4; j++) {
            int digit = j < digits ? base64_digit(from[i + j]) : 0;
            if (digit < 0)
                return -1;
            bits = bits << 6 | (unsigned)digit;
        }
        for (size_t j = 0; j + 1 < digits; j++)
            to[len++] = (char)(bits >> (16 - 8 * j));
    }
    return (ssize_t)len;
}

static int take_output(const struct object *o, struct wire_message *m, struct error *err) {
    const struct value *output = member(o, "output");
    if (!output || output->kind != VALUE_TEXT)
        return bad(err, "output", "a text");
    m->output = malloc(output->len / 4 * 3 + 1);
    if (!m->output)
        return error_memory(err);
    ssize_t len = base64_decode(output->text, output->len, m->output);
    if (len < 0)
        return bad(err, "output", "base64");
    m->output[len] = '\0';
    m->output_len = (size_t)len;
    return 0;
}

static int read_piece(const struct object *o, struct wire_message *m, struct error *err) {
    return take_id(o, m, err) != 0 ? -1 : take_output(o, m, err);
}

static int read_output(const struct object *o, struct wire_message *m, struct error *err) {
    const struct value *truncated = member(o, "truncated");
    int64_t status = 0;
    if (take_id(o, m, err) != 0 || take_seconds(o, m, err) != 0 ||
        take_integer(o, "status", 0, 255, &status, err) != 0)
        return -1;
    if (!truncated || (truncated->kind != VALUE_TRUE && truncated->kind != VALUE_FALSE))
        return bad(err, "truncated", "true or false");
    m->status = (int)status;
    m->truncated = truncated->kind == VALUE_TRUE;
    if (take_output(o, m, err) != 0)
        return -1;
    m->bytes = (int64_t)m->output_len;
    return member(o, "bytes") ? take_integer(o, "bytes", m->bytes, INT64_MAX, &m->bytes, err) : 0;
}

/* What only the controller can find out, an agent may not claim: it decides verdicts and retries.
 */
static bool agent_may_say(enum reason reason) {
    switch (reason) {
    case REASON_WRONG_RESULT:
    case REASON_MISSING_METRIC:
    case REASON_TIMEOUT:
    case REASON_BENCHMARK_CRASHED:
    case REASON_BAD_OUTPUT:
    case REASON_TOOL_MISSING:
    case REASON_UNSUPPORTED:
    case REASON_BUSY:
    case REASON_INTERNAL:
        return true;
    default:
        return false;
    }
}

static int read_skipped(const struct object *o, struct wire_message *m, struct error *err) {
    if (take_id(o, m, err) != 0)
        return -1;
    return take_text(o, "detail", DETAIL_MAX_BYTES, &m->detail, err);
}

static int read_error(const struct object *o, struct wire_message *m, struct error *err) {
    const char *reason = raw_text(o, "reason");
    if (take_id(o, m, err) != 0)
        return -1;
    if (!reason || reason_parse(reason, &m->reason) != 0 || !agent_may_say(m->reason))
        return bad(err, "reason", "a reason that an agent can have");
    return take_text(o, "detail", DETAIL_MAX_BYTES, &m->detail, err);
}

static int read_alive(__attribute__((unused)) const struct object *o,
                      __attribute__((unused)) struct wire_message *m,
                      __attribute__((unused)) struct error *err) {
    return 0;
}

static const struct {
    const char *name;
    enum wire_type type;
    int (*read)(const struct object *o, struct wire_message *m, struct error *err);
} types[] = {{"metrics", WIRE_METRICS, read_metrics}, {"output", WIRE_OUTPUT, read_output},
             {"skipped", WIRE_SKIPPED, read_skipped}, {"error", WIRE_ERROR, read_error},
             {"hello", WIRE_HELLO, read_hello},       {"need", WIRE_NEED, read_need},
             {"piece", WIRE_PIECE, read_piece},       {"alive", WIRE_ALIVE, read_alive}};

static int read_object(const struct object *o, struct wire_message *m, struct error *err) {
    const char *type = raw_text(o, "type");
    for (size_t i = 0; type && i < ARRAY_LEN(types); i++)
        if (strcmp(type, types[i].name) == 0) {
            m->type = types[i].type;
            return types[i].read(o, m, err);
        }
    return error_set(err, ERROR_BAD_OUTPUT, "not an object with a known 'type'");
}

/* From a copy, because reading changes the line, which the sentence of an error quotes. */
static int read_message(const char *line, size_t n, struct wire_message *m, struct error *err) {
    cleanup(values_done) struct values all = {0};
    cleanup(free_ptr) char *copy = malloc(n + 1);
    if (!copy)
        return error_memory(err);
    memcpy(copy, line, n);
    copy[n] = '\0';
    if (values_read(copy, n, &all, err) < 0)
        return -1;
    return read_object(&(struct object){&all, all.items}, m, err);
}

int wire_parse(const char *line, size_t n, struct wire_message *ret, struct error *err) {
    struct wire_message m = {0};
    if (read_message(line, n, &m, err) == 0) {
        *ret = m;
        return 0;
    }
    wire_message_done(&m);
    if (err->kind != ERROR_BAD_OUTPUT)
        return -1;
    cleanup(str_done) struct str quoted = {0};
    text_add_printable(&quoted, line, n, QUOTED_MAX_BYTES);
    return error_prefix(err, "the server answered '%s' where its agent was expected",
                        quoted.data ? quoted.data : "");
}

void wire_message_done(struct wire_message *m) {
    for (size_t i = 0; i < m->metric_count; i++)
        metric_done(&m->metrics[i]);
    free(m->metrics);
    free(m->class);
    free(m->conditions);
    free(m->sensors);
    free(m->arch);
    free(m->version);
    free(m->hash);
    free(m->facts);
    free(m->output);
    free(m->detail);
    *m = (struct wire_message){0};
}
