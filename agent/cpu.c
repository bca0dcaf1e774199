/*
 * cpu: how much the CPUs compute, all allowed ones at once, one alone, and each by itself.
 *
 * A trial has seven phases of `duration` each: the three kernels (kernels.h) on all CPUs at once,
 * the integer one on each CPU in turn, while the others rest, and the three on one alone, the last
 * allowed one, as the first serves most interrupts. Every block is compared with the known answer;
 * CPUs that come to another one are named, and the trial has failed.
 *
 * Each thread is bound to its CPU and works at a place of its own, which it has touched first.
 * What is done in the first tenth of a phase, while clocks rise, caches fill and the last threads
 * arrive, is not counted: a thread counts from the end of a block on, to the end of the first block
 * that is over when `duration` has passed. So its rate is that of whole blocks in the time that
 * they took, and the rate of all is the sum of these: a slow CPU lowers it by what it lacks, makes
 * nobody wait, and no block that was under way is lost or counted as done. A duration of whole
 * periods of a control group's quota (100 ms nearly everywhere) meets as much of its pauses
 * wherever it begins.
 *
 * A CPU is what the kernel schedules on: with SMT a hardware thread, not a core. All that the
 * affinity allows take part. A quota does not make them fewer, because that would hide it: they
 * then have less time, and the result is lower, with a note that says why.
 *
 * Threads share the beginning of a phase; all else of theirs is their own.
 */
#include "base/clock.h"
#include "benchmark.h"
#include "cpus.h"
#include "kernels.h"
#include "team.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define DURATION (300 * CLOCK_MS)
#define DURATION_QUICK (100 * CLOCK_MS)
#define DURATION_MAX (60 * CLOCK_S)
#define TURN_MIN (2 * CLOCK_MS)
#define TURN_AGAIN (50 * CLOCK_MS)

/* A CPU alone that is below so much of the others' median is weak; turbo clocks differ by less. */
#define WEAK 0.8

#define PLACE_SIZE (UINT64_C(2) << 20) /* a huge page */
#define NAMED_MAX 200                  /* bytes of names of CPUs in a sentence */

_Static_assert(sizeof(struct workplace) <= PLACE_SIZE, "a workplace is in one huge page");

/* One of the CPUs; what it does now is its thread's alone. */
struct worker {
    _Alignas(128) struct workplace *place;
    int cpu;
    bool filled;
    bool told;        /* that it is weak */
    unsigned wrong;   /* kernels that it computed wrongly, a bit each */
    double blocks;    /* that count, of this phase */
    int64_t took;     /* ns for them */
    double turn_rate; /* Mop/s when it was alone */
};

struct phase {
    int kernel;
    int64_t duration;
    struct worker *workers;
    atomic_llong begin; /* when the first one arrived */
};

static struct worker *workers;
static int count;

/* ---- one phase ---- */

static uint64_t compute(const struct worker *w, int kernel) {
    uint64_t answer = kernels[kernel].block(w->place);
#ifdef AGENT_FAULTS
    /* "CPU KERNEL": one bit turns there */
    const char *fault = getenv("MUSTER_TEST_CPU_FAULT");
    char *rest = NULL;
    if (fault && strtol(fault, &rest, 10) == w->cpu && atoi(rest) == kernel)
        answer ^= 1 << 17;
#endif
    return answer;
}

static int64_t common_begin(struct phase *p) {
    long long begin = 0, now = clock_now();
    return atomic_compare_exchange_strong(&p->begin, &begin, now) ? now : begin;
}

static void work(void *arg, int i) {
    struct phase *p = arg;
    struct worker *w = &p->workers[i];
    if (!w->filled)
        workplace_fill(w->place);
    w->filled = true;
    int64_t ramp_end = common_begin(p) + p->duration / 10, from = 0, now = 0, blocks = 0;
    while (from == 0 || now < from + p->duration) {
        if (compute(w, p->kernel) != kernels[p->kernel].answer) {
            w->wrong |= 1U << p->kernel;
            return;
        }
        now = clock_now();
        if (from > 0)
            blocks++;
        else if (now >= ramp_end)
            from = now;
    }
    w->blocks = (double)blocks;
    w->took = now - from;
}

/* A kernel on n workers; the sum of their rates in Mop/s comes into *rate, 0 with a wrong answer.
 */
static int run_phase(int kernel, struct worker *on, int n, int64_t duration, double *rate,
                     struct failure *f) {
    struct phase p = {.kernel = kernel, .duration = duration, .workers = on};
    cleanup(free_ptr) int *numbers = calloc((size_t)n, sizeof(*numbers));
    if (!numbers)
        return failure_set(f, "internal", "the server is out of memory");
    for (int i = 0; i < n; i++) {
        numbers[i] = on[i].cpu;
        on[i].blocks = on[i].took = 0;
    }
    if (team_run(numbers, n, work, &p, NULL, f) != 0)
        return -1;
    *rate = 0;
    for (int i = 0; i < n; i++)
        if (on[i].took > 0)
            *rate += on[i].blocks * kernels[kernel].operations / ((double)on[i].took / 1e3);
    return 0;
}

static int run_kernels(struct worker *on, int n, int64_t duration, double rates[KERNEL_COUNT],
                       struct failure *f) {
    for (int k = 0; k < KERNEL_COUNT; k++)
        if (run_phase(k, on, n, duration, &rates[k], f) != 0)
            return -1;
    return 0;
}

/* ---- wrong answers ---- */

static void name_wrong(struct str *out, const struct worker *w) {
    str_addf(out, "%sCPU %d (", out->len > 0 ? ", " : "", w->cpu);
    const char *separator = "";
    for (int k = 0; k < KERNEL_COUNT; k++)
        if (w->wrong & 1U << k) {
            str_addf(out, "%s%s", separator, kernels[k].name);
            separator = ", ";
        }
    str_add_char(out, ')');
}

/* Names all CPUs that came to a wrong answer, or as many as a sentence holds. */
static int check(struct failure *f) {
    cleanup(str_done) struct str names = {0};
    int wrong = 0, unnamed = 0;
    for (int i = 0; i < count; i++) {
        if (!workers[i].wrong)
            continue;
        wrong++;
        if (names.len > NAMED_MAX)
            unnamed++;
        else
            name_wrong(&names, &workers[i]);
    }
    if (wrong == 0)
        return 0;
    if (unnamed > 0)
        str_addf(&names, " and %d more", unnamed);
    return failure_set(f, "wrong-result", "computed wrongly: %s", names.data ? names.data : "");
}

/* ---- each in turn ---- */

static int take_turn(struct worker *w, int64_t duration, struct failure *f) {
    double rate;
    if (run_phase(KERNEL_INTEGER, w, 1, duration, &rate, f) != 0)
        return -1;
    w->turn_rate = fmax(w->turn_rate, rate);
    return 0;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct worker *slowest(void) {
    struct worker *least = workers;
    for (int i = 1; i < count; i++)
        if (workers[i].turn_rate < least->turn_rate)
            least = &workers[i];
    return least;
}

/*
 * The slowest one's rate over the median of the others', because with two CPUs one of them would
 * otherwise be half of what it is compared with. NAN when memory ran out.
 */
static double slowest_ratio(void) {
    if (count == 1)
        return 1;
    cleanup(free_ptr) double *rates = calloc((size_t)count, sizeof(*rates));
    if (!rates)
        return NAN;
    for (int i = 0; i < count; i++)
        rates[i] = workers[i].turn_rate;
    qsort(rates, (size_t)count, sizeof(*rates), ascending);
    const double *others = rates + 1;
    int n = count - 1;
    return rates[0] / ((others[(n - 1) / 2] + others[n / 2]) / 2);
}

/*
 * Who seems to be weak has a second, longer turn, and the better one counts: a moment that was
 * somebody else's makes no weak CPU. Bounded, for a server where many are.
 */
static int take_turns(int64_t duration, double *ratio, struct failure *f) {
    int64_t each = duration / count > TURN_MIN ? duration / count : TURN_MIN;
    for (int i = 0; i < count; i++) {
        workers[i].turn_rate = 0;
        if (take_turn(&workers[i], each, f) != 0)
            return -1;
    }
    const struct worker *last = NULL;
    for (int more = 8; more > 0 && slowest_ratio() < WEAK && slowest() != last; more--) {
        struct worker *suspect = slowest();
        if (take_turn(suspect, each > TURN_AGAIN ? each : TURN_AGAIN, f) != 0)
            return -1;
        last = suspect;
    }
    *ratio = slowest_ratio();
    return 0;
}

/* ---- notes ---- */

static void note_conditions(struct trial *t, double ratio) {
    int online = cpus_online();
    double quota = cpus_quota();
    if (count < online)
        trial_note(t, "%d of %d CPUs allowed", count, online);
    if (quota < count)
        trial_note(t, "quota: time of %.4g CPUs for %d", quota, count);
    struct worker *w = slowest();
    /* with less than one CPU's time, its pauses fall to some turns and not to others */
    if (ratio < WEAK && !w->told && !(quota < 1)) {
        trial_note(t, "weak core: CPU %d at %.0f %% of the median of the others", w->cpu,
                   100 * ratio);
        w->told = true;
    }
}

/* ---- the benchmark ---- */

enum { DURATION_OF_PHASES };

static const struct parameter parameters[] = {
    [DURATION_OF_PHASES] = {"duration", PARAMETER_DURATION, CLOCK_MS, DURATION_MAX, DURATION,
                            DURATION_QUICK, "of each of the seven phases of a trial"},
    {.name = NULL},
};

static int prepare(const struct setting *s, struct failure *f) {
    (void)s;
    static int cpus[CPUS_MAX];
    count = cpus_allowed(cpus);
    if (count == 0)
        return failure_set(f, "unsupported", "the system does not tell which CPUs are allowed");
    /* one more, for the alignment */
    size_t size = ((size_t)count + 1) * PLACE_SIZE;
    char *places = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    workers = aligned_alloc(_Alignof(struct worker), (size_t)count * sizeof(*workers));
    if (places == MAP_FAILED || !workers)
        return failure_set(f, "internal", "no memory for %d CPUs: %s", count, strerror(errno));
    places += -(uintptr_t)places & (PLACE_SIZE - 1);
    madvise(places, size - PLACE_SIZE, MADV_HUGEPAGE);
    memset(workers, 0, (size_t)count * sizeof(*workers));
    for (int i = 0; i < count; i++) {
        workers[i].cpu = cpus[i];
        workers[i].place = (struct workplace *)(places + (size_t)i * PLACE_SIZE);
    }
    return 0;
}

static double together(const double rates[KERNEL_COUNT]) {
    return cbrt(rates[KERNEL_INTEGER] * rates[KERNEL_BRANCH] * rates[KERNEL_FLOAT]);
}

static int trial(const struct setting *s, struct trial *ret, struct failure *f) {
    int64_t duration = s[DURATION_OF_PHASES].number;
    double all[KERNEL_COUNT], one[KERNEL_COUNT], ratio;
    if (run_kernels(workers, count, duration, all, f) != 0 ||
        take_turns(duration, &ratio, f) != 0 ||
        run_kernels(&workers[count - 1], 1, duration, one, f) != 0 || check(f) != 0)
        return -1;
    ret->units = count;
    trial_add(ret, "all_cores", "Mop/s", together(all), false);
    trial_add(ret, "one_core", "Mop/s", together(one), false);
    trial_add(ret, "int_all", "Mop/s", all[KERNEL_INTEGER], false);
    trial_add(ret, "branch_all", "Mop/s", all[KERNEL_BRANCH], false);
    trial_add(ret, "float_all", "GFLOP/s", all[KERNEL_FLOAT] / 1e3, false);
    trial_add(ret, "int_one", "Mop/s", one[KERNEL_INTEGER], false);
    trial_add(ret, "branch_one", "Mop/s", one[KERNEL_BRANCH], false);
    trial_add(ret, "float_one", "GFLOP/s", one[KERNEL_FLOAT] / 1e3, false);
    trial_add(ret, "slowest_core", "%", 100 * ratio, false);
    note_conditions(ret, ratio);
    return 0;
}

const struct benchmark benchmark_cpu = {
    .name = "cpu",
    .about = "integer, branchy and floating-point work on every allowed core, and on one alone",
    .parameters = parameters,
    .trials = 3,
    .prepare = prepare,
    .trial = trial,
};
