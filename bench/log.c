/*
 * What the log costs: `log THREADS LINES FILE` logs LINES lines from THREADS threads into one file
 * and prints, in nanoseconds a line: what a call took its caller (elapsed time of the calls, per
 * thread), the time until all was written, and the processor time of the whole process.
 */
#include "sync/log.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define THREADS_MAX 64

struct job {
    pthread_t thread;
    int lines;
    int64_t spent;
};

static void *log_lines(void *arg) {
    struct job *job = arg;
    log_bind("server", "web03");
    int64_t start = clock_now();
    for (int i = 0; i < job->lines; i++)
        log_info("benchmark completed", LOG_S("benchmark", "cpu"),
                 LOG_F("seconds", (i % 1000) / 100.0), LOG_I("score", i % 100));
    job->spent = clock_now() - start;
    return NULL;
}

static int64_t processor_time(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * CLOCK_S +
           (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * CLOCK_US;
}

int main(int argc, char **argv) {
    struct job jobs[THREADS_MAX];
    struct error err;
    int threads = argc == 4 ? atoi(argv[1]) : 0;
    int lines = argc == 4 ? atoi(argv[2]) : 0;
    if (threads < 1 || threads > THREADS_MAX || lines < threads) {
        fprintf(stderr, "usage: log THREADS LINES FILE\n");
        return 2;
    }
    unlink(argv[3]);
    if (log_open(&err) < 0 || log_add_file(argv[3], LOG_CONSOLE, LOG_INFO, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 3;
    }
    int64_t processor = processor_time(), start = clock_now(), spent = 0;
    for (int i = 0; i < threads; i++) {
        jobs[i].lines = lines / threads;
        if (pthread_create(&jobs[i].thread, NULL, log_lines, &jobs[i]) != 0)
            return 3;
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(jobs[i].thread, NULL);
        spent += jobs[i].spent;
    }
    if (log_close(&err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 3;
    }
    double n = lines / threads * threads;
    printf("%.0f %.0f %.0f\n", (double)spent / n, (double)(clock_now() - start) / n,
           (double)(processor_time() - processor) / n);
}
