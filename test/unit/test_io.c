/*
 * What agent/io promises of lines: they are sorted however they come, and go out whole. Standard
 * input and output of this process are a socket that takes what it is told to take.
 */
#include "test.h"

#include "base/clock.h"
#include "io.h"
#include "wire/wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ALIVE "{\"type\":\"alive\"}"

static struct str said;
static uint64_t chance;
static bool deaf;

static unsigned draw(unsigned below) {
    chance = chance * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (unsigned)(chance >> 33) % below;
}

/* In place of the C library's: takes a few bytes of it, or none, and may be slow about it. */
ssize_t send(UNUSED int fd, const void *data, size_t n, UNUSED int flags) {
    size_t most = draw(12);
    if (draw(20) == 0)
        usleep(1500); /* a beat is due by then */
    if (deaf || most == 0) {
        errno = EAGAIN;
        return -1;
    }
    str_add_bytes(&said, data, n < most ? n : most);
    return (ssize_t)(n < most ? n : most);
}

struct ends {
    struct io io;
    int far; /* of standard input */
};

static int kept[2];

static void begin(struct ends *e, uint64_t seed) {
    int pair[2];
    chance = seed;
    deaf = false;
    str_clear(&said);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(dup2(pair[0], STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(dup2(pair[0], STDOUT_FILENO), STDOUT_FILENO);
    close(pair[0]);
    e->far = pair[1];
    assert_int_equal(io_open(&e->io, "r1"), 0);
}

/* The test's own standard output comes back. */
static void end(struct ends *e) {
    fflush(stdout);
    io_close(&e->io);
    close(e->far);
    assert_int_equal(dup2(kept[0], STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(dup2(kept[1], STDOUT_FILENO), STDOUT_FILENO);
}

static void feed(struct ends *e, const char *data, size_t n) {
    assert_int_equal(write(e->far, data, n), (ssize_t)n);
    io_wait(&e->io, -1, deadline_in(CLOCK_S));
}

static void lease(struct ends *e, int64_t lease_ms, int64_t beat_ms, int64_t busy_wait_ms) {
    cleanup(str_done) struct str line = {0};
    wire_add_lease(&line, &(struct wire_lease){.lease_ms = lease_ms,
                                               .beat_ms = beat_ms,
                                               .busy_wait_ms = busy_wait_ms});
    feed(e, line.data, line.len);
}

/* Requests of all lengths with leases between them; each says how many came before it. */
static void write_lines(struct str *out, int requests) {
    for (int i = 0; i < requests; i++) {
        for (unsigned leases = draw(3); leases > 0; leases--)
            wire_add_lease(
                out, &(struct wire_lease){.lease_ms = 60000, .beat_ms = 30000, .busy_wait_ms = i});
        str_addf(out, "{\"n\":%d", i);
        for (unsigned n = draw(8) ? draw(40) : draw(100000); n > 0; n--)
            str_add_char(out, n % 7 ? 'x' : '{');
        str_add(out, "}\n");
    }
}

static int read_lines(struct ends *e, int from) {
    size_t n;
    while (e->io.whole > 0) {
        int number = -1;
        const char *line = io_line(&e->io, &n);
        assert_non_null(line);
        assert_int_equal(strlen(line), n);
        assert_int_equal(sscanf(line, "{\"n\":%d", &number), 1);
        assert_int_equal(number, from);
        assert_int_equal(line[n - 1], '}');
        from++;
    }
    return from;
}

static void sorts_lines_however_they_come(UNUSED void **state) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct ends e;
        cleanup(str_done) struct str lines = {0};
        begin(&e, seed);
        write_lines(&lines, 40);
        int requests = 0;
        for (size_t i = 0; i < lines.len;) {
            size_t piece = draw(4) ? 1 + draw(200) : 1 + draw(30000);
            piece = piece < lines.len - i ? piece : lines.len - i;
            feed(&e, lines.data + i, piece);
            i += piece;
            if (draw(3) == 0) /* else they pile up */
                requests = read_lines(&e, requests);
        }
        requests = read_lines(&e, requests);
        assert_int_equal(requests, 40);
        assert_int_equal(e.io.input.len, 0);
        assert_false(e.io.ended);
        end(&e);
    }
}

static void heeds_a_lease_before_the_request_behind_it(UNUSED void **state) {
    struct ends e;
    begin(&e, 1);
    feed(&e, "{\"n\":0}\n", 8);
    lease(&e, 60000, 30000, 700);
    assert_int_equal(e.io.lease.busy_wait, 700 * CLOCK_MS);
    assert_int_equal(read_lines(&e, 0), 1);
    feed(&e, "{\"n\":0}\n{\"type\":\"end\"}\n", 23);
    assert_true(e.io.ended);
    end(&e);
}

/* Checks that `said` consists of whole lines, beats and answers; how many of each. */
static void check_said(int *beats, int *answers) {
    *beats = *answers = 0;
    str_add(&said, "");
    for (char *line = said.data, *newline; *line; line = newline + 1) {
        newline = strchr(line, '\n');
        assert_non_null(newline);
        *newline = '\0';
        if (strcmp(line, ALIVE) == 0)
            ++*beats;
        else if (strspn(line, "a") == strlen(line) && strlen(line) == 300)
            ++*answers;
        else
            fail_msg("'%s'", line);
    }
}

static void lines_go_out_whole(UNUSED void **state) {
    char answer[301];
    memset(answer, 'a', 300);
    answer[300] = '\n';
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct ends e;
        int beats, answers;
        begin(&e, seed);
        lease(&e, 60000, 1, 0);
        for (int i = 0; i < 20; i++) {
            assert_true(io_sleep(&e.io, 3 * CLOCK_MS));
            io_write(&e.io, answer, sizeof(answer));
        }
        end(&e);
        check_said(&beats, &answers);
        assert_int_equal(answers, 20);
        assert_in_range(beats, 10, 100); /* it takes two of them or so to say one */
    }
}

static void beats_are_left_out_while_nothing_is_taken(UNUSED void **state) {
    struct ends e;
    int beats, answers;
    begin(&e, 1);
    lease(&e, 60000, 1, 0);
    deaf = true;
    assert_true(io_sleep(&e.io, 50 * CLOCK_MS));
    deaf = false;
    assert_int_equal(said.len, 0);
    assert_true(io_sleep(&e.io, 50 * CLOCK_MS));
    static const char beat[] = ALIVE "\n";
    if (e.io.beat_at > 0) /* the rest of one */
        str_add(&said, &beat[e.io.beat_at]);
    end(&e);
    check_said(&beats, &answers);
    assert_in_range(beats, 3, 50);
}

static void silence_ends_it_while_it_waits_and_writes(UNUSED void **state) {
    struct ends e;
    begin(&e, 1);
    lease(&e, 100, 20, 0);
    int64_t before = clock_now();
    assert_false(io_sleep(&e.io, 20 * CLOCK_S));
    assert_in_range(clock_now() - before, 90 * CLOCK_MS, 2 * CLOCK_S);
    end(&e);
    begin(&e, 1);
    lease(&e, 100, 20, 0);
    deaf = true;
    before = clock_now();
    io_write(&e.io, "aaa\n", 4);
    assert_true(e.io.ended);
    assert_in_range(clock_now() - before, 90 * CLOCK_MS, 2 * CLOCK_S);
    end(&e);
}

/* Stopped for longer than the lease, with a word waiting. */
static void a_word_that_waits_counts(UNUSED void **state) {
    struct ends e;
    begin(&e, 1);
    lease(&e, 100, 20, 0);
    assert_int_equal(write(e.far, "{\"n\":0}\n", 8), 8);
    usleep(150000);
    assert_int_equal(io_wait(&e.io, -1, deadline_in(CLOCK_S)), IO_INPUT);
    assert_false(e.io.ended);
    end(&e);
}

int main(void) {
    kept[0] = dup(STDIN_FILENO);
    kept[1] = dup(STDOUT_FILENO);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_lines_however_they_come),
        cmocka_unit_test(heeds_a_lease_before_the_request_behind_it),
        cmocka_unit_test(lines_go_out_whole),
        cmocka_unit_test(beats_are_left_out_while_nothing_is_taken),
        cmocka_unit_test(silence_ends_it_while_it_waits_and_writes),
        cmocka_unit_test(a_word_that_waits_counts),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    str_done(&said);
    return failed;
}
