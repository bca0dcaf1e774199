/*
 * device: what both backends need, see gpu.h.
 */
#include "gpu.h"

/*
 * A CPU's transfer is a memcpy(), which writes past the caches when it is large beside them, and
 * is faster then: no size is right for all, this one is above the caches of most.
 */
#define HOST_BYTES_MAX ((size_t)64 << 20)
#define CPU_HOST_BYTES_MAX ((size_t)256 << 20)

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
    size_t most = d->cpu ? CPU_HOST_BYTES_MAX : HOST_BYTES_MAX;
    size_t host = d->bytes < most ? d->bytes : most;
    d->host_bytes = host / chunk_of(d) * chunk_of(d);
}
