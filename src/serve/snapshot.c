/* snapshot: see snapshot.h. */
#include "serve/snapshot.h"

#include "serve/site.h"

int snapshot_open(const struct request *q, struct answer *a, struct store **ret,
                  struct error *err) {
    *ret = NULL;
    if (store_open(q->site->store, STORE_READ, ret, err) == 0)
        return 0;
    *ret = NULL;
    a->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    return -1;
}

void snapshot_close(struct store **s) {
    store_close(*s);
}

int snapshot_go_on(const struct request *q, struct error *err) {
    return cancel_fired(q->site->cancel)
               ? error_set(err, ERROR_INTERRUPTED, "muster serve is being ended")
               : 0;
}
