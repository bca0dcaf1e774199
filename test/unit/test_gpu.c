/*
 * What muster-gpu promises, with drivers that are not there, with fake ones (test/support) and with
 * OpenCL on the CPU where PoCL is installed. The environment names the program, MUSTER_TEST_GPU (a
 * command of words), and the fakes, MUSTER_TEST_CUDA and MUSTER_TEST_NVML.
 */
#include "base/attr.h"
#include "base/str.h"
#include "test.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[200]; /* where the program looks for libraries first */

/*
 * Runs the program with the settings of the environment, `libraries` ("c": CUDA, "n": NVML) and its
 * arguments; it is asked for `trials`. Returns what it prints, which the caller frees.
 */
static char *run(const char *environment, const char *libraries, const char *arguments,
                 int trials) {
    static const char *const names[] = {"libcuda.so.1", "libnvidia-ml.so.1"};
    char line[2000], path[300], buf[4096];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
        if (strchr(libraries, "cn"[i]))
            assert_int_equal(
                symlink(getenv(i == 0 ? "MUSTER_TEST_CUDA" : "MUSTER_TEST_NVML"), path), 0);
    }
    snprintf(line, sizeof(line),
             "printf '%.*s' | HOME=%s POCL_CACHE_DIR=%s LD_LIBRARY_PATH=%s %s %s %s 2>&1", trials,
             "gggggg", folder, folder, folder, environment, getenv("MUSTER_TEST_GPU"), arguments);
    struct str out = {0};
    FILE *f = popen(line, "re");
    assert_non_null(f);
    for (size_t n; (n = fread(buf, 1, sizeof(buf), f)) > 0;)
        str_add_bytes(&out, buf, n);
    str_addf(&out, "status %d\n", WEXITSTATUS(pclose(f)));
    return str_take(&out);
}

static void expect_in(const char *out, const char *text) {
    if (!strstr(out, text))
        fail_msg("no '%s' in: %s", text, out);
}

/* `environment` takes OpenCL's devices away, unless it says otherwise. */
static void expect(const char *environment, const char *libraries, const char *arguments,
                   int trials, const char *text) {
    char all[500];
    snprintf(all, sizeof(all), "OCL_ICD_VENDORS=/nonexistent %s", environment);
    char *out = run(all, libraries, arguments, trials);
    expect_in(out, text);
    free(out);
}

static double value_of(const char *out, const char *metric) {
    char start[60];
    double value = -1;
    snprintf(start, sizeof(start), " %s ", metric);
    const char *at = strstr(out, start);
    if (!at || sscanf(at + strlen(start), "%*s %lf", &value) != 1)
        fail_msg("no metric %s in: %s", metric, out);
    return value;
}

static int count_of(const char *out, const char *text) {
    int n = 0;
    for (const char *p = out; (p = strstr(p, text)); p++)
        n++;
    return n;
}

static void says_that_there_is_no_gpu(UNUSED void **state) {
    char *out = run("OCL_ICD_VENDORS=/nonexistent", "", "2 all 0", 1);
    assert_string_equal(out, "problem skipped no GPU: neither libcuda.so.1 nor an OpenCL GPU is "
                             "there\nstatus 0\n");
    free(out);
    expect("FAKE_CUDA_DEVICES=0", "c", "2 all 0", 1, "problem skipped no GPU");
    expect("FAKE_CUDA_FAIL=cuInit:1:100", "c", "2 all 0", 1, "problem skipped no GPU");
    expect("", "", "2 0 0", 1, "problem skipped no GPU");
}

static void says_that_a_driver_does_not_work(UNUSED void **state) {
    expect("FAKE_CUDA_FAIL=cuInit:1:803", "c", "2 all 0", 1,
           "problem unsupported NVIDIA's driver does not work: an unknown error (803); see "
           "nvidia-smi\nstatus 0\n");
}

static void measures_every_device(UNUSED void **state) {
    static const char *const metrics[] = {"worst_gpu",        "gpu0_fp32",        "gpu0_matrix",
                                          "gpu0_memory",      "gpu0_memory_read", "gpu0_to_device",
                                          "gpu1_fp32",        "gpu1_matrix",      "gpu1_memory",
                                          "gpu1_memory_read", "gpu1_from_device"};
    char *out = run("OCL_ICD_VENDORS=/nonexistent FAKE_CUDA_DEVICES=2", "c", "2 all 0", 3);
    assert_int_equal(strncmp(out, "ready\nmetric worst_gpu G/s ", 27), 0);
    assert_int_equal(count_of(out, "\nend\n"), 3);
    assert_int_equal(count_of(out, "metric gpu1_fp32 "), 3);
    for (size_t i = 0; i < ARRAY_LEN(metrics); i++)
        assert_true(value_of(out, metrics[i]) > 0);
    assert_null(strstr(out, "temperature")); /* no NVML, nothing made up */
    free(out);
}

static void measures_no_matrix_where_there_is_none(UNUSED void **state) {
    char *out = run("OCL_ICD_VENDORS=/nonexistent FAKE_CUDA_VERSION=70", "c", "2 all 0", 1);
    assert_true(value_of(out, "gpu0_fp32") > 0);
    assert_null(strstr(out, "matrix"));
    free(out);
    /* depth 8 instead of 16, half the work: not a comparison, but it must load the right text */
    out = run("OCL_ICD_VENDORS=/nonexistent FAKE_CUDA_VERSION=75", "c", "2 all 0", 1);
    assert_true(value_of(out, "gpu0_matrix") > 0);
    free(out);
    expect("FAKE_CUDA_VERSION=35", "c", "2 all 0", 1, "problem skipped");
}

static void scores_by_the_worst_device_and_names_it(UNUSED void **state) {
    char *out = run("OCL_ICD_VENDORS=/nonexistent FAKE_CUDA_DEVICES=3 FAKE_CUDA_SLOW=1", "c",
                    "20 all 0", 2);
    assert_int_equal(count_of(out, "note worst of 3: gpu1, Fake GPU B\n"), 2);
    assert_int_equal(count_of(out, "note worst"), 2);
    assert_true(value_of(out, "gpu1_fp32") < 0.5 * value_of(out, "gpu0_fp32"));
    double squared = value_of(out, "worst_gpu") * value_of(out, "worst_gpu");
    double product = value_of(out, "gpu1_fp32") * 1e3 * value_of(out, "gpu1_memory");
    assert_true(squared > 0.999 * product && squared < 1.001 * product);
    free(out);
}

static void measures_the_devices_that_are_listed(UNUSED void **state) {
    char *out = run("OCL_ICD_VENDORS=/nonexistent FAKE_CUDA_DEVICES=4", "c", "2 3,1 0", 1);
    assert_true(value_of(out, "gpu1_fp32") > 0 && value_of(out, "gpu3_fp32") > 0);
    assert_null(strstr(out, "gpu0_"));
    assert_null(strstr(out, "gpu2_"));
    free(out);
    expect("FAKE_CUDA_DEVICES=4", "c", "2 1,4 0", 1,
           "problem unsupported there is no gpu4: 4 GPUs were found\n");
}

static void finds_wrong_results(UNUSED void **state) {
    static const struct {
        const char *wrong, *says;
    } cases[] = {
        {"1:fp32", "gpu1 (Fake GPU B) computed "},
        {"0:matrix", "gpu0 (Fake GPU A) computed "},
        {"1:copy", "gpu1 (Fake GPU B) has wrong data after copying memory"},
        {"1:send", "gpu1 (Fake GPU B) has wrong data after a transfer to it"},
        {"0:receive", "gpu0 (Fake GPU A) has wrong data after a transfer from it"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char environment[100], says[200];
        snprintf(environment, sizeof(environment), "FAKE_CUDA_DEVICES=2 FAKE_CUDA_WRONG=%s",
                 cases[i].wrong);
        snprintf(says, sizeof(says), "problem wrong-result %s", cases[i].says);
        expect(environment, "c", "2 all 0", 1, says);
    }
    expect("FAKE_CUDA_WRONG=0:fp32", "c", "2 all 0", 1, "multiprocessor 17)");
}

static void says_which_call_fails(UNUSED void **state) {
    static const struct {
        const char *fail, *says;
    } cases[] = {
        {"cuDevicePrimaryCtxRetain:1:46", "busy gpu0 (Fake GPU A): making a context"},
        {"cuDevicePrimaryCtxRetain:1:999", "benchmark-crashed gpu0 (Fake GPU A): making a context"},
        {"cuModuleLoadData:1:218", "benchmark-crashed gpu0 (Fake GPU A): compiling the kernels"},
        {"cuMemAlloc_v2:2:2", "unsupported gpu0 (Fake GPU A): taking memory failed: "
                              "CUDA_ERROR_OUT_OF_MEMORY (2)"},
        {"cuMemHostAlloc:1:2", "unsupported gpu0 (Fake GPU A): pinning memory"},
        {"cuLaunchKernel:1:719", "benchmark-crashed gpu0 (Fake GPU A): fp32 failed: "
                                 "CUDA_ERROR_LAUNCH_FAILED (719)"},
        {"cuCtxSynchronize:5:719", "benchmark-crashed gpu0 (Fake GPU A): waiting for a kernel"},
        {"cuMemcpyDtoH_v2:1:719", "benchmark-crashed gpu0 (Fake GPU A): a transfer from it"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char environment[100], says[200];
        snprintf(environment, sizeof(environment), "FAKE_CUDA_FAIL=%s", cases[i].fail);
        snprintf(says, sizeof(says), "problem %s", cases[i].says);
        expect(environment, "c", "2 all 0", 1, says);
    }
}

/* Every call of a driver can fail at any time, as when a GPU falls off its bus. */
static void a_device_that_is_lost_is_a_problem_wherever_it_happens(UNUSED void **state) {
    for (int nth = 1; nth < 60; nth += 4) {
        char environment[100];
        snprintf(environment, sizeof(environment), "FAKE_CUDA_FAIL=cuCtxSetCurrent:%d:999", nth);
        expect(environment, "c", "2 all 0", 2, "problem benchmark-crashed gpu0 (Fake GPU A)");
    }
}

static void takes_no_memory_that_is_not_free(UNUSED void **state) {
    expect("FAKE_CUDA_FREE=12000000", "c", "2 all 0", 1,
           "problem unsupported gpu0 (Fake GPU A): 11 of 1024 MiB of its memory are free\n");
}

static void tells_how_devices_are(UNUSED void **state) {
    char *out = run("OCL_ICD_VENDORS=/nonexistent", "cn", "2 all 0", 2);
    assert_true(value_of(out, "gpu0_temperature") == 55);
    assert_true(value_of(out, "gpu0_power") == 250);
    assert_true(value_of(out, "gpu0_clock") == 1400);
    assert_non_null(strstr(out, "lower gpu0_temperature C 55\n"));
    assert_null(strstr(out, "note")); /* nothing matters */
    free(out);
    static const struct {
        const char *says, *note;
    } cases[] = {
        {"throttle=0x40 temperature=89 clock=1200", "throttled by heat, 89 C, 1.20 of 1.41 GHz"},
        {"throttle=0x04", "at its power cap, 55 C, 1.40 of 1.41 GHz"},
        {"throttle=0x80", "throttled by the power supply"},
        {"throttle=0x08", "throttled by the hardware"},
        {"ecc=3", "3 uncorrected memory errors"},
        {"retired=12", "12 retired memory pages"},
        {"remapped=2 pending=1", "2 remapped memory rows, more at the next reset"},
        {"width=8", "PCIe x8 of x16"},
        {"generation=1", "PCIe generation 1 of 4"},
        {"throttle=0x40 width=8 clock=no temperature=no", "throttled by heat; PCIe x8 of x16"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char environment[200], note[200];
        snprintf(environment, sizeof(environment), "OCL_ICD_VENDORS=/nonexistent FAKE_NVML='%s'",
                 cases[i].says);
        snprintf(note, sizeof(note), "note gpu0: %s", cases[i].note);
        out = run(environment, "cn", "2 all 0", 3);
        expect_in(out, note);
        assert_int_equal(count_of(out, "note "), 3);
        assert_int_equal(count_of(out, note), 3); /* the same one in every trial */
        free(out);
    }
}

static void does_without_what_nvml_does_not_tell(UNUSED void **state) {
    char *out = run("OCL_ICD_VENDORS=/nonexistent FAKE_NVML='power=no throttle=no ecc=no width=no'",
                    "cn", "2 all 0", 1);
    assert_true(value_of(out, "gpu0_temperature") == 55);
    assert_null(strstr(out, "power"));
    free(out);
    out = run("OCL_ICD_VENDORS=/nonexistent FAKE_NVML=init=9", "cn", "2 all 0", 1);
    assert_non_null(strstr(out, "end\n"));
    assert_null(strstr(out, "temperature"));
    free(out);
}

static void measures_cpus_by_opencl_when_told_to(UNUSED void **state) {
    char *out = run("", "", "20 all 1", 2);
    if (strstr(out, "problem skipped")) {
        free(out);
        skip_because("no OpenCL device here: pocl-opencl-icd is not installed");
    }
    assert_int_equal(count_of(out, "\nend\n"), 2);
    static const char *const metrics[] = {"worst_gpu",        "gpu0_fp32",      "gpu0_memory",
                                          "gpu0_memory_read", "gpu0_to_device", "gpu0_from_device"};
    for (size_t i = 0; i < ARRAY_LEN(metrics); i++)
        assert_true(value_of(out, metrics[i]) > 0);
    assert_null(strstr(out, "matrix"));
    free(out);
}

static void devices_of_both_drivers_are_counted_on(UNUSED void **state) {
    char *alone = run("", "", "2 all 1", 0), *both = run("", "c", "2 all 1", 1);
    bool opencl = strncmp(alone, "ready", 5) == 0;
    assert_true(value_of(both, "gpu0_matrix") > 0);
    if (opencl)
        assert_true(value_of(both, "gpu1_fp32") > 0);
    free(alone);
    free(both);
    if (!opencl)
        skip_because("no OpenCL device here: pocl-opencl-icd is not installed");
}

static void refuses_wrong_arguments(UNUSED void **state) {
    static const char *const wrong[] = {"", "10", "10 all", "x all 0", "0 all 0", "10x all 0"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        expect("", "", wrong[i], 0, "status 2\n");
}

static int make_folder(UNUSED void **state) {
    return make_test_folder(folder) ? 0 : -1;
}

static int remove_folder(UNUSED void **state) {
    char line[300];
    snprintf(line, sizeof(line), "rm -rf %s", folder);
    return system(line);
}

int main(void) {
    const struct CMUnitTest native[] = {
        cmocka_unit_test(says_that_there_is_no_gpu),
        cmocka_unit_test(says_that_a_driver_does_not_work),
        cmocka_unit_test(measures_every_device),
        cmocka_unit_test(measures_no_matrix_where_there_is_none),
        cmocka_unit_test(scores_by_the_worst_device_and_names_it),
        cmocka_unit_test(measures_the_devices_that_are_listed),
        cmocka_unit_test(finds_wrong_results),
        cmocka_unit_test(says_which_call_fails),
        cmocka_unit_test(a_device_that_is_lost_is_a_problem_wherever_it_happens),
        cmocka_unit_test(takes_no_memory_that_is_not_free),
        cmocka_unit_test(tells_how_devices_are),
        cmocka_unit_test(does_without_what_nvml_does_not_tell),
        cmocka_unit_test(measures_cpus_by_opencl_when_told_to),
        cmocka_unit_test(devices_of_both_drivers_are_counted_on),
        cmocka_unit_test(refuses_wrong_arguments),
    };
    return cmocka_run_group_tests(native, make_folder, remove_folder);
}
