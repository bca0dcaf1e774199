/*
 * fuzz_keyfile: a file that is named as a key, of any format or none, and of any age.
 *
 * What is held: no crash, of libssh's neither; a key that is ready has both of its halves; and one
 * that is not says why, in printable text.
 */
#include "fuzz.h"
#include "transport/keyfile.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc __attribute__((unused)), char ***argv __attribute__((unused))) {
    return ssh_init();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cleanup(fuzz_file_done) struct fuzz_file file = fuzz_file(data, size);
    struct key *key;
    require(keyfile_load(file.path, &key) == 0);
    require((key->state == KEY_READY) == (key->private != NULL));
    if (key->state == KEY_READY || key->state == KEY_PUBLIC)
        require(key->public);
    if (key->public)
        require(key->public->type && key->public->blob);
    if (key->state != KEY_READY)
        require(key->why[0]);
    require_printable(key->why, strlen(key->why));
    keyfile_free(key);
    return 0;
}
