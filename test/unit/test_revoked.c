/* What input/revoked promises of the file that RevokedHostKeys names. */
#include "base/fd.h"
#include "input/revoked.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ED1 "AAAAC3NzaC1lZDI1NTE5AAAAIFSjhSEpfo1pozWnI6ouUM3kNarP/e9ovVILd28xwDFK"
#define ED2 "AAAAC3NzaC1lZDI1NTE5AAAAIDh5/gJj/dG8pvEd+E2xSuyx4ls4TtHQzo13eLb3zJm5"
#define ED "ssh-ed25519 "

static char folder[64];

static struct revoked *load(const char *text, size_t n) {
    char path[128];
    struct error err;
    struct revoked *r;
    snprintf(path, sizeof(path), "%s/revoked", folder);
    cleanup(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(fd_write_all(fd, text, n), 0);
    assert_int_equal(revoked_load(path, &r, &err), 0);
    assert_null(revoked_unreadable(r));
    return r;
}

static void finds_keys(UNUSED void **state) {
    static const struct {
        const char *text;
        int line; /* of ED1 */
    } cases[] = {
        {"", 0},
        {ED ED1 "\n", 1},
        {ED ED1, 1},
        {"# a comment\n\n \t" ED "\t" ED1 " a comment\n", 3},
        {ED ED1 "\r\n", 1},
        {ED ED2 "\n" ED ED1 "\n" ED ED1 "\n", 2},
        {ED ED2 "\n#" ED ED1 "\n", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct revoked *r = load(cases[i].text, strlen(cases[i].text));
        assert_null(revoked_needs_program(r));
        if (revoked_line(r, ED1) != cases[i].line)
            fail_msg("%zu: line %d, not %d", i, revoked_line(r, ED1), cases[i].line);
        revoked_free(r);
    }
}

static void leaves_the_rest_to_ssh(UNUSED void **state) {
    static const struct {
        const char *text;
        size_t n;
    } cases[] = {
        {"SSHKRL\n\0\0\0\0\1", 12},
        {ED ED1 "\0\n", sizeof(ED ED1 "\0\n") - 1},
        {"ssh-ed25519\n", 12},
        {"rubbish\n", 8},
        {"\r\n", 2},
        {"ssh-ed25519 AAAA\n", 17},
        {"ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAA\n",
         87},
        {"* " ED ED1 "\n", sizeof("* " ED ED1 "\n") - 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct revoked *r = load(cases[i].text, cases[i].n);
        if (!revoked_needs_program(r))
            fail_msg("%zu is judged here", i);
        revoked_free(r);
    }
}

static void says_that_a_file_cannot_be_read(UNUSED void **state) {
    struct revoked *r;
    struct error err;
    char path[128];
    snprintf(path, sizeof(path), "%s/none", folder);
    const char *files[] = {path, folder};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        assert_int_equal(revoked_load(files[i], &r, &err), 0);
        assert_non_null(strstr(revoked_unreadable(r), files[i]));
        revoked_free(r);
    }
}

static int make_folder(UNUSED void **state) {
    return make_test_folder(folder) ? 0 : -1;
}

static int remove_folder(UNUSED void **state) {
    char command[80];
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_keys),
        cmocka_unit_test(leaves_the_rest_to_ssh),
        cmocka_unit_test(says_that_a_file_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
