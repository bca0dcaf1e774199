/*
 * exec_common: what the programs of this comparison share.
 *
 * Each is run as `PROGRAM THREADS JOBS`. It submits that many empty jobs to a pool of that many
 * threads and learns of the end of each, once to warm up and once on the clock, and prints jobs a
 * second and microseconds of processor time a job (its own and the kernel's, all threads).
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double seconds_of_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds_of_processor(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void compare(void (*burst)(void *pool, long jobs), void *pool, long jobs) {
    burst(pool, jobs);
    double clock = seconds_of_clock();
    double processor = seconds_of_processor();
    burst(pool, jobs);
    printf("%.0f %.4f\n", (double)jobs / (seconds_of_clock() - clock),
           (seconds_of_processor() - processor) * 1e6 / (double)jobs);
}

static long number_argument(int argc, char **argv, int i) {
    long n = i < argc ? strtol(argv[i], NULL, 10) : 0;
    if (n < 1) {
        fprintf(stderr, "usage: %s THREADS JOBS\n", argv[0]);
        exit(2);
    }
    return n;
}
