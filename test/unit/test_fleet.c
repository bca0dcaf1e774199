/* What fleet promises of its progress: lines of the log, and the board. */
#include "base/clock.h"
#include "fleet/fleet.h"
#include "live/board.h"
#include "sync/log.h"
#include "test.h"
#include "transport/simulated.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#define SERVERS 6

static char folder[256];

static int set_up(UNUSED void **state) {
    return make_test_folder(folder) ? 0 : -1;
}

static int tear_down(UNUSED void **state) {
    char command[300];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

static void in_folder(char path[300], const char *name) {
    snprintf(path, 300, "%s/%s", folder, name);
}

/* Runs simulated servers to the end, half a second each; the caller looks at the board after it. */
static void run_fleet(struct board *board, int64_t progress, const char *log) {
    struct error err = {0};
    struct simulation simulation;
    struct servers servers = {0};
    struct cancel *cancel;
    struct transport *transport;
    struct store *store;
    struct config config;
    struct plan plan;
    struct outcome outcomes[SERVERS] = {0};
    struct run run = {.fanout = 2, .threshold = 50, .seconds = NAN};
    const struct plan_options options = {.benchmarks = "cpu",
                                         .fanout = 2,
                                         .threshold = NAN,
                                         .busy_wait = -1,
                                         .linger = -1,
                                         .retries = -1,
                                         .simulated = true};
    const struct store_recipe recipe = {.options = "[]"};
    char path[300];
    config_init(&config);
    in_folder(path, "muster.db");
    if (log_open(&err) < 0 || log_add_file(log, LOG_LOGFMT, LOG_INFO, &err) < 0 ||
        simulation_parse("servers=6,seed=1,delay=300ms,score=40-60", &simulation, &err) < 0 ||
        simulation_servers(&simulation, &servers, &err) < 0 || cancel_new(&cancel, &err) < 0 ||
        transport_simulated_new(&simulation, cancel, &transport, &err) < 0 ||
        plan_make(&config, &options, &plan, &err) < 0 ||
        store_open(path, STORE_CREATE, &store, &err) < 0 ||
        store_begin(store, &run, &recipe, &servers, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < SERVERS; i++)
        outcomes[i] =
            (struct outcome){.server = servers.items[i].name, .verdict = VERDICT_CANCELLED};
    const struct fleet fleet = {.plan = &plan,
                                .transport = transport,
                                .store = store,
                                .cancel = cancel,
                                .board = board,
                                .progress = progress};
    if (fleet_run(&fleet, &run, outcomes, &err) < 0 || log_close(&err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < SERVERS; i++)
        outcome_done(&outcomes[i]);
    store_close(store);
    plan_done(&plan);
    config_done(&config);
    transport_free(transport);
    cancel_free(cancel);
    servers_done(&servers);
    unlink(path);
}

static struct board *new_board(void) {
    struct error err;
    struct board *board;
    assert_int_equal(board_new(1, &board, &err), 0);
    return board;
}

/* The line of the log with the event, the nth from 0; NULL: there are not so many. */
static char *line_of(const char *log, const char *event, int n) {
    static char line[4096];
    char *found = NULL;
    FILE *f = fopen(log, "r");
    assert_non_null(f);
    while (!found && fgets(line, sizeof(line), f))
        if (strstr(line, event) && n-- == 0)
            found = line;
    fclose(f);
    return found;
}

static void logs_how_far_it_is(UNUSED void **state) {
    char log[300];
    in_folder(log, "log");
    struct board *board = new_board();
    run_fleet(board, 100 * CLOCK_MS, log);
    char *line;
    int lines = 0, estimates = 0;
    for (; (line = line_of(log, "event=progress", lines)); lines++) {
        int passed, failed, errors, running, waiting, left;
        const char *rest = strstr(line, "servers=6 ");
        assert_non_null(rest);
        int n = sscanf(rest,
                       "servers=6 passed=%d failed=%d errors=%d running=%d waiting=%d "
                       "seconds_left=%d",
                       &passed, &failed, &errors, &running, &waiting, &left);
        assert_true(n == 5 || n == 6);
        assert_int_equal(passed + failed + errors + running + waiting, SERVERS);
        assert_true(n == 5 || (left >= 0 && left < 20));
        estimates += n == 6;
    }
    assert_true(lines >= 2);
    assert_true(estimates > 0);
    board_free(board);
    unlink(log);
}

static void the_board_has_the_end(UNUSED void **state) {
    char log[300];
    in_folder(log, "log");
    struct board *board = new_board();
    struct board_view v;
    run_fleet(board, 0, log);
    assert_null(line_of(log, "event=progress", 0));
    assert_true(board_look(board, &v));
    assert_int_equal(v.total, SERVERS);
    assert_int_equal(v.passed + v.failed, SERVERS);
    assert_true(v.failed > 0);
    assert_int_equal(v.judged, SERVERS);
    assert_int_equal(v.running, 0);
    assert_int_equal(v.phases[1].ended, SERVERS);
    assert_true(v.phases[1].took > 0.3 * SERVERS);
    assert_int_equal(v.failure_count, v.failed < BOARD_FAILURES ? v.failed : BOARD_FAILURES);
    assert_int_equal(v.failures[0].reason, REASON_BELOW_THRESHOLD);
    board_view_done(&v);
    board_free(board);
    unlink(log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_how_far_it_is),
        cmocka_unit_test(the_board_has_the_end),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
