/* measurements_json: numbers as JSON objects, one a line: see measurements_reading.h. */
#include "input/measurements_reading.h"

#include "base/units.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static struct piece piece_of(const json_t *value) {
    return json_is_string(value)
               ? (struct piece){json_string_value(value), json_string_length(value), 1}
               : (struct piece){NULL, 0, 1};
}

static void put_json_number(struct reading *r, int64_t server, const char *key, json_t *value) {
    struct piece name = {key, strlen(key), 1};
    if (json_is_array(value)) {
        size_t i;
        json_t *one;
        json_array_foreach(value, i, one) if (json_is_array(one))
            reading_mistake(r, 1, "expected a number or a list of numbers", &name);
        else put_json_number(r, server, key, one);
        return;
    }
    struct piece text = piece_of(value);
    double number = NAN;
    if (json_is_number(value))
        number = json_number_value(value);
    else if (text.text && number_parse(text.text, text.len, &number) == 0 && isfinite(number)) {
        reading_mistake(
            r, 1, "expected a number without quotes (or --ignore) as value of the metric", &name);
        return;
    } else if (!json_is_null(value) && !(text.text && reading_is_nothing(&text))) {
        reading_other(r, &name);
        return;
    }
    /* a metric that nobody could measure is not missing from anybody, but it is a metric */
    reading_put(r, server, reading_metric(r, &name), number);
}

/* {"memory": {"triad": 187.3}} */
static void put_json_benchmark(struct reading *r, int64_t server, const char *key, json_t *object) {
    const char *metric;
    json_t *value;
    json_object_foreach(object, metric, value) {
        cleanup(str_done) struct str both = {0};
        str_addf(&both, "%s/%s", key, metric);
        if (both.failed)
            r->no_memory = true;
        else if (!reading_ignores(r, both.data))
            put_json_number(r, server, both.data, value);
    }
}

static void put_json_long(struct reading *r, int64_t server, json_t *object, struct piece *by) {
    static const char *const keys[] = {[ROLE_BENCHMARK] = "benchmark",
                                       [ROLE_NAME] = "metric",
                                       [ROLE_UNIT] = "unit",
                                       [ROLE_BETTER] = "better"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        json_t *value = keys[i] ? json_object_get(object, keys[i]) : NULL;
        if (!value || json_is_null(value))
            continue;
        by[i] = piece_of(value);
        if (!by[i].text)
            mistakes_add(&r->mistakes, r->line, 1, "%s: expected a text", keys[i]);
    }
    json_t *value = json_object_get(object, "value");
    struct piece text = piece_of(value);
    double number = NAN;
    if (json_is_number(value))
        number = json_number_value(value);
    else if (!json_is_null(value) && !(text.text && reading_is_nothing(&text)))
        reading_mistake(r, 1, "value: expected a number", text.text ? &text : NULL);
    reading_put_long(r, server, by, number);
}

/* What Python writes for numbers that JSON has not becomes null. The caller lets go of the text. */
static void add_without_nan(struct str *out, const char *line, size_t n) {
    static const char *const words[] = {"NaN", "-Infinity", "Infinity"};
    bool quoted = false;
    for (size_t i = 0; i < n;) {
        size_t len = 0;
        for (size_t w = 0; !quoted && w < ARRAY_LEN(words) && !len; w++)
            if (strncmp(line + i, words[w], strlen(words[w])) == 0)
                len = strlen(words[w]);
        if (len) {
            str_add(out, "null");
            i += len;
            continue;
        }
        if (quoted && line[i] == '\\' && i + 1 < n)
            str_add_char(out, line[i++]);
        else if (line[i] == '"')
            quoted = !quoted;
        str_add_char(out, line[i++]);
    }
}

static json_t *parse_json(struct reading *r) {
    json_error_t why;
    cleanup(str_done) struct str plain = {0};
    struct str *text = &r->text;
    if (strstr(text->data, "NaN") || strstr(text->data, "Infinity")) {
        add_without_nan(&plain, text->data, text->len);
        text = &plain;
    }
    if (plain.failed) {
        r->no_memory = true;
        return NULL;
    }
    json_t *object =
        json_loadb(text->data, text->len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &why);
    if (json_is_object(object))
        return object;
    if (!object && json_error_code(&why) == json_error_out_of_memory)
        r->no_memory = true;
    else if (!object)
        reading_mistake(r, why.column > 0 ? why.column : 1, "expected one JSON object a line",
                        &(struct piece){why.text, strlen(why.text), 1});
    else
        reading_mistake(r, 1, "expected one JSON object a line", NULL);
    json_decref(object);
    return NULL;
}

void reading_json(struct reading *r) {
    json_t *object = parse_json(r), *value;
    const char *key;
    struct piece by[ROLE_COUNT] = {0};
    bool is_long = false, named = false;
    json_object_foreach(object, key, value) {
        enum role role = reading_role(r, key);
        if (role != ROLE_SERVER && role != ROLE_KIND) {
            is_long |= role == ROLE_VALUE;
            continue;
        }
        if (role == ROLE_SERVER && by[role].text)
            reading_mistake(r, 1, "expected one of server, node and host", NULL);
        by[role] = piece_of(value);
        if (!by[role].text && !(role == ROLE_KIND && json_is_null(value)))
            mistakes_add(&r->mistakes, r->line, 1, "%s: expected a text", key);
        named |= role == ROLE_SERVER;
    }
    if (object && !named)
        reading_mistake(r, 1, "expected the key 'server' or 'node'", NULL);
    int64_t server =
        by[ROLE_SERVER].text ? reading_server(r, &by[ROLE_SERVER], &by[ROLE_KIND]) : -1;
    if (server >= 0 && is_long)
        put_json_long(r, server, object, by);
    json_object_foreach(object, key, value) {
        enum role role = reading_role(r, key);
        if (role == ROLE_SERVER || role == ROLE_KIND || role == ROLE_IGNORED || server < 0 ||
            (is_long && role != ROLE_METRIC))
            continue;
        if (is_long)
            reading_mistake(r, 1, "expected no other key beside 'value' (or --ignore)",
                            &(struct piece){key, strlen(key), 1});
        else if (json_is_object(value))
            put_json_benchmark(r, server, key, value);
        else
            put_json_number(r, server, key, value);
    }
    json_decref(object);
}
