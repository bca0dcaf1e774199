/*
 * gpu: what the GPUs of this machine compute, and how fast they get at memory.
 *
 * The drivers are libraries of the server's C library, which this static program cannot load. So it
 * carries a second program that can (gpu/ of muster; what is measured, and how, is told there), and
 * runs it as its child: from memory, or from a file in the agent's temporary directory where the
 * kernel does not let it. The child finds the devices and makes them ready when the benchmark is
 * prepared; then each trial is one byte to it and lines from it.
 *
 * Whatever a driver does, hang or crash, it does in that child, which ends with the benchmark.
 * What drivers and compilers write for later goes to the temporary directory.
 */
#include "base/attr.h"
#include "base/clock.h"
#include "benchmark.h"
#include "tmpdir.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Newer than the headers: says that the file is meant to be executed, which some kernels ask for.
 */
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

enum { DURATION, DEVICES, CPU_DEVICES };

static const struct parameter parameters[] = {
    [DURATION] = {"duration", PARAMETER_DURATION, 10 * CLOCK_MS, 60 * CLOCK_S, 150 * CLOCK_MS,
                  50 * CLOCK_MS, "how long each of the six measurements of a device takes"},
    [DEVICES] = {"devices", PARAMETER_LIST, 0, 0, 0, 0, "the devices to measure; all without it"},
    [CPU_DEVICES] = {"cpu_devices", PARAMETER_FLAG, 0, 1, 0, 0,
                     "whether OpenCL devices that are CPUs count too"},
    {.name = NULL},
};

extern const char gpu_program[], gpu_program_end[];

static pid_t child;
static FILE *lines; /* what the child prints */
static int go = -1; /* what it reads */

/* ---- starting the child ---- */

static bool write_program(int fd) {
    const char *p = gpu_program;
    while (p < gpu_program_end) {
        ssize_t n = write(fd, p, (size_t)(gpu_program_end - p));
        if (n <= 0)
            return false;
        p += n;
    }
    return true;
}

/* Returns only when it failed, with errno. The memory's file is closed by exec. */
static void exec_from_memory(char *const *argv) {
    int fd = (int)syscall(SYS_memfd_create, "muster-gpu", MFD_CLOEXEC | MFD_EXEC);
    if (fd < 0 && errno == EINVAL)
        fd = (int)syscall(SYS_memfd_create, "muster-gpu", MFD_CLOEXEC);
    if (fd < 0)
        return;
    if (write_program(fd))
        fexecve(fd, argv, environ);
    int error = errno;
    close(fd);
    errno = error;
}

static void exec_from_file(char *const *argv) {
    const char *dir = tmpdir_get();
    char path[600];
    if (!dir)
        return;
    snprintf(path, sizeof(path), "%s/muster-gpu", dir);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    if (fd < 0)
        return;
    bool written = write_program(fd);
    close(fd);
    if (written)
        execve(path, argv, environ);
}

/* Why the program does not start, as a line of its own would say it. */
static void say_exec_failed(int error) {
    if (error == ENOENT || error == ENOEXEC)
        printf(
            "problem skipped no GPU can be used: this system has no glibc, which drivers need\n");
    else
        printf("problem unsupported the program that measures GPUs cannot be started: %s\n",
               strerror(error));
    fflush(stdout);
}

static void run_program(const struct setting *s, int in, int out) {
    char milliseconds[24];
    snprintf(milliseconds, sizeof(milliseconds), "%lld",
             (long long)(s[DURATION].number / CLOCK_MS));
    char *argv[] = {"muster-gpu", milliseconds, (char *)(s[DEVICES].text ? s[DEVICES].text : "all"),
                    s[CPU_DEVICES].number ? "1" : "0", NULL};
    static const char *const caches[] = {"HOME", "XDG_CACHE_HOME", "TMPDIR", "POCL_CACHE_DIR",
                                         "CUDA_CACHE_PATH"};
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0)
        _exit(126);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0)
        dup2(null, 2); /* drivers complain there at length */
    for (size_t i = 0; tmpdir_get() && i < ARRAY_LEN(caches); i++)
        setenv(caches[i], tmpdir_get(), 1);
    exec_from_memory(argv);
    int error = errno;
    if (error != ENOENT && error != ENOEXEC) {
        exec_from_file(argv);
        error = errno;
    }
    say_exec_failed(error);
    _exit(0);
}

static int start(const struct setting *s, struct failure *f) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        return failure_set(f, "internal", "muster-gpu cannot be started: %s", strerror(errno));
    child = fork();
    if (child == 0) {
        close(in[1]); /* or it would never see the end of what it reads */
        run_program(s, in[0], out[1]);
    }
    close(in[0]);
    close(out[1]);
    signal(SIGPIPE, SIG_IGN); /* a child that has ended is told by its status */
    go = in[1];
    lines = fdopen(out[0], "r");
    if (child < 0 || !lines)
        return failure_set(f, "internal", "muster-gpu cannot be started: %s", strerror(errno));
    return 0;
}

/* ---- what it prints ---- */

/* The child has ended without a word. */
static int died(struct failure *f) {
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        return failure_set(f, "benchmark-crashed", "a driver was killed by signal %d (%s)",
                           WTERMSIG(status), strsignal(WTERMSIG(status)));
    return failure_set(f, "benchmark-crashed", "a driver ended the program with status %d",
                       WEXITSTATUS(status));
}

/* Reasons are words of a fixed list: the failure keeps a pointer to one of them. */
static int problem(const char *reason, const char *text, struct failure *f) {
    static const char *const reasons[] = {"skipped", "unsupported", "busy", "wrong-result"};
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (strcmp(reason, reasons[i]) == 0)
            return failure_set(f, reasons[i], "%s", text);
    return failure_set(f, "benchmark-crashed", "%s", text);
}

static int take_line(const char *line, struct trial *ret, struct failure *f) {
    char word[64], unit[32];
    double value;
    int at = 0;
    if (sscanf(line, "problem %63s %n", word, &at) == 1 && at > 0)
        return problem(word, line + at, f);
    if (ret && sscanf(line, "metric %63s %31s %lf", word, unit, &value) == 3)
        trial_add(ret, word, unit, value, false);
    else if (ret && sscanf(line, "lower %63s %31s %lf", word, unit, &value) == 3)
        trial_add(ret, word, unit, value, true);
    else if (ret && strncmp(line, "class ", 6) == 0)
        ret->class = strcmp(line + 6, "cpu") == 0 ? "cpu" : "gpu";
    else if (ret && strncmp(line, "note ", 5) == 0)
        trial_note(ret, "%s", line + 5);
    else
        return failure_set(f, "internal", "muster-gpu says '%.100s'", line);
    return 0;
}

/* Takes lines until the one that is `last`. */
static int take_lines(const char *last, struct trial *ret, struct failure *f) {
    char line[1024];
    while (fgets(line, sizeof(line), lines)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, last) == 0)
            return 0;
        if (take_line(line, ret, f) != 0)
            return -1;
    }
    return died(f);
}

static int prepare(const struct setting *s, struct failure *f) {
    return start(s, f) != 0 ? -1 : take_lines("ready", NULL, f);
}

static int trial(const struct setting *s, struct trial *ret, struct failure *f) {
    (void)s;
    if (write(go, "g", 1) != 1)
        return died(f);
    return take_lines("end", ret, f);
}

const struct benchmark benchmark_gpu = {
    .name = "gpu",
    .about = "arithmetic, matrix products, memory and transfers of every GPU",
    .parameters = parameters,
    .trials = 3,
    .warm_up = true,
    .tmpdir = true,
    .prepare = prepare,
    .trial = trial,
};
