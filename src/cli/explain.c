/*
 * explain: see explain.h. One server after the other, on the main thread.
 */
#include "cli/explain.h"

#include "base/clock.h"
#include "base/text.h"
#include "sync/cancel.h"
#include "transport/ssh.h"

#include <stdio.h>
#include <string.h>

#define PATIENCE (10 * CLOCK_S) /* a command of a `Match exec` may hang */

struct explanation {
    struct str lines;
    const char *home;
};

/* What a value is for muster where it is not simply done. */
static const char *remark(enum ssh_support support) {
    switch (support) {
    case SSH_HONOURED:
        return "";
    case SSH_PROGRAM:
        return "  (for the ssh program)";
    case SSH_CONDITION:
        return "  (in some cases for the ssh program)";
    case SSH_IRRELEVANT:
        return "  (means nothing here)";
    case SSH_IGNORED:
        return "  (ssh ignores it)";
    }
    return "";
}

static void add_value(void *arg, const struct sshconfig_value *v) {
    struct explanation *e = arg;
    struct str from = {0}, text = {0};
    size_t home = e->home ? strlen(e->home) : 0;
    if (!v->file)
        str_add(&from, "as given");
    else if (home && strncmp(v->file, e->home, home) == 0 && v->file[home] == '/')
        str_addf(&from, "~%s:%d", v->file + home, v->line);
    else
        str_addf(&from, "%s:%d", v->file, v->line);
    text_add_printable(&text, v->text, strlen(v->text), 1000);
    str_addf(&e->lines, "    %-32s %s %s%s\n", from.data ? from.data : "", v->keyword,
             text.data ? text.data : "", remark(v->support));
    e->lines.failed |= from.failed || text.failed;
    str_done(&from);
    str_done(&text);
}

static void print_route(const struct server *server, const struct ssh_route *route,
                        const struct str *lines) {
    const struct ssh_options *o = route->options;
    printf("%s\n  reached  %s@%s port %d\n", server->name, o->user, o->hostname, o->port);
    if (o->proxy_jump)
        printf("  through  %s (ProxyJump)\n", o->proxy_jump);
    if (o->proxy_command)
        printf("  through  %s (ProxyCommand)\n", o->proxy_command);
    if (route->program)
        printf("  by       the ssh program, because %s\n", route->program);
    else
        printf("  by       muster itself\n");
    printf("  set\n%s", lines->len ? lines->data : "    nothing: OpenSSH's defaults\n");
}

static int explain(struct transport *t, const struct server *server, struct error *err) {
    struct explanation e = {.home = getenv("HOME")};
    struct ssh_route route;
    int rc = transport_ssh_explain(t, server, deadline_in(PATIENCE), add_value, &e, &route, err);
    if (rc == 0 && e.lines.failed)
        rc = error_memory(err);
    if (rc == 0)
        print_route(server, &route, &e.lines);
    str_done(&e.lines);
    return rc;
}

int explain_servers(const struct explain_options *o, const struct servers *servers) {
    cleanup(config_done) struct config config;
    struct transport *transport = NULL;
    struct cancel *cancel = NULL;
    struct error err;
    config_init(&config);
    int rc = 0;
    if (cli_config(o->config, &config, &err) < 0 || cancel_new(&cancel, &err) < 0) {
        rc = cli_fail(&err);
    } else {
        struct ssh_settings settings = {
            .user = o->user ? o->user : config.ssh.user,
            .port = o->port ? o->port : config.ssh.port,
            .config_file = o->ssh_config ? o->ssh_config : config.ssh.config,
            .cancel = cancel,
        };
        if (transport_ssh_new(&settings, &transport, &err) < 0)
            rc = cli_fail(&err);
    }
    for (size_t i = 0; transport && i < servers->count; i++) {
        if (explain(transport, &servers->items[i], &err) == 0)
            continue;
        fflush(stdout);
        error_prefix(&err, "%s", servers->items[i].name);
        rc = cli_fail(&err);
    }
    transport_free(transport);
    cancel_free(cancel);
    int flushed = cli_flush();
    return rc ? rc : flushed;
}
