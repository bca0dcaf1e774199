/* A known_hosts file of any bytes, asked for a few hosts. */
#include "base/fd.h"
#include "input/knownhosts.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void ask(const struct knownhosts *k, const char *host, int port) {
    static const char key[] =
        "AAAAC3NzaC1lZDI1NTE5AAAAIFSjhSEpfo1pozWnI6ouUM3kNarP/e9ovVILd28xwDFK";
    struct knownhosts_answer a;
    knownhosts_check(k, host, port, key, &a);
    /* an answer that rests on a line must name it */
    if ((a.status == KNOWNHOSTS_UNKNOWN) != (a.file == NULL))
        __builtin_trap();
    const char *types[4];
    if (knownhosts_types(k, host, port, types, 4) > 4)
        __builtin_trap();
    knownhosts_has_authority(k, host, port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    cleanup(fd_close) int fd = memfd_create("known_hosts", MFD_CLOEXEC);
    if (fd < 0 || fd_write_all(fd, data, n) < 0)
        return 0;
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    const char *file = path;
    struct knownhosts *k;
    struct error err;
    if (knownhosts_load(&file, 1, &k, &err) < 0)
        return 0;
    ask(k, "web1", 22);
    ask(k, "web1", 2222);
    ask(k, "2001:DB8::7", 22);
    knownhosts_free(k);
    return 0;
}
