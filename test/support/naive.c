/*
 * naive TRAP PORT [FILE]: libssh called as a program calls it that takes it for OpenSSH.
 *
 * traps.bats runs it beside muster. It ends with 0 and says in a word what came of it; where the
 * trap is a crash or a wait for ever, that is what the caller sees.
 */
#include <fcntl.h>
#include <libssh/libssh.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char *file;
static unsigned port;

static void need(int ok, const char *what) {
    if (ok)
        return;
    fprintf(stderr, "%s failed\n", what);
    exit(3);
}

static ssh_session session(void) {
    ssh_session s = ssh_new();
    need(s && ssh_options_set(s, SSH_OPTIONS_HOST, "127.0.0.1") == 0 &&
             ssh_options_set(s, SSH_OPTIONS_PORT, &port) == 0 &&
             ssh_options_set(s, SSH_OPTIONS_PROCESS_CONFIG, &(bool){false}) == 0,
         "ssh_options_set");
    return s;
}

static ssh_session logged_in(void) {
    ssh_session s = session();
    ssh_key key;
    need(ssh_connect(s) == SSH_OK, "ssh_connect");
    need(ssh_pki_import_privkey_file(file, NULL, NULL, NULL, &key) == SSH_OK, "the key");
    need(ssh_userauth_publickey(s, NULL, key) == SSH_AUTH_SUCCESS, "the login");
    ssh_key_free(key);
    return s;
}

static ssh_channel started(ssh_session s, const char *command) {
    ssh_channel c = ssh_channel_new(s);
    need(c && ssh_channel_open_session(c) == SSH_OK &&
             ssh_channel_request_exec(c, command) == SSH_OK,
         "the command");
    return c;
}

static const char *known_hosts(void) {
    ssh_session s = session();
    need(ssh_options_set(s, SSH_OPTIONS_KNOWNHOSTS, file) == 0 &&
             ssh_options_set(s, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null") == 0 &&
             ssh_connect(s) == SSH_OK,
         "ssh_connect");
    return ssh_session_is_known_server(s) == SSH_KNOWN_HOSTS_OK ? "accepted" : "refused";
}

/* hangs when the server has had enough of keys */
static const char *agent(void) {
    ssh_session s = session();
    need(ssh_connect(s) == SSH_OK, "ssh_connect");
    return ssh_userauth_publickey_auto(s, NULL, NULL) == SSH_AUTH_SUCCESS ? "in" : "refused";
}

/* crashes */
static const char *encrypted(void) {
    ssh_key key;
    return ssh_pki_import_privkey_file(file, "secret", NULL, NULL, &key) == SSH_OK ? "read"
                                                                                   : "refused";
}

static const char *config(void) {
    ssh_session s = ssh_new();
    static char text[300];
    char *host = NULL;
    need(s && ssh_options_set(s, SSH_OPTIONS_HOST, "web") == 0, "ssh_options_set");
    if (ssh_options_parse_config(s, file) != 0)
        return "failed";
    need(ssh_options_get(s, SSH_OPTIONS_HOST, &host) == 0, "ssh_options_get");
    snprintf(text, sizeof(text), "%s", host);
    return text;
}

/* a time-out looks like the end of the output */
static const char *late(void) {
    static char buf[100];
    ssh_channel c = started(logged_in(), "sleep 1; echo late");
    int n = ssh_channel_read_timeout(c, buf, sizeof(buf) - 1, 0, 200);
    return n == 0 ? "nothing" : "late";
}

static const char *killed(void) {
    char buf[100];
    static char text[20];
    ssh_channel c = started(logged_in(), "kill -TERM $$");
    while (ssh_channel_read(c, buf, sizeof(buf), 0) > 0)
        ;
    snprintf(text, sizeof(text), "%d", ssh_channel_get_exit_status(c));
    return text;
}

/* every program that is started meanwhile has the connection, too */
static const char *inherited(void) {
    ssh_session s = session();
    need(ssh_connect(s) == SSH_OK, "ssh_connect");
    return fcntl(ssh_get_fd(s), F_GETFD) & FD_CLOEXEC ? "closed" : "inherited";
}

/* a write to a server that does not read waits for ever */
static const char *blocking(void) {
    ssh_session s = session();
    ssh_set_blocking(s, 0);
    int rc;
    while ((rc = ssh_connect(s)) == SSH_AGAIN)
        ;
    need(rc == SSH_OK, "ssh_connect");
    return fcntl(ssh_get_fd(s), F_GETFL) & O_NONBLOCK ? "non-blocking" : "blocking";
}

static int dial(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    need(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "connect");
    return fd;
}

/* a descriptor that was handed over may be left open, or be somebody else's by then */
static const char *handed_over(void) {
    int fd = dial();
    ssh_session s = session();
    need(ssh_options_set(s, SSH_OPTIONS_FD, &fd) == 0 && ssh_connect(s) == SSH_OK, "ssh_connect");
    ssh_disconnect(s);
    ssh_free(s);
    return fcntl(fd, F_GETFD) >= 0 ? "open" : "closed";
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        const char *(*run)(void);
    } traps[] = {
        {"known_hosts", known_hosts}, {"agent", agent},       {"encrypted", encrypted},
        {"config", config},           {"late", late},         {"killed", killed},
        {"inherited", inherited},     {"blocking", blocking}, {"handed-over", handed_over}};
    if (argc < 3)
        return 2;
    port = (unsigned)atoi(argv[2]);
    file = argc > 3 ? argv[3] : NULL;
    for (size_t i = 0; i < sizeof(traps) / sizeof(*traps); i++)
        if (strcmp(traps[i].name, argv[1]) == 0)
            return puts(traps[i].run()) < 0;
    return 2;
}
