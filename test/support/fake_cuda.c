/*
 * A libcuda.so.1 without a GPU: it checks how it is called, computes what the kernels of muster-gpu
 * are to compute, and fails as the environment says:
 *
 *   FAKE_CUDA_DEVICES   how many there are (1)
 *   FAKE_CUDA_VERSION   their compute capability, 80 for 8.0 (80)
 *   FAKE_CUDA_FREE      bytes of memory that are free (64 MiB)
 *   FAKE_CUDA_FAIL      FUNCTION:NTH:ERROR, the NTH call of it (from 1) and all later ones fail
 *   FAKE_CUDA_WRONG     DEVICE:KERNEL, which computes wrongly there
 *   FAKE_CUDA_SLOW      a device whose kernels take 30 ms longer each
 *   FAKE_CUDA_HANG      a kernel that never ends
 *
 * A call that a driver would have no right to expect prints why and aborts.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEVICES 8
#define ALLOCATIONS 64
#define PATTERN UINT32_C(0x9e3779b1)
#define CHUNK 65536
#define EXPORT __attribute__((visibility("default")))

enum { OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, LAUNCH_FAILED = 719 };

struct context {
    int device;
};
struct function {
    struct context *context;
    char name[16];
};
struct allocation {
    struct context *context; /* NULL: of the host */
    unsigned char *start;
    size_t bytes;
};

static bool ready;
static struct context contexts[DEVICES];
static struct context *current;
static struct function functions[DEVICES * 16];
static int function_count;
static struct allocation allocations[ALLOCATIONS];
static int allocation_count;

static void demand(bool holds, const char *what) {
    if (holds)
        return;
    fprintf(stderr, "fake_cuda: %s\n", what);
    abort();
}

static long setting(const char *name, long fallback) {
    const char *text = getenv(name);
    return text ? atol(text) : fallback;
}

/* What this call of the function is to return. */
static int fails(const char *function) {
    static int calls;
    const char *text = getenv("FAKE_CUDA_FAIL");
    size_t n = strlen(function);
    int nth, error;
    demand(ready || strcmp(function, "cuInit") == 0, "a call before cuInit()");
    if (!text || strncmp(text, function, n) != 0 || text[n] != ':' ||
        sscanf(text + n, ":%d:%d", &nth, &error) != 2)
        return OK;
    return ++calls >= nth ? error : OK;
}

#define FAIL_AS_TOLD()                                                                             \
    do {                                                                                           \
        int error_ = fails(__func__);                                                              \
        if (error_ != OK)                                                                          \
            return error_;                                                                         \
    } while (0)

static bool is_wrong(const char *kernel) {
    char here[40];
    const char *wrong = getenv("FAKE_CUDA_WRONG");
    snprintf(here, sizeof(here), "%d:%s", current->device, kernel);
    return wrong && strcmp(wrong, here) == 0;
}

/* The memory at the address, which must be of the current context, whole. */
static void *memory(uint64_t address, size_t bytes) {
    unsigned char *p = (unsigned char *)(uintptr_t)address;
    for (int i = 0; i < allocation_count; i++) {
        const struct allocation *a = &allocations[i];
        if (a->context == current && p >= a->start && p + bytes <= a->start + a->bytes)
            return p;
    }
    demand(false, "an address that is not the device's");
    return NULL;
}

static int take(struct context *context, size_t bytes, void **ret) {
    demand(allocation_count < ALLOCATIONS, "too many allocations");
    *ret = aligned_alloc(65536, (bytes + 65535) / 65536 * 65536);
    demand(*ret != NULL, "out of memory");
    memset(*ret, 0xa5, bytes);
    allocations[allocation_count++] = (struct allocation){context, *ret, bytes};
    return OK;
}

#define DECLARE(name, ...) EXPORT int name(__VA_ARGS__);
DECLARE(cuInit, unsigned flags)
DECLARE(cuGetErrorName, int error, const char **ret)
DECLARE(cuDeviceGetCount, int *ret)
DECLARE(cuDeviceGet, int *ret, int number)
DECLARE(cuDeviceGetName, char *ret, int size, int device)
DECLARE(cuDeviceGetAttribute, int *ret, int attribute, int device)
DECLARE(cuDeviceGetPCIBusId, char *ret, int size, int device)
DECLARE(cuDevicePrimaryCtxRetain, struct context **ret, int device)
DECLARE(cuCtxSetCurrent, struct context *context)
DECLARE(cuCtxSynchronize, void)
DECLARE(cuMemGetInfo_v2, size_t *free_bytes, size_t *total)
DECLARE(cuMemAlloc_v2, uint64_t *ret, size_t bytes)
DECLARE(cuMemHostAlloc, void **ret, size_t bytes, unsigned flags)
DECLARE(cuMemcpyHtoD_v2, uint64_t to, const void *from, size_t bytes)
DECLARE(cuMemcpyDtoH_v2, void *to, uint64_t from, size_t bytes)
DECLARE(cuModuleLoadData, void **ret, const void *text)
DECLARE(cuModuleGetFunction, struct function **ret, void *module, const char *name)
DECLARE(cuLaunchKernel, struct function *f, unsigned grid_x, unsigned grid_y, unsigned grid_z,
        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared, void *stream,
        void **arguments, void **more)

int cuInit(unsigned flags) {
    demand(flags == 0, "flags to cuInit()");
    FAIL_AS_TOLD();
    ready = true;
    return OK;
}

int cuGetErrorName(int error, const char **ret) {
    *ret = error == OUT_OF_MEMORY   ? "CUDA_ERROR_OUT_OF_MEMORY"
           : error == LAUNCH_FAILED ? "CUDA_ERROR_LAUNCH_FAILED"
                                    : NULL;
    return *ret ? OK : INVALID_VALUE;
}

int cuDeviceGetCount(int *ret) {
    FAIL_AS_TOLD();
    *ret = (int)setting("FAKE_CUDA_DEVICES", 1);
    return *ret > 0 ? OK : NO_DEVICE;
}

int cuDeviceGet(int *ret, int number) {
    FAIL_AS_TOLD();
    demand(number >= 0 && number < setting("FAKE_CUDA_DEVICES", 1), "a device that is not there");
    *ret = number;
    return OK;
}

int cuDeviceGetName(char *ret, int size, int device) {
    FAIL_AS_TOLD();
    snprintf(ret, (size_t)size, "Fake GPU %c", 'A' + device);
    return OK;
}

int cuDeviceGetAttribute(int *ret, int attribute, int device) {
    FAIL_AS_TOLD();
    demand(device < DEVICES, "a device that is not there");
    long version = setting("FAKE_CUDA_VERSION", 80);
    demand(attribute == 16 || attribute == 75 || attribute == 76, "an unknown attribute");
    *ret = attribute == 16 ? 2 : attribute == 75 ? (int)version / 10 : (int)version % 10;
    return OK;
}

int cuDeviceGetPCIBusId(char *ret, int size, int device) {
    FAIL_AS_TOLD();
    snprintf(ret, (size_t)size, "0000:%02X:00.0", 0x3a + device);
    return OK;
}

int cuDevicePrimaryCtxRetain(struct context **ret, int device) {
    FAIL_AS_TOLD();
    contexts[device].device = device;
    *ret = &contexts[device];
    return OK;
}

int cuCtxSetCurrent(struct context *context) {
    FAIL_AS_TOLD();
    demand(context >= contexts && context < contexts + DEVICES, "a context that is none");
    current = context;
    return OK;
}

int cuCtxSynchronize(void) {
    FAIL_AS_TOLD();
    demand(current != NULL, "no context");
    return OK;
}

int cuMemGetInfo_v2(size_t *free_bytes, size_t *total) {
    FAIL_AS_TOLD();
    demand(current != NULL, "no context");
    *free_bytes = (size_t)setting("FAKE_CUDA_FREE", 64 << 20);
    *total = (size_t)1 << 30;
    return OK;
}

int cuMemAlloc_v2(uint64_t *ret, size_t bytes) {
    void *p;
    FAIL_AS_TOLD();
    demand(current != NULL && bytes > 0, "memory for nothing");
    take(current, bytes, &p);
    *ret = (uintptr_t)p;
    return OK;
}

int cuMemHostAlloc(void **ret, size_t bytes, unsigned flags) {
    FAIL_AS_TOLD();
    demand(current != NULL && bytes > 0 && flags == 0, "pinned memory for nothing");
    return take(NULL, bytes, ret);
}

int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t bytes) {
    FAIL_AS_TOLD();
    memcpy(memory(to, bytes), from, bytes);
    if (is_wrong("send") && bytes > 1000)
        *(uint32_t *)memory(to, bytes) ^= 1;
    return OK;
}

int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t bytes) {
    FAIL_AS_TOLD();
    memcpy(to, memory(from, bytes), bytes);
    /* only what is received as data, not the sums by which other things are checked */
    if (is_wrong("receive") && bytes >= CHUNK * 64)
        *(uint32_t *)to ^= 1;
    return OK;
}

int cuModuleLoadData(void **ret, const void *text) {
    FAIL_AS_TOLD();
    demand(current != NULL, "no context");
    const char *target = strstr(text, ".target sm_");
    demand(target != NULL, "a module without a target");
    if (atoi(target + 11) > setting("FAKE_CUDA_VERSION", 80))
        return 218; /* CUDA_ERROR_INVALID_PTX */
    *ret = (void *)(uintptr_t)text;
    return OK;
}

int cuModuleGetFunction(struct function **ret, void *module, const char *name) {
    char entry[60];
    FAIL_AS_TOLD();
    snprintf(entry, sizeof(entry), ".visible .entry %s(", name);
    demand(strstr(module, entry) != NULL, "a kernel that its module lacks");
    demand(function_count < DEVICES * 16, "too many kernels");
    struct function *f = &functions[function_count++];
    f->context = current;
    snprintf(f->name, sizeof(f->name), "%s", name);
    *ret = f;
    return OK;
}

/* ---- the kernels ---- */

struct arguments {
    uint64_t from, to, state;
    uint32_t n, key;
};

static void fill(const struct arguments *a, size_t bytes) {
    uint32_t *to = memory(a->to, bytes);
    for (size_t i = 0; i < bytes / 4; i++)
        to[i] = (uint32_t)i * PATTERN + a->key;
}

static void copy(const struct arguments *a, size_t bytes) {
    const uint32_t *from = memory(a->from, bytes);
    uint32_t *to = memory(a->to, bytes);
    for (size_t i = 0; i < bytes / 4; i++)
        to[i] = from[i] + a->key;
}

/* One sum for each 64 words, though not of the words of the item that has the place. */
static void sum(const struct arguments *a, size_t bytes) {
    const uint32_t *from = memory(a->from, bytes);
    uint32_t *to = memory(a->to, bytes / 64);
    for (size_t i = 0; i < bytes / 256; i++) {
        uint32_t sum = 0;
        for (size_t j = 0; j < 64; j++)
            sum += from[i * 64 + j];
        to[i] = sum;
    }
}

static void count(const struct arguments *a, unsigned groups, bool wrong) {
    uint32_t *state = memory(a->state, 16);
    state[0] += groups;
    state[1] += wrong ? 3 : 0;
    state[2] = wrong ? 17 + 1 : state[2];
}

static void run(const char *kernel, const struct arguments *a, unsigned groups) {
    size_t bytes = (size_t)groups * CHUNK;
    if (strcmp(kernel, "fill") == 0) {
        fill(a, bytes);
    } else if (strcmp(kernel, "read") == 0) {
        sum(a, bytes);
    } else if (strcmp(kernel, "copy") == 0) {
        copy(a, bytes);
        if (is_wrong(kernel))
            *(uint32_t *)memory(a->to, 4) ^= UINT32_C(1) << 31;
    } else {
        bool fp32 = strcmp(kernel, "fp32") == 0;
        demand(fp32 || strcmp(kernel, "matrix") == 0, "an unknown kernel");
        demand(a->n > 0 && a->n % 4 == 0 && a->n <= 65536, "rounds that the kernel cannot do");
        demand(!fp32 || a->key == UINT32_C(0xbf800000), "fp32 without its -1");
        count(a, groups, is_wrong(kernel));
    }
}

int cuLaunchKernel(struct function *f, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                   unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                   void *stream, void **arguments, void **more) {
    const char *hang = getenv("FAKE_CUDA_HANG");
    FAIL_AS_TOLD();
    demand(f && f->context == current, "a kernel of another context");
    demand(grid_x > 0 && grid_y == 1 && grid_z == 1 && block_x == 256 && block_y == 1 &&
               block_z == 1 && shared == 0 && !stream && !more,
           "a launch that the kernels are not made for");
    struct arguments a = {*(uint64_t *)arguments[0], *(uint64_t *)arguments[1],
                          *(uint64_t *)arguments[2], *(uint32_t *)arguments[3],
                          *(uint32_t *)arguments[4]};
    while (hang && strcmp(hang, f->name) == 0)
        pause();
    if (current->device == setting("FAKE_CUDA_SLOW", -1))
        nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
    else
        nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
    run(f->name, &a, grid_x);
    return OK;
}
