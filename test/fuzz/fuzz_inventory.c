/*
 * fuzz_inventory: a file of servers, written by hand or by any other program.
 *
 * What is held: a sentence for every refusal; each server once, with a name that can be read again;
 * labels as model/labels.h has them; and of a plain list, the list of the names with their labels,
 * one a line, is an inventory of the same servers in the same order.
 */
#include "fuzz.h"
#include "input/inventory.h"
#include "input/inventoryform.h"
#include "input/names.h"
#include "model/labels.h"

static int load(const void *data, size_t size, struct servers *ret, struct error *err) {
    cleanup(fuzz_file_done) struct fuzz_file file = fuzz_file(data, size);
    cleanup(str_done) struct str remarks = {0};
    const char *path = file.path;
    int rc = inventory_load(&(struct inventory_source){.files = &path, .file_count = 1}, ret,
                            &remarks, err);
    for (char *line = remarks.len ? strtok(remarks.data, "\n") : NULL; line;
         line = strtok(NULL, "\n"))
        require_printable(line, strlen(line));
    return rc;
}

static void check_again(const struct servers *list) {
    cleanup(str_done) struct str text = {0};
    cleanup(servers_done) struct servers again = {0};
    struct error err;
    for (size_t i = 0; i < list->count; i++) {
        str_addf(&text, "%s ", list->items[i].name);
        labels_add_words(&text, list->items[i].labels);
        str_add_char(&text, '\n');
    }
    if (inventoryform_of(text.data, text.len) != FORM_LIST)
        return; /* a server may be called %YAML */
    require(!text.failed && load(text.data, text.len, &again, &err) == 0);
    require(again.count == list->count);
    for (size_t i = 0; i < list->count; i++) {
        const struct server *a = &list->items[i], *b = &again.items[i];
        require(strcmp(a->name, b->name) == 0 && strcmp(a->host, b->host) == 0);
        require(a->port == b->port && !a->user == !b->user);
        require(!a->user || strcmp(a->user, b->user) == 0);
        require(!a->labels == !b->labels);
        require(!a->labels || strcmp(a->labels, b->labels) == 0);
    }
}

/* Their text is made of good labels alone, in the order of the keys. */
static void check_labels(const char *labels) {
    struct label label, before = {.key_len = 0};
    size_t count = 0;
    for (const char *at = labels; labels_next(&at, &label); before = label, count++) {
        size_t shorter = label.key_len < before.key_len ? label.key_len : before.key_len;
        int order = count ? memcmp(before.key, label.key, shorter) : -1;
        require(!label_key_mistake(label.key, label.key_len));
        require(!label_value_mistake(label.value, label.value_len));
        require(order < 0 || (order == 0 && before.key_len < label.key_len));
    }
    require(!labels || (count > 0 && count <= LABELS_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cleanup(servers_done) struct servers list = {0};
    cleanup(names_done) struct names names = {0};
    struct error err = {0};
    if (load(data, size, &list, &err) < 0) {
        require(err.kind == ERROR_USAGE && err.text[0]);
        require_printable(err.text, strlen(err.text));
        return 0;
    }
    require(list.count > 0);
    for (size_t i = 0; i < list.count; i++) {
        const struct server *s = &list.items[i];
        require_printable(s->name, strlen(s->name));
        require(*s->host && *s->host != '-' && !names_has(&names, s->name));
        check_labels(s->labels);
        require(names_add(&names, s->name, strlen(s->name)) == 0);
    }
    cleanup(free_ptr) char *text = fuzz_text(data, size);
    if (inventoryform_of(text, size) == FORM_LIST)
        check_again(&list);
    return 0;
}
