/* logs: see logs.h. */
#include "serve/logs.h"

#include "report/runlog.h"
#include "serve/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void close_file(FILE **f) {
    if (*f)
        fclose(*f);
}

static int read_parameters(const struct request *q, struct answer *a, struct runlog_wanted *w,
                           int64_t *after, struct error *err) {
    const char *level = request_parameter(q, "level");
    const char *place = request_parameter(q, "after");
    w->server = request_parameter(q, "server");
    if (level && log_level_parse(level, &w->least) < 0)
        return answer_refuse(a, MHD_HTTP_BAD_REQUEST, err,
                             "level is debug, info, warning or error, not '%.40s'", level);
    size_t n = place ? strspn(place, "0123456789") : 0;
    if (place && (n == 0 || n > 18 || place[n]))
        return answer_refuse(a, MHD_HTTP_BAD_REQUEST, err,
                             "after is what an earlier answer said in its header Muster-After, "
                             "not '%.40s'",
                             place);
    *after = place ? strtoll(place, NULL, 10) : 0;
    return 0;
}

static int open_log(struct request *q, struct answer *a, FILE **ret, struct error *err) {
    cleanup(snapshot_close) struct store *store = NULL;
    struct run run;
    if (snapshot_open(q, a, &store, err) < 0 || store_run(store, q->names[0], &run, err) < 0)
        return -1;
    cleanup(free_ptr) char *path = store_log_path(store, run.id);
    if (!path)
        return error_memory(err);
    *ret = fopen(path, "re");
    return *ret ? 0
                : answer_refuse(
                      a, errno == ENOENT ? MHD_HTTP_NOT_FOUND : MHD_HTTP_INTERNAL_SERVER_ERROR, err,
                      "cannot read the log %.300s: %s", path, strerror(errno));
}

int logs_lines(struct request *q, struct answer *a, struct error *err) {
    struct runlog_wanted wanted = {
        .format = LOG_JSON, .read_max = LOGS_READ, .print_max = LOGS_PRINT};
    struct runlog_printed printed;
    cleanup(close_file) FILE *in = NULL;
    int64_t after = 0;
    if (read_parameters(q, a, &wanted, &after, err) < 0 || open_log(q, a, &in, err) < 0 ||
        spool_begin(&a->body, err) < 0)
        return -1;
    if (fseeko(in, after, SEEK_SET) < 0)
        return error_os(err, ERROR_STORE, errno, "cannot read the log from there");
    if (runlog_print(in, after, a->body.out, &wanted, &printed, err) < 0)
        return -1;
    a->type = ANSWER_LINES;
    answer_header(a, "Muster-After", "%lld", (long long)printed.next);
    answer_header(a, "Muster-More", "%d", printed.more);
    return 0;
}
