/*
 * knownhosts_judge HOST PORT KEY FILE...: what the files say of a key, in one word.
 */
#include "input/hostjudge.h"

#include <stdio.h>
#include <stdlib.h>

static int judge(const struct knownhosts *k, const char *host, int port, const char *key,
                 struct error *err) {
    static const char *const words[] = {[HOSTJUDGE_MATCH] = "match",
                                        [HOSTJUDGE_UNKNOWN] = "unknown",
                                        [HOSTJUDGE_CHANGED] = "changed",
                                        [HOSTJUDGE_REVOKED] = "revoked"};
    cleanup(hostjudge_lines_done) struct hostjudge_lines lines = {0};
    struct hostjudge_answer a;
    if (knownhosts_find(k, host, port, &lines.host, err) < 0 ||
        (!knownhosts_bare(port) && knownhosts_find(k, host, 0, &lines.bare, err) < 0))
        return -1;
    hostjudge(&lines, key, HOST_KEY_STRICT, true, &a);
    puts(words[a.status]);
    return 0;
}

int main(int argc, char **argv) {
    struct knownhosts *k;
    struct error err;
    if (argc < 5)
        return 2;
    int rc = knownhosts_load((const char *const *)argv + 4, (size_t)argc - 4, &k, &err);
    if (rc == 0) {
        rc = judge(k, argv[1], atoi(argv[2]), argv[3], &err);
        knownhosts_free(k);
    }
    if (rc < 0)
        fprintf(stderr, "%s\n", err.text);
    return rc < 0;
}
