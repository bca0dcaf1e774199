/* columns: see columns.h. */
#include "base/columns.h"

#include "base/attr.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Blocks of Unicode with wide characters in them, whole. */
static const struct {
    uint32_t first, last;
} wide[] = {
    {0x1100, 0x115f},   /* Hangul Jamo */
    {0x231a, 0x23ff},   /* clocks, angle brackets */
    {0x25fd, 0x27bf},   /* symbols, dingbats */
    {0x2b1b, 0x2b55},   /* squares, stars */
    {0x2e80, 0xa4cf},   /* CJK, Kana, Yi */
    {0xa960, 0xa97f},   /* Hangul Jamo A */
    {0xac00, 0xd7a3},   /* Hangul */
    {0xf900, 0xfaff},   /* CJK compatibility */
    {0xfe10, 0xfe6f},   /* vertical and small forms */
    {0xff00, 0xff60},   /* full-width forms */
    {0xffe0, 0xffe6},   /* full-width signs */
    {0x16fe0, 0x1b2ff}, /* Tangut, Khitan, Kana */
    {0x1d300, 0x1d37f}, /* Tai Xuan Jing */
    {0x1f000, 0x1faff}, /* tiles, cards, emoji */
    {0x20000, 0x3ffff}, /* CJK of the supplementary planes */
};

static uint32_t decode(const char *p, size_t len) {
    const unsigned char *s = (const unsigned char *)p;
    if (len == 1)
        return s[0];
    uint32_t code = s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (s[i] & 0x3fu);
    return code;
}

static size_t columns_of_code(uint32_t code) {
    if (code < wide[0].first)
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(wide); i++)
        if (code <= wide[i].last)
            return code >= wide[i].first ? 2 : 1;
    return 1;
}

/* Walks over characters while they fit. Returns the bytes, and in *used the columns. */
static size_t walk(const char *p, size_t n, size_t columns, size_t *used) {
    size_t at = 0;
    *used = 0;
    while (at < n) {
        size_t len = text_utf8_length(p + at, n - at);
        size_t more = len ? columns_of_code(decode(p + at, len)) : 1;
        if (more > columns - *used)
            break;
        *used += more;
        at += len ? len : 1;
    }
    return at;
}

size_t columns_of(const char *p, size_t n) {
    size_t used;
    walk(p, n, SIZE_MAX, &used);
    return used;
}

size_t columns_fitting(const char *p, size_t n, size_t columns) {
    size_t used;
    return walk(p, n, columns, &used);
}
