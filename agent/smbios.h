/*
 * smbios: the memory modules that the firmware tells of. Plain data; pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct dimm {
    int64_t bytes;      /* 0: the slot is empty; -1: not known */
    const char *type;   /* "DDR4", or NULL */
    int64_t speed;      /* MT/s it can do, -1: not known */
    int64_t configured; /* MT/s it does */
    char slot[48];
    char maker[48];
    char part[48];
};

/*
 * Calls each() for every slot in the structures of an SMBIOS table, n bytes that may be anything.
 */
void smbios_dimms(const uint8_t *table, size_t n, void (*each)(void *arg, const struct dimm *d),
                  void *arg);
