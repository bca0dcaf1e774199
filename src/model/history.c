/* history: see history.h. */
#include "model/history.h"

void history_done(struct history *h) {
    for (size_t i = 0; i < h->count; i++) {
        free(h->values[i].server);
        free(h->values[i].benchmark);
        free(h->values[i].metric);
        free(h->values[i].unit);
    }
    free(h->values);
    free(h->server);
    free(h->machine);
    *h = (struct history){0};
}
