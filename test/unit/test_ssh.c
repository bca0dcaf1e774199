/* What transport/ssh promises, against real sshd, real agents, and servers that misbehave. */
#include "test.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/str.h"
#include "transport/ssh.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static char user[64];

struct fixture {
    struct cancel *cancel;
    struct transport *t;
    struct session *s;
    struct error err;
    struct ssh_settings settings;
    struct server server;
    pid_t sshd;
    pid_t agent;
    int port;
    int listener;
    size_t open_before;
};

/* ---- helpers ------------------------------------------------------------------------------- */

static size_t count_descriptors(void) {
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static const char *path(const char *name) {
    static char texts[8][128];
    static int next;
    char *text = texts[next++ % 8];
    snprintf(text, 128, "%s/%s", dir, name);
    return text;
}

static void shell(const char *format, ...) printf_like(1, 2);
static void shell(const char *format, ...) {
    char command[2048];
    int n = snprintf(command, sizeof(command), "cd %s && { ", dir);
    va_list args;
    va_start(args, format);
    n += vsnprintf(command + n, sizeof(command) - (size_t)n, format, args);
    va_end(args);
    snprintf(command + n, sizeof(command) - (size_t)n, "; } >shell.log 2>&1");
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

static void write_file(const char *name, const char *format, ...) printf_like(2, 3);
static void write_file(const char *name, const char *format, ...) {
    FILE *f = fopen(path(name), "w");
    assert_non_null(f);
    va_list args;
    va_start(args, format);
    vfprintf(f, format, args);
    va_end(args);
    fclose(f);
}

static struct sockaddr_in address(int port) {
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A listener on a port of the kernel's choice; returns the port. */
static int listen_anywhere(int *fd, int backlog) {
    struct sockaddr_in a = address(0);
    socklen_t len = sizeof(a);
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(*fd, backlog), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&a, &len), 0);
    return ntohs(a.sin_port);
}

static int free_port(void) {
    int fd;
    int port = listen_anywhere(&fd, 1);
    close(fd);
    return port;
}

static int dial(int port) {
    struct sockaddr_in a = address(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = connect(fd, (struct sockaddr *)&a, sizeof(a));
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int os = 0;
    socklen_t len = sizeof(os);
    if (rc != 0 && (errno != EINPROGRESS || poll(&p, 1, 1000) != 1 ||
                    getsockopt(fd, SOL_SOCKET, SO_ERROR, &os, &len) != 0 || os != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static pid_t spawn(const char *const *argv) {
    pid_t pid = fork();
    if (pid == 0) {
        int log = open(path("program.log"), O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(log, 1);
        dup2(log, 2);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execv(argv[0], (char *const *)argv);
        _exit(127);
    }
    return pid;
}

static void end(pid_t *pid) {
    if (*pid <= 0)
        return;
    kill(*pid, SIGTERM);
    waitpid(*pid, NULL, 0);
    *pid = 0;
}

/*
 * A bash that sshd starts reads ~/.bashrc, unless it stands below another shell: what is in it here
 * may take long, and leave locks behind when a session is cut off.
 */
static void start_sshd(struct fixture *f, const char *more) {
    f->port = free_port();
    write_file(
        "sshd.conf",
        "ListenAddress 127.0.0.1\nPort %d\nHostKey %s/host_ed25519\nHostKey %s/host_rsa\n"
        "PidFile none\nAuthorizedKeysFile %s/authorized\nStrictModes no\nUsePAM no\n"
        "PermitRootLogin yes\nPasswordAuthentication no\nMaxStartups 1000\nSetEnv SHLVL=2\n%s\n",
        f->port, dir, dir, dir, more);
    const char *argv[] = {"/usr/sbin/sshd", "-D", "-e", "-f", path("sshd.conf"), NULL};
    f->sshd = spawn(argv);
    for (int i = 0; i < 500; i++) {
        int fd = dial(f->port);
        if (fd >= 0) {
            close(fd);
            return;
        }
        usleep(10000);
    }
    fail_msg("sshd did not start");
}

static void start_agent(struct fixture *f) {
    unlink(path("agent"));
    const char *argv[] = {"/usr/bin/ssh-agent", "-D", "-a", path("agent"), NULL};
    f->agent = spawn(argv);
    for (int i = 0; i < 500 && access(path("agent"), F_OK) != 0; i++)
        usleep(10000);
    assert_int_equal(access(path("agent"), F_OK), 0);
}

static void add_to_agent(const char *key) {
    shell("SSH_AUTH_SOCK=agent ssh-add %s", key);
}

/* What everyone who follows the rules has, and then `more`. */
static void configure(struct fixture *f, const char *more) {
    write_file("config",
               "%s\nUserKnownHostsFile %s/known_hosts\nGlobalKnownHostsFile /dev/null\n"
               "StrictHostKeyChecking yes\nIdentityFile %s/id\nIdentityAgent none\n",
               more, dir, dir);
    shell("printf '[127.0.0.1]:%%s %%s\\n' %d \"$(cut -d' ' -f1,2 host_ed25519.pub)\" >known_hosts",
          f->port);
}

static void use_agent(struct fixture *f, const char *more) {
    char text[512];
    snprintf(text, sizeof(text), "IdentityAgent %s/agent\n%s", dir, more);
    configure(f, text);
}

static void make_transport(struct fixture *f) {
    session_close(f->s);
    f->s = NULL;
    if (f->t)
        transport_free(f->t);
    f->t = NULL;
    f->settings.config_file = path("config");
    f->settings.user = user;
    f->settings.port = f->port;
    f->settings.cancel = f->cancel;
    if (transport_ssh_new(&f->settings, &f->t, &f->err) != 0)
        fail_msg("%s", f->err.text);
}

static int try_open(struct fixture *f, int64_t within) {
    if (!f->t)
        make_transport(f);
    session_close(f->s);
    f->s = NULL;
    return transport_open(f->t, &f->server, deadline_in(within), &f->s, &f->err);
}

static void open_session(struct fixture *f) {
    if (try_open(f, 20 * CLOCK_S) != 0)
        fail_msg("%s", f->err.text);
}

static void open_fails(struct fixture *f, enum error_kind kind, const char *with) {
    f->err.text[0] = '\0';
    assert_int_equal(try_open(f, 20 * CLOCK_S), -1);
    if (f->err.kind != kind || !strstr(f->err.text, with))
        fail_msg("kind %d: %s", f->err.kind, f->err.text);
}

static char *read_all(struct fixture *f) {
    static struct str out;
    str_clear(&out);
    str_add(&out, "");
    for (;;) {
        char buf[65536];
        ssize_t n = session_read(f->s, buf, sizeof(buf), deadline_in(20 * CLOCK_S), &f->err);
        if (n < 0)
            fail_msg("%s", f->err.text);
        if (n == 0)
            return out.data;
        str_add_bytes(&out, buf, (size_t)n);
    }
}

static void command_is(struct fixture *f, const char *command, const char *output, int status) {
    int got;
    if (session_start(f->s, command, deadline_in(20 * CLOCK_S), &f->err) != 0)
        fail_msg("%s", f->err.text);
    assert_string_equal(read_all(f), output);
    if (session_finish(f->s, deadline_in(20 * CLOCK_S), &got, &f->err) != 0)
        fail_msg("%s", f->err.text);
    assert_int_equal(got, status);
}

/* Neither reads nor writes; ends with the connection, as no sshd would end it. */
#define SILENCE "while kill -0 $PPID 2>/dev/null; do sleep 0.1; done"

static int set_up(void **state) {
    static struct fixture f;
    f = (struct fixture){.server = {.name = "web03", .host = "127.0.0.1"},
                         .listener = -1,
                         .open_before = count_descriptors()};
    shell("rm -f known_hosts; cp id.pub authorized");
    assert_int_equal(cancel_new(&f.cancel, &f.err), 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    session_close(f->s);
    transport_free(f->t);
    cancel_free(f->cancel);
    end(&f->agent);
    end(&f->sshd);
    fd_close(&f->listener);
    /* a name server's answer may be waited for by a thread that nobody waits for any more */
    for (int i = 0; i < 300 && count_descriptors() != f->open_before; i++)
        usleep(50000);
    return count_descriptors() == f->open_before ? 0 : -1;
}

/* ---- sessions ------------------------------------------------------------------------------ */

static void runs_commands_one_after_another(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "");
    open_session(f);
    char expected[64];
    snprintf(expected, sizeof(expected), "127.0.0.1 port %d", f->port);
    assert_string_equal(session_address(f->s), expected);
    command_is(f, "echo ok", "ok\n", 0);
    command_is(f, "exit 3", "", 3);
    command_is(f, "kill -9 $$", "", 128 + SIGKILL);
    command_is(f, "echo; echo bad >&2; exit 255", "\n", 255);
    assert_string_equal(session_stderr(f->s), "bad");
    command_is(f, "yes | head -c 3000000 | wc -c", "3000000\n", 0);
}

static void carries_input_and_output(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "");
    open_session(f);
    static char data[3000000];
    memset(data, 'x', sizeof(data));
    int status;
    assert_int_equal(session_start(f->s, "tee copy | wc -c", deadline_in(5 * CLOCK_S), &f->err), 0);
    assert_int_equal(session_write(f->s, data, sizeof(data), deadline_in(20 * CLOCK_S), &f->err),
                     0);
    assert_int_equal(session_finish(f->s, deadline_in(5 * CLOCK_S), &status, &f->err), 0);
    assert_int_equal(status, 0);
    assert_int_equal(session_start(f->s, "cat", deadline_in(5 * CLOCK_S), &f->err), 0);
    assert_int_equal(session_write(f->s, "ping", 4, deadline_in(5 * CLOCK_S), &f->err), 0);
    char buf[16];
    assert_int_equal(session_read(f->s, buf, sizeof(buf), deadline_in(5 * CLOCK_S), &f->err), 4);
    assert_memory_equal(buf, "ping", 4);
}

static void is_not_held_up_by_standard_error(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "");
    open_session(f);
    command_is(f, "head -c 20000000 /dev/zero >&2; echo ok", "ok\n", 0);
    assert_in_range(strlen(session_stderr(f->s)), 1000, 4096);
}

static void reads_a_lot(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "");
    open_session(f);
    assert_int_equal(
        session_start(f->s, "head -c 50000000 /dev/zero", deadline_in(5 * CLOCK_S), &f->err), 0);
    size_t total = 0;
    char buf[30000];
    ssize_t n;
    while ((n = session_read(f->s, buf, sizeof(buf), deadline_in(20 * CLOCK_S), &f->err)) > 0)
        total += (size_t)n;
    assert_int_equal(n, 0);
    assert_int_equal(total, 50000000);
}

static void finishes_although_something_keeps_the_output_open(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "");
    open_session(f);
    int status;
    assert_int_equal(session_start(f->s, "sleep 8 & exit 4", deadline_in(5 * CLOCK_S), &f->err), 0);
    assert_int_equal(session_finish(f->s, deadline_in(5 * CLOCK_S), &status, &f->err), 0);
    assert_int_equal(status, 4);
    command_is(f, "echo next", "next\n", 0);
}

static void loses_a_connection_in_the_middle_of_a_read(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "");
    open_session(f);
    assert_int_equal(session_start(f->s, "echo $PPID; " SILENCE, deadline_in(5 * CLOCK_S), &f->err),
                     0);
    char buf[64] = "";
    assert_true(session_read(f->s, buf, sizeof(buf) - 1, deadline_in(5 * CLOCK_S), &f->err) > 0);
    /* as root there is one sshd for the session, else one more below it */
    shell("kill -9 %d", atoi(buf));
    int64_t before = clock_now();
    assert_int_equal(session_read(f->s, buf, sizeof(buf), deadline_in(20 * CLOCK_S), &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_CONNECTION_LOST);
    assert_true(clock_now() - before < 2 * CLOCK_S);
}

/* ---- keys ---------------------------------------------------------------------------------- */

static void logs_in_with_every_kind_of_key(void **state) {
    struct fixture *f = *state;
    static const char *const kinds[] = {"ed25519", "ecdsa", "rsa -b 2048", "rsa -b 2048 -m PEM",
                                        "ecdsa -m PKCS8"};
    start_sshd(f, "");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        shell("rm -f kind*; ssh-keygen -q -N '' -t %s -f kind; cat kind.pub >authorized", kinds[i]);
        char more[256];
        snprintf(more, sizeof(more), "IdentityFile %s/kind", dir);
        configure(f, more);
        make_transport(f);
        open_session(f);
        command_is(f, "echo ok", "ok\n", 0);
    }
}

static void logs_in_with_a_certificate(void **state) {
    struct fixture *f = *state;
    shell("rm -f cert* ca*; ssh-keygen -q -N '' -t ed25519 -f ca; ssh-keygen -q -N '' -t ed25519 "
          "-f cert; "
          "ssh-keygen -q -s ca -I me -n %s cert.pub; : >authorized",
          user);
    char more[256];
    snprintf(more, sizeof(more), "TrustedUserCAKeys %s/ca.pub", dir);
    start_sshd(f, more);
    snprintf(more, sizeof(more), "IdentityFile %s/cert", dir);
    configure(f, more);
    open_session(f);
    command_is(f, "echo ok", "ok\n", 0);

    start_agent(f);
    add_to_agent("cert");
    shell("rm cert cert.pub cert-cert.pub id-unused 2>/dev/null; true");
    use_agent(f, "");
    make_transport(f);
    open_session(f);
    command_is(f, "echo ok", "ok\n", 0);
}

static void says_what_was_refused(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    shell("rm -f other*; ssh-keygen -q -N '' -t ed25519 -f other; cp other.pub authorized");
    configure(f, "");
    open_fails(f, ERROR_AUTH, "web03 refused user");
    assert_non_null(strstr(f->err.text, "tried "));
    assert_non_null(strstr(f->err.text, path("id")));
    assert_non_null(strstr(f->err.text, "it takes publickey"));
}

static void names_the_encrypted_key_that_would_do(void **state) {
    struct fixture *f = *state;
    static const char *const ways[][2] = {
        {"-t ed25519", "locked, which is encrypted and there is no terminal"},
        {"-t ed25519 -Z aes256-gcm@openssh.com", "locked, which is encrypted with aes256-gcm@"},
        {"-t ed25519 -Z aes128-gcm@openssh.com", "locked, which is encrypted with aes128-gcm@"},
        {"-t rsa -b 2048 -Z chacha20-poly1305@openssh.com",
         "locked, which is encrypted with chacha20"},
        {"-t rsa -b 2048 -m PEM", "locked, which is encrypted and there is no terminal"},
        {"-t rsa -b 2048 -m PKCS8", "locked, which is encrypted and there is no terminal"}};
    start_sshd(f, "");
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        shell("rm -f locked*; ssh-keygen -q -a 1 -N secret %s -f locked; cp locked.pub authorized",
              ways[i][0]);
        char more[256];
        snprintf(more, sizeof(more), "IdentityFile %s/locked", dir);
        configure(f, more);
        make_transport(f);
        open_fails(f, ERROR_AUTH, ways[i][1]);
        assert_non_null(strstr(f->err.text, "ssh-add it"));
    }
}

static void takes_no_damaged_or_open_key(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    shell("rm -f bad1* bad2* bad3* bad4* open*; head -c 200 id >bad1; chmod 600 bad1; "
          "{ head -1 id; echo b3BlbnNzaC1rZXktdjEA/////w==; tail -1 id; } >bad2; : >bad3; "
          "head -c 3000 /dev/urandom >bad4; chmod 600 bad*; mkdir -p bad5; cp id open; "
          "chmod 644 open; cp id.pub open.pub");
    char more[600];
    snprintf(more, sizeof(more),
             "IdentitiesOnly yes\nIdentityFile %s/bad1\nIdentityFile %s/bad2\nIdentityFile "
             "%s/bad3\nIdentityFile %s/bad4\nIdentityFile %s/bad5\nIdentityFile %s/open\n",
             dir, dir, dir, dir, dir, dir);
    configure(f, more);
    shell("sed -i 's,IdentityFile %s/id$,,' config", dir);
    open_fails(f, ERROR_AUTH, "open, which may be read by others");
    assert_non_null(strstr(f->err.text, "bad2 is damaged"));
    assert_null(strstr(f->err.text, "tried"));
}

/* ---- agents -------------------------------------------------------------------------------- */

static void make_ten_keys(int right) {
    shell("for i in 1 2 3 4 5 6 7 8 9 10; do test -f ten$i || ssh-keygen -q -N '' -t ed25519 -f "
          "ten$i; done; cp ten%d.pub authorized; mv id hidden-id; mv id.pub hidden-id.pub",
          right);
}

static void unmake_ten_keys(void) {
    shell("mv hidden-id id; mv hidden-id.pub id.pub");
}

static void logs_in_with_an_agent(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    start_agent(f);
    shell("rm -f agented*; ssh-keygen -q -N '' -t ed25519 -f agented; cp agented.pub authorized");
    add_to_agent("agented");
    use_agent(f, "");
    open_session(f);
    command_is(f, "echo ok", "ok\n", 0);
    /* IdentitiesOnly leaves only the keys out that are no identity files */
    use_agent(f, "IdentitiesOnly yes");
    make_transport(f);
    open_fails(f, ERROR_AUTH, "refused user");
    char more[256];
    snprintf(more, sizeof(more), "IdentitiesOnly yes\nIdentityFile %s/agented.pub", dir);
    use_agent(f, more);
    make_transport(f);
    open_session(f);
}

static void finds_the_right_one_of_ten_keys(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "MaxAuthTries 20");
    start_agent(f);
    static const int right[] = {1, 4, 9, 10};
    for (size_t i = 0; i < ARRAY_LEN(right); i++) {
        make_ten_keys(right[i]);
        if (i == 0)
            add_to_agent("ten1 ten2 ten3 ten4 ten5 ten6 ten7 ten8 ten9 ten10");
        use_agent(f, "");
        make_transport(f);
        int rc = try_open(f, 20 * CLOCK_S);
        unmake_ten_keys();
        if (rc != 0)
            fail_msg("key %d: %s", right[i], f->err.text);
        command_is(f, "echo ok", "ok\n", 0);
    }
}

static void stops_when_the_server_has_had_enough_keys(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "MaxAuthTries 6");
    start_agent(f);
    make_ten_keys(9);
    add_to_agent("ten1 ten2 ten3 ten4 ten5 ten6 ten7 ten8 ten9 ten10");
    use_agent(f, "");
    int64_t before = clock_now();
    int rc = try_open(f, 20 * CLOCK_S);
    unmake_ten_keys();
    assert_int_equal(rc, -1);
    if (f->err.kind != ERROR_AUTH || !strstr(f->err.text, "Too many authentication failures"))
        fail_msg("%s", f->err.text);
    assert_non_null(strstr(f->err.text, "tried 6 keys of the agent"));
    assert_true(clock_now() - before < 5 * CLOCK_S);
    /* with the right key listed as an identity file it comes first */
    char more[256];
    snprintf(more, sizeof(more), "IdentityFile %s/ten9", dir);
    use_agent(f, more);
    make_transport(f);
    open_session(f);
}

static void uses_an_encrypted_key_by_the_agent(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    start_agent(f);
    shell(
        "rm -f locked*; ssh-keygen -q -N '' -t ed25519 -f locked; cp locked.pub authorized; "
        "SSH_AUTH_SOCK=agent ssh-add locked; "
        "ssh-keygen -q -p -a 1 -P '' -N secret -Z aes256-gcm@openssh.com -f locked; rm locked.pub");
    char more[256];
    snprintf(more, sizeof(more), "IdentitiesOnly yes\nIdentityFile %s/locked", dir);
    use_agent(f, more);
    open_session(f);
    command_is(f, "echo ok", "ok\n", 0);
}

static void does_without_an_agent_that_is_not_there(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    unlink(path("agent"));
    use_agent(f, "");
    open_session(f);
    shell("rm -f other*; ssh-keygen -q -N '' -t ed25519 -f other; cp other.pub authorized");
    open_fails(f, ERROR_AUTH, "does not answer");
}

/* An agent that accepts, and answers the first `answers` requests: none, or the list of keys. */
struct bad_agent {
    int fd;
    char *list;
    size_t len;
    bool dies; /* instead of signing */
};

static void *play_bad_agent(void *arg) {
    struct bad_agent *a = arg;
    for (;;) {
        int fd = accept(a->fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        char request[65536];
        ssize_t n = recv(fd, request, sizeof(request), 0);
        if (n >= 5 && request[4] == 11 && a->list)
            send(fd, a->list, a->len, MSG_NOSIGNAL);
        while (!a->dies && recv(fd, request, sizeof(request), 0) > 0)
            ;
        close(fd);
    }
}

static void listen_as_agent(struct bad_agent *a, pthread_t *thread) {
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", path("agent"));
    unlink(un.sun_path);
    a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(a->fd, (struct sockaddr *)&un, sizeof(un)), 0);
    assert_int_equal(listen(a->fd, 5), 0);
    assert_int_equal(pthread_create(thread, NULL, play_bad_agent, a), 0);
}

static void end_bad_agent(struct bad_agent *a, pthread_t thread) {
    shutdown(a->fd, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(a->fd);
    unlink(path("agent"));
}

static void does_without_an_agent_that_hangs(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    struct bad_agent a = {0};
    pthread_t thread;
    listen_as_agent(&a, &thread);
    use_agent(f, "");
    int rc = try_open(f, 20 * CLOCK_S);
    int64_t before = clock_now();
    int again = try_open(f, 20 * CLOCK_S);
    int64_t took = clock_now() - before;
    end_bad_agent(&a, thread);
    assert_int_equal(rc, 0);
    assert_int_equal(again, 0);
    assert_true(took < CLOCK_S); /* asked once a run only */
}

/* Records the list of a real agent with one key, and plays an agent that has only that. */
static void play_agent_with_list(struct fixture *f, struct bad_agent *a, pthread_t *thread) {
    static char list[4096];
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    start_agent(f);
    make_ten_keys(1);
    add_to_agent("ten1");
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", path("agent"));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    assert_int_equal(send(fd, "\0\0\0\1\13", 5, 0), 5);
    ssize_t n = recv(fd, list, sizeof(list), 0);
    close(fd);
    assert_true(n > 5);
    end(&f->agent);
    a->list = list;
    a->len = (size_t)n;
    listen_as_agent(a, thread);
    use_agent(f, "");
}

static void ends_at_the_deadline_when_the_agent_does_not_sign(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    struct bad_agent a = {0};
    pthread_t thread;
    play_agent_with_list(f, &a, &thread);
    f->settings.login_timeout = 1500 * CLOCK_MS;
    int64_t before = clock_now();
    int rc = try_open(f, 20 * CLOCK_S);
    int64_t took = clock_now() - before;
    unmake_ten_keys();
    end_bad_agent(&a, thread);
    assert_int_equal(rc, -1);
    if (f->err.kind != ERROR_TIMEOUT && f->err.kind != ERROR_AUTH)
        fail_msg("%s", f->err.text);
    assert_in_range(took, CLOCK_S, 4 * CLOCK_S);
}

static void does_without_an_agent_that_dies(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    struct bad_agent a = {.dies = true};
    pthread_t thread;
    play_agent_with_list(f, &a, &thread);
    int rc = try_open(f, 20 * CLOCK_S);
    end_bad_agent(&a, thread);
    unmake_ten_keys();
    assert_int_equal(rc, -1);
    if (f->err.kind != ERROR_AUTH ||
        !strstr(f->err.text, "would take a key of the agent, but the agent does not sign"))
        fail_msg("%s", f->err.text);
    /* another key does, once the agent has failed */
    shell("cat id.pub ten1.pub >authorized");
    listen_as_agent(&a, &thread);
    make_transport(f);
    rc = try_open(f, 20 * CLOCK_S);
    end_bad_agent(&a, thread);
    if (rc != 0)
        fail_msg("%s", f->err.text);
}

/* ---- host keys ----------------------------------------------------------------------------- */

static void refuses_an_unknown_host_key(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "");
    shell(": >known_hosts");
    open_fails(f, ERROR_HOST_KEY, "the host key of web03 is not known: ssh-ed25519 SHA256:");
}

static void refuses_a_changed_host_key(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "");
    shell("{ echo '# first'; printf '[127.0.0.1]:%%s %%s\\n' %d \"$(cut -d' ' -f1,2 id.pub)\"; } "
          ">known_hosts; ssh-keygen -lf host_ed25519.pub | cut -d' ' -f2 >new; "
          "ssh-keygen -lf id.pub | cut -d' ' -f2 >old",
          f->port);
    open_fails(f, ERROR_HOST_KEY, "known_hosts line 2 has ssh-ed25519 SHA256:");
    static const char *const prints[] = {"new", "old"};
    for (size_t i = 0; i < 2; i++) {
        struct str text = {0};
        assert_int_equal(fd_read_file(path(prints[i]), 1000, &text, &f->err), 0);
        text.data[strcspn(text.data, "\n")] = '\0';
        assert_int_equal(try_open(f, 20 * CLOCK_S), -1);
        assert_non_null(strstr(f->err.text, text.data));
        str_done(&text);
    }
}

static void refuses_a_revoked_host_key(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "StrictHostKeyChecking accept-new");
    shell("printf '@revoked * %%s\\n' \"$(cut -d' ' -f1,2 host_ed25519.pub)\" >>known_hosts");
    open_fails(f, ERROR_HOST_KEY, "is revoked");
}

static void keeps_a_new_host_key_when_asked_to(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "StrictHostKeyChecking accept-new\nHashKnownHosts yes");
    shell(": >known_hosts");
    open_session(f);
    open_session(f);
    shell("test $(grep -c '^|1|' known_hosts) = 1");
    configure(f, "");
    shell("true");
    make_transport(f);
    open_session(f);
}

static void asks_for_a_key_of_the_known_type(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "");
    shell("printf '[127.0.0.1]:%%s %%s\\n' %d \"$(cut -d' ' -f1,2 host_rsa.pub)\" >known_hosts",
          f->port);
    open_session(f);
}

/* ---- servers that misbehave ---------------------------------------------------------------- */

static void says_who_refused(void **state) {
    struct fixture *f = *state;
    f->port = free_port();
    configure(f, "");
    char sentence[64];
    snprintf(sentence, sizeof(sentence), "connection refused by 127.0.0.1 port %d", f->port);
    open_fails(f, ERROR_UNREACHABLE, sentence);
}

static void knows_no_such_name(void **state) {
    struct fixture *f = *state;
    f->port = free_port();
    configure(f, "");
    struct server server = {.name = "nowhere.invalid", .host = "nowhere.invalid"};
    f->settings.connect_timeout = 3 * CLOCK_S;
    make_transport(f);
    assert_int_equal(transport_open(f->t, &server, deadline_in(9 * CLOCK_S), &f->s, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_UNREACHABLE);
    assert_non_null(strstr(f->err.text, "the name nowhere.invalid"));
}

static void reaches_a_server_by_name(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "HostKeyAlias here");
    shell("printf 'here %%s\\n' \"$(cut -d' ' -f1,2 host_ed25519.pub)\" >known_hosts");
    struct server server = {.name = "localhost", .host = "localhost"};
    make_transport(f);
    if (transport_open(f->t, &server, deadline_in(9 * CLOCK_S), &f->s, &f->err) != 0)
        fail_msg("%s", f->err.text);
    command_is(f, "echo ok", "ok\n", 0);
}

/* A listener whose queue is full: it swallows what comes. */
static void swallow(struct fixture *f, int extra[4]) {
    f->port = listen_anywhere(&f->listener, 0);
    for (int i = 0; i < 4; i++) {
        struct sockaddr_in a = address(f->port);
        extra[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(connect(extra[i], (struct sockaddr *)&a, sizeof(a)) == 0 ||
                    errno == EINPROGRESS);
    }
    usleep(50000);
}

static void waits_no_longer_for_a_connection_than_told(void **state) {
    struct fixture *f = *state;
    int extra[4];
    swallow(f, extra);
    configure(f, "");
    f->settings.connect_timeout = 500 * CLOCK_MS;
    int64_t before = clock_now();
    char sentence[80];
    snprintf(sentence, sizeof(sentence),
             "no answer from 127.0.0.1 port %d within 500ms (ssh.connect_timeout)", f->port);
    open_fails(f, ERROR_UNREACHABLE, sentence);
    assert_in_range(clock_now() - before, 450 * CLOCK_MS, 2 * CLOCK_S);
    f->settings.connect_timeout = 0;
    make_transport(f);
    before = clock_now();
    assert_int_equal(try_open(f, 500 * CLOCK_MS), -1);
    assert_int_equal(f->err.kind, ERROR_TIMEOUT);
    assert_true(clock_now() - before < 2 * CLOCK_S);
    for (int i = 0; i < 4; i++)
        close(extra[i]);
}

static void waits_no_longer_for_a_banner_than_told(void **state) {
    struct fixture *f = *state;
    f->port = listen_anywhere(&f->listener, 5);
    configure(f, "");
    f->settings.login_timeout = 500 * CLOCK_MS;
    int64_t before = clock_now();
    open_fails(f, ERROR_TIMEOUT, "no SSH banner from 127.0.0.1 port");
    assert_non_null(strstr(f->err.text, "within 500ms"));
    assert_in_range(clock_now() - before, 450 * CLOCK_MS, 2 * CLOCK_S);
}

/* Serves one connection: sends `say`, then waits, or closes. */
struct mute {
    int listener;
    const char *say;
    enum { STAYS, CLOSES, ANSWERS, RESETS, DRIPS } way;
};

static void *play_mute(void *arg) {
    struct mute *m = arg;
    char scrap[4096];
    int fd = accept(m->listener, NULL, NULL);
    if (fd < 0)
        return NULL;
    if (m->way == ANSWERS || m->way == RESETS) /* speaks second */
        assert_true(recv(fd, scrap, 4, 0) > 0);
    size_t step = m->way == DRIPS ? 1 : strlen(m->say);
    for (const char *p = m->say; *p && send(fd, p, step, MSG_NOSIGNAL) > 0; p += step)
        usleep(m->way == DRIPS ? 50000 : 0);
    if (m->way == CLOSES || m->way == ANSWERS)
        shutdown(fd, SHUT_WR);
    /* what is closed with something unread is reset */
    while (m->way != RESETS && recv(fd, scrap, sizeof(scrap), 0) > 0)
        ;
    close(fd);
    return NULL;
}

static void mute_makes(struct fixture *f, struct mute m, enum error_kind kind, const char *with) {
    fd_close(&f->listener);
    f->port = listen_anywhere(&f->listener, 5);
    configure(f, "");
    f->settings.login_timeout = 700 * CLOCK_MS;
    make_transport(f);
    m.listener = f->listener;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, play_mute, &m), 0);
    int64_t before = clock_now();
    int rc = try_open(f, 20 * CLOCK_S);
    int64_t took = clock_now() - before;
    pthread_join(thread, NULL);
    assert_int_equal(rc, -1);
    if (f->err.kind != kind || !strstr(f->err.text, with))
        fail_msg("after '%s': kind %d: %s", m.say, f->err.kind, f->err.text);
    assert_in_range(took, kind == ERROR_TIMEOUT ? 690 * CLOCK_MS : 0, 2 * CLOCK_S);
}

static void judges_servers_that_break_off(void **state) {
    struct fixture *f = *state;
    mute_makes(f, (struct mute){.say = "", .way = CLOSES}, ERROR_UNREACHABLE,
               "was closed before its SSH banner came");
    mute_makes(f, (struct mute){.say = "", .way = RESETS}, ERROR_UNREACHABLE,
               "failed before its SSH banner came: Connection reset by peer");
    mute_makes(f, (struct mute){.say = "Exceeded MaxStartups\r\n", .way = ANSWERS},
               ERROR_UNREACHABLE,
               "was closed before its SSH banner came: it says Exceeded MaxStartups");
    mute_makes(f, (struct mute){.say = "HTTP/1.1 400 Bad\x1b[1m\r\nA: b\r\n\r\n", .way = ANSWERS},
               ERROR_UNREACHABLE, "it says HTTP/1.1 400 Bad\\x1b[1m");
    mute_makes(f, (struct mute){.say = "SSH-2.0-x\r\n", .way = CLOSES}, ERROR_UNREACHABLE,
               "failed in the key exchange: the server closed it");
    mute_makes(f, (struct mute){.say = "SSH-1.5-x\r\n", .way = STAYS}, ERROR_UNREACHABLE,
               "in the key exchange: No version of SSH protocol usable");
    static const char garbage[] = "SSH-2.0-x\r\n\377\377\377\377junk junk junk junk";
    mute_makes(f, (struct mute){.say = garbage, .way = STAYS}, ERROR_UNREACHABLE,
               "failed in the key exchange");
    char noise[2000] = "";
    memset(noise, 0x81, sizeof(noise) - 1);
    mute_makes(f, (struct mute){.say = noise, .way = ANSWERS}, ERROR_UNREACHABLE,
               "banner: it says \\x81\\x81");
}

static void judges_servers_that_stop(void **state) {
    struct fixture *f = *state;
    mute_makes(f, (struct mute){.say = "", .way = STAYS}, ERROR_TIMEOUT, "within 700ms");
    mute_makes(f, (struct mute){.say = "220 mail\r\n", .way = STAYS}, ERROR_TIMEOUT,
               "within 700ms (ssh.login_timeout): it says 220 mail");
    mute_makes(f, (struct mute){.say = "SSH-2.0-x\r\n", .way = STAYS}, ERROR_TIMEOUT,
               "no end of the key exchange with 127.0.0.1 port");
    mute_makes(f, (struct mute){.say = "SSH-2.0-one_byte_each_50_ms", .way = DRIPS}, ERROR_TIMEOUT,
               "no SSH banner from 127.0.0.1 port");
    assert_null(strstr(f->err.text, "it says"));
    mute_makes(f, (struct mute){.say = "a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\nh\r\ni", .way = DRIPS},
               ERROR_TIMEOUT, "within 700ms (ssh.login_timeout): it says a");
}

/* One connection to the sshd, whose words come after a greeting, and so late that there are more of
 * them by then. */
struct relay {
    struct fixture *f;
    const char *greeting;
    int delay; /* us */
};

static void *play_relay(void *arg) {
    struct relay *r = arg;
    int ends[2] = {accept(r->f->listener, NULL, NULL), dial(r->f->port)};
    send(ends[0], r->greeting, strlen(r->greeting), MSG_NOSIGNAL);
    struct pollfd set[2] = {{.fd = ends[0], .events = POLLIN}, {.fd = ends[1], .events = POLLIN}};
    for (bool open = true; open && poll(set, 2, 10000) > 0;)
        for (int i = 0; i < 2; i++) {
            char buf[65536];
            if (!set[i].revents)
                continue;
            if (i == 1 && !(set[0].revents & POLLIN))
                usleep(r->delay);
            ssize_t n = recv(ends[i], buf, sizeof(buf), MSG_DONTWAIT);
            if (n > 0)
                n = send(ends[!i], buf, (size_t)n, MSG_NOSIGNAL);
            open = open && (n > 0 || (n < 0 && errno == EAGAIN));
        }
    close(ends[0]);
    close(ends[1]);
    return NULL;
}

static int open_relayed(struct fixture *f, struct relay r) {
    pthread_t thread;
    r.f = f;
    fd_close(&f->listener);
    f->server.port = listen_anywhere(&f->listener, 5);
    shell("sed 's/:%d/:%d/' known_hosts >>known_hosts", f->port, f->server.port);
    make_transport(f);
    assert_int_equal(pthread_create(&thread, NULL, play_relay, &r), 0);
    int rc = try_open(f, 20 * CLOCK_S);
    if (rc == 0)
        command_is(f, "echo ok", "ok\n", 0);
    session_close(f->s);
    f->s = NULL;
    pthread_join(thread, NULL);
    return rc;
}

#define SHORT (400 * CLOCK_MS)

/* Passes the sshd's words on until there were so many bytes of them; then it is silent, or resets.
 */
struct short_relay {
    struct fixture *f;
    size_t limit;
    bool resets;
    size_t passed; /* in the end */
};

static void *play_short_relay(void *arg) {
    struct short_relay *r = arg;
    int ends[2] = {accept(r->f->listener, NULL, NULL), dial(r->f->port)};
    struct pollfd set[2] = {{.fd = ends[0], .events = POLLIN}, {.fd = ends[1], .events = POLLIN}};
    char buf[65536];
    for (bool open = true; open && poll(set, 2, 10000) > 0;) {
        ssize_t n = 1;
        if (set[0].revents && (n = recv(ends[0], buf, sizeof(buf), MSG_DONTWAIT)) > 0)
            send(ends[1], buf, (size_t)n, MSG_NOSIGNAL);
        open = n > 0;
        size_t room = r->limit - r->passed;
        if (set[1].revents &&
            (n = recv(ends[1], buf, room < sizeof(buf) ? room : sizeof(buf), MSG_DONTWAIT)) > 0)
            r->passed += (size_t)send(ends[0], buf, (size_t)n, MSG_NOSIGNAL);
        if (r->passed == r->limit) {
            set[1].fd = -1;
            set[1].revents = 0;
            open = open && !r->resets;
        }
    }
    if (r->resets)
        setsockopt(ends[0], SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(ends[0]);
    close(ends[1]);
    return NULL;
}

/* From the connection to the end of a command; the error where it ended earlier. */
static int whole_session(struct fixture *f) {
    char buf[64];
    int status;
    if (transport_open(f->t, &f->server, deadline_in(20 * CLOCK_S), &f->s, &f->err) != 0)
        return -1;
    int64_t within = f->settings.login_timeout ? f->settings.login_timeout : 20 * CLOCK_S;
    int64_t soon = deadline_in(within);
    return session_start(f->s, "echo ok", soon, &f->err) != 0 ||
                   session_read(f->s, buf, sizeof(buf), soon, &f->err) < 0 ||
                   session_finish(f->s, soon, &status, &f->err) != 0
               ? -1
               : 0;
}

/* How many bytes of the sshd's were passed on. */
static size_t run_short(struct fixture *f, size_t limit, bool resets, int *rc, int64_t *closing) {
    pthread_t thread;
    struct short_relay r = {.f = f, .limit = limit, .resets = resets};
    assert_int_equal(pthread_create(&thread, NULL, play_short_relay, &r), 0);
    *rc = whole_session(f);
    int64_t before = clock_now();
    session_close(f->s);
    *closing = clock_now() - before;
    f->s = NULL;
    pthread_join(thread, NULL);
    return r.passed;
}

/* Whether the error is one that a silence or a reset at that place may have. */
static bool is_fit(const struct error *err, bool resets) {
    static const char *const stages[] = {"SSH banner", "the key exchange", "the login", "command",
                                         "channel"};
    bool stage = false;
    for (size_t i = 0; i < ARRAY_LEN(stages); i++)
        stage |= strstr(err->text, stages[i]) != NULL;
    if (resets)
        return stage && (err->kind == ERROR_UNREACHABLE || err->kind == ERROR_CONNECTION_LOST);
    return stage && err->kind == ERROR_TIMEOUT;
}

/* Whatever byte is the last one: of the banner, key exchange, login, channel or output. */
static void falls_short(struct fixture *f, size_t whole, bool resets) {
    int64_t closing, worst = 0;
    int rc;
    make_transport(f);
    for (size_t i = 0; i < 12; i++) {
        size_t limit = i < 2 ? i : whole * i / 12;
        int64_t before = clock_now();
        run_short(f, limit, resets, &rc, &closing);
        int64_t took = clock_now() - before;
        if (rc == 0 || !is_fit(&f->err, resets))
            fail_msg("after %zu of %zu bytes: %d, kind %d: %s", limit, whole, rc, f->err.kind,
                     f->err.text);
        assert_in_range(took, resets ? 0 : SHORT - 10 * CLOCK_MS, 3 * CLOCK_S);
        worst = closing > worst ? closing : worst;
    }
    print_message("# closed in %lld us at most\n", (long long)(worst / CLOCK_US));
    assert_true(worst < 2 * CLOCK_S);
}

static void ends_wherever_the_server_falls_silent_or_breaks_off(void **state) {
    struct fixture *f = *state;
    int rc;
    int64_t closing;
    start_sshd(f, "");
    configure(f, "");
    f->server.port = listen_anywhere(&f->listener, 5);
    shell("sed 's/:%d/:%d/' known_hosts >>known_hosts", f->port, f->server.port);
    make_transport(f);
    size_t whole = run_short(f, SIZE_MAX, false, &rc, &closing);
    if (rc != 0)
        fail_msg("%s", f->err.text);
    falls_short(f, whole, true);
    f->settings.connect_timeout = f->settings.login_timeout = SHORT;
    falls_short(f, whole, false);
}

/* What may come before a banner (RFC 4253, 4.2). */
static void passes_over_what_comes_before_the_banner(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "");
    if (open_relayed(f, (struct relay){.greeting = "Welcome\r\nto the bastion\r\n"}) != 0)
        fail_msg("%s", f->err.text);
}

/* The library forgets the words of a mismatch when the banner and the offer come at once. */
static void hears_a_mismatch_that_comes_with_the_banner(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "Ciphers aes256-ctr");
    configure(f, "Ciphers aes128-ctr");
    assert_int_equal(open_relayed(f, (struct relay){.greeting = "", .delay = 300000}), -1);
    if (!strstr(f->err.text, "have no cipher in common: the server has aes256-ctr"))
        fail_msg("%s", f->err.text);
}

static void says_which_algorithms_do_not_match(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "Ciphers aes256-ctr");
    configure(f, "Ciphers aes128-ctr");
    open_fails(f, ERROR_UNREACHABLE, "have no cipher in common: the server has aes256-ctr");
}

static void leaves_to_the_ssh_program_what_only_that_can(void **state) {
    struct fixture *f = *state;
    static const char *const only[] = {"KexAlgorithms sntrup761x25519-sha512@openssh.com",
                                       "Ciphers aes256-ctr\nMACs umac-64-etm@openssh.com"};
    for (size_t i = 0; i < ARRAY_LEN(only); i++) {
        start_sshd(f, only[i]);
        configure(f, "");
        make_transport(f);
        open_session(f);
        command_is(f, "echo ok", "ok\n", 0);
        assert_non_null(strstr(session_address(f->s), "ssh pid "));
        /* a user who wants something else does not get it from the program either */
        configure(f, i == 0 ? "KexAlgorithms -sntrup*" : "MACs hmac-sha2-256");
        make_transport(f);
        open_fails(f, ERROR_UNREACHABLE, "in common: the server has ");
        end(&f->sshd);
    }
}

static void ends_a_login_at_its_deadline(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "");
    f->settings.login_timeout = CLOCK_MS; /* a login takes more than that */
    open_fails(f, ERROR_TIMEOUT, "within 1ms");
}

/* ---- deadlines and the end of a run -------------------------------------------------------- */

static void ends_reads_and_writes_at_their_deadline(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "");
    open_session(f);
    assert_int_equal(session_start(f->s, SILENCE, deadline_in(5 * CLOCK_S), &f->err), 0);
    char buf[100];
    int64_t before = clock_now();
    assert_int_equal(session_read(f->s, buf, sizeof(buf), deadline_in(300 * CLOCK_MS), &f->err),
                     -1);
    assert_int_equal(f->err.kind, ERROR_TIMEOUT);
    assert_in_range(clock_now() - before, 280 * CLOCK_MS, 2 * CLOCK_S);

    open_session(f);
    static char data[16 * 1024 * 1024];
    assert_int_equal(session_start(f->s, SILENCE, deadline_in(5 * CLOCK_S), &f->err), 0);
    before = clock_now();
    assert_int_equal(session_write(f->s, data, sizeof(data), deadline_in(300 * CLOCK_MS), &f->err),
                     -1);
    assert_int_equal(f->err.kind, ERROR_TIMEOUT);
    assert_in_range(clock_now() - before, 280 * CLOCK_MS, 2 * CLOCK_S);

    open_session(f);
    int status;
    assert_int_equal(session_start(f->s, SILENCE, deadline_in(5 * CLOCK_S), &f->err), 0);
    assert_int_equal(session_finish(f->s, deadline_in(300 * CLOCK_MS), &status, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_TIMEOUT);
}

/* A server that is stopped takes nothing any more, not even at the level of its socket. */
/* Half a line has come by then, and the other half is still to come. */
static void goes_on_after_a_read_in_vain(struct fixture *f) {
    char buf[100];
    assert_int_equal(session_start(f->s, "printf half; read x; echo \", $x\"; exit 3",
                                   deadline_in(20 * CLOCK_S), &f->err),
                     0);
    ssize_t n = session_read(f->s, buf, sizeof(buf), deadline_in(20 * CLOCK_S), &f->err);
    assert_int_equal(n, 4);
    for (int i = 0; i < 3; i++) {
        n = session_read(f->s, buf, sizeof(buf), deadline_in(50 * CLOCK_MS), &f->err);
        assert_int_equal(n, -1);
        assert_int_equal(f->err.kind, ERROR_TIMEOUT);
    }
    if (session_write(f->s, "whole\n", 6, deadline_in(20 * CLOCK_S), &f->err) != 0)
        fail_msg("%s", f->err.text);
    assert_string_equal(read_all(f), ", whole\n");
    int status;
    if (session_finish(f->s, deadline_in(20 * CLOCK_S), &status, &f->err) != 0)
        fail_msg("%s", f->err.text);
    assert_int_equal(status, 3);
}

static void a_read_may_be_tried_again(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "");
    open_session(f);
    goes_on_after_a_read_in_vain(f);
    configure(f, "PKCS11Provider /nonexistent.so"); /* for the ssh program */
    make_transport(f);
    open_session(f);
    goes_on_after_a_read_in_vain(f);
    assert_non_null(strstr(session_address(f->s), "ssh pid "));
}

static void ends_a_write_that_nobody_takes(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "");
    open_session(f);
    assert_int_equal(
        session_start(f->s, "echo $PPID; cat >/dev/null", deadline_in(5 * CLOCK_S), &f->err), 0);
    char buf[64] = "";
    assert_true(session_read(f->s, buf, sizeof(buf) - 1, deadline_in(5 * CLOCK_S), &f->err) > 0);
    pid_t pid = atoi(buf);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    static char data[16 * 1024 * 1024];
    int64_t before = clock_now();
    int rc = session_write(f->s, data, sizeof(data), deadline_in(300 * CLOCK_MS), &f->err);
    int64_t took = clock_now() - before;
    before = clock_now();
    session_close(f->s);
    f->s = NULL;
    int64_t closed = clock_now() - before;
    kill(pid, SIGCONT);
    assert_int_equal(rc, -1);
    assert_int_equal(f->err.kind, ERROR_TIMEOUT);
    assert_true(took < 2 * CLOCK_S);
    assert_true(closed < 2 * CLOCK_S);
}

/* The process that serves the session, which the session's command has printed. */
static pid_t start_and_freeze(struct fixture *f) {
    char buf[64] = "";
    open_session(f);
    assert_int_equal(session_start(f->s, "echo $PPID; " SILENCE, deadline_in(5 * CLOCK_S), &f->err),
                     0);
    assert_true(session_read(f->s, buf, sizeof(buf) - 1, deadline_in(5 * CLOCK_S), &f->err) > 0);
    assert_int_equal(kill(atoi(buf), SIGSTOP), 0);
    return atoi(buf);
}

static void gives_up_a_server_that_answers_no_keepalive(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "ServerAliveInterval 1\nServerAliveCountMax 1");
    pid_t pid = start_and_freeze(f);
    char buf[64];
    int64_t before = clock_now();
    int rc = (int)session_read(f->s, buf, sizeof(buf), deadline_in(20 * CLOCK_S), &f->err);
    int64_t took = clock_now() - before;
    kill(pid, SIGCONT);
    assert_int_equal(rc, -1);
    assert_int_equal(f->err.kind, ERROR_CONNECTION_LOST);
    assert_non_null(strstr(f->err.text, "no answer to 1 keepalive"));
    assert_in_range(took, 1900 * CLOCK_MS, 4 * CLOCK_S);
}

/* The answers count, one after another, although nothing else is said. */
static void waits_for_a_server_that_answers_keepalives(void **state) {
    struct fixture *f = *state;
    unlink(path("program.log"));
    start_sshd(f, "LogLevel DEBUG3");
    configure(f, "ServerAliveInterval 1\nServerAliveCountMax 3");
    open_session(f);
    command_is(f, "sleep 6.5; echo ok", "ok\n", 0);
    shell("test $(grep -c 'rtype keepalive@openssh.com want_reply 1' program.log) -ge 3");
}

static int rekeys(void) {
    shell("grep -c 'set_newkeys: mode 1' program.log >count || true");
    struct str text = {0};
    struct error err;
    assert_int_equal(fd_read_file(path("count"), 100, &text, &err), 0);
    int n = atoi(text.data);
    str_done(&text);
    return n;
}

static void exchanges_keys_anew(void **state) {
    struct fixture *f = *state;
    unlink(path("program.log"));
    start_sshd(f, "LogLevel DEBUG3");
    configure(f, "RekeyLimit 1M");
    open_session(f);
    command_is(f, "head -c 9000000 /dev/zero | tr '\\0' x | tee /dev/stderr | wc -c", "9000000\n",
               0);
    int by_bytes = rekeys();
    assert_in_range(by_bytes, 5, 12);
    configure(f, "RekeyLimit default 1");
    make_transport(f);
    open_session(f);
    command_is(f, "for i in 1 2 3 4 5 6; do sleep 0.5; echo $i; done", "1\n2\n3\n4\n5\n6\n", 0);
    assert_in_range(rekeys(), by_bytes + 2, by_bytes + 5);
}

static void sends_the_environment(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "AcceptEnv MINE HERE_*");
    setenv("HERE_A", "from here", 1);
    setenv("HERE_B", "", 1);
    configure(f, "SetEnv MINE=set\\ here OTHER=refused\nSendEnv HERE_*");
    open_session(f);
    for (int i = 0; i < 2; i++)
        command_is(f, "echo \"$MINE,$HERE_A,${HERE_B-unset},$OTHER\"", "set here,from here,,\n", 0);
    unsetenv("HERE_A");
    unsetenv("HERE_B");
}

static void *fire_soon(void *arg) {
    usleep(200000);
    cancel_fire(arg);
    return NULL;
}

/* Fires the token while `work` goes on, which must end at once as interrupted. */
static void is_interrupted(struct fixture *f, int (*work)(struct fixture *f)) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fire_soon, f->cancel), 0);
    int64_t before = clock_now();
    int rc = work(f);
    int64_t took = clock_now() - before;
    pthread_join(thread, NULL);
    assert_int_equal(rc, -1);
    if (f->err.kind != ERROR_INTERRUPTED)
        fail_msg("kind %d: %s", f->err.kind, f->err.text);
    assert_in_range(took, 150 * CLOCK_MS, CLOCK_S);
    session_close(f->s);
    f->s = NULL;
    transport_free(f->t);
    f->t = NULL;
    cancel_free(f->cancel);
    assert_int_equal(cancel_new(&f->cancel, &f->err), 0);
}

static int work_open(struct fixture *f) {
    return try_open(f, 20 * CLOCK_S);
}

static int work_read(struct fixture *f) {
    char buf[10];
    return session_read(f->s, buf, sizeof(buf), deadline_in(20 * CLOCK_S), &f->err) < 0 ? -1 : 0;
}

static int work_write(struct fixture *f) {
    static char data[16 * 1024 * 1024];
    return session_write(f->s, data, sizeof(data), deadline_in(20 * CLOCK_S), &f->err);
}

static int work_finish(struct fixture *f) {
    int status;
    return session_finish(f->s, deadline_in(20 * CLOCK_S), &status, &f->err);
}

static void ends_at_once_with_the_run(void **state) {
    struct fixture *f = *state;
    int extra[4];
    swallow(f, extra);
    configure(f, "");
    is_interrupted(f, work_open); /* connecting */
    for (int i = 0; i < 4; i++)
        close(extra[i]);
    fd_close(&f->listener);
    f->port = listen_anywhere(&f->listener, 5);
    configure(f, "");
    is_interrupted(f, work_open); /* waiting for a banner */
    fd_close(&f->listener);
    start_sshd(f, "");
    configure(f, "");
    int (*const works[])(struct fixture *) = {work_read, work_write, work_finish};
    for (size_t i = 0; i < ARRAY_LEN(works); i++) {
        open_session(f);
        assert_int_equal(session_start(f->s, SILENCE, deadline_in(5 * CLOCK_S), &f->err), 0);
        is_interrupted(f, works[i]);
    }
    cancel_fire(f->cancel);
    open_fails(f, ERROR_INTERRUPTED, "ended");
}

/* ---- many ---------------------------------------------------------------------------------- */

static void *open_one(void *arg) {
    struct fixture *f = arg;
    struct fixture mine = {.t = f->t, .server = f->server};
    char buf[16];
    int status = -1;
    if (try_open(&mine, 60 * CLOCK_S) == 0 &&
        session_start(mine.s, "echo ok", deadline_in(60 * CLOCK_S), &mine.err) == 0 &&
        session_read(mine.s, buf, sizeof(buf), deadline_in(60 * CLOCK_S), &mine.err) == 3 &&
        session_finish(mine.s, deadline_in(60 * CLOCK_S), &status, &mine.err) == 0 && status == 0) {
        session_close(mine.s);
        return NULL;
    }
    fprintf(stderr, "%s\n", mine.err.text);
    session_close(mine.s);
    return (void *)1;
}

#define MANY 100

static void open_many(struct fixture *f) {
    pthread_t threads[MANY];
    int failed = 0;
    make_transport(f);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_one, f), 0);
    for (int i = 0; i < MANY; i++) {
        void *result;
        pthread_join(threads[i], &result);
        failed += result != NULL;
    }
    assert_int_equal(failed, 0);
    assert_in_range(transport_ssh_most_handshakes(f->t), 2, 8);
}

static void opens_many_through_the_gate(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "");
    f->settings.handshakes = 8;
    open_many(f);
}

static void opens_many_by_an_agent(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    start_agent(f);
    add_to_agent("id");
    use_agent(f, "");
    f->settings.handshakes = 8;
    open_many(f);
}

/* Servers that never speak must not hold the gate for as long as they last. */
static void is_not_held_up_by_silent_servers(void **state) {
    struct fixture *f = *state;
    int silent_port = listen_anywhere(&f->listener, 50);
    start_sshd(f, "");
    configure(f, "");
    f->settings.handshakes = 2;
    make_transport(f);
    pthread_t threads[2];
    struct fixture silent = {.t = f->t, .server = f->server};
    silent.server.port = silent_port;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_one, &silent), 0);
    usleep(200000);
    int64_t before = clock_now();
    open_session(f);
    int64_t took = clock_now() - before;
    cancel_fire(f->cancel);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_in_range(took, CLOCK_S, 6 * CLOCK_S);
}

/* ---- passwords ----------------------------------------------------------------------------- */

/* A server of libssh's that takes one password, by one method, and lets in once. */
struct doorman {
    int listener;
    ssh_session session;
    int method;
    int asked; /* how often a password was offered */
    bool in;
};

static bool is_right(struct doorman *d, const char *password) {
    d->asked++;
    return password && strcmp(password, "open sesame") == 0;
}

static void judge_interactive(struct doorman *d, ssh_message m) {
    static const char *prompts[] = {"Password: "};
    static char echo[] = {0};
    if (!ssh_message_auth_kbdint_is_response(m)) {
        ssh_message_auth_interactive_request(m, "", "", 1, prompts, echo);
        return;
    }
    d->in = is_right(d, ssh_userauth_kbdint_getanswer(d->session, 0));
    if (d->in)
        ssh_message_auth_reply_success(m, 0);
    else
        ssh_message_reply_default(m);
}

/* the callbacks that replace it cannot answer in turns, as the other method needs */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static const char *password_of(ssh_message m) {
    return ssh_message_auth_password(m);
}
#pragma GCC diagnostic pop

static void judge_message(struct doorman *d, ssh_message m) {
    bool auth = ssh_message_type(m) == SSH_REQUEST_AUTH;
    if (auth && ssh_message_subtype(m) == SSH_AUTH_METHOD_INTERACTIVE &&
        d->method == SSH_AUTH_METHOD_INTERACTIVE) {
        judge_interactive(d, m);
        return;
    }
    ssh_message_auth_set_methods(m, d->method);
    if (auth && ssh_message_subtype(m) == SSH_AUTH_METHOD_PASSWORD &&
        d->method == SSH_AUTH_METHOD_PASSWORD && is_right(d, password_of(m))) {
        d->in = true;
        ssh_message_auth_reply_success(m, 0);
        return;
    }
    ssh_message_reply_default(m);
}

static void *play_doorman(void *arg) {
    struct doorman *d = arg;
    int fd = accept(d->listener, NULL, NULL);
    ssh_bind bind = ssh_bind_new();
    d->session = ssh_new();
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HOSTKEY, path("host_ed25519"));
    if (ssh_bind_accept_fd(bind, d->session, fd) == SSH_OK &&
        ssh_handle_key_exchange(d->session) == SSH_OK) {
        ssh_message m;
        while ((m = ssh_message_get(d->session))) {
            judge_message(d, m);
            ssh_message_free(m);
        }
    }
    ssh_silent_disconnect(d->session);
    ssh_free(d->session);
    ssh_bind_free(bind);
    return NULL;
}

/* Logs in with a password; whether it got in, and how often the server was offered one. */
static bool knocks(struct fixture *f, int method, const char *password, int *asked) {
    fd_close(&f->listener);
    f->port = listen_anywhere(&f->listener, 5);
    configure(f, "");
    f->settings.password = password;
    make_transport(f);
    struct doorman d = {.listener = f->listener, .method = method};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, play_doorman, &d), 0);
    int rc = try_open(f, 20 * CLOCK_S);
    session_close(f->s);
    f->s = NULL;
    pthread_join(thread, NULL);
    *asked = d.asked;
    assert_int_equal(rc == 0, d.in);
    return rc == 0;
}

static void gives_the_password_once(void **state) {
    struct fixture *f = *state;
    static const int methods[] = {SSH_AUTH_METHOD_PASSWORD, SSH_AUTH_METHOD_INTERACTIVE};
    int asked;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        assert_true(knocks(f, methods[i], "open sesame", &asked));
        assert_int_equal(asked, 1);
        assert_false(knocks(f, methods[i], "swordfish", &asked));
        assert_int_equal(asked, 1);
        assert_int_equal(f->err.kind, ERROR_AUTH);
        assert_non_null(strstr(f->err.text, "the password"));
        assert_null(strstr(f->err.text, "swordfish"));
        assert_false(knocks(f, methods[i], NULL, &asked));
        assert_int_equal(asked, 0);
    }
}

/* ---- the ssh program ----------------------------------------------------------------------- */

static void is_carried_by_the_ssh_program(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "PermitLocalCommand yes\nLocalCommand true");
    open_session(f);
    command_is(f, "echo ok", "ok\n", 0);
    command_is(f, "echo out; exit 3", "out\n", 3);
    command_is(f, "echo out; exit 255", "out\n", 255);
    assert_non_null(strstr(session_address(f->s), "ssh pid "));
}

/* What the PATH that the test has is with a klist that ends with `status`. */
static char *path_with_klist(int status) {
    static char text[4096];
    shell("mkdir -p bin; printf '#!/bin/sh\\nexit %d\\n' >bin/klist; chmod +x bin/klist", status);
    snprintf(text, sizeof(text), "%s:%s", path("bin"), getenv("PATH"));
    return text;
}

static void leaves_kerberos_to_the_ssh_program(void **state) {
    struct fixture *f = *state;
    static const struct {
        int klist;
        const char *gssapi;
        bool program;
    } cases[] = {{0, "yes", true}, {1, "yes", false}, {0, "no", false}};
    cleanup(free_ptr) char *before = strdup(getenv("PATH"));
    start_sshd(f, "GSSAPIAuthentication yes");
    shell("rm -f other*; ssh-keygen -q -N '' -t ed25519 -f other; cp other.pub authorized");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char more[64];
        snprintf(more, sizeof(more), "GSSAPIAuthentication %s", cases[i].gssapi);
        setenv("PATH", path_with_klist(cases[i].klist), 1);
        configure(f, more);
        make_transport(f);
        int rc = try_open(f, 20 * CLOCK_S);
        setenv("PATH", before, 1);
        assert_int_equal(rc == 0, cases[i].program);
        if (!cases[i].program)
            assert_int_equal(f->err.kind, ERROR_AUTH);
    }
}

static void says_what_the_ssh_program_is_needed_for(void **state) {
    struct fixture *f = *state;
    start_sshd(f, "");
    configure(f, "PKCS11Provider /nonexistent.so");
    make_transport(f);
    open_session(f);
    cleanup(free_ptr) char *before = strdup(getenv("PATH"));
    setenv("PATH", "/nonexistent", 1);
    int rc = session_start(f->s, "echo ok", deadline_in(20 * CLOCK_S), &f->err);
    setenv("PATH", before, 1);
    assert_int_equal(rc, -1);
    assert_int_equal(f->err.kind, ERROR_UNREACHABLE);
    assert_string_equal(f->err.text, "web03 needs the ssh program (PKCS11Provider is set), and "
                                     "there is none in $PATH");
}

static void program_fails(struct fixture *f, enum error_kind kind) {
    char buf[16];
    make_transport(f);
    open_session(f);
    assert_int_equal(session_start(f->s, "echo ok", deadline_in(20 * CLOCK_S), &f->err), 0);
    assert_int_equal(session_read(f->s, buf, sizeof(buf), deadline_in(20 * CLOCK_S), &f->err), -1);
    if (f->err.kind != kind)
        fail_msg("kind %d: %s", f->err.kind, f->err.text);
}

static void translates_what_the_ssh_program_says(void **state) {
    struct fixture *f = *state;
    static const char proxy[] = "PermitLocalCommand yes\nLocalCommand true\nProxyCommand bash -c "
                                "'exec 3<>/dev/tcp/%%h/%%p; cat <&3 & "
                                "cat >&3; kill $!'";
    start_sshd(f, "");
    char more[256];
    snprintf(more, sizeof(more), proxy);
    configure(f, more);
    shell(": >known_hosts");
    program_fails(f, ERROR_HOST_KEY);
    configure(f, more);
    shell("rm -f other*; ssh-keygen -q -N '' -t ed25519 -f other; cp other.pub authorized");
    program_fails(f, ERROR_AUTH);
    configure(f, "PermitLocalCommand yes\nLocalCommand true\nProxyCommand false");
    program_fails(f, ERROR_UNREACHABLE);
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int make_scratch(void **state UNUSED) {
    assert_non_null(make_test_folder(dir));
    snprintf(user, sizeof(user), "%s", geteuid() == 0 ? "root" : getenv("USER"));
    mkdir("/run/sshd", 0755);
    shell("ssh-keygen -q -N '' -t ed25519 -f id; ssh-keygen -q -N '' -t ed25519 -f host_ed25519; "
          "ssh-keygen -q -N '' -t rsa -b 2048 -f host_rsa; cp id.pub authorized");
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

static int remove_scratch(void **state UNUSED) {
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv) {
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        TEST(runs_commands_one_after_another),
        TEST(carries_input_and_output),
        TEST(is_not_held_up_by_standard_error),
        TEST(reads_a_lot),
        TEST(finishes_although_something_keeps_the_output_open),
        TEST(loses_a_connection_in_the_middle_of_a_read),
        TEST(logs_in_with_every_kind_of_key),
        TEST(logs_in_with_a_certificate),
        TEST(says_what_was_refused),
        TEST(names_the_encrypted_key_that_would_do),
        TEST(takes_no_damaged_or_open_key),
        TEST(logs_in_with_an_agent),
        TEST(finds_the_right_one_of_ten_keys),
        TEST(stops_when_the_server_has_had_enough_keys),
        TEST(uses_an_encrypted_key_by_the_agent),
        TEST(does_without_an_agent_that_is_not_there),
        TEST(does_without_an_agent_that_hangs),
        TEST(ends_at_the_deadline_when_the_agent_does_not_sign),
        TEST(does_without_an_agent_that_dies),
        TEST(refuses_an_unknown_host_key),
        TEST(refuses_a_changed_host_key),
        TEST(refuses_a_revoked_host_key),
        TEST(keeps_a_new_host_key_when_asked_to),
        TEST(asks_for_a_key_of_the_known_type),
        TEST(says_who_refused),
        TEST(knows_no_such_name),
        TEST(reaches_a_server_by_name),
        TEST(waits_no_longer_for_a_connection_than_told),
        TEST(waits_no_longer_for_a_banner_than_told),
        TEST(judges_servers_that_break_off),
        TEST(judges_servers_that_stop),
        TEST(ends_wherever_the_server_falls_silent_or_breaks_off),
        TEST(passes_over_what_comes_before_the_banner),
        TEST(hears_a_mismatch_that_comes_with_the_banner),
        TEST(says_which_algorithms_do_not_match),
        TEST(leaves_to_the_ssh_program_what_only_that_can),
        TEST(ends_a_login_at_its_deadline),
        TEST(ends_reads_and_writes_at_their_deadline),
        TEST(a_read_may_be_tried_again),
        TEST(ends_a_write_that_nobody_takes),
        TEST(gives_up_a_server_that_answers_no_keepalive),
        TEST(waits_for_a_server_that_answers_keepalives),
        TEST(exchanges_keys_anew),
        TEST(sends_the_environment),
        TEST(ends_at_once_with_the_run),
        TEST(opens_many_through_the_gate),
        TEST(opens_many_by_an_agent),
        TEST(is_not_held_up_by_silent_servers),
        TEST(gives_the_password_once),
        TEST(is_carried_by_the_ssh_program),
        TEST(leaves_kerberos_to_the_ssh_program),
        TEST(says_what_the_ssh_program_is_needed_for),
        TEST(translates_what_the_ssh_program_says),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
