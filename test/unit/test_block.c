/* What live/block promises: the display's lines, byte for byte. */
#include "live/block.h"
#include "test.h"

#include "base/columns.h"

#include <math.h>
#include <string.h>

static struct board_view busy(void) {
    return (struct board_view){
        .total = 500,
        .passed = 312,
        .failed = 9,
        .errors = 2,
        .running = 32,
        .judged = 323,
        .seconds = 76,
        .fanout = 32,
        .longest = {{"web0311", "memory", 2, 100, 12, 60}, {"db1", NULL, 0, 4, 4, NAN}},
        .longest_count = 2,
        .failures = {{"web0287", REASON_BELOW_THRESHOLD, "cpu scored 34, below 50"},
                     {"db7", REASON_UNREACHABLE, "connection refused by 10.0.0.7 port 22"}},
        .failure_count = 2,
    };
}

static void check(const struct board_view *v, double left, struct block_room room,
                  const char *want) {
    struct str out = {0};
    block_add(&out, v, left, false, room);
    assert_string_equal(out.data ? out.data : "", want);
    str_done(&out);
}

/* The columns of the longest line. */
static size_t widest(const char *text) {
    size_t most = 0;
    for (const char *line = text, *nl; (nl = strchr(line, '\n')); line = nl + 1) {
        size_t n = columns_of(line, (size_t)(nl - line));
        most = n > most ? n : most;
    }
    return most;
}

static size_t lines(const char *text) {
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void shows_bar_counts_times_servers_and_failures(UNUSED void **state) {
    struct board_view v = busy();
    check(&v, 41.2, (struct block_room){78, 12, false},
          "[PPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPFERRRRwwwwwwwwwwwwwwwwwwwwww]\n"
          "P 312 passed  F 9 failed  E 2 errors  R 32 running  w 145 waiting  of 500\n"
          "4.2 servers/s, 1m16s so far, about 42s left\n"
          "  web0311  memory, trial 2  12s of 1m00s  1m40s in all\n"
          "  db1      connecting       4s            4s in all\n"
          "failed: web0287  below-threshold: cpu scored 34, below 50\n"
          "error: db7  unreachable: connection refused by 10.0.0.7 port 22\n");
}

static void colours_say_no_more_than_letters(UNUSED void **state) {
    struct board_view v = busy();
    v.longest_count = v.failure_count = 0;
    check(&v, NAN, (struct block_room){12, 3, true},
          "[\x1b[32mPPPPP\x1b[0m\x1b[31mF\x1b[0m\x1b[35mE\x1b[0m\x1b[36mR\x1b[0m"
          "\x1b[2mww\x1b[0m]\n"
          "\x1b[32mP\x1b[0m312 \x1b[31mF\x1b[0m9 \x1b[35mE\x1b[0m2 \x1b[36mR\x1b[0m\n"
          "4.2 servers/\n");
}

static void takes_no_more_room_than_there_is(UNUSED void **state) {
    struct board_view v = busy();
    strcpy(v.longest[0].server,
           "a-very-long-name-of-a-server.in.a.domain.that.is.longer.still.example");
    strcpy(v.longest[1].server, "\xe6\x9c\x8d\xe5\x8b\x99\xe5\x99\xa8-\xc3\xbc");
    v.longest[1].benchmark = "a benchmark with a name of its own length";
    for (int columns = 1; columns < 200; columns++)
        for (int rows = 1; rows < 14; rows++) {
            struct str out = {0};
            block_add(&out, &v, 1e9, false, (struct block_room){columns, rows, false});
            assert_true(widest(out.data) <= (size_t)columns);
            assert_true(lines(out.data) <= (size_t)rows);
            str_done(&out);
        }
}

static void cuts_names_and_keeps_columns(UNUSED void **state) {
    struct board_view v = busy();
    strcpy(v.longest[0].server, "rack17-node042.example.org");
    strcpy(v.longest[1].server, "\xe6\x9c\x8d\xe5\x8b\x99\xe5\x99\xa8");
    v.failure_count = 0;
    check(&v, 60, (struct block_room){50, 6, false},
          "[PPPPPPPPPPPPPPPPPPPPPPPPPPPPPPFERRRwwwwwwwwwwwww]\n"
          "P312 F9 E2 R32 w145 of 500\n"
          "4.2 servers/s, 1m16s so far, about 1m00s left\n"
          "  rack17-node04...  memory, trial 2  12s of 1m00s\n"
          "  \xe6\x9c\x8d\xe5\x8b\x99\xe5\x99\xa8            connecting       4s\n");
}

static void shows_no_byte_that_a_terminal_would_obey(UNUSED void **state) {
    struct board_view v = busy();
    strcpy(v.longest[0].server, "evil\x1b[2J\x1b]0;owned\x07");
    v.longest[1].benchmark = "a\nb\xff\xe2\x80\xae";
    strcpy(v.failures[0].server, "\x9b"
                                 "31m\r");
    strcpy(v.failures[0].detail, "said \x1b[31m\b\b\b and \x7f");
    struct str out = {0};
    block_add(&out, &v, 1, false, (struct block_room){160, 12, false});
    for (const char *p = out.data; *p; p++)
        assert_true(*p == '\n' || ((unsigned char)*p >= 0x20 && *p != 0x7f && *p != '\x9b'));
    assert_non_null(strstr(out.data, "evil\\x1b[2J"));
    assert_null(strstr(out.data, "\xe2\x80\xae"));
    str_done(&out);
}

static void ten_thousand_servers_have_a_cell_each_kind(UNUSED void **state) {
    struct board_view v = {
        .total = 10000, .passed = 9996, .failed = 1, .errors = 1, .running = 1, .seconds = 7300};
    check(&v, 5400, (struct block_room){40, 8, false},
          "[PPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPFERw]\n"
          "P9996 F1 E1 R1 w1 of 10000\n"
          "2h01m so far, about 1h30m left\n");
}

static void an_end_and_a_beginning(UNUSED void **state) {
    struct board_view v = {.total = 4, .passed = 4, .judged = 4, .seconds = 800};
    check(&v, 0, (struct block_room){30, 8, false},
          "[PPPPPPPPPPPPPPPPPPPPPPPPPPPP]\n"
          "P4 F0 E0 R0 w0 of 4\n"
          "18 servers/h, 13m20s so far, e\n");
    v = (struct board_view){.total = 4, .seconds = 0.4};
    check(&v, NAN, (struct block_room){70, 2, false},
          "P 0 passed  F 0 failed  E 0 errors  R 0 running  w 4 waiting  of 4\n"
          "0s so far\n");
    v.total = 0;
    check(&v, NAN, (struct block_room){70, 8, false}, "");
}

#define T(f) cmocka_unit_test(f)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(shows_bar_counts_times_servers_and_failures),
        T(colours_say_no_more_than_letters),
        T(takes_no_more_room_than_there_is),
        T(cuts_names_and_keeps_columns),
        T(shows_no_byte_that_a_terminal_would_obey),
        T(ten_thousand_servers_have_a_cell_each_kind),
        T(an_end_and_a_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
