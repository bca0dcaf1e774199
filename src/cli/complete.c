/*
 * complete: see complete.h.
 *
 * What a value may be is told by the option's name, which means the same in every command, and what
 * an argument may be by its command. Everything is read as the commands read it; what cannot be
 * read offers nothing. Somebody is waiting: what takes longer than LONGEST is given up.
 */
#include "cli/complete.h"

#include "base/clock.h"
#include "cli/offers.h"
#include "cli/shellwords.h"
#include "cli/typed.h"
#include "input/inventory.h"
#include "input/nodeset.h"
#include "model/builtin.h"
#include "store/history.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LONGEST 2 /* seconds */

struct completing {
    struct typed typed;
    struct offers offers;
};

typedef void offer_fn(struct completing *c);

/* ---- what there is to offer ---- */

static void offer_nothing(struct completing *c) {
    (void)c;
}

static void offer_files(struct completing *c) {
    c->offers.files = true;
}

static void offer_commands(struct completing *c) {
    for (const struct cli_command *const *known = cli_commands; *known; known++)
        offers_add(&c->offers, (*known)->name, (*known)->about);
}

static bool may_read(const struct completing *c, struct store **ret) {
    struct error err;
    return store_open(c->typed.store, STORE_READ, ret, &err) == 0;
}

static void offer_runs(struct completing *c) {
    cleanup(free_ptr) struct run *runs = NULL;
    struct store *store;
    struct error err;
    size_t n = 0;
    if (!may_read(c, &store))
        return;
    if (store_runs(store, &runs, &n, &err) == 0 && n > 0)
        offers_add(&c->offers, "last", "the newest run");
    for (size_t i = 0; i < n; i++) {
        char started[20], text[120];
        clock_format_local(runs[i].started, started);
        snprintf(text, sizeof(text), "%s, %zu servers, %s", started, runs[i].total,
                 run_state(&runs[i]));
        offers_add(&c->offers, runs[i].id, text);
    }
    store_close(store);
}

/* One at a time, then the patterns that stand for many of them. */
static void offer_names(struct completing *c, char *const *names, size_t n) {
    cleanup(str_done) struct str folded = {0};
    offers_keep(&c->offers, ",!&^");
    for (size_t i = 0; i < n; i++)
        offers_add(&c->offers, names[i], NULL);
    nodeset_fold((const char *const *)names, n, &folded);
    for (char *at = folded.len && !folded.failed ? folded.data : NULL, *end; at && *at; at = end) {
        int depth = 0;
        for (end = at; *end && (*end != ',' || depth > 0); end++)
            depth += (*end == '[') - (*end == ']');
        bool more = *end;
        *end = '\0';
        if (strchr(at, '['))
            offers_add(&c->offers, at, "all of these");
        end += more;
    }
}

/* Of one run, or of all. */
static void offer_measured(struct completing *c, const char *run) {
    cleanup(store_names_done) struct store_names names = {0};
    cleanup(store_recipe_done) struct store_recipe recipe = {0};
    cleanup(servers_done) struct servers servers = {0};
    struct run found;
    struct store *store;
    struct error err;
    if (!may_read(c, &store))
        return;
    if (!run && store_server_names(store, &names, &err) == 0)
        for (size_t i = 0; i < names.count; i++)
            offers_add(&c->offers, names.items[i], NULL);
    if (run && store_run(store, run, &found, &err) == 0 &&
        store_recipe(store, found.id, &recipe, &servers, &err) == 0)
        for (size_t i = 0; i < servers.count; i++)
            offers_add(&c->offers, servers.items[i].name, NULL);
    store_close(store);
}

static void offer_measured_ever(struct completing *c) {
    offer_measured(c, NULL);
}

static void offer_measured_in_run(struct completing *c) {
    offer_measured(c, c->typed.argument_count > 0 ? c->typed.arguments[0] : NULL);
}

static const char *at_home(const char *path, struct str *room) {
    const char *home = getenv("HOME");
    if (strncmp(path, "~/", 2) != 0 || !home)
        return path;
    str_addf(room, "%s%s", home, path + 1);
    return room->failed ? path : room->data;
}

static void read_inventories(const struct completing *c, struct names *servers,
                             struct names *groups) {
    const struct cli_servers *s = &c->typed.servers;
    for (size_t i = 0; i < s->file_count; i++) {
        cleanup(str_done) struct str room = {0};
        const char *path = at_home(s->files[i], &room);
        inventory_names(&path, 1, servers, groups);
    }
}

/* Of the inventories that are named so far; without one, those that were ever measured. */
static void offer_servers(struct completing *c) {
    cleanup(names_done) struct names servers = {0};
    cleanup(names_done) struct names groups = {0};
    cleanup(store_names_done) struct store_names measured = {0};
    struct store *store;
    struct error err;
    read_inventories(c, &servers, &groups);
    if (c->typed.servers.file_count > 0) {
        offer_names(c, servers.items, servers.count);
    } else if (may_read(c, &store)) {
        if (store_server_names(store, &measured, &err) == 0)
            offer_names(c, measured.items, measured.count);
        store_close(store);
    }
}

static void offer_groups(struct completing *c) {
    cleanup(names_done) struct names servers = {0};
    cleanup(names_done) struct names groups = {0};
    read_inventories(c, &servers, &groups);
    if (c->offers.typed[c->offers.head] == '@') {
        c->offers.head++;
        c->offers.files = true;
        return;
    }
    offers_keep(&c->offers, ",:&!");
    offers_add(&c->offers, "all", "every server");
    for (size_t i = 0; i < groups.count; i++)
        if (strcmp(groups.items[i], "all") != 0)
            offers_add(&c->offers, groups.items[i], "group");
    for (size_t i = 0; i < servers.count; i++)
        offers_add(&c->offers, servers.items[i], NULL);
}

static bool is_configured(const struct config *config, const char *name) {
    for (size_t i = 0; i < config->benchmark_count; i++)
        if (strcmp(config->benchmarks[i].name, name) == 0)
            return true;
    return false;
}

static void offer_benchmark(struct completing *c) {
    cleanup(config_done) struct config config;
    cleanup(str_done) struct str room = {0};
    const char *path = c->typed.config ? at_home(c->typed.config, &room) : NULL;
    struct error err;
    config_init(&config);
    (void)!cli_config(path, &config, &err); /* said where it can be read */
    for (size_t i = 0; i < config.benchmark_count; i++)
        offers_add(&c->offers, config.benchmarks[i].name, config.benchmarks[i].command);
    for (const struct builtin *b = builtins; b->name; b++)
        if (!is_configured(&config, b->name))
            offers_add(&c->offers, b->name, b->about);
}

static void offer_benchmarks(struct completing *c) {
    offers_keep(&c->offers, ",");
    offer_benchmark(c);
    if (c->offers.kept == 0)
        offers_add(&c->offers, "none", "connect and read facts");
}

static void offer_kinds(struct completing *c) {
    cleanup(baselines_done) struct baselines list = {0};
    struct store *store;
    struct error err;
    if (!may_read(c, &store))
        return;
    if (store_baselines(store, &list, &err) == 0)
        for (size_t i = 0; i < list.count; i++)
            if (i == 0 || strcmp(list.items[i].kind, list.items[i - 1].kind) != 0)
                offers_add(&c->offers, list.items[i].kind, NULL);
    store_close(store);
}

/* Those that the command's help has: a name, the suffix of a file, and what it is. */
static void offer_formats(struct completing *c) {
    for (const char *line = c->typed.command->help; *line; line += strcspn(line, "\n") + 1) {
        char name[20], text[100];
        if (sscanf(line, " %19[a-z] .%*[a-z] %99[^\n]", name, text) == 2)
            offers_add(&c->offers, name, text);
        if (!strchr(line, '\n'))
            break;
    }
}

/* ---- options ---- */

/* What the value of an option is, by its long name: words to choose from, or a function. */
static const struct value {
    const char *option;
    offer_fn *offer;
    const char *words;
    const char *marks; /* that stand between the words */
} values[] = {
    {"inventory", offer_files, NULL, NULL},
    {"group", offer_groups, NULL, NULL},
    {"exclude", offer_servers, NULL, NULL},
    {"config", offer_files, NULL, NULL},
    {"benchmarks", offer_benchmarks, NULL, NULL},
    {"benchmark", offer_benchmark, NULL, NULL},
    {"fanout", offer_nothing, NULL, NULL},
    {"threshold", offer_nothing, NULL, NULL},
    {"timeout", offer_nothing, NULL, NULL},
    {"busy-wait", offer_nothing, NULL, NULL},
    {"linger", offer_nothing, NULL, NULL},
    {"retries", offer_nothing, NULL, NULL},
    {"max-errors", offer_nothing, NULL, NULL},
    {"limit", offer_nothing, NULL, NULL},
    {"outliers", NULL, "fail warn off", NULL},
    {"user", offer_nothing, NULL, NULL},
    {"port", offer_nothing, NULL, NULL},
    {"transport", NULL, "ssh local command:", NULL},
    {"ssh-config", offer_files, NULL, NULL},
    {"simulate", NULL,
     "servers= seed= delay= skew= score= error= kinds= metrics= noise= slow= throttled= drift= "
     "missing= bimodal= age= truth=",
     ","},
    {"store", offer_files, NULL, NULL},
    {"log-format", NULL, "console logfmt json", NULL},
    {"log-file", offer_files, NULL, NULL},
    {"log-to", NULL, "journal syslog", NULL},
    {"failed-to", offer_files, NULL, NULL},
    {"passed-to", offer_files, NULL, NULL},
    {"server", offer_measured_in_run, NULL, NULL},
    {"least", offer_nothing, NULL, NULL},
    {"lower-is-better", offer_nothing, NULL, NULL},
    {"higher-is-better", offer_nothing, NULL, NULL},
    {"ignore", offer_nothing, NULL, NULL},
    {"min", offer_nothing, NULL, NULL},
    {"older-than", offer_nothing, NULL, NULL},
    {"keep", offer_nothing, NULL, NULL},
    {"output", offer_files, NULL, NULL},
    {"format", offer_formats, NULL, NULL},
    {"listen", NULL, "127.0.0.1: unix:", NULL},
    {"token-file", offer_files, NULL, NULL},
    {"limit", offer_nothing, NULL, NULL},
    {"site", offer_nothing, NULL, NULL},
    {"run", offer_runs, NULL, NULL},
    {"grace", offer_nothing, NULL, NULL},
    {"lease", offer_nothing, NULL, NULL},
    {"probe", NULL, "127.0.0.1: unix:", NULL},
};

static void offer_value(struct completing *c) {
    const struct value *v = values;
    while (v < values + ARRAY_LEN(values) && strcmp(v->option, c->typed.option->name) != 0)
        v++;
    if (v == values + ARRAY_LEN(values)) {
        c->offers.unknown = true;
    } else if (v->offer) {
        v->offer(c);
    } else {
        if (v->marks)
            offers_keep(&c->offers, v->marks);
        offers_add_words(&c->offers, v->words);
    }
}

static void offer_options(struct completing *c) {
    for (const struct option *o = c->typed.command->options; o->name; o++) {
        char letter[] = {'-', (char)o->val, 0};
        cleanup(str_done) struct str name = {0}, text = {0};
        str_addf(&name, "--%s", o->name);
        typed_describe(c->typed.command, o, &text);
        if (name.failed || text.failed)
            return;
        offers_add(&c->offers, name.data, text.data);
        if (o->val < 128)
            offers_add(&c->offers, letter, text.data);
    }
}

/* ---- arguments ---- */

static void offer_verbs(struct completing *c) {
    offers_add(&c->offers, "take", "learn from a run");
    offers_add(&c->offers, "show", "print what there is");
    offers_add(&c->offers, "export", "write it as YAML");
    offers_add(&c->offers, "import", "read what was exported");
    offers_add(&c->offers, "drop", "remove it");
}

static void offer_of_verb(struct completing *c) {
    const char *verb = c->typed.arguments[0];
    if (strcmp(verb, "take") == 0)
        offer_runs(c);
    else if (strcmp(verb, "import") == 0)
        offer_files(c);
    else
        offer_kinds(c);
}

static void offer_upkeep(struct completing *c) {
    offers_add(&c->offers, "check", "look a store over");
    offers_add(&c->offers, "make", "make one, or bring it up to date");
    offers_add(&c->offers, "copy", "take what one holds to another");
    offers_add(&c->offers, "drop", "take old runs away");
}

static void offer_of_upkeep(struct completing *c) {
    if (strcmp(c->typed.arguments[0], "drop") == 0)
        offer_runs(c);
    else
        offer_files(c);
}

/* What the arguments of a command are, one after the other; the last one also stands for more. */
static const struct arguments {
    const char *command;
    offer_fn *offer[3];
} arguments[] = {
    {"run", {offer_servers}},
    {"servers", {offer_servers}},
    {"benchmarks", {offer_nothing}},
    {"runs", {offer_nothing}},
    {"show", {offer_runs, offer_nothing}},
    {"history", {offer_measured_ever, offer_nothing}},
    {"log", {offer_runs, offer_measured_in_run, offer_nothing}},
    {"compare", {offer_runs, offer_runs, offer_nothing}},
    {"judge", {offer_files, offer_nothing}},
    {"resume", {offer_runs, offer_nothing}},
    {"submit", {offer_servers}},
    {"worker", {offer_nothing}},
    {"wait", {offer_runs, offer_nothing}},
    {"baseline", {offer_verbs, offer_of_verb, offer_nothing}},
    {"report", {offer_runs, offer_nothing}},
    {"init", {offer_files, offer_nothing}},
    {"serve", {offer_nothing}},
    {"store", {offer_upkeep, offer_of_upkeep}},
};

static void offer_argument(struct completing *c) {
    const struct arguments *a = arguments;
    while (a < arguments + ARRAY_LEN(arguments) && strcmp(a->command, c->typed.command->name) != 0)
        a++;
    if (a == arguments + ARRAY_LEN(arguments)) {
        c->offers.unknown = true;
        return;
    }
    size_t n = 0;
    while (n < c->typed.argument_count && n + 1 < ARRAY_LEN(a->offer) && a->offer[n + 1])
        n++;
    a->offer[n](c);
}

/* ---- the word that is typed ---- */

static void offer(struct completing *c, char **words, size_t count) {
    const char *word = words[count - 1];
    typed_read(&c->typed, words, count);
    c->offers.typed = word;
    c->offers.head = c->typed.head;
    if (count == 2 && word[0] == '-')
        offers_add_words(&c->offers, "--help --version");
    else if (count == 2 || (count == 3 && strcmp(words[1], "help") == 0)) {
        offer_commands(c);
        if (count == 2)
            offers_add(&c->offers, "help", "what muster, or a command, takes");
    } else if (c->typed.option)
        offer_value(c);
    else if (c->typed.command && word[0] == '-' && !c->typed.only_arguments)
        offer_options(c);
    else if (c->typed.command)
        offer_argument(c);
}

/* What readline replaces is the end of the line; what stands before it of the word is kept. */
static void note_replaced(struct offers *o, const char *line, size_t last, const char *replaced) {
    cleanup(str_done) struct str kept = {0}, all = {0};
    size_t n = strlen(line + last), r = strlen(replaced);
    if (r > n || strcmp(line + last + n - r, replaced) != 0 || strcmp(replaced, "=") == 0)
        r = 0;
    o->quote = shellwords_unquote(line + last, n, &all);
    shellwords_unquote(line + last, n - r, &kept);
    o->cut = kept.len;
}

static void complete_bash(struct completing *c, const char *line, const char *replaced) {
    cleanup(shellwords_done) struct shellwords words = {0};
    if (shellwords_split(line, &words) < 0 || words.count < 2)
        return;
    note_replaced(&c->offers, line, words.last, replaced);
    offer(c, words.items, words.count);
}

int cmd_complete(int argc, char **argv) {
    struct completing c = {0};
    const char *shell = argc > 1 ? argv[1] : "";
    alarm(LONGEST);
    if (!freopen("/dev/null", "w", stderr))
        return EXIT_PASSED;
    if (strcmp(shell, "bash") == 0 && argc == 4)
        complete_bash(&c, argv[2], argv[3]);
    else if ((strcmp(shell, "zsh") == 0 || strcmp(shell, "fish") == 0) && argc > 3) {
        c.offers.shell = strcmp(shell, "zsh") == 0 ? OFFERS_ZSH : OFFERS_FISH;
        offer(&c, argv + 2, (size_t)argc - 2);
    }
    offers_print(&c.offers);
    typed_done(&c.typed);
    str_done(&c.offers.lines);
    fflush(stdout);
    return EXIT_PASSED;
}
