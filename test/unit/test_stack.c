/* What base/stack.h promises. */
#include "test.h"

#include "base/stack.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)
#define NO_ASAN __attribute__((no_sanitize("address"))) /* whose stacks are not the thread's */
#else
#define NO_ASAN
#endif

/* Touches as much of the stack as a key exchange does, twice over. */
NO_ASAN static __attribute__((noinline)) void go_deep(void) {
    volatile char room[48 * 1024];
    for (size_t i = 0; i < sizeof(room); i += 512)
        room[i] = 1;
}

/* How many of the pages below the caller are there. */
static __attribute__((noinline)) int pages_below(void) {
    unsigned char there[STACK_DEPTH / 4096] = {0};
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t end = (uintptr_t)__builtin_frame_address(0) & ~(page - 1);
    int count = 0;
    assert_int_equal(mincore((void *)(end - STACK_DEPTH), STACK_DEPTH, there), 0);
    for (size_t i = 0; i < STACK_DEPTH / page; i++)
        count += there[i] & 1;
    return count;
}

static void *use_stack(void *arg) {
    int *found = arg;
    char kept[256];
    memset(kept, 7, sizeof(kept));
    go_deep();
    found[0] = pages_below();
    stack_trim();
    found[1] = pages_below();
    for (size_t i = 0; i < sizeof(kept); i++)
        found[2] += kept[i] == 7;
    go_deep();
    found[3] = pages_below();
    return NULL;
}

static void what_deep_calls_touched_is_given_back(UNUSED void **state) {
    int found[4] = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, use_stack, found), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(found[0] >= 10);
    assert_true(found[1] <= 3);
    assert_int_equal(found[2], 256);
    assert_true(found[3] >= 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_deep_calls_touched_is_given_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
