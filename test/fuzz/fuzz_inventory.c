/*
 * fuzz_inventory: a file of servers, written by hand or by any other program.
 *
 * What is held: a sentence for every refusal; each server once, with a name that can be read again;
 * and of a plain list, the list of the names, one a line, is an inventory of the same servers in
 * the same order.
 */
#include "fuzz.h"
#include "input/inventory.h"
#include "input/inventoryform.h"
#include "input/names.h"

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
    for (size_t i = 0; i < list->count; i++)
        str_addf(&text, "%s\n", list->items[i].name);
    require(!text.failed && load(text.data, text.len, &again, &err) == 0);
    require(again.count == list->count);
    for (size_t i = 0; i < list->count; i++) {
        const struct server *a = &list->items[i], *b = &again.items[i];
        require(strcmp(a->name, b->name) == 0 && strcmp(a->host, b->host) == 0);
        require(a->port == b->port && !a->user == !b->user);
        require(!a->user || strcmp(a->user, b->user) == 0);
    }
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
        require(names_add(&names, s->name, strlen(s->name)) == 0);
    }
    cleanup(free_ptr) char *text = fuzz_text(data, size);
    if (inventoryform_of(text, size) == FORM_LIST)
        check_again(&list);
    return 0;
}
