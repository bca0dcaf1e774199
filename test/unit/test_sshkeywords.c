/* The table of keywords: in order, complete, and the same in the documentation. */
#include "base/fd.h"
#include "base/str.h"
#include "input/sshkeywords.h"
#include "test.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The rows that docs/SSH.md must have, without what stands around them. */
static void write_table(struct str *out) {
    for (int k = 0; k < SSH_KEYWORDS; k++) {
        const struct ssh_keyword_row *row = ssh_keyword_row((enum ssh_keyword)k);
        str_addf(out, "| %s", row->name);
        enum ssh_keyword of;
        const char *alias;
        for (size_t i = 0; (alias = ssh_keyword_alias(i, &of)); i++)
            if (of == (enum ssh_keyword)k)
                str_addf(out, ", %s", alias);
        str_addf(out, " | %s | %s |\n", ssh_support_name(row->support), row->note ? row->note : "");
    }
}

static void is_in_the_documentation(UNUSED void **state) {
    cleanup(str_done) struct str expected = {0}, text = {0};
    struct error err;
    const char *path = getenv("MUSTER_SSH_DOC");
    assert_non_null(path);
    if (fd_read_file(path, 1 << 20, &text, &err) < 0)
        fail_msg("%s", err.text);
    write_table(&expected);
    if (strstr(text.data, expected.data))
        return;
    printf("%s", expected.data);
    fail_msg("%s lacks the table above", path);
}

static void finds_every_keyword(UNUSED void **state) {
    char name[64];
    for (int k = 0; k < SSH_KEYWORDS; k++) {
        const struct ssh_keyword_row *row = ssh_keyword_row((enum ssh_keyword)k);
        assert_true(k == 0 ||
                    strcasecmp(ssh_keyword_row((enum ssh_keyword)(k - 1))->name, row->name) < 0);
        assert_true((row->syntax == SSH_SYNTAX_WORDS) == (row->words != NULL));
        size_t n = 0;
        for (; row->name[n]; n++)
            name[n] = (char)tolower((unsigned char)row->name[n]);
        name[n] = '\0';
        assert_int_equal(ssh_keyword_find(name), k);
    }
    enum ssh_keyword of;
    const char *alias, *before = "";
    for (size_t i = 0; (alias = ssh_keyword_alias(i, &of)); i++) {
        assert_true(strcasecmp(before, alias) < 0);
        assert_int_equal(ssh_keyword_find(alias), of);
        before = alias;
    }
    assert_int_equal(ssh_keyword_find("foo"), SSH_UNKNOWN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_keyword),
        cmocka_unit_test(is_in_the_documentation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
