/*
 * cuda: NVIDIA's devices through the driver's interface, libcuda.so.1.
 *
 * The types and functions are declared here as the driver's binary interface has them; names with
 * _v2 are those that every driver since 2012 exports beside older ones. Kernels come as PTX, which
 * the driver compiles for the device. Everything runs on the default stream of each device's
 * primary context, one device after the other.
 */
#include "gpu.h"
#include "kernels_cuda.h"

#define GROUP 256
#define BYTES_MAX ((size_t)512 << 20)
#define BYTES_MIN ((size_t)4 << 20)

typedef int cuda_result;
typedef int cuda_device;
typedef uint64_t cuda_address;
typedef struct cuda_context *cuda_context;
typedef struct cuda_module *cuda_module;
typedef struct cuda_function *cuda_function;

enum {
    CUDA_SUCCESS = 0,
    CUDA_OUT_OF_MEMORY = 2,
    CUDA_STUB_LIBRARY = 34,
    CUDA_DEVICE_UNAVAILABLE = 46,
    CUDA_NO_DEVICE = 100,
};

enum {
    CUDA_MULTIPROCESSORS = 16,
    CUDA_MAJOR = 75,
    CUDA_MINOR = 76,
};

#define FUNCTIONS(f)                                                                               \
    f(init, "cuInit", (unsigned flags)) f(error_name, "cuGetErrorName",                            \
                                          (cuda_result error, const char **ret))                   \
        f(device_count, "cuDeviceGetCount", (int *ret)) f(device_get, "cuDeviceGet",               \
                                                          (cuda_device * ret, int number))         \
            f(device_name, "cuDeviceGetName", (char *ret, int size, cuda_device device)) f(        \
                device_attribute, "cuDeviceGetAttribute",                                          \
                (int *ret, int attribute, cuda_device device))                                     \
                f(device_pci, "cuDeviceGetPCIBusId", (char *ret, int size, cuda_device device))    \
                    f(context_retain, "cuDevicePrimaryCtxRetain",                                  \
                      (cuda_context * ret, cuda_device device))                                    \
                        f(context_use, "cuCtxSetCurrent", (cuda_context context))                  \
                            f(context_wait, "cuCtxSynchronize", (void))                            \
                                f(memory_info, "cuMemGetInfo_v2", (size_t * free, size_t * total)) \
                                    f(memory_take, "cuMemAlloc_v2",                                \
                                      (cuda_address * ret, size_t bytes))                          \
                                        f(memory_pin, "cuMemHostAlloc",                            \
                                          (void **ret, size_t bytes, unsigned flags))              \
                                            f(copy_in, "cuMemcpyHtoD_v2",                          \
                                              (cuda_address to, const void *from, size_t bytes))   \
                                                f(copy_out, "cuMemcpyDtoH_v2",                     \
                                                  (void *to, cuda_address from, size_t bytes))     \
                                                    f(module_load, "cuModuleLoadData",             \
                                                      (cuda_module * ret, const void *text))       \
                                                        f(module_function, "cuModuleGetFunction",  \
                                                          (cuda_function * ret,                    \
                                                           cuda_module module, const char *name))  \
                                                            f(launch, "cuLaunchKernel",            \
                                                              (cuda_function function,             \
                                                               unsigned grid_x, unsigned grid_y,   \
                                                               unsigned grid_z, unsigned block_x,  \
                                                               unsigned block_y, unsigned block_z, \
                                                               unsigned shared, void *stream,      \
                                                               void **arguments, void **more))

#define MEMBER(name, symbol, arguments) cuda_result(*name) arguments;
static struct { FUNCTIONS(MEMBER) } cuda;
#undef MEMBER

struct device_data {
    cuda_device device;
    cuda_context context;
    cuda_function kernels[KERNELS];
    cuda_address buffers[BUFFERS];
};

static const char *const kernel_names[] = KERNEL_NAMES;

/* False when the library is not there, or lacks a function. */
static bool load(void) {
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    if (!library)
        return false;
#define LOAD(name, symbol, arguments)                                                              \
    if (!(cuda.name = (__typeof__(cuda.name))dlsym(library, symbol)))                              \
        return false;
    FUNCTIONS(LOAD)
#undef LOAD
    return true;
}

static const char *error_name(cuda_result error) {
    const char *name = NULL;
    return cuda.error_name(error, &name) == CUDA_SUCCESS && name ? name : "an unknown error";
}

/* 0 for success; `what` is what the call was for. */
static int check(const struct device *d, cuda_result error, const char *what, struct problem *p) {
    if (error == CUDA_SUCCESS)
        return 0;
    const char *reason = error == CUDA_OUT_OF_MEMORY        ? "unsupported"
                         : error == CUDA_DEVICE_UNAVAILABLE ? "busy"
                                                            : "benchmark-crashed";
    return problem_set(p, reason, "gpu%d (%s): %s failed: %s (%d)", d->number, d->model, what,
                       error_name(error), error);
}

static int use(struct device *d, struct problem *p) {
    return check(d, cuda.context_use(d->own->context), "using the device", p);
}

/* ---- operations ---- */

static int launch(struct device *d, enum kernel kernel, uint32_t groups, enum buffer from,
                  enum buffer to, uint32_t n, uint32_t key, struct problem *p) {
    struct device_data *own = d->own;
    void *arguments[] = {&own->buffers[from], &own->buffers[to], &own->buffers[BUFFER_STATE], &n,
                         &key};
    if (use(d, p) != 0)
        return -1;
    return check(
        d,
        cuda.launch(own->kernels[kernel], groups, 1, 1, d->group, 1, 1, 0, NULL, arguments, NULL),
        kernel_names[kernel], p);
}

static int finish(struct device *d, struct problem *p) {
    return use(d, p) != 0 ? -1 : check(d, cuda.context_wait(), "waiting for a kernel", p);
}

static int send(struct device *d, enum buffer to, size_t bytes, struct problem *p) {
    if (use(d, p) != 0)
        return -1;
    return check(d, cuda.copy_in(d->own->buffers[to], d->host, bytes), "a transfer to it", p);
}

static int receive(struct device *d, enum buffer from, size_t bytes, struct problem *p) {
    if (use(d, p) != 0)
        return -1;
    return check(d, cuda.copy_out(d->host, d->own->buffers[from], bytes), "a transfer from it", p);
}

static int load_kernels(struct device *d, const char *text, enum kernel first, enum kernel last,
                        struct problem *p) {
    cuda_module module;
    if (check(d, cuda.module_load(&module, text), "compiling the kernels", p) != 0)
        return -1;
    for (enum kernel k = first; k <= last; k++)
        if (check(d, cuda.module_function(&d->own->kernels[k], module, kernel_names[k]),
                  kernel_names[k], p) != 0)
            return -1;
    return 0;
}

/* An eighth of what is free for each of the two large buffers, and what goes with them. */
static int take_memory(struct device *d, struct problem *p) {
    size_t free = 0, total = 0;
    void *host = NULL;
    if (check(d, cuda.memory_info(&free, &total), "asking for free memory", p) != 0)
        return -1;
    device_set_sizes(d, free / 8 < BYTES_MAX ? free / 8 : BYTES_MAX);
    if (d->bytes < BYTES_MIN)
        return problem_set(p, "unsupported", "gpu%d (%s): %zu of %zu MiB of its memory are free",
                           d->number, d->model, free >> 20, total >> 20);
    for (enum buffer b = 0; b < BUFFERS; b++)
        if (check(d, cuda.memory_take(&d->own->buffers[b], buffer_bytes(d, b)), "taking memory",
                  p) != 0)
            return -1;
    if (check(d, cuda.memory_pin(&host, d->host_bytes, 0), "pinning memory of the host", p) != 0)
        return -1;
    d->host = host;
    return 0;
}

static int open(struct device *d, struct problem *p) {
    const char *matrix = d->matrix_depth == 16 ? matrix_cuda_16 : matrix_cuda_8;
    if (check(d, cuda.context_retain(&d->own->context, d->own->device), "making a context", p) !=
            0 ||
        use(d, p) != 0 || load_kernels(d, kernels_cuda, KERNEL_FILL, KERNEL_FP32, p) != 0 ||
        (d->matrix_depth > 0 && load_kernels(d, matrix, KERNEL_MATRIX, KERNEL_MATRIX, p) != 0))
        return -1;
    return take_memory(d, p);
}

static const struct backend backend = {
    .name = "CUDA",
    .open = open,
    .launch = launch,
    .finish = finish,
    .send = send,
    .receive = receive,
};

/* ---- finding devices ---- */

/* False for a device that is older than the kernels, which OpenCL may still know. */
static bool describe(struct device *d, struct device_data *own, int number) {
    int major = 0, minor = 0, units = 0;
    if (cuda.device_get(&own->device, number) != CUDA_SUCCESS ||
        cuda.device_attribute(&major, CUDA_MAJOR, own->device) != CUDA_SUCCESS ||
        cuda.device_attribute(&minor, CUDA_MINOR, own->device) != CUDA_SUCCESS ||
        cuda.device_attribute(&units, CUDA_MULTIPROCESSORS, own->device) != CUDA_SUCCESS ||
        major < 5 || units < 1)
        return false;
    *d = (struct device){.backend = &backend, .own = own, .group = GROUP, .units = (uint32_t)units};
    if (major >= 8)
        d->matrix_depth = 16;
    else if (major == 7 && minor >= 5)
        d->matrix_depth = 8;
    if (cuda.device_name(d->model, sizeof(d->model), own->device) != CUDA_SUCCESS)
        snprintf(d->model, sizeof(d->model), "an NVIDIA GPU");
    if (cuda.device_pci(d->pci, sizeof(d->pci), own->device) != CUDA_SUCCESS)
        d->pci[0] = '\0';
    for (char *c = d->pci; *c; c++)
        *c = *c >= 'A' && *c <= 'F' ? (char)(*c - 'A' + 'a') : *c;
    return true;
}

int cuda_find(struct device *devices, int *count, struct problem *p) {
    static struct device_data data[DEVICES_MAX];
    int n = 0;
    if (!load())
        return 0;
    cuda_result error = cuda.init(0);
    if (error == CUDA_SUCCESS)
        error = cuda.device_count(&n);
    if (error == CUDA_NO_DEVICE || error == CUDA_STUB_LIBRARY)
        return 0;
    if (error != CUDA_SUCCESS)
        return problem_set(p, "unsupported",
                           "NVIDIA's driver does not work: %s (%d); see nvidia-smi",
                           error_name(error), error);
    for (int i = 0; i < n && *count < DEVICES_MAX; i++)
        if (describe(&devices[*count], &data[*count], i)) {
            devices[*count].number = *count;
            ++*count;
        }
    return 0;
}
