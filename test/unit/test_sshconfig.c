/* What input/sshconfig promises, with this machine's ssh and with false ones put before it. */
#include "base/clock.h"
#include "base/fd.h"
#include "input/sshconfig.h"
#include "test.h"

#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char config[80];
static struct cancel *token;
static char *usual_path; /* $PATH as the test was given it */

static void write_file(const char *path, const char *text, mode_t mode) {
    cleanup(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static struct sshconfig *new_config(const char *text, const char *user, int port) {
    struct sshconfig *c;
    struct error err;
    write_file(config, text, 0600);
    if (sshconfig_new(user, port, config, token, &c, &err) < 0)
        fail_msg("%s", err.text);
    return c;
}

static const struct ssh_options *resolve(struct sshconfig *c, const struct server *server) {
    const struct ssh_options *o;
    struct error err;
    if (sshconfig_resolve(c, server, deadline_in(20 * CLOCK_S), &o, &err) < 0)
        fail_msg("%s", err.text);
    return o;
}

static const struct ssh_options *resolve_host(struct sshconfig *c, char *host) {
    return resolve(c, &(struct server){.name = host, .host = host});
}

/* Puts a program called ssh before all others. */
static void false_ssh(const char *script) {
    char path[128];
    snprintf(path, sizeof(path), "%s/bin", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/bin/ssh", folder);
    unlink(path);
    write_file(path, script, 0700);
    snprintf(path, sizeof(path), "%s/bin:/usr/bin:/bin", folder);
    setenv("PATH", path, 1);
}

static int usual_ssh(UNUSED void **state) {
    setenv("PATH", usual_path, 1);
    unsetenv("SSH_AUTH_SOCK");
    return 0;
}

static void reads_what_is_configured(UNUSED void **state) {
    struct sshconfig *c = new_config("Host web\n"
                                     " HostName %h.example.org\n User bob\n Port 2222\n"
                                     " AddressFamily inet6\n BindAddress ::1\n"
                                     " StrictHostKeyChecking accept-new\n HashKnownHosts yes\n"
                                     " HostKeyAlias Alias\n ConnectTimeout 12\n"
                                     " IdentitiesOnly yes\n Compression yes\n TCPKeepAlive no\n"
                                     " Ciphers aes256-ctr\n RequiredRSASize 2048\n"
                                     " RemoteCommand uptime\n GSSAPIAuthentication yes\n",
                                     NULL, 0);
    const struct ssh_options *o = resolve_host(c, "web");
    assert_string_equal(o->hostname, "web.example.org");
    assert_string_equal(o->user, "bob");
    assert_int_equal(o->port, 2222);
    assert_int_equal(o->address_family, AF_INET6);
    assert_string_equal(o->bind_address, "::1");
    assert_int_equal(o->host_key_checking, HOST_KEY_ACCEPT_NEW);
    assert_true(o->hash_known_hosts);
    assert_string_equal(o->host_key_alias, "alias");
    assert_int_equal(o->connect_timeout, 12 * CLOCK_S);
    assert_true(o->identities_only && o->compression && !o->tcp_keepalive);
    assert_string_equal(o->ciphers, "aes256-ctr");
    assert_int_equal(o->rsa_min_bits, 2048);
    assert_null(o->needs_ssh_program);
    assert_false(o->defaults);
    sshconfig_free(c);
}

static void leaves_the_usual_alone(UNUSED void **state) {
    struct sshconfig *c = new_config("", NULL, 0);
    const struct ssh_options *o = resolve_host(c, "Web.Example.org");
    assert_string_equal(o->hostname, "web.example.org");
    assert_string_equal(o->user, getpwuid(getuid())->pw_name);
    assert_int_equal(o->port, 22);
    assert_int_equal(o->address_family, AF_UNSPEC);
    assert_int_equal(o->host_key_checking, HOST_KEY_STRICT);
    assert_null(o->ciphers);
    assert_null(o->macs);
    assert_null(o->kex);
    assert_null(o->host_key_algorithms);
    assert_null(o->pubkey_algorithms);
    assert_null(o->bind_address);
    assert_null(o->host_key_alias);
    assert_null(o->identity_agent);
    assert_int_equal(o->connect_timeout, 0);
    assert_null(o->needs_ssh_program);
    assert_int_equal(o->user_known_hosts_count, 2);
    assert_int_equal(o->global_known_hosts_count, 2);
    assert_string_equal(o->global_known_hosts[0], "/etc/ssh/ssh_known_hosts");
    sshconfig_free(c);
}

static void expands_paths(UNUSED void **state) {
    const char *home = getpwuid(getuid())->pw_dir;
    char expected[512], host[256] = "";
    gethostname(host, sizeof(host) - 1);
    /* the password database is asked, not the environment */
    cleanup(free_ptr) char *saved = getenv("HOME") ? strdup(getenv("HOME")) : NULL;
    setenv("HOME", "/nowhere", 1);
    setenv("MUSTER_TEST_AGENT", "/run/agent", 1);
    struct sshconfig *c = new_config("Host web\n HostName h.org\n HostKeyAlias al\n User bob\n"
                                     " IdentityFile ~/k/%r@%h_%p\n"
                                     " IdentityFile \"/with space/%n-%k-%i%%%d\"\n"
                                     " IdentityFile /%l/%L/%u\n IdentityFile ~root/%C\n"
                                     " IdentityFile ${MUSTER_TEST_AGENT}/x\n"
                                     " UserKnownHostsFile ~/kh_%k \"/a b/known  hosts\"\n"
                                     " GlobalKnownHostsFile ~/g /b/%%x\n"
                                     " IdentityAgent ~/agent-%i\n"
                                     "Host var\n IdentityAgent $MUSTER_TEST_AGENT\n"
                                     " GlobalKnownHostsFile none\n UserKnownHostsFile none\n"
                                     "Host none\n IdentityAgent none\n IdentityFile none\n"
                                     "Host sock\n IdentityAgent SSH_AUTH_SOCK\n",
                                     NULL, 0);
    setenv("SSH_AUTH_SOCK", "/run/usual", 1);
    const struct ssh_options *o = resolve_host(c, "web");
    assert_int_equal(o->identity_count, 5);
    snprintf(expected, sizeof(expected), "%s/k/bob@h.org_22", home);
    assert_string_equal(o->identity_files[0], expected);
    snprintf(expected, sizeof(expected), "/with space/web-al-%u%%%s", getuid(), home);
    assert_string_equal(o->identity_files[1], expected);
    snprintf(expected, sizeof(expected), "/%s/%.*s/%s", host, (int)strcspn(host, "."), host,
             getpwuid(getuid())->pw_name);
    assert_string_equal(o->identity_files[2], expected);
    /* 40 digits of SHA-1 */
    assert_int_equal(strlen(o->identity_files[3]), strlen(getpwnam("root")->pw_dir) + 41);
    assert_string_equal(o->identity_files[4], "/run/agent/x");
    assert_int_equal(o->user_known_hosts_count, 2);
    snprintf(expected, sizeof(expected), "%s/kh_al", home);
    assert_string_equal(o->user_known_hosts[0], expected);
    assert_string_equal(o->user_known_hosts[1], "/a b/known  hosts");
    assert_int_equal(o->global_known_hosts_count, 2);
    snprintf(expected, sizeof(expected), "%s/g", home);
    assert_string_equal(o->global_known_hosts[0], expected);
    snprintf(expected, sizeof(expected), "%s/agent-%u", home, getuid());
    assert_string_equal(o->identity_agent, expected);
    o = resolve_host(c, "var");
    assert_string_equal(o->identity_agent, "/run/agent");
    assert_int_equal(o->user_known_hosts_count + o->global_known_hosts_count, 0);
    o = resolve_host(c, "none");
    assert_null(o->identity_agent);
    assert_int_equal(o->identity_count, 0);
    assert_string_equal(resolve_host(c, "sock")->identity_agent, "/run/usual");
    assert_string_equal(resolve_host(c, "other")->identity_agent, "/run/usual");
    sshconfig_free(c);
    if (saved)
        setenv("HOME", saved, 1);
}

static void hashes_a_connection_as_ssh_does(UNUSED void **state) {
    struct sshconfig *c =
        new_config("Host *\n UserKnownHostsFile /%C\n IdentityFile /%C\n", NULL, 0);
    const struct ssh_options *o = resolve_host(c, "web");
    /* ssh expands the one, we the other */
    assert_string_equal(o->identity_files[0], o->user_known_hosts[0]);
    sshconfig_free(c);
}

static void prefers_the_servers_own(UNUSED void **state) {
    struct sshconfig *c =
        new_config("User configured\nPort 1\nIdentityFile /configured\n", "runs", 2);
    struct server server = {.host = "web"};
    const struct ssh_options *o = resolve(c, &server);
    assert_string_equal(o->user, "runs");
    assert_int_equal(o->port, 2);
    assert_int_equal(o->identity_count, 1);
    server =
        (struct server){.host = "web", .user = "own", .port = 3, .identity = "/a \"quoted\\\" key"};
    o = resolve(c, &server);
    assert_string_equal(o->user, "own");
    assert_int_equal(o->port, 3);
    assert_int_equal(o->identity_count, 2);
    assert_string_equal(o->identity_files[0], "/a \"quoted\\\" key");
    assert_string_equal(o->identity_files[1], "/configured");
    sshconfig_free(c);
    c = new_config("User configured\nPort 1\n", NULL, 0);
    o = resolve_host(c, "web");
    assert_string_equal(o->user, "configured");
    assert_int_equal(o->port, 1);
    sshconfig_free(c);
}

static void knows_when_ssh_must_do_it(UNUSED void **state) {
    static const struct {
        const char *text;
        const char *reason; /* a word of it, or NULL */
    } cases[] = {
        {"ProxyJump bastion", NULL},
        {"ProxyCommand nc %h %p", NULL},
        {"ProxyCommand nc %L", "token"},
        {"ProxyCommand nc %h 100%", "token"},
        {"ProxyCommand nc %h\nProxyUseFdpass yes", "ProxyUseFdpass"},
        {"ProxyJump bastion\nProxyUseFdpass yes", NULL},
        {"KnownHostsCommand /bin/true", "KnownHostsCommand"},
        {"ControlPath /tmp/x\nControlMaster auto", "ControlPath"},
        {"ControlPath /tmp/x\nControlMaster no", NULL},
        {"ControlPath none\nControlMaster auto", NULL},
        {"PKCS11Provider /lib/x.so", "PKCS11Provider"},
        {"RevokedHostKeys /dev/null", NULL},
        {"CertificateFile /x-cert.pub", NULL},
        {"PreferredAuthentications gssapi-with-mic,hostbased", NULL},
        {"PubkeyAuthentication no", NULL},
        {"VerifyHostKeyDNS yes", "VerifyHostKeyDNS"},
        {"VerifyHostKeyDNS ask", NULL},
        {"PermitLocalCommand yes\nLocalCommand true", "LocalCommand"},
        {"LocalCommand true", NULL},
        {"NoHostAuthenticationForLocalhost yes\nHostName 127.0.0.1", NULL},
        {"GSSAPIAuthentication yes\nForwardAgent yes\nRequestTTY force", NULL},
        {"SecurityKeyProvider /lib/x.so", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sshconfig *c = new_config(cases[i].text, NULL, 0);
        const char *reason = resolve_host(c, "web")->needs_ssh_program;
        if (!reason != !cases[i].reason || (reason && !strstr(reason, cases[i].reason)))
            fail_msg("%s: %s", cases[i].text, reason ? reason : "none needed");
        sshconfig_free(c);
    }
}

static void fails(const char *script, int64_t within, enum error_kind kind, const char *word) {
    false_ssh(script);
    struct sshconfig *c = new_config("", NULL, 0);
    struct error err = {0};
    const struct ssh_options *o;
    int64_t before = clock_now();
    assert_int_equal(
        sshconfig_resolve(c, &(struct server){.host = "web"}, deadline_in(within), &o, &err), -1);
    if (err.kind != kind || !strstr(err.text, word))
        fail_msg("%s: kind %d: %s", script, err.kind, err.text);
    assert_true(clock_now() - before < 8 * CLOCK_S);
    sshconfig_free(c);
}

static void says_why_ssh_failed(UNUSED void **state) {
    enum { LONG = 15 };
    fails("#!/bin/sh\necho 'bad \033[31moption' >&2\nexit 255\n", LONG * CLOCK_S, ERROR_UNREACHABLE,
          "bad \\x1b[31moption");
    fails("#!/bin/sh\nexit 3\n", LONG * CLOCK_S, ERROR_UNREACHABLE, "exit status 3");
    fails("#!/bin/sh\nkill -9 $$\n", LONG * CLOCK_S, ERROR_UNREACHABLE, "signal 9");
    fails("#!/bin/sh\necho garbage\n", LONG * CLOCK_S, ERROR_UNREACHABLE, "no host name");
    fails("#!/bin/sh\n", LONG * CLOCK_S, ERROR_UNREACHABLE, "no host name");
    fails("#!/bin/sh\necho hostname x; echo user y; echo port 65536\n", LONG * CLOCK_S,
          ERROR_UNREACHABLE, "no host name");
    fails("#!/bin/sh\nhead -c 1000000 /dev/zero\n", LONG * CLOCK_S, ERROR_UNREACHABLE, "too much");
    fails("#!/bin/sh\nsleep 60 & sleep 60\n", 300 * CLOCK_MS, ERROR_TIMEOUT, "in time");
    fails("#!/bin/sh\nexec >/dev/null 2>&1; sleep 60\n", 300 * CLOCK_MS, ERROR_TIMEOUT, "in time");
}

static void *fire_soon(void *token_to_fire) {
    nanosleep(&(struct timespec){.tv_nsec = 200 * CLOCK_MS}, NULL);
    cancel_fire(token_to_fire);
    return NULL;
}

/* A `Match exec` that hangs must not keep a run that was ended. */
static void ends_with_the_run(UNUSED void **state) {
    struct cancel *usual = token;
    struct error err = {0};
    pthread_t thread;
    assert_int_equal(cancel_new(&token, &err), 0);
    false_ssh("#!/bin/sh\nsleep 60\n");
    struct sshconfig *c = new_config("", NULL, 0);
    const struct ssh_options *o;
    int64_t begin = clock_now();
    assert_int_equal(pthread_create(&thread, NULL, fire_soon, token), 0);
    for (int i = 0; i < 2; i++) {
        int64_t deadline = deadline_in(20 * CLOCK_S);
        assert_int_equal(sshconfig_resolve(c, &(struct server){.host = "web"}, deadline, &o, &err),
                         -1);
        assert_int_equal(err.kind, ERROR_INTERRUPTED);
    }
    assert_true(clock_now() - begin < 5 * CLOCK_S);
    pthread_join(thread, NULL);
    sshconfig_free(c);
    cancel_free(token);
    token = usual;
}

static void gives_the_words_of_the_real_one(UNUSED void **state) {
    struct sshconfig *c = new_config("Foo bar\n", NULL, 0);
    struct error err;
    const struct ssh_options *o;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sshconfig_resolve(c, &(struct server){.host = "web"},
                                           deadline_in(20 * CLOCK_S), &o, &err),
                         -1);
        assert_int_equal(err.kind, ERROR_UNREACHABLE);
        assert_non_null(strstr(err.text, "foo"));
    }
    /* and is asked again once its file is mended */
    write_file(config, "User mended\n", 0600);
    assert_string_equal(resolve_host(c, "web")->user, "mended");
    sshconfig_free(c);
}

static void starts_ssh_clean(UNUSED void **state) {
    char script[1024], path[128];
    snprintf(path, sizeof(path), "%s/seen", folder);
    snprintf(script, sizeof(script),
             "#!/bin/sh\ngrep -E '^Sig(Blk|Ign)' /proc/self/status >%s; ls /proc/self/fd | wc -l "
             ">>%s\ncat >>%s\necho hostname x; echo user y; echo port 1\n",
             path, path, path);
    false_ssh(script);
    signal(SIGPIPE, SIG_IGN);
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int leaked = open("/dev/null", O_RDONLY); /* not closed on exec */
    struct sshconfig *c = new_config("", NULL, 0);
    resolve_host(c, "web");
    sshconfig_free(c);
    close(leaked);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    signal(SIGPIPE, SIG_DFL);
    struct error err;
    cleanup(str_done) struct str seen = {0};
    assert_int_equal(fd_read_file(path, 4096, &seen, &err), 0);
    unsigned long long blocked, ignored;
    int descriptors;
    assert_int_equal(
        sscanf(seen.data, "SigBlk:\t%llx\nSigIgn:\t%llx\n%d\n", &blocked, &ignored, &descriptors),
        3);
    assert_int_equal(blocked, 0);
    assert_int_equal(ignored & 0x7fffffff, 0); /* above are the C library's own */
    assert_int_equal(descriptors, 4);          /* ls has one of its own */
}

static void takes_no_host_for_an_option(UNUSED void **state) {
    char host[160], path[128];
    snprintf(path, sizeof(path), "%s/executed", folder);
    snprintf(host, sizeof(host), "-oProxyCommand=touch %s", path);
    struct sshconfig *c = new_config("", NULL, 0);
    struct error err;
    const struct ssh_options *o;
    struct server server = {.host = host};
    /* newer versions of ssh refuse such a name, older ones take it for a name */
    if (sshconfig_resolve(c, &server, deadline_in(20 * CLOCK_S), &o, &err) == 0)
        assert_null(o->needs_ssh_program);
    assert_int_equal(access(path, F_OK), -1);
    sshconfig_free(c);
}

struct asker {
    struct sshconfig *c;
    char host[16];
    const struct ssh_options *got;
};

static void *ask(void *arg) {
    struct asker *a = arg;
    struct error err;
    struct server server = {.host = a->host};
    if (sshconfig_resolve(a->c, &server, deadline_in(20 * CLOCK_S), &a->got, &err) < 0)
        a->got = NULL;
    return NULL;
}

static void asks_once_for_a_server_and_for_several_at_once(UNUSED void **state) {
    enum { THREADS = 12, HOSTS = 6 };
    char script[1024], path[128];
    snprintf(path, sizeof(path), "%s/asked", folder);
    snprintf(script, sizeof(script),
             "#!/bin/sh\nfor h; do :; done\necho $h >>%s\nsleep 0.5\n"
             "echo hostname $h; echo user y; echo port 1\n",
             path);
    false_ssh(script);
    struct sshconfig *c = new_config("", NULL, 0);
    struct asker askers[THREADS];
    pthread_t threads[THREADS];
    int64_t before = clock_now();
    for (int i = 0; i < THREADS; i++) {
        askers[i].c = c;
        snprintf(askers[i].host, sizeof(askers[i].host), "h%d", i % HOSTS);
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    /* one for the usual lists, then six side by side: 1 s, where one after the other takes 3.5 s */
    assert_true(clock_now() - before < 3 * CLOCK_S);
    for (int i = 0; i < THREADS; i++) {
        assert_non_null(askers[i].got);
        assert_string_equal(askers[i].got->hostname, askers[i].host);
        assert_ptr_equal(askers[i].got, askers[i % HOSTS].got);
    }
    struct error err;
    cleanup(str_done) struct str asked = {0};
    assert_int_equal(fd_read_file(path, 4096, &asked, &err), 0);
    size_t lines = 0;
    for (const char *p = asked.data; *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, HOSTS + 1);
    sshconfig_free(c);
}

static void falls_back_to_defaults(UNUSED void **state) {
    setenv("PATH", folder, 1);
    struct sshconfig *c;
    struct error err;
    assert_int_equal(sshconfig_new(NULL, 0, config, token, &c, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_int_equal(sshconfig_new("bob", 0, NULL, token, &c, &err), 0);
    const struct ssh_options *o = resolve_host(c, "web");
    assert_true(o->defaults);
    assert_string_equal(o->hostname, "web");
    assert_string_equal(o->user, "bob");
    assert_int_equal(o->port, 22);
    assert_int_equal(o->identity_count, 6);
    assert_int_equal(o->user_known_hosts_count, 2);
    assert_true(o->tcp_keepalive);
    char expected[256];
    snprintf(expected, sizeof(expected), "%s/.ssh/id_rsa", getpwuid(getuid())->pw_dir);
    assert_string_equal(o->identity_files[0], expected);
    struct server server = {.host = "web", .port = 7, .identity = "/key"};
    o = resolve(c, &server);
    assert_int_equal(o->port, 7);
    assert_int_equal(o->identity_count, 1);
    assert_string_equal(o->identity_files[0], "/key");
    sshconfig_free(c);
}

static int make_folder(UNUSED void **state) {
    struct error err;
    if (cancel_new(&token, &err) < 0)
        return -1;
    usual_path = strdup(getenv("PATH"));
    if (!usual_path || !make_test_folder(folder))
        return -1;
    snprintf(config, sizeof(config), "%s/config", folder);
    return 0;
}

static int remove_folder(UNUSED void **state) {
    char command[80];
    cancel_free(token);
    usual_ssh(NULL);
    free(usual_path);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup(f, usual_ssh)
    const struct CMUnitTest tests[] = {
        TEST(reads_what_is_configured),
        TEST(leaves_the_usual_alone),
        TEST(expands_paths),
        TEST(hashes_a_connection_as_ssh_does),
        TEST(prefers_the_servers_own),
        TEST(knows_when_ssh_must_do_it),
        TEST(says_why_ssh_failed),
        TEST(ends_with_the_run),
        TEST(gives_the_words_of_the_real_one),
        TEST(starts_ssh_clean),
        TEST(takes_no_host_for_an_option),
        TEST(asks_once_for_a_server_and_for_several_at_once),
        TEST(falls_back_to_defaults),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
