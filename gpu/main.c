/*
 * main: measures every GPU of this machine. muster's agent runs it (agent/gpu.c).
 *
 *   muster-gpu MILLISECONDS DEVICES CPUS
 *
 * MILLISECONDS is for each measurement, DEVICES a list such as `0,2` or `all`, CPUS `1` where
 * OpenCL devices that are CPUs count too. It prints lines; first what it has found:
 *
 *   ready                         or the line of a problem, and it ends
 *
 * and then, for each byte that it reads on standard input, one trial:
 *
 *   metric NAME UNIT VALUE        the first one is the judged one; higher is better, or for a
 *   lower NAME UNIT VALUE         `lower` lower is
 *   note TEXT                     what matters for the result
 *   class gpu|cpu                 of the device that the score is of
 *   problem REASON TEXT           nothing was measured; it ends
 *   end                           of the trial
 *
 * It ends when its standard input does. One thread of its own; drivers may start more. Devices are
 * measured one after the other, so that none waits for another's turn on a shared bus.
 */
#include "gpu.h"

static struct device devices[DEVICES_MAX];
static int device_count;

/* ---- what it prints ---- */

static void say(const char *format, ...) printf_like(1, 2);

static void say(const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line) - 1, format, args);
    va_end(args);
    size_t n = strlen(line);
    for (size_t i = 0; i < n; i++)
        if (line[i] == '\n' || line[i] == '\r')
            line[i] = ' '; /* a compiler's words may have several lines */
    line[n++] = '\n';
    for (size_t at = 0; at < n;) {
        long wrote = write(1, line + at, n - at);
        if (wrote <= 0)
            return;
        at += (size_t)wrote;
    }
}

static int say_problem(const struct problem *p) {
    say("problem %s %s", p->reason, p->text);
    return 0;
}

/* ---- which devices ---- */

/* The number at *text, and the text after it; -1 for none. */
static int64_t read_number(const char **text) {
    int64_t n = 0;
    const char *p = *text;
    for (; *p >= '0' && *p <= '9' && n < INT32_MAX; p++)
        n = n * 10 + (*p - '0');
    n = p == *text ? -1 : n;
    *text = p;
    return n;
}

/* Keeps the devices of the list, with the numbers that they have; false for one that is not
 * there.*/
static bool keep_listed(const char *list, struct problem *p) {
    bool wanted[DEVICES_MAX] = {0};
    if (strcmp(list, "all") == 0)
        return true;
    for (;;) {
        int64_t n = read_number(&list);
        if (n < 0 || n >= device_count) {
            problem_set(p, "unsupported", "there is no gpu%lld: %d GPUs were found", (long long)n,
                        device_count);
            return false;
        }
        wanted[n] = true;
        if (*list != ',')
            break;
        list++;
    }
    int kept = 0;
    for (int i = 0; i < device_count; i++)
        if (wanted[i])
            devices[kept++] = devices[i];
    device_count = kept;
    return true;
}

static int find(const char *list, bool cpus, struct problem *p) {
    bool cpus_found;
    if (cuda_find(devices, &device_count, p) != 0)
        return -1;
    opencl_find(devices, &device_count, cpus, &cpus_found);
    if (device_count == 0)
        return problem_set(p, "skipped", "no GPU: neither libcuda.so.1 nor an OpenCL %s is there%s",
                           cpus ? "device" : "GPU",
                           cpus_found && !cpus ? " (one that is a CPU is: see cpu_devices)" : "");
    return keep_listed(list, p) ? 0 : -1;
}

static int prepare(const char *list, bool cpus, struct problem *p) {
    if (find(list, cpus, p) != 0)
        return -1;
    for (int i = 0; i < device_count; i++)
        if (devices[i].backend->open(&devices[i], p) != 0)
            return -1;
    return 0;
}

/* ---- trials ---- */

struct result {
    struct rates rates;
    double score;
};

/* By Newton's method: the program has no mathematics library. */
static double square_root(double x) {
    double root = x > 1 ? x : 1;
    for (int i = 0; i < 200; i++) {
        double next = (root + x / root) / 2;
        if (next >= root)
            break;
        root = next;
    }
    return root;
}

static void say_rates(const struct device *d, const struct rates *r) {
    say("metric gpu%d_fp32 TFLOP/s %.9g", d->number, r->fp32 / 1e12);
    if (r->matrix > 0)
        say("metric gpu%d_matrix TFLOP/s %.9g", d->number, r->matrix / 1e12);
    say("metric gpu%d_memory GB/s %.9g", d->number, r->copy / 1e9);
    say("metric gpu%d_memory_read GB/s %.9g", d->number, r->read / 1e9);
    say("metric gpu%d_to_device GB/s %.9g", d->number, r->to_device / 1e9);
    say("metric gpu%d_from_device GB/s %.9g", d->number, r->from_device / 1e9);
}

/*
 * Every trial tells the same metrics, so what was known in the first one counts: a value that is
 * missing later is the last one that was there. And it tells the same notes, for as long as nothing
 * of a new kind is to be noted, so that degrees and clocks that change do not make a note of their
 * own each time.
 */
static void say_health(const struct device *d, const struct health *h) {
    static struct health last[DEVICES_MAX];
    static bool told[DEVICES_MAX];
    static struct health noted[DEVICES_MAX];
    struct health *l = &last[d->number], *n = &noted[d->number];
    if (!told[d->number]) {
        told[d->number] = true;
        *l = *h;
    }
    const struct {
        const char *name, *unit, *kind;
        int now, *last;
    } values[] = {{"temperature", "C", "lower", h->temperature, &l->temperature},
                  {"power", "W", "lower", h->power, &l->power},
                  {"clock", "MHz", "metric", h->clock, &l->clock}};
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        if (*values[i].last < 0)
            continue;
        if (values[i].now >= 0)
            *values[i].last = values[i].now;
        say("%s gpu%d_%s %s %d", values[i].kind, d->number, values[i].name, values[i].unit,
            *values[i].last);
    }
    if (h->signs & ~n->signs) {
        unsigned signs = n->signs | h->signs;
        *n = *h;
        n->signs = signs;
    }
    if (n->notes[0])
        say("note gpu%d: %s", d->number, n->notes);
}

/* Names the device that the score is of; another one only when it is worse by more than noise. */
static void say_worst(const struct result *results, int worst) {
    static int named = -1;
    if (device_count < 2)
        return;
    if (named < 0 || results[worst].score < 0.98 * results[named].score)
        named = worst;
    say("note worst of %d: gpu%d, %s", device_count, devices[named].number, devices[named].model);
}

/* The geometric mean of what it computes and of what its memory moves, in 10^9 a second. */
static double score_of(const struct rates *r) {
    return square_root(r->fp32 / 1e9) * square_root(r->copy / 1e9);
}

static int trial(int64_t duration, struct problem *p) {
    static struct result results[DEVICES_MAX];
    static struct health health[DEVICES_MAX];
    int worst = 0;
    for (int i = 0; i < device_count; i++) {
        struct result *r = &results[i];
        if (measure(&devices[i], duration, &r->rates, &health[i], p) != 0)
            return -1;
        r->score = score_of(&r->rates);
        if (r->score < results[worst].score)
            worst = i;
    }
    say("metric worst_gpu G/s %.9g", results[worst].score);
    for (int i = 0; i < device_count; i++)
        say_rates(&devices[i], &results[i].rates);
    say("class %s", devices[worst].cpu ? "cpu" : "gpu");
    say_worst(results, worst);
    for (int i = 0; i < device_count; i++)
        say_health(&devices[i], &health[i]);
    say("end");
    return 0;
}

int main(int argc, char **argv) {
    struct problem p;
    char go;
    const char *number = argc == 4 ? argv[1] : "";
    int64_t milliseconds = read_number(&number);
    if (milliseconds < 1 || *number) {
        say("usage: muster-gpu MILLISECONDS DEVICES CPUS");
        return 2;
    }
    if (prepare(argv[2], strcmp(argv[3], "1") == 0, &p) != 0)
        return say_problem(&p);
    say("ready");
    while (read(0, &go, 1) == 1)
        if (trial(milliseconds * 1000000, &p) != 0)
            return say_problem(&p);
    return 0;
}
