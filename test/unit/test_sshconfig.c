/* What input/sshconfig promises beside what test/sshconfig holds against ssh itself. */
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

static void *fire_soon(void *token_to_fire) {
    nanosleep(&(struct timespec){.tv_nsec = 200 * CLOCK_MS}, NULL);
    cancel_fire(token_to_fire);
    return NULL;
}

static void refuse(struct sshconfig *c, char *host, int64_t within, enum error_kind kind,
                   const char *words) {
    struct error err;
    const struct ssh_options *o;
    if (sshconfig_resolve(c, &(struct server){.host = host}, deadline_in(within), &o, &err) == 0)
        fail_msg("%s is resolved", host);
    if (err.kind != kind || !strstr(err.text, words))
        fail_msg("kind %d: %s", err.kind, err.text);
}

/* A `Match exec` that hangs must not keep a run that was ended, or outlast a deadline. */
static void ends_with_the_run(UNUSED void **state) {
    struct cancel *usual = token;
    struct error err = {0};
    pthread_t thread;
    assert_int_equal(cancel_new(&token, &err), 0);
    struct sshconfig *c = new_config("Match exec \"sleep 60 & sleep 60\"\n User bob\n", NULL, 0);
    int64_t begin = clock_now();
    refuse(c, "web", 100 * CLOCK_MS, ERROR_TIMEOUT, "sleep 60");
    assert_int_equal(pthread_create(&thread, NULL, fire_soon, token), 0);
    for (int i = 0; i < 2; i++)
        refuse(c, "web", 20 * CLOCK_S, ERROR_INTERRUPTED, "the run was ended");
    assert_true(clock_now() - begin < 5 * CLOCK_S);
    pthread_join(thread, NULL);
    sshconfig_free(c);
    cancel_free(token);
    token = usual;
}

static void says_what_ssh_would_refuse(UNUSED void **state) {
    struct sshconfig *c;
    struct error err;
    char expected[256];
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"User x\n\nFoo bar\n", "line 3: Bad configuration option: foo"},
        {"Port x\nUser\n", "line 1: Bad port 'x' (and 1 more bad lines)"},
        {"Host a\n IgnoreUnknown x\n Foo\033[31m bar\n", "option: foo\\x1b[31m"},
        {"User \"bob\n", "line 1: invalid quotes"},
        {"Include /nowhere\nInclude %h\n", "line 2: cannot expand the Include path %h"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        write_file(config, cases[i].text, 0600);
        assert_int_equal(sshconfig_new(NULL, 0, config, token, &c, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
        snprintf(expected, sizeof(expected), "%s line", config);
        if (strncmp(err.text, expected, strlen(expected)) != 0 || !strstr(err.text, cases[i].words))
            fail_msg("%s: %s", cases[i].text, err.text);
    }
    assert_int_equal(sshconfig_new(NULL, 0, "/nowhere", token, &c, &err), -1);
    assert_string_equal(err.text, "cannot read the ssh_config /nowhere: No such file or directory");
    assert_int_equal(sshconfig_new(NULL, 0, folder, token, &c, &err), -1);
    c = new_config("Host web\n IgnoreUnknown foo\nHost *\n Foo 1\n", NULL, 0);
    assert_non_null(resolve_host(c, "web"));
    refuse(c, "db", CLOCK_S, ERROR_UNREACHABLE, "line 4: Bad configuration option: foo");
    sshconfig_free(c);
    c = new_config("Host web\n ProxyCommand nc %L\nHost db\n ProxyCommand nc 100%\n", NULL, 0);
    refuse(c, "web", CLOCK_S, ERROR_UNREACHABLE, "unknown key %L");
    refuse(c, "db", CLOCK_S, ERROR_UNREACHABLE, "unknown key %");
    sshconfig_free(c);
    c = new_config("Host web\n HostName %q\nMatch exec \"kill -9 $$\" host db\n User x\n", NULL, 0);
    refuse(c, "web", 9 * CLOCK_S, ERROR_UNREACHABLE, "line 3: unknown key %q in %q");
    refuse(c, "db", 9 * CLOCK_S, ERROR_UNREACHABLE, "ended by signal 9");
    sshconfig_free(c);
}

/* Whoever may write an included file may run commands as the user. */
static void trusts_no_file_of_others(UNUSED void **state) {
    char text[128], part[96];
    struct sshconfig *c;
    struct error err;
    snprintf(part, sizeof(part), "%s/part", folder);
    snprintf(text, sizeof(text), "Include %s\n", part);
    write_file(config, text, 0600);
    write_file(part, "User bob\n", 0600);
    static const mode_t modes[] = {0602, 0622};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        chmod(part, modes[i]);
        assert_int_equal(sshconfig_new(NULL, 0, config, token, &c, &err), -1);
        assert_int_equal(err.kind, ERROR_USAGE);
        assert_non_null(strstr(err.text, "Bad owner or permissions on"));
    }
    chmod(part, 0600);
    c = new_config(text, NULL, 0);
    assert_string_equal(resolve_host(c, "web")->user, "bob");
    sshconfig_free(c);
    unlink(part);
}

static void starts_commands_clean(UNUSED void **state) {
    char text[512], path[128];
    snprintf(path, sizeof(path), "%s/seen", folder);
    snprintf(text, sizeof(text),
             "Match exec \"grep -E '^Sig(Blk|Ign)' /proc/self/status >%s; ls /proc/self/fd | wc -l "
             ">>%s; cat >>%s\"\n User bob\n",
             path, path, path);
    signal(SIGPIPE, SIG_IGN);
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int leaked = open("/dev/null", O_RDONLY); /* not closed on exec */
    struct sshconfig *c = new_config(text, NULL, 0);
    assert_string_equal(resolve_host(c, "web")->user, "bob");
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

/* What versions after 9.2 know: tags, networks, and escapes in the line of a Match. */
static void knows_newer_criteria(UNUSED void **state) {
    setenv("MUSTER_TEST_NAME", "web", 1);
    struct sshconfig *c = new_config("Host web\n Tag front\n"
                                     "Match tagged fr*,!frx\n User tagged\n"
                                     "Match tagged=back\n User never\n"
                                     "Match localnetwork 127.0.0.0/8,2001:db8::/32\n Port 7\n"
                                     "Match !localnetwork=127.0.0.1\n Port 8\n"
                                     "Match exec 'test \"$MUSTER_TEST_NAME\" = \"%h\"'\n"
                                     " Compression yes\n",
                                     NULL, 0);
    const struct ssh_options *o = resolve_host(c, "web");
    assert_string_equal(o->user, "tagged");
    assert_int_equal(o->port, 7);
    assert_true(o->compression);
    assert_false(resolve_host(c, "db")->compression);
    sshconfig_free(c);
    struct error err;
    write_file(config, "Match localnetwork 127.0.0.1/8\n", 0600);
    assert_int_equal(sshconfig_new(NULL, 0, config, token, &c, &err), -1);
    assert_non_null(strstr(err.text, "line 1: Bad Match localnetwork"));
}

static int look_up(void *asked, const char *name, UNUSED int family, UNUSED int64_t deadline,
                   char **canonical, struct error *err) {
    strcat(asked, name);
    strcat(asked, " ");
    if (strcmp(name, "late.a.org.") == 0)
        return error_set(err, ERROR_TIMEOUT, "too late");
    if (strcmp(name, "web.b.org.") != 0)
        return 0;
    *canonical = strdup("real.c.org");
    return 1;
}

static void completes_names(UNUSED void **state) {
    char asked[256] = "";
    struct sshconfig *c = new_config("CanonicalizeHostname yes\nCanonicalDomains a.org b.org\n"
                                     "Host real.c.org\n User aliased\n"
                                     "Host web.b.org\n User completed\n"
                                     "Match originalhost alias\n HostName web\n"
                                     " CanonicalizePermittedCNAMEs *.b.org:*.c.org\n",
                                     NULL, 0);
    sshconfig_set_lookup(c, look_up, asked);
    const struct ssh_options *o = resolve_host(c, "web");
    assert_string_equal(o->hostname, "web.b.org");
    assert_string_equal(o->user, "completed");
    assert_string_equal(asked, "web.a.org. web.b.org. ");
    *asked = '\0';
    o = resolve_host(c, "alias");
    assert_string_equal(o->hostname, "real.c.org");
    assert_string_equal(o->user, "aliased");
    *asked = '\0';
    assert_string_equal(resolve_host(c, "a.b.c")->hostname, "a.b.c");
    assert_string_equal(asked, "");
    refuse(c, "late", CLOCK_S, ERROR_TIMEOUT, "too late");
    assert_string_equal(resolve_host(c, "gone")->hostname, "gone");
    sshconfig_free(c);
}

static void hear(void *arg, const struct sshconfig_value *v) {
    struct str *heard = arg;
    const char *name = v->file ? strrchr(v->file, '/') + 1 : "-";
    str_addf(heard, "%s=%s %s:%d %s\n", v->keyword, v->text, name, v->line,
             ssh_support_name(v->support));
}

static void explains(UNUSED void **state) {
    struct sshconfig *c = new_config("Host web\n HostName %h.org\n SendEnv A B\n"
                                     "Host *\n IdentityFile /a\n IdentityFile \"/b c\"\n"
                                     " ForwardAgent yes\n HostName other\n SendEnv C -B\n"
                                     " RekeyLimit 1G\n KnownHostsCommand /bin/x %H\n",
                                     "bob", 0);
    cleanup(str_done) struct str heard = {0};
    struct error err;
    struct server server = {.name = "web", .host = "web", .identity = "/own"};
    assert_int_equal(sshconfig_explain(c, &server, deadline_in(CLOCK_S), hear, &heard, &err), 0);
    assert_string_equal(heard.data, "ForwardAgent=yes config:7 irrelevant\n"
                                    "HostName=%h.org config:2 honoured\n"
                                    "IdentityFile=/own -:0 honoured\n"
                                    "IdentityFile=/a config:5 honoured\n"
                                    "IdentityFile=/b c config:6 honoured\n"
                                    "KnownHostsCommand=/bin/x %H config:11 ssh program\n"
                                    "RekeyLimit=1G config:10 honoured\n"
                                    "SendEnv=A config:3 honoured\n"
                                    "SendEnv=C config:9 honoured\n"
                                    "User=bob -:0 honoured\n");
    sshconfig_free(c);
}

static void takes_no_host_for_an_option(UNUSED void **state) {
    char host[160], path[128];
    snprintf(path, sizeof(path), "%s/executed", folder);
    snprintf(host, sizeof(host), "-oProxyCommand=touch %s", path);
    struct sshconfig *c = new_config("", NULL, 0);
    assert_null(resolve_host(c, host)->needs_ssh_program);
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

static void runs_a_command_once(UNUSED void **state) {
    enum { THREADS = 12, HOSTS = 6 };
    char text[512], path[128];
    snprintf(path, sizeof(path), "%s/asked", folder);
    snprintf(text, sizeof(text),
             "Match exec \"echo %%h >>%s; sleep 0.3\"\n User once\n"
             "Match exec \"echo all >>%s; sleep 0.3\"\n Port 7\n",
             path, path);
    struct sshconfig *c = new_config(text, NULL, 0);
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
    /* six side by side, then one: where one after the other takes 2.1 s */
    assert_true(clock_now() - before < 2 * CLOCK_S);
    for (int i = 0; i < THREADS; i++) {
        assert_non_null(askers[i].got);
        assert_string_equal(askers[i].got->hostname, askers[i].host);
        assert_string_equal(askers[i].got->user, "once");
        assert_int_equal(askers[i].got->port, 7);
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

static void keeps_what_is_held(UNUSED void **state) {
    struct sshconfig *c = new_config("Host web*\n User bob\n", NULL, 0);
    const struct ssh_options *one = resolve_host(c, "web1"), *again = resolve_host(c, "web1");
    assert_ptr_equal(one, again);
    sshconfig_release(c, one);
    sshconfig_hold(c, again);
    sshconfig_release(c, again);
    assert_string_equal(again->user, "bob");
    assert_ptr_equal(resolve_host(c, "web1"), again);
    for (int i = 0; i < 1000; i++) { /* what is let go of is not kept */
        char host[16];
        snprintf(host, sizeof(host), "web%d", i + 2);
        sshconfig_release(c, resolve_host(c, host));
    }
    assert_string_equal(again->hostname, "web1");
    sshconfig_free(c);
}

/* No program is needed to read a configuration. */
static void does_without_ssh(UNUSED void **state) {
    setenv("PATH", folder, 1);
    struct sshconfig *c = new_config("User bob\n", NULL, 0);
    assert_string_equal(resolve_host(c, "web")->user, "bob");
    struct server server = {.host = "web", .port = 7, .identity = "/key"};
    const struct ssh_options *o = resolve(c, &server);
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
        TEST(prefers_the_servers_own),
        TEST(knows_when_ssh_must_do_it),
        TEST(ends_with_the_run),
        TEST(says_what_ssh_would_refuse),
        TEST(trusts_no_file_of_others),
        TEST(starts_commands_clean),
        TEST(knows_newer_criteria),
        TEST(completes_names),
        TEST(explains),
        TEST(takes_no_host_for_an_option),
        TEST(runs_a_command_once),
        TEST(keeps_what_is_held),
        TEST(does_without_ssh),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
