/*
 * signals: see signals.h.
 *
 * No handlers: one thread waits for the signals with sigwait(), so what they lead to is ordinary
 * code that may take locks and log.
 */
#include "cli/signals.h"

#include "base/clock.h"
#include "sync/log.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define LAST_WORDS (200 * CLOCK_MS) /* for the log, when the program is to end at once */
#define LAST_WARNING (2 * CLOCK_S)  /* for it to be in the log, when the program ends in order */

struct signals {
    pthread_mutex_t lock; /* guards what is below */
    struct signals_steps steps;
    size_t taken;     /* of the steps */
    int64_t deadline; /* of the grace that the first leaves; the thread's alone */
    bool over;        /* that grace */
    bool speaking;    /* what there is to say of a step is on its way into the log */
    pthread_cond_t said;

    pthread_t thread;
    sigset_t set;
    atomic_int caught;
    atomic_bool stop;
};

/*
 * Stops the program as SIGTSTP would have, which does nothing where no shell could continue it. The
 * SIGCONT that ends it is taken here.
 */
static void suspend(void) {
    sigset_t stop, go_on;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    sigemptyset(&go_on);
    sigaddset(&go_on, SIGCONT);
    log_footer(FOOTER_HIDE);
    log_flush(deadline_in(LAST_WORDS));
    pthread_kill(pthread_self(), SIGTSTP);
    pthread_sigmask(SIG_UNBLOCK, &stop, NULL);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    sigtimedwait(&go_on, NULL, &(struct timespec){0});
    log_footer(FOOTER_SHOW);
}

/* Takes the next step. Returns what there is to say of it; NULL: there is none left. */
static const char *take_step(struct signals *s) {
    const char *says = NULL;
    pthread_mutex_lock(&s->lock);
    if (s->taken < SIGNALS_STEPS && s->steps.says[s->taken]) {
        says = s->steps.says[s->taken];
        s->speaking = true; /* before anybody learns of the step and ends */
        if (s->steps.fire[s->taken])
            cancel_fire(s->steps.fire[s->taken]);
        if (s->taken++ == 0)
            s->deadline = clock_now() + s->steps.grace;
    }
    pthread_mutex_unlock(&s->lock);
    return says;
}

static void interrupt(struct signals *s, int number) {
    int none = 0;
    atomic_compare_exchange_strong(&s->caught, &none, number);
    const char *says = take_step(s); /* first: the log may have to wait for a terminal */
    if (!says) {
        log_footer(FOOTER_HIDE);
        log_flush(deadline_in(LAST_WORDS));
        _exit(128 + number);
    }
    log_warning(says, LOG_S("signal", strsignal(number)));
    pthread_mutex_lock(&s->lock);
    s->speaking = false;
    pthread_cond_broadcast(&s->said);
    pthread_mutex_unlock(&s->lock);
}

static void heed(struct signals *s, int number) {
    if (number == SIGHUP)
        log_reopen();
    else if (number == SIGWINCH)
        log_footer(FOOTER_REDRAW);
    else if (number == SIGTSTP)
        suspend();
    else if (number == SIGCONT) /* after SIGSTOP: the terminal has been others' since */
        log_footer(FOOTER_SHOW_BELOW);
    else
        interrupt(s, number);
}

/* The next signal; 0: the deadline may be over. */
static int take_signal(const struct signals *s) {
    int64_t left = s->deadline - clock_now();
    struct timespec t = deadline_timespec(left > 0 ? left : 0);
    int number = sigtimedwait(&s->set, NULL, s->deadline == DEADLINE_NEVER ? NULL : &t);
    return number > 0 ? number : 0;
}

/* It ends when it should whatever the main thread waits for just then. */
static void end_grace(struct signals *s) {
    pthread_mutex_lock(&s->lock);
    s->over = true;
    s->deadline = DEADLINE_NEVER;
    if (s->steps.fire[1])
        cancel_fire(s->steps.fire[1]);
    pthread_mutex_unlock(&s->lock);
}

static void *wait_for_signals(void *arg) {
    struct signals *s = arg;
    pthread_setname_np(pthread_self(), "signals");
    for (;;) {
        int number = take_signal(s);
        if (atomic_load(&s->stop))
            return NULL;
        if (number)
            heed(s, number);
        else if (clock_now() >= s->deadline)
            end_grace(s);
    }
}

int signals_start(struct signals_steps steps, struct signals **ret, struct error *err) {
    struct signals *s = calloc(1, sizeof(*s));
    if (!s)
        return error_memory(err);
    s->steps = steps;
    s->deadline = DEADLINE_NEVER;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->said, NULL);
    signal(SIGPIPE, SIG_IGN);
    const int heeded[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH};
    sigemptyset(&s->set);
    for (size_t i = 0; i < ARRAY_LEN(heeded); i++)
        sigaddset(&s->set, heeded[i]);
    pthread_sigmask(SIG_BLOCK, &s->set, NULL);
    int rc = pthread_create(&s->thread, NULL, wait_for_signals, s);
    if (rc != 0) {
        pthread_cond_destroy(&s->said);
        pthread_mutex_destroy(&s->lock);
        free(s);
        return error_os(err, ERROR_INTERNAL, rc, "cannot start the thread for signals");
    }
    *ret = s;
    return 0;
}

void signals_aim(struct signals *s, size_t step, struct cancel *cancel) {
    pthread_mutex_lock(&s->lock);
    s->steps.fire[step] = cancel;
    if (cancel && (s->taken > step || (step == 1 && s->over)))
        cancel_fire(cancel);
    pthread_mutex_unlock(&s->lock);
}

int signals_caught(const struct signals *s) {
    return atomic_load(&s->caught);
}

void signals_hear_out(struct signals *s) {
    const struct timespec until = deadline_timespec(deadline_in(LAST_WARNING));
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    while (s->speaking && pthread_cond_clockwait(&s->said, &s->lock, CLOCK_MONOTONIC, &until) == 0)
        ;
    pthread_mutex_unlock(&s->lock);
}

void signals_stop(struct signals *s) {
    if (!s)
        return;
    atomic_store(&s->stop, true);
    pthread_kill(s->thread, SIGHUP);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->said);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
