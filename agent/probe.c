/*
 * probe: see probe.h. One thread.
 */
#include "probe.h"

#include "file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define SANE (INT64_C(1) << 60) /* no sum of such numbers overflows */

int probe_open(const char *path) {
    struct rlimit most;
    int fd = file_open(path);
    if (fd >= 0 && getrlimit(RLIMIT_NOFILE, &most) == 0 && (rlim_t)fd >= most.rlim_cur / 2)
        probe_close(&fd);
    return fd;
}

bool probe_read(int fd, int64_t *ret) {
    char text[32], *end;
    ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
    if (n <= 0)
        return false;
    text[n] = '\0';
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || errno != 0 || value > SANE || value < -SANE)
        return false;
    *ret = value;
    return true;
}

void probe_close(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

bool counters_open(struct counters *c, const char *path, int64_t wrap) {
    if (c->count == COUNTERS_MAX)
        return false;
    int fd = probe_open(path);
    int64_t now;
    if (!probe_read(fd, &now)) {
        probe_close(&fd);
        return false;
    }
    c->all[c->count].fd = fd;
    c->all[c->count].last = now;
    c->all[c->count].grown = 0;
    c->all[c->count++].wrap = wrap;
    return true;
}

void counters_read(struct counters *c) {
    for (int i = 0; i < c->count; i++) {
        int64_t now, last = c->all[i].last, more = 0;
        if (!probe_read(c->all[i].fd, &now) || now < 0)
            continue;
        c->all[i].last = now;
        if (now >= last)
            more = now - last;
        else if (c->all[i].wrap > last)
            more = now + c->all[i].wrap - last;
        /* else somebody has set it back: what was counted before that is lost */
        c->all[i].grown += more;
        c->sum += more;
    }
}

int64_t counters_most(const struct counters *c) {
    int64_t most = 0;
    for (int i = 0; i < c->count; i++)
        most = c->all[i].grown > most ? c->all[i].grown : most;
    return most;
}

void counters_close(struct counters *c) {
    for (int i = 0; i < c->count; i++)
        probe_close(&c->all[i].fd);
    c->count = 0;
    c->sum = 0;
}
