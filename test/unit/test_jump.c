/* What transport/jump promises of the bytes: a real sshd, and raw TCP peers behind it. */
#include "test.h"

#include "base/clock.h"
#include "base/fd.h"
#include "transport/jump.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MB (1024 * 1024)
/* two of the library's windows, sshd's own, and the sockets on the way, of which a kernel lets one
 * hold 32 MB */
#define HELD_MAX (48 * MB)

static char dir[64];

struct fixture {
    struct sshkit kit;
    pid_t sshd;
    int port;
    int listener; /* of the peers */
    int peer_port;
    size_t open_before;
};

/* one way through the jump host */
struct way {
    struct link link;
    char address[ADDRESS_TEXT];
    int ours, theirs;
};

static size_t count_descriptors(void) {
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static int listen_anywhere(int *fd) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(*fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(*fd, 100), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&a, &len), 0);
    return ntohs(a.sin_port);
}

static bool answers(int port) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons((uint16_t)port)};
    cleanup(fd_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
}

static void shell(const char *format, ...) printf_like(1, 2);
static void shell(const char *format, ...) {
    char command[2048];
    int n = snprintf(command, sizeof(command), "cd %s && ", dir);
    va_list args;
    va_start(args, format);
    vsnprintf(command + n, sizeof(command) - (size_t)n, format, args);
    va_end(args);
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

/* A port of its own, and an ssh_config by which `bastion` is there. */
static void configure(struct fixture *f) {
    int fd;
    f->port = listen_anywhere(&fd);
    close(fd);
    shell("cat >sshd.conf <<X\nListenAddress 127.0.0.1\nPort %d\nHostKey %s/host\nPidFile none\n"
          "AuthorizedKeysFile %s/id.pub\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nX\n"
          "cat >config <<X\nHost bastion\n HostName 127.0.0.1\n Port %d\n HostKeyAlias bastion\n"
          " IdentityFile %s/id\n IdentityAgent none\n UserKnownHostsFile %s/known\n"
          " GlobalKnownHostsFile /dev/null\nX\n"
          "echo bastion $(cat host.pub) >known; : >log",
          f->port, dir, dir, f->port, dir, dir);
}

/* Starts a program in the scratch folder that listens on the port. */
static pid_t start(struct fixture *f, char *const argv[]) {
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* nor does it outlive a test that crashes */
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        if (chdir(dir) == 0)
            execvp(argv[0], argv);
        _exit(127);
    }
    for (int i = 0; i < 2000 && !answers(f->port) && waitpid(pid, NULL, WNOHANG) == 0; i++)
        usleep(10000);
    return pid;
}

static void start_sshd(struct fixture *f) {
    char conf[96], log[96];
    snprintf(conf, sizeof(conf), "%s/sshd.conf", dir);
    snprintf(log, sizeof(log), "%s/log", dir);
    char *argv[] = {
        (char *)"/usr/sbin/sshd", (char *)"-D", (char *)"-f", conf, (char *)"-E", log, NULL};
    configure(f);
    f->sshd = start(f, argv);
}

/* One that has room for so many channels in a connection. */
static void start_small_bastion(struct fixture *f, int room) {
    char port[16], channels[16];
    char *argv[] = {
        getenv("MUSTER_TEST_BASTION"), port, (char *)"host", (char *)"log", channels, NULL};
    kill(f->sshd, SIGTERM);
    waitpid(f->sshd, NULL, 0);
    configure(f);
    snprintf(port, sizeof(port), "%d", f->port);
    snprintf(channels, sizeof(channels), "%d", room);
    assert_non_null(argv[0]);
    f->sshd = start(f, argv);
}

/* Sends a signal to the processes of the connections that there are. */
static void signal_connections(struct fixture *f, const char *name) {
    shell("for p in $(pgrep -P %d); do kill -%s $p $(pgrep -P $p) 2>/dev/null; done; :",
          (int)f->sshd, name);
}

static int logins(void) {
    char command[128], n[16] = "";
    snprintf(command, sizeof(command), "grep -c Accepted %s/log", dir);
    FILE *p = popen(command, "r");
    assert_non_null(fgets(n, sizeof(n), p));
    pclose(p);
    return atoi(n);
}

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    *state = f;
    start_sshd(f);
    f->open_before = count_descriptors();
    f->peer_port = listen_anywhere(&f->listener);
    return 0;
}

static void make_kit(struct fixture *f, int channels) {
    struct error err;
    char config[96];
    snprintf(config, sizeof(config), "%s/config", dir);
    f->kit.login_timeout = 20 * CLOCK_S;
    if (cancel_new(&f->kit.cancel, &err) != 0 ||
        sshconfig_new(NULL, 0, config, f->kit.cancel, &f->kit.config, &err) != 0 ||
        keys_new(&f->kit.keys, &err) != 0 || keyring_new(&f->kit.keyring, &err) != 0 ||
        hostkeys_new(f->kit.cancel, &f->kit.hostkeys, &err) != 0 ||
        resolver_new(4, &f->kit.resolver, &err) != 0 || gate_new(64, &f->kit.gate, &err) != 0 ||
        pace_new(0, NULL, &f->kit.pace, &err) != 0 ||
        pace_new(0, NULL, &f->kit.direct, &err) != 0 ||
        jumps_new(&f->kit, channels, &f->kit.jumps, &err) != 0)
        fail_msg("%s", err.text);
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    jumps_free(f->kit.jumps);
    gate_free(f->kit.gate);
    pace_free(f->kit.pace);
    pace_free(f->kit.direct);
    resolver_free(f->kit.resolver);
    hostkeys_free(f->kit.hostkeys);
    keyring_free(f->kit.keyring);
    keys_free(f->kit.keys);
    sshconfig_free(f->kit.config);
    cancel_free(f->kit.cancel);
    close(f->listener);
    if (f->sshd > 0) {
        signal_connections(f, "CONT");
        kill(f->sshd, SIGTERM);
        waitpid(f->sshd, NULL, 0);
    }
    size_t left = count_descriptors();
    if (left != f->open_before)
        fail_msg("%zu descriptors, not %zu", left, f->open_before);
    free(f);
    return 0;
}

static int go(struct fixture *f, int port, struct way *w, struct error *err) {
    struct ssh_options o = {.hostname = (char *)"127.0.0.1",
                            .user = (char *)"x",
                            .port = port,
                            .proxy_jump = (char *)"bastion"};
    struct sshlink_request r = {
        .name = "peer", .options = &o, .deadline = deadline_in(20 * CLOCK_S)};
    const char *unsupported = NULL;
    *w = (struct way){.link = {.cancel = f->kit.cancel, .agent = -1}, .ours = -1, .theirs = -1};
    int rc = jumps_connect(f->kit.jumps, &r, &w->link, &w->ours, w->address, &unsupported, err);
    assert_null(unsupported);
    return rc;
}

static void open_way(struct fixture *f, struct way *w) {
    struct error err;
    if (go(f, f->peer_port, w, &err) != 0)
        fail_msg("%s", err.text);
    gate_leave(&w->link.place);
    w->theirs = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(w->theirs >= 0);
}

static void close_way(struct way *w) {
    fd_close(&w->ours);
    fd_close(&w->theirs);
    link_done(&w->link);
}

/* ---- bytes --------------------------------------------------------------------------------- */

/* A stream of which every byte depends on its place and on who sends it. */
static void fill(char *buf, size_t n, size_t at, unsigned seed) {
    for (size_t i = 0; i < n; i++)
        buf[i] = (char)(((at + i) * 2654435761U + seed) >> 13);
}

struct stream {
    int from, to;
    unsigned seed;
    size_t sent, received;
};

/* Sends what goes up to `most`; whether anything was taken. */
static bool send_some(struct stream *s, size_t most) {
    char buf[65536];
    size_t n = most - s->sent < sizeof(buf) ? most - s->sent : sizeof(buf);
    fill(buf, n, s->sent, s->seed);
    ssize_t rc = n ? send(s->from, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
    s->sent += rc > 0 ? (size_t)rc : 0;
    return rc > 0;
}

static bool receive_some(struct stream *s) {
    char buf[65536], expected[65536];
    ssize_t rc = recv(s->to, buf, sizeof(buf), MSG_DONTWAIT);
    if (rc <= 0)
        return false;
    fill(expected, (size_t)rc, s->received, s->seed);
    if (memcmp(buf, expected, (size_t)rc) != 0)
        fail_msg("other bytes after %zu", s->received);
    s->received += (size_t)rc;
    return true;
}

static void wait_a_bit(const struct stream *s, size_t count, int ms) {
    struct pollfd set[8];
    for (size_t i = 0; i < count; i++)
        set[i] = (struct pollfd){.fd = s[i].to, .events = POLLIN};
    poll(set, count, ms);
}

/* Runs the streams until each has carried `n` bytes. */
static void run(struct stream *s, size_t count, size_t n) {
    int64_t deadline = deadline_in(60 * CLOCK_S);
    size_t done = 0;
    while (done < count) {
        bool moved = false;
        done = 0;
        for (size_t i = 0; i < count; i++) {
            moved |= send_some(&s[i], n);
            moved |= receive_some(&s[i]);
            done += s[i].received == n;
        }
        if (!moved && done < count)
            wait_a_bit(s, count, 5);
        if (clock_now() > deadline)
            fail_msg("only %zu of %zu bytes arrived", s[0].received, n);
    }
}

static bool ends(int fd) {
    char c;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 10000) == 1 && recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

static void carries_bytes_both_ways(void **state) {
    struct fixture *f = *state;
    struct way w[3];
    struct stream s[6];
    make_kit(f, 0);
    for (unsigned i = 0; i < 3; i++) {
        open_way(f, &w[i]);
        s[2 * i] = (struct stream){.from = w[i].ours, .to = w[i].theirs, .seed = 2 * i};
        s[2 * i + 1] = (struct stream){.from = w[i].theirs, .to = w[i].ours, .seed = 2 * i + 1};
    }
    run(s, 6, 10 * MB);
    for (int i = 0; i < 3; i++)
        close_way(&w[i]);
    assert_int_equal(logins(), 1);
}

static void passes_on_the_end_of_either_side(void **state) {
    struct fixture *f = *state;
    make_kit(f, 0);
    for (int side = 0; side < 2; side++) {
        struct way w;
        open_way(f, &w);
        int first = side ? w.theirs : w.ours, second = side ? w.ours : w.theirs;
        struct stream to = {.from = first, .to = second}, back = {.from = second, .to = first};
        run(&to, 1, 300000);
        shutdown(first, SHUT_WR);
        assert_true(ends(second));
        run(&back, 1, 3 * MB); /* which goes on */
        shutdown(second, SHUT_WR);
        assert_true(ends(first));
        close_way(&w);
    }
}

static void tells_of_a_peer_that_has_gone(void **state) {
    struct fixture *f = *state;
    struct way w;
    make_kit(f, 0);
    open_way(f, &w);
    fd_close(&w.theirs);
    assert_true(ends(w.ours));
    close_way(&w);
    open_way(f, &w);
    fd_close(&w.ours);
    assert_true(ends(w.theirs));
    close_way(&w);
}

/* Sends until nothing has gone for half a second. */
static void stall(struct stream *s) {
    int64_t last = clock_now();
    while (clock_now() - last < CLOCK_S / 2 && s->sent - s->received < 2 * HELD_MAX)
        if (send_some(s, SIZE_MAX))
            last = clock_now();
        else
            usleep(1000);
    if (s->sent - s->received > HELD_MAX)
        fail_msg("%zu bytes were taken that nobody reads", s->sent - s->received);
}

static void holds_back_what_nobody_reads(void **state) {
    struct fixture *f = *state;
    struct way down, up, good;
    make_kit(f, 0);
    open_way(f, &down);
    open_way(f, &up);
    open_way(f, &good);
    struct stream s[] = {{.from = down.theirs, .to = down.ours, .seed = 1},
                         {.from = up.ours, .to = up.theirs, .seed = 2}};
    stall(&s[0]);
    stall(&s[1]);
    struct stream neighbours[] = {{.from = good.ours, .to = good.theirs},
                                  {.from = good.theirs, .to = good.ours}};
    run(neighbours, 2, 4 * MB);
    run(&s[0], 1, s[0].sent);
    run(&s[1], 1, s[1].sent);
    /* a slow reader does not make the window open ever wider */
    for (int i = 0; i < 1000; i++) {
        receive_some(&s[0]);
        for (int j = 0; j < 8; j++)
            send_some(&s[0], SIZE_MAX);
        usleep(100);
    }
    stall(&s[0]);
    run(&s[0], 1, s[0].sent);
    close_way(&down);
    close_way(&up);
    close_way(&good);
}

/* A program that is being started has copies of all descriptors until it is there. */
static void does_not_mind_copies_of_its_sockets(void **state) {
    struct fixture *f = *state;
    struct way a, b;
    make_kit(f, 0);
    open_way(f, &a);
    open_way(f, &b);
    pid_t copies = fork();
    if (copies == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
    }
    assert_int_equal(send(a.theirs, "0123456789", 10, MSG_NOSIGNAL), 10);
    shutdown(a.theirs, SHUT_RDWR);
    struct pollfd end = {.fd = a.ours, .events = POLLRDHUP};
    assert_int_equal(poll(&end, 1, 10000), 1);
    shutdown(a.ours, SHUT_WR);
    struct stream s[] = {{.from = b.ours, .to = b.theirs}, {.from = b.theirs, .to = b.ours}};
    run(s, 2, MB); /* the flow of `a` is gone by now, and its socket hears of what is read */
    char buf[16];
    assert_int_equal(recv(a.ours, buf, sizeof(buf), MSG_DONTWAIT), 10);
    kill(copies, SIGKILL);
    waitpid(copies, NULL, 0);
    run(s, 2, 2 * MB);
    close_way(&a);
    close_way(&b);
}

static void opens_the_next_connection_when_one_is_full(void **state) {
    struct fixture *f = *state;
    struct way w[5];
    make_kit(f, 2);
    for (int i = 0; i < 5; i++)
        open_way(f, &w[i]);
    assert_int_equal(logins(), 3);
    fd_close(&w[0].ours);
    assert_true(ends(w[0].theirs)); /* the place is free again */
    close_way(&w[0]);
    open_way(f, &w[0]);
    assert_int_equal(logins(), 3);
    for (int i = 0; i < 5; i++)
        close_way(&w[i]);
}

/* Sends over all of them until nothing has gone for longer than makes a connection slow. */
static void stall_all(struct stream *s, size_t count) {
    int64_t last = clock_now();
    while (clock_now() - last < 2 * CLOCK_S) {
        bool moved = false;
        for (size_t i = 0; i < count; i++)
            moved |= send_some(&s[i], SIZE_MAX);
        if (moved)
            last = clock_now();
        else
            usleep(1000);
    }
}

static void opens_another_connection_beside_a_slow_one(void **state) {
    enum { WAYS = 24 }; /* whose windows hold more than all sockets on the way */
    struct fixture *f = *state;
    struct way w[WAYS], beside;
    struct stream s[WAYS];
    make_kit(f, 0);
    for (unsigned i = 0; i < WAYS; i++) {
        open_way(f, &w[i]);
        s[i] = (struct stream){.from = w[i].ours, .to = w[i].theirs, .seed = i};
    }
    signal_connections(f, "STOP");
    stall_all(s, WAYS);
    open_way(f, &beside);
    assert_int_equal(logins(), 2);
    struct stream through[] = {{.from = beside.ours, .to = beside.theirs},
                               {.from = beside.theirs, .to = beside.ours}};
    run(through, 2, MB);
    signal_connections(f, "CONT");
    for (int i = 0; i < WAYS; i++)
        run(&s[i], 1, s[i].sent);
    for (int i = 0; i < WAYS; i++)
        close_way(&w[i]);
    close_way(&beside);
}

static void opens_the_next_connection_when_the_jump_host_has_no_room(void **state) {
    struct fixture *f = *state;
    struct way w[7];
    start_small_bastion(f, 2);
    make_kit(f, 0);
    for (int i = 0; i < 7; i++)
        open_way(f, &w[i]);
    assert_int_equal(logins(), 4);
    struct stream s[] = {{.from = w[0].ours, .to = w[0].theirs},
                         {.from = w[6].theirs, .to = w[6].ours}};
    run(s, 2, MB);
    fd_close(&w[0].ours);
    assert_true(ends(w[0].theirs)); /* the place is free again */
    close_way(&w[0]);
    open_way(f, &w[0]);
    assert_int_equal(logins(), 4);
    for (int i = 0; i < 7; i++)
        close_way(&w[i]);
}

/* Where new connections have no room either, they are not opened without end. */
static void gives_up_where_no_connection_has_room(void **state) {
    struct fixture *f = *state;
    struct way w;
    struct error err;
    start_small_bastion(f, 0);
    make_kit(f, 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(go(f, f->peer_port, &w, &err), -1);
        assert_int_equal(err.kind, ERROR_UNREACHABLE);
        assert_non_null(strstr(err.text, "no room for another channel"));
        link_done(&w.link);
    }
    assert_in_range(logins(), 1, 3);
}

static void makes_a_lost_connection_anew(void **state) {
    struct fixture *f = *state;
    struct way a, b;
    cleanup(str_done) struct str why = {0};
    make_kit(f, 0);
    open_way(f, &a);
    open_way(f, &b);
    assert_false(link_broke(&a.link));
    shell("pkill -KILL -P %d", (int)f->sshd);
    assert_true(ends(a.ours));
    assert_true(ends(b.ours));
    assert_true(link_broke(&a.link));
    a.link.carrier->ops->add_reason(a.link.carrier, &why);
    assert_non_null(strstr(why.data, "the connection to the jump host bastion was lost"));
    close_way(&a);
    close_way(&b);
    open_way(f, &a);
    close_way(&a);
    assert_int_equal(logins(), 2);
}

static void says_what_the_jump_host_says(void **state) {
    struct fixture *f = *state;
    struct way w;
    struct error err;
    int fd;
    make_kit(f, 0);
    int port = listen_anywhere(&fd);
    close(fd);
    assert_int_equal(go(f, port, &w, &err), -1);
    assert_int_equal(err.kind, ERROR_UNREACHABLE);
    assert_non_null(strstr(err.text, "the jump host bastion does not connect to 127.0.0.1 port"));
    assert_non_null(strstr(err.text, "Connection refused"));
    link_done(&w.link);
    kill(f->sshd, SIGTERM);
    waitpid(f->sshd, NULL, 0);
    f->sshd = 0;
    jumps_free(f->kit.jumps);
    assert_int_equal(jumps_new(&f->kit, 0, &f->kit.jumps, &err), 0);
    for (int i = 0; i < 2; i++) { /* the second time without another try */
        int64_t begin = clock_now();
        assert_int_equal(go(f, f->peer_port, &w, &err), -1);
        assert_non_null(strstr(err.text, "the jump host bastion: connection refused by 127.0.0.1"));
        assert_true(clock_now() - begin < 2 * CLOCK_S);
        link_done(&w.link);
    }
}

static int make_scratch(void **state UNUSED) {
    unsigned char byte;
    assert_non_null(make_test_folder(dir));
    mkdir("/run/sshd", 0755);
    shell("ssh-keygen -q -N '' -t ed25519 -f id; ssh-keygen -q -N '' -t ed25519 -f host");
    assert_int_equal(ssh_init(), SSH_OK);
    return RAND_bytes(&byte, 1) == 1 ? 0 : -1;
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
        TEST(carries_bytes_both_ways),
        TEST(passes_on_the_end_of_either_side),
        TEST(tells_of_a_peer_that_has_gone),
        TEST(holds_back_what_nobody_reads),
        TEST(does_not_mind_copies_of_its_sockets),
        TEST(opens_the_next_connection_when_one_is_full),
        TEST(opens_another_connection_beside_a_slow_one),
        TEST(opens_the_next_connection_when_the_jump_host_has_no_room),
        TEST(gives_up_where_no_connection_has_room),
        TEST(makes_a_lost_connection_anew),
        TEST(says_what_the_jump_host_says),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
