/* inventoryform: see inventoryform.h. Lines are looked at where they stand. */
#include "input/inventoryform.h"

#include "input/ansiblerange.h"

#include <string.h>

#define BLANKS " \t"
#define ENDS "\r\n"

static const char *skip_blanks(const char *p) {
    return p + strspn(p, BLANKS);
}

static bool at_end(const char *p) {
    p = skip_blanks(p);
    return !*p || *p == '#' || strchr(ENDS, *p);
}

/* [web], [web:vars]; not [10-12], which is a pattern, and not [fe80::1]. */
static bool is_section(const char *line) {
    static const char *const kinds[] = {":children]", ":vars]", ":hosts]"};
    if (*line != '[')
        return false;
    size_t n = strcspn(line + 1, ":]" BLANKS ENDS);
    const char *p = line + 1 + n;
    if (n == 0)
        return false;
    if (*p == ']')
        return strspn(line + 1, "0123456789-,/") < n && at_end(p + 1);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strncmp(p, kinds[i], strlen(kinds[i])) == 0)
            return at_end(p + strlen(kinds[i]));
    return false;
}

static bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* `web1 ansible_host=10.0.0.1`, but not `web1 kind=gpu rack=12`. */
static bool has_variable(const char *word, size_t n) {
    static const char *const names[] = {"ansible_", "muster_"};
    for (const char *p = skip_blanks(word + n); !at_end(p); p = skip_blanks(p + n)) {
        n = strcspn(p, BLANKS ENDS);
        size_t len = 0;
        while (is_name_char(p[len]))
            len++;
        if (len == 0 || p[len] != '=')
            continue;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (strncmp(p, names[i], strlen(names[i])) == 0)
                return true;
    }
    return false;
}

static bool has_range(const char *word, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (word[i] == '[' && ansiblerange_at(word + i))
            return true;
    return false;
}

bool inventoryform_is_ini(const char *line) {
    line = skip_blanks(line);
    size_t n = strcspn(line, BLANKS ENDS);
    if (n == 0 || *line == '#')
        return false;
    return *line == ';' || is_section(line) || has_variable(line, n) || has_range(line, n);
}

/* `all:`; not 2001:db8::, which is an address. */
static bool is_key(const char *line, size_t n) {
    if (*line == '"' || *line == '\'') {
        const char *end = strchr(line + 1, *line);
        return end && end[1] == ':';
    }
    return n > 1 && line[n - 1] == ':' && memchr(line, ':', n) == line + n - 1;
}

static bool is_yaml(const char *line) {
    size_t n = strcspn(line, BLANKS ENDS);
    return (n == 3 && memcmp(line, "---", 3) == 0) || strncmp(line, "%YAML ", 6) == 0 ||
           is_key(line, n);
}

enum inventory_form inventoryform_of(const char *text, size_t n) {
    const char *line = text, *end = text + n;
    bool is_first = true;
    if (strncmp(line, "\xef\xbb\xbf", 3) == 0)
        line += 3;
    while (line < end) {
        const char *p = skip_blanks(line);
        if (is_first && !at_end(p)) {
            is_first = false;
            if (*p == '{')
                return FORM_JSON;
            if (is_yaml(p))
                return FORM_YAML;
        }
        if (inventoryform_is_ini(p))
            return FORM_INI;
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        line = newline ? newline + 1 : end;
    }
    return FORM_LIST;
}

bool inventoryform_is_program(const char *text, size_t n) {
    return (n > 2 && memcmp(text, "#!", 2) == 0) || (n > 4 && memcmp(text,
                                                                     "\x7f"
                                                                     "ELF",
                                                                     4) == 0);
}
