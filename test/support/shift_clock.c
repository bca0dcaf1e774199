/*
 * shift_clock: to be preloaded into muster, where it sets the clock while the program runs.
 *
 *     SHIFT_CLOCK=0.3:-7200,0.9:86400    0.3 s after the start the wall clock is two hours behind
 *                                        what it was, 0.9 s after it a day ahead
 *
 * The monotonic clock goes on as it does. Programs that muster starts are left alone.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SHIFTS_MAX 8

static struct { double after, by; } shifts[SHIFTS_MAX];
static int count;
static double begin;

static double read_monotonic(void) {
    struct timespec t;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

__attribute__((constructor)) static void start(void) {
    char *at = getenv("SHIFT_CLOCK");
    begin = read_monotonic();
    while (at && *at && count < SHIFTS_MAX) {
        shifts[count].after = strtod(at, &at);
        shifts[count].by = *at == ':' ? strtod(at + 1, &at) : 0;
        at += *at == ',';
        count++;
    }
    unsetenv("LD_PRELOAD");
}

static time_t shift(void) {
    double passed = read_monotonic() - begin, by = 0;
    for (int i = 0; i < count && shifts[i].after <= passed; i++)
        by = shifts[i].by;
    return (time_t)by;
}

int clock_gettime(clockid_t id, struct timespec *ret) {
    int rc = (int)syscall(SYS_clock_gettime, id, ret);
    if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        ret->tv_sec += shift();
    return rc;
}

int gettimeofday(struct timeval *ret, void *zone) {
    int rc = (int)syscall(SYS_gettimeofday, ret, zone);
    if (rc == 0)
        ret->tv_sec += shift();
    return rc;
}

time_t time(time_t *ret) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (ret)
        *ret = t.tv_sec;
    return t.tv_sec;
}
