/* What input/inventory promises. */
#include "base/fd.h"
#include "base/str.h"
#include "input/inventory.h"
#include "input/inventoryreader.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A file in memory, with a path to open it by. */
struct file {
    int fd;
    char path[64];
};

static struct file make_file(const void *bytes, size_t n) {
    struct file f = {.fd = memfd_create("inventory", MFD_CLOEXEC)};
    assert_true(f.fd >= 0);
    assert_int_equal(fd_write_all(f.fd, bytes, n), 0);
    assert_int_equal(lseek(f.fd, 0, SEEK_SET), 0);
    snprintf(f.path, sizeof(f.path), "/proc/self/fd/%d", f.fd);
    return f;
}

/* The names of what was loaded, with blanks between, or the error's sentence. */
static void check(const struct inventory_source *source, const char *want) {
    cleanup(servers_done) struct servers list = {0};
    cleanup(str_done) struct str got = {0}, remarks = {0};
    struct error err = {0};
    if (inventory_load(source, &list, &remarks, &err) < 0) {
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_null(list.items);
        str_add(&got, err.text);
    }
    for (size_t i = 0; i < list.count; i++)
        str_addf(&got, "%s%s", i ? " " : "", list.items[i].name);
    assert_string_equal(got.data, want);
}

static void check_file(const void *bytes, size_t n, const char *want) {
    struct file f = make_file(bytes, n);
    const char *path = f.path;
    /* errors begin with the path, which %s in `want` stands for */
    char text[600];
    const char *mark = strstr(want, "%s");
    if (mark)
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(mark - want), want, path, mark + 2);
    check(&(struct inventory_source){.files = &path, .file_count = 1}, mark ? text : want);
    fd_close(&f.fd);
}

#define CHECK_FILE(text, want) check_file("" text, sizeof(text) - 1, want)

static void reads_one_server_or_pattern_a_line(UNUSED void **state) {
    CHECK_FILE("web1\nweb2\n", "web1 web2");
    CHECK_FILE("web1\nweb2", "web1 web2");
    CHECK_FILE("web[1-3]!web2\ndb1,db2\n", "web1 web3 db1 db2");
    CHECK_FILE("b\na\nb\n", "b a");
    CHECK_FILE("  web1\t\n\n \t\nweb2", "web1 web2");
    CHECK_FILE("me@web1:22\n[::1]:22\n::1\n", "me@web1:22 [::1]:22 ::1");
}

static void skips_comments(UNUSED void **state) {
    CHECK_FILE("# all\nweb1 # the first\n  # none\nweb2\t#x#y\n#", "web1 web2");
    CHECK_FILE("web1#2\n", "%s:1: 'web1#2', column 5: this character cannot be part of a name");
    CHECK_FILE("web1#2 # c\n", "%s:1: 'web1#2', column 5: this character cannot be part of a name");
}

static void accepts_what_other_systems_write(UNUSED void **state) {
    CHECK_FILE("web1\r\nweb2\r\n\r\n", "web1 web2");
    CHECK_FILE("\xef\xbb\xbfweb1\nweb2", "web1 web2");
    CHECK_FILE("\xef\xbb\xbf# c\r\nweb2 # c\r\n", "web2");
    CHECK_FILE("\xff\xfew\0e\0b\0\n\0", "%s:1: this is UTF-16; UTF-8 was expected");
    CHECK_FILE("a\rb\n", "%s:1: 'a\\rb', column 2: a control character cannot be part of a name");
}

static void names_the_line_of_a_mistake(UNUSED void **state) {
    CHECK_FILE("web1\n\n# c\nweb[9-1]\n",
               "%s:4: 'web[9-1]', column 5: the range runs backwards: write 1-9");
    CHECK_FILE("web1\nweb\0"
               "2\n",
               "%s:2: a NUL byte; a text file was expected");
    CHECK_FILE("\0", "%s:1: a NUL byte; a text file was expected");
    CHECK_FILE("web1 web2\n", "%s:1: 'web1 web2', column 5: a blank cannot be part of a name; join "
                              "several by commas");
    CHECK_FILE("web\x1b[2J\n", "%s:1: 'web\\x1b[2J', column 5: this '[' has no ']'");
}

/* Thousands of names may come before the first sign of another form; then it is asked for. */
static void a_late_sign_of_another_form_is_a_mistake(UNUSED void **state) {
    cleanup(str_done) struct str text = {0};
    for (int i = 0; text.len < 9 * INVENTORY_LINE; i++)
        str_addf(&text, "server-with-a-long-name-that-is-number-%08d\n", i);
    str_add(&text, "[web]\n");
    check_file(text.data, text.len,
               "%s:12289: this is of an INI file of Ansible's, and too far from the beginning for "
               "the file to be known as one: begin it with [ungrouped]");
}

static void bounds_a_line(UNUSED void **state) {
    cleanup(str_done) struct str text = {0};
    str_add(&text, "a\n# ");
    while (text.len < 2 + INVENTORY_LINE)
        str_add_char(&text, 'x');
    str_add(&text, "\nb\n");
    check_file(text.data, text.len, "a b");
    text.len -= 3;
    str_add(&text, "x\nb\n");
    check_file(text.data, text.len,
               "%s:2: the line is longer than 65536 bytes; one server or pattern a line was "
               "expected");
}

/* Most of the file is a hole; none of it may be read beyond the bound, let alone kept. */
static void a_line_of_a_gigabyte_fails_at_once(UNUSED void **state) {
    struct file f = make_file("web1\nx", 6);
    assert_int_equal(ftruncate(f.fd, INT64_C(1) << 30), 0);
    /* memfds and /proc share no offset between opens: this one is read as standard input */
    const char *path = "-";
    int saved = dup(STDIN_FILENO);
    assert_int_equal(dup2(f.fd, STDIN_FILENO), STDIN_FILENO);
    check(&(struct inventory_source){.files = &path, .file_count = 1},
          "standard input:2: the line is longer than 65536 bytes; one server or pattern a line was "
          "expected");
    assert_true(lseek(f.fd, 0, SEEK_CUR) < 1 << 20);
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    close(saved);
    fd_close(&f.fd);
}

static void reads_standard_input(UNUSED void **state) {
    int ends[2];
    const char *files[] = {"-"};
    const char *patterns[] = {"db[1-2]"};
    int saved = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fd_write_all(ends[1], "web1\nweb2", 9), 0);
    close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    check(
        &(struct inventory_source){
            .patterns = patterns, .pattern_count = 1, .files = files, .file_count = 1},
        "web1 web2 db1 db2");
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), 0);
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    close(saved);
}

static void says_what_cannot_be_read(UNUSED void **state) {
    const char *missing = "/nonexistent/fleet\x1b.txt";
    char folder[] = "/tmp/test_inventory.XXXXXX";
    const char *path = mkdtemp(folder);
    assert_non_null(path);
    check(&(struct inventory_source){.files = &missing, .file_count = 1},
          "cannot read the inventory /nonexistent/fleet\\x1b.txt: No such file or directory");
    char want[100];
    snprintf(want, sizeof(want), "the folder %s has no inventory with a server in it", folder);
    check(&(struct inventory_source){.files = &path, .file_count = 1}, want);
    rmdir(folder);
}

static void joins_sources_in_their_order(UNUSED void **state) {
    struct file one = make_file("b\na\n", 4), two = make_file("c\nb\n", 4);
    const char *files[] = {one.path, two.path};
    const char *patterns[] = {"a,z", "d"};
    check(
        &(struct inventory_source){
            .patterns = patterns, .pattern_count = 2, .files = files, .file_count = 2},
        "b a c z d");
    fd_close(&one.fd);
    fd_close(&two.fd);
}

static void excludes_by_name_and_by_host(UNUSED void **state) {
    const char *patterns[] = {"web[1-5],me@web6:2222,web7:22,web7:23"};
    const char *excludes[] = {"web[2-3],nothere", "web6,web7:23"};
    check(
        &(struct inventory_source){
            .patterns = patterns, .pattern_count = 1, .excludes = excludes, .exclude_count = 2},
        "web1 web4 web5 web7:22");
    excludes[0] = "web[9-1]";
    check(
        &(struct inventory_source){
            .patterns = patterns, .pattern_count = 1, .excludes = excludes, .exclude_count = 1},
        "--exclude: 'web[9-1]', column 5: the range runs backwards: write 1-9");
}

static void groups_choose_among_the_files(UNUSED void **state) {
    struct file f = make_file("web[1-3]\n[::1]:22\nweb10\n", 24);
    const char *files = f.path;
    const char *patterns[] = {"web2,extra"};
    static const struct {
        const char *group, *want;
    } cases[] = {
        {"web1", "web1 web2 extra"},
        {"web[1,3]", "web1 web2 web3 extra"},
        {"web?", "web1 web2 web3 extra"},
        {"*:!web*", "web2 [::1]:22 extra"},
        {"[::1]:22", "web2 [::1]:22 extra"},
        {"web1,web10", "web1 web2 web10 extra"},
        {"web*:&web1?", "web2 web10 extra"},
        {"!web1,!web3", "web2 [::1]:22 web10 extra"},
        {"ungrouped:!web*", "web2 [::1]:22 extra"},
        {"web4", "--group: the inventory has no group and no server 'web4'"},
        {"web[1-4]", "--group: the inventory has no group and no server 'web4'"},
        {"all:!", "--group: the name of a group or of a server was expected between ':' or ','"},
        {"db*", "--group: the inventory has no group and no server 'db*'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check(&(struct inventory_source){.patterns = patterns,
                                         .pattern_count = 1,
                                         .files = &files,
                                         .file_count = 1,
                                         .groups = &cases[i].group,
                                         .group_count = 1},
              cases[i].want);
    const char *two[] = {"web1", "web3:!web3", "web10"};
    check(
        &(struct inventory_source){
            .files = &files, .file_count = 1, .groups = two, .group_count = 3},
        "web1 web10");
    check(
        &(struct inventory_source){
            .patterns = patterns, .pattern_count = 1, .groups = two, .group_count = 1},
        "--group chooses among the servers of an inventory: give one with -i");
    fd_close(&f.fd);
}

static void refuses_an_empty_inventory(UNUSED void **state) {
    const char *pattern = "web[1-2]";
    const char *nothing = "a!a";
    check(&(struct inventory_source){0},
          "no servers were given: name them, or a file of them with -i FILE");
    CHECK_FILE("", "the inventory is empty: at least one server was expected");
    CHECK_FILE("# web1\n\n", "the inventory is empty: at least one server was expected");
    check(&(struct inventory_source){.patterns = &nothing, .pattern_count = 1},
          "the inventory is empty: at least one server was expected");
    check(
        &(struct inventory_source){
            .patterns = &pattern, .pattern_count = 1, .excludes = &pattern, .exclude_count = 1},
        "no server is left: all 2 of the inventory are excluded");
}

static void a_line_may_say_the_kind(UNUSED void **state) {
    static const char text[] = "web[1-2] kind=big memory # racks\nweb3\nweb2 kind=gpu\n";
    struct file f = make_file(text, sizeof(text) - 1);
    const char *path = f.path;
    cleanup(servers_done) struct servers list = {0};
    struct error err;
    struct inventory_source source = {.files = &path, .file_count = 1};
    cleanup(str_done) struct str remarks = {0};
    assert_int_equal(inventory_load(&source, &list, &remarks, &err), 0);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[0].kind, "big memory");
    assert_string_equal(list.items[1].kind, "gpu");
    assert_null(list.items[2].kind);
    fd_close(&f.fd);
    CHECK_FILE("web1 kind=\n", "%s:1: column 6: kind= needs a kind right behind it");
    CHECK_FILE("web1 kind=a\x1b[31m\n", "%s:1: column 6: the kind is not printable text");
    CHECK_FILE("web1 kind=a kind=b\n", "%s:1: column 13: the kind is given twice");
}

static void a_line_may_say_labels(UNUSED void **state) {
    static const char text[] = "web[1-2] rack=12 kind=big memory  site=fra # racks\n"
                               "web3\tx.y=\xc3\xa4=#1\n web2 rack=13 pdu=3\nweb4\n";
    struct file f = make_file(text, sizeof(text) - 1);
    const char *path = f.path;
    cleanup(servers_done) struct servers list = {0};
    struct error err;
    struct inventory_source source = {.files = &path, .file_count = 1};
    cleanup(str_done) struct str remarks = {0};
    assert_int_equal(inventory_load(&source, &list, &remarks, &err), 0);
    assert_int_equal(list.count, 4);
    assert_string_equal(list.items[0].labels, "{\"rack\":\"12\",\"site\":\"fra\"}");
    assert_string_equal(list.items[0].kind, "big memory");
    assert_string_equal(list.items[1].labels, "{\"pdu\":\"3\",\"rack\":\"13\",\"site\":\"fra\"}");
    assert_string_equal(list.items[1].kind, "big memory");
    assert_string_equal(list.items[2].labels, "{\"x.y\":\"\xc3\xa4=#1\"}");
    assert_null(list.items[3].labels);
    fd_close(&f.fd);
    CHECK_FILE("w\nweb1 rack=\n", "%s:2: column 11: the value of a label is missing");
    CHECK_FILE("web1 =3\n", "%s:1: column 6: the key of a label is missing");
    CHECK_FILE("  web1 rack=1 x pdu=2\n", "%s:1: column 15: key=value was expected");
    CHECK_FILE("web1 rack=1 rack=2\n", "%s:1: column 13: this label is given twice");
    CHECK_FILE("web1 r=1,2\n", "%s:1: column 8: the value of a label has no blanks, commas, quotes "
                               "or backslashes");
    CHECK_FILE("web1 r=\"1\"\n", "%s:1: column 8: no label has quotes; an INI file of Ansible's is "
                                 "known by [ungrouped] before all");
    CHECK_FILE("web1 r=\x1b[2J\n", "%s:1: column 8: the value of a label is not printable text");
    CHECK_FILE("web1 4=1\n",
               "%s:1: column 6: the key of a label begins with a letter and ends with "
               "a letter or digit");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_may_say_labels),
        cmocka_unit_test(a_line_may_say_the_kind),
        cmocka_unit_test(reads_one_server_or_pattern_a_line),
        cmocka_unit_test(skips_comments),
        cmocka_unit_test(accepts_what_other_systems_write),
        cmocka_unit_test(names_the_line_of_a_mistake),
        cmocka_unit_test(a_late_sign_of_another_form_is_a_mistake),
        cmocka_unit_test(bounds_a_line),
        cmocka_unit_test(a_line_of_a_gigabyte_fails_at_once),
        cmocka_unit_test(reads_standard_input),
        cmocka_unit_test(says_what_cannot_be_read),
        cmocka_unit_test(joins_sources_in_their_order),
        cmocka_unit_test(excludes_by_name_and_by_host),
        cmocka_unit_test(groups_choose_among_the_files),
        cmocka_unit_test(refuses_an_empty_inventory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
