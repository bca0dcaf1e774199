/*
 * fuzz_extract: what a command on a server printed, searched for its number.
 *
 * What is held: a finite number, or bad-output with a printable sentence.
 */
#include "fuzz.h"
#include "input/extract.h"

#include <math.h>

static const char *const regexes[] = {"([0-9.]+) requests per second", "^\\s*(\\S+)",
                                      "^(?:a|b)*x?=(.*)$"};
static const char *const programs[] = {".jobs[0].read.iops", "[.. | numbers] | add",
                                       ".a | tonumber", "to_entries | map(.value) | .[0]"};

static struct extract *extracts[ARRAY_LEN(regexes) + ARRAY_LEN(programs)];

static void compile(void) {
    struct error err;
    struct extract **next = extracts;
    for (size_t i = 0; i < ARRAY_LEN(regexes); i++)
        require(extract_regex(regexes[i], next++, &err) == 0);
    for (size_t i = 0; i < ARRAY_LEN(programs); i++)
        require(extract_jq(programs[i], next++, &err) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!extracts[0])
        compile();
    cleanup(free_ptr) char *output = fuzz_text(data, size);
    for (size_t i = 0; i < ARRAY_LEN(extracts); i++) {
        struct error err = {0};
        double number = NAN;
        if (extract_number(extracts[i], output, size, &number, &err) == 0) {
            require(isfinite(number));
            continue;
        }
        require(err.kind == ERROR_BAD_OUTPUT && err.text[0]);
        require_printable(err.text, strlen(err.text));
    }
    return 0;
}
