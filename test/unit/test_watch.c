/* A run that another process works on, as its listeners see it. */
#include "test.h"

#include "base/clock.h"
#include "serve/watch.h"
#include "store/store.h"

#include <string.h>

#define WAIT (20 * CLOCK_S)

static char folder[128], path[160];
static struct cancel *cancel;
static struct watches *all;
static struct store *writer;
static struct run run;

static struct server names[] = {{.name = (char *)"a"},
                                {.name = (char *)"b"},
                                {.name = (char *)"c"},
                                {.name = (char *)"d"},
                                {.name = (char *)"e"}};

static int set_up(UNUSED void **state) {
    const struct servers five = {names, ARRAY_LEN(names), ARRAY_LEN(names)};
    const struct store_recipe recipe = {.options = (char *)"[]"};
    struct error err;
    if (!make_test_folder(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/muster.db", folder);
    run = (struct run){.fanout = 2, .threshold = 50};
    return store_open(path, STORE_CREATE, &writer, &err) < 0 ||
                   store_begin(writer, &run, &recipe, &five, &err) < 0 ||
                   cancel_new(&cancel, &err) < 0 || watches_new(path, cancel, &all, &err) < 0
               ? -1
               : 0;
}

static int tear_down(UNUSED void **state) {
    char command[200];
    watches_free(all);
    cancel_free(cancel);
    store_close(writer);
    writer = NULL;
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

static void finish(size_t position, enum verdict verdict) {
    const struct server_result r = {.verdict = verdict,
                                    .reason =
                                        verdict == VERDICT_PASSED ? REASON_NONE : REASON_TIMEOUT,
                                    .attempts = 1,
                                    .seconds = 1};
    struct store_result done = {.position = position, .result = &r};
    struct error err;
    if (store_turn(writer, &run, &done, 1, 0, NULL, &err) < 0)
        fail_msg("%s", err.text);
}

static struct watch *join(void) {
    struct watch *w = NULL;
    struct error err;
    if (watch_join(all, run.id, &w, &err) < 0)
        fail_msg("%s", err.text);
    return w;
}

static struct watch_view next_view(struct watch *w, uint32_t look) {
    struct watch_view view;
    if (!watch_wait(w, look, deadline_in(WAIT), &view))
        fail_msg("no view after %u", look);
    assert_true(view.look > look);
    return view;
}

/* The view in which so many servers are done. */
static struct watch_view view_of(struct watch *w, size_t done) {
    struct watch_view view = next_view(w, 0);
    while (view.run.total - view.run.cancelled < done)
        view = next_view(w, view.look);
    return view;
}

static void changed_are(struct watch *w, uint32_t since, const char *expected) {
    char got[64] = "";
    size_t position = 0, positions[2], n;
    do { /* two at a time, as if there were many */
        n = watch_changed(w, since, &position, positions, ARRAY_LEN(positions));
        for (size_t i = 0; i < n; i++)
            strcat(got, names[positions[i]].name);
    } while (n == ARRAY_LEN(positions));
    assert_string_equal(got, expected);
}

static void a_listener_sees_what_changed_since_it_looked(UNUSED void **state) {
    struct store_claim claimed[2];
    struct error err;
    finish(3, VERDICT_PASSED);
    struct watch *w = join();
    struct watch_view first = next_view(w, 0);
    assert_int_equal(first.run.total, 5);
    assert_int_equal(first.run.passed, 1);
    assert_int_equal(first.claimed, 0);
    assert_false(first.over);
    changed_are(w, 0, "d");
    changed_are(w, first.look, "");
    assert_int_equal(store_turn(writer, &run, NULL, 0, 2, claimed, &err), 2);
    for (size_t i = 0; i < ARRAY_LEN(claimed); i++)
        server_done(&claimed[i].server);
    struct watch_view second = next_view(w, first.look);
    assert_int_equal(second.claimed, 2);
    changed_are(w, first.look, ""); /* nothing is known of them yet */
    finish(0, VERDICT_PASSED);
    finish(1, VERDICT_ERROR);
    struct watch_view third = view_of(w, 3);
    assert_int_equal(third.run.errors, 1);
    changed_are(w, second.look, "ab");
    changed_are(w, 0, "abd");
    changed_are(w, third.look, "");
    watch_leave(w);
}

static void listeners_of_a_run_share_its_watch(UNUSED void **state) {
    struct watch *a = join(), *b = join();
    assert_ptr_equal(a, b);
    uint64_t epoch = watch_epoch(a);
    watch_leave(a);
    assert_true(watch_epoch(b) == epoch);
    assert_int_equal(next_view(b, 0).run.total, 5);
    watch_leave(b);
    struct watch *c = join();
    assert_true(watch_epoch(c) != epoch);
    watch_leave(c);
}

static void a_run_that_is_let_go_is_over(UNUSED void **state) {
    struct watch *w = join();
    struct watch_view view = next_view(w, 0);
    assert_false(view.over);
    store_release(writer);
    while (!view.over)
        view = next_view(w, view.look);
    assert_int_equal(view.run.holder.pid, 0);
    assert_string_equal(run_state(&view.run), "interrupted");
    watch_leave(w);
}

static void what_was_found_at_the_end_is_a_change(UNUSED void **state) {
    struct error err;
    for (size_t i = 0; i < 5; i++)
        finish(i, VERDICT_PASSED);
    struct watch *w = join();
    struct watch_view view = view_of(w, 5);
    const struct store_judged judged = {
        .position = 2, .verdict = VERDICT_PASSED, .findings = "[{\"finding\": \"drift\"}]"};
    run.passed = 5;
    assert_int_equal(store_judge(writer, &run, &judged, 1, NULL, &err), 0);
    struct watch_view after = next_view(w, view.look);
    assert_true(after.run.judged);
    changed_are(w, view.look, "c");
    watch_leave(w);
}

static void the_token_ends_waiting(UNUSED void **state) {
    struct watch *w = join();
    struct watch_view view = next_view(w, 0);
    cancel_fire(cancel);
    while (!view.over)
        view = next_view(w, view.look);
    watch_leave(w);
}

static void a_store_that_has_gone_ends_waiting(UNUSED void **state) {
    struct watches *none;
    struct watch *w;
    struct watch_view view;
    struct error err;
    assert_int_equal(watches_new("/nowhere/muster.db", cancel, &none, &err), 0);
    assert_int_equal(watch_join(none, "r", &w, &err), 0);
    assert_true(watch_wait(w, 0, deadline_in(WAIT), &view));
    assert_true(view.over);
    assert_string_equal(view.run.id, "");
    watch_leave(w);
    watches_free(none);
}

#define A_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        A_TEST(a_listener_sees_what_changed_since_it_looked),
        A_TEST(listeners_of_a_run_share_its_watch),
        A_TEST(a_run_that_is_let_go_is_over),
        A_TEST(what_was_found_at_the_end_is_a_change),
        A_TEST(the_token_ends_waiting),
        A_TEST(a_store_that_has_gone_ends_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
