/* main: finds the command and hands it its arguments. */
#include "cli/cli.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *about;
} commands[] = {
    {"run", cmd_run, "benchmark servers, print the summary"},
    {"servers", cmd_servers, "print what an inventory expands to"},
    {"benchmarks", cmd_benchmarks, "list benchmarks, built in and configured"},
    {"runs", cmd_runs, "list runs in the store"},
    {"show", cmd_show, "a run's summary, as at its end"},
    {"history", cmd_history,
     "a server's scores over all runs, and whether it is slower than itself"},
    {"log", cmd_log, "a run's log, of one server if named"},
    {"compare", cmd_compare, "what changed between two runs"},
    {"judge", cmd_judge, "judge results that muster did not measure"},
    {"resume", cmd_resume, "go on with an interrupted run"},
    {"baseline", cmd_baseline, "what kinds of servers should score, learned from a run"},
};

static void help(FILE *out) {
    fputs("muster benchmarks every server of a fleet at once, over SSH, and says which servers\n"
          "do not pass muster, and why.\n\n"
          "usage: muster COMMAND [OPTIONS] [ARGUMENTS]\n\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].about);
    fputs("\n`muster COMMAND --help` says what a command takes; `muster --version` which muster\n"
          "this is. Try `muster run --simulate` first.\n",
          out);
}

static int unknown_command(const char *name) {
    const char *known[ARRAY_LEN(commands) + 1] = {0};
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        known[i] = commands[i].name;
    const char *near = config_nearest(name, known);
    return cli_usage("unknown command '%.40s'%s%s%s: see `muster --help`", name,
                     near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

/*
 * A program may be started with some of its first three descriptors closed. The next file opened
 * would take their place, and the log would be written into the store.
 */
static void fill_standard_descriptors(void) {
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

int main(int argc, char **argv) {
    fill_standard_descriptors();
    signal(SIGCHLD, SIG_DFL); /* inherited as ignored, it would have programs' ends go unseen */
    setlocale(LC_CTYPE, "");
    if (argc < 2) {
        help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        help(stdout);
        return cli_flush();
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("muster " MUSTER_VERSION);
        return cli_flush();
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    return unknown_command(argv[1]);
}
