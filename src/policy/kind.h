/*
 * kind: which hardware group a server is of, and which machine it is, by its facts.
 *
 * Servers are judged by others of their kind: `EPYC 9654 x2 192c 768G`, and ` 8xH100 80GB HBM3`
 * behind it where there are GPUs. That is the CPU's model without what its maker adds to it, the
 * sockets where there are several, the physical cores, the memory rounded up to how it is sold, and
 * the GPUs. Memory is sold as 1 or 1.5 times a power of two; what the firmware and the kernel keep
 * for themselves does not make another kind, nor does one DIMM that is not seen: that is what such
 * a server is to be told.
 *
 * A machine is known by its board's serial number, else by the UUID of its firmware, else by its
 * machine-id(5): `serial:...`, `uuid:...`, `id:...`. What makers leave there when they forget ("To
 * be filled by O.E.M.", zeros) is none. Without rights only the machine-id can be read.
 *
 * Pure. A text that is not a JSON object gives none of these. Fails with ERROR_INTERNAL only.
 */
#pragma once

#include "base/error.h"

struct kind {
    char *kind;    /* NULL: the facts do not tell */
    char *disk;    /* models of the disks, which metrics of the benchmark `disk` go by; or NULL */
    char *machine; /* NULL: not known */
};

int kind_read(const char *facts, struct kind *ret, struct error *err) must_use;
void kind_done(struct kind *k);

/* Whole GiB that memory of so many bytes was sold as. */
double kind_sold_gib(double bytes);
