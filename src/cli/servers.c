/* servers: `muster servers`. */
#include "cli/explain.h"
#include "cli/kinds.h"

#include "base/str.h"
#include "base/text.h"
#include "input/configlabels.h"
#include "input/nodeset.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: muster servers [OPTIONS] [SERVER...]\n\n"
    "Prints what an inventory expands to, one server a line.\n\n"
    "  -i, --inventory FILE   servers, one or a pattern a line, or an inventory of Ansible's "
    "(INI,\n"
    "                         YAML); - is standard input (repeatable)\n"
    "  -g, --group PATTERN    of the inventory, these: a group, web:&prod:!db, web*, @FILE\n"
    "                         (repeatable)\n"
    "  -x, --exclude SERVERS  not these (repeatable)\n"
    "      --explain          print how each will be reached over SSH, and why so\n"
    "  -c, --config FILE      for --explain and --labels, as for `muster run`; for --explain, so "
    "are\n"
    "  -F, --ssh-config FILE\n"
    "  -u, --user NAME\n"
    "  -p, --port N\n"
    "      --kinds            print them by their kinds, as the newest run that measured each has\n"
    "                         them; without servers, all that the store knows\n"
    "      --store URL        for --kinds: where runs are kept\n"
    "      --labels           print the labels of each behind its name\n"
    "      --fold             print one pattern that stands for all of them\n"
    "      --json             print a JSON array of names, with --kinds of kinds, with --labels "
    "of\n"
    "                         servers and their labels\n"
    "      --help             this text\n";

enum { OPT_EXPLAIN = 256, OPT_FOLD, OPT_KINDS, OPT_STORE, OPT_LABELS, OPT_JSON, OPT_HELP };

static const struct option options[] = {
    CLI_SERVER_OPTIONS,
    {"config", required_argument, NULL, 'c'},
    {"ssh-config", required_argument, NULL, 'F'},
    {"user", required_argument, NULL, 'u'},
    {"port", required_argument, NULL, 'p'},
    {"explain", no_argument, NULL, OPT_EXPLAIN},
    {"fold", no_argument, NULL, OPT_FOLD},
    {"kinds", no_argument, NULL, OPT_KINDS},
    {"store", required_argument, NULL, OPT_STORE},
    {"labels", no_argument, NULL, OPT_LABELS},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

/* What the command line says. */
struct words {
    struct cli_servers from;
    struct explain_options how;
    bool fold, json, explain, kinds, labels;
    const char *store;
};

static void words_done(struct words *w) {
    cli_servers_done(&w->from);
}

static int print_folded(const struct servers *servers, struct str *out) {
    const char **names = calloc(servers->count, sizeof(*names));
    if (!names)
        return -1;
    for (size_t i = 0; i < servers->count; i++)
        names[i] = servers->items[i].name;
    nodeset_fold(names, servers->count, out);
    str_add_char(out, '\n');
    free(names);
    return 0;
}

static void print_json(const struct servers *servers, struct str *out) {
    for (size_t i = 0; i < servers->count; i++) {
        str_add_char(out, i ? ',' : '[');
        text_add_json(out, servers->items[i].name, strlen(servers->items[i].name));
    }
    str_add(out, "]\n");
}

static void print_lines(const struct servers *servers, struct str *out) {
    for (size_t i = 0; i < servers->count; i++) {
        str_add(out, servers->items[i].name);
        str_add_char(out, '\n');
    }
}

static void print_labels_json(const struct servers *servers, struct str *out) {
    for (size_t i = 0; i < servers->count; i++) {
        const struct server *s = &servers->items[i];
        str_add(out, i ? ",\n{\"server\":" : "[\n{\"server\":");
        text_add_json(out, s->name, strlen(s->name));
        str_addf(out, ",\"labels\":%s}", s->labels ? s->labels : "{}");
    }
    str_add(out, "\n]\n");
}

static void print_labels_lines(const struct servers *servers, struct str *out) {
    for (size_t i = 0; i < servers->count; i++) {
        str_add(out, servers->items[i].name);
        str_add(out, servers->items[i].labels ? " " : "");
        labels_add_words(out, servers->items[i].labels);
        str_add_char(out, '\n');
    }
}

/* An option of --explain; others are left alone. */
static int read_how(struct explain_options *how, int c, const char *value, struct error *err) {
    switch (c) {
    case 'c':
        how->config = value;
        return 0;
    case 'F':
        how->ssh_config = value;
        return 0;
    case 'u':
        how->user = value;
        return 0;
    case 'p':
        return cli_number("the port", value, 1, 65535, &how->port, err);
    default:
        return 0;
    }
}

/* The exit status. */
static int print_names(const struct words *w, const struct servers *servers) {
    cleanup(str_done) struct str out = {0};
    struct error err;
    int rc = 0;
    if (w->fold)
        rc = print_folded(servers, &out);
    else if (w->labels && w->json)
        print_labels_json(servers, &out);
    else if (w->labels)
        print_labels_lines(servers, &out);
    else if (w->json)
        print_json(servers, &out);
    else
        print_lines(servers, &out);
    if (rc < 0 || out.failed) {
        error_memory(&err);
        return cli_fail(&err);
    }
    fwrite(out.data, 1, out.len, stdout);
    return cli_flush();
}

/* The labels that the configuration has for them count here as they do for a run. */
static int add_labels(const struct words *w, struct servers *servers, struct error *err) {
    struct config config;
    config_init(&config);
    int rc = cli_config(w->how.config, &config, err);
    if (rc == 0)
        rc = config_label_servers(&config, servers, err);
    config_done(&config);
    return rc;
}

/* Reads the options; -1 to go on, or the exit status. */
static int read_words(struct words *w, int argc, char **argv) {
    struct error err;
    int c;
    while ((c = cli_getopt(argc, argv, CLI_SERVER_LETTERS "c:F:u:p:", options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == OPT_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        if (read_how(&w->how, c, optarg, &err) < 0)
            return cli_fail(&err);
        w->explain |= c == OPT_EXPLAIN;
        w->fold |= c == OPT_FOLD;
        w->kinds |= c == OPT_KINDS;
        w->labels |= c == OPT_LABELS;
        w->store = c == OPT_STORE ? optarg : w->store;
        w->json |= c == OPT_JSON;
        cli_servers_option(&w->from, c, optarg);
    }
    bool alone = w->json && !w->kinds && !w->labels;
    if (w->fold + alone + w->explain + w->kinds + w->labels > 1)
        return cli_usage(
            "--explain, --fold, --kinds, --labels and --json are ways to print: choose "
            "one, or --kinds or --labels and --json");
    return -1;
}

static int cmd_servers(int argc, char **argv) {
    cleanup(words_done) struct words w = {0};
    cleanup(servers_done) struct servers servers = {0};
    struct error err;
    int status = read_words(&w, argc, argv);
    if (status >= 0)
        return status;
    if (w.kinds && optind == argc && w.from.file_count == 0)
        return kinds_print(w.store, NULL, w.json);
    if (cli_servers_load(&w.from, argv + optind, (size_t)(argc - optind), &servers, &err) < 0)
        return cli_fail(&err);
    if (w.kinds)
        return kinds_print(w.store, &servers, w.json);
    if (w.explain)
        return explain_servers(&w.how, &servers);
    if (w.labels && add_labels(&w, &servers, &err) < 0)
        return cli_fail(&err);
    return print_names(&w, &servers);
}

const struct cli_command command_servers = {
    .name = "servers",
    .about = "print what an inventory expands to",
    .run = cmd_servers,
    .help = help,
    .options = options,
};
