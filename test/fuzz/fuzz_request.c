/* Any line to the agent, through its reader: what is read stays within the line and its bounds. */
#include "../../agent/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct json json;
    char *line = malloc(n + 1);
    memcpy(line, data, n);
    line[n] = '\0';
    if (json_read(&json, line, n) == 0) {
        if (json.count > JSON_FIELDS_MAX)
            abort();
        for (size_t i = 0; i < json.count; i++) {
            const struct json_field *f = &json.fields[i];
            if (f->key < line || f->key > line + n || (f->kind == JSON_TEXT && strlen(f->text) > n))
                abort();
            if (f->kind == JSON_NUMBER && !isfinite(f->number))
                abort();
        }
    }
    free(line);
    return 0;
}
