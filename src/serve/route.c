/* route: see route.h. */
#include "serve/route.h"

#include "serve/api.h"
#include "serve/events.h"
#include "serve/gate.h"
#include "serve/logs.h"
#include "serve/metrics.h"
#include "serve/page.h"
#include "serve/site.h"

#include <string.h>

/*
 * `*` stands for one segment; a parameter that is not among `parameters` is a mistake. NULL: they
 * are the page's own.
 */
static const struct route {
    const char *path;
    const char *parameters;
    route_fn *answer;
} routes[] = {
    {"/healthz", "", api_health},
    {"/api/runs", "", api_runs},
    {"/api/runs/*", "", api_run},
    {"/api/runs/*/overview", "", api_overview},
    {"/api/runs/*/servers/*", "", api_server},
    {"/api/runs/*/log", "server level after", logs_lines},
    {"/api/runs/*/events", "", events_stream},
    {"/api/history/*", "benchmark", api_history},
    {"/api/compare", "from to", api_compare},
    {"/api/baselines", "", api_baselines},
    {"/api/workers", "", api_workers},
    {"/metrics", "", metrics_text},
    {"/login", "", gate_form},
    {"/assets/app.css", "", page_style},
    {"/assets/app.js", "", page_program},
    {"/", NULL, page_shell},
    {"/runs/*", NULL, page_shell},
    {"/runs/*/servers/*", NULL, page_shell},
    {"/runs/*/log", NULL, page_shell},
    {"/history/*", NULL, page_shell},
    {"/compare", NULL, page_shell},
};

/* Whether the pattern is this path; then its names are set. */
static bool matches(const char *pattern, struct request *q) {
    size_t segment = 0, name = 0;
    if (strcmp(pattern, "/") == 0)
        return q->segment_count == 0;
    for (; *pattern == '/'; segment++) {
        size_t n = strcspn(++pattern, "/");
        if (segment == q->segment_count)
            return false;
        const char *is = q->segments[segment];
        if (n == 1 && *pattern == '*')
            q->names[name++] = is;
        else if (strlen(is) != n || memcmp(is, pattern, n) != 0)
            return false;
        pattern += n;
    }
    return segment == q->segment_count;
}

static const struct route *find(struct request *q) {
    for (size_t i = 0; i < ARRAY_LEN(routes); i++)
        if (matches(routes[i].path, q))
            return &routes[i];
    return NULL;
}

/* Whether `key` is one of the words of `list`. */
static bool is_among(const char *list, const char *key) {
    size_t n = strlen(key);
    for (const char *at = list; n > 0 && (at = strstr(at, key)); at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == '\0' || at[n] == ' '))
            return true;
    return false;
}

static int check_parameters(const struct route *r, const struct request *q, struct answer *a,
                            struct error *err) {
    for (size_t i = 0; r->parameters && i < q->parameter_count; i++)
        if (!is_among(r->parameters, q->parameters[i].key))
            return answer_refuse(a, MHD_HTTP_BAD_REQUEST, err, "%s takes no parameter '%.40s'%s%s",
                                 r->path, q->parameters[i].key, *r->parameters ? ", but: " : "",
                                 r->parameters);
    return 0;
}

static bool is_method(const struct request *q, const char *name) {
    return strcmp(q->method, name) == 0;
}

/* The one request that brings something: a browser's, with the token. */
bool route_has_body(const struct request *q, const char *path) {
    return is_method(q, "POST") && strcmp(path, "/login") == 0;
}

static int take(struct request *q, const char *path, struct answer *a, struct error *err) {
    if (request_is_ambiguous(q))
        return answer_refuse(a, MHD_HTTP_BAD_REQUEST, err,
                             "the head of a request has one Host, one Content-Length or "
                             "Transfer-Encoding, and no blank in the name of a header");
    if (route_has_body(q, path))
        return gate_login(q, a, err);
    int checked = gate_check(q, path, a, err);
    if (checked != 0)
        return checked < 0 ? -1 : 0;
    if (!is_method(q, "GET") && !is_method(q, "HEAD")) {
        answer_header(a, "Allow", "GET, HEAD");
        return answer_refuse(a, MHD_HTTP_METHOD_NOT_ALLOWED, err,
                             "muster serve is for reading: GET and HEAD are all there is");
    }
    if (request_parse(q, path, err) < 0) {
        a->status = err->kind == ERROR_USAGE ? MHD_HTTP_BAD_REQUEST : 0;
        return -1;
    }
    const struct route *r = find(q);
    if (!r)
        return answer_refuse(a, MHD_HTTP_NOT_FOUND, err, "there is no %.200s here", path);
    return check_parameters(r, q, a, err) < 0 ? -1 : r->answer(q, a, err);
}

enum MHD_Result route_answer(struct request *q, const char *path) {
    struct answer a = {.body.fd = -1};
    struct error err = {0};
    int rc = take(q, path, &a, &err);
    return answer_send(q, &a, rc, &err);
}
