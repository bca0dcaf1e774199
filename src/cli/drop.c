/*
 * drop: see drop.h. What would go is printed before it is asked for, in the words of `muster runs`;
 * what goes is what was printed. Nothing is locked while the answer is waited for, so each run is
 * looked at again: somebody may work on it by then.
 */
#include "cli/drop.h"

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/confirm.h"
#include "store/upkeep.h"

#include <stdio.h>
#include <string.h>

struct dropping {
    const struct drop_words *words;
    struct store *store;
    struct run *runs; /* the newest first */
    size_t count;
    bool *chosen;
    size_t passed_over;      /* runs that somebody works on, or may yet */
    size_t dropped, servers; /* runs that are gone, or would be */
    int64_t bytes, freed;    /* of files beside the store; within SQLite's */
};

static void dropping_done(struct dropping *d) {
    free(d->runs);
    free(d->chosen);
}

static void print_bytes(int64_t n) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double size = (double)n;
    size_t unit = 0;
    for (; size >= 1000 && unit + 1 < ARRAY_LEN(units); unit++)
        size /= 1024;
    printf(unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

/* ---- which ---- */

static int choose_named(struct dropping *d, struct error *err) {
    struct run run;
    for (size_t n = 0; n < d->words->run_count; n++) {
        if (store_run(d->store, d->words->runs[n], &run, err) < 0)
            return -1;
        for (size_t i = 0; i < d->count; i++)
            if (strcmp(d->runs[i].id, run.id) == 0)
                d->chosen[i] = true;
    }
    return 0;
}

static void choose_old(struct dropping *d) {
    int64_t now = clock_wall();
    for (size_t i = (size_t)d->words->keep; i < d->count; i++)
        d->chosen[i] = now - d->runs[i].started > d->words->older_than;
}

/* A run that waits for a worker goes only when it is named: it is in nobody's way by its age. */
static const char *why_not(const struct dropping *d, const struct run *run) {
    if (run->holder.pid)
        return "is being worked on: not dropped";
    if (d->words->run_count == 0 && run_goes_on(run))
        return "waits for a worker: not dropped, unless it is named";
    return NULL;
}

static void pass_over(struct dropping *d, const struct run *run, const char *why) {
    printf("%s: %s\n", run->id, why);
    d->passed_over++;
}

static int print_run(struct dropping *d, const struct run *run, struct error *err) {
    char started[20];
    int64_t bytes;
    if (store_run_bytes(d->store, run->id, &bytes, err) < 0)
        return -1;
    clock_format_local(run->started, started);
    printf("%s: %s, %zu servers, %s", run->id, started, run->total, run_state(run));
    if (bytes > 0) {
        printf(", ");
        print_bytes(bytes);
        printf(" of files");
    }
    putchar('\n');
    d->servers += run->total;
    d->dropped++;
    return 0;
}

/* Leaves those chosen that may go, and prints them, and those that may not. */
static int print_chosen(struct dropping *d, struct error *err) {
    for (size_t i = 0; i < d->count; i++) {
        if (!d->chosen[i])
            continue;
        const char *why = why_not(d, &d->runs[i]);
        if (why) {
            pass_over(d, &d->runs[i], why);
            d->chosen[i] = false;
        } else if (print_run(d, &d->runs[i], err) < 0)
            return -1;
    }
    return 0;
}

static int choose(struct dropping *d, struct error *err) {
    if (store_runs(d->store, &d->runs, &d->count, err) < 0)
        return -1;
    d->chosen = calloc(d->count + 1, sizeof(*d->chosen));
    if (!d->chosen)
        return error_memory(err);
    if (d->words->run_count == 0)
        choose_old(d);
    else if (choose_named(d, err) < 0)
        return -1;
    return print_chosen(d, err);
}

/* ---- going ---- */

static int drop_run(struct dropping *d, const struct run *run, struct error *err) {
    int64_t bytes;
    int rc = store_run_bytes(d->store, run->id, &bytes, err);
    if (rc == 0)
        rc = store_drop(d->store, run, err);
    if (rc == STORE_DROP_BUSY)
        pass_over(d, run, "is being worked on: not dropped");
    if (rc == STORE_DROP_GONE)
        printf("%s: is gone already\n", run->id);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    d->dropped++;
    d->servers += run->total;
    d->bytes += bytes;
    return 0;
}

/* The oldest first: whatever ends this, no gap is left. */
static int drop_chosen(struct dropping *d, struct error *err) {
    int64_t before, after;
    d->dropped = d->servers = 0;
    if (store_free_bytes(d->store, &before, err) < 0)
        return -1;
    for (size_t i = d->count; i-- > 0;)
        if (d->chosen[i] && drop_run(d, &d->runs[i], err) < 0)
            return -1;
    if (store_free_bytes(d->store, &after, err) < 0)
        return -1;
    d->freed = after > before ? after - before : 0;
    return 0;
}

static void print_what(const char *verb, const struct dropping *d) {
    printf("%s %zu run%s with %zu server%s", verb, d->dropped, d->dropped == 1 ? "" : "s",
           d->servers, d->servers == 1 ? "" : "s");
}

static void print_dropped(const struct dropping *d) {
    print_what("Dropped", d);
    if (d->bytes > 0) {
        printf(", and ");
        print_bytes(d->bytes);
        printf(" of files");
    }
    if (d->freed > 0) {
        printf("; ");
        print_bytes(d->freed);
        printf(" of the store are free for new runs");
    }
    puts(".");
}

static int finish_others(struct dropping *d, struct error *err) {
    size_t n;
    if (store_drop_rest(d->store, &n, err) < 0)
        return -1;
    if (n > 0)
        printf("What was left of %zu run%s, dropped or not copied whole, is gone.\n", n,
               n == 1 ? "" : "s");
    return 0;
}

/* Returns the exit status, or -1. */
static int drop(struct dropping *d, struct error *err) {
    if (!d->words->dry_run && finish_others(d, err) < 0)
        return -1;
    if (choose(d, err) < 0)
        return -1;
    if (d->dropped == 0)
        puts("There is no run to drop.");
    else if (d->words->dry_run) {
        print_what("Would drop", d);
        puts(".");
    }
    if (d->dropped > 0 && !d->words->dry_run) {
        int answer = confirm("Drop these runs?", d->words->yes, err);
        if (answer == 0)
            puts("nothing was dropped");
        if (answer <= 0)
            return answer < 0 ? -1 : EXIT_NOT_PASSED;
        int rc = drop_chosen(d, err);
        if (rc == 0 || d->dropped > 0)
            print_dropped(d);
        if (rc < 0)
            return -1;
    }
    return d->passed_over ? EXIT_NOT_PASSED : EXIT_PASSED;
}

int drop_command(const struct drop_words *w) {
    cleanup(dropping_done) struct dropping d = {.words = w};
    struct error err;
    if (store_open(w->store, w->dry_run ? STORE_READ : STORE_CHANGE, &d.store, &err) < 0)
        return cli_fail(&err);
    int status = drop(&d, &err);
    store_close(d.store);
    if (status < 0) {
        fflush(stdout); /* what would go comes before why it did not */
        return cli_fail(&err);
    }
    int flushed = cli_flush();
    return flushed ? flushed : status;
}
