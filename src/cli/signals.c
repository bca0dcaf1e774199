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

struct signals {
    struct cancel *cancel;
    pthread_t thread;
    sigset_t set;
    atomic_int caught;
    atomic_bool stop;
};

static void *wait_for_signals(void *arg) {
    struct signals *s = arg;
    pthread_setname_np(pthread_self(), "signals");
    for (;;) {
        int number;
        sigwait(&s->set, &number);
        if (atomic_load(&s->stop))
            return NULL;
        if (number == SIGHUP) {
            log_reopen();
            continue;
        }
        if (atomic_load(&s->caught)) {
            log_flush(deadline_in(LAST_WORDS));
            _exit(128 + number);
        }
        atomic_store(&s->caught, number);
        cancel_fire(s->cancel); /* first: the log may have to wait for a terminal */
        log_warning("interrupted: ending sessions, saving what was measured; once more to exit at "
                    "once",
                    LOG_S("signal", strsignal(number)));
    }
}

int signals_start(struct cancel *cancel, struct signals **ret, struct error *err) {
    struct signals *s = calloc(1, sizeof(*s));
    if (!s)
        return error_memory(err);
    s->cancel = cancel;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&s->set);
    sigaddset(&s->set, SIGINT);
    sigaddset(&s->set, SIGTERM);
    sigaddset(&s->set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &s->set, NULL);
    int rc = pthread_create(&s->thread, NULL, wait_for_signals, s);
    if (rc != 0) {
        free(s);
        return error_os(err, ERROR_INTERNAL, rc, "cannot start the thread for signals");
    }
    *ret = s;
    return 0;
}

int signals_caught(const struct signals *s) {
    return atomic_load(&s->caught);
}

void signals_stop(struct signals *s) {
    if (!s)
        return;
    atomic_store(&s->stop, true);
    pthread_kill(s->thread, SIGHUP);
    pthread_join(s->thread, NULL);
    free(s);
}
