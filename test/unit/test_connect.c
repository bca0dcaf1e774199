/* What transport/resolve and transport/connect promise, with a resolver that says what it is told
 * to, and addresses of this machine that refuse or swallow. */
#include "test.h"

#include "base/fd.h"
#include "transport/connect.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- a resolver that says what it is told to ------------------------------------------------ */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const char *answer; /* addresses, a space between them */
    int rc;
    bool hold; /* until it is false */
    int asked, going, most;
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

int __real_getaddrinfo(const char *, const char *, const struct addrinfo *, struct addrinfo **);
int __wrap_getaddrinfo(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static void answer_with(const struct addrinfo *hints, struct addrinfo **list) {
    char text[300], *rest = text;
    snprintf(text, sizeof(text), "%s", fake.answer);
    for (char *word = strsep(&rest, " "); word; word = strsep(&rest, " ")) {
        struct addrinfo numeric = {
            .ai_family = hints->ai_family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
        if (__real_getaddrinfo(word, NULL, &numeric, list) != 0)
            continue; /* of the other family */
        while (*list)
            list = &(*list)->ai_next;
    }
}

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                       struct addrinfo **list) {
    if (hints->ai_flags & AI_NUMERICHOST)
        return __real_getaddrinfo(host, port, hints, list);
    pthread_mutex_lock(&fake.lock);
    fake.asked++;
    if (++fake.going > fake.most)
        fake.most = fake.going;
    while (fake.hold)
        pthread_cond_wait(&fake.changed, &fake.lock);
    fake.going--;
    int rc = fake.rc;
    if (rc == 0) {
        *list = NULL;
        answer_with(hints, list);
    }
    pthread_mutex_unlock(&fake.lock);
    return rc;
}

static void hold(bool on) {
    pthread_mutex_lock(&fake.lock);
    fake.hold = on;
    pthread_cond_broadcast(&fake.changed);
    pthread_mutex_unlock(&fake.lock);
}

static void answers(int rc, const char *addresses) {
    pthread_mutex_lock(&fake.lock);
    fake.rc = rc;
    fake.answer = addresses;
    pthread_mutex_unlock(&fake.lock);
}

static int asked(void) {
    pthread_mutex_lock(&fake.lock);
    int n = fake.asked;
    pthread_mutex_unlock(&fake.lock);
    return n;
}

static void wait_until_asked(int times) {
    for (int i = 0; i < 1000 && asked() < times; i++)
        usleep(5000);
    assert_int_equal(asked(), times);
}

/* ---- the fixture ---------------------------------------------------------------------------- */

#define LISTENERS 4
#define FILLERS 3

static struct {
    struct cancel *cancel;
    struct resolver *resolver;
    struct place place;
    struct error err;
    int listeners[LISTENERS];
    int fillers[LISTENERS][FILLERS];
    size_t listener_count;
    size_t open_before;
    int port;
    int fd;
    char address[ADDRESS_TEXT];
    int64_t took;
} f;

static size_t count_descriptors(void) {
    size_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static int set_up(void **state UNUSED) {
    memset(&f, 0, sizeof(f));
    f.fd = -1;
    f.open_before = count_descriptors();
    pthread_mutex_lock(&fake.lock);
    fake.asked = fake.most = 0;
    pthread_mutex_unlock(&fake.lock);
    answers(0, "127.0.0.1");
    assert_int_equal(cancel_new(&f.cancel, &f.err), 0);
    assert_int_equal(resolver_new(8, &f.resolver, &f.err), 0);
    return 0;
}

static int tear_down(void **state UNUSED) {
    hold(false);
    resolver_free(f.resolver);
    cancel_free(f.cancel);
    fd_close(&f.fd);
    for (size_t i = 0; i < f.listener_count; i++) {
        for (int k = 0; k < FILLERS; k++)
            fd_close(&f.fillers[i][k]);
        fd_close(&f.listeners[i]);
    }
    /* a look-up's thread may be about to end */
    for (int i = 0; i < 300 && count_descriptors() != f.open_before; i++)
        usleep(10000);
    return count_descriptors() == f.open_before ? 0 : -1;
}

static void address_of(const char *host, int port, struct sockaddr_storage *at, socklen_t *len) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *list;
    char text[8];
    snprintf(text, sizeof(text), "%d", port);
    assert_int_equal(__real_getaddrinfo(host, text, &hints, &list), 0);
    memcpy(at, list->ai_addr, list->ai_addrlen);
    *len = list->ai_addrlen;
    freeaddrinfo(list);
}

/* Listens on the fixture's port, which the first one chooses. False without IPv6. */
static bool listen_on(const char *host, int backlog) {
    struct sockaddr_storage at;
    socklen_t len;
    address_of(host, f.port, &at, &len);
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0) {
        assert_int_not_equal(at.ss_family, AF_INET);
        fd_close(&fd);
        return false;
    }
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    /* in the same place in both families */
    f.port = ntohs(((struct sockaddr_in *)&at)->sin_port);
    for (int k = 0; k < FILLERS; k++)
        f.fillers[f.listener_count][k] = -1;
    f.listeners[f.listener_count++] = fd;
    return true;
}

/* Whether connecting to it gets no answer by now. */
static bool is_full(struct sockaddr_storage *at, socklen_t len, int *fd) {
    *fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = connect(*fd, (struct sockaddr *)at, len);
    struct pollfd p = {.fd = *fd, .events = POLLOUT};
    return rc != 0 && errno == EINPROGRESS && poll(&p, 1, 50) == 0;
}

/* Listens with a queue that is full: what comes is swallowed. */
static bool swallow_on(const char *host) {
    if (!listen_on(host, 0))
        return false;
    struct sockaddr_storage at;
    socklen_t len;
    address_of(host, f.port, &at, &len);
    int *fillers = f.fillers[f.listener_count - 1], n = 0;
    while (!is_full(&at, len, &fillers[n]))
        assert_true(++n < FILLERS);
    return true;
}

static int try_connect(const char *host, struct destination to, int64_t timeout, int64_t within) {
    to.host = host;
    to.port = f.port;
    fd_close(&f.fd);
    int64_t before = clock_now();
    int rc = connect_tcp(f.resolver, &to, &f.place, f.cancel, timeout, deadline_in(within), &f.fd,
                         f.address, &f.err);
    f.took = clock_now() - before;
    return rc;
}

static void connects(const char *host, struct destination to, const char *where) {
    if (try_connect(host, to, 10 * CLOCK_S, 20 * CLOCK_S) != 0)
        fail_msg("%s", f.err.text);
    char expected[ADDRESS_TEXT];
    snprintf(expected, sizeof(expected), "%s port %d", where, f.port);
    assert_string_equal(f.address, expected);
    assert_true(fcntl(f.fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(f.fd, F_GETFD) & FD_CLOEXEC);
}

/* Every PORT in the sentence is the fixture's port. */
static void says(enum error_kind kind, const char *sentence) {
    char expected[500] = "";
    for (const char *p = sentence; *p;) {
        size_t n = strlen(expected);
        bool port = strncmp(p, "PORT", 4) == 0;
        if (port)
            snprintf(expected + n, sizeof(expected) - n, "%d", f.port);
        else
            snprintf(expected + n, sizeof(expected) - n, "%c", *p);
        p += port ? 4 : 1;
    }
    assert_string_equal(f.err.text, expected);
    assert_int_equal(f.err.kind, kind);
}

static void fails(const char *host, struct destination to, int64_t timeout, enum error_kind kind,
                  const char *sentence) {
    assert_int_equal(try_connect(host, to, timeout, 20 * CLOCK_S), -1);
    says(kind, sentence);
}

static const struct destination ANY = {0};

/* ---- look-ups ------------------------------------------------------------------------------- */

static void asks_nobody_for_a_numeric_address(void **state UNUSED) {
    listen_on("127.0.0.1", 5);
    connects("127.0.0.1", ANY, "127.0.0.1");
    if (listen_on("::1", 5))
        connects("::1", ANY, "::1");
    assert_int_equal(asked(), 0);
}

static void *ask(void *arg UNUSED) {
    struct limit limit = limit_start(10 * CLOCK_S, LIMIT_CONNECT, DEADLINE_NEVER);
    struct error err;
    struct place place = {0};
    struct addresses *list = NULL;
    intptr_t rc = resolve(f.resolver, "one", AF_UNSPEC, &place, f.cancel, &limit, &list, &err);
    free(list);
    return (void *)(rc == 0 ? 0 : (intptr_t)err.kind);
}

#define MANY 300

/* How many of so many who ask at once, while the answer is withheld, hear `result`. */
static int many_hear(intptr_t result) {
    pthread_t threads[MANY];
    int same = 0;
    hold(true);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, NULL), 0);
    wait_until_asked(1);
    usleep(50000); /* nearly all of them wait now; those that do not get the answer later */
    hold(false);
    for (int i = 0; i < MANY; i++) {
        void *heard;
        pthread_join(threads[i], &heard);
        same += (intptr_t)heard == result;
    }
    return same;
}

static void looks_a_name_up_once(void **state UNUSED) {
    assert_int_equal(many_hear(0), MANY);
    assert_int_equal(asked(), 1);
    assert_null(ask(NULL));
    assert_int_equal(asked(), 1);
    /* known names cost no descriptor: the cancel token's is all there is */
    assert_int_equal(count_descriptors(), f.open_before + 1);
}

static void tells_all_of_a_failure_for_a_second_and_asks_anew(void **state UNUSED) {
    answers(EAI_NONAME, "127.0.0.1");
    assert_int_equal(many_hear(ERROR_UNREACHABLE), MANY);
    assert_int_equal(asked(), 1);
    int64_t heard = clock_now();
    answers(0, "127.0.0.1");
    while (ask(NULL) != NULL) {
        assert_int_equal(asked(), 1);
        assert_true(clock_now() - heard < 10 * CLOCK_S);
        usleep(10000);
    }
    assert_int_equal(asked(), 2);
    assert_in_range(clock_now() - heard, 500 * CLOCK_MS, 10 * CLOCK_S);
}

static void keeps_no_failure_for_want_of_memory(void **state UNUSED) {
    answers(EAI_MEMORY, "127.0.0.1");
    assert_int_equal((intptr_t)ask(NULL), ERROR_INTERNAL);
    answers(0, "127.0.0.1");
    assert_null(ask(NULL));
}

static void translates_what_the_resolver_says(void **state UNUSED) {
    static const struct {
        int rc, family;
        enum error_kind kind;
        const char *sentence;
    } cases[] = {
        {EAI_NONAME, AF_UNSPEC, ERROR_UNREACHABLE, "the name %s is not known"},
        {EAI_NODATA, AF_UNSPEC, ERROR_UNREACHABLE, "the name %s has no address"},
        {EAI_NODATA, AF_INET, ERROR_UNREACHABLE, "the name %s has no IPv4 address"},
        {EAI_ADDRFAMILY, AF_INET6, ERROR_UNREACHABLE, "the name %s has no IPv6 address"},
        {EAI_AGAIN, AF_UNSPEC, ERROR_UNREACHABLE,
         "the name %s cannot be looked up: Temporary failure in name resolution: "
         "is the resolver of /etc/resolv.conf alive?"},
        {EAI_MEMORY, AF_UNSPEC, ERROR_INTERNAL, "out of memory"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        answers(cases[i].rc, "127.0.0.1");
        struct destination to = {.family = cases[i].family};
        char name[8], sentence[200];
        snprintf(name, sizeof(name), "n%zu", i); /* or the failure of the last one would be told */
        snprintf(sentence, sizeof(sentence), cases[i].sentence, name);
        fails(name, to, CLOCK_S, cases[i].kind, sentence);
    }
}

static void ends_a_look_up_at_its_deadline(void **state UNUSED) {
    hold(true);
    fails("one", ANY, 200 * CLOCK_MS, ERROR_UNREACHABLE,
          "the name one could not be looked up within 200ms (ssh.connect_timeout): is the resolver "
          "of /etc/resolv.conf "
          "alive?");
    assert_in_range(f.took, 190 * CLOCK_MS, CLOCK_S);
    assert_int_equal(try_connect("one", ANY, CLOCK_S, 200 * CLOCK_MS), -1);
    says(ERROR_TIMEOUT,
         "the name one could not be looked up before the server's deadline (--timeout)");
    assert_int_equal(asked(), 1);
    /* the answer that came too late is there for the next one */
    hold(false);
    listen_on("127.0.0.1", 5);
    connects("one", ANY, "127.0.0.1");
    assert_int_equal(asked(), 1);
}

static void *fire_soon(void *arg UNUSED) {
    usleep(100000);
    cancel_fire(f.cancel);
    return NULL;
}

static void ends_a_look_up_with_the_run(void **state UNUSED) {
    hold(true);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fire_soon, NULL), 0);
    fails("one", ANY, 10 * CLOCK_S, ERROR_INTERRUPTED, "the run was ended");
    pthread_join(thread, NULL);
    assert_true(f.took < CLOCK_S);
}

static void *ask_for(void *arg) {
    char name[16];
    snprintf(name, sizeof(name), "n%d", (int)(intptr_t)arg);
    struct limit limit = limit_start(10 * CLOCK_S, LIMIT_CONNECT, DEADLINE_NEVER);
    struct error err;
    struct addresses *list = NULL;
    int rc = resolve(f.resolver, name, AF_UNSPEC, NULL, f.cancel, &limit, &list, &err);
    free(list);
    return (void *)(intptr_t)rc;
}

static void bounds_the_look_ups(void **state UNUSED) {
    pthread_t threads[40];
    hold(true);
    for (int i = 0; i < 40; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_for, (void *)(intptr_t)i), 0);
    wait_until_asked(8);
    hold(false);
    for (int i = 0; i < 40; i++) {
        void *rc;
        pthread_join(threads[i], &rc);
        assert_null(rc);
    }
    assert_int_equal(asked(), 40);
    assert_int_equal(fake.most, 8);
}

/* Names that the resolver is dead for hold up the others for half a second, not for their life. */
static void goes_on_beside_look_ups_that_hang(void **state UNUSED) {
    pthread_t hanging[8], waiting;
    void *rc;
    hold(true);
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&hanging[i], NULL, ask_for, (void *)(intptr_t)i), 0);
    wait_until_asked(8);
    int64_t before = clock_now();
    assert_int_equal(pthread_create(&waiting, NULL, ask_for, (void *)100), 0);
    wait_until_asked(9);
    assert_in_range(clock_now() - before, 300 * CLOCK_MS, 4 * CLOCK_S);
    hold(false);
    pthread_join(waiting, &rc);
    assert_null(rc);
    for (int i = 0; i < 8; i++)
        pthread_join(hanging[i], NULL);
    /* as many as before, now that none is slow */
    pthread_mutex_lock(&fake.lock);
    fake.asked = fake.most = 0;
    pthread_mutex_unlock(&fake.lock);
    pthread_t more[40];
    hold(true);
    for (int i = 0; i < 40; i++)
        assert_int_equal(pthread_create(&more[i], NULL, ask_for, (void *)(intptr_t)(200 + i)), 0);
    wait_until_asked(8);
    hold(false);
    for (int i = 0; i < 40; i++)
        pthread_join(more[i], NULL);
    assert_int_equal(fake.most, 8);
}

/* Whoever gave up in the queue has no look-up made for it. */
static void drops_what_nobody_waits_for(void **state UNUSED) {
    resolver_free(f.resolver);
    assert_int_equal(resolver_new(1, &f.resolver, &f.err), 0);
    hold(true);
    fails("one", ANY, 50 * CLOCK_MS, ERROR_UNREACHABLE,
          "the name one could not be looked up within 50ms (ssh.connect_timeout): is the resolver "
          "of /etc/resolv.conf "
          "alive?");
    fails("two", ANY, 50 * CLOCK_MS, ERROR_UNREACHABLE,
          "the name two could not be looked up within 50ms (ssh.connect_timeout): is the resolver "
          "of /etc/resolv.conf "
          "alive?");
    hold(false);
    assert_null(ask_for((void *)3));
    assert_int_equal(asked(), 2);
}

static void lets_the_families_take_turns(void **state UNUSED) {
    static const char *const cases[][2] = {
        {"::1 ::2 ::3 10.0.0.1 10.0.0.2", "::1 10.0.0.1 ::2 10.0.0.2 ::3"},
        {"10.0.0.1 10.0.0.2 10.0.0.3 ::1", "10.0.0.1 ::1 10.0.0.2 10.0.0.3"},
        {"::2 ::1", "::2 ::1"},
    };
    struct limit limit = limit_start(CLOCK_S, LIMIT_CONNECT, DEADLINE_NEVER);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[16], got[200] = "";
        snprintf(name, sizeof(name), "n%zu", i);
        answers(0, cases[i][0]);
        struct addresses *list = NULL;
        assert_int_equal(
            resolve(f.resolver, name, AF_UNSPEC, NULL, f.cancel, &limit, &list, &f.err), 0);
        for (size_t k = 0; k < list->count; k++) {
            char text[64];
            getnameinfo((struct sockaddr *)&list->items[k].at, list->items[k].len, text,
                        sizeof(text), NULL, 0, NI_NUMERICHOST);
            size_t n = strlen(got);
            snprintf(got + n, sizeof(got) - n, "%s%s", k ? " " : "", text);
        }
        free(list);
        assert_string_equal(got, cases[i][1]);
    }
}

static void keeps_the_scope_of_a_link_local_address(void **state UNUSED) {
    struct limit limit = limit_start(CLOCK_S, LIMIT_CONNECT, DEADLINE_NEVER);
    struct addresses *list = NULL;
    assert_int_equal(
        resolve(f.resolver, "fe80::7%lo", AF_UNSPEC, NULL, f.cancel, &limit, &list, &f.err), 0);
    uint32_t scope = ((struct sockaddr_in6 *)&list->items[0].at)->sin6_scope_id;
    free(list);
    assert_int_equal(scope, 1);
}

/* ---- the race ------------------------------------------------------------------------------- */

static void goes_on_to_the_next_address_while_one_is_silent(void **state UNUSED) {
    listen_on("127.0.0.1", 5);
    swallow_on("127.0.0.2");
    answers(0, "127.0.0.2 127.0.0.1");
    connects("one", ANY, "127.0.0.1");
    print_message("# a silent first address costs %lld ms\n", (long long)(f.took / CLOCK_MS));
    assert_in_range(f.took, CONNECT_STEP, 900 * CLOCK_MS);
}

static void goes_on_to_the_second_family_while_the_first_is_silent(void **state) {
    listen_on("127.0.0.1", 5);
    if (!swallow_on("::1"))
        skip_because("there is no IPv6 here");
    answers(0, "::1 127.0.0.1");
    connects("one", ANY, "127.0.0.1");
    assert_in_range(f.took, CONNECT_STEP, 900 * CLOCK_MS);
    (void)state;
}

static void goes_on_at_once_when_an_address_refuses(void **state UNUSED) {
    listen_on("127.0.0.1", 5);
    answers(0, "127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.5 127.0.0.1");
    connects("one", ANY, "127.0.0.1");
    assert_true(f.took < CONNECT_STEP);
}

static void *make_room_late(void *arg UNUSED) {
    usleep(400000);
    for (int k = 0; k < FILLERS; k++)
        fd_close(&f.fillers[0][k]);
    fcntl(f.listeners[0], F_SETFL, O_NONBLOCK);
    for (int taken; (taken = accept(f.listeners[0], NULL, NULL)) >= 0;)
        close(taken);
    return NULL;
}

/* The one whose turn came first may still be the one that answers first: the kernel asks again
 * after a second. */
static void takes_an_earlier_address_that_answers_late(void **state UNUSED) {
    swallow_on("127.0.0.2");
    swallow_on("127.0.0.1");
    answers(0, "127.0.0.2 127.0.0.1");
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, make_room_late, NULL), 0);
    connects("one", ANY, "127.0.0.2");
    pthread_join(thread, NULL);
    assert_true(f.took > 400 * CLOCK_MS);
}

static void says_what_became_of_every_address(void **state UNUSED) {
    swallow_on("127.0.0.2");
    answers(0, "127.0.0.3 127.0.0.2 127.0.0.4");
    fails("one", ANY, 600 * CLOCK_MS, ERROR_UNREACHABLE,
          "connection refused by 127.0.0.3 port PORT; no answer from 127.0.0.2 port PORT within "
          "600ms (ssh.connect_timeout); connection refused by 127.0.0.4 port PORT");
    assert_in_range(f.took, 590 * CLOCK_MS, 2 * CLOCK_S);
    assert_int_equal(try_connect("one", ANY, 10 * CLOCK_S, 300 * CLOCK_MS), -1);
    says(ERROR_TIMEOUT,
         "connection refused by 127.0.0.3 port PORT; no answer from 127.0.0.2 port PORT before the "
         "server's deadline (--timeout); connection refused by 127.0.0.4 port PORT");
    f.port = 1;
    fails("127.0.0.1", ANY, CLOCK_S, ERROR_UNREACHABLE, "connection refused by 127.0.0.1 port 1");
}

static void tries_every_address_in_little_time(void **state UNUSED) {
    listen_on("127.0.0.1", 5);
    swallow_on("127.0.0.2");
    swallow_on("127.0.0.3");
    answers(0, "127.0.0.2 127.0.0.3 127.0.0.1");
    assert_int_equal(try_connect("one", ANY, 600 * CLOCK_MS, CLOCK_S), 0);
    assert_true(f.took < 600 * CLOCK_MS);
}

static void ends_connecting_with_the_run(void **state UNUSED) {
    swallow_on("127.0.0.2");
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fire_soon, NULL), 0);
    fails("127.0.0.2", ANY, 10 * CLOCK_S, ERROR_INTERRUPTED, "the run was ended");
    pthread_join(thread, NULL);
    assert_true(f.took < CLOCK_S);
}

static void *listen_late(void *arg UNUSED) {
    usleep(300000);
    listen(f.listeners[0], 5);
    return NULL;
}

static void tries_again_after_a_second(void **state UNUSED) {
    listen_on("127.0.0.1", 5);
    fd_close(&f.listeners[0]);
    /* bound, so that the port stays ours, and refusing until it listens */
    f.listener_count = 0;
    struct sockaddr_storage at;
    socklen_t len;
    address_of("127.0.0.1", f.port, &at, &len);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    for (int k = 0; k < FILLERS; k++)
        f.fillers[0][k] = -1;
    f.listeners[f.listener_count++] = fd;
    fails("127.0.0.1", ANY, CLOCK_S, ERROR_UNREACHABLE,
          "connection refused by 127.0.0.1 port PORT");
    assert_true(f.took < CONNECT_PAUSE);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, listen_late, NULL), 0);
    connects("127.0.0.1", (struct destination){.attempts = 2}, "127.0.0.1");
    pthread_join(thread, NULL);
    assert_in_range(f.took, CONNECT_PAUSE, 3 * CLOCK_S);
    /* no attempt begins that the server's deadline leaves no time for */
    f.port = 1;
    assert_int_equal(
        try_connect("127.0.0.1", (struct destination){.attempts = 9}, CLOCK_S, 900 * CLOCK_MS), -1);
    says(ERROR_UNREACHABLE, "connection refused by 127.0.0.1 port 1");
    assert_true(f.took < 900 * CLOCK_MS);
}

static void waits_for_a_descriptor_while_an_address_is_tried(void **state UNUSED) {
    listen_on("127.0.0.1", 5);
    swallow_on("127.0.0.2");
    answers(0, "127.0.0.2 127.0.0.1");
    assert_null(ask(NULL)); /* what a look-up needs is not meant */
    struct rlimit old, low;
    getrlimit(RLIMIT_NOFILE, &old);
    int next = dup(0);
    close(next);
    low = (struct rlimit){(rlim_t)next + 1, old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    int rc = try_connect("one", ANY, 400 * CLOCK_MS, 20 * CLOCK_S);
    struct error first = f.err;
    low.rlim_cur = (rlim_t)next;
    setrlimit(RLIMIT_NOFILE, &low);
    int rc2 = try_connect("127.0.0.1", ANY, 400 * CLOCK_MS, 20 * CLOCK_S);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(rc2, -1);
    says(ERROR_INTERNAL,
         "cannot open a socket for 127.0.0.1 port PORT: Too many open files (raise ulimit -n)");
    assert_int_equal(rc, -1);
    f.err = first;
    says(ERROR_INTERNAL, "no answer from 127.0.0.2 port PORT within 400ms (ssh.connect_timeout); "
                         "cannot open a socket "
                         "for 127.0.0.1 port PORT: Too many open files (raise ulimit -n)");
}

/* ---- where from ----------------------------------------------------------------------------- */

static void comes_from(const char *expected) {
    struct sockaddr_storage at;
    socklen_t len = sizeof(at);
    char text[64];
    assert_int_equal(getsockname(f.fd, (struct sockaddr *)&at, &len), 0);
    getnameinfo((struct sockaddr *)&at, len, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
    assert_string_equal(text, expected);
}

static void connects_from_where_it_is_told(void **state UNUSED) {
    listen_on("127.0.0.1", 5);
    connects("127.0.0.1", (struct destination){.bind_address = "127.0.0.9"}, "127.0.0.1");
    comes_from("127.0.0.9");
    connects("127.0.0.1", (struct destination){.bind_interface = "lo"}, "127.0.0.1");
    comes_from("127.0.0.1");
    connects("127.0.0.1",
             (struct destination){.bind_address = "127.0.0.9", .bind_interface = "nope"},
             "127.0.0.1");
    comes_from("127.0.0.9");
    answers(0, "::1 127.0.0.8");
    connects("127.0.0.1", (struct destination){.bind_address = "us"}, "127.0.0.1");
    comes_from("127.0.0.8");
}

static void says_why_it_cannot_connect_from_there(void **state UNUSED) {
    listen_on("127.0.0.1", 5);
    fails("127.0.0.1", (struct destination){.bind_address = "::1"}, CLOCK_S, ERROR_UNREACHABLE,
          "::1 has no IPv4 address to connect from");
    fails("127.0.0.1", (struct destination){.bind_interface = "nope"}, CLOCK_S, ERROR_UNREACHABLE,
          "nope has no IPv4 address to connect from");
    fails("127.0.0.1", (struct destination){.bind_address = "192.0.2.1"}, CLOCK_S,
          ERROR_UNREACHABLE, "cannot connect from 192.0.2.1: Cannot assign requested address");
    answers(EAI_NONAME, "127.0.0.1");
    fails("127.0.0.1", (struct destination){.bind_address = "us"}, CLOCK_S, ERROR_UNREACHABLE,
          "cannot bind to us: the name us is not known");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv) {
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        TEST(asks_nobody_for_a_numeric_address),
        TEST(looks_a_name_up_once),
        TEST(tells_all_of_a_failure_for_a_second_and_asks_anew),
        TEST(keeps_no_failure_for_want_of_memory),
        TEST(translates_what_the_resolver_says),
        TEST(ends_a_look_up_at_its_deadline),
        TEST(ends_a_look_up_with_the_run),
        TEST(bounds_the_look_ups),
        TEST(goes_on_beside_look_ups_that_hang),
        TEST(drops_what_nobody_waits_for),
        TEST(lets_the_families_take_turns),
        TEST(keeps_the_scope_of_a_link_local_address),
        TEST(goes_on_to_the_next_address_while_one_is_silent),
        TEST(goes_on_to_the_second_family_while_the_first_is_silent),
        TEST(goes_on_at_once_when_an_address_refuses),
        TEST(takes_an_earlier_address_that_answers_late),
        TEST(says_what_became_of_every_address),
        TEST(tries_every_address_in_little_time),
        TEST(ends_connecting_with_the_run),
        TEST(tries_again_after_a_second),
        TEST(waits_for_a_descriptor_while_an_address_is_tried),
        TEST(connects_from_where_it_is_told),
        TEST(says_why_it_cannot_connect_from_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
