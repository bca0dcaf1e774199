/* route: see route.h. */
#include "serve/route.h"

#include "serve/api.h"
#include "serve/page.h"
#include "serve/site.h"

#include <string.h>

/* `*` stands for one segment; a parameter that is not among `parameters` is a mistake. */
static const struct route {
    const char *path;
    const char *parameters;
    route_fn *answer;
} routes[] = {
    {"/healthz", "", api_health},
    {"/api/runs", "", api_runs},
    {"/api/runs/*", "", api_run},
    {"/", "", page_front},
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
    for (size_t i = 0; i < q->parameter_count; i++)
        if (!is_among(r->parameters, q->parameters[i].key))
            return answer_refuse(a, MHD_HTTP_BAD_REQUEST, err, "%s takes no parameter '%.40s'%s%s",
                                 r->path, q->parameters[i].key, *r->parameters ? ", but: " : "",
                                 r->parameters);
    return 0;
}

static int take(struct request *q, const char *path, struct answer *a, struct error *err) {
    if (strcmp(q->method, "GET") != 0 && strcmp(q->method, "HEAD") != 0) {
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
