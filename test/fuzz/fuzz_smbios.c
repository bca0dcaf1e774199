/*
 * fuzz_smbios: the tables of a server's firmware, which are as careful as firmware is.
 *
 * What is held: nothing is read beyond the table, every text ends, and what the agent makes of them
 * is a JSON string.
 */
#include "../../agent/answer.h"
#include "../../agent/smbios.h"

#include "fuzz.h"
#include "wire/value.h"

static void check_text(const char *text, size_t size) {
    cleanup(str_done) struct str json = {0};
    cleanup(values_done) struct values values = {0};
    struct error err;
    require(memchr(text, '\0', size));
    answer_text(&json, text);
    require(!json.failed && values_read(json.data, json.len, &values, &err) == 0);
    require(values.count == 1 && fuzz_is_replaced(values.items[0].text, text));
}

static void check_dimm(void *arg, const struct dimm *d) {
    size_t *count = arg;
    ++*count;
    require(d->bytes >= -1 && d->speed >= -1 && d->configured >= -1);
    require(!d->type || *d->type);
    check_text(d->slot, sizeof(d->slot));
    check_text(d->maker, sizeof(d->maker));
    check_text(d->part, sizeof(d->part));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    /* of exactly this size, so that one byte beyond it is seen */
    cleanup(free_ptr) uint8_t *table = malloc(size ? size : 1);
    size_t count = 0;
    require(table);
    memcpy(table, data, size);
    smbios_dimms(table, size, check_dimm, &count);
    require(count <= size / 4);
    return 0;
}
