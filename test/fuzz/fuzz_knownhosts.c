/* A known_hosts file of any bytes, asked for a few hosts; and the same as a list of revoked keys.
 */
#include "fuzz.h"
#include "input/hostjudge.h"
#include "input/revoked.h"

static const char key[] = "AAAAC3NzaC1lZDI1NTE5AAAAIFSjhSEpfo1pozWnI6ouUM3kNarP/e9ovVILd28xwDFK";

static void ask(const struct knownhosts *k, const char *host, int port) {
    cleanup(hostjudge_lines_done) struct hostjudge_lines l = {.check_address = true};
    struct error err;
    if (knownhosts_find(k, host, port, &l.host, &err) < 0 ||
        knownhosts_find(k, host, 0, &l.bare, &err) < 0 ||
        knownhosts_find(k, "10.0.0.1", port, &l.address, &err) < 0)
        return;
    struct hostjudge_answer a;
    for (int checking = HOST_KEY_STRICT; checking <= HOST_KEY_OFF; checking++) {
        hostjudge(&l, key, checking, true, &a);
        /* an answer that rests on a line must name it, and none is trusted that is not accepted */
        require((a.status == HOSTJUDGE_UNKNOWN) == (a.line == NULL));
        require(a.accepted || !a.trusted);
    }
    const char *types[4];
    require(hostjudge_types(&l.host, types, 4) <= 4);
}

static void check_revoked(const char *path) {
    struct revoked *r;
    struct error err;
    if (revoked_load(path, &r, &err) < 0)
        return;
    require(!revoked_unreadable(r) && revoked_line(r, key) >= 0);
    revoked_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    cleanup(fuzz_file_done) struct fuzz_file file = fuzz_file(data, n);
    const char *path = file.path;
    struct knownhosts *k;
    struct error err;
    check_revoked(path);
    if (knownhosts_load(&path, 1, &k, &err) < 0)
        return 0;
    ask(k, "web1", 22);
    ask(k, "web1", 2222);
    ask(k, "2001:DB8::7", 22);
    knownhosts_free(k);
    return 0;
}
