/* ansiblesource: see ansiblesource.h. */
#include "input/ansiblesource.h"

#include "base/fd.h"
#include "base/text.h"
#include "input/ansibleini.h"
#include "input/ansibleyaml.h"

#include <string.h>

#define SHOWN 20 /* mistakes of one file */

/* Hands the mistakes and the warnings of the file that was read over to *remarks. */
static int report(struct ansible *a, const char *name, struct str *remarks, struct error *err) {
    if (a->mistakes.failed || a->warnings.failed)
        return error_memory(err);
    mistakes_print(&a->warnings, name, SHOWN, remarks);
    size_t count = mistakes_print(&a->mistakes, name, SHOWN, remarks);
    mistakes_done(&a->warnings);
    mistakes_done(&a->mistakes);
    if (remarks->failed)
        return error_memory(err);
    if (count == 0)
        return 0;
    cleanup(str_done) struct str shown = {0};
    text_add_printable(&shown, name, strlen(name), 200);
    return error_set(err, ERROR_USAGE, "%zu mistake%s in the inventory %s", count,
                     count > 1 ? "s" : "", shown.data ? shown.data : "");
}

/* A NUL would hide what follows it from readers of text. */
static void check_nul(struct ansible *a, const struct str *text) {
    int line = 1;
    const char *nul = text->len ? memchr(text->data, '\0', text->len) : NULL;
    for (const char *p = text->data; nul && p < nul; p++)
        line += *p == '\n';
    if (nul)
        mistakes_add(&a->mistakes, line, 1, "a NUL byte; a text file was expected");
}

int ansiblesource_text(struct ansible *a, const char *name, enum inventory_form form,
                       struct str *text, struct str *remarks, struct error *err) {
    size_t file = ansible_file(a, name);
    int rc = file == NAMES_NONE ? -1 : 0;
    str_add(text, "");
    if (text->failed || rc < 0)
        return error_memory(err);
    check_nul(a, text);
    if (a->mistakes.count == 0 && form == FORM_INI)
        rc = ansibleini_read(a, file, text->data, text->len);
    else if (a->mistakes.count == 0)
        rc = ansibleyaml_read(a, file, text->data, text->len);
    return rc < 0 ? error_memory(err) : report(a, name, remarks, err);
}
