/*
 * sshsession: see sshsession.h.
 *
 * Standard output stays in libssh's buffer until it is read, which closes the window when nobody
 * reads. Standard error is taken by a callback the moment it arrives, so that it never fills a
 * window or keeps the end of the output from being seen; its first 4 KiB are kept. The callbacks
 * also catch what libssh does not remember: the signal that ended the command.
 *
 * A session belongs to one thread; callbacks run inside its calls.
 */
#include "transport/sshsession.h"

#include "base/clock.h"
#include "base/text.h"

#include <libssh/callbacks.h>
#include <signal.h>
#include <string.h>

#define STDERR_MAX 4096
#define WRITE_CHUNK (256 * 1024)
#define READ_CHUNK (1024 * 1024)

/* behind a pointer because it is rendered when a const session is asked for it */
struct complaint {
    char raw[STDERR_MAX];
    size_t len;
    struct str text;
};

struct sshsession {
    struct session base;
    struct link link;
    char address[ADDRESS_TEXT];
    struct sshconfig *config;
    const struct ssh_options *options; /* of it */
    ssh_channel channel;               /* NULL: no command */
    struct ssh_channel_callbacks_struct callbacks;
    struct complaint *complaint; /* NULL: nothing came */
    int status;                  /* -1: the far side has not told */
    bool ended;                  /* it has told, or closed the channel without */
};

/* ---- callbacks ----------------------------------------------------------------------------- */

static int on_data(ssh_session session __attribute__((unused)),
                   ssh_channel channel __attribute__((unused)), void *data, uint32_t len,
                   int is_stderr, void *userdata) {
    struct sshsession *s = userdata;
    if (!is_stderr)
        return 0; /* stays where it is */
    if (!s->complaint)
        s->complaint = calloc(1, sizeof(*s->complaint));
    if (s->complaint) {
        size_t room = STDERR_MAX - s->complaint->len;
        size_t n = len < room ? len : room;
        memcpy(s->complaint->raw + s->complaint->len, data, n);
        s->complaint->len += n;
    }
    return (int)len;
}

static void on_exit_status(ssh_session session __attribute__((unused)),
                           ssh_channel channel __attribute__((unused)), int status,
                           void *userdata) {
    struct sshsession *s = userdata;
    s->status = status;
    s->ended = true;
}

static int signal_number(const char *name) {
    static const struct {
        const char *name;
        int number;
    } signals[] = {{"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"FPE", SIGFPE},   {"HUP", SIGHUP},
                   {"ILL", SIGILL},   {"INT", SIGINT},   {"KILL", SIGKILL}, {"PIPE", SIGPIPE},
                   {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV}, {"TERM", SIGTERM}, {"USR1", SIGUSR1},
                   {"USR2", SIGUSR2}, {"BUS", SIGBUS},   {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},
                   {"SYS", SIGSYS},   {"TRAP", SIGTRAP}};
    for (size_t i = 0; name && i < ARRAY_LEN(signals); i++)
        if (strncmp(name, signals[i].name, strlen(signals[i].name)) == 0)
            return signals[i].number;
    return 0;
}

static void on_exit_signal(ssh_session session __attribute__((unused)),
                           ssh_channel channel __attribute__((unused)), const char *name,
                           int core __attribute__((unused)),
                           const char *message __attribute__((unused)),
                           const char *language __attribute__((unused)), void *userdata) {
    struct sshsession *s = userdata;
    int number = signal_number(name);
    s->status = number ? 128 + number : -1;
    s->ended = true;
}

static void on_close(ssh_session session __attribute__((unused)),
                     ssh_channel channel __attribute__((unused)), void *userdata) {
    struct sshsession *s = userdata;
    s->ended = true;
}

/* ---- calls --------------------------------------------------------------------------------- */

static struct sshsession *of(struct session *s) {
    return (struct sshsession *)s;
}

/* Waits for more to happen; fails as link_error() does. */
static int wait_more(struct sshsession *s, int64_t deadline, const char *what, struct error *err) {
    enum link_state state = link_wait(&s->link, deadline);
    return state == LINK_READY ? 0 : link_error(&s->link, state, what, err);
}

static int refused(struct sshsession *s, const char *what, struct error *err) {
    if (link_lost(&s->link))
        return link_error(&s->link, LINK_LOST, what, err);
    cleanup(str_done) struct str words = {0};
    link_add_words(&s->link, &words);
    /* the library's own lack of memory is no refusal */
    if (words.failed || strstr(words.data, "Out of memory"))
        return error_memory(err);
    return error_set(err, ERROR_UNSUPPORTED, "%s was refused by %s: %s", what, s->address,
                     words.data);
}

static void drop_channel(struct sshsession *s) {
    if (!s->channel)
        return;
    /* libssh may keep the channel until the far side has closed it too */
    ssh_remove_channel_callbacks(s->channel, &s->callbacks);
    ssh_channel_free(s->channel);
    s->channel = NULL;
}

static int open_channel(struct sshsession *s, int64_t deadline, struct error *err) {
    drop_channel(s);
    s->channel = ssh_channel_new(s->link.ssh);
    if (!s->channel)
        return error_memory(err);
    s->status = -1;
    s->ended = false;
    ssh_set_channel_callbacks(s->channel, &s->callbacks);
    int rc;
    while ((rc = ssh_channel_open_session(s->channel)) == SSH_AGAIN)
        if (wait_more(s, deadline, "the opening of a channel", err) != 0)
            return -1;
    return rc == SSH_OK ? 0 : refused(s, "a channel", err);
}

/* "NAME=VALUE"; that the server refuses it is no error. */
static int send_variable(struct sshsession *s, const char *variable, int64_t deadline,
                         struct error *err) {
    static const char what[] = "the sending of the environment";
    size_t n = strcspn(variable, "=");
    cleanup(free_ptr) char *name = strndup(variable, n);
    if (!name)
        return error_memory(err);
    while (ssh_channel_request_env(s->channel, name, variable + n + (variable[n] == '=')) ==
           SSH_AGAIN)
        if (wait_more(s, deadline, what, err) != 0)
            return -1;
    return link_lost(&s->link) ? link_error(&s->link, LINK_LOST, what, err) : 0;
}

static int start(struct session *base, const char *command, int64_t deadline, struct error *err) {
    struct sshsession *s = of(base);
    if (open_channel(s, deadline, err) != 0)
        return -1;
    for (size_t i = 0; i < s->options->environment_count; i++)
        if (send_variable(s, s->options->environment[i], deadline, err) != 0)
            return -1;
    int rc;
    while ((rc = ssh_channel_request_exec(s->channel, command)) == SSH_AGAIN)
        if (wait_more(s, deadline, "the start of a command", err) != 0)
            return -1;
    return rc == SSH_OK ? 0 : refused(s, "a command", err);
}

/*
 * What has arrived, without waiting: more than 0, 0 when there is nothing now (*eof: and never will
 * be), or -1 when the connection is lost.
 */
static int take(struct sshsession *s, char *buf, size_t size, bool *eof) {
    uint32_t n = size < READ_CHUNK ? (uint32_t)size : READ_CHUNK;
    int rc = ssh_channel_read_timeout(s->channel, buf, n, 0, 0);
    *eof = rc == 0 && ssh_channel_is_eof(s->channel);
    return rc < 0 ? -1 : rc;
}

static int lost(struct sshsession *s, const char *what, struct error *err) {
    return link_error(&s->link, LINK_LOST, what, err);
}

/* Asked before the data is: a server that never stops sending must not outrun either of them. */
static int may_go_on(struct sshsession *s, int64_t deadline, const char *what, struct error *err) {
    if (cancel_fired(s->link.cancel))
        return link_error(&s->link, LINK_CANCELLED, what, err);
    return clock_now() >= deadline ? link_error(&s->link, LINK_TIMEOUT, what, err) : 0;
}

static ssize_t read_output(struct session *base, char *buf, size_t size, int64_t deadline,
                           struct error *err) {
    struct sshsession *s = of(base);
    static const char what[] = "the reading of a command's output";
    for (;;) {
        bool eof;
        if (may_go_on(s, deadline, what, err) != 0)
            return -1;
        int n = take(s, buf, size, &eof);
        if (n > 0 || eof)
            return n;
        if (n < 0)
            return lost(s, what, err);
        if (wait_more(s, deadline, what, err) != 0)
            return -1;
    }
}

static int write_input(struct session *base, const char *data, size_t n, int64_t deadline,
                       struct error *err) {
    struct sshsession *s = of(base);
    static const char what[] = "the writing of a command's input";
    while (n > 0) {
        int done = ssh_channel_write(s->channel, data, n < WRITE_CHUNK ? (uint32_t)n : WRITE_CHUNK);
        if (done < 0)
            return link_lost(&s->link)
                       ? lost(s, what, err)
                       : error_set(err, ERROR_CONNECTION_LOST,
                                   "the command on %s ended before it had read its input",
                                   s->address);
        data += done;
        n -= (size_t)done;
        if (done == 0 && wait_more(s, deadline, what, err) != 0)
            return -1;
    }
    int rc;
    while ((rc = ssh_blocking_flush(s->link.ssh, 0)) == SSH_AGAIN)
        if (wait_more(s, deadline, what, err) != 0)
            return -1;
    return rc == SSH_OK ? 0 : lost(s, what, err);
}

static int finish(struct session *base, int64_t deadline, int *status, struct error *err) {
    struct sshsession *s = of(base);
    static const char what[] = "the end of a command";
    char scrap[1024]; /* seldom anything comes, and the stack below is touched */
    ssh_channel_send_eof(s->channel);
    bool eof = false;
    while (!s->ended) {
        if (may_go_on(s, deadline, what, err) != 0)
            return -1;
        int n = eof ? 0 : take(s, scrap, sizeof(scrap), &eof);
        if (n < 0 || (eof && link_lost(&s->link)))
            return lost(s, what, err);
        if (n > 0 || s->ended)
            continue;
        if (wait_more(s, deadline, what, err) != 0)
            return -1;
        if (eof)
            ssh_channel_get_exit_status(s->channel); /* looks at what has arrived, no more */
    }
    *status = s->status;
    drop_channel(s);
    return 0;
}

static const char *address(const struct session *base) {
    return ((const struct sshsession *)base)->address;
}

static const char *stderr_text(const struct session *base) {
    struct complaint *c = ((const struct sshsession *)base)->complaint;
    if (!c)
        return "";
    str_clear(&c->text);
    text_add_printable(&c->text, c->raw, text_length_trimmed(c->raw, c->len), STDERR_MAX);
    return c->text.data && !c->text.failed ? c->text.data : "";
}

static void close_session(struct session *base) {
    struct sshsession *s = of(base);
    drop_channel(s);
    link_done(&s->link);
    sshconfig_release(s->config, s->options);
    if (s->complaint)
        str_done(&s->complaint->text);
    free(s->complaint);
    free(s);
}

static const struct session_ops OPS = {.start = start,
                                       .read = read_output,
                                       .write = write_input,
                                       .finish = finish,
                                       .address = address,
                                       .stderr_text = stderr_text,
                                       .close = close_session};

int sshsession_new(struct link *l, const char address_text[ADDRESS_TEXT], struct sshconfig *config,
                   const struct ssh_options *options, struct session **ret, struct error *err) {
    struct sshsession *s = calloc(1, sizeof(*s));
    if (!s)
        return error_memory(err);
    s->base.ops = &OPS;
    memcpy(s->address, address_text, ADDRESS_TEXT);
    s->callbacks = (struct ssh_channel_callbacks_struct){
        .size = sizeof(s->callbacks),
        .userdata = s,
        .channel_data_function = on_data,
        .channel_close_function = on_close,
        .channel_exit_status_function = on_exit_status,
        .channel_exit_signal_function = on_exit_signal,
    };
    s->config = config;
    s->options = options;
    sshconfig_hold(config, options);
    s->link = *l;
    s->link.peer = s->address;
    *l = (struct link){.agent = -1};
    *ret = &s->base;
    return 0;
}
