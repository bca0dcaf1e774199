/* longest: see longest.h. */
#include "fleet/longest.h"

#include "policy/order.h"
#include "store/history.h"
#include "sync/log.h"

#include <math.h>
#include <stdlib.h>

static int expect(struct store *store, const struct plan *plan, const struct run *run,
                  struct history_expected **ret, size_t *count, struct error *err) {
    cleanup(free_ptr) const char **names = calloc(plan->benchmark_count + 1, sizeof(*names));
    if (!names)
        return error_memory(err);
    for (size_t i = 0; i < plan->benchmark_count; i++)
        names[i] = plan->benchmarks[i].name;
    return store_expected(store, run->id, names, plan->benchmark_count, ret, count, err);
}

static int set_order(struct store *store, const struct history_expected *items, size_t n,
                     struct error *err) {
    size_t *positions = malloc((n + 1) * sizeof(*positions));
    if (!positions)
        return error_memory(err);
    for (size_t i = 0; i < n; i++)
        positions[i] = items[i].position;
    store_set_order(store, positions, n);
    return 0;
}

int longest_first(struct store *store, const struct plan *plan, const struct run *run,
                  struct error *err) {
    cleanup(free_ptr) struct history_expected *items = NULL;
    size_t count, known = 0;
    if (expect(store, plan, run, &items, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        known += !isnan(items[i].seconds);
    if (known == 0) {
        log_info("longest first", LOG_I("known", 0),
                 LOG_S("detail", "no earlier run tells how long a server takes: the order stays"));
        return 0;
    }
    order_longest_first(items, count);
    log_info("longest first", LOG_I("known", (int64_t)known),
             LOG_I("unknown", (int64_t)(count - known)),
             LOG_F("longest", items[count - known].seconds));
    return set_order(store, items, count, err);
}
