/* exec: muster's pool; see exec_common.h. */
#include "exec_common.h"

#include "base/clock.h"
#include "exec/pool.h"

static int empty(void *arg, void **result, struct error *err) {
    (void)arg, (void)result, (void)err;
    return 0;
}

static void must(int rc, const struct error *err) {
    if (rc == 0)
        return;
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

static void burst(void *pool, long jobs) {
    struct error err;
    struct completed *c;
    must(completed_new(&c, &err), &err);
    for (long i = 0; i < jobs; i++)
        must(pool_submit(pool, empty, NULL, c, NULL, &err), &err);
    for (struct future *f; (f = completed_next(c, DEADLINE_NEVER));)
        future_free(f);
    completed_free(c);
}

int main(int argc, char **argv) {
    struct error err;
    struct pool *pool;
    must(pool_new((size_t)number_argument(argc, argv, 1), 0, &pool, &err), &err);
    compare(burst, pool, number_argument(argc, argv, 2));
    pool_shutdown(pool, false);
    return 0;
}
