/*
 * fleet_connection: see fleet_connection.h.
 *
 * libssh calls back while it takes packets apart. What is done then is little: answers to the
 * login, and notes of what has come. The work, which may end channels and sessions, comes after
 * that, in connection_step(). Each session has an ssh_event of its own: sessions that share one
 * starve each other.
 *
 * A connection carries one channel at a time, one after another. The bootstrap of muster's agent
 * makes it the agent of a simulated server (transport/simulated.h); any other command is what
 * fleet_shell makes of it.
 *
 * Threads: a connection belongs to its thread; the fleet is shared, and only its counts change.
 */
#include "fleet_connection.h"

#include "base/clock.h"
#include "fleet_shell.h"
#include "sync/cancel.h"
#include "transport/simulated.h"

#include <libssh/callbacks.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_MAX_BYTES (1 << 20)
#define READ_SIZE 16384

struct connection {
    struct ssh_server_callbacks_struct session_callbacks;
    struct ssh_channel_callbacks_struct channel_callbacks;
    struct fleet *fleet;
    size_t number;
    enum fault fault;
    int fd;          /* of a mute server; -1: libssh's */
    ssh_session ssh; /* NULL: mute */
    ssh_event event;
    ssh_channel channel; /* NULL: none yet */
    bool over;           /* the connection is to be closed */
    bool eof;            /* of the channel's input */
    bool ended;          /* the channel is */
    char *command;       /* to be started */
    struct session *agent;
    struct shell *shell; /* what is to be answered at `due` */
    int64_t due;
    struct str input;  /* lines for the agent, the last one cut */
    struct str output; /* what the channel's window did not take yet */
};

/* ---- callbacks: the login ---- */

static int on_service(__attribute__((unused)) ssh_session ssh,
                      __attribute__((unused)) const char *service, void *arg) {
    struct connection *c = arg;
    c->over |= c->fault == FAULT_DROP;
    return 0;
}

static int on_none(__attribute__((unused)) ssh_session ssh,
                   __attribute__((unused)) const char *user, __attribute__((unused)) void *arg) {
    return SSH_AUTH_DENIED;
}

static int on_key(__attribute__((unused)) ssh_session ssh, __attribute__((unused)) const char *user,
                  struct ssh_key_struct *key, char signature, void *arg) {
    struct connection *c = arg;
    if (c->fault == FAULT_AUTH || ssh_key_cmp(key, c->fleet->user_key, SSH_KEY_CMP_PUBLIC) != 0)
        return SSH_AUTH_DENIED;
    if (signature == SSH_PUBLICKEY_STATE_NONE)
        return SSH_AUTH_SUCCESS; /* it is asked for a signature */
    if (signature != SSH_PUBLICKEY_STATE_VALID)
        return SSH_AUTH_DENIED;
    atomic_fetch_add(&c->fleet->counts.authenticated, 1);
    return SSH_AUTH_SUCCESS;
}

/* ---- callbacks: the channel ---- */

static int on_data(__attribute__((unused)) ssh_session ssh,
                   __attribute__((unused)) ssh_channel channel, void *data, uint32_t n,
                   __attribute__((unused)) int is_stderr, void *arg) {
    struct connection *c = arg;
    if (c->agent || c->command) /* no other command reads */
        str_add_bytes(&c->input, data, n);
    c->over |= c->input.failed || c->input.len > LINE_MAX_BYTES;
    return (int)n;
}

static void on_eof(__attribute__((unused)) ssh_session ssh,
                   __attribute__((unused)) ssh_channel channel, void *arg) {
    struct connection *c = arg;
    c->eof = true;
}

static void on_close(__attribute__((unused)) ssh_session ssh,
                     __attribute__((unused)) ssh_channel channel, void *arg) {
    struct connection *c = arg;
    c->ended = true;
}

/* A terminal and variables are granted, and mean nothing. */
static int on_terminal(__attribute__((unused)) ssh_session ssh,
                       __attribute__((unused)) ssh_channel channel,
                       __attribute__((unused)) const char *term, __attribute__((unused)) int width,
                       __attribute__((unused)) int height, __attribute__((unused)) int xpixels,
                       __attribute__((unused)) int ypixels, __attribute__((unused)) void *arg) {
    return 0;
}

static int on_variable(__attribute__((unused)) ssh_session ssh,
                       __attribute__((unused)) ssh_channel channel,
                       __attribute__((unused)) const char *name,
                       __attribute__((unused)) const char *value,
                       __attribute__((unused)) void *arg) {
    return 0;
}

static int on_exec(__attribute__((unused)) ssh_session ssh,
                   __attribute__((unused)) ssh_channel channel, const char *command, void *arg) {
    struct connection *c = arg;
    if (c->command || c->agent || c->shell)
        return 1;
    c->command = strdup(command);
    return c->command ? 0 : 1;
}

static ssh_channel on_channel(ssh_session ssh, void *arg) {
    struct connection *c = arg;
    if (c->channel && !c->ended)
        return NULL;
    if (c->channel) {
        ssh_remove_channel_callbacks(c->channel, &c->channel_callbacks);
        ssh_channel_free(c->channel);
    }
    c->eof = c->ended = false;
    str_clear(&c->input);
    str_clear(&c->output);
    c->channel = ssh_channel_new(ssh);
    if (c->channel)
        ssh_set_channel_callbacks(c->channel, &c->channel_callbacks);
    return c->channel;
}

/* ---- opening and closing ---- */

void connection_reset(int fd) {
    struct linger none = {.l_onoff = 1};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    close(fd);
}

static void set_callbacks(struct connection *c) {
    c->session_callbacks = (struct ssh_server_callbacks_struct){
        .userdata = c,
        .auth_none_function = on_none,
        .auth_pubkey_function = on_key,
        .service_request_function = on_service,
        .channel_open_request_session_function = on_channel,
    };
    ssh_callbacks_init(&c->session_callbacks);
    c->channel_callbacks = (struct ssh_channel_callbacks_struct){
        .userdata = c,
        .channel_data_function = on_data,
        .channel_eof_function = on_eof,
        .channel_close_function = on_close,
        .channel_pty_request_function = on_terminal,
        .channel_env_request_function = on_variable,
        .channel_exec_request_function = on_exec,
    };
    ssh_callbacks_init(&c->channel_callbacks);
}

/* Begins to speak SSH; the socket is libssh's from then on. */
static bool begin_ssh(struct connection *c, ssh_bind bind) {
    c->ssh = ssh_new();
    c->event = ssh_event_new();
    if (!c->ssh || !c->event || ssh_bind_accept_fd(bind, c->ssh, c->fd) != SSH_OK)
        return false;
    c->fd = -1;
    set_callbacks(c);
    ssh_set_blocking(c->ssh, 0);
    ssh_set_auth_methods(c->ssh, SSH_AUTH_METHOD_PUBLICKEY);
    return ssh_set_server_callbacks(c->ssh, &c->session_callbacks) == SSH_OK &&
           ssh_handle_key_exchange(c->ssh) != SSH_ERROR &&
           ssh_event_add_session(c->event, c->ssh) == SSH_OK;
}

static void count_open(struct fleet_counts *counts) {
    size_t now = atomic_fetch_add(&counts->open, 1) + 1;
    size_t peak = atomic_load(&counts->peak);
    while (now > peak && !atomic_compare_exchange_weak(&counts->peak, &peak, now))
        ;
}

struct connection *connection_open(struct fleet *fleet, ssh_bind bind, size_t number, int fd) {
    enum fault fault = faults_of(&fleet->faults, fleet->simulation.seed, number);
    struct connection *c = fault == FAULT_RESET ? NULL : calloc(1, sizeof(*c));
    if (!c) {
        connection_reset(fd);
        return NULL;
    }
    count_open(&fleet->counts);
    *c = (struct connection){
        .fleet = fleet, .number = number, .fault = fault, .fd = fd, .due = DEADLINE_NEVER};
    if (fault == FAULT_MUTE || begin_ssh(c, bind))
        return c;
    connection_close(c);
    return NULL;
}

/* What the command had. */
static void drop_command(struct connection *c) {
    session_close(c->agent);
    c->agent = NULL;
    if (c->shell)
        shell_done(c->shell);
    free(TAKE(c->shell));
    free(TAKE(c->command));
    c->due = DEADLINE_NEVER;
    str_done(&c->input);
}

void connection_close(struct connection *c) {
    drop_command(c);
    str_done(&c->output);
    if (c->event && c->ssh && c->fd < 0)
        ssh_event_remove_session(c->event, c->ssh);
    ssh_event_free(c->event);
    ssh_free(c->ssh);
    if (c->fd >= 0)
        close(c->fd);
    atomic_fetch_sub(&c->fleet->counts.open, 1);
    free(c);
}

/* ---- what the server says ---- */

/* Writes as much as the window takes of what was kept. */
static void flush(struct connection *c) {
    if (c->output.len == 0)
        return;
    int n = ssh_channel_write(c->channel, c->output.data, (uint32_t)c->output.len);
    if (n < 0) {
        c->over = true;
        return;
    }
    c->output.len -= (size_t)n;
    if (c->output.len > 0)
        memmove(c->output.data, c->output.data + n, c->output.len);
    else
        str_done(&c->output);
}

static void say(struct connection *c, const char *data, size_t n) {
    str_add_bytes(&c->output, data, n);
    c->over |= c->output.failed;
    if (!c->over)
        flush(c);
}

static void end_channel(struct connection *c, int status) {
    drop_command(c);
    if (!c->ended && (ssh_channel_request_send_exit_status(c->channel, status) == SSH_ERROR ||
                      ssh_channel_send_eof(c->channel) == SSH_ERROR ||
                      ssh_channel_close(c->channel) == SSH_ERROR))
        c->over = true;
    c->ended = true;
}

/* ---- the agent ---- */

static void start_agent(struct connection *c) {
    char name[24];
    snprintf(name, sizeof(name), "%zu", c->number);
    struct server server = {.name = name, .host = name};
    struct error ignored;
    c->over |= transport_open(c->fleet->agents, &server, DEADLINE_NEVER, &c->agent, &ignored) < 0 ||
               session_start(c->agent, "", DEADLINE_NEVER, &ignored) < 0;
}

static bool is_end(const char *line, size_t n) {
    static const char end[] = "{\"type\":\"end\"";
    return n >= sizeof(end) - 1 && memcmp(line, end, sizeof(end) - 1) == 0;
}

/* Hands it the whole lines that have come. It says what it thinks of them in its next answer. */
static void hear(struct connection *c) {
    struct error ignored;
    for (char *end; c->input.len > 0 && (end = memchr(c->input.data, '\n', c->input.len));) {
        size_t n = (size_t)(end + 1 - c->input.data);
        bool last = is_end(c->input.data, n);
        if (!last && session_write(c->agent, c->input.data, n, DEADLINE_NEVER, &ignored) < 0)
            c->over = true;
        c->input.len -= n;
        memmove(c->input.data, c->input.data + n, c->input.len);
        if (last)
            c->eof = true;
    }
}

/* An agent that is silent for good although its input goes on has been lost with its server. */
static void answer(struct connection *c) {
    char room[READ_SIZE];
    struct error ignored;
    while (!c->over && simulated_due(c->agent) <= clock_now()) {
        ssize_t n = session_read(c->agent, room, sizeof(room), DEADLINE_NEVER, &ignored);
        if (n <= 0)
            c->over = true;
        else
            say(c, room, (size_t)n);
    }
}

static void be_agent(struct connection *c) {
    if (cancel_fired(c->fleet->gathered))
        hear(c);
    answer(c);
    c->due = simulated_due(c->agent);
    if (c->eof && !c->over)
        end_channel(c, 0);
}

/* ---- commands ---- */

static bool is_bootstrap(const char *command) {
    return strstr(command, "' muster '{\"muster\":1,") != NULL;
}

static void start_command(struct connection *c) {
    cleanup(free_ptr) char *command = TAKE(c->command);
    if (atomic_fetch_add(&c->fleet->counts.commands, 1) + 1 == c->fleet->gather)
        cancel_fire(c->fleet->gathered);
    if (c->fault == FAULT_HANG)
        return;
    if (is_bootstrap(command)) {
        start_agent(c);
        return;
    }
    c->shell = malloc(sizeof(*c->shell));
    if (!c->shell) {
        c->over = true;
        return;
    }
    shell_run(c->shell, command);
    c->due = c->shell->sleep > 0 ? deadline_in(c->shell->sleep) : 0;
}

static void say_shell(struct connection *c) {
    struct shell *sh = c->shell;
    if (sh->out.len > 0)
        say(c, sh->out.data, sh->out.len);
    if (sh->err.len > 0 &&
        ssh_channel_write_stderr(c->channel, sh->err.data, (uint32_t)sh->err.len) < 0)
        c->over = true;
    end_channel(c, sh->status);
}

static void work(struct connection *c) {
    flush(c);
    if (c->command)
        start_command(c);
    if (c->ended)
        drop_command(c);
    else if (c->agent && !c->over)
        be_agent(c);
    else if (c->shell && c->due <= clock_now())
        say_shell(c);
}

/* What a client says to a mute server is heard, so that its end is. */
static bool listen_mutely(const struct connection *c) {
    char trash[1024];
    return recv(c->fd, trash, sizeof(trash), MSG_DONTWAIT) > 0;
}

bool connection_step(struct connection *c, bool ready) {
    if (!c->ssh)
        return !ready || listen_mutely(c);
    if (ready && ssh_event_dopoll(c->event, 0) == SSH_ERROR)
        return false;
    if (c->over || !ssh_is_connected(c->ssh))
        return false;
    if (c->channel)
        work(c);
    return !c->over && ssh_is_connected(c->ssh);
}

int connection_fd(const struct connection *c) {
    return c->ssh ? ssh_get_fd(c->ssh) : c->fd;
}

int64_t connection_due(const struct connection *c) {
    return c->due;
}

bool connection_wants_write(const struct connection *c) {
    return c->ssh && ssh_get_poll_flags(c->ssh) & SSH_WRITE_PENDING;
}
