/* What the agent's disk benchmark promises; in the working folder, which must lie on a disk. */
#include "test.h"

/* For its file, which has no name. */
#include "../../agent/disk.c"

#include <dirent.h>
#include <math.h>
#include <string.h>

/* What the trial measured, instead of an answer. */
static struct {
    const char *name;
    double value;
} measured[16];
static size_t count;

void trial_add(struct trial *t, const char *name, const char *unit, double value,
               bool lower_is_better) {
    (void)t, (void)unit, (void)lower_is_better;
    assert_in_range(count, 0, ARRAY_LEN(measured) - 1);
    measured[count].name = name;
    measured[count++].value = value;
}

static struct setting settings[] = {[PATH] = {0, NULL},
                                    [SIZE] = {16 << 20, NULL},
                                    [DURATION] = {5 * CLOCK_MS, NULL},
                                    [URING] = {1, NULL}};
static char here[4096];

static int set_up(UNUSED void **state) {
    settings[PATH].text = getcwd(here, sizeof(here));
    return settings[PATH].text ? 0 : -1;
}

static int entries(void) {
    DIR *d = opendir(here);
    int n = 0;
    while (d && readdir(d))
        n++;
    closedir(d);
    return n;
}

static void measures(bool uring) {
    static const char *const names[] = {"read_iops", "write_iops", "read",
                                        "write",     "flush",      "flush_p99"};
    struct trial t = {0};
    struct failure f = {0};
    int before = entries();
    count = 0;
    settings[URING].number = uring;
    if (prepare(settings, &f) != 0 || trial(settings, &t, &f) != 0)
        fail_msg("%s: %s", f.reason, f.detail);
    assert_int_equal(entries(), before);
    assert_int_equal(count, ARRAY_LEN(names));
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(measured[i].name, names[i]);
        assert_true(isfinite(measured[i].value) && measured[i].value > 0);
    }
    close(file);
    free(buffers);
}

static void measures_by_io_uring_where_it_is_there(UNUSED void **state) {
    measures(true);
}

static void measures_by_the_older_way(UNUSED void **state) {
    measures(false);
}

static void finds_a_block_that_was_not_kept(UNUSED void **state) {
    struct trial t = {0};
    struct failure f;
    assert_int_equal(prepare(settings, &f), 0);
    /* every block but the first holds the number of its neighbour */
    static char other[BLOCK] __attribute__((aligned(BLOCK)));
    for (int64_t offset = BLOCK; offset < size; offset += BLOCK) {
        mark(other, BLOCK, offset - BLOCK);
        assert_int_equal(pwrite(file, other, BLOCK, offset), BLOCK);
    }
    assert_int_equal(trial(settings, &t, &f), -1);
    assert_string_equal(f.reason, "wrong-result");
    assert_non_null(strstr(f.detail, "does not hold what was written"));
    close(file);
    free(buffers);
}

static void refuses(const char *path, int64_t bytes, const char *words) {
    struct setting s[ARRAY_LEN(settings)];
    struct failure f;
    memcpy(s, settings, sizeof(s));
    s[PATH].text = path;
    s[SIZE].number = bytes;
    assert_int_equal(prepare(s, &f), -1);
    assert_string_equal(f.reason, "unsupported");
    if (!strstr(f.detail, words))
        fail_msg("'%s' has no '%s'", f.detail, words);
}

static void refuses_places_that_are_no_disk(UNUSED void **state) {
    refuses("/dev/shm", 16 << 20, "is not on a disk but on tmpfs");
    refuses("/proc", 16 << 20, "is not on a disk but on proc");
    refuses("/nonexistent", 16 << 20, "No such file");
    refuses("/dev/null", 16 << 20, "is not a folder");
    refuses(here, INT64_C(1) << 43, "free, and twice 8388608 MiB are needed");
}

static void finds_a_place_by_itself(UNUSED void **state) {
    struct failure f;
    const char *where = NULL;
    int fd = diskplace_open(NULL, 1 << 20, &where, &f);
    if (fd < 0)
        fail_msg("%s", f.detail);
    assert_int_equal(where[0], '/');
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_by_io_uring_where_it_is_there),
        cmocka_unit_test(measures_by_the_older_way),
        cmocka_unit_test(finds_a_block_that_was_not_kept),
        cmocka_unit_test(refuses_places_that_are_no_disk),
        cmocka_unit_test(finds_a_place_by_itself),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
