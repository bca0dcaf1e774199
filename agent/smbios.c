/*
 * smbios: see smbios.h.
 *
 * By the DMTF's DSP0134: a table is structures one after the other, each a header of four bytes
 * (type, length of the formatted part, handle), that part, and texts that end with a NUL each and
 * with another one after the last. Fields refer to texts by number. Firmware of any age writes
 * tables that are cut short or lie about lengths; nothing is read beyond a structure's end.
 */
#include "smbios.h"

#include "base/attr.h"

#include <stdbool.h>
#include <string.h>

#define MEMORY_DEVICE 17
#define END_OF_TABLE 127

struct structure {
    const uint8_t *formatted;
    size_t length; /* of it */
    const uint8_t *texts, *end;
};

/* The structure at `p` and where the next one begins; NULL: it does not fit. */
static const uint8_t *next_structure(const uint8_t *p, const uint8_t *end, struct structure *ret) {
    if (end - p < 4 || p[1] < 4 || end - p < p[1])
        return NULL;
    ret->formatted = p;
    ret->length = p[1];
    ret->texts = p + p[1];
    for (p = ret->texts; end - p >= 2; p++)
        if (p[0] == 0 && p[1] == 0) {
            ret->end = p + 1;
            return p + 2;
        }
    return NULL;
}

static uint32_t field(const struct structure *s, size_t at, size_t size) {
    uint32_t n = 0;
    if (at + size > s->length)
        return 0;
    for (size_t i = size; i-- > 0;)
        n = n << 8 | s->formatted[at + i];
    return n;
}

/* The text whose number is at `at`, or "". */
static void text(const struct structure *s, size_t at, char *out, size_t size) {
    uint32_t number = field(s, at, 1);
    const uint8_t *p = s->texts;
    *out = '\0';
    for (uint32_t i = 1; number > 0 && p < s->end; i++) {
        size_t n = strnlen((const char *)p, (size_t)(s->end - p));
        if (i == number) {
            size_t keep = n < size - 1 ? n : size - 1;
            memcpy(out, p, keep);
            out[keep] = '\0';
            return;
        }
        p += n + 1;
    }
}

static int64_t size_of(const struct structure *s) {
    uint32_t n = field(s, 0x0c, 2);
    if (n == 0xffff)
        return -1;
    if (n == 0x7fff)
        return (int64_t)(field(s, 0x1c, 4) & 0x7fffffff) << 20;
    return n & 0x8000 ? (int64_t)(n & 0x7fff) << 10 : (int64_t)n << 20;
}

static int64_t speed_of(const struct structure *s, size_t at, size_t at_extended) {
    uint32_t n = field(s, at, 2);
    if (n == 0xffff)
        n = field(s, at_extended, 4) & 0x7fffffff;
    return n > 0 ? (int64_t)n : -1;
}

static const char *type_of(const struct structure *s) {
    static const char *const types[] = {
        [0x12] = "DDR",    [0x13] = "DDR2",  [0x14] = "DDR2 FB-DIMM", [0x18] = "DDR3",
        [0x1a] = "DDR4",   [0x1b] = "LPDDR", [0x1c] = "LPDDR2",       [0x1d] = "LPDDR3",
        [0x1e] = "LPDDR4", [0x20] = "HBM",   [0x21] = "HBM2",         [0x22] = "DDR5",
        [0x23] = "LPDDR5", [0x24] = "HBM3",
    };
    uint32_t type = field(s, 0x12, 1);
    return type < ARRAY_LEN(types) ? types[type] : NULL;
}

static struct dimm dimm_of(const struct structure *s) {
    struct dimm d = {.bytes = size_of(s),
                     .type = type_of(s),
                     .speed = speed_of(s, 0x15, 0x54),
                     .configured = speed_of(s, 0x20, 0x58)};
    text(s, 0x10, d.slot, sizeof(d.slot));
    text(s, 0x17, d.maker, sizeof(d.maker));
    text(s, 0x1a, d.part, sizeof(d.part));
    return d;
}

void smbios_dimms(const uint8_t *table, size_t n, void (*each)(void *arg, const struct dimm *d),
                  void *arg) {
    struct structure s;
    const uint8_t *end = table + n;
    for (const uint8_t *p = table; (p = next_structure(p, end, &s));) {
        if (s.formatted[0] == END_OF_TABLE)
            return;
        if (s.formatted[0] != MEMORY_DEVICE || s.length < 0x15)
            continue;
        struct dimm d = dimm_of(&s);
        each(arg, &d);
    }
}
