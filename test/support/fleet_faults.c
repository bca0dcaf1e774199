/* fleet_faults: see fleet_faults.h. */
#include "fleet_faults.h"

#include "base/hash.h"
#include "base/str.h"
#include "base/units.h"

#include <stdlib.h>

static const char *const names[FAULTS] = {"", "reset", "mute", "drop", "auth", "hang"};

static int take_item(char *item, struct faults *f, struct error *err) {
    char *value = strchr(item, '=');
    if (value)
        *value++ = '\0';
    struct share share = {0};
    for (int i = 1; i < FAULTS; i++) {
        if (strcmp(names[i], item) != 0)
            continue;
        if (!value || share_parse(value, &share, err) != 0 || share.kind != SHARE_PERCENT)
            return error_set(err, ERROR_USAGE, "the fault '%s' is a share such as 5%%", item);
        f->percent[i] = share.number;
        return 0;
    }
    return error_set(err, ERROR_USAGE, "no fault is named '%.40s'", item);
}

int faults_parse(const char *spec, struct faults *ret, struct error *err) {
    cleanup(free_ptr) char *copy = strdup(spec);
    if (!copy)
        return error_memory(err);
    *ret = (struct faults){0};
    for (char *rest = *copy ? copy : NULL, *item; (item = strsep(&rest, ","));)
        if (take_item(item, ret, err) != 0)
            return -1;
    return 0;
}

enum fault faults_of(const struct faults *f, uint64_t seed, uint64_t server) {
    double at = hash_fraction(hash_mix(hash_mix(seed ^ UINT64_C(0x6661756c74)) + server)) * 100;
    for (int i = 1; i < FAULTS; i++) {
        at -= f->percent[i];
        if (at < 0)
            return (enum fault)i;
    }
    return FAULT_NONE;
}
