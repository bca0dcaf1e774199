/*
 * fuzz_config: muster.yaml is written by hand, but also generated and merged by other programs.
 *
 * The bytes go to config_load() through a file in memory. What is held: no crash, no leak, and
 * a sentence for every refusal.
 */
#include "fuzz.h"
#include "input/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct parameter none[] = {{.name = NULL}};
    static const struct builtin builtin[] = {{.name = "cpu", .parameters = none}, {.name = NULL}};
    cleanup(fuzz_file_done) struct fuzz_file file = fuzz_file(data, size);
    cleanup(str_done) struct str mistakes = {0};
    struct config c;
    struct error err = {0};
    if (config_load(file.path, builtin, &c, &mistakes, &err) == 0)
        config_done(&c);
    else
        require(err.kind == ERROR_USAGE && err.text[0] && mistakes.len > 0);
    return 0;
}
