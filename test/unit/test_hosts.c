/* test_hosts: what is found in a file like /etc/hosts, and that getaddrinfo() would say the same.
 */
#include "transport/hosts.h"

#include "base/hash.h"
#include "test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    char folder[64];
    char hosts[96];
    char nsswitch[96];
} f;

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state UNUSED) {
    if (!make_test_folder(f.folder))
        return -1;
    snprintf(f.hosts, sizeof(f.hosts), "%s/hosts", f.folder);
    snprintf(f.nsswitch, sizeof(f.nsswitch), "%s/nsswitch.conf", f.folder);
    write_file(f.nsswitch, "passwd: files\nhosts: files dns # as usual\n");
    return 0;
}

static int tear_down(void **state UNUSED) {
    unlink(f.hosts);
    unlink(f.nsswitch);
    return rmdir(f.folder);
}

/* What the file has for a name: "CANONICAL ADDRESS", or "-". */
static void says(const char *name, int family, const char *expected) {
    struct hosts *h = hosts_read(f.hosts, f.nsswitch);
    assert_non_null(h);
    const struct host *found = hosts_find(h, name, family);
    char got[400] = "-", address[64];
    if (found) {
        assert_int_equal(getnameinfo(&found->at.any, found->len, address, sizeof(address), NULL, 0,
                                     NI_NUMERICHOST),
                         0);
        snprintf(got, sizeof(got), "%.300s %s", found->canonical, address);
    }
    assert_string_equal(got, expected);
    hosts_free(h);
}

static void finds_names_and_aliases(void **state UNUSED) {
    write_file(f.hosts, "# all of them\n"
                        "10.0.0.1 web1.example.org web1 WEB-ONE\n"
                        "\t10.0.0.2\tweb2 web2 # web3\n"
                        "\n"
                        "fd00::7 six\n"
                        "10.0.0.4 last");
    says("web1", AF_UNSPEC, "web1.example.org 10.0.0.1");
    says("web1.example.org", AF_INET, "web1.example.org 10.0.0.1");
    says("web-one", AF_UNSPEC, "web1.example.org 10.0.0.1");
    says("WEB1", AF_UNSPEC, "web1.example.org 10.0.0.1");
    says("web2", AF_UNSPEC, "web2 10.0.0.2");
    says("six", AF_UNSPEC, "six fd00::7");
    says("six", AF_INET6, "six fd00::7");
    says("last", AF_UNSPEC, "last 10.0.0.4");
}

static void leaves_to_the_system_what_is_not_sure(void **state UNUSED) {
    write_file(f.hosts, "10.0.0.1 one two\n"
                        "fd00::1 one\n"
                        "10.0.0.1 again\n"
                        "10.0.0.1 again\n"
                        "::1 localhost\n"
                        "::ffff:10.0.0.3 mapped\n"
                        "10.0.0.256 wrong\n"
                        "fe80::1%lo link\n"
                        "10.0.0.9\n"
                        "10.0.0.8 #comment\n"
                        "10.0.0.7 seven#comment\n");
    static const char *const names[] = {"one",   "again", "localhost", "mapped",   "wrong", "link",
                                        "three", "two.",  "comment",   "#comment", ""};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        says(names[i], AF_UNSPEC, "-");
    says("two", AF_UNSPEC, "one 10.0.0.1");
    says("two", AF_INET6, "-"); /* other services may know one */
    says("seven", AF_UNSPEC, "seven 10.0.0.7");
}

static void names_of_any_length(void **state UNUSED) {
    char name[300], text[400];
    memset(name, 'a', sizeof(name));
    name[255] = '\0';
    snprintf(text, sizeof(text), "10.0.0.1 %s\n", name);
    write_file(f.hosts, text);
    snprintf(text, sizeof(text), "%s 10.0.0.1", name);
    says(name, AF_UNSPEC, text);
    name[255] = 'a';
    name[256] = '\0';
    snprintf(text, sizeof(text), "10.0.0.1 %s\n", name);
    write_file(f.hosts, text);
    says(name, AF_UNSPEC, "-");
}

static void asks_the_file_only_where_the_system_does_so_first(void **state UNUSED) {
    static const struct {
        const char *text;
        bool first;
    } cases[] = {
        {"hosts: files dns\n", true},
        {"  hosts:files\n", true},
        {"hosts:\tfiles mdns4_minimal [NOTFOUND=return] dns\n", true},
        {"hosts: dns files\n", false},
        {"hosts: files [SUCCESS=merge] dns\n", false},
        {"hosts: files\nhosts: dns\n", false},
        {"# hosts: files\n", false},
        {"hosts:\n", false},
        {"", false},
    };
    write_file(f.hosts, "10.0.0.1 one\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        write_file(f.nsswitch, cases[i].text);
        struct hosts *h = hosts_read(f.hosts, f.nsswitch);
        if ((h != NULL) != cases[i].first)
            fail_msg("%s", cases[i].text);
        hosts_free(h);
    }
    write_file(f.nsswitch, "hosts: files\n");
    unlink(f.hosts);
    assert_null(hosts_read(f.hosts, f.nsswitch));
    unlink(f.nsswitch);
    assert_null(hosts_read(f.hosts, f.nsswitch));
    assert_null(hosts_find(NULL, "one", AF_UNSPEC));
}

/* ---- as getaddrinfo() ----------------------------------------------------------------------- */

#define NAMES 40
#define LINES 60

/* A file in which some names are on one line, some on several, in every kind of line. */
static void write_random(uint64_t seed) {
    static const char *const addresses[] = {"10.0.%u.%u", "fd00::%x:%x", "::ffff:10.0.%u.%u",
                                            "10.%u.%u",   "127.0.%u.%u", "::%x:%x"};
    FILE *file = fopen(f.hosts, "we");
    assert_non_null(file);
    for (unsigned line = 0; line < LINES; line++) {
        uint64_t h = hash_mix(seed * LINES + line);
        unsigned a = (unsigned)(h >> 8) & 255, b = (unsigned)(h >> 16) & 255;
        fprintf(file, addresses[h % 8 < 6 ? h % 8 : 0], a, b);
        for (unsigned n = 0; n < 1 + (h >> 24) % 3; n++)
            fprintf(file, "%s%s%u", n % 2 ? "\t" : " ", (h >> (30 + n)) % 2 ? "n" : "N",
                    (unsigned)(h >> (32 + 8 * n)) % NAMES);
        fputs((h >> 60) % 4 ? "\n" : " # n1\n", file);
    }
    assert_int_equal(fclose(file), 0);
}

/* Whether there was something to compare. */
static bool compare(const struct hosts *h, const char *name, int family) {
    const struct host *found = hosts_find(h, name, family);
    if (!found)
        return false;
    struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
    struct addrinfo *list;
    int rc = getaddrinfo(name, NULL, &hints, &list);
    if (rc != 0)
        fail_msg("%s: %s", name, gai_strerror(rc));
    assert_null(list->ai_next);
    assert_int_equal(list->ai_addrlen, found->len);
    assert_memory_equal(list->ai_addr, &found->at, found->len);
    assert_string_equal(list->ai_canonname, found->canonical);
    freeaddrinfo(list);
    return true;
}

static bool take_the_place_of_the_systems(void) {
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount(f.hosts, "/etc/hosts", NULL, MS_BIND, NULL) == 0 &&
           mount(f.nsswitch, "/etc/nsswitch.conf", NULL, MS_BIND, NULL) == 0;
}

static void says_what_getaddrinfo_says(void **state UNUSED) {
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
    write_file(f.hosts, "");
    write_file(f.nsswitch, "hosts: files\n");
    if (!take_the_place_of_the_systems())
        skip_because("nothing can be mounted here");
    int compared = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        write_random(seed);
        struct hosts *h = hosts_read(f.hosts, f.nsswitch);
        assert_non_null(h);
        for (int name = 0; name < NAMES; name++)
            for (size_t k = 0; k < 3; k++) {
                char text[16];
                snprintf(text, sizeof(text), "n%d", name);
                compared += compare(h, text, families[k]);
            }
        hosts_free(h);
    }
    umount("/etc/hosts");
    umount("/etc/nsswitch.conf");
    print_message("# %d answers of getaddrinfo() compared\n", compared);
    assert_true(compared > 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(finds_names_and_aliases),    TEST(leaves_to_the_system_what_is_not_sure),
        TEST(names_of_any_length),        TEST(asks_the_file_only_where_the_system_does_so_first),
        TEST(says_what_getaddrinfo_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
