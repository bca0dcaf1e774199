/*
 * Whether the configurations in examples/ work: every one is loaded, and every command in them is
 * run here by sh, for a second, with its real tool, and its number looked for in what that printed.
 * A tool that is not installed is named and passed over; the GPU's tools are imitated by scripts
 * that print what NVIDIA documents.
 */
#include "test.h"

#include "base/fd.h"
#include "input/config.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct parameter none[] = {{.name = NULL}};
static const struct builtin builtin[] = {{.name = "cpu", .parameters = none}, {.name = NULL}};

static struct config load(const char *name) {
    const char *folder = getenv("EXAMPLES");
    char path[4096];
    struct config c;
    struct str mistakes = {0};
    struct error err = {0};
    snprintf(path, sizeof(path), "%s/%s", folder ? folder : "examples", name);
    if (config_load(path, builtin, &c, &mistakes, &err) < 0)
        fail_msg("%s\n%s", err.text, mistakes.data ? mistakes.data : "");
    assert_true(c.benchmark_count > 0);
    return c;
}

/* What the file sets, but short and in the scratch directory. */
static void set_env(const struct config_benchmark *b, const char *port) {
    for (size_t i = 0; i < b->env_count; i++)
        setenv(b->env[i].name, b->env[i].value, 1);
    setenv("TIME", "1", 1);
    setenv("SIZE", "16M", 1);
    setenv("DIR", ".", 1);
    setenv("SERVER", "127.0.0.1", 1);
    setenv("PORT", port ? port : "", 1);
}

static bool has_program(const char *name) {
    char command[200];
    snprintf(command, sizeof(command), "command -v %s >/dev/null", name);
    return system(command) == 0;
}

static double measure(const struct config_benchmark *b) {
    struct str out = {0};
    struct error err = {0};
    double number = -1;
    struct str command = {0};
    str_addf(&command, "exec 2>&1\n%s", b->command); /* as the agent does */
    FILE *p = popen(command.data, "r");
    assert_non_null(p);
    assert_int_equal(fd_read_all(fileno(p), "the pipe", 1 << 20, &out, &err), 0);
    int status = pclose(p);
    if (status != 0)
        fail_msg("%s exits %d: %s", b->name, status, out.data);
    if (extract_number(b->extract, out.data, out.len, &number, &err) < 0)
        fail_msg("%s: %s", b->name, err.text);
    str_done(&command);
    str_done(&out);
    return number;
}

static void try_example(const char *name, const char *port) {
    struct config c = load(name);
    for (size_t i = 0; i < c.benchmark_count; i++) {
        const struct config_benchmark *b = &c.benchmarks[i];
        assert_non_null(b->needs);
        assert_non_null(b->unit);
        assert_true(b->reference > 0);
        if (!has_program(b->needs)) {
            print_message("%s: %s is not installed\n", name, b->needs);
            continue;
        }
        set_env(b, port);
        double number = measure(b);
        assert_true(number > 0);
        print_message("%s: %g %s\n", b->name, number, b->unit);
    }
    config_done(&c);
}

static void sysbench(UNUSED void **state) {
    try_example("sysbench.yaml", NULL);
}

static void stress_ng(UNUSED void **state) {
    try_example("stress-ng.yaml", NULL);
}

static void fio(UNUSED void **state) {
    try_example("fio.yaml", NULL);
}

static void openssl(UNUSED void **state) {
    try_example("openssl.yaml", NULL);
}

static void free_port(char port[16]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    cleanup(fd_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(port, 16, "%d", ntohs(address.sin_port));
}

/* Starts an iperf3 server and waits until it says that it listens. */
static pid_t start_iperf3(const char *port) {
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not come to its kill() */
        dup2(fds[1], STDOUT_FILENO);
        close(fds[0]);
        close(fds[1]);
        execlp("iperf3", "iperf3", "-s", "-B", "127.0.0.1", "-p", port, "--forceflush", NULL);
        _exit(127);
    }
    close(fds[1]);
    FILE *f = fdopen(fds[0], "r");
    char line[200] = "";
    while (!strstr(line, "listening") && fgets(line, sizeof(line), f))
        ;
    assert_non_null(strstr(line, "listening"));
    /* left open: the server goes on printing */
    return pid;
}

static void iperf3(UNUSED void **state) {
    char port[16];
    if (!has_program("iperf3"))
        skip_because("no iperf3");
    free_port(port);
    pid_t pid = start_iperf3(port);
    try_example("iperf3.yaml", port);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

static void write_script(const char *name, const char *text) {
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(name, 0700), 0);
}

static void gpu(UNUSED void **state) {
    write_script("nvidia-smi", "#!/bin/sh\n"
                               "case $1 in\n"
                               "-L) echo 'GPU 0: NVIDIA H100 (UUID: GPU-1)'\n"
                               "    echo 'GPU 1: NVIDIA H100 (UUID: GPU-2)' ;;\n"
                               "*) echo 16; echo 8 ;;\n"
                               "esac\n");
    write_script("dcgmi",
                 "#!/bin/sh\n"
                 "echo '{\"DCGM Diagnostic\": {\"test_categories\": [{\"category\": \"Deployment\","
                 "\"tests\": [{\"name\": \"NVML\", \"results\": [{\"gpu_id\": \"0\", \"status\": "
                 "\"Pass\"}, {\"gpu_id\": \"1\", \"status\": \"Fail\"}]}]}]}}'\n");
    struct str path = {0};
    str_addf(&path, ".:%s", getenv("PATH"));
    setenv("PATH", path.data, 1);
    struct config c = load("gpu.yaml");
    assert_int_equal(c.benchmark_count, 3);
    assert_true(measure(&c.benchmarks[0]) == 2);
    assert_true(measure(&c.benchmarks[1]) == 8);
    assert_true(measure(&c.benchmarks[2]) == 1);
    config_done(&c);
    setenv("PATH", path.data + 2, 1);
    str_done(&path);
}

static char scratch[64];

static int enter_scratch(UNUSED void **state) {
    return make_test_folder(scratch) && chdir(scratch) == 0 ? 0 : -1;
}

static int leave_scratch(UNUSED void **state) {
    unlink("nvidia-smi");
    unlink("dcgmi");
    return chdir("/") == 0 ? rmdir(scratch) : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sysbench), cmocka_unit_test(stress_ng), cmocka_unit_test(fio),
        cmocka_unit_test(openssl),  cmocka_unit_test(iperf3),    cmocka_unit_test(gpu),
    };
    return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
