/*
 * nodeset: see nodeset.h. (nodeset_fold() is in fold.c.)
 *
 * A pattern is operands with operators between them. An operand is read into pieces, which are
 * literal text or the ranges of one pair of brackets; its names are then made as an odometer turns,
 * the last bracket fastest, and added to the names so far, or taken out of them.
 *
 * Each name is checked as it is made, and what is wrong with it is told as a column of the pattern.
 * How many names an operand stands for is known before the first is made, so a slip of the finger
 * like [1-99999999999] costs nothing.
 *
 * Pure; any thread.
 */
#include "input/nodeset.h"

#include "base/text.h"
#include "base/vec.h"
#include "model/server.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define OPERATORS ",!&^"

struct range {
    uint64_t first, last, step;
    int width; /* of a padded number; 0: not padded */
};

struct piece {
    size_t at;  /* where it begins in the pattern */
    size_t len; /* of a literal */
    /* of brackets: */
    size_t first_range;
    size_t range_count; /* 0: this is a literal */
    uint64_t count;     /* of numbers */
    size_t range;       /* where the odometer stands: this range, */
    uint64_t number;    /* and this number of it */
};

struct expansion {
    const char *pattern;
    size_t pos;
    struct piece *pieces; /* of the operand at hand */
    size_t piece_count, piece_cap;
    struct range *ranges;
    size_t range_count, range_cap;
    uint64_t made; /* names, over all operands */
    struct str name;
    struct error *err;
};

static void expansion_done(struct expansion *x) {
    free(x->pieces);
    free(x->ranges);
    str_done(&x->name);
}

/* May stand before a name, and means nothing. */
#define SCHEME "ssh://"

/* Of a long pattern, only what stands around the mistake is quoted. */
static void quote(const char *pattern, size_t at, struct str *out) {
    enum { AROUND = 40 };
    size_t len = strlen(pattern);
    size_t from = at > AROUND && len > 2 * AROUND ? at - AROUND : 0;
    if (from > 0)
        str_add(out, "...");
    text_add_printable(out, pattern + from, len - from, 2 * AROUND + 20);
}

printf_like(3, 4) static int mistake(struct expansion *x, size_t at, const char *format, ...) {
    char why[300];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    cleanup(str_done) struct str quoted = {0};
    quote(x->pattern, at, &quoted);
    return error_set(x->err, ERROR_USAGE, "'%s', column %zu: %s", quoted.data ? quoted.data : "",
                     at + 1, why);
}

static int too_many(struct expansion *x, size_t at) {
    return mistake(x, at, "this stands for more than %d names", NODESET_MAX);
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

struct number {
    size_t at;
    int digits;
    uint64_t value;
};

static int read_number(struct expansion *x, struct number *ret) {
    struct number n = {.at = x->pos};
    for (; is_digit(x->pattern[x->pos]); x->pos++) {
        if (++n.digits > NODESET_DIGITS)
            return mistake(x, n.at, "a number has at most %d digits", NODESET_DIGITS);
        n.value = n.value * 10 + (uint64_t)(x->pattern[x->pos] - '0');
    }
    if (n.digits == 0) {
        char c = x->pattern[x->pos];
        bool blank = c == ' ' || c == '\t';
        return mistake(x, x->pos, "a number was expected here%s", blank ? ", without blanks" : "");
    }
    *ret = n;
    return 0;
}

static bool is_padded(const struct expansion *x, const struct number *n) {
    return n->digits > 1 && x->pattern[n->at] == '0';
}

static int check_range(struct expansion *x, const struct number *first, const struct number *last,
                       const struct number *step) {
    if (last->value < first->value)
        return mistake(x, first->at, "the range runs backwards: write %" PRIu64 "-%" PRIu64,
                       last->value, first->value);
    if ((is_padded(x, first) || is_padded(x, last)) && first->digits != last->digits)
        return mistake(x, first->at,
                       "both ends of a padded range must have the same number of digits: write "
                       "%0*" PRIu64 "-%0*" PRIu64,
                       last->digits > first->digits ? last->digits : first->digits, first->value,
                       last->digits > first->digits ? last->digits : first->digits, last->value);
    if (step->value == 0)
        return mistake(x, step->at, "a step is at least 1");
    return 0;
}

/* One of what commas separate in brackets: 7, 1-9 or 1-9/2. */
static int read_range(struct expansion *x, struct piece *piece) {
    struct number first, last, step = {.value = 1};
    if (read_number(x, &first) < 0)
        return -1;
    last = first;
    if (x->pattern[x->pos] == '-') {
        x->pos++;
        if (read_number(x, &last) < 0)
            return -1;
        if (x->pattern[x->pos] == '/') {
            x->pos++;
            if (read_number(x, &step) < 0)
                return -1;
        }
    }
    if (check_range(x, &first, &last, &step) < 0)
        return -1;
    piece->count += (last.value - first.value) / step.value + 1;
    if (piece->count > NODESET_MAX)
        return too_many(x, first.at);
    if (vec_reserve(&x->ranges, &x->range_cap, x->range_count + 1, sizeof(*x->ranges)) < 0)
        return error_memory(x->err);
    x->ranges[x->range_count++] = (struct range){.first = first.value,
                                                 .last = last.value,
                                                 .step = step.value,
                                                 .width = is_padded(x, &first) ? first.digits : 0};
    piece->range_count++;
    return 0;
}

static int add_piece(struct expansion *x, struct piece piece) {
    if (vec_reserve(&x->pieces, &x->piece_cap, x->piece_count + 1, sizeof(*x->pieces)) < 0)
        return error_memory(x->err);
    x->pieces[x->piece_count++] = piece;
    return 0;
}

/* At '['. */
static int read_brackets(struct expansion *x) {
    struct piece piece = {.at = x->pos, .first_range = x->range_count};
    const char *open = x->pattern + x->pos;
    size_t inside = strcspn(open + 1, "[]");
    if (open[1 + inside] != ']')
        return mistake(x, x->pos, "this '[' has no ']'");
    if (inside == 0)
        return mistake(x, x->pos, "these brackets are empty: write [1-9] or [1,3]");
    do {
        x->pos++;
        if (read_range(x, &piece) < 0)
            return -1;
    } while (x->pattern[x->pos] == ',');
    if (x->pattern[x->pos] != ']')
        return mistake(x, x->pos,
                       "a range is a number, or two with '-' between them and '/' and "
                       "a step behind; ',' separates ranges");
    x->pos++;
    const struct range *first = &x->ranges[piece.first_range];
    piece.number = first->first;
    return add_piece(x, piece);
}

/* Whether the '[' here begins an address: it begins a host, and a colon comes before its end. */
static bool at_address(const struct expansion *x, size_t start) {
    const char *open = x->pattern + x->pos;
    if (x->pos != start && open[-1] != '@')
        return false;
    return open[strcspn(open, ":]")] == ':';
}

static int read_literal(struct expansion *x, size_t start) {
    struct piece piece = {.at = x->pos};
    for (;;) {
        x->pos += strcspn(x->pattern + x->pos, "[]" OPERATORS);
        if (x->pattern[x->pos] != '[' || !at_address(x, start))
            break;
        size_t open = x->pos;
        x->pos += 1 + strcspn(x->pattern + x->pos + 1, "[]");
        if (x->pattern[x->pos] == '[')
            return mistake(x, x->pos, "an IPv6 address in brackets cannot hold a range");
        if (!x->pattern[x->pos])
            return mistake(x, open, "this '[' has no ']'");
        x->pos++;
    }
    if (x->pattern[x->pos] == ']')
        return mistake(x, x->pos, "this ']' has no '['");
    piece.len = x->pos - piece.at;
    return piece.len ? add_piece(x, piece) : 0;
}

static int read_operand(struct expansion *x) {
    if (strncmp(x->pattern + x->pos, SCHEME, strlen(SCHEME)) == 0)
        x->pos += strlen(SCHEME);
    size_t start = x->pos;
    x->piece_count = x->range_count = 0;
    do {
        if (read_literal(x, start) < 0)
            return -1;
        if (x->pattern[x->pos] == '[' && read_brackets(x) < 0)
            return -1;
    } while (x->pattern[x->pos] && !strchr(OPERATORS, x->pattern[x->pos]));
    if (x->piece_count > 0)
        return 0;
    if (x->pattern[x->pos])
        return mistake(x, x->pos, "a name is missing before this '%c'", x->pattern[x->pos]);
    if (start > 0)
        return mistake(x, start, "a name is missing after '%c'", x->pattern[start - 1]);
    return mistake(x, start, "the name is empty");
}

/* How many names the operand stands for; 0 for more than there may be. */
static uint64_t count_names(const struct expansion *x) {
    uint64_t count = 1;
    for (size_t i = 0; i < x->piece_count; i++) {
        if (x->pieces[i].range_count)
            count *= x->pieces[i].count;
        if (count > NODESET_MAX - x->made)
            return 0;
    }
    return count;
}

/* Writes the piece's text, where the odometer stands, to `to`, which has room, and returns its
 * length. */
static size_t write_piece(const struct expansion *x, const struct piece *piece, char *to) {
    if (piece->range_count == 0) {
        memcpy(to, x->pattern + piece->at, piece->len);
        return piece->len;
    }
    char digits[NODESET_DIGITS];
    char *p = digits + sizeof(digits);
    uint64_t rest = piece->number;
    int width = x->ranges[piece->first_range + piece->range].width;
    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    while (digits + sizeof(digits) - p < width)
        *--p = '0';
    size_t len = (size_t)(digits + sizeof(digits) - p);
    memcpy(to, p, len);
    return len;
}

/* Where in the pattern the byte `at` of the name at hand comes from. */
static size_t origin(const struct expansion *x, size_t at) {
    char digits[NODESET_DIGITS];
    for (size_t i = 0; i < x->piece_count; i++) {
        const struct piece *piece = &x->pieces[i];
        size_t len = piece->range_count ? write_piece(x, piece, digits) : piece->len;
        if (at < len)
            return piece->range_count ? piece->at : piece->at + at;
        at -= len;
    }
    return x->pos;
}

static int refuse_name(struct expansion *x, size_t column, const char *why) {
    size_t at = origin(x, column - 1);
    if (x->range_count == 0)
        return mistake(x, at, "%s", why);
    cleanup(str_done) struct str shown = {0};
    text_add_printable(&shown, x->name.data, x->name.len, 100);
    return mistake(x, at, "%s (the name is '%s')", why, shown.data ? shown.data : "");
}

/* Moves the piece on by one number; returns false when it is back at its first. */
static bool turn(const struct expansion *x, struct piece *piece) {
    const struct range *ranges = x->ranges + piece->first_range;
    const struct range *range = &ranges[piece->range];
    if (range->last - piece->number >= range->step) {
        piece->number += range->step;
        return true;
    }
    bool more = piece->range + 1 < piece->range_count;
    piece->range = more ? piece->range + 1 : 0;
    piece->number = ranges[piece->range].first;
    return more;
}

static bool next_name(struct expansion *x) {
    for (size_t i = x->piece_count; i-- > 0;)
        if (x->pieces[i].range_count && turn(x, &x->pieces[i]))
            return true;
    return false;
}

/* Adds the names of the operand that was read, which began at `start`, to *into. */
static int make_names(struct expansion *x, size_t start, struct names *into) {
    uint64_t count = count_names(x);
    if (count == 0)
        return too_many(x, start);
    x->made += count;
    str_clear(&x->name);
    /* no name is longer than the text of its operand with every bracket full of digits */
    char *name = str_room(&x->name, x->pos - start + x->piece_count * NODESET_DIGITS);
    if (!name || names_reserve(into, count) < 0)
        return error_memory(x->err);
    do {
        size_t column;
        size_t len = 0;
        for (size_t i = 0; i < x->piece_count; i++)
            len += write_piece(x, &x->pieces[i], name + len);
        x->name.len = len;
        const char *why = server_mistake(name, len, &column);
        if (why)
            return refuse_name(x, column, why);
        if (names_add(into, name, len) < 0)
            return error_memory(x->err);
    } while (next_name(x));
    return 0;
}

/* Leaves holes in *left; takes what it needs of *right. */
static int apply(char operator, struct names * left, struct names *right, struct error *err) {
    for (size_t i = 0; operator== '&' && i<left->count; i++)
        if (left->items[i] && !names_has(right, left->items[i]))
            free(TAKE(left->items[i]));
    for (size_t i = 0; operator!= '&' && i<right->count; i++) {
        bool was_there = names_drop(left, right->items[i]);
        if (operator== '^' && !was_there &&
            names_add(left, right->items[i], strlen(right->items[i])) < 0)
            return error_memory(err);
    }
    return 0;
}

/* Adds the names of the whole pattern to *into, in which an operator may take some away again. */
static int expand(struct expansion *x, struct names *into) {
    for (char operator= ',';; operator= x->pattern[x->pos++]) {
        cleanup(names_done) struct names operand = {0};
        size_t start = x->pos;
        if (read_operand(x) < 0 || make_names(x, start, operator== ',' ? into : & operand) < 0)
            return -1;
        if (operator!= ',' && apply(operator, into, &operand, x->err) < 0)
            return -1;
        if (!x->pattern[x->pos])
            return 0;
    }
}

int nodeset_expand(const char *pattern, struct names *ret, struct error *err) {
    cleanup(expansion_done) struct expansion x = {.pattern = pattern, .err = err};
    /* A mere list goes straight to *ret: an inventory may be a million lines of one name each. */
    if (!strpbrk(pattern, "!&^")) {
        size_t before = ret->count;
        if (expand(&x, ret) == 0)
            return 0;
        names_truncate(ret, before);
        return -1;
    }
    cleanup(names_done) struct names made = {0};
    if (expand(&x, &made) < 0)
        return -1;
    names_close_holes(&made);
    return names_move(ret, &made) < 0 ? error_memory(err) : 0;
}
