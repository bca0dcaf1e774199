/*
 * fuzz_measurements: a file of numbers that any program wrote.
 *
 * What is held: a sentence for every refusal, and mistakes that can be shown; of what is taken,
 * names that can be shown, finite numbers of servers and metrics that are there, in order.
 */
#include "fuzz.h"
#include "input/measurements.h"

#include <math.h>

static void check_items(const struct measurements *m) {
    for (size_t i = 0; i < m->count; i++) {
        const struct measurement *a = &m->items[i];
        require(a->server < m->servers.count && a->metric < m->metric_count && isfinite(a->value));
        if (i == 0)
            continue;
        const struct measurement *b = a - 1;
        require(b->server < a->server ||
                (b->server == a->server &&
                 (b->metric < a->metric || (b->metric == a->metric && b->order < a->order))));
    }
}

static void check_names(const struct measurements *m) {
    require(m->keys.count == m->metric_count && m->servers.count > 0);
    for (size_t i = 0; i < m->servers.count; i++) {
        require_printable(m->servers.items[i], strlen(m->servers.items[i]));
        if (m->kinds[i])
            require_printable(m->kinds[i], strlen(m->kinds[i]));
    }
    for (size_t i = 0; i < m->labels.count; i++) {
        size_t at = names_find(&m->keys, m->labels.items[i], strlen(m->labels.items[i]));
        require_printable(m->labels.items[i], strlen(m->labels.items[i]));
        require(at == NAMES_NONE || !m->metrics[at].measured);
    }
    for (size_t i = 0; i < m->metric_count; i++) {
        const struct measured_metric *one = &m->metrics[i];
        require(*one->benchmark && *one->metric);
        require_printable(one->benchmark, strlen(one->benchmark));
        require_printable(one->metric, strlen(one->metric));
        if (one->unit)
            require_printable(one->unit, strlen(one->unit));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cleanup(measurements_done) struct measurements m = {0};
    cleanup(str_done) struct str mistakes = {0};
    struct error err = {0};
    const char *ignore = "ignored*";
    cleanup(fuzz_file_done) struct fuzz_file file = fuzz_file(data, size);
    FILE *in = fopen(file.path, "r");
    require(in);
    int rc = measurements_read(in, "f", &ignore, 1, &m, &mistakes, &err);
    fclose(in);
    if (rc < 0) {
        require(err.kind == ERROR_USAGE && err.text[0]);
        require_printable(err.text, strlen(err.text));
        for (char *line = mistakes.data ? strtok(mistakes.data, "\n") : NULL; line;
             line = strtok(NULL, "\n"))
            require_printable(line, strlen(line));
        return 0;
    }
    check_names(&m);
    check_items(&m);
    require(measurements_regroup(&m, &m.servers, &err) == 0);
    check_names(&m);
    return 0;
}
