/* local: see local.h. Its sessions are those of transport/process. */
#include "transport/local.h"

#include "transport/process.h"
#include "transport/shortage.h"

struct local {
    struct transport base;
    struct cancel *cancel;
};

static int local_open(struct transport *t, __attribute__((unused)) const struct server *server,
                      __attribute__((unused)) int64_t deadline, struct session **ret,
                      struct error *err) {
    static const char *const argv[] = {"sh", "-c", NULL};
    return process_open(argv, ((struct local *)t)->cancel, NULL, ret, err);
}

static void local_free(struct transport *t) {
    free(t);
}

static const struct transport_ops local_ops = {
    .name = "local",
    .open = local_open,
    .free = local_free,
};

int transport_local_new(struct cancel *cancel, struct transport **ret, struct error *err) {
    struct local *t = malloc(sizeof(*t));
    if (!t)
        return error_memory(err);
    *t = (struct local){.base.ops = &local_ops, .cancel = cancel};
    if (shortage_new(cancel, &t->base.shortage, err) != 0) {
        free(t);
        return -1;
    }
    *ret = &t->base;
    return 0;
}
