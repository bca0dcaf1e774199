/*
 * What bench/bootstrap promises, tried with every shell that is here: a login shell reads the
 * command line, and each kind of sh runs the script.
 */
#include "base/attr.h"
#include "base/clock.h"
#include "base/fd.h"
#include "bench/bootstrap.h"
#include "bench/image.h"
#include "test.h"
#include "wire/wire.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch[64];
static const struct agent_image *image; /* of this machine */
static int64_t upload_timeout = 60 * CLOCK_S;

struct remote {
    pid_t pid;
    int in, out;
    struct str buffer;
};

static void shell(const char *command) {
    int status = system(command);
    if (status != 0)
        fail_msg("%s: %d", command, status);
}

static void make_fresh(void) {
    char line[400];
    snprintf(line, sizeof(line),
             "chmod -R u+rwx %1$s 2>/dev/null; rm -rf %1$s/*; mkdir -m 755 %1$s/home %1$s/bin",
             scratch);
    shell(line);
}

/* Runs the command line as the login shell would, in a home of its own. */
static struct remote start(const char *login_shell, const char *directory) {
    struct str line = {0};
    bootstrap_add_command(&line, "run-1", directory, upload_timeout);
    assert_false(line.failed);
    assert_true(line.len < BOOTSTRAP_MAX);
    int in[2], out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    struct remote r = {.pid = fork(), .in = in[1], .out = out[0]};
    if (r.pid == 0) {
        char home[200], path[400];
        snprintf(home, sizeof(home), "%s/home", scratch);
        snprintf(path, sizeof(path), "%s/bin:/usr/bin:/bin", scratch);
        setenv("HOME", home, 1);
        setenv("PATH", path, 1);
        unsetenv("XDG_CACHE_HOME");
        dup2(in[0], 0);
        dup2(out[1], 1);
        execlp(login_shell, login_shell, "-c", line.data, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    str_done(&line);
    return r;
}

static struct wire_message answer(struct remote *r) {
    int64_t deadline = deadline_in(20 * CLOCK_S);
    char *end;
    while (!r->buffer.data || !(end = memchr(r->buffer.data, '\n', r->buffer.len))) {
        struct pollfd p = {.fd = r->out, .events = POLLIN};
        char buf[4096];
        if (poll(&p, 1, deadline_left_ms(deadline)) <= 0)
            fail_msg("no answer");
        ssize_t n = read(r->out, buf, sizeof(buf));
        if (n <= 0)
            fail_msg("it has ended: %s", r->buffer.data ? r->buffer.data : "");
        str_add_bytes(&r->buffer, buf, (size_t)n);
    }
    struct wire_message m;
    struct error err = {0};
    size_t n = (size_t)(end - r->buffer.data);
    if (wire_parse(r->buffer.data, n, &m, &err) != 0)
        fail_msg("%s", err.text);
    r->buffer.len -= n + 1;
    memmove(r->buffer.data, end + 1, r->buffer.len);
    return m;
}

static void expect(struct remote *r, enum wire_type type) {
    struct wire_message m = answer(r);
    if (m.type != type)
        fail_msg("type %d, not %d: %s", m.type, type, m.detail ? m.detail : "");
    if (type == WIRE_HELLO)
        assert_string_equal(m.hash, image->hash);
    if (type == WIRE_NEED)
        assert_string_equal(m.arch, image->arch);
    if (type == WIRE_ERROR)
        assert_int_equal(m.reason, REASON_UNSUPPORTED);
    wire_message_done(&m);
}

static void send_image(struct remote *r) {
    assert_int_equal(fd_write_all(r->in, image->data, image->size), 0);
}

static int finish(struct remote *r) {
    int status;
    close(r->in);
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
    close(r->out);
    str_done(&r->buffer);
    return status;
}

static void put_agent(const char *login_shell, const char *directory) {
    struct remote r = start(login_shell, directory);
    expect(&r, WIRE_NEED);
    send_image(&r);
    expect(&r, WIRE_HELLO);
    assert_int_equal(finish(&r), 0);
}

static void find_agent(const char *login_shell, const char *directory) {
    struct remote r = start(login_shell, directory);
    expect(&r, WIRE_HELLO);
    assert_int_equal(finish(&r), 0);
}

/* The agent's path below a directory. */
static const char *agent_in(const char *directory) {
    static char path[400];
    snprintf(path, sizeof(path), "%s/agent-%s-%.16s", directory, image->arch, image->hash);
    return path;
}

static const char *cache(void) {
    static char path[200];
    snprintf(path, sizeof(path), "%s/home/.cache/muster", scratch);
    return path;
}

/* How many files there are below it. */
static int files_in(const char *directory) {
    char line[400];
    int n = -1;
    snprintf(line, sizeof(line), "find %s -type f | wc -l", directory);
    FILE *f = popen(line, "re");
    assert_int_equal(fscanf(f, "%d", &n), 1);
    pclose(f);
    return n;
}

static bool installed(const char *program) {
    char line[200];
    snprintf(line, sizeof(line), "command -v %s >/dev/null 2>&1", program);
    return system(line) == 0;
}

static void has_nothing_a_shell_would_touch(UNUSED void **state) {
    struct str line = {0};
    bootstrap_add_command(&line, "run-1", NULL, 60 * CLOCK_S);
    const char *begin = strchr(line.data, '\'') + 1, *end = strchr(begin, '\'');
    for (const char *p = begin; p < end; p++)
        assert_false(*p == '\\' || *p == '!' || *p == '\n');
    assert_null(strchr(line.data, '\n'));
    assert_null(strchr(line.data, '\\'));
    assert_null(strchr(line.data, '!'));
    str_done(&line);
}

static void refuses_what_would_break_out(UNUSED void **state) {
    static const char *const runs[] = {"", "a b", "a;b", "a'b", "$(a)", "\xc3\xbc", "a/b"};
    for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
        struct str line = {0};
        bootstrap_add_command(&line, runs[i], NULL, 60 * CLOCK_S);
        assert_true(line.failed);
        str_done(&line);
    }
    static const char *const directories[] = {"", "tmp", "/a'b", "/a\\", "/a!", "/a\nb", "/\""};
    for (size_t i = 0; i < ARRAY_LEN(directories); i++) {
        struct str line = {0};
        bootstrap_add_command(&line, "r", directories[i], 60 * CLOCK_S);
        assert_true(line.failed);
        str_done(&line);
    }
    assert_true(bootstrap_directory_valid("/opt/my $dir; x"));
}

static void puts_and_finds_an_agent_with_any_shell(UNUSED void **state) {
    static const char *const shells[] = {"sh", "dash", "bash", "fish", "tcsh", "csh", "zsh", "ksh"};
    for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
        if (!installed(shells[i]))
            continue;
        make_fresh();
        put_agent(shells[i], NULL);
        assert_int_equal(access(agent_in(cache()), X_OK), 0);
        assert_int_equal(files_in(cache()), 1);
        struct stat st;
        assert_int_equal(stat(cache(), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
        find_agent(shells[i], NULL);
    }
}

static void runs_in_any_sh(UNUSED void **state) {
    static const char *const kinds[] = {"dash", "bash", "busybox", "ksh", "mksh"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!installed(kinds[i]))
            continue;
        char line[400];
        make_fresh();
        snprintf(line, sizeof(line), "ln -s $(command -v %s) %s/bin/sh", kinds[i], scratch);
        shell(line);
        put_agent("/bin/sh", NULL);
        find_agent("/bin/sh", NULL);
    }
}

/* Only busybox's tools: a router, a container, a rescue system. */
static void runs_with_busybox_alone(UNUSED void **state) {
    if (!installed("busybox"))
        skip_because("no busybox");
    char line[400];
    make_fresh();
    snprintf(line, sizeof(line),
             "for t in $(busybox --list); do ln -s $(command -v busybox) %s/bin/$t; done", scratch);
    shell(line);
    put_agent("/bin/sh", NULL);
    find_agent("/bin/sh", NULL);
}

static void replaces_a_broken_agent(UNUSED void **state) {
    make_fresh();
    put_agent("sh", NULL);
    assert_int_equal(truncate(agent_in(cache()), 1000), 0);
    put_agent("sh", NULL);
    find_agent("sh", NULL);
    assert_int_equal(files_in(cache()), 1);
}

/* Its input stays open, as that of a connection that was lost without a word. */
static void gives_up_an_upload_that_does_not_end(UNUSED void **state) {
    make_fresh();
    upload_timeout = 0;
    struct remote r = start("sh", NULL);
    upload_timeout = 60 * CLOCK_S;
    expect(&r, WIRE_NEED);
    assert_int_equal(fd_write_all(r.in, image->data, image->size / 2), 0);
    expect(&r, WIRE_ERROR);
    assert_int_not_equal(finish(&r), 0);
    assert_int_equal(files_in(cache()), 0);
}

static void refuses_an_agent_that_did_not_arrive(UNUSED void **state) {
    make_fresh();
    struct remote r = start("sh", NULL);
    expect(&r, WIRE_NEED);
    assert_int_equal(fd_write_all(r.in, image->data, image->size / 2), 0);
    close(r.in);
    r.in = -1;
    expect(&r, WIRE_ERROR);
    assert_int_not_equal(finish(&r), 0);
    r = start("sh", NULL);
    expect(&r, WIRE_NEED);
    cleanup(free_ptr) char *zeros = calloc(1, image->size);
    assert_int_equal(fd_write_all(r.in, zeros, image->size), 0);
    expect(&r, WIRE_ERROR);
    finish(&r);
    assert_int_equal(files_in(cache()), 0);
}

static void two_uploads_do_not_hurt_each_other(UNUSED void **state) {
    make_fresh();
    struct remote a = start("sh", NULL), b = start("sh", NULL);
    expect(&a, WIRE_NEED);
    expect(&b, WIRE_NEED);
    assert_int_equal(fd_write_all(a.in, image->data, 1000), 0);
    send_image(&b);
    expect(&b, WIRE_HELLO);
    assert_int_equal(fd_write_all(a.in, image->data + 1000, image->size - 1000), 0);
    expect(&a, WIRE_HELLO);
    assert_int_equal(finish(&a), 0);
    assert_int_equal(finish(&b), 0);
    assert_int_equal(files_in(cache()), 1);
}

static void keeps_to_the_directory_that_is_given(UNUSED void **state) {
    char directory[200], below[260];
    make_fresh();
    snprintf(directory, sizeof(directory), "%s/a $b; c", scratch);
    assert_int_equal(mkdir(directory, 0700), 0);
    put_agent("sh", directory);
    snprintf(below, sizeof(below), "%s/muster-%u", directory, (unsigned)getuid());
    assert_int_equal(access(agent_in(below), X_OK), 0);
    find_agent("sh", directory);
    struct remote r = start("sh", "/proc");
    expect(&r, WIRE_ERROR);
    finish(&r);
}

/* Someone else's directory, or one that others may write to, is not where our programs are run. */
static void trusts_no_directory_of_others(UNUSED void **state) {
    char directory[200], line[1000];
    make_fresh();
    snprintf(directory, sizeof(directory), "%s/d", scratch);
    static const char *const traps[] = {"mkdir -m 777 d/muster-$(id -u)",
                                        "mkdir -m 700 e && ln -s ../e d/muster-$(id -u)",
                                        "touch d/muster-$(id -u)"};
    for (size_t i = 0; i < ARRAY_LEN(traps); i++) {
        snprintf(line, sizeof(line), "cd %s && rm -rf d && mkdir d && %s", scratch, traps[i]);
        shell(line);
        struct remote r = start("sh", directory);
        expect(&r, WIRE_ERROR);
        finish(&r);
    }
    if (getuid() == 0) {
        snprintf(line, sizeof(line),
                 "cd %s && rm -rf d && mkdir d && mkdir -m 700 d/muster-0 && chown 1 d/muster-0",
                 scratch);
        shell(line);
        struct remote r = start("sh", directory);
        expect(&r, WIRE_ERROR);
        finish(&r);
    }
}

/* In a namespace of its own: what else runs on this machine looks for files left in /var/tmp. */
static void passes_over_what_may_not_execute(UNUSED void **state) {
    make_fresh();
    char path[200];
    snprintf(path, sizeof(path), "%s/home", scratch);
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        skip_because("only root can mount");
    assert_int_equal(mount("none", "/var/tmp", "tmpfs", 0, "mode=1777"), 0);
    assert_int_equal(mount("none", path, "tmpfs", MS_NOEXEC, "mode=755"), 0);
    put_agent("sh", NULL);
    int left = files_in(path);
    umount(path);
    assert_int_equal(left, 0);
    snprintf(path, sizeof(path), "/var/tmp/muster-%u", (unsigned)getuid());
    int found = access(agent_in(path), X_OK);
    umount("/var/tmp");
    assert_int_equal(found, 0);
}

static void says_that_there_is_no_agent(UNUSED void **state) {
    char line[400];
    make_fresh();
    snprintf(line, sizeof(line), "cd %s/bin && echo 'echo z80\\\"x' >uname && chmod 755 uname",
             scratch);
    shell(line);
    struct remote r = start("sh", NULL);
    struct wire_message m = answer(&r);
    assert_int_equal(m.type, WIRE_ERROR);
    assert_int_equal(m.reason, REASON_UNSUPPORTED);
    assert_non_null(strstr(m.detail, "z80x"));
    wire_message_done(&m);
    finish(&r);
}

/* Killed, perhaps: nothing is known of the server, and nothing is said of it. */
static void says_nothing_without_an_architecture(UNUSED void **state) {
    char line[400], said[400] = "";
    make_fresh();
    snprintf(line, sizeof(line), "cd %s/bin && echo 'kill -9 $$' >uname && chmod 755 uname",
             scratch);
    shell(line);
    struct remote r = start("sh", NULL);
    for (size_t n = 0, got; (got = (size_t)read(r.out, said + n, sizeof(said) - 1 - n)) > 0;
         n += got)
        assert_true(got < sizeof(said)); /* the shell's own word of it, at most */
    assert_null(strstr(said, "architecture"));
    int status = finish(&r);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void removes_old_agents(UNUSED void **state) {
    char line[1000];
    make_fresh();
    snprintf(line, sizeof(line),
             "mkdir -p -m 700 %1$s && cd %1$s && touch -d '40 days ago' agent-x86_64-old .new.abc "
             "journal-old && "
             "touch -d '20 days ago' agent-x86_64-new other journal-new",
             cache());
    shell(line);
    put_agent("sh", NULL);
    assert_int_equal(files_in(cache()), 4);
    snprintf(line, sizeof(line), "%s/agent-x86_64-new", cache());
    assert_int_equal(access(line, F_OK), 0);
}

static int make_scratch(UNUSED void **state) {
    struct utsname uts;
    uname(&uts);
    image = agent_image_find(uts.machine);
    return image && make_test_folder(scratch) ? chmod(scratch, 0755) : -1;
}

static int remove_scratch(UNUSED void **state) {
    char line[200];
    snprintf(line, sizeof(line), "rm -rf %s", scratch);
    return system(line);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_nothing_a_shell_would_touch),
        cmocka_unit_test(refuses_what_would_break_out),
        cmocka_unit_test(puts_and_finds_an_agent_with_any_shell),
        cmocka_unit_test(runs_in_any_sh),
        cmocka_unit_test(runs_with_busybox_alone),
        cmocka_unit_test(replaces_a_broken_agent),
        cmocka_unit_test(gives_up_an_upload_that_does_not_end),
        cmocka_unit_test(refuses_an_agent_that_did_not_arrive),
        cmocka_unit_test(two_uploads_do_not_hurt_each_other),
        cmocka_unit_test(keeps_to_the_directory_that_is_given),
        cmocka_unit_test(trusts_no_directory_of_others),
        cmocka_unit_test(passes_over_what_may_not_execute),
        cmocka_unit_test(says_that_there_is_no_agent),
        cmocka_unit_test(says_nothing_without_an_architecture),
        cmocka_unit_test(removes_old_agents),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
