/* What bench/image promises: the embedded bytes are agents, whole, and hash to what is said. */
#include "bench/image.h"
#include "test.h"

#include <elf.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static void is_whole(UNUSED void **state) {
    size_t count;
    const struct agent_image *images = agent_images(&count);
    assert_in_range(count, 1, 10);
    for (size_t i = 0; i < count; i++) {
        unsigned char hash[32];
        char hex[65];
        assert_int_equal(EVP_Digest(images[i].data, images[i].size, hash, NULL, EVP_sha256(), NULL),
                         1);
        for (int j = 0; j < 32; j++)
            snprintf(hex + 2 * j, 3, "%02x", hash[j]);
        assert_string_equal(images[i].hash, hex);
        assert_true(images[i].size < 400 * 1024);
        assert_ptr_equal(agent_image_find(images[i].arch), &images[i]);
    }
}

static void is_for_its_architecture(UNUSED void **state) {
    static const struct {
        const char *arch;
        int machine;
    } machines[] = {{"x86_64", EM_X86_64}, {"aarch64", EM_AARCH64}};
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        const struct agent_image *image = agent_image_find(machines[i].arch);
        if (!image)
            continue;
        Elf64_Ehdr header;
        memcpy(&header, image->data, sizeof(header));
        assert_memory_equal(header.e_ident, ELFMAG, SELFMAG);
        assert_int_equal(header.e_machine, machines[i].machine);
        for (int j = 0; j < header.e_phnum; j++) { /* static: no interpreter */
            Elf64_Phdr segment;
            memcpy(&segment, image->data + header.e_phoff + (size_t)j * sizeof(segment),
                   sizeof(segment));
            assert_int_not_equal(segment.p_type, PT_INTERP);
        }
    }
}

static void there_is_one_for_this_machine(UNUSED void **state) {
    struct utsname uts;
    assert_int_equal(uname(&uts), 0);
    assert_non_null(agent_image_find(uts.machine));
    assert_null(agent_image_find("z80"));
    assert_null(agent_image_find(""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_whole),
        cmocka_unit_test(is_for_its_architecture),
        cmocka_unit_test(there_is_one_for_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
