/*
 * fuzz_config: muster.yaml is written by hand, but also generated and merged by other programs.
 *
 * The bytes go to config_load() through a file in memory. What is held: no crash, no leak, and
 * a sentence for every refusal.
 */
#include "base/fd.h"
#include "input/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct parameter none[] = {{.name = NULL}};
    static const struct builtin builtin[] = {{.name = "cpu", .parameters = none}, {.name = NULL}};
    cleanup(fd_close) int fd = memfd_create("config", MFD_CLOEXEC);
    if (fd < 0 || fd_write_all(fd, data, size) < 0)
        abort();
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    cleanup(str_done) struct str mistakes = {0};
    struct config c;
    struct error err = {0};
    if (config_load(path, builtin, &c, &mistakes, &err) == 0)
        config_done(&c);
    else if (err.kind != ERROR_USAGE || !err.text[0] || mistakes.len == 0)
        abort();
    return 0;
}
