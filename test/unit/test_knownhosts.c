/* What input/knownhosts and input/hostjudge promise, with keys and a hidden name of ssh-keygen's.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "input/hostjudge.h"
#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ED1 "AAAAC3NzaC1lZDI1NTE5AAAAIFSjhSEpfo1pozWnI6ouUM3kNarP/e9ovVILd28xwDFK"
#define ED2 "AAAAC3NzaC1lZDI1NTE5AAAAIDh5/gJj/dG8pvEd+E2xSuyx4ls4TtHQzo13eLb3zJm5"
#define ECDSA                                                                                      \
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBPoi9eY7B7Kaar6eNbRYOmSohwSbK5XiVyfc0InS" \
    "XiZTE7b4thJnR9pLdrte2vC8L2hzZmwDn9G8/7pDd/c0Mh8="
#define RSA                                                                                        \
    "AAAAB3NzaC1yc2EAAAADAQABAAABgQCU7+u4P3CtLXoFwy+NWrTo/03AVRC0uxYn5Z6KmANC4k95JrEacs5Y6yNBlI"   \
    "3C9nwU/6ez+BpnJzQnOTUPV9nNqRKUiBKGgwNA8ChjhF/hMyQgKtUPkXMcerP/YqZonoyTfv3PtWfJGolAlgrIFkbn"   \
    "KjfmYfyImS9sqMVS5pjD99F4mCO5ikxzODPgtBwsyI5/fciOyRTlWPnOJkcVf3G4Z6PYut7q4/qHXw/nUUVhXfyQx3"   \
    "p7AUZbXZ51ZnZ0up/+inIQIepjIkfs9fL3bN70lz5IyIi/VYolT/+mg46EXfHFD6My7me4Au1865jsIxM5EVgHxNP8"   \
    "MpJdjhgFtP4hCj6mT6f4b8+wGV9dQ8YFdl8CK3IgpI42QVlyiNxeHwDja7b3X6m1D2PFrCM7XwNmksHGFIVWhhkrZA"   \
    "O1W9zlK43LRwYufS/W7b9Q3OWBn5uetC1tdP7OJ3yn+9Uh/wqU83VMOPCcXn16LSz3F6W66rMkibSOcwyperAsneBb"   \
    "XXU="
#define ED "ssh-ed25519 "
/* ssh-keygen -H of web1 */
#define HIDDEN "|1|jJiDW8PomGBuHzjABk1ypTDdfpc=|LSp7UfzbarjvX/dqkxfZGdouOt0="

static char folder[64];

static const char *path_of(const char *name) {
    static _Thread_local char paths[4][128];
    static _Thread_local unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *path, const char *text) {
    cleanup(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static struct knownhosts *load(const char *text) {
    struct knownhosts *k;
    struct error err;
    const char *path = path_of("known_hosts");
    write_file(path, text);
    assert_int_equal(knownhosts_load(&path, 1, &k, &err), 0);
    return k;
}

static struct hostjudge_lines find(const struct knownhosts *k, const char *host, int port) {
    struct hostjudge_lines l = {0};
    struct error err;
    assert_int_equal(knownhosts_find(k, host, port, &l.host, &err), 0);
    if (!knownhosts_bare(port))
        assert_int_equal(knownhosts_find(k, host, 0, &l.bare, &err), 0);
    return l;
}

struct said {
    enum hostjudge_status status;
    int line;
};

static struct said ask(const char *text, const char *host, int port, const char *key) {
    struct knownhosts *k = load(text);
    cleanup(hostjudge_lines_done) struct hostjudge_lines l = find(k, host, port);
    struct hostjudge_answer a;
    hostjudge(&l, key, HOST_KEY_STRICT, true, &a);
    assert_int_equal(a.accepted, a.status == HOSTJUDGE_MATCH);
    assert_int_equal(a.trusted, a.accepted);
    struct said said = {a.status, a.line ? a.line->number : 0};
    knownhosts_free(k);
    return said;
}

#define MATCH HOSTJUDGE_MATCH
#define UNKNOWN HOSTJUDGE_UNKNOWN
#define CHANGED HOSTJUDGE_CHANGED
#define REVOKED HOSTJUDGE_REVOKED

static void judges_as_ssh_does(UNUSED void **state) {
    static const struct {
        const char *text;
        const char *host;
        int port;
        const char *key;
        enum hostjudge_status status;
        int line;
    } cases[] = {
        {"", "web1", 22, ED1, UNKNOWN, 0},
        {"web1 " ED ED1 "\n", "web1", 22, ED1, MATCH, 1},
        {"web1 " ED ED1, "web1", 22, ED1, MATCH, 1},
        {"web1 " ED ED1 "\n", "web1", 0, ED1, MATCH, 1},
        {"web1 " ED ED1 "\n", "web2", 22, ED1, UNKNOWN, 0},
        {"web1 " ED ED1 "\n", "web", 22, ED1, UNKNOWN, 0},
        {"web1 " ED ED1 "\n", "web1", 22, ED2, CHANGED, 1},
        {"web1 " ED ED1 "\n", "web1", 22, ECDSA, CHANGED, 1},
        {"web1 " ED ED1 "\nweb1 ssh-rsa " RSA "\n", "web1", 22, ED2, CHANGED, 2},
        {"web1 " ED ED1 "\nweb1 " ED ED2 "\n", "web1", 22, ED2, MATCH, 2},
        {"web1 " ED ED2 "\nweb1 " ED ED2 "\n", "web1", 22, ED2, MATCH, 1},
        {"WEB1 " ED ED1 "\n", "web1", 22, ED1, MATCH, 1},
        {"web1 " ED ED1 "\n", "Web1", 22, ED1, MATCH, 1},
        {"a,web1,b " ED ED1 "\n", "web1", 22, ED1, MATCH, 1},
        {"a,web1,b " ED ED1 "\n", "a,web1,b", 22, ED1, UNKNOWN, 0},
        {"# web1\n\n   web1\t " ED ED1 " a comment\r\n", "web1", 22, ED1, MATCH, 3},
        {"web1\tssh-ed25519\t" ED1 "\r\n", "web1", 22, ED1, MATCH, 1},
        {"#web1 " ED ED1 "\n", "web1", 22, ED1, UNKNOWN, 0},
        /* wildcards and negation */
        {"web* " ED ED1 "\n", "web1", 22, ED1, MATCH, 1},
        {"web? " ED ED1 "\n", "web1", 22, ED1, MATCH, 1},
        {"web? " ED ED1 "\n", "web12", 22, ED1, UNKNOWN, 0},
        {"*.b.*.d " ED ED1 "\n", "a.b.b.c.d", 22, ED1, MATCH, 1},
        {"* " ED ED1 "\n", "web1", 2222, ED1, MATCH, 1},
        {"web*,!web1 " ED ED1 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"!web1,web* " ED ED1 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"web*,!web1 " ED ED1 "\n", "web2", 22, ED1, MATCH, 1},
        {"!web2 " ED ED1 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"web1,!web1 " ED ED1 "\n", "web1", 22, ED1, UNKNOWN, 0},
        /* ports */
        {"[web1]:2222 " ED ED1 "\n", "web1", 2222, ED1, MATCH, 1},
        {"[web1]:2222 " ED ED1 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"[web1]:22 " ED ED1 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"[web1]:2222 " ED ED1 "\n", "web1", 2223, ED1, UNKNOWN, 0},
        {"[web1]:* " ED ED1 "\n", "web1", 2223, ED1, MATCH, 1},
        {"web1 " ED ED1 "\n", "web1", 2222, ED1, MATCH, 1},
        {"web1 " ED ED1 "\n", "web1", 2222, ED2, UNKNOWN, 0},
        {"[web1]:2222 " ED ED1 "\nweb1 " ED ED2 "\n", "web1", 2222, ED2, CHANGED, 1},
        {"@revoked web1 " ED ED1 "\n", "web1", 2222, ED1, REVOKED, 1},
        {"[2001:db8::7]:2222 " ED ED1 "\n", "2001:db8::7", 2222, ED1, MATCH, 1},
        {"2001:db8::7 " ED ED1 "\n", "2001:DB8::7", 22, ED1, MATCH, 1},
        /* markers */
        {"web1 " ED ED1 "\n@revoked * " ED ED1 "\n", "web1", 22, ED1, REVOKED, 2},
        {"web1 " ED ED1 "\n@revoked * " ED ED2 "\n", "web1", 22, ED1, MATCH, 1},
        {"@revoked * " ED ED2 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"@revoked db* " ED ED1 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"@cert-authority * " ED ED1 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"@revoked\tweb1\t" ED ED1 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"@revoked\tweb1\tssh-ed25519\t" ED1 "\n", "web1", 22, ED1, REVOKED, 1},
        {"@revoked @revoked web1 " ED ED1 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"@other web1 " ED ED1 "\n", "web1", 22, ED1, UNKNOWN, 0},
        /* hidden names */
        {HIDDEN " " ED ED1 "\n", "web1", 22, ED1, MATCH, 1},
        {HIDDEN " " ED ED1 "\n", "WEB1", 22, ED1, MATCH, 1},
        {HIDDEN " " ED ED1 "\n", "web1", 22, ED2, CHANGED, 1},
        {HIDDEN " " ED ED1 "\n", "web2", 22, ED1, UNKNOWN, 0},
        {HIDDEN ",web1 " ED ED1 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"@revoked " HIDDEN " " ED ED1 "\n", "web1", 22, ED1, REVOKED, 1},
        /* lines that are passed over do not make a host known */
        {"web1\n", "web1", 22, ED1, UNKNOWN, 0},
        {"web1 \n", "web1", 22, ED1, UNKNOWN, 0},
        {"web1 " ED "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"web1 # " ED ED1 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"web1 " ED "AAAA" ED2 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"web1 " ED ECDSA "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"web1 ssh-ed25518 " ED2 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"web1 SSH-ED25519 " ED2 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"web1 1024 35 1234567\n", "web1", 22, ED1, UNKNOWN, 0},
        {"|1|x|y " ED ED2 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"| " ED ED2 "\n", "web1", 22, ED1, UNKNOWN, 0},
        {"web1 rsa-sha2-512 " RSA "\n", "web1", 22, RSA, MATCH, 1},
        {"web1 ecdsa-sha2-nistp256 " ECDSA "\n", "web1", 22, ECDSA, MATCH, 1},
        {"web1 ecdsa-sha2-nistp384 " ECDSA "\n", "web1", 22, ED1, UNKNOWN, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct said a = ask(cases[i].text, cases[i].host, cases[i].port, cases[i].key);
        if (a.status != cases[i].status || a.line != cases[i].line)
            fail_msg("%zu: '%s' for %s:%d: status %d in line %d, not %d in line %d", i,
                     cases[i].text, cases[i].host, cases[i].port, a.status, a.line, cases[i].status,
                     cases[i].line);
    }
}

static void reads_long_lines_and_drops_long_names(UNUSED void **state) {
    for (size_t n = 1000; n <= 100000; n *= 10) {
        struct str s = {0};
        while (s.len < n)
            str_addf(&s, "host%zu,", s.len);
        str_add(&s, "web1 " ED ED1 "\n");
        assert_int_equal(ask(s.data, "web1", 22, ED1).status, MATCH);
        str_done(&s);
    }
    for (size_t n = 1022; n <= 1023; n++) {
        struct str s = {0};
        while (s.len < n)
            str_add_char(&s, 'x');
        str_add(&s, ",web1 " ED ED1 "\n");
        assert_int_equal(ask(s.data, "web1", 22, ED1).status, n < 1023 ? MATCH : UNKNOWN);
        str_done(&s);
    }
}

static void says_where_the_key_stands(UNUSED void **state) {
    const char *files[] = {path_of("none"), path_of("one"), folder, path_of("two")};
    write_file(files[1], "web1 " ED ED1 "\n");
    write_file(files[3], "\nweb1 rsa-sha2-256 " RSA "\n@cert-authority *.org " ED ED2 "\n");
    struct knownhosts *k;
    struct error err;
    assert_int_equal(knownhosts_load(files, ARRAY_LEN(files), &k, &err), 0);
    cleanup(hostjudge_lines_done) struct hostjudge_lines web1 = find(k, "web1", 22);
    struct hostjudge_answer a;
    hostjudge(&web1, RSA, HOST_KEY_STRICT, true, &a);
    assert_int_equal(a.status, MATCH);
    assert_string_equal(a.line->file, files[3]);
    assert_int_equal(a.line->number, 2);
    assert_string_equal(a.line->type, "ssh-rsa");
    assert_string_equal(a.line->key, RSA);
    assert_false(hostjudge_has(&web1.host, KNOWNHOSTS_AUTHORITY));
    cleanup(hostjudge_lines_done) struct hostjudge_lines org = find(k, "a.org", 2222);
    assert_false(hostjudge_has(&org.host, KNOWNHOSTS_AUTHORITY)); /* [a.org]:2222 is not *.org */
    assert_true(hostjudge_has(&org.bare, KNOWNHOSTS_AUTHORITY));
    knownhosts_free(k);
}

static void gives_types_in_order(UNUSED void **state) {
    struct knownhosts *k =
        load("web1 ssh-rsa " RSA "\nweb* " ED ED1 "\nweb1 " ED ED2
             "\nweb1 ecdsa-sha2-nistp256 " ECDSA "\n@revoked web1 ecdsa-sha2-nistp256 " ECDSA "\n");
    cleanup(hostjudge_lines_done) struct hostjudge_lines web1 = find(k, "web1", 22),
                                                         port = find(k, "web1", 2222),
                                                         web2 = find(k, "web2", 22);
    const char *types[4];
    assert_int_equal(hostjudge_types(&web1.host, types, 4), 2);
    assert_string_equal(types[0], "ssh-rsa");
    assert_string_equal(types[1], "ssh-ed25519");
    assert_int_equal(hostjudge_types(&web1.host, types, 1), 1);
    assert_int_equal(hostjudge_types(&port.host, types, 4), 0);
    assert_int_equal(hostjudge_types(&web2.host, types, 4), 1);
    knownhosts_free(k);
}

/* What is said under each StrictHostKeyChecking: refused, accepted, accepted without passwords; and
 * what is recorded: host, address. */
static const char *words(const struct hostjudge_answer *a) {
    static char text[16];
    snprintf(text, sizeof(text), "%s%s%s", a->accepted ? a->trusted ? "yes" : "unsafe" : "no",
             a->add_host ? " h" : "", a->add_address ? " a" : "");
    return text;
}

static void judges_by_address_and_checking(UNUSED void **state) {
    static const struct {
        const char *text;
        int port;
        const char *said[3]; /* strict, accept-new, off */
    } cases[] = {
        {"web1 " ED ED1 "\n", 22, {"yes a", "yes a", "yes a"}},
        {"web1,10.0.0.1 " ED ED1 "\n", 22, {"yes", "yes", "yes"}},
        {"", 22, {"no", "yes h a", "yes h a"}},
        {"10.0.0.1 " ED ED1 "\n", 22, {"no", "yes h", "yes h"}},
        {"10.0.0.1 " ED ED2 "\n", 22, {"no", "no h", "yes h"}},
        {"web1 " ED ED1 "\n10.0.0.1 " ED ED2 "\n", 22, {"no", "no", "yes"}},
        {"web1 " ED ED1 "\n@revoked 10.0.0.1 " ED ED1 "\n", 22, {"yes", "yes", "yes"}},
        {"web1 " ED ED2 "\n", 22, {"no", "no", "unsafe"}},
        {"@revoked web1 " ED ED1 "\n", 22, {"no", "no", "unsafe"}},
        {"web1 " ED ED1 "\n", 2222, {"yes", "yes", "yes"}},
        {"web1 " ED ED1 "\n10.0.0.1 " ED ED2 "\n", 2222, {"no", "yes h a", "yes"}},
        {"web1 " ED ED1 "\n[10.0.0.1]:2222 " ED ED2 "\n", 2222, {"no", "no", "yes"}},
        {"[web1]:2222 " ED ED1 "\n10.0.0.1 " ED ED2 "\n", 2222, {"yes a", "yes a", "yes a"}},
        {"@revoked web1 " ED ED1 "\n", 2222, {"no", "no", "unsafe"}},
        {"web1 " ED ED2 "\n", 2222, {"no", "yes h a", "yes h a"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct knownhosts *k = load(cases[i].text);
        struct hostjudge_lines l = find(k, "web1", cases[i].port),
                               address = find(k, "10.0.0.1", cases[i].port);
        l.address = address.host;
        l.bare_address = address.bare;
        l.check_address = true;
        for (int checking = HOST_KEY_STRICT; checking <= HOST_KEY_OFF; checking++) {
            struct hostjudge_answer a;
            hostjudge(&l, ED1, checking, true, &a);
            if (strcmp(words(&a), cases[i].said[checking]) != 0)
                fail_msg("%zu, checking %d: '%s', not '%s'", i, checking, words(&a),
                         cases[i].said[checking]);
        }
        hostjudge_lines_done(&l);
        knownhosts_free(k);
    }
}

static void accepts_nothing_new_that_it_could_not_record(UNUSED void **state) {
    struct knownhosts *k = load("web2 " ED ED1 "\n");
    cleanup(hostjudge_lines_done) struct hostjudge_lines web1 = find(k, "web1", 22),
                                                         web2 = find(k, "web2", 22);
    struct hostjudge_answer a;
    hostjudge(&web1, ED1, HOST_KEY_OFF, false, &a);
    assert_string_equal(words(&a), "no");
    web2.check_address = true;
    hostjudge(&web2, ED1, HOST_KEY_ACCEPT_NEW, false, &a);
    assert_string_equal(words(&a), "yes");
    knownhosts_free(k);
}

static int append(const char *path, const char *host, int port, const char *type, const char *key,
                  bool hashed, struct error *err) {
    struct knownhosts_addition a = {
        .host = host, .port = port, .type = type, .key = key, .hashed = hashed};
    return knownhosts_append(path, &a, err);
}

static void appends_addresses(void **state) {
    bool hashed = *state != NULL;
    const char *path = path_of(hashed ? "addresses-hidden" : "addresses");
    struct knownhosts_addition a = {.host = "Web1",
                                    .port = 2222,
                                    .address = "2001:db8::7",
                                    .address_port = 2222,
                                    .type = "ssh-ed25519",
                                    .key = ED1,
                                    .hashed = hashed};
    struct error err;
    assert_int_equal(knownhosts_append(path, &a, &err), 0);
    a.host = "web2"; /* its address is there by now */
    a.port = 0;
    assert_int_equal(knownhosts_append(path, &a, &err), 0);
    a.host = NULL;
    assert_int_equal(knownhosts_append(path, &a, &err), 0);
    a.address = "10.0.0.1";
    a.address_port = 22;
    assert_int_equal(knownhosts_append(path, &a, &err), 0);
    cleanup(str_done) struct str text = {0};
    assert_int_equal(fd_read_file(path, 1 << 20, &text, &err), 0);
    if (!hashed)
        assert_string_equal(text.data, "[web1]:2222,[2001:db8::7]:2222 " ED ED1 "\nweb2 " ED ED1
                                       "\n10.0.0.1 " ED ED1 "\n");
    assert_int_equal(ask(text.data, "web1", 2222, ED1).line, 1);
    assert_int_equal(ask(text.data, "2001:db8::7", 2222, ED1).line, 1 + hashed);
    assert_int_equal(ask(text.data, "web2", 22, ED1).line, 2 + hashed);
    assert_int_equal(ask(text.data, "10.0.0.1", 22, ED1).line, 3 + hashed);
}

static void waits_for_the_lock_no_longer_than_the_run_lasts(void **state UNUSED) {
    const char *path = path_of("locked");
    struct error err;
    struct cancel *cancel;
    struct knownhosts_addition a = {.host = "web1", .type = "ssh-ed25519", .key = ED1};
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(cancel_new(&cancel, &err), 0);
    a.cancel = cancel;
    cancel_fire(cancel);
    int64_t before = clock_now();
    assert_int_equal(knownhosts_append(path, &a, &err), -1);
    assert_int_equal(err.kind, ERROR_INTERRUPTED);
    assert_true(clock_now() - before < CLOCK_S);
    close(fd);
    assert_int_equal(knownhosts_append(path, &a, &err), 0);
    cancel_free(cancel);
}

static void appends_once(void **state) {
    bool hashed = *state != NULL;
    struct error err;
    char path[160];
    snprintf(path, sizeof(path), "%s/new%d/.ssh/known_hosts", folder, hashed);
    for (int i = 0; i < 2; i++)
        assert_int_equal(append(path, "Web1", 2222, "ssh-ed25519", ED1, hashed, &err), 0);
    assert_int_equal(append(path, "web2", 22, "ssh-rsa", RSA, hashed, &err), 0);
    cleanup(str_done) struct str text = {0};
    assert_int_equal(fd_read_file(path, 1 << 20, &text, &err), 0);
    assert_true(hashed == (strstr(text.data, "web") == NULL));
    if (!hashed)
        assert_string_equal(text.data, "[web1]:2222 " ED ED1 "\nweb2 ssh-rsa " RSA "\n");
    assert_int_equal(ask(text.data, "web1", 2222, ED1).line, 1);
    assert_int_equal(ask(text.data, "web2", 22, RSA).line, 2);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    *strrchr(path, '/') = '\0';
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void ends_a_line_that_has_no_end(UNUSED void **state) {
    const char *path = path_of("unended");
    struct error err;
    write_file(path, "web1 " ED ED1);
    assert_int_equal(append(path, "web2", 22, "ssh-ed25519", ED1, false, &err), 0);
    cleanup(str_done) struct str text = {0};
    assert_int_equal(fd_read_file(path, 1 << 20, &text, &err), 0);
    assert_string_equal(text.data, "web1 " ED ED1 "\nweb2 " ED ED1 "\n");
}

static void refuses_to_append_what_ssh_would_not(UNUSED void **state) {
    struct error err = {0};
    const char *path = path_of("refused");
    static const char *const hosts[] = {"",   "a b", "a\nb", "*",   "a,b", "@revoked",
                                        "#a", "!a",  "|1|a", "[a]", "a?",  "a\x7f"};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        assert_int_equal(append(path, hosts[i], 22, "ssh-ed25519", ED1, false, &err), -1);
        assert_int_equal(err.kind, ERROR_HOST_KEY);
    }
    assert_int_equal(append(path, "a", 22, "ssh-ed25519", "AAAA", false, &err), -1);
    assert_int_equal(append(path, "a", 22, "ssh-rsa", ED1, false, &err), -1);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(append("/dev/null", "a", 22, "ssh-ed25519", ED1, false, &err), 0);
    assert_int_equal(append(folder, "a", 22, "ssh-ed25519", ED1, false, &err), -1);
    assert_non_null(strstr(err.text, folder));
}

enum { THREADS = 8, EACH = 25 };

static void *append_many(void *arg) {
    for (int i = 0; i < EACH; i++) {
        char host[32];
        struct error err;
        /* every second name is also appended by the neighbour */
        snprintf(host, sizeof(host), "h%d", (int)(intptr_t)arg / 2 * EACH + i);
        if (append(path_of("shared"), host, 22, "ssh-ed25519", ED1, false, &err) < 0)
            return "failed";
    }
    return NULL;
}

static void threads_append_whole_lines(UNUSED void **state) {
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, append_many, (void *)i), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
    struct error err;
    cleanup(str_done) struct str text = {0};
    assert_int_equal(fd_read_file(path_of("shared"), 1 << 20, &text, &err), 0);
    size_t lines = 0;
    for (const char *p = text.data; *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, THREADS / 2 * EACH);
    for (int i = 0; i < THREADS / 2 * EACH; i++) {
        char host[32];
        snprintf(host, sizeof(host), "h%d", i);
        assert_int_equal(ask(text.data, host, 22, ED1).status, MATCH);
    }
}

static void tries_a_thousand_hidden_names_in_less_than_a_millisecond(UNUSED void **state) {
    struct str s = {0};
    for (int i = 0; i < 1000; i++)
        str_add(&s, HIDDEN " " ED ED1 "\n");
    struct knownhosts *k = load(s.data);
    str_done(&s);
    int64_t best = INT64_MAX;
    for (int i = 0; i < 5; i++) {
        int64_t before = clock_now();
        struct hostjudge_lines l = find(k, "web1234.example.org", 22);
        int64_t took = clock_now() - before;
        best = took < best ? took : best;
        assert_int_equal(l.host.count, 0);
    }
    print_message("1,000 hidden names: %lld us\n", (long long)(best / CLOCK_US));
    knownhosts_free(k);
    assert_true(best < 20 * CLOCK_MS); /* a sanitizer's build on a busy machine included */
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
        cmocka_unit_test(judges_as_ssh_does),
        cmocka_unit_test(reads_long_lines_and_drops_long_names),
        cmocka_unit_test(says_where_the_key_stands),
        cmocka_unit_test(gives_types_in_order),
        cmocka_unit_test(judges_by_address_and_checking),
        cmocka_unit_test(accepts_nothing_new_that_it_could_not_record),
        cmocka_unit_test(appends_addresses),
        cmocka_unit_test_prestate(appends_addresses, "hashed"),
        cmocka_unit_test(appends_once),
        cmocka_unit_test_prestate(appends_once, "hashed"),
        cmocka_unit_test(ends_a_line_that_has_no_end),
        cmocka_unit_test(waits_for_the_lock_no_longer_than_the_run_lasts),
        cmocka_unit_test(refuses_to_append_what_ssh_would_not),
        cmocka_unit_test(threads_append_whole_lines),
        cmocka_unit_test(tries_a_thousand_hidden_names_in_less_than_a_millisecond),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
