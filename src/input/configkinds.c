/* configkinds: see configkinds.h. */
#include "input/configkinds.h"

#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void config_kind_done(struct config_kind *k) {
    for (size_t i = 0; i < k->limit_count; i++)
        free(k->limits[i].benchmark);
    free(k->limits);
    free(k->pattern);
}

#define AT(field) offsetof(struct config_limit, field)

static const struct key limit_keys[] = {{"threshold", key_number, AT(threshold), 0, INFINITY},
                                        {"reference", key_positive, AT(reference), 0, INFINITY},
                                        {NULL, NULL, 0, 0, 0}};

#undef AT

static KEY_READER(read_limits) {
    struct config_kind *k = into;
    if (!keys_is_mapping(r, key->name, value) || k->limits)
        return;
    k->limits = calloc(value->count + 1, sizeof(*k->limits));
    if (!k->limits) {
        r->no_memory = true;
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        struct config_limit *limit = &k->limits[k->limit_count++];
        *limit = (struct config_limit){.threshold = NAN, .reference = NAN};
        keys_set_text(r, &limit->benchmark, value->keys[i]->text);
        keys_read(r, value->keys[i]->text, limit_keys, value->items[i], limit);
    }
}

static const struct key kind_keys[] = {{"benchmarks", read_limits, 0, 0, 0}, {NULL, NULL, 0, 0, 0}};

KEY_READER(read_kinds) {
    struct config *c = into;
    if (!keys_is_mapping(r, key->name, value) || c->kinds)
        return;
    c->kinds = calloc(value->count + 1, sizeof(*c->kinds));
    if (!c->kinds) {
        r->no_memory = true;
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        struct config_kind *k = &c->kinds[c->kind_count++];
        keys_set_text(r, &k->pattern, value->keys[i]->text);
        keys_read(r, value->keys[i]->text, kind_keys, value->items[i], k);
    }
}
