/*
 * knownhosts_judge HOST PORT KEY FILE...: what knownhosts_check() says of a key, in one word.
 */
#include "input/knownhosts.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    static const char *const words[] = {[KNOWNHOSTS_MATCH] = "match",
                                        [KNOWNHOSTS_UNKNOWN] = "unknown",
                                        [KNOWNHOSTS_CHANGED] = "changed",
                                        [KNOWNHOSTS_REVOKED] = "revoked"};
    struct knownhosts *k;
    struct error err;
    if (argc < 5)
        return 2;
    if (knownhosts_load((const char *const *)argv + 4, (size_t)argc - 4, &k, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    struct knownhosts_answer a;
    knownhosts_check(k, argv[1], atoi(argv[2]), argv[3], &a);
    puts(words[a.status]);
    knownhosts_free(k);
    return 0;
}
