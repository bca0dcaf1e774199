/* What the agent's sha256 promises: the same as OpenSSL's, at every length around its blocks. */
#include "../../agent/sha256.h"
#include "test.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static void agrees_with_openssl(UNUSED void **state) {
    static unsigned char data[9000];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)((x = x * 1664525 + 1013904223) >> 24);
    for (size_t n = 0; n < sizeof(data); n += n == 300 ? 3700 : n == 4300 ? 3800 : 1) {
        unsigned char hash[32];
        char expected[65], got[65];
        assert_int_equal(EVP_Digest(data, n, hash, NULL, EVP_sha256(), NULL), 1);
        for (int i = 0; i < 32; i++)
            snprintf(expected + 2 * i, 3, "%02x", hash[i]);
        int fd = memfd_create("data", MFD_CLOEXEC);
        assert_int_equal(write(fd, data, n), n);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(sha256_fd(fd, got), 0);
        close(fd);
        assert_string_equal(got, expected);
    }
}

static void fails_where_nothing_can_be_read(UNUSED void **state) {
    char out[65];
    assert_int_equal(sha256_fd(-1, out), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_openssl),
        cmocka_unit_test(fails_where_nothing_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
