/*
 * block: see block.h.
 *
 * Every text goes through put(), which never lets a line be longer than its room, so that none is
 * ever wrapped by the terminal: a wrapped line would be one more to erase than anybody knows of.
 */
#include "live/block.h"

#include "base/colours.h"
#include "base/columns.h"
#include "base/text.h"
#include "live/estimate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES 400 /* of a name, as it is shown */
#define RUNNING_ROWS 5

struct line {
    struct str *out;
    size_t left;   /* columns */
    size_t blanks; /* that are owed: columns taken, and not written yet */
    bool colour;
};

/* A kind of servers: a part of the bar and of the line below it. */
struct part {
    char letter;
    const char *colour;
    const char *word;
    size_t count;
    size_t cells;
};

enum { PARTS = 5 };

static struct line begin(struct str *out, struct block_room room) {
    return (struct line){.out = out, .left = (size_t)room.columns, .colour = room.colour};
}

static void end(struct line *l) {
    str_add_char(l->out, '\n');
}

/* Puts as much of the text as there is room for. */
static void put(struct line *l, const char *colour, const char *text) {
    size_t n = strlen(text), fits = columns_fitting(text, n, l->left);
    if (fits == 0)
        return;
    for (; l->blanks > 0; l->blanks--)
        str_add_char(l->out, ' ');
    if (l->colour && colour)
        str_add(l->out, colour);
    str_add_bytes(l->out, text, fits);
    if (l->colour && colour)
        str_add(l->out, COLOUR_NONE);
    l->left -= columns_of(text, fits);
}

/* Blanks, if anything comes after them. */
static void put_blanks(struct line *l, size_t n) {
    n = n < l->left ? n : l->left;
    l->left -= n;
    l->blanks += n;
}

/* Foreign text in so many columns, cut if need be; filled up with blanks where `fill`. */
static void put_cell(struct line *l, const char *text, size_t columns, bool fill) {
    cleanup(str_done) struct str shown = {0};
    columns = columns < l->left ? columns : l->left;
    text_add_printable(&shown, text, strlen(text), NAME_BYTES);
    if (shown.failed || shown.len == 0)
        return;
    if (columns_of(shown.data, shown.len) > columns) {
        shown.len = columns_fitting(shown.data, shown.len, columns > 3 ? columns - 3 : 0);
        shown.data[shown.len] = '\0';
        str_add(&shown, columns > 3 ? "..." : "");
    }
    put(l, NULL, shown.data);
    if (fill)
        put_blanks(l, columns - columns_of(shown.data, shown.len));
}

void block_add_time(struct str *out, double seconds) {
    unsigned long s = seconds > 0 ? (unsigned long)seconds : 0;
    if (s < 60)
        str_addf(out, "%lus", s);
    else if (s < 3600)
        str_addf(out, "%lum%02lus", s / 60, s % 60);
    else
        str_addf(out, "%luh%02lum", s / 3600, s / 60 % 60);
}

static struct part *most_cells(struct part parts[PARTS]) {
    struct part *most = &parts[0];
    for (size_t i = 1; i < PARTS; i++)
        if (parts[i].cells > most->cells)
            most = &parts[i];
    return most;
}

/* Shares at least PARTS cells out: who has any servers has a cell, which the longest part pays. */
static void share_cells(struct part parts[PARTS], size_t cells, size_t total) {
    size_t used = 0;
    for (size_t i = 0; i < PARTS; i++) {
        struct part *p = &parts[i];
        p->cells = (size_t)((double)p->count / (double)total * (double)cells);
        p->cells += p->cells == 0 && p->count > 0;
        used += p->cells;
    }
    for (; used > cells; used--)
        most_cells(parts)->cells--;
    most_cells(parts)->cells += cells - used;
}

static void add_bar(struct str *out, struct part parts[PARTS], size_t total,
                    struct block_room room) {
    struct line l = begin(out, room);
    if (room.columns < PARTS + 2)
        return;
    share_cells(parts, (size_t)room.columns - 2, total);
    put(&l, NULL, "[");
    for (size_t i = 0; i < PARTS; i++) {
        if (parts[i].cells == 0)
            continue;
        cleanup(str_done) struct str cells = {0};
        char *to = str_room(&cells, parts[i].cells);
        if (!to)
            return;
        memset(to, parts[i].letter, parts[i].cells);
        to[parts[i].cells] = '\0';
        put(&l, parts[i].colour, to);
    }
    put(&l, NULL, "]");
    end(&l);
}

static void put_counts(struct line *l, const struct part parts[PARTS], size_t total, bool worded) {
    cleanup(str_done) struct str text = {0};
    for (size_t i = 0; i < PARTS; i++) {
        const char letter[] = {parts[i].letter, '\0'};
        put(l, parts[i].colour, letter);
        str_clear(&text);
        str_addf(&text, worded ? " %zu %s  " : "%zu ", parts[i].count, parts[i].word);
        put(l, NULL, text.failed ? "" : text.data);
    }
    str_clear(&text);
    str_addf(&text, "of %zu", total);
    put(l, NULL, text.failed ? "" : text.data);
}

/* With words where they fit, else with the letters alone. */
static void add_counts(struct str *out, const struct part parts[PARTS], size_t total,
                       struct block_room room) {
    cleanup(str_done) struct str tried = {0};
    struct line try = {.out = &tried, .left = SIZE_MAX};
    struct line l = begin(out, room);
    put_counts(&try, parts, total, true);
    put_counts(&l, parts, total, SIZE_MAX - try.left <= l.left);
    end(&l);
}

/* Three digits will do; a slow run counts by the minute or the hour. */
static void add_rate(struct str *text, double rate) {
    if (isnan(rate))
        return;
    const char *unit = rate >= 1 ? "s" : rate >= 1 / 60. ? "min" : "h";
    double n = rate >= 1 ? rate : rate >= 1 / 60. ? rate * 60 : rate * 3600;
    str_addf(text, "%.*f servers/%s, ", n < 10 ? 1 : 0, n, unit);
}

static void add_times(struct str *out, const struct board_view *v, double left, bool ending,
                      struct block_room room) {
    cleanup(str_done) struct str text = {0};
    struct line l = begin(out, room);
    add_rate(&text, estimate_rate(v));
    block_add_time(&text, v->seconds);
    str_add(&text, " so far");
    if (ending || left <= 0) {
        str_add(&text, ", ending");
    } else if (!isnan(left)) {
        str_add(&text, ", about ");
        block_add_time(&text, ceil(left));
        str_add(&text, " left");
    }
    if (!text.failed)
        put(&l, NULL, text.data);
    end(&l);
}

/* Who else is at it, and for what there is nobody. */
static void add_crew(struct str *out, const struct board_crew *crew, struct block_room room) {
    char workers[48];
    struct line l = begin(out, room);
    snprintf(workers, sizeof(workers), "%zu worker%s", crew->workers,
             crew->workers == 1 ? "" : "s");
    put(&l, crew->workers ? NULL : COLOUR_ERROR, workers);
    if (crew->lacking[0]) {
        put(&l, NULL, ", ");
        put(&l, COLOUR_ERROR, "none for ");
        put_cell(&l, crew->lacking, l.left, false);
    }
    end(&l);
}

/* What the server is doing, as text. */
static void say_where(struct str *text, const struct board_running *r) {
    str_add(text, r->benchmark ? r->benchmark : "connecting");
    if (r->trial > 1)
        str_addf(text, ", trial %d", r->trial);
}

static size_t columns_of_text(const char *text) {
    cleanup(str_done) struct str shown = {0};
    text_add_printable(&shown, text, strlen(text), NAME_BYTES);
    return shown.failed || !shown.len ? 0 : columns_of(shown.data, shown.len);
}

static size_t wider(size_t a, size_t b) {
    return a > b ? a : b;
}

/* The longest-running servers, in columns as wide as they need, names at most a third each. */
static void add_running(struct str *out, const struct board_view *v, size_t rows,
                        struct block_room room) {
    struct str where[BOARD_LONGEST] = {0}, times[BOARD_LONGEST] = {0};
    size_t name = 0, at = 0, time = 0, most = (size_t)room.columns / 3;
    rows = rows < v->longest_count ? rows : v->longest_count;
    for (size_t i = 0; i < rows; i++) {
        const struct board_running *r = &v->longest[i];
        say_where(&where[i], r);
        block_add_time(&times[i], r->in_it);
        if (!isnan(r->limit)) {
            str_add(&times[i], " of ");
            block_add_time(&times[i], round(r->limit));
        }
        name = wider(name, columns_of_text(r->server));
        at = wider(at, columns_of_text(where[i].failed ? "" : where[i].data));
        time = wider(time, times[i].len);
    }
    for (size_t i = 0; i < rows; i++) {
        struct line l = begin(out, room);
        put_blanks(&l, 2);
        put_cell(&l, v->longest[i].server, name < most ? name : most, true);
        put_blanks(&l, 2);
        put_cell(&l, where[i].failed ? "" : where[i].data, at < most ? at : most, true);
        put_blanks(&l, 2);
        put_cell(&l, times[i].failed ? "" : times[i].data, time, true);
        cleanup(str_done) struct str all = {0};
        put_blanks(&l, 2);
        block_add_time(&all, v->longest[i].seconds);
        str_add(&all, " in all");
        put(&l, COLOUR_DIM, all.failed || all.len > l.left ? "" : all.data);
        end(&l);
        str_done(&where[i]);
        str_done(&times[i]);
    }
}

static void add_failures(struct str *out, const struct board_view *v, size_t rows,
                         struct block_room room) {
    for (size_t i = 0; i < rows; i++) {
        const struct board_failed *f = &v->failures[i];
        bool failed = reason_verdict(f->reason) == VERDICT_FAILED;
        struct line l = begin(out, room);
        put(&l, failed ? COLOUR_FAILED : COLOUR_ERROR, failed ? "failed" : "error");
        put(&l, NULL, ": ");
        put_cell(&l, f->server, (size_t)room.columns / 3, false);
        put_blanks(&l, 2);
        put(&l, NULL, f->reason == REASON_NONE ? "" : reason_name(f->reason));
        put(&l, NULL, f->detail[0] ? ": " : "");
        put_cell(&l, f->detail, l.left, false);
        end(&l);
    }
}

void block_add(struct str *out, const struct board_view *v, double left, bool ending,
               struct block_room room) {
    struct part parts[PARTS] = {
        {'P', COLOUR_PASSED, "passed", v->passed, 0},
        {'F', COLOUR_FAILED, "failed", v->failed, 0},
        {'E', COLOUR_ERROR, v->errors == 1 ? "error" : "errors", v->errors, 0},
        {'R', COLOUR_RUNNING, "running", v->running + v->crew.elsewhere, 0},
        {'w', COLOUR_DIM, "waiting", board_waiting(v), 0},
    };
    size_t rows = room.rows > 0 ? (size_t)room.rows : 1;
    if (v->total == 0)
        return;
    if (rows >= 3)
        add_bar(out, parts, v->total, room);
    add_counts(out, parts, v->total, room);
    if (rows >= 2)
        add_times(out, v, left, ending, room);
    size_t free = rows > 3 ? rows - 3 : 0;
    if (v->shared && free > 0) {
        add_crew(out, &v->crew, room);
        free--;
    }
    size_t failures = free / 2 < v->failure_count ? free / 2 : v->failure_count;
    size_t running = free - failures < RUNNING_ROWS ? free - failures : RUNNING_ROWS;
    add_running(out, v, running, room);
    add_failures(out, v, failures, room);
}
