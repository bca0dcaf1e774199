/*
 * thread: see thread.h.
 *
 * The limit of threads is the process's or its user's, so the spare ones are the program's, too. A
 * spare thread does not make room for another one, it becomes it: so nobody has to wait for its
 * end, and nobody else can take its place. The first `spares` of them sleep; whoever lowers that
 * number has the one above it. There is no lock to take one, because threads are started under
 * those of others; only those who make and end them have one.
 */
#include "transport/thread.h"

#include "sync/log.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

/* getaddrinfo() loads modules of the name service switch, which use some 100 KiB of it */
#define STACK (256 * 1024)

static struct spare {
    pthread_t thread;
    sem_t go;
    void *(*run)(void *); /* NULL: it ends */
    void *arg;
    const char *name; /* of the run that it works for */
} all_spares[THREAD_SPARES];

static atomic_int spares;

static pthread_mutex_t users_lock = PTHREAD_MUTEX_INITIALIZER;
static int users; /* of the spares */

/* What a thread is to do, and for which run. */
struct errand {
    void *(*run)(void *);
    void *arg;
    const char *name;
};

static void *go(void *arg) {
    struct errand errand = *(struct errand *)arg;
    free(arg);
    log_name_thread(errand.name);
    return errand.run(errand.arg);
}

static int start(void *(*run)(void *), void *arg, pthread_t *ret) {
    pthread_attr_t attr;
    int rc = pthread_attr_init(&attr);
    if (rc != 0)
        return rc;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_attr_setstacksize(&attr, STACK);
    if (rc == 0)
        rc = pthread_create(ret, &attr, run, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return rc;
}

/* ---- spare threads ------------------------------------------------------------------------- */

static void *be_spare(void *arg) {
    struct spare *s = arg;
    while (sem_wait(&s->go) != 0)
        ;
    log_name_thread(s->name);
    return s->run ? s->run(s->arg) : NULL;
}

/* One that still sleeps, and is the caller's now; NULL: none does. */
static struct spare *take_spare(void) {
    int n = atomic_load(&spares);
    while (n > 0 && !atomic_compare_exchange_weak(&spares, &n, n - 1))
        ;
    return n > 0 ? &all_spares[n - 1] : NULL;
}

static pthread_t wake(struct spare *s, void *(*run)(void *), void *arg) {
    pthread_t thread = s->thread;
    s->run = run;
    s->arg = arg;
    s->name = log_thread_run();
    sem_post(&s->go);
    return thread;
}

static void make_spares(void) {
    for (int n = 0; n < THREAD_SPARES && atomic_load(&spares) == n; n++) {
        struct spare *s = &all_spares[n];
        sem_init(&s->go, 0, 0);
        if (start(be_spare, s, &s->thread) != 0)
            return;
        atomic_store(&spares, n + 1);
    }
}

static void end_spares(void) {
    struct spare *s;
    while ((s = take_spare()))
        pthread_join(wake(s, NULL, NULL), NULL);
}

void thread_spare(void) {
    pthread_mutex_lock(&users_lock);
    if (users++ == 0)
        make_spares();
    pthread_mutex_unlock(&users_lock);
}

void thread_spare_end(void) {
    pthread_mutex_lock(&users_lock);
    if (users > 0 && --users == 0)
        end_spares();
    pthread_mutex_unlock(&users_lock);
}

/* ---- threads ------------------------------------------------------------------------------- */

int thread_start(void *(*run)(void *), void *arg, pthread_t *ret) {
    pthread_t thread;
    struct errand *errand = malloc(sizeof(*errand));
    if (errand)
        *errand = (struct errand){run, arg, log_thread_run()};
    int rc = errand ? start(go, errand, &thread) : EAGAIN;
    if (rc != 0)
        free(errand);
    struct spare *s = rc == EAGAIN ? take_spare() : NULL;
    if (s) {
        thread = wake(s, run, arg);
        rc = 0;
    }
    if (rc == 0 && ret)
        *ret = thread;
    else if (rc == 0)
        pthread_detach(thread);
    return rc;
}
