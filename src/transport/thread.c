/* thread: see thread.h. Any thread. */
#include "transport/thread.h"

#include <signal.h>

/* getaddrinfo() loads modules of the name service switch, which use some 100 KiB of it */
#define STACK (256 * 1024)

static int start(pthread_attr_t *attr, void *(*run)(void *), void *arg, pthread_t *ret) {
    pthread_t thread;
    int rc = pthread_attr_setstacksize(attr, STACK);
    if (rc == 0 && !ret)
        rc = pthread_attr_setdetachstate(attr, PTHREAD_CREATE_DETACHED);
    if (rc != 0)
        return rc;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&thread, attr, run, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc == 0 && ret)
        *ret = thread;
    return rc;
}

int thread_start(void *(*run)(void *), void *arg, pthread_t *ret) {
    pthread_attr_t attr;
    int rc = pthread_attr_init(&attr);
    if (rc != 0)
        return rc;
    rc = start(&attr, run, arg, ret);
    pthread_attr_destroy(&attr);
    return rc;
}
