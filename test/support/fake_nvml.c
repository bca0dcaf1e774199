/*
 * A libnvidia-ml.so.1 that tells what FAKE_NVML says: words with spaces between, `throttle=HEX`,
 * `temperature=C`, `width=N` and others below. Without it, all is well. A value of `no` means that
 * the device does not support the question. It knows the devices of fake_cuda.c.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

enum { OK = 0, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };

static int tell(const char *name, unsigned long fallback, unsigned long *ret) {
    const char *text = getenv("FAKE_NVML");
    size_t n = strlen(name);
    *ret = fallback;
    for (; text; text = strchr(text, ' ') ? strchr(text, ' ') + 1 : NULL) {
        if (strncmp(text, name, n) != 0 || text[n] != '=')
            continue;
        if (strncmp(text + n + 1, "no", 2) == 0)
            return NOT_SUPPORTED;
        *ret = strtoul(text + n + 1, NULL, 0);
    }
    return OK;
}

static int tell_int(const char *name, unsigned long fallback, unsigned *ret) {
    unsigned long n;
    int error = tell(name, fallback, &n);
    *ret = (unsigned)n;
    return error;
}

#define ASK(function, name, fallback)                                                              \
    EXPORT int function(void *device, unsigned *ret);                                              \
    int function(void *device, unsigned *ret) {                                                    \
        return device ? tell_int(name, fallback, ret) : NOT_FOUND;                                 \
    }
#define ASK_ONE(function, name, fallback)                                                          \
    EXPORT int function(void *device, int which, unsigned *ret);                                   \
    int function(void *device, int which, unsigned *ret) {                                         \
        (void)which;                                                                               \
        return device ? tell_int(name, fallback, ret) : NOT_FOUND;                                 \
    }

ASK(nvmlDeviceGetPowerUsage, "power", 250400)
ASK(nvmlDeviceGetCurrPcieLinkGeneration, "generation", 4)
ASK(nvmlDeviceGetMaxPcieLinkGeneration, "generation_most", 4)
ASK(nvmlDeviceGetCurrPcieLinkWidth, "width", 16)
ASK(nvmlDeviceGetMaxPcieLinkWidth, "width_most", 16)
ASK_ONE(nvmlDeviceGetTemperature, "temperature", 55)
ASK_ONE(nvmlDeviceGetClockInfo, "clock", 1400)
ASK_ONE(nvmlDeviceGetMaxClockInfo, "clock_most", 1410)

EXPORT int nvmlInit_v2(void);
EXPORT int nvmlDeviceGetHandleByPciBusId_v2(const char *pci, void **ret);
EXPORT int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, uint64_t *ret);
EXPORT int nvmlDeviceGetTotalEccErrors(void *device, int type, int counter, uint64_t *ret);
EXPORT int nvmlDeviceGetRetiredPages(void *device, int cause, unsigned *count, uint64_t *ret);
EXPORT int nvmlDeviceGetRemappedRows(void *device, unsigned *corrected, unsigned *uncorrected,
                                     unsigned *pending, unsigned *failed);

int nvmlInit_v2(void) {
    unsigned n;
    return tell_int("init", 0, &n) == OK ? (int)n : 9;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *pci, void **ret) {
    unsigned bus;
    if (sscanf(pci, "0000:%x:00.0", &bus) != 1 || bus < 0x3a || bus > 0x41)
        return NOT_FOUND;
    *ret = (void *)(uintptr_t)bus;
    return OK;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, uint64_t *ret) {
    unsigned long n;
    int error = tell("throttle", 0, &n);
    *ret = n;
    return device ? error : NOT_FOUND;
}

int nvmlDeviceGetTotalEccErrors(void *device, int type, int counter, uint64_t *ret) {
    unsigned long n;
    int error = tell(type == 1 && counter == 0 ? "ecc" : "ecc_other", 0, &n);
    *ret = n;
    return device ? error : NOT_FOUND;
}

int nvmlDeviceGetRetiredPages(void *device, int cause, unsigned *count, uint64_t *ret) {
    int error = tell_int(cause == 1 ? "retired" : "retired_single", 0, count);
    return !device ? NOT_FOUND : error == OK && *count > 0 && !ret ? INSUFFICIENT_SIZE : error;
}

int nvmlDeviceGetRemappedRows(void *device, unsigned *corrected, unsigned *uncorrected,
                              unsigned *pending, unsigned *failed) {
    *corrected = 0;
    tell_int("pending", 0, pending);
    tell_int("failed", 0, failed);
    return device ? tell_int("remapped", 0, uncorrected) : NOT_FOUND;
}
