/*
 * sshconfig_print: the options that muster finds for servers, in the words of `ssh -G`, to be held
 * against them by ssh_differences.py.
 *
 * usage: sshconfig_print FILE <QUESTIONS. A question is a line of host, user, port, identity and
 * jump hosts with tabs between them; what is empty is not given. An answer is lines of a keyword
 * and its value, and an empty line. Lists of algorithms that are OpenSSH's own are left out. With
 * `-t N` before FILE, the questions are answered N times, and only the time of one answer is
 * printed.
 */
#include "base/clock.h"
#include "base/vec.h"
#include "input/sshconfig.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void text(const char *key, const char *value) {
    if (value)
        printf("%s %s\n", key, value);
}

static void number(const char *key, int64_t value) {
    printf("%s %lld\n", key, (long long)value);
}

static void flag(const char *key, bool value) {
    text(key, value ? "yes" : "no");
}

static void list(const char *key, char *const *items, size_t count) {
    for (size_t i = 0; i < count; i++)
        text(key, items[i]);
}

static void print(const struct ssh_options *o) {
    static const char *const checking[] = {
        [HOST_KEY_STRICT] = "yes", [HOST_KEY_ACCEPT_NEW] = "accept-new", [HOST_KEY_OFF] = "no"};
    text("hostname", o->hostname);
    text("user", o->user);
    number("port", o->port);
    text("hostkeyalias", o->host_key_alias);
    list("identityfile", o->identity_files, o->identity_count);
    list("certificatefile", o->certificate_files, o->certificate_count);
    flag("identitiesonly", o->identities_only);
    text("identityagent", o->identity_agent);
    list("userknownhostsfile", o->user_known_hosts, o->user_known_hosts_count);
    list("globalknownhostsfile", o->global_known_hosts, o->global_known_hosts_count);
    text("revokedhostkeys", o->revoked_host_keys);
    flag("checkhostip", o->check_host_ip);
    flag("nohostauthenticationforlocalhost", o->trust_localhost);
    text("stricthostkeychecking", checking[o->host_key_checking]);
    flag("hashknownhosts", o->hash_known_hosts);
    text("addressfamily", o->address_family == AF_UNSPEC  ? "any"
                          : o->address_family == AF_INET6 ? "inet6"
                                                          : "inet");
    text("bindaddress", o->bind_address);
    text("bindinterface", o->bind_interface);
    number("connecttimeout", o->connect_timeout / CLOCK_S);
    number("connectionattempts", o->connection_attempts);
    text("proxyjump", o->proxy_jump);
    text("proxycommand", o->proxy_command);
    number("serveraliveinterval", o->alive_interval / CLOCK_S);
    number("serveralivecountmax", o->alive_count_max);
    printf("rekeylimit %lld %lld\n", (long long)o->rekey_bytes, (long long)o->rekey_seconds);
    flag("pubkeyauthentication", o->pubkey_authentication);
    flag("kbdinteractiveauthentication", o->kbdinteractive_authentication);
    flag("passwordauthentication", o->password_authentication);
    text("preferredauthentications", o->preferred_authentications);
    number("numberofpasswordprompts", o->password_prompts);
    list("environment", o->environment, o->environment_count);
    number("requiredrsasize", o->rsa_min_bits);
    text("ciphers", o->ciphers);
    text("macs", o->macs);
    text("kexalgorithms", o->kex);
    text("hostkeyalgorithms", o->host_key_algorithms);
    text("pubkeyacceptedalgorithms", o->pubkey_algorithms);
    flag("compression", o->compression);
    flag("tcpkeepalive", o->tcp_keepalive);
}

/* As ssh does, in the calling thread: a test has no deadline to keep. */
static int look_up(void *arg, const char *name, int family, int64_t deadline, char **canonical,
                   struct error *err) {
    (void)arg;
    (void)deadline;
    struct addrinfo *list;
    struct addrinfo hints = {
        .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME};
    if (getaddrinfo(name, "22", &hints, &list) != 0)
        return 0;
    *canonical = list->ai_canonname ? strdup(list->ai_canonname) : NULL;
    bool failed = list->ai_canonname && !*canonical;
    freeaddrinfo(list);
    return failed ? error_memory(err) : 1;
}

struct asking {
    struct sshconfig *config;
    char *field[5];
};

static int ask(struct asking *a, const struct ssh_options **o, struct error *err) {
    char **f = a->field;
    int port = f[2] ? atoi(f[2]) : 0;
    struct server server = {
        .name = f[0], .host = f[0], .user = f[1], .port = port, .identity = f[3]};
    int64_t deadline = deadline_in(20 * CLOCK_S);
    return f[4] ? sshconfig_resolve_jump(a->config, f[0], f[1], port, f[4], deadline, o, err)
                : sshconfig_resolve(a->config, &server, deadline, o, err);
}

static void split(char *line, char *field[5]) {
    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; i < 5; i++) {
        char *part = line ? strsep(&line, "\t") : NULL;
        field[i] = part && *part ? part : NULL;
    }
}

static void answer(struct sshconfig *config, char *line) {
    struct asking a = {.config = config};
    const struct ssh_options *o;
    struct error err;
    split(line, a.field);
    if (ask(&a, &o, &err) < 0)
        text("error", err.text);
    else
        print(o);
    putchar('\n');
}

/* Every time with a configuration that has answered nothing yet, whose reading does not count. */
static int measure(const char *file, const struct cancel *cancel, int times) {
    char *line = NULL;
    size_t room = 0, count = 0;
    int64_t spent = 0, reading = 0;
    struct error err;
    if (getline(&line, &room, stdin) <= 0)
        return 2;
    for (int i = 0; i < times; i++) {
        struct sshconfig *config;
        int64_t begin = clock_now();
        if (sshconfig_new(NULL, 0, file, cancel, &config, &err) < 0)
            return 1;
        int64_t read = clock_now();
        /* a handful of other users is a handful of questions that no cache answers */
        for (int k = 0; k < 100; k++, count++) {
            char user[16];
            const struct ssh_options *o;
            struct asking a = {.config = config};
            snprintf(user, sizeof(user), "u%d", k);
            a.field[0] = line;
            line[strcspn(line, "\n")] = '\0';
            a.field[1] = user;
            if (ask(&a, &o, &err) < 0)
                return 1;
        }
        reading += read - begin;
        spent += clock_now() - read;
        sshconfig_free(config);
    }
    printf("%.1f %.3f\n", (double)spent / (double)count / 1e3, (double)reading / times / 1e6);
    free(line);
    return 0;
}

int main(int argc, char **argv) {
    bool timed = argc == 4 && strcmp(argv[1], "-t") == 0;
    if (argc != 2 && !timed)
        return 2;
    struct cancel *cancel;
    struct sshconfig *config;
    struct error err;
    if (cancel_new(&cancel, &err) < 0)
        return 2;
    if (timed)
        return measure(argv[3], cancel, atoi(argv[2]));
    if (sshconfig_new(NULL, 0, argv[1], cancel, &config, &err) < 0) {
        printf("refused %s\n", err.text);
        return 1;
    }
    sshconfig_set_lookup(config, look_up, NULL);
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0)
        answer(config, line);
    free(line);
    sshconfig_free(config);
    cancel_free(cancel);
    return 0;
}
