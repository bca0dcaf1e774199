/* text: see text.h. Pure. */
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

size_t text_utf8_length(const char *p, size_t n) {
    const unsigned char *s = (const unsigned char *)p;
    if (n == 0)
        return 0;
    if (s[0] < 0x80)
        return 1;
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    /* the second byte tells overlong forms, surrogates and what is above U+10FFFF */
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return len;
}

bool text_is_utf8(const char *p, size_t n) {
    while (n > 0) {
        size_t len = text_utf8_length(p, n);
        if (len == 0)
            return false;
        p += len;
        n -= len;
    }
    return true;
}

static bool is_control(const char *p, size_t len) {
    const unsigned char *s = (const unsigned char *)p;
    if (len == 1)
        return s[0] < 0x20 || s[0] == 0x7f;
    if (len == 2)
        return s[0] == 0xc2 && s[1] < 0xa0;
    /* U+2028, U+2029, U+202A to U+202E, U+2066 to U+2069 */
    return len == 3 && s[0] == 0xe2 &&
           ((s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae) ||
            (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9));
}

/* An ASCII character that can be shown as it is. */
static bool is_plain(char c) {
    return c >= 0x20 && c < 0x7f;
}

/* How many of the n bytes at `p`, from the first on, are plain. */
static size_t plain_run(const char *p, size_t n) {
    size_t run = 0;
    while (run < n && is_plain(p[run]))
        run++;
    return run;
}

size_t text_printable_length(const char *p, size_t n) {
    if (n > 0 && is_plain(*p))
        return 1;
    size_t len = text_utf8_length(p, n);
    return len > 0 && !is_control(p, len) ? len : 0;
}

bool text_is_printable(const char *p, size_t n) {
    while (n > 0) {
        size_t run = plain_run(p, n);
        size_t len = run ? run : text_printable_length(p, n);
        if (len == 0)
            return false;
        p += len;
        n -= len;
    }
    return true;
}

/* Writes the character at `p` in the form in which it can be shown. Returns how many bytes that is.
 */
static size_t show(const char *p, size_t len, char out[20]) {
    size_t size = 0;
    if (len > 0 && !is_control(p, len)) {
        memcpy(out, p, len);
        return len;
    }
    if (*p == '\n' || *p == '\t' || *p == '\r')
        return (size_t)sprintf(out, "\\%c", *p == '\n' ? 'n' : *p == '\t' ? 't' : 'r');
    for (size_t i = 0; i < (len ? len : 1); i++)
        size += (size_t)sprintf(out + size, "\\x%02x", (unsigned char)p[i]);
    return size;
}

size_t text_length_trimmed(const char *p, size_t n) {
    while (n > 0 && memchr("\r\n\t ", p[n - 1], 4))
        n--;
    return n;
}

void text_add_printable(struct str *out, const char *p, size_t n, size_t max) {
    size_t start = out->len;
    size_t used = 0;
    size_t cut = 0; /* the last place, counted as `used` is, where the ellipsis would still fit */
    while (n > 0) {
        char shown[20];
        size_t run = plain_run(p, n < max - used ? n : max - used);
        size_t len = run ? run : text_utf8_length(p, n);
        size_t size = run ? run : show(p, len, shown);
        if (size > max - used) {
            if (!out->failed)
                out->len = start + cut;
            str_add(out, "...");
            return;
        }
        str_add_bytes(out, run ? p : shown, size);
        if (used + size + 3 <= max)
            cut = used + size;
        else if (run && used + 3 <= max) /* within a run every place will do */
            cut = max - 3;
        used += size;
        p += len ? len : 1;
        n -= len ? len : 1;
    }
}

size_t text_add_json_escape(struct str *out, const char *p, size_t n) {
    const unsigned char *s = (const unsigned char *)p;
    size_t len = text_utf8_length(p, n);
    unsigned code = len == 0   ? 0xfffd
                    : len == 1 ? s[0]
                    : len == 2 ? (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu)
                               : (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
    if (code == '"' || code == '\\')
        str_addf(out, "\\%c", (char)code);
    else
        str_addf(out, "\\u%04x", code);
    return len ? len : 1;
}

void text_add_json(struct str *out, const char *p, size_t n) {
    const char *end = p + n;
    str_add_char(out, '"');
    while (p < end) {
        const char *start = p;
        size_t len = 1;
        while (p < end && *p != '"' && *p != '\\' &&
               (len = is_plain(*p) ? 1 : text_printable_length(p, (size_t)(end - p))) > 0)
            p += len;
        str_add_bytes(out, start, (size_t)(p - start));
        if (p < end)
            p += text_add_json_escape(out, p, (size_t)(end - p));
    }
    str_add_char(out, '"');
}

/* Appends `whole`, the last `decimals` digits of it behind a point. */
static void add_decimal(struct str *out, int64_t whole, int decimals) {
    char digits[40];
    char *p = digits + sizeof(digits);
    uint64_t rest = whole < 0 ? 0 - (uint64_t)whole : (uint64_t)whole;
    for (int i = 0; i < decimals; i++, rest /= 10)
        *--p = (char)('0' + rest % 10);
    if (decimals > 0)
        *--p = '.';
    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (whole < 0)
        *--p = '-';
    str_add_bytes(out, p, (size_t)(digits + sizeof(digits) - p));
}

/*
 * A whole number below 2^53 and a power of ten up to 10^22 are doubles themselves, and division
 * gives the double that is nearest to their quotient, which is also what reading the decimal gives.
 */
void text_add_number(struct str *out, double x) {
    double scale = 1;
    for (int decimals = 0; decimals <= 15 && fabs(x) * scale < 0x1p53; decimals++, scale *= 10) {
        int64_t whole = (int64_t)(x * scale + (x < 0 ? -0.5 : 0.5));
        if ((double)whole / scale == x) {
            add_decimal(out, whole, decimals);
            return;
        }
    }
    str_addf(out, "%.17g", x);
}
