/* simtruth: see simtruth.h. */
#include "transport/simtruth.h"

#include "base/fd.h"
#include "base/hash.h"
#include "base/str.h"
#include "transport/simserver.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static void add_metric(struct str *out, const char *key, bool there, size_t metric) {
    char name[SIMSERVER_METRIC_TEXT];
    simserver_metric_name(metric, name);
    if (there)
        str_addf(out, ",\"%s\":\"%s\"", key, name);
    else
        str_addf(out, ",\"%s\":null", key);
}

static void add_server(struct str *out, const struct simulation *s, const char *name) {
    struct simserver who = simserver_of(s, hash_text(s->seed, name, strlen(name)));
    bool one_metric = who.fault != SIMFAULT_NONE && who.fault != SIMFAULT_THROTTLED;
    str_addf(out, "{\"server\":\"%s\",\"kind\":%zu,\"fault\":\"%s\"", name, who.kind,
             simfault_name(who.fault));
    add_metric(out, "metric", one_metric, who.metric);
    str_addf(out, ",\"size\":%.6g,\"active\":%s,\"firmware\":\"%s\"", who.size * 100,
             who.active ? "true" : "false", who.other_firmware ? "other" : "usual");
    add_metric(out, "mode_metric", s->bimodal.percent > 0, who.mode_metric);
    str_add(out, "}\n");
}

int simtruth_write(const struct simulation *s, const struct servers *servers, struct error *err) {
    if (!s->truth[0])
        return 0;
    cleanup(str_done) struct str text = {0};
    for (size_t i = 0; i < servers->count; i++)
        add_server(&text, s, servers->items[i].name);
    if (text.failed)
        return error_memory(err);
    cleanup(fd_close) int fd = open(s->truth, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot open %s", s->truth);
    if (fd_write_all(fd, text.data, text.len) < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot write to %s", s->truth);
    return 0;
}
