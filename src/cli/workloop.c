/*
 * workloop: see workloop.h.
 *
 * A share begins where `muster resume` would: the run is read as it was begun, and what is pending
 * of it is claimed and run until there is nothing left that this worker may claim (fleet).
 *
 * A run's relative paths start from the folder where it was begun. So that two can be worked on
 * side by side, a loop's thread has a working folder of its own, which the threads that it starts
 * share. Where the system does not allow that (containers that forbid unshare(2)), only runs of the
 * same folder are worked on side by side, or those whose folders are not on this machine.
 */
#include "cli/workloop.h"

#include "base/clock.h"
#include "cli/kept.h"
#include "fleet/patience.h"
#include "sync/log.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define AWAIT_FIRST CLOCK_S /* for something to do; then twice as long, up to */
#define AWAIT_LONGEST (10 * CLOCK_S)
#define SAME_AGAIN CLOCK_S /* a share that took less and is offered again is waited with */

struct workloop {
    struct workplace *place;
    struct pulse *pulse;
    pthread_t thread;
    atomic_bool ended;
    int rc;
    struct error err;

    /* the thread's own */
    struct store *store; /* NULL: not open yet */
    bool joined;
    bool own_folder;
    bool looks;
    bool unsaved; /* not all that was measured could be handed in */
    struct patience patience;
    int64_t await; /* how long it waits for something to do */
    char run[RUN_ID_SIZE];
    int64_t begun;
};

/* ---- a share of a run ---------------------------------------------------------------------- */

/* The run cannot be worked on here. So that it keeps nobody from the others, it is left alone. */
static int pass_over(struct workloop *l, const char *why, struct error *err) {
    log_error("the run cannot be worked on here: passing it over for a minute",
              LOG_S("run", l->run), LOG_S("detail", why));
    return roster_pass_over(l->place->roster, l->run, err);
}

/* Reads the run as it was begun. Returns 1 when that is of no use here, with why in *mistakes. */
static int read_run(struct workloop *l, struct runner *r, struct store_recipe *recipe,
                    struct str *mistakes, struct error *err) {
    if (kept_options(r, recipe) >= 0)
        return 1;
    if (kept_config(r, recipe, err) == 0 && runner_prepare_share(r, l->place->fanout, err) == 0)
        return 0;
    str_add(mistakes, mistakes->len && *err->text ? "; " : "");
    str_add(mistakes, err->text);
    return 1;
}

static bool is_here(const char *folder) {
    struct stat st;
    return folder && stat(folder, &st) == 0;
}

/* Whether it can go to the run's folder now. */
static bool may_move(struct workloop *l, const struct store_recipe *recipe) {
    return l->own_folder ||
           roster_may_move(l->place->roster, is_here(recipe->folder) ? recipe->folder : NULL);
}

/* From here on another loop may look. */
static int measure(struct workloop *l, struct runner *r, struct error *err) {
    struct roster *roster = l->place->roster;
    struct slots_part part;
    slots_join(roster_slots(roster), &part, l->run, r->plan.fanout);
    r->slots = &part;
    int rc = roster_begin(roster, l->run, r->cancel, err);
    l->looks = rc < 0;
    eventfd_write(l->place->bell, 1);
    if (rc == 0)
        rc = runner_execute(r, err);
    slots_leave(&part);
    if (rc == 0 || err->os != ECONNRESET)
        return rc;
    l->unsaved = true;
    return error_prefix(err, "not all of its share of the run %s is in the store", l->run);
}

static struct ending ending_of(const struct workloop *l) {
    return (struct ending){l->place->drain, WORKLOOP_MOMENT};
}

/* Whether the run was dropped: it may be, once the lease of who works on it is over. */
static bool is_gone(struct workloop *l) {
    struct run run;
    struct error err;
    return store_run(l->store, l->run, &run, &err) < 0 && err.kind == ERROR_USAGE;
}

static int do_share(struct workloop *l, struct runner *r, struct error *err) {
    cleanup(store_recipe_done) struct store_recipe recipe = {0};
    cleanup(str_done) struct str mistakes = {0};
    if (kept_hold(r, l->run, &recipe, err) < 0)
        return err->kind == ERROR_USAGE && !is_gone(l) ? pass_over(l, err->text, err) : -1;
    if (!may_move(l, &recipe))
        return roster_put_off(l->place->roster, l->run, err);
    if (roster_count(l->place->roster) == 0 || l->own_folder)
        if (fchdir(l->place->home) < 0)
            return error_os(err, ERROR_STORE, errno,
                            "cannot go back to where the worker was started");
    cli_collect(&mistakes);
    int rc = read_run(l, r, &recipe, &mistakes, err);
    cli_collect(NULL);
    if (rc > 0)
        return pass_over(l, mistakes.failed || !mistakes.len ? "" : mistakes.data, err);
    if (runner_baselines(r, err) < 0 || runner_open_log(r, err) < 0)
        return -1;
    return measure(l, r, err);
}

static int share(struct workloop *l, struct error *err) {
    const struct workplace *place = l->place;
    struct runner r;
    runner_init(&r);
    r.output = place->output;
    r.store = l->store;
    r.until = FLEET_SHARE;
    r.drain = place->drain;
    r.grace = place->grace;
    r.moment = WORKLOOP_MOMENT;
    r.pulse = l->pulse;
    log_name_thread(l->run);
    int rc = do_share(l, &r, err);
    if (rc < 0 && err->os != ECONNRESET && is_gone(l)) {
        log_warning("the run is gone from the store: somebody has dropped it",
                    LOG_S("run", l->run));
        rc = 0;
    }
    store_end_with(l->store, ending_of(l)); /* the share's token goes with it */
    store_release(l->store);
    r.store = NULL; /* the loop's */
    roster_done(place->roster, l->run);
    runner_done(&r);
    log_name_thread(NULL);
    return rc;
}

/* ---- the loop ------------------------------------------------------------------------------ */

static int join(struct workloop *l, struct error *err) {
    struct workplace *place = l->place;
    if (!l->store &&
        store_open_ending(place->output.store, STORE_CREATE, ending_of(l), &l->store, err) < 0)
        return -1;
    struct run run = {0};
    if (place->only && !*place->only_id &&
        store_run(l->store, place->only, &run, err) < 0) /* it may be `last` */
        return -1;
    if (store_join(l->store, &place->as, err) < 0)
        return -1;
    if (!*place->only_id)
        snprintf(place->only_id, sizeof(place->only_id), "%s", run.id);
    l->joined = true;
    runner_adopt_logs(l->store);
    if (!place->ready)
        log_info("worker ready", LOG_S("site", place->as.site),
                 LOG_F("lease", (double)place->as.lease / CLOCK_S));
    place->ready = true;
    return 0;
}

/*
 * A word to the store is due before the lease is over. Nobody says so when a run in hand has ended,
 * for which one that is to end then is waiting.
 */
static void await_work(struct workloop *l) {
    bool ends = l->place->exit_when_idle && roster_count(l->place->roster) > 0;
    int64_t most = deadline_min(ends ? AWAIT_FIRST : AWAIT_LONGEST, l->place->as.lease / 3);
    int64_t until = deadline_in(deadline_min(l->await, most));
    store_await(l->store, l->place->drain, deadline_min(until, pulse_due(l->pulse)));
    l->await = deadline_min(2 * l->await, AWAIT_LONGEST);
}

/*
 * Nothing is left, either, that would come to this worker if another one died. What was passed over
 * never comes.
 */
static int see_whether_idle(struct workloop *l, struct error *err) {
    struct workplace *place = l->place;
    bool may_come;
    if (roster_count(place->roster) > 0)
        return 0;
    if (store_may_come(l->store, place->only ? place->only_id : NULL, &may_come, err) < 0)
        return -1;
    bool idle = !may_come || roster_passed_over(place->roster);
    atomic_store(&place->idle, idle);
    return 0;
}

static int find_work(struct workloop *l, char ret[RUN_ID_SIZE], struct error *err) {
    cleanup(str_done) struct str except = {0};
    if (roster_except(l->place->roster, &except, err) < 0)
        return -1;
    return store_find_work(l->store, l->place->only ? l->place->only_id : NULL,
                           except.len ? except.data : NULL, ret, err);
}

/* One that ended at once and is offered again has work that is not for this worker yet. */
static bool is_offered_again(const struct workloop *l, const char *run) {
    return strcmp(l->run, run) == 0 && clock_now() - l->begun < SAME_AGAIN;
}

static int come_round(struct workloop *l, struct error *err) {
    char run[RUN_ID_SIZE];
    if (!l->joined && join(l, err) < 0)
        return -1;
    int found = find_work(l, run, err);
    if (found < 0)
        return -1;
    if (found == 0) {
        if (l->place->exit_when_idle && see_whether_idle(l, err) < 0)
            return -1;
        if (!atomic_load(&l->place->idle))
            await_work(l);
        return 0;
    }
    if (is_offered_again(l, run))
        await_work(l);
    else
        l->await = AWAIT_FIRST;
    snprintf(l->run, sizeof(l->run), "%s", run);
    l->begun = clock_now();
    return share(l, err);
}

/* Whether it is to go on: it looks for a run, and is the one that does. */
static bool is_wanted(struct workloop *l) {
    struct workplace *place = l->place;
    if (atomic_load(&place->idle) || cancel_fired(place->drain))
        return false;
    l->looks = l->looks ? roster_look_on(place->roster) : roster_look(place->roster);
    return l->looks;
}

static int work(struct workloop *l, struct error *err) {
    const struct ending ending = ending_of(l);
    while (is_wanted(l)) {
        pulse_beat(l->pulse);
        int rc = come_round(l, err);
        if (patience_answered(&l->patience, &ending, rc, err) && rc < 0)
            return cancel_fired(ending.cancel) && err->os == ECONNRESET && !l->unsaved ? 0 : -1;
    }
    return 0;
}

/* What it has claimed and not measured is given back; without a store, when its lease is over. */
static int leave(struct workloop *l, struct error *err) {
    const struct ending ending = ending_of(l);
    int rc;
    pulse_beat(l->pulse);
    if (!l->joined)
        return 0;
    do
        rc = store_leave(l->store, err);
    while (!patience_answered(&l->patience, &ending, rc, err));
    if (rc == 0 || err->os != ECONNRESET || !cancel_fired(ending.cancel))
        return rc;
    log_warning("the store does not answer: others take over what this worker held when its lease "
                "is over",
                LOG_S("detail", err->text));
    return 0;
}

/* ---- the thread ---------------------------------------------------------------------------- */

static void *loop_main(void *arg) {
    struct workloop *l = arg;
    pthread_setname_np(pthread_self(), "loop");
    l->own_folder = unshare(CLONE_FS) == 0;
    l->rc = work(l, &l->err);
    if (l->looks)
        roster_look_away(l->place->roster);
    if (l->rc == 0)
        l->rc = leave(l, &l->err);
    store_close(l->store);
    atomic_store(&l->ended, true);
    eventfd_write(l->place->bell, 1);
    return NULL;
}

static void free_loop(struct workloop *l) {
    pulse_free(l->pulse);
    free(l);
}

int workloop_start(struct workplace *place, struct workloop **ret, struct error *err) {
    struct workloop *l = calloc(1, sizeof(*l));
    if (!l)
        return error_memory(err);
    l->place = place;
    l->await = AWAIT_FIRST;
    if (pulse_new_part(place->pulse, &l->pulse, err) < 0) {
        free_loop(l);
        return -1;
    }
    l->patience.pulse = l->pulse;
    int rc = pthread_create(&l->thread, NULL, loop_main, l);
    if (rc != 0) {
        free_loop(l);
        return error_os(err, ERROR_INTERNAL, rc, "cannot start a thread");
    }
    *ret = l;
    return 0;
}

struct pulse *workloop_pulse(const struct workloop *l) {
    return l->pulse;
}

bool workloop_has_ended(const struct workloop *l) {
    return atomic_load(&l->ended);
}

int workloop_end(struct workloop *l, struct error *err) {
    pthread_join(l->thread, NULL);
    int rc = l->rc;
    if (rc < 0)
        *err = l->err;
    free_loop(l);
    return rc;
}
