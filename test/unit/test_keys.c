/* What transport/keyfile and transport/keys make of key files, as ssh-keygen and openssl write
 * them.
 */
#include "test.h"

#include "transport/keys.h"

#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PASSPHRASE "correct horse"

static char folder[128];

static void shell(const char *format, ...) printf_like(1, 2);
static void shell(const char *format, ...) {
    char command[1024];
    int n = snprintf(command, sizeof(command), "cd %s && { ", folder);
    va_list args;
    va_start(args, format);
    n += vsnprintf(command + n, sizeof(command) - (size_t)n, format, args);
    va_end(args);
    snprintf(command + n, sizeof(command) - (size_t)n, "; } >shell.log 2>&1");
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

static const char *in_folder(const char *name) {
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static struct key *load(const char *name) {
    struct key *key;
    assert_int_equal(keyfile_load(in_folder(name), &key), 0);
    return key;
}

/* The public half must be the one that ssh-keygen finds in the file. */
static void is_ready(const struct key *key, const char *what) {
    if (key->state != KEY_READY || !key->private || !key->public)
        fail_msg("%s: %s", what, key->why);
    char line[4096] = "";
    shell("ssh-keygen -y -P '%s' -f '%s' >public", PASSPHRASE, key->path);
    FILE *f = fopen(in_folder("public"), "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof(line), f));
    fclose(f);
    char *blob = strchr(line, ' ');
    assert_non_null(blob);
    blob[1 + strcspn(blob + 1, " \n")] = '\0';
    assert_string_equal(key->public->blob, blob + 1);
    assert_non_null(key->public->key);
}

static const char *const TYPES[] = {"ed25519",      "rsa -b 2048",  "rsa -b 1024",
                                    "ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521"};
static const char *const FORMATS[] = {"RFC4716", "PEM", "PKCS8"};

static void reads_every_format(UNUSED void **state) {
    for (size_t t = 0; t < ARRAY_LEN(TYPES); t++)
        for (size_t f = 0; f < ARRAY_LEN(FORMATS); f++) {
            shell("rm -f k k.pub; ssh-keygen -q -t %s -m %s -N '' -f k; rm k.pub", TYPES[t],
                  FORMATS[f]);
            struct key *key = load("k");
            is_ready(key, TYPES[t]);
            /* OpenSSH's own format has the public half in clear */
            bool own = f == 0 || strcmp(TYPES[t], "ed25519") == 0;
            assert_int_equal(key->derived, !own);
            assert_int_equal(key->public->rsa_bits,
                             strncmp(TYPES[t], "rsa", 3) == 0 ? atoi(TYPES[t] + 7) : 0);
            keyfile_free(key);
        }
}

static void opens_every_format(UNUSED void **state) {
    for (size_t t = 0; t < ARRAY_LEN(TYPES); t += 3)
        for (size_t f = 0; f < ARRAY_LEN(FORMATS); f++) {
            shell("rm -f k k.pub; ssh-keygen -q -t %s -m %s -a 1 -N '%s' -f k; rm k.pub", TYPES[t],
                  FORMATS[f], PASSPHRASE);
            struct key *key = load("k");
            assert_int_equal(key->state, KEY_ENCRYPTED);
            assert_null(key->private);
            assert_non_null(strstr(key->why, "is encrypted"));
            assert_false(keyfile_unlock(key, "wrong"));
            assert_false(keyfile_unlock(key, ""));
            assert_int_equal(key->state, KEY_ENCRYPTED);
            assert_true(keyfile_unlock(key, PASSPHRASE));
            is_ready(key, TYPES[t]);
            keyfile_free(key);
        }
}

/* As openssl writes them, which ssh-keygen does not, but reads. */
static void opens_what_openssl_writes(UNUSED void **state) {
    static const char *const ways[] = {
        "openssl genrsa -traditional -des3 -passout pass:'%s' -out k 2048",
        "openssl genrsa -traditional -aes128 -passout pass:'%s' -out k 2048",
        "openssl genpkey -algorithm RSA -aes256 -pass pass:'%s' -out k",
        "openssl ecparam -name secp384r1 -genkey -noout | openssl ec -aes256 -passout pass:'%s' "
        "-out k",
        "openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -v2 aes-128-cbc "
        "-passout pass:'%s' -out k",
        "openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES "
        "-passout pass:'%s' -out k"};
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        shell("rm -f k");
        shell(ways[i], PASSPHRASE);
        shell("chmod 600 k");
        struct key *key = load("k");
        assert_int_equal(key->state, KEY_ENCRYPTED);
        assert_false(keyfile_unlock(key, "wrong"));
        assert_true(keyfile_unlock(key, PASSPHRASE));
        is_ready(key, ways[i]);
        keyfile_free(key);
    }
}

/* Every cipher that ssh-keygen knows: libssh crashes on those that authenticate. */
static void opens_or_names_every_cipher(UNUSED void **state) {
    shell("ssh -Q cipher >ciphers");
    char path[256], cipher[64];
    snprintf(path, sizeof(path), "%s", in_folder("ciphers"));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    int opened = 0, named = 0;
    while (fscanf(f, "%63s", cipher) == 1) {
        shell("rm -f k k.pub; ssh-keygen -q -t ed25519 -Z %s -a 1 -N '%s' -f k; rm k.pub", cipher,
              PASSPHRASE);
        struct key *key = load("k");
        assert_non_null(key->public);
        if (key->state == KEY_ENCRYPTED) {
            opened++;
            assert_false(keyfile_unlock(key, "wrong"));
            assert_true(keyfile_unlock(key, PASSPHRASE));
            is_ready(key, cipher);
        } else {
            named++;
            assert_int_equal(key->state, KEY_UNUSABLE);
            assert_non_null(strstr(key->why, cipher));
            assert_non_null(strstr(key->why, "ssh-add it"));
            assert_false(keyfile_unlock(key, PASSPHRASE));
        }
        keyfile_free(key);
    }
    fclose(f);
    assert_true(opened >= 7);
    assert_int_equal(named, 3);
}

static void is_unusable(const char *name, const char *why) {
    struct key *key = load(name);
    if (key->state != KEY_UNUSABLE || !strstr(key->why, why))
        fail_msg("%s: state %d, %s", name, key->state, key->why);
    assert_false(keyfile_unlock(key, PASSPHRASE));
    keyfile_free(key);
}

static void says_what_is_wrong(UNUSED void **state) {
    shell("rm -f k k.pub; ssh-keygen -q -t ed25519 -N '' -f k; ssh-keygen -q -t rsa -b 2048 -m PEM "
          "-N '' "
          "-f p; "
          "head -c 200 k >short; head -c 300 p >pem; : >empty; mkdir -p dir; "
          "{ head -1 k; echo b3BlbnNzaC1rZXktdjEA/////w==; tail -1 k; } >lie; "
          "head -c 3000 /dev/urandom >noise; head -c 2000000 /dev/zero | tr '\\0' a >huge; "
          "sed 's/./A/20' p >wrong; cp k open; echo none >text; "
          "chmod 600 short pem lie noise huge wrong text; chmod 644 open");
    is_unusable("short", "damaged");
    is_unusable("lie", "damaged");
    is_unusable("pem", "cannot be read as a private key");
    is_unusable("noise", "");
    is_unusable("huge", "cannot be read");
    is_unusable("empty", "");
    is_unusable("dir", "cannot be read");
    is_unusable("text", "is no key");
    is_unusable("open", "may be read by others");
    struct key *key = load("nothing");
    assert_int_equal(key->state, KEY_MISSING);
    keyfile_free(key);
    key = load("k.pub");
    assert_int_equal(key->state, KEY_PUBLIC);
    assert_non_null(key->public);
    keyfile_free(key);
    shell("cp k.pub lone.pub");
    key = load("lone");
    assert_int_equal(key->state, KEY_PUBLIC);
    keyfile_free(key);
}

/* libssh loses the comment of some damaged keys. There under the leak sanitizer only. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

/* Every length of a file, encrypted or not, and a flipped byte at many places. */
static void does_not_crash_on_damage(UNUSED void **state) {
    if (__lsan_disable)
        __lsan_disable();
    static const char *const ways[] = {"ed25519 -N ''", "ecdsa -N ''",
                                       "ed25519 -N '" PASSPHRASE "'",
                                       "ecdsa -m PEM -N '" PASSPHRASE "'"};
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        shell("rm -f k k.pub cut; ssh-keygen -q -t %s -a 1 -f k; rm k.pub; : >cut; chmod 600 cut",
              ways[i]);
        char text[4096];
        FILE *f = fopen(in_folder("k"), "r");
        size_t n = fread(text, 1, sizeof(text), f);
        fclose(f);
        for (size_t at = 0; at < 2 * n; at += 7) {
            f = fopen(in_folder("cut"), "w");
            char was = text[at % n];
            if (at >= n)
                text[at - n] = was == 'B' ? 'C' : 'B';
            assert_int_equal(fwrite(text, 1, at < n ? at : n, f), at < n ? at : n);
            fclose(f);
            text[at % n] = was;
            struct key *key = load("cut");
            /* before it stands how often to hash, which damage can make last for minutes */
            if (key->state == KEY_ENCRYPTED && at > n + n / 2 && at % 21 == 0)
                keyfile_unlock(key, PASSPHRASE);
            keyfile_free(key);
        }
    }
    if (__lsan_enable)
        __lsan_enable();
}

static void knows_what_a_certificate_is_for(UNUSED void **state) {
    shell("rm -f ca ca.pub; ssh-keygen -q -t ed25519 -N '' -f ca");
    for (size_t t = 0; t < ARRAY_LEN(TYPES); t++) {
        shell("rm -f k k.pub k-cert.pub host*; ssh-keygen -q -t %s -N '' -f k; "
              "ssh-keygen -q -s ca -I me -n me k.pub; cp k.pub host.pub; "
              "ssh-keygen -q -h -s ca -I it -n it host.pub",
              TYPES[t]);
        struct keys *keys;
        struct error err;
        const struct key *key, *certificate, *host;
        ssh_key both, again;
        assert_int_equal(keys_new(&keys, &err), 0);
        assert_int_equal(keys_get(keys, in_folder("k"), &key, &err), 0);
        assert_int_equal(keys_get(keys, in_folder("k-cert"), &certificate, &err), 0);
        assert_int_equal(keys_get(keys, in_folder("host-cert.pub"), &host, &err), 0);
        assert_non_null(certificate->public);
        assert_string_equal(certificate->public->certifies, key->public->blob);
        assert_int_equal(certificate->public->rsa_bits, key->public->rsa_bits);
        assert_null(key->public->certifies);
        assert_null(host->public); /* it is no user's */
        assert_int_equal(keys_certified(keys, key, certificate->public, &both, &err), 0);
        assert_int_equal(keys_certified(keys, key, certificate->public, &again, &err), 0);
        assert_non_null(both);
        assert_ptr_equal(both, again);
        keys_free(keys);
    }
}

static void knows_which_algorithms_a_key_has(UNUSED void **state) {
    static const struct {
        const char *type, *list;
        bool allowed;
    } cases[] = {{"ed25519", NULL, true},
                 {"ed25519", "ssh-ed25519", true},
                 {"ed25519", "ssh-rsa,ssh-ed25519", true},
                 {"ed25519", "ssh-ed25519-cert-v01@openssh.com", false},
                 {"ed25519", "ssh-ed255", false},
                 {"rsa", "rsa-sha2-256", true},
                 {"rsa", "ssh-ed25519,rsa-sha2-512", true},
                 {"rsa", "rsa-sha2-512-cert-v01@openssh.com", false},
                 {"rsa", "ssh-rsa", true},
                 {"rsa", "", false}};
    shell("rm -f ed25519* rsa*; for t in ed25519 rsa; do ssh-keygen -q -t $t -b 2048 -N '' -f $t; "
          "done");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct key *key = load(cases[i].type);
        if (pubkey_allowed(key->public, cases[i].list) != cases[i].allowed)
            fail_msg("%s by %s", cases[i].type, cases[i].list);
        keyfile_free(key);
    }
}

static void leaves_a_security_key_to_the_agent(UNUSED void **state) {
    shell("echo sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIIoOBLeAnHXe"
          "Xv0DUzk66oGtk6cEh9rYQI+uXi7YQ9FmAAAABHNzaDo= me >sk.pub");
    struct key *key = load("sk");
    assert_int_equal(key->state, KEY_PUBLIC);
    assert_true(key->public->security_key);
    assert_non_null(key->public->key);
    keyfile_free(key);
}

static struct keys *shared;

static void *get_all(void *arg) {
    struct error err;
    const struct key **got = arg;
    for (int i = 0; i < 20; i++) {
        char name[160];
        snprintf(name, sizeof(name), "%s/n%d", folder, i);
        if (keys_get(shared, name, &got[i], &err) != 0)
            return arg;
    }
    return NULL;
}

static void gives_all_threads_the_same_key(UNUSED void **state) {
    struct error err;
    const struct key *got[8][20];
    pthread_t threads[8];
    shell("rm -f k k.pub; ssh-keygen -q -t ed25519 -N '' -f k; for i in 0 1 2 3 4; do cp k n$i; "
          "done");
    assert_int_equal(keys_new(&shared, &err), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_all, got[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
        assert_memory_equal(got[i], got[0], sizeof(got[0]));
    }
    assert_int_equal(got[0][0]->state, KEY_READY);
    assert_int_equal(got[0][19]->state, KEY_MISSING);
    keys_free(shared);
}

static int make_folder(UNUSED void **state) {
    return make_test_folder(folder) ? 0 : -1;
}

static int remove_folder(UNUSED void **state) {
    char command[256];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_format),
        cmocka_unit_test(opens_every_format),
        cmocka_unit_test(opens_what_openssl_writes),
        cmocka_unit_test(opens_or_names_every_cipher),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(does_not_crash_on_damage),
        cmocka_unit_test(knows_what_a_certificate_is_for),
        cmocka_unit_test(knows_which_algorithms_a_key_has),
        cmocka_unit_test(leaves_a_security_key_to_the_agent),
        cmocka_unit_test(gives_all_threads_the_same_key),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
