/* hops: see hops.h. Any thread. */
#include "input/hops.h"

#include "input/sshvalues.h"

#include <stdlib.h>
#include <string.h>

void hop_done(struct hop *h) {
    free(h->host);
    free(h->user);
    free(h->before);
    *h = (struct hop){0};
}

int hop_last(const char *list, struct hop *ret, struct error *err) {
    const char *comma = strrchr(list, ',');
    const char *last = comma ? comma + 1 : list;
    struct ssh_jump jump;
    int rc = ssh_jump_parse(last, strlen(last), &jump);
    if (rc == -2)
        return error_memory(err);
    if (rc < 0 || *jump.host == '-' || comma == list) {
        if (rc == 0)
            ssh_jump_done(&jump);
        return error_set(err, ERROR_UNREACHABLE, "ProxyJump %.200s names no host", list);
    }
    struct hop h = {.host = jump.host, .user = jump.user, .port = jump.port};
    h.before = comma ? strndup(list, (size_t)(comma - list)) : NULL;
    if (comma && !h.before) {
        hop_done(&h);
        return error_memory(err);
    }
    *ret = h;
    return 0;
}
