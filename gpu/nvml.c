/*
 * nvml: how NVIDIA's devices are, from the driver's management library, libnvidia-ml.so.1.
 *
 * Every function of it may be missing, in an old library, or not be supported by the device; what
 * it would have told is left out. Its declarations are here, by its binary interface.
 */
#include "gpu.h"

typedef struct nvml_device *nvml_device;

enum {
    NVML_TEMPERATURE_GPU = 0,
    NVML_CLOCK_SM = 1,
    NVML_ECC_UNCORRECTED = 1,
    NVML_ECC_SINCE_BOOT = 0,
    NVML_RETIRED_SINGLE_BIT = 0,
    NVML_RETIRED_DOUBLE_BIT = 1,
    NVML_INSUFFICIENT_SIZE = 7,
};

/* Why clocks are lower than they could be. */
#define POWER_CAP 0x04u
#define HARDWARE_SLOWDOWN 0x08u
#define SOFTWARE_HEAT 0x20u
#define HARDWARE_HEAT 0x40u
#define POWER_BRAKE 0x80u

enum sign { THROTTLED = 1, ECC = 2, RETIRED = 4, REMAPPED = 8, PCIE = 16, CAPPED = 32 };

#define FUNCTIONS(f)                                                                               \
    f(init, "nvmlInit_v2", (void)) f(find, "nvmlDeviceGetHandleByPciBusId_v2",                     \
                                     (const char *pci, nvml_device *ret))                          \
        f(temperature, "nvmlDeviceGetTemperature", (nvml_device d, int sensor, unsigned *ret))     \
            f(power, "nvmlDeviceGetPowerUsage", (nvml_device d, unsigned *milliwatts))             \
                f(clock, "nvmlDeviceGetClockInfo", (nvml_device d, int clock, unsigned *mhz)) f(   \
                    clock_most, "nvmlDeviceGetMaxClockInfo",                                       \
                    (nvml_device d, int clock, unsigned *mhz))                                     \
                    f(throttle, "nvmlDeviceGetCurrentClocksThrottleReasons",                       \
                      (nvml_device d, uint64_t * ret))                                             \
                        f(ecc, "nvmlDeviceGetTotalEccErrors",                                      \
                          (nvml_device d, int type, int counter, uint64_t *ret))                   \
                            f(retired, "nvmlDeviceGetRetiredPages",                                \
                              (nvml_device d, int cause, unsigned *count, uint64_t *addresses))    \
                                f(remapped, "nvmlDeviceGetRemappedRows",                           \
                                  (nvml_device d, unsigned *corrected, unsigned *uncorrected,      \
                                   unsigned *pending, unsigned *failed))                           \
                                    f(generation, "nvmlDeviceGetCurrPcieLinkGeneration",           \
                                      (nvml_device d, unsigned *ret))                              \
                                        f(generation_most, "nvmlDeviceGetMaxPcieLinkGeneration",   \
                                          (nvml_device d, unsigned *ret))                          \
                                            f(width, "nvmlDeviceGetCurrPcieLinkWidth",             \
                                              (nvml_device d, unsigned *ret))                      \
                                                f(width_most, "nvmlDeviceGetMaxPcieLinkWidth",     \
                                                  (nvml_device d, unsigned *ret))

#define MEMBER(name, symbol, arguments) int(*name) arguments;
static struct { FUNCTIONS(MEMBER) } nvml;
#undef MEMBER

/* Whether a function is there and succeeds. */
#define ASK(name, ...) (nvml.name && nvml.name(__VA_ARGS__) == 0)

static bool load(void) {
    static enum { UNTRIED, THERE, NOT_THERE } state;
    void *library = state == UNTRIED ? dlopen("libnvidia-ml.so.1", RTLD_NOW) : NULL;
    if (library) {
#define LOAD(name, symbol, arguments) nvml.name = (__typeof__(nvml.name))dlsym(library, symbol);
        FUNCTIONS(LOAD)
#undef LOAD
        if (ASK(init) && nvml.find)
            state = THERE;
    }
    if (state == UNTRIED)
        state = NOT_THERE;
    return state == THERE;
}

static void note(struct health *h, enum sign sign, const char *format, ...) printf_like(3, 4);

static void note(struct health *h, enum sign sign, const char *format, ...) {
    size_t n = strlen(h->notes);
    va_list args;
    h->signs |= sign;
    if (n > 0 && n + 2 < sizeof(h->notes)) {
        memcpy(h->notes + n, "; ", 3);
        n += 2;
    }
    va_start(args, format);
    vsnprintf(h->notes + n, sizeof(h->notes) - n, format, args);
    va_end(args);
}

/* Clocks lowered by heat or a fault are worth a word; a power cap is how a small card works. */
static void look_at_clocks(nvml_device d, struct health *h) {
    uint64_t why = 0;
    unsigned most = 0;
    if (!ASK(throttle, d, &why))
        return;
    const char *words = why & (SOFTWARE_HEAT | HARDWARE_HEAT) ? "throttled by heat"
                        : why & POWER_BRAKE                   ? "throttled by the power supply"
                        : why & HARDWARE_SLOWDOWN             ? "throttled by the hardware"
                        : why & POWER_CAP                     ? "at its power cap"
                                                              : NULL;
    if (!words)
        return;
    bool cap = (why & ~(uint64_t)1) == POWER_CAP;
    char clocks[60] = "", heat[20] = "";
    if (h->clock >= 0 && ASK(clock_most, d, NVML_CLOCK_SM, &most))
        snprintf(clocks, sizeof(clocks), ", %.2f of %.2f GHz", h->clock / 1000.0, most / 1000.0);
    if (h->temperature >= 0)
        snprintf(heat, sizeof(heat), ", %d C", h->temperature);
    note(h, cap ? CAPPED : THROTTLED, "%s%s%s", words, heat, clocks);
}

static unsigned retired_pages(nvml_device d, int cause) {
    unsigned count = 0;
    int error = nvml.retired ? nvml.retired(d, cause, &count, NULL) : -1;
    return error == 0 || error == NVML_INSUFFICIENT_SIZE ? count : 0;
}

static void look_at_memory(nvml_device d, struct health *h) {
    uint64_t errors = 0;
    unsigned corrected = 0, uncorrected = 0, pending = 0, failed = 0;
    if (ASK(ecc, d, NVML_ECC_UNCORRECTED, NVML_ECC_SINCE_BOOT, &errors) && errors > 0)
        note(h, ECC, "%llu uncorrected memory errors", (unsigned long long)errors);
    unsigned retired =
        retired_pages(d, NVML_RETIRED_SINGLE_BIT) + retired_pages(d, NVML_RETIRED_DOUBLE_BIT);
    if (retired > 0)
        note(h, RETIRED, "%u retired memory pages", retired);
    if (ASK(remapped, d, &corrected, &uncorrected, &pending, &failed) &&
        (corrected + uncorrected > 0 || pending || failed))
        note(h, REMAPPED, "%u remapped memory rows%s%s", corrected + uncorrected,
             pending ? ", more at the next reset" : "", failed ? ", no row left to remap to" : "");
}

static void look_at_link(nvml_device d, struct health *h) {
    unsigned now = 0, most = 0;
    if (ASK(width, d, &now) && ASK(width_most, d, &most) && now < most)
        note(h, PCIE, "PCIe x%u of x%u", now, most);
    if (ASK(generation, d, &now) && ASK(generation_most, d, &most) && now < most)
        note(h, PCIE, "PCIe generation %u of %u", now, most);
}

void nvml_look(const struct device *d, struct health *ret) {
    nvml_device device;
    unsigned n = 0;
    *ret = (struct health){.temperature = -1, .power = -1, .clock = -1};
    if (!d->pci[0] || !load() || nvml.find(d->pci, &device) != 0)
        return;
    if (ASK(temperature, device, NVML_TEMPERATURE_GPU, &n))
        ret->temperature = (int)n;
    if (ASK(power, device, &n))
        ret->power = (int)(n / 1000);
    if (ASK(clock, device, NVML_CLOCK_SM, &n))
        ret->clock = (int)n;
    look_at_clocks(device, ret);
    look_at_memory(device, ret);
    look_at_link(device, ret);
}
