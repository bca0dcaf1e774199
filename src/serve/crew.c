/* crew: see crew.h. */
#include "serve/crew.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/text.h"

#include <string.h>

static int read_workers(struct store *s, struct store_worker **ret, size_t *n, struct error *err) {
    *ret = NULL;
    *n = 0;
    return store_is_shared(s) ? store_workers(s, ret, n, err) : 0;
}

/* An empty text is none. */
static void add_field(struct str *out, const char *key, const char *value) {
    str_addf(out, ",\"%s\":", key);
    if (*value)
        text_add_json(out, value, strlen(value));
    else
        str_add(out, "null");
}

static void add_worker(struct str *out, const struct store_worker *w) {
    char started[25];
    clock_format_utc(w->started, started);
    str_addf(out, "{\"worker\":%lld", (long long)w->number);
    add_field(out, "host", w->host);
    str_addf(out, ",\"pid\":%lld", (long long)w->pid);
    add_field(out, "site", w->site);
    add_field(out, "run", w->run);
    if (w->fanout)
        str_addf(out, ",\"fanout\":%d", w->fanout);
    else
        str_add(out, ",\"fanout\":null");
    add_field(out, "started", started);
    str_addf(out, ",\"claimed\":%zu,\"lease\":%.3f}", w->claimed, w->lease);
}

int crew_document(FILE *out, struct store *s, struct error *err) {
    cleanup(free_ptr) struct store_worker *workers = NULL;
    cleanup(str_done) struct str text = {0};
    size_t n;
    if (read_workers(s, &workers, &n, err) < 0)
        return -1;
    str_add_char(&text, '[');
    for (size_t i = 0; i < n; i++) {
        str_add(&text, i ? ",\n" : "\n");
        add_worker(&text, &workers[i]);
    }
    str_add(&text, n ? "\n]\n" : "]\n");
    if (text.failed)
        return error_memory(err);
    fwrite(text.data, 1, text.len, out);
    return 0;
}

/* What the workers of a site are together: that of the first of them that is alive, and the
 * others'. */
static bool is_first_of_site(const struct store_worker *workers, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (workers[k].lease > 0 && strcmp(workers[k].site, workers[i].site) == 0)
            return false;
    return workers[i].lease > 0;
}

static void add_sample(struct str *out, const char *name, const char *site, size_t value) {
    cleanup(str_done) struct str shown = {0};
    text_add_printable(&shown, site, strlen(site),
                       SIZE_MAX); /* what is left is escaped as in JSON */
    str_addf(out, "%s{site=", name);
    text_add_json(out, shown.len ? shown.data : "", shown.len);
    str_addf(out, "} %zu\n", value);
    out->failed |= shown.failed;
}

static void add_samples(struct str *out, const char *name, bool claimed,
                        const struct store_worker *workers, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t sum = 0;
        if (!is_first_of_site(workers, i))
            continue;
        for (size_t k = i; k < n; k++)
            if (workers[k].lease > 0 && strcmp(workers[k].site, workers[i].site) == 0)
                sum += claimed ? workers[k].claimed : !workers[k].again;
        add_sample(out, name, workers[i].site, sum);
    }
}

int crew_samples(FILE *out, struct store *s, struct error *err) {
    cleanup(free_ptr) struct store_worker *workers = NULL;
    cleanup(str_done) struct str text = {0};
    size_t n;
    if (read_workers(s, &workers, &n, err) < 0 || !store_is_shared(s))
        return store_is_shared(s) ? -1 : 0;
    str_add(&text,
            "# HELP muster_workers Workers whose lease goes on, by the site that they take.\n"
            "# TYPE muster_workers gauge\n");
    add_samples(&text, "muster_workers", false, workers, n);
    str_add(&text, "# HELP muster_workers_claimed Servers that these hold.\n"
                   "# TYPE muster_workers_claimed gauge\n");
    add_samples(&text, "muster_workers_claimed", true, workers, n);
    if (text.failed)
        return error_memory(err);
    fwrite(text.data, 1, text.len, out);
    return 0;
}
