/*
 * facts_memory: see factrooms.h.
 *
 *   memory_bytes              of the machine
 *   dimm_slots, dimms         slots, and what is in them: slot, size_bytes, type, speed_mts (what
 * it can do), configured_mts (what it does), maker, part; only root may read the firmware's table
 *   memory_errors_corrected, memory_errors_uncorrected    since the kernel began to count
 */
#include "factrooms.h"

#include "file.h"
#include "put.h"
#include "smbios.h"

#include <stdio.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define TABLE_MAX (256 * 1024)
#define DIMMS_MAX 64
#define CONTROLLERS_MAX 32

struct dimms {
    struct str list;
    int64_t slots, listed, more;
};

static void add_dimm(void *arg, const struct dimm *d) {
    struct dimms *all = arg;
    all->slots++;
    if (d->bytes == 0)
        return;
    if (all->listed == DIMMS_MAX) {
        all->more++;
        return;
    }
    all->listed++;
    put_key(&all->list, NULL);
    str_add_char(&all->list, '{');
    put_text(&all->list, "slot", d->slot);
    put_count(&all->list, "size_bytes", d->bytes);
    put_text(&all->list, "type", d->type);
    put_count(&all->list, "speed_mts", d->speed);
    put_count(&all->list, "configured_mts", d->configured);
    put_text(&all->list, "maker", d->maker);
    put_text(&all->list, "part", d->part);
    str_add_char(&all->list, '}');
}

/* The whole table into *table. Returns its length, 0 when it cannot be read. */
static size_t read_table(struct str *table) {
    int fd = file_open("/sys/firmware/dmi/tables/DMI");
    if (fd < 0)
        return 0;
    char *to;
    ssize_t n = 1;
    while (n > 0 && table->len < TABLE_MAX && (to = str_room(table, 16384)))
        if ((n = read(fd, to, 16384)) > 0)
            table->len += (size_t)n;
    close(fd);
    return table->len;
}

static void add_dimms(struct str *out) {
    cleanup(str_done) struct str table = {0};
    struct dimms all = {0};
    if (read_table(&table) > 0)
        smbios_dimms((const uint8_t *)table.data, table.len, add_dimm, &all);
    put_count(out, "dimm_slots", all.slots > 0 ? all.slots : -1);
    put_key(out, "dimms");
    if (all.slots == 0) {
        str_add(out, "null");
        return;
    }
    str_addf(out, "[%s]", all.list.data ? all.list.data : "");
    if (all.more > 0)
        put_count(out, "dimms_more", all.more);
    str_done(&all.list);
}

static int64_t errors(const char *kind) {
    int64_t sum = -1, n;
    for (int i = 0; i < CONTROLLERS_MAX; i++) {
        char path[96];
        snprintf(path, sizeof(path), "/sys/devices/system/edac/mc/mc%d/%s", i, kind);
        if (!file_number(path, &n))
            break;
        sum = (sum < 0 ? 0 : sum) + (n < INT64_C(1) << 50 ? n : 0);
    }
    return sum;
}

void facts_add_memory(struct str *out) {
    struct sysinfo info = {0};
    int64_t bytes = sysinfo(&info) == 0 ? (int64_t)info.totalram * info.mem_unit : -1;
    put_count(out, "memory_bytes", bytes > 0 ? bytes : -1);
    add_dimms(out);
    put_count(out, "memory_errors_corrected", errors("ce_count"));
    put_count(out, "memory_errors_uncorrected", errors("ue_count"));
}
