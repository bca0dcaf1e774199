/* benchmarks: `muster benchmarks`. */
#include "cli/cli.h"

#include "base/units.h"
#include "model/builtin.h"
#include "policy/plan.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: muster benchmarks [OPTIONS]\n\n"
    "Lists the benchmarks that `muster run -b` takes: built in, and of the configuration.\n"
    "A * marks those that run without -b.\n\n"
    "  -c, --config FILE  configuration; without it ./muster.yaml, if there is one\n"
    "      --json         print a JSON array\n"
    "      --help         this text\n";

enum { OPT_JSON = 256, OPT_HELP };

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static bool is_default(const struct plan *defaults, const char *name) {
    for (size_t i = 0; i < defaults->benchmark_count; i++)
        if (strcmp(defaults->benchmarks[i].name, name) == 0)
            return true;
    return false;
}

static bool is_configured(const struct config *config, const char *name) {
    for (size_t i = 0; i < config->benchmark_count; i++)
        if (strcmp(config->benchmarks[i].name, name) == 0)
            return true;
    return false;
}

static void print(const struct config *config, const struct plan *defaults) {
    for (const struct builtin *b = builtins; b->name; b++)
        if (!is_configured(config, b->name))
            printf("%c %-16s built in  %s%s\n", is_default(defaults, b->name) ? '*' : ' ', b->name,
                   b->about, b->warm_up ? ", after a warm-up" : "");
    for (size_t i = 0; i < config->benchmark_count; i++) {
        const struct config_benchmark *b = &config->benchmarks[i];
        printf("%c %-16s %-9s %s\n", is_default(defaults, b->name) ? '*' : ' ', b->name,
               b->command ? "command" : "built in",
               b->command ? b->command : "as the configuration sets it");
    }
}

static void print_json(const struct config *config, const struct plan *defaults) {
    json_t *list = json_array();
    for (const struct builtin *b = builtins; b->name; b++)
        if (!is_configured(config, b->name))
            json_array_append_new(list,
                                  json_pack("{ss ss sn sb sb}", "benchmark", b->name, "kind",
                                            "built-in", "command", "default",
                                            is_default(defaults, b->name), "warm_up", b->warm_up));
    for (size_t i = 0; i < config->benchmark_count; i++) {
        const struct config_benchmark *b = &config->benchmarks[i];
        json_array_append_new(list,
                              json_pack("{ss ss ss* sb}", "benchmark", b->name, "kind",
                                        b->command ? "command" : "built-in", "command", b->command,
                                        "default", is_default(defaults, b->name)));
    }
    json_dumpf(list, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(list);
}

static int cmd_benchmarks(int argc, char **argv) {
    cleanup(config_done) struct config config;
    cleanup(plan_done) struct plan defaults = {0};
    struct plan_options none = {.threshold = NAN};
    const char *path = NULL;
    bool json = false;
    struct error err;
    int c;
    config_init(&config);
    while ((c = cli_getopt(argc, argv, "c:", options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == OPT_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        if (c == 'c')
            path = optarg;
        json |= c == OPT_JSON;
    }
    if (optind < argc)
        return cli_usage("`muster benchmarks` takes no argument '%.40s'", argv[optind]);
    if (cli_config(path, &config, &err) < 0 || plan_make(&config, &none, &defaults, &err) < 0)
        return cli_fail(&err);
    if (json)
        print_json(&config, &defaults);
    else
        print(&config, &defaults);
    return cli_flush();
}

const struct cli_command command_benchmarks = {
    .name = "benchmarks",
    .about = "list benchmarks, built in and configured",
    .run = cmd_benchmarks,
    .help = help,
    .options = options,
};
