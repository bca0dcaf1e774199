/* serverlist: see serverlist.h. Pure. */
#include "report/serverlist.h"

#include "input/nodeset.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define FEW 10

static bool has_range(const char *folded) {
    bool inside = false;
    for (const char *p = folded; *p; p++) {
        if (*p == '[')
            inside = true;
        else if (*p == ']')
            inside = false;
        else if (inside && *p == '-' && isdigit((unsigned char)p[-1]))
            return true;
    }
    return false;
}

/* Names that are nothing but numbers fold to a bare bracket, which reads badly when they are few.
 */
static bool better_spelled_out(const char *folded, size_t count) {
    return count <= FEW && (folded[0] == '[' || !has_range(folded));
}

void serverlist_add(struct str *out, const char *const *names, size_t count) {
    struct str folded = {0};
    nodeset_fold(names, count, &folded);
    if (count == 0 || folded.failed) {
        out->failed |= folded.failed;
    } else if (!better_spelled_out(folded.data, count)) {
        str_add(out, folded.data);
    } else {
        for (size_t i = 0; i < count; i++) {
            if (i)
                str_add_char(out, ',');
            str_add(out, names[i]);
        }
    }
    str_done(&folded);
}

char **serverlist_parts(const char *const *names, size_t count, size_t *part_count) {
    cleanup(str_done) struct str list = {0};
    serverlist_add(&list, names, count);
    size_t n = list.len > 0;
    for (size_t i = 0; i < list.len; i++)
        n += list.data[i] == ',';
    char **parts = list.failed ? NULL : malloc((n + 1) * sizeof(*parts) + list.len + 1);
    if (!parts)
        return NULL;
    char *text = (char *)(parts + n + 1);
    memcpy(text, list.data ? list.data : "", list.len + 1);
    size_t used = 0;
    int depth = 0;
    if (list.len > 0)
        parts[used++] = text;
    for (char *p = text; *p; p++) {
        depth += (*p == '[') - (*p == ']');
        if (*p == ',' && depth == 0) {
            *p = '\0';
            parts[used++] = p + 1;
        }
    }
    *part_count = used;
    return parts;
}
