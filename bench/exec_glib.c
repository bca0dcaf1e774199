/*
 * exec: GLib's GThreadPool; see exec_common.h.
 *
 * GLib does not say when a job is done. A job here tells it through a GAsyncQueue, as programs do.
 */
#include "exec_common.h"

#include <glib.h>

static void empty(gpointer job, gpointer done) {
    g_async_queue_push(done, job);
}

static GAsyncQueue *done;

static void burst(void *pool, long jobs) {
    for (long i = 0; i < jobs; i++)
        if (!g_thread_pool_push(pool, GINT_TO_POINTER(1), NULL))
            exit(1);
    for (long i = 0; i < jobs; i++)
        g_async_queue_pop(done);
}

int main(int argc, char **argv) {
    done = g_async_queue_new();
    GThreadPool *pool =
        g_thread_pool_new(empty, done, (gint)number_argument(argc, argv, 1), FALSE, NULL);
    compare(burst, pool, number_argument(argc, argv, 2));
    g_thread_pool_free(pool, FALSE, TRUE);
    g_async_queue_unref(done);
    return 0;
}
