/*
 * device: what both backends need, see gpu.h.
 */
#include "gpu.h"

#define HOST_BYTES_MAX ((size_t)64 << 20)

int problem_set(struct problem *p, const char *reason, const char *format, ...) {
    va_list args;
    va_start(args, format);
    p->reason = reason;
    vsnprintf(p->text, sizeof(p->text), format, args);
    va_end(args);
    return -1;
}

size_t buffer_bytes(const struct device *d, enum buffer buffer) {
    switch (buffer) {
    case BUFFER_SUMS:
        return d->bytes / (VECTORS * 16) * 4;
    case BUFFER_STATE:
        return sizeof(struct state);
    default:
        return d->bytes;
    }
}

void device_set_sizes(struct device *d, size_t limit) {
    d->bytes = limit / chunk_of(d) * chunk_of(d);
    size_t host = d->bytes < HOST_BYTES_MAX ? d->bytes : HOST_BYTES_MAX;
    d->host_bytes = host / chunk_of(d) * chunk_of(d);
}
