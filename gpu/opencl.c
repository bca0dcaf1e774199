/*
 * opencl: every other device, through the loader of OpenCL, libOpenCL.so.1.
 *
 * The types and functions are those of OpenCL 1.1 and are declared here, with the few extensions
 * that tell where a device is on the PCI bus. A device has its own context and queue, and its
 * kernels are compiled when it is made ready. Pinned memory is a buffer of the host's that stays
 * mapped, which is what drivers make of it.
 */
#include "gpu.h"
#include "kernels_opencl.h"

#define GROUP_MAX 256
#define BYTES_MAX ((size_t)512 << 20)
#define CPU_BYTES_MAX ((size_t)256 << 20)
#define BYTES_MIN ((size_t)4 << 20)
#define PLATFORMS_MAX 16

typedef struct cl_platform *cl_platform;
typedef struct cl_device *cl_device;
typedef struct cl_context *cl_context;
typedef struct cl_queue *cl_queue;
typedef struct cl_program *cl_program;
typedef struct cl_kernel *cl_kernel;
typedef struct cl_memory *cl_memory;
typedef struct cl_event *cl_event;

enum {
    CL_SUCCESS = 0,
    CL_MEMORY_FAILURE = -4,
    CL_OUT_OF_RESOURCES = -5,
    CL_OUT_OF_HOST_MEMORY = -6,
};

#define CL_TRUE 1
#define CL_TYPE_CPU UINT64_C(2)
#define CL_TYPE_ALL UINT64_C(0xffffffff)
#define CL_READ_WRITE UINT64_C(1)
#define CL_ALLOC_HOST UINT64_C(16)
#define CL_MAP_BOTH UINT64_C(3)
#define CL_BUILD_LOG 0x1183

enum {
    CL_DEVICE_TYPE = 0x1000,
    CL_DEVICE_UNITS = 0x1002,
    CL_DEVICE_GROUP = 0x1004,
    CL_DEVICE_ALLOCATION = 0x1010,
    CL_DEVICE_MEMORY = 0x101f,
    CL_DEVICE_AVAILABLE = 0x1027,
    CL_DEVICE_COMPILER = 0x1028,
    CL_DEVICE_NAME = 0x102b,
    CL_DEVICE_BUS_NV = 0x4008,
    CL_DEVICE_SLOT_NV = 0x4009,
    CL_DEVICE_DOMAIN_NV = 0x400a,
    CL_DEVICE_TOPOLOGY_AMD = 0x4037,
    CL_DEVICE_BOARD_AMD = 0x4038,
    CL_DEVICE_PCI_KHR = 0x410f,
};

#define FUNCTIONS(f)                                                                               \
    f(platforms, "clGetPlatformIDs", (uint32_t room, cl_platform * ret, uint32_t * count))         \
        f(devices, "clGetDeviceIDs",                                                               \
          (cl_platform platform, uint64_t type, uint32_t room, cl_device * ret, uint32_t * count)) \
            f(device_info, "clGetDeviceInfo",                                                      \
              (cl_device device, uint32_t what, size_t size, void *ret, size_t *needed))           \
                f(build, "clBuildProgram",                                                         \
                  (cl_program program, uint32_t count, const cl_device *devices,                   \
                   const char *options, void (*notify)(cl_program, void *), void *arg))            \
                    f(build_info, "clGetProgramBuildInfo",                                         \
                      (cl_program program, cl_device device, uint32_t what, size_t size,           \
                       void *ret, size_t *needed))                                                 \
                        f(set_argument, "clSetKernelArg",                                          \
                          (cl_kernel kernel, uint32_t index, size_t size, const void *value))      \
                            f(launch, "clEnqueueNDRangeKernel",                                    \
                              (cl_queue queue, cl_kernel kernel, uint32_t dimensions,              \
                               const size_t *offset, const size_t *global, const size_t *local,    \
                               uint32_t waits, const cl_event *wait_for, cl_event *ret))           \
                                f(write, "clEnqueueWriteBuffer",                                   \
                                  (cl_queue queue, cl_memory to, uint32_t blocking, size_t offset, \
                                   size_t size, const void *from, uint32_t waits,                  \
                                   const cl_event *wait_for, cl_event *ret))                       \
                                    f(read, "clEnqueueReadBuffer",                                 \
                                      (cl_queue queue, cl_memory from, uint32_t blocking,          \
                                       size_t offset, size_t size, void *to, uint32_t waits,       \
                                       const cl_event *wait_for, cl_event *ret))                   \
                                        f(finish, "clFinish", (cl_queue queue))

/* Those that return what they make. */
#define MAKERS(f)                                                                                  \
    f(cl_context, make_context, "clCreateContext",                                                 \
      (const intptr_t *properties, uint32_t count, const cl_device *devices,                       \
       void (*notify)(const char *, const void *, size_t, void *), void *arg, int32_t *error))     \
        f(cl_queue, make_queue, "clCreateCommandQueue",                                            \
          (cl_context context, cl_device device, uint64_t properties, int32_t * error))            \
            f(cl_program, make_program, "clCreateProgramWithSource",                               \
              (cl_context context, uint32_t count, const char **texts, const size_t *lengths,      \
               int32_t *error)) f(cl_kernel, make_kernel, "clCreateKernel",                        \
                                  (cl_program program, const char *name, int32_t *error))          \
                f(cl_memory, make_memory, "clCreateBuffer",                                        \
                  (cl_context context, uint64_t flags, size_t size, void *host, int32_t *error))   \
                    f(void *, map, "clEnqueueMapBuffer",                                           \
                      (cl_queue queue, cl_memory memory, uint32_t blocking, uint64_t flags,        \
                       size_t offset, size_t size, uint32_t waits, const cl_event *wait_for,       \
                       cl_event *ret, int32_t *error))

#define FUNCTION_MEMBER(name, symbol, arguments) int32_t(*name) arguments;
#define MAKER_MEMBER(type, name, symbol, arguments) type(*name) arguments;
static struct {
    FUNCTIONS(FUNCTION_MEMBER)
    MAKERS(MAKER_MEMBER)
} cl;

struct device_data {
    cl_device device;
    cl_context context;
    cl_queue queue;
    cl_kernel kernels[KERNELS];
    cl_memory buffers[BUFFERS];
    size_t bytes_max;
};

static const char *const kernel_names[] = KERNEL_NAMES;

/* False when the library is not there, or lacks a function. */
static bool load(void) {
    void *library = dlopen("libOpenCL.so.1", RTLD_NOW);
    if (!library)
        return false;
#define LOAD(name, symbol)                                                                         \
    if (!(cl.name = (__typeof__(cl.name))dlsym(library, symbol)))                                  \
        return false;
#define LOAD_FUNCTION(name, symbol, arguments) LOAD(name, symbol)
#define LOAD_MAKER(type, name, symbol, arguments) LOAD(name, symbol)
    FUNCTIONS(LOAD_FUNCTION)
    MAKERS(LOAD_MAKER)
    return true;
}

/* 0 for success; `what` is what the call was for. */
static int check(const struct device *d, int32_t error, const char *what, struct problem *p) {
    if (error == CL_SUCCESS)
        return 0;
    bool memory = error == CL_MEMORY_FAILURE || error == CL_OUT_OF_HOST_MEMORY;
    return problem_set(p, memory ? "unsupported" : "benchmark-crashed",
                       "gpu%d (%s): %s failed: OpenCL error %d%s", d->number, d->model, what, error,
                       memory                         ? " (out of memory)"
                       : error == CL_OUT_OF_RESOURCES ? " (out of resources)"
                                                      : "");
}

/* ---- operations ---- */

static int launch(struct device *d, enum kernel kernel, uint32_t groups, enum buffer from,
                  enum buffer to, uint32_t n, uint32_t key, struct problem *p) {
    struct device_data *own = d->own;
    cl_kernel k = own->kernels[kernel];
    size_t local = d->group, global = local * groups;
    const struct {
        size_t size;
        const void *value;
    } arguments[] = {{sizeof(cl_memory), &own->buffers[from]},
                     {sizeof(cl_memory), &own->buffers[to]},
                     {sizeof(cl_memory), &own->buffers[BUFFER_STATE]},
                     {sizeof(n), &n},
                     {sizeof(key), &key}};
    for (uint32_t i = 0; i < ARRAY_LEN(arguments); i++)
        if (check(d, cl.set_argument(k, i, arguments[i].size, arguments[i].value),
                  kernel_names[kernel], p) != 0)
            return -1;
    return check(d, cl.launch(own->queue, k, 1, NULL, &global, &local, 0, NULL, NULL),
                 kernel_names[kernel], p);
}

static int finish(struct device *d, struct problem *p) {
    return check(d, cl.finish(d->own->queue), "waiting for a kernel", p);
}

static int send(struct device *d, enum buffer to, size_t bytes, struct problem *p) {
    return check(
        d, cl.write(d->own->queue, d->own->buffers[to], CL_TRUE, 0, bytes, d->host, 0, NULL, NULL),
        "a transfer to it", p);
}

static int receive(struct device *d, enum buffer from, size_t bytes, struct problem *p) {
    return check(
        d, cl.read(d->own->queue, d->own->buffers[from], CL_TRUE, 0, bytes, d->host, 0, NULL, NULL),
        "a transfer from it", p);
}

/* ---- making a device ready ---- */

/* Which line of the kernels a compiler dislikes is worth more than its number. */
static int build_failed(const struct device *d, cl_program program, int32_t error,
                        struct problem *p) {
    static char log[4096];
    size_t n = 0;
    if (cl.build_info(program, d->own->device, CL_BUILD_LOG, sizeof(log) - 1, log, &n) !=
        CL_SUCCESS)
        n = 0;
    log[n < sizeof(log) ? n : sizeof(log) - 1] = '\0';
    return problem_set(p, "benchmark-crashed",
                       "gpu%d (%s): compiling the kernels failed: OpenCL error %d: %.120s",
                       d->number, d->model, error, log);
}

static int load_kernels(struct device *d, struct problem *p) {
    struct device_data *own = d->own;
    const char *text = kernels_opencl;
    char options[60];
    int32_t error = 0;
    snprintf(options, sizeof(options), "-cl-mad-enable -DGROUP=%u", d->group);
    cl_program program = cl.make_program(own->context, 1, &text, NULL, &error);
    if (check(d, error, "loading the kernels", p) != 0)
        return -1;
    error = cl.build(program, 1, &own->device, options, NULL, NULL);
    if (error != CL_SUCCESS)
        return build_failed(d, program, error, p);
    for (enum kernel k = KERNEL_FILL; k <= KERNEL_FP32; k++) {
        own->kernels[k] = cl.make_kernel(program, kernel_names[k], &error);
        if (check(d, error, kernel_names[k], p) != 0)
            return -1;
    }
    return 0;
}

static int take_memory(struct device *d, struct problem *p) {
    struct device_data *own = d->own;
    int32_t error = 0;
    for (enum buffer b = 0; b < BUFFERS; b++) {
        own->buffers[b] =
            cl.make_memory(own->context, CL_READ_WRITE, buffer_bytes(d, b), NULL, &error);
        if (check(d, error, "taking memory", p) != 0)
            return -1;
    }
    cl_memory pinned =
        cl.make_memory(own->context, CL_READ_WRITE | CL_ALLOC_HOST, d->host_bytes, NULL, &error);
    if (check(d, error, "pinning memory of the host", p) != 0)
        return -1;
    d->host =
        cl.map(own->queue, pinned, CL_TRUE, CL_MAP_BOTH, 0, d->host_bytes, 0, NULL, NULL, &error);
    return check(d, error, "mapping memory of the host", p);
}

static int open(struct device *d, struct problem *p) {
    struct device_data *own = d->own;
    int32_t error = 0;
    device_set_sizes(d, own->bytes_max);
    if (d->bytes < BYTES_MIN)
        return problem_set(p, "unsupported", "gpu%d (%s) gives buffers of %zu KiB only", d->number,
                           d->model, own->bytes_max >> 10);
    own->context = cl.make_context(NULL, 1, &own->device, NULL, NULL, &error);
    if (check(d, error, "making a context", p) != 0)
        return -1;
    own->queue = cl.make_queue(own->context, own->device, 0, &error);
    if (check(d, error, "making a queue", p) != 0 || load_kernels(d, p) != 0)
        return -1;
    return take_memory(d, p);
}

static const struct backend backend = {
    .name = "OpenCL",
    .open = open,
    .launch = launch,
    .finish = finish,
    .send = send,
    .receive = receive,
};

/* ---- finding devices ---- */

/* Fills *ret, or leaves it as it is. */
static bool info(cl_device device, uint32_t what, void *ret, size_t size) {
    unsigned char value[256] = {0};
    size_t n = 0;
    if (cl.device_info(device, what, sizeof(value), value, &n) != CL_SUCCESS)
        return false;
    memcpy(ret, value, size);
    return true;
}

static void find_pci(cl_device device, char out[16]) {
    uint32_t khr[4] = {0}, domain = 0, bus = 0, slot = 0;
    unsigned char amd[24] = {0}; /* its last three bytes: bus, device, function */
    out[0] = '\0';
    if (info(device, CL_DEVICE_PCI_KHR, khr, sizeof(khr))) {
        snprintf(out, 16, "%04x:%02x:%02x.%x", khr[0] & 0xffff, khr[1] & 0xff, khr[2] & 0xff,
                 khr[3] & 7);
    } else if (info(device, CL_DEVICE_BUS_NV, &bus, sizeof(bus)) &&
               info(device, CL_DEVICE_SLOT_NV, &slot, sizeof(slot))) {
        info(device, CL_DEVICE_DOMAIN_NV, &domain, sizeof(domain));
        snprintf(out, 16, "%04x:%02x:%02x.%x", domain & 0xffff, bus & 0xff, slot >> 3 & 0x1f,
                 slot & 7);
    } else if (info(device, CL_DEVICE_TOPOLOGY_AMD, amd, sizeof(amd))) {
        snprintf(out, 16, "0000:%02x:%02x.%x", amd[21], amd[22], amd[23] & 7u);
    }
}

static bool is_there(const struct device *devices, int count, const char *pci) {
    for (int i = 0; pci[0] && i < count; i++)
        if (strcmp(devices[i].pci, pci) == 0)
            return true;
    return false;
}

/* False when the device cannot compile or is not to be had. */
static bool describe(struct device *d, struct device_data *own, cl_device device, bool cpu) {
    uint32_t units = 0, available = 0, compiler = 0;
    size_t group = 1;
    uint64_t allocation = 0, memory = 0;
    if (!info(device, CL_DEVICE_UNITS, &units, sizeof(units)) || units < 1 ||
        !info(device, CL_DEVICE_AVAILABLE, &available, sizeof(available)) || !available ||
        !info(device, CL_DEVICE_COMPILER, &compiler, sizeof(compiler)) || !compiler)
        return false;
    info(device, CL_DEVICE_GROUP, &group, sizeof(group));
    info(device, CL_DEVICE_ALLOCATION, &allocation, sizeof(allocation));
    info(device, CL_DEVICE_MEMORY, &memory, sizeof(memory));
    size_t most = cpu ? CPU_BYTES_MAX : BYTES_MAX;
    most = most < allocation ? most : allocation;
    *own =
        (struct device_data){.device = device, .bytes_max = most < memory / 8 ? most : memory / 8};
    *d = (struct device){.backend = &backend, .own = own, .cpu = cpu, .units = units};
    d->group = group < GROUP_MAX ? (uint32_t)group : GROUP_MAX;
    if (!info(device, CL_DEVICE_BOARD_AMD, d->model, sizeof(d->model)) &&
        !info(device, CL_DEVICE_NAME, d->model, sizeof(d->model)))
        snprintf(d->model, sizeof(d->model), "an OpenCL device");
    d->model[sizeof(d->model) - 1] = '\0';
    find_pci(device, d->pci);
    return true;
}

static void find_in(cl_platform platform, struct device *devices, int *count, bool cpus,
                    bool *cpus_found) {
    static struct device_data data[DEVICES_MAX];
    cl_device found[DEVICES_MAX];
    uint32_t n = 0;
    if (cl.devices(platform, CL_TYPE_ALL, DEVICES_MAX, found, &n) != CL_SUCCESS)
        return;
    for (uint32_t i = 0; i < n && i < DEVICES_MAX && *count < DEVICES_MAX; i++) {
        struct device *d = &devices[*count];
        uint64_t type = 0;
        info(found[i], CL_DEVICE_TYPE, &type, sizeof(type));
        bool cpu = (type & CL_TYPE_CPU) != 0;
        *cpus_found |= cpu;
        if ((cpu && !cpus) || !describe(d, &data[*count], found[i], cpu) ||
            is_there(devices, *count, d->pci))
            continue;
        d->number = *count;
        ++*count;
    }
}

void opencl_find(struct device *devices, int *count, bool cpus, bool *cpus_found) {
    cl_platform platforms[PLATFORMS_MAX];
    uint32_t n = 0;
    *cpus_found = false;
    if (!load() || cl.platforms(PLATFORMS_MAX, platforms, &n) != CL_SUCCESS)
        return;
    for (uint32_t i = 0; i < n && i < PLATFORMS_MAX; i++)
        find_in(platforms[i], devices, count, cpus, cpus_found);
}
