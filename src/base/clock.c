/* clock: see clock.h. Any thread. */
#include "base/clock.h"

#include <limits.h>
#include <stdio.h>

static int64_t read_clock(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * CLOCK_S + t.tv_nsec;
}

int64_t clock_now(void) {
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall(void) {
    return read_clock(CLOCK_REALTIME);
}

int64_t deadline_in(int64_t ns) {
    int64_t now = clock_now();
    return ns <= 0 || ns > DEADLINE_NEVER - now ? DEADLINE_NEVER : now + ns;
}

int deadline_left_ms(int64_t deadline) {
    if (deadline == DEADLINE_NEVER)
        return -1;
    int64_t left = deadline - clock_now();
    if (left <= 0)
        return 0;
    int64_t ms = left / CLOCK_MS + (left % CLOCK_MS ? 1 : 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

struct timespec deadline_timespec(int64_t deadline) {
    return (struct timespec){.tv_sec = deadline / CLOCK_S, .tv_nsec = deadline % CLOCK_S};
}

void clock_format_utc(int64_t wall, char out[25]) {
    time_t seconds = (time_t)(wall / CLOCK_S);
    struct tm t;
    gmtime_r(&seconds, &t);
    char text[25];
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(out, 25, "%.19s.%03uZ", text, (unsigned)(wall % CLOCK_S / CLOCK_MS) % 1000);
}

bool clock_parse_utc(const char *text, int64_t *wall) {
    struct tm t = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &t);
    int ms = 0;
    return rest && sscanf(rest, ".%3dZ", &ms) == 1 &&
           !__builtin_mul_overflow((int64_t)timegm(&t), CLOCK_S, wall) &&
           !__builtin_add_overflow(*wall, ms * CLOCK_MS, wall);
}

void clock_format_local(int64_t wall, char out[20]) {
    time_t seconds = (time_t)(wall / CLOCK_S);
    struct tm t;
    localtime_r(&seconds, &t);
    strftime(out, 20, "%Y-%m-%d %H:%M:%S", &t);
}
