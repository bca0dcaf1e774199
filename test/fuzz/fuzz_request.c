/*
 * fuzz_request: the protocol as the agent sees it (agent/json.h, agent/lease.h, agent/answer.h).
 *
 * Any line is read as a request and as a lease: what is read stays within the line and its bounds,
 * and no lease is longer than a year or without length. Then the same
 * bytes are what a user wrote, cut at NULs: what muster asks with them comes to the agent as it was
 * written, and what the agent answers about them, muster understands.
 */
#include "../../agent/answer.h"
#include "../../agent/json.h"
#include "../../agent/lease.h"

#include "base/clock.h"
#include "fuzz.h"
#include "wire/wire.h"

#include <math.h>

static struct json json;

static void check_field(const struct json_field *f, const char *line, size_t n) {
    require(f->key >= line && f->key <= line + n);
    require(!f->object || (f->object >= line && f->object <= line + n));
    require(f->kind != JSON_TEXT || strlen(f->text) <= n);
    require(f->kind != JSON_NUMBER || isfinite(f->number));
    const struct json_field *found = json_find(&json, f->object, f->key);
    require(found && found->kind == f->kind);
}

static void check_any(const uint8_t *data, size_t n) {
    cleanup(free_ptr) char *line = fuzz_text(data, n);
    int64_t id = 0;
    if (json_read(&json, line, n) != 0)
        return;
    require(json.count <= JSON_FIELDS_MAX);
    for (size_t i = 0; i < json.count; i++)
        check_field(&json.fields[i], line, n);
    if (json_integer(&json, NULL, "id", 0, INT64_C(1) << 53, &id))
        require(id >= 0 && id <= INT64_C(1) << 53);
}

static void check_lease(const uint8_t *data, size_t n) {
    static const int64_t most = 366 * 24 * 3600 * CLOCK_S;
    cleanup(free_ptr) char *line = fuzz_text(data, n);
    cleanup(str_done) struct str sent = {0};
    struct lease l;
    lease_begin(&l);
    lease_take(&l, line, n);
    require(l.length > 0 && l.length <= most && l.beat >= 0 && l.beat <= most);
    require(l.busy_wait >= 0 && l.busy_wait <= most);
    require(l.linger >= 0 && l.linger <= most && l.round >= 0);
    wire_add_lease(&sent, &(struct wire_lease){.lease_ms = (int64_t)n + 1, .beat_ms = 7});
    require(!sent.failed);
    lease_take(&l, sent.data, sent.len);
    require(l.length == ((int64_t)n + 1) * CLOCK_MS && l.beat == 7 * CLOCK_MS && !l.busy_wait);
}

/* Reads what muster sent; it is one line. */
static void read_request(struct str *request) {
    require(!request->failed && request->data[request->len - 1] == '\n');
    require(memchr(request->data, '\n', request->len) == request->data + request->len - 1);
    request->data[--request->len] = '\0';
    require(json_read(&json, request->data, request->len) == 0);
}

static void check_asked(const char *command, const char *value) {
    cleanup(str_done) struct str request = {0};
    struct wire_env env = {"NAME", value};
    int64_t id = 0;
    wire_add_command(&request, 7, command, 1000, 4096, 8192, &env, 1, value);
    read_request(&request);
    require(strcmp(json_text(&json, "type"), "command") == 0);
    require(json_integer(&json, NULL, "id", 0, 10, &id) && id == 7);
    require(fuzz_is_replaced(json_text(&json, "command"), command));
    require(fuzz_is_replaced(json_find(&json, "env", "NAME")->text, value));
    require(fuzz_is_replaced(json_text(&json, "needs"), value));
    str_clear(&request);
    wire_add_benchmark(&request, 7, command, 1000, 2, 3, "{\"a\":1}");
    read_request(&request);
    require(fuzz_is_replaced(json_text(&json, "name"), command));
    require(json_integer(&json, "parameters", "a", 0, 10, &id) && id == 1);
}

static void check_answered(const char *detail) {
    static const char *const reasons[] = {"skipped", "busy", "internal"};
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        cleanup(str_done) struct str answer = {0};
        cleanup(wire_message_done) struct wire_message m = {0};
        struct failure f;
        struct error err;
        failure_set(&f, reasons[i], "about %s", detail);
        answer_error(&answer, 7, &f);
        require(!answer.failed && wire_parse(answer.data, answer.len - 1, &m, &err) == 0);
        require(m.id == 7 && m.type == (i == 0 ? WIRE_SKIPPED : WIRE_ERROR));
        require(strncmp(m.detail, "about ", 6) == 0);
        require_printable(m.detail, strlen(m.detail));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    check_any(data, n);
    check_lease(data, n);
    cleanup(free_ptr) char *text = fuzz_text(data, n);
    size_t first = strlen(text);
    check_asked(text, text + (first < n ? first + 1 : n));
    check_answered(text);
    return 0;
}
