/*
 * probe: files of one number each that stay open, because they are read again and again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Opens a file below file_root(). Returns -1 when there is none, and also when half of the
 * descriptors that this process may have are taken: the benchmark needs some, too.
 */
int probe_open(const char *path);

/* The number that the file holds now. False when it holds none. */
bool probe_read(int fd, int64_t *ret);

/* For cleaning up: closes it unless it is -1, and sets it to -1. */
void probe_close(int *fd);

/* Numbers that only ever grow, and what they have grown, each and together. */
#define COUNTERS_MAX 128

struct counters {
    struct {
        int fd;
        int64_t last, wrap; /* wrap: the number after which it begins anew at 0; 0: never */
        int64_t grown;
    } all[COUNTERS_MAX];
    int count;
    int64_t sum;
};

/* Takes one more file, if it can be read. Returns whether it can. */
bool counters_open(struct counters *c, const char *path, int64_t wrap);

/* Adds to `grown` and `sum` what they have grown since they were opened or read last. */
void counters_read(struct counters *c);

/* What the one has grown that has grown most; 0 without any. */
int64_t counters_most(const struct counters *c);

void counters_close(struct counters *c);
