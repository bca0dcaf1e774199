/* logs: see logs.h. */
#include "serve/logs.h"

#include "report/runlog.h"
#include "serve/snapshot.h"
#include "store/logread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static ssize_t next_line(void *log, const char **line, int64_t *place, struct error *err) {
    return store_log_next(log, line, place, err);
}

static void close_log(struct store_log **log) {
    store_log_close(*log);
}

static int open_log(struct answer *a, struct store *store, const char *run_id,
                    const struct runlog_wanted *w, int64_t after, struct store_log **ret,
                    struct error *err) {
    const struct store_log_wanted wanted = {
        .server = w->server, .least = w->least, .follow = true, .after = after};
    if (store_log_open(store, run_id, &wanted, ret, err) == 0)
        return 0;
    if (err->kind == ERROR_USAGE) /* there is no such file, or it cannot be read */
        a->status = err->os == ENOENT ? MHD_HTTP_NOT_FOUND : MHD_HTTP_INTERNAL_SERVER_ERROR;
    return -1;
}

static int print_lines(struct answer *a, struct store_log *log, const struct runlog_wanted *wanted,
                       int64_t after, struct error *err) {
    struct runlog_printed printed;
    if (spool_begin(&a->body, err) < 0 ||
        runlog_print(next_line, log, after, a->body.out, wanted, &printed, err) < 0)
        return -1;
    a->type = ANSWER_LINES;
    answer_header(a, "Muster-After", "%lld", (long long)printed.next);
    answer_header(a, "Muster-More", "%d", printed.more);
    return 0;
}

int logs_lines(struct request *q, struct answer *a, struct error *err) {
    struct runlog_wanted wanted = {
        .format = LOG_JSON, .read_max = LOGS_READ, .print_max = LOGS_PRINT};
    cleanup(snapshot_close) struct store *store = NULL;
    cleanup(close_log) struct store_log *log = NULL;
    struct run run;
    int64_t after = 0;
    if (read_parameters(q, a, &wanted, &after, err) < 0 || snapshot_open(q, a, &store, err) < 0 ||
        store_run(store, q->names[0], &run, err) < 0 ||
        open_log(a, store, run.id, &wanted, after, &log, err) < 0)
        return -1;
    return print_lines(a, log, &wanted, after, err);
}
