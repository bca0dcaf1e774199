/* main: finds the command and hands it its arguments. */
#include "cli/cli.h"
#include "cli/complete.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void help(FILE *out) {
    fputs("muster benchmarks every server of a fleet at once, over SSH, and says which servers\n"
          "do not pass muster, and why.\n\n"
          "usage: muster COMMAND [OPTIONS] [ARGUMENTS]\n\n",
          out);
    for (const struct cli_command *const *c = cli_commands; *c; c++)
        fprintf(out, "  %-12s %s\n", (*c)->name, (*c)->about);
    fputs(
        "\n`muster COMMAND --help` says what a command takes, `man muster-COMMAND` what it means;\n"
        "`muster --version` which muster this is. Try `muster run --simulate` first.\n",
        out);
}

static int unknown_command(const char *name) {
    const char *known[64] = {0};
    for (size_t i = 0; cli_commands[i] && i + 1 < ARRAY_LEN(known); i++)
        known[i] = cli_commands[i]->name;
    const char *near = config_nearest(name, known);
    return cli_usage("unknown command '%.40s'%s%s%s: see `muster --help`", name,
                     near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

/* `muster help COMMAND` is `muster COMMAND --help`. */
static int help_with(const char *name) {
    const struct cli_command *c = name ? cli_find(name) : NULL;
    if (name && !c)
        return unknown_command(name);
    if (c)
        fputs(c->help, stdout);
    else
        help(stdout);
    return cli_flush();
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
        strcmp(argv[1], "help") == 0)
        return help_with(argv[2]);
    if (strcmp(argv[1], "--version") == 0) {
        puts("muster " MUSTER_VERSION);
        return cli_flush();
    }
    if (strcmp(argv[1], "complete") == 0)
        return cmd_complete(argc - 1, argv + 1);
    const struct cli_command *c = cli_find(argv[1]);
    return c ? c->run(argc - 1, argv + 1) : unknown_command(argv[1]);
}
