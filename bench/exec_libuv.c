/* exec: libuv's uv_queue_work(); see exec_common.h. Its pool is the process's, sized by a variable.
 */
#include "exec_common.h"

#include <uv.h>

static void empty(uv_work_t *work) {
    (void)work;
}

static void after(uv_work_t *work, int status) {
    if (status != 0)
        exit(1);
    free(work);
}

static void burst(void *loop, long jobs) {
    for (long i = 0; i < jobs; i++) {
        uv_work_t *work = malloc(sizeof(*work));
        if (!work || uv_queue_work(loop, work, empty, after) != 0)
            exit(1);
    }
    uv_run(loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv) {
    char threads[24];
    snprintf(threads, sizeof(threads), "%ld", number_argument(argc, argv, 1));
    setenv("UV_THREADPOOL_SIZE", threads, 1);
    compare(burst, uv_default_loop(), number_argument(argc, argv, 2));
    uv_loop_close(uv_default_loop());
    return 0;
}
