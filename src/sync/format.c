/*
 * format: see format.h. Pure; threads share nothing but constants.
 *
 * The log's cost is mostly this file, so the common case of each step is a scan over a table and a
 * copy: a value without special bytes is found so in one pass, the time is rendered once a second,
 * integers and numbers with few digits never reach printf.
 *
 * What is a control character is decided in base/text; here it is only decided how each format
 * shows one.
 */
#include "sync/format.h"

#include "base/clock.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define EVENT_COLUMNS 30

/* What an ASCII byte needs where; bytes from 0x80 on need a closer look everywhere. */
enum {
    IN_QUOTES = 1, /* an escape */
    IN_VALUE = 2,  /* quotes around the value it is in */
    IN_ITEM = 4,   /* quotes around the list item it is in */
    IN_EVENT = 8,  /* an escape, without quotes around */
};
#define EVERYWHERE (IN_QUOTES | IN_VALUE | IN_ITEM | IN_EVENT)

static const unsigned char special[256] = {
    [0 ... 0x1f] = EVERYWHERE,
    [' '] = IN_VALUE | IN_ITEM,
    ['"'] = EVERYWHERE & ~IN_EVENT,
    ['='] = IN_VALUE | IN_ITEM,
    [','] = IN_ITEM,
    ['['] = IN_ITEM,
    [']'] = IN_ITEM,
    ['\\'] = EVERYWHERE,
    [0x7f] = EVERYWHERE,
    [0x80 ... 0xff] = EVERYWHERE,
};

/* How many bytes from `p` on, before `end`, need none of `what`. */
static size_t plain_run(const char *p, const char *end, unsigned what) {
    const char *start = p;
    while (p < end && !(special[(unsigned char)*p] & what))
        p++;
    return (size_t)(p - start);
}

/* Whether all of it can stand without quotes. */
static bool is_bare(const char *p, const char *end, unsigned what) {
    if (p == end)
        return false;
    for (;;) {
        p += plain_run(p, end, what);
        if (p == end)
            return true;
        if ((unsigned char)*p < 0x80)
            return false;
        size_t len = text_printable_length(p, (size_t)(end - p));
        if (len == 0)
            return false;
        p += len;
    }
}

/* Appends the bytes with the escapes that they need in quotes, or in an event. */
static void add_escaped(struct str *out, const char *p, const char *end, unsigned what) {
    while (p < end) {
        size_t run = plain_run(p, end, what);
        str_add_bytes(out, p, run);
        p += run;
        if (p == end)
            return;
        if (*p == '"' || *p == '\\')
            str_add_char(out, '\\');
        size_t len = text_utf8_length(p, (size_t)(end - p));
        text_add_printable(out, p, len ? len : 1, 64);
        p += len ? len : 1;
    }
}

static void add_text(struct str *out, const char *text, unsigned what) {
    size_t n = strlen(text);
    if (is_bare(text, text + n, what)) {
        str_add_bytes(out, text, n);
        return;
    }
    str_add_char(out, '"');
    add_escaped(out, text, text + n, IN_QUOTES);
    str_add_char(out, '"');
}

static void add_json(struct str *out, const char *text) {
    text_add_json(out, text, strlen(text));
}

void format_number(struct str *out, double number) {
    static const double power[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    double size = fabs(number);
    if (number == 0 && !signbit(number)) {
        str_add_char(out, '0');
        return;
    }
    /* as many decimals as make six digits; where the product's last bits could turn the rounding,
       as for anything that is not so simple, printf decides */
    unsigned decimals = 0;
    while (decimals < ARRAY_LEN(power) && size * power[decimals] < 1e5)
        decimals++;
    double scaled = decimals < ARRAY_LEN(power) ? size * power[decimals] : 0;
    bool six = size >= 1e-4 && scaled < 999999;
    uint32_t digits = six ? (uint32_t)scaled : 0;
    double rest = scaled - digits;
    if (!six || (rest > 0.5 - 1e-6 && rest < 0.5 + 1e-6)) {
        char text[32];
        int n = snprintf(text, sizeof(text), "%.6g", number);
        str_add_bytes(out, text, (size_t)n);
        return;
    }
    digits += rest > 0.5;
    while (decimals > 0 && digits % 10 == 0) {
        digits /= 10;
        decimals--;
    }
    char text[16];
    char *p = text + sizeof(text);
    for (unsigned i = 0; i < decimals || digits > 0 || i == decimals; i++) {
        if (i == decimals && decimals > 0)
            *--p = '.';
        *--p = (char)('0' + digits % 10);
        digits /= 10;
    }
    if (number < 0)
        *--p = '-';
    str_add_bytes(out, p, (size_t)(text + sizeof(text) - p));
}

static void add_float(struct str *out, double number, bool json) {
    if (isfinite(number))
        format_number(out, number);
    else if (json) /* which has no word for it */
        str_add(out, "null");
    else
        str_add(out, isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
}

static void add_value(struct str *out, const struct log_field *field, bool json) {
    switch (field->kind) {
    case LOG_KIND_STRING:
        if (json)
            add_json(out, field->string);
        else
            add_text(out, field->string, IN_VALUE);
        break;
    case LOG_KIND_INT:
        str_add_int(out, field->integer);
        break;
    case LOG_KIND_FLOAT:
        add_float(out, field->number, json);
        break;
    case LOG_KIND_LIST:
        for (size_t i = 0; i < field->list.count; i++) {
            str_add_char(out, i ? ',' : '[');
            if (json)
                add_json(out, field->list.items[i]);
            else
                add_text(out, field->list.items[i], IN_ITEM);
        }
        str_add(out, field->list.count ? "]" : "[]");
        break;
    case LOG_KIND_END:
        break;
    }
}

static void add_fields(struct str *out, const struct log_field *field, bool json) {
    for (; field->kind != LOG_KIND_END; field++) {
        if (field->kind == LOG_KIND_STRING && !field->string)
            continue;
        str_add_char(out, json ? ',' : ' ');
        if (json)
            add_json(out, field->key);
        else
            add_text(out, field->key, IN_VALUE);
        str_add_char(out, json ? ':' : '=');
        add_value(out, field, json);
    }
}

void format_event(struct str *out, const char *event) {
    add_escaped(out, event, event + strlen(event), IN_EVENT);
}

void format_fields(struct str *out, const struct log_field *fields) {
    add_fields(out, fields, false);
}

void format_value(struct str *out, const struct log_field *field) {
    if (field->kind == LOG_KIND_STRING)
        str_add(out, field->string);
    else
        add_value(out, field, false);
}

static bool has_fields(const struct log_field *field) {
    while (field->kind == LOG_KIND_STRING && !field->string)
        field++;
    return field->kind != LOG_KIND_END;
}

static void set_clock(struct format_clock *clock, int64_t second) {
    if (clock->second == second)
        return;
    clock->second = second;
    clock_format_local(second * CLOCK_S, clock->local);
    clock_format_utc(second * CLOCK_S, clock->utc);
}

static void add_utc(struct str *out, const struct format_clock *clock, int64_t wall) {
    unsigned ms = (unsigned)(wall - clock->second * CLOCK_S) / 1000000;
    char text[24];
    memcpy(text, clock->utc, 20);
    text[20] = (char)('0' + ms / 100);
    text[21] = (char)('0' + ms / 10 % 10);
    text[22] = (char)('0' + ms % 10);
    text[23] = 'Z';
    str_add_bytes(out, text, sizeof(text));
}

/* Pads what was appended since `start` with spaces to `columns` characters. */
static void pad(struct str *out, size_t start, size_t columns) {
    size_t width = 0;
    for (size_t i = start; i < out->len; i++)
        width += (out->data[i] & 0xc0) != 0x80;
    static const char spaces[EVENT_COLUMNS + 1] = "                              ";
    if (width < columns)
        str_add_bytes(out, spaces, columns - width);
}

static void console_head(struct str *out, const struct format_record *r,
                         const struct format_clock *clock) {
    static const char *const levels[] = {" [debug    ] ", " [info     ] ", " [warning  ] ",
                                         " [error    ] "};
    str_add_bytes(out, clock->local, 19);
    str_add_bytes(out, levels[r->level], 13);
    size_t start = out->len;
    format_event(out, r->event);
    if (has_fields(r->fields))
        pad(out, start, EVENT_COLUMNS);
}

static void logfmt_head(struct str *out, const struct format_record *r,
                        const struct format_clock *clock) {
    str_add(out, "timestamp=");
    add_utc(out, clock, r->wall);
    str_add(out, " level=");
    str_add(out, log_level_name(r->level));
    str_add(out, " event=");
    add_text(out, r->event, IN_VALUE);
}

static void json_head(struct str *out, const struct format_record *r,
                      const struct format_clock *clock) {
    str_add(out, "{\"timestamp\":\"");
    add_utc(out, clock, r->wall);
    str_add(out, "\",\"level\":\"");
    str_add(out, log_level_name(r->level));
    str_add(out, "\",\"event\":");
    add_json(out, r->event);
}

void format_line(struct str *out, enum log_format format, const struct format_record *record,
                 struct format_clock *clock) {
    int64_t second = record->wall / CLOCK_S - (record->wall % CLOCK_S < 0);
    set_clock(clock, second);
    switch (format) {
    case LOG_CONSOLE:
        console_head(out, record, clock);
        break;
    case LOG_LOGFMT:
        logfmt_head(out, record, clock);
        break;
    case LOG_JSON:
        json_head(out, record, clock);
        break;
    }
    add_fields(out, record->fields, format == LOG_JSON);
    str_add(out, format == LOG_JSON ? "}\n" : "\n");
}
