/*
 * fuzz_nodeset: any bytes as a pattern, under libFuzzer.
 *
 * What expands must be made of names that server_parse() takes, and must come back whole from
 * folding. A small NODESET_MAX keeps every input quick.
 */
#include "fuzz.h"
#include "input/nodeset.h"
#include "model/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cleanup(free_ptr) char *pattern = fuzz_text(data, size);
    cleanup(names_done) struct names names = {0}, back = {0};
    cleanup(str_done) struct str folded = {0};
    struct error err = {0};
    if (nodeset_expand(pattern, &names, &err) < 0) {
        require(err.kind == ERROR_USAGE && strstr(err.text, "column") && names.count == 0);
        return 0;
    }
    for (size_t i = 0; i < names.count; i++) {
        struct server s;
        require(server_parse(names.items[i], &s, &err) == 0);
        server_done(&s);
    }
    if (names.count == 0)
        return 0;
    nodeset_fold((const char *const *)names.items, names.count, &folded);
    require(nodeset_expand(folded.data, &back, &err) == 0 && back.count == names.count);
    for (size_t i = 0; i < names.count; i++)
        require(names_has(&back, names.items[i]));
    return 0;
}
