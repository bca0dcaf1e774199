/*
 * fuzz_baselinefile: a file of baselines that somebody edited or merged.
 *
 * What is held: a sentence for every refusal; what is taken has names that can be shown and finite
 * numbers, and is the same again when it is written and read.
 */
#include "fuzz.h"
#include "input/baselinefile.h"

#include <math.h>

static void check_item(const struct baseline *b) {
    require(*b->kind && *b->benchmark && *b->metric && b->unit && b->count > 0);
    require(isfinite(b->median) && isfinite(b->scale) && b->scale >= 0 && b->taken >= 0);
    require_printable(b->kind, strlen(b->kind));
    require_printable(b->benchmark, strlen(b->benchmark));
    require_printable(b->metric, strlen(b->metric));
    require_printable(b->unit, strlen(b->unit));
}

static void check_round_trip(const struct baselines *list) {
    cleanup(str_done) struct str text = {0};
    cleanup(str_done) struct str mistakes = {0};
    cleanup(baselines_done) struct baselines again = {0};
    struct error err = {0};
    baselinefile_write(list, &text);
    require(!text.failed);
    require(baselinefile_read("again", text.data, text.len, &again, &mistakes, &err) == 0);
    require(again.count == list->count);
    for (size_t i = 0; i < list->count; i++) {
        const struct baseline *a = &list->items[i], *b = &again.items[i];
        require(strcmp(a->kind, b->kind) == 0 && strcmp(a->benchmark, b->benchmark) == 0);
        require(strcmp(a->metric, b->metric) == 0 && baseline_same(a, b));
        require(a->count == b->count && a->taken == b->taken && !a->run == !b->run);
        require(!a->run || strcmp(a->run, b->run) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cleanup(baselines_done) struct baselines list = {0};
    cleanup(str_done) struct str mistakes = {0};
    struct error err = {0};
    cleanup(free_ptr) char *text = fuzz_text(data, size);
    if (baselinefile_read("f", text, size, &list, &mistakes, &err) < 0) {
        require(err.kind == ERROR_USAGE && err.text[0] && mistakes.len > 0);
        return 0;
    }
    for (size_t i = 0; i < list.count; i++)
        check_item(&list.items[i]);
    check_round_trip(&list);
    return 0;
}
