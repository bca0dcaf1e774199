/*
 * judge: `muster judge`, a run's judgement of numbers that others measured.
 *
 * The file is read first, then the configuration, which may name the benchmarks that are in it.
 * Nothing is written to the store.
 */
#include "cli/cli.h"
#include "cli/judging.h"

#include "base/clock.h"
#include "base/vec.h"
#include "cli/terminal.h"
#include "report/document.h"
#include "report/summary.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: muster judge [OPTIONS] FILE\n\n"
    "Judges numbers that muster did not measure as it judges those of a run: by thresholds,\n"
    "references and baselines, and by the servers' peers. FILE may be - for standard input:\n"
    "JSON lines (SuperBench's results-summary.jsonl is read as it is), or CSV with a header.\n"
    "Nothing is kept in the store.\n\n"
    "  {\"server\": \"web1\", \"kind\": \"A\", \"memory/triad\": 187.3, \"disk/iops\": 51000}\n\n"
    "  -c, --config FILE  thresholds and references; without it ./muster.yaml, if there is one\n"
    "  -t, --threshold SCORE  of benchmarks that have a score and no threshold of their own (50)\n"
    "      --outliers fail|warn|off  what becomes of servers that are far worse than their\n"
    "                     peers, or lack what they have (fail, or as the configuration says)\n"
    "      --lower-is-better PATTERN, --higher-is-better PATTERN\n"
    "                     metrics (BENCHMARK/METRIC; * and ? as in a shell) of which less or\n"
    "                     more is better; else FILE says, or names such as *time* and *latency*\n"
    "      --ignore PATTERN  keys, columns and metrics that are passed over\n"
    "      --store URL    where baselines are kept\n"
    "      --json         print one JSON document instead, as `muster show --json` does\n"
    "      --help         this text\n";

enum { OPT_OUTLIERS = 512, OPT_LOWER, OPT_HIGHER, OPT_IGNORE };

static const struct option options[] = {
    CLI_STORE_OPTIONS,
    {"config", required_argument, NULL, 'c'},
    {"threshold", required_argument, NULL, 't'},
    {"outliers", required_argument, NULL, OPT_OUTLIERS},
    {"lower-is-better", required_argument, NULL, OPT_LOWER},
    {"higher-is-better", required_argument, NULL, OPT_HIGHER},
    {"ignore", required_argument, NULL, OPT_IGNORE},
    {NULL, 0, NULL, 0},
};

/* ---- what is printed ---- */

static int print_server(struct judging *j, size_t server, struct server_result *r,
                        struct error *err) {
    const struct outcome *o = &j->outcomes[server];
    r->verdict = o->verdict;
    r->reason = o->reason;
    free(r->detail);
    r->detail = o->detail ? strdup(o->detail) : NULL;
    r->findings = j->findings[server] ? strdup(j->findings[server]) : NULL;
    if ((o->detail && !r->detail) || (j->findings[server] && !r->findings))
        return error_memory(err);
    return document_add(stdout, server == 0, o->server, r, err);
}

static int print(struct judging *j, struct error *err) {
    if (j->words.json) {
        if (document_begin(stdout, &j->run, j->outcomes, j->notes.data, err) < 0 ||
            judging_each(j, err, print_server) < 0)
            return -1;
        document_end(stdout);
        return 0;
    }
    cleanup(str_done) struct str text = {0};
    summary_add(&text, &j->run, j->outcomes, j->notes.data, terminal_colours(STDOUT_FILENO));
    if (text.failed)
        return error_memory(err);
    fwrite(text.data, 1, text.len, stdout);
    return 0;
}

/* ---- the command ---- */

static int read_file(struct judging *j, struct error *err) {
    const char *name = j->words.file;
    cleanup(str_done) struct str mistakes = {0};
    bool standard = strcmp(name, "-") == 0;
    FILE *in = standard ? stdin : fopen(name, "re");
    if (!in)
        return error_os(err, ERROR_USAGE, errno, "cannot open %.200s", name);
    int rc = measurements_read(in, standard ? "standard input" : name, j->words.ignored.items,
                               j->words.ignored.count, &j->in, &mistakes, err);
    if (!standard)
        fclose(in);
    return rc < 0 ? cli_mistakes(&mistakes, err) : 0;
}

static int add_pattern(struct patterns *p, const char *word) {
    if (vec_reserve(&p->items, &p->cap, p->count + 1, sizeof(*p->items)) < 0)
        return -1;
    p->items[p->count++] = word;
    return 0;
}

/* Takes an option; -1 to go on, or the exit status. */
static int take_option(struct words *w, int option, const char *value) {
    struct error err = {0};
    struct patterns *p = option == OPT_LOWER    ? &w->lower
                         : option == OPT_HIGHER ? &w->higher
                         : option == OPT_IGNORE ? &w->ignored
                                                : NULL;
    int rc = p ? add_pattern(p, value) : 0;
    if (rc < 0)
        error_memory(&err);
    else if (option == 'c')
        w->config = value;
    else if (option == CLI_STORE)
        w->store = value;
    else if (option == CLI_JSON)
        w->json = true;
    else if (option == 't')
        rc = cli_decimal("--threshold", value, &w->threshold, &err);
    else if (option == OPT_OUTLIERS && outliers_parse(value, &w->outliers) < 0)
        return cli_usage("--outliers is fail, warn or off, not '%.40s'", value);
    return rc < 0 ? cli_fail(&err) : -1;
}

static int read_words(struct judging *j, int argc, char **argv) {
    int c;
    while ((c = cli_getopt(argc, argv, "c:t:", options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        if (c == CLI_HELP) {
            fputs(help, stdout);
            return cli_flush();
        }
        int status = take_option(&j->words, c, optarg);
        if (status >= 0)
            return status;
    }
    if (argc - optind != 1)
        return cli_usage("`muster judge` takes one FILE, or - for standard input");
    j->words.file = argv[optind];
    return -1;
}

static int cmd_judge(int argc, char **argv) {
    cleanup(judging_done) struct judging j = {.words = {.threshold = NAN}};
    struct error err;
    config_init(&j.config);
    int status = read_words(&j, argc, argv);
    if (status >= 0)
        return status;
    int64_t begun = clock_now();
    j.run.started = clock_wall();
    if (read_file(&j, &err) < 0 || judging_prepare(&j, &err) < 0 || judging_judge(&j, &err) < 0)
        return cli_fail(&err);
    j.run.seconds = (double)(clock_now() - begun) / 1e9;
    if (print(&j, &err) < 0)
        return cli_fail(&err);
    status = cli_flush();
    return status != 0 ? status : j.run.passed == j.run.total ? EXIT_PASSED : EXIT_NOT_PASSED;
}

const struct cli_command command_judge = {
    .name = "judge",
    .about = "judge results that muster did not measure",
    .run = cmd_judge,
    .help = help,
    .options = options,
};
