/*
 * init: `muster init`. The files are those in data/, as part of the program.
 *
 * Nothing that is there is touched: both names are free, or nothing is written. A file is made with
 * O_EXCL, so that what another program makes at the same moment stays too.
 */
#include "cli/cli.h"

#include "base/fd.h"
#include "base/str.h"
#include "cli/init_config.h"
#include "cli/init_servers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "usage: muster init [DIR]\n\n"
    "Writes two files to start from into DIR, or the current folder: muster.yaml, with every\n"
    "key and what holds without it, and servers, an inventory. Nothing that is there is\n"
    "overwritten. DIR is made where it is not there.\n\n"
    "      --help  this text\n";

static const struct option options[] = {
    {"help", no_argument, NULL, CLI_HELP},
    {NULL, 0, NULL, 0},
};

static const struct starter {
    const char *name;
    const unsigned char *text;
    size_t len;
} starters[] = {
    {"muster.yaml", init_config, sizeof(init_config)},
    {"servers", init_servers, sizeof(init_servers)},
};

/* The path of a file in the folder; the caller frees it. */
static char *path_in(const char *folder, const char *name) {
    struct str path = {0};
    size_t len = strlen(folder);
    bool here = strcmp(folder, ".") == 0, slash = len > 0 && folder[len - 1] == '/';
    str_addf(&path, "%s%s%s", here ? "" : folder, here || slash ? "" : "/", name);
    return str_take(&path);
}

static int is_there(const char *path, struct error *err) {
    return error_set(err, ERROR_USAGE,
                     "%s is there already, and is not overwritten: move it away, or name another "
                     "folder",
                     path);
}

static int check_free(const char *folder, struct error *err) {
    struct stat there;
    for (size_t i = 0; i < ARRAY_LEN(starters); i++) {
        cleanup(free_ptr) char *path = path_in(folder, starters[i].name);
        if (!path)
            return error_memory(err);
        if (lstat(path, &there) == 0)
            return is_there(path, err);
    }
    return 0;
}

static int make_folder(const char *folder, struct error *err) {
    struct stat there;
    if (mkdir(folder, 0777) == 0)
        return 0;
    int why = errno;
    if (why == EEXIST && stat(folder, &there) == 0 && S_ISDIR(there.st_mode))
        return 0;
    return error_os(err, ERROR_USAGE, why == EEXIST ? ENOTDIR : why, "cannot make the folder %s",
                    folder);
}

static int write_file(const char *path, const struct starter *s, struct error *err) {
    cleanup(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return is_there(path, err);
    if (fd < 0)
        return error_os(err, ERROR_USAGE, errno, "cannot write to %s", path);
    if (fd_write_all(fd, s->text, s->len) == 0)
        return 0;
    error_os(err, ERROR_STORE, errno, "cannot write to %s", path);
    unlink(path);
    return -1;
}

/* All of them, or none. */
static int write_files(const char *folder, size_t from, struct error *err) {
    if (from == ARRAY_LEN(starters))
        return 0;
    cleanup(free_ptr) char *path = path_in(folder, starters[from].name);
    if (!path)
        return error_memory(err);
    if (write_file(path, &starters[from], err) < 0)
        return -1;
    if (write_files(folder, from + 1, err) == 0)
        return 0;
    unlink(path);
    return -1;
}

static void print_next(const char *folder) {
    bool here = strcmp(folder, ".") == 0;
    printf("Wrote muster.yaml and servers%s%s. Next:\n\n", here ? "" : " into ",
           here ? "" : folder);
    if (!here)
        printf("  cd %s\n", folder);
    fputs("  $EDITOR servers                        # name your servers\n"
          "  muster run -i servers -b none          # can they be reached?\n"
          "  muster run -i servers --dry-run        # what will be run, and for how long\n"
          "  muster run -i servers\n",
          stdout);
}

static int init(const char *folder) {
    struct error err;
    if (check_free(folder, &err) < 0 || make_folder(folder, &err) < 0 ||
        write_files(folder, 0, &err) < 0)
        return cli_fail(&err);
    print_next(folder);
    return cli_flush();
}

static int cmd_init(int argc, char **argv) {
    int c;
    while ((c = cli_getopt(argc, argv, "", options)) != -1) {
        if (c == '?')
            return EXIT_USAGE;
        fputs(help, stdout);
        return cli_flush();
    }
    if (argc - optind > 1)
        return cli_usage("`muster init` takes one folder, or none: not '%.40s'", argv[optind + 1]);
    const char *folder = optind < argc ? argv[optind] : ".";
    return *folder ? init(folder) : cli_usage("`muster init` takes a folder, not an empty name");
}

const struct cli_command command_init = {
    .name = "init",
    .about = "write a muster.yaml and an inventory to start from",
    .run = cmd_init,
    .help = help,
    .options = options,
};
