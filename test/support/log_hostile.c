/*
 * Logs values that are hard to carry to systemd's journal, where it usually is:
 * log_hostile FOLDER. Each value is also written to FOLDER/N, N being the field MUSTER_N of its
 * line.
 */
#include "base/fd.h"
#include "sync/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int keep(const char *folder, int number, const char *value) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/%d", folder, number);
    cleanup(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return fd < 0 ? -1 : fd_write_all(fd, value, strlen(value));
}

int main(int argc, char **argv) {
    enum { LARGE = 1 << 20 };
    cleanup(free_ptr) char *large = malloc(LARGE + 1);
    if (argc != 2 || !large)
        return 2;
    for (int i = 0; i < LARGE; i++)
        large[i] = (char)(1 + i % 255); /* every byte there is */
    large[LARGE] = '\0';
    const char *values[] = {
        "plain",
        "",
        "\n",
        "two\nlines\n",
        "x\nMUSTER_SERVER=forged\nPRIORITY=0\n",
        "\xff\xfe\x80",
        "\x1b[2J\x07",
        "\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82",
        "=",
        large,
    };
    struct error err;
    if (log_open(&err) < 0 || log_add_daemon(LOG_JOURNAL, NULL, LOG_DEBUG, &err) < 0) {
        fprintf(stderr, "log_hostile: %s\n", err.text);
        return 1;
    }
    for (int i = 0; i < (int)ARRAY_LEN(values); i++) {
        if (keep(argv[1], i, values[i]) < 0)
            return 1;
        log_info("hostile", LOG_I("n", i), LOG_S("value", values[i]));
    }
    if (log_close(&err) < 0) {
        fprintf(stderr, "log_hostile: %s\n", err.text);
        return 1;
    }
    return 0;
}
