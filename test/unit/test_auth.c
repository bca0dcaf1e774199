/* Who is let in by muster serve. */
#include "test.h"

#include "serve/auth.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN "0123456789abcdef0123456789abcdef"
#define NOW 1800000000

static char folder[128], path[160];

static int set_up(UNUSED void **state) {
    if (!make_test_folder(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/token", folder);
    return 0;
}

static int tear_down(UNUSED void **state) {
    unlink(path);
    return rmdir(folder);
}

static int load(const char *text, mode_t mode, struct auth **ret, struct error *err) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return auth_load(path, ret, err);
}

static struct auth *loaded(const char *text) {
    struct auth *a = NULL;
    struct error err;
    if (load(text, 0600, &a, &err) < 0)
        fail_msg("%s", err.text);
    return a;
}

static void a_token_is_one_line_that_nobody_else_can_read(UNUSED void **state) {
    const struct {
        const char *text;
        mode_t mode;
    } wrong[] = {
        {TOKEN "\n", 0604},   {TOKEN "\n", 0640},
        {TOKEN "\n", 0602},   {"", 0600},
        {"\n", 0600},         {"fifteen-letters\n", 0600},
        {"two " TOKEN, 0600}, {TOKEN "\n" TOKEN, 0600},
        {TOKEN "\x01", 0600}, {TOKEN "\xc3\xa9", 0600},
    };
    struct auth *a = NULL;
    struct error err;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(load(wrong[i].text, wrong[i].mode, &a, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_non_null(strstr(err.text, path));
    }
    char long_one[AUTH_TOKEN_MAX + 2];
    memset(long_one, 'a', sizeof(long_one) - 1);
    long_one[sizeof(long_one) - 1] = '\0';
    assert_int_equal(load(long_one, 0600, &a, &err), -1);
    auth_free(loaded(long_one + 1));
    auth_free(loaded("sixteen-letters!"));
    auth_free(loaded(TOKEN " \r\n\n"));
    assert_int_equal(auth_load("/nowhere/token", &a, &err), -1);
}

static void the_token_is_let_in_and_nothing_near_it(UNUSED void **state) {
    struct auth *a = loaded(TOKEN "\n");
    assert_true(auth_is_bearer(a, "Bearer " TOKEN));
    assert_true(auth_is_bearer(a, "bEARER   " TOKEN));
    const char *wrong[] = {NULL,
                           "",
                           "Bearer",
                           "Bearer ",
                           TOKEN,
                           "Basic " TOKEN,
                           "Bearer " TOKEN "0",
                           "Bearer " TOKEN " ",
                           "Bearer 0123456789abcdef0123456789abcde",
                           "Bearer 0123456789ABCDEF0123456789abcdef"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(auth_is_bearer(a, wrong[i]));
    assert_true(auth_is_token(a, TOKEN, strlen(TOKEN)));
    assert_false(auth_is_token(a, TOKEN, strlen(TOKEN) - 1));
    assert_false(auth_is_token(a, "", 0));
    auth_free(a);
}

static void a_cookie_is_good_for_its_time_and_its_token(UNUSED void **state) {
    struct auth *a = loaded(TOKEN), *other = loaded("another-token-that-is-long-enough");
    char cookie[AUTH_COOKIE_SIZE], forged[AUTH_COOKIE_SIZE];
    auth_make_cookie(a, NOW, cookie);
    assert_null(strstr(cookie, TOKEN));
    assert_true(auth_is_cookie(a, NOW, cookie));
    assert_true(auth_is_cookie(a, NOW + AUTH_SECONDS - 1, cookie));
    assert_false(auth_is_cookie(a, NOW + AUTH_SECONDS, cookie));
    assert_false(auth_is_cookie(a, NOW - 1, cookie)); /* longer than any that was given out */
    assert_false(auth_is_cookie(other, NOW, cookie));
    for (size_t i = 0; i < strlen(cookie); i++) {
        memcpy(forged, cookie, sizeof(cookie));
        forged[i] = forged[i] == '1' ? '2' : '1';
        assert_false(auth_is_cookie(a, NOW, forged));
        memcpy(forged, cookie, i);
        forged[i] = '\0';
        assert_false(auth_is_cookie(a, NOW, forged));
    }
    const char *wrong[] = {NULL, "", ".", "x", "-1.", "99999999999999999999.", " ", "1800000001"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(auth_is_cookie(a, NOW, wrong[i]));
    auth_free(a);
    auth_free(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_is_one_line_that_nobody_else_can_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_token_is_let_in_and_nothing_near_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cookie_is_good_for_its_time_and_its_token, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
