/*
 * knownhosts FILE HOST ROUNDS: the processor time that a known_hosts file costs muster: reading it,
 * once a run, and a server's search and judgement. `-` instead of FILE: nothing but the start.
 */
#include "base/clock.h"
#include "input/hostjudge.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv) {
    static const char key[] =
        "AAAAC3NzaC1lZDI1NTE5AAAAIFSjhSEpfo1pozWnI6ouUM3kNarP/e9ovVILd28xwDFK";
    struct knownhosts *k;
    struct error err;
    if (argc != 4)
        return 2;
    const char *file = argv[1];
    int rounds = atoi(argv[3]);
    double before = cpu_ms();
    if (knownhosts_load(&file, 1, &k, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    double loaded = cpu_ms();
    for (int i = 0; i < rounds; i++) {
        cleanup(hostjudge_lines_done) struct hostjudge_lines l = {0};
        struct hostjudge_answer a;
        if (knownhosts_find(k, argv[2], 22, &l.host, &err) < 0)
            return 1;
        hostjudge(&l, key, HOST_KEY_STRICT, true, &a);
    }
    printf("%.3f %.4f\n", loaded - before, (cpu_ms() - loaded) / rounds);
    knownhosts_free(k);
    return 0;
}
