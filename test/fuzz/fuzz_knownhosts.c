/* A known_hosts file of any bytes, asked for a few hosts. */
#include "base/fd.h"
#include "input/hostjudge.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void ask(const struct knownhosts *k, const char *host, int port) {
    static const char key[] =
        "AAAAC3NzaC1lZDI1NTE5AAAAIFSjhSEpfo1pozWnI6ouUM3kNarP/e9ovVILd28xwDFK";
    cleanup(hostjudge_lines_done) struct hostjudge_lines l = {.check_address = true};
    struct error err;
    if (knownhosts_find(k, host, port, &l.host, &err) < 0 ||
        knownhosts_find(k, host, 0, &l.bare, &err) < 0 ||
        knownhosts_find(k, "10.0.0.1", port, &l.address, &err) < 0)
        return;
    struct hostjudge_answer a;
    for (int checking = HOST_KEY_STRICT; checking <= HOST_KEY_OFF; checking++) {
        hostjudge(&l, key, checking, true, &a);
        /* an answer that rests on a line must name it, and none is trusted that is not accepted */
        if ((a.status == HOSTJUDGE_UNKNOWN) != (a.line == NULL) || (a.trusted && !a.accepted))
            __builtin_trap();
    }
    const char *types[4];
    if (hostjudge_types(&l.host, types, 4) > 4)
        __builtin_trap();
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
