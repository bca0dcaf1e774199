/*
 * facts_cpu: see factrooms.h.
 *
 *   cpu_model, cpu_microcode      as the kernel and the CPU name them
 *   sockets, cores, threads       what is online in the machine: packages, physical cores, and the
 *                                 CPUs that the kernel schedules
 *   smt                           whether a core runs several threads
 *   numa_nodes                    of each: cpus (a list, "0-15"), memory_bytes
 *   cpu_driver, cpu_governor      of the frequency, of the first CPU
 *   cpu_base_mhz, cpu_max_mhz     what it guarantees, and its most
 *   turbo                         whether it may run faster than it guarantees
 *   mitigations                   what the kernel does about vulnerabilities that the CPU has
 *   allowed, quota                how many CPUs this session may run on, and how many CPUs' worth
 * of time its control group grants
 *
 * Not every CPU's files are read, which would take milliseconds on a large server.
 */
#include "factrooms.h"

#include "base/attr.h"
#include "cpus.h"
#include "file.h"
#include "put.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CPU "/sys/devices/system/cpu/"
#define NODE "/sys/devices/system/node/"
#define EXACT_UP_TO 64 /* CPUs; machines with cores of several kinds have fewer */
#define NODES_MAX 32
#define MITIGATIONS_MAX 40

struct set {
    uint8_t bits[CPUS_MAX / 8];
};

static bool set_has(const struct set *s, long cpu) {
    return s->bits[cpu / 8] & 1 << cpu % 8;
}

/* Adds the list "0-3,8" and returns how many it names; what is no list ends it. */
static int set_add_list(struct set *s, const char *list) {
    int count = 0;
    for (const char *p = list; isdigit((unsigned char)*p); p += *p == ',') {
        char *end;
        long first = strtol(p, &end, 10), last = first;
        if (*end == '-' && isdigit((unsigned char)end[1]))
            last = strtol(end + 1, &end, 10);
        for (long cpu = first; cpu <= last && cpu < CPUS_MAX; cpu++) {
            count += !set_has(s, cpu);
            s->bits[cpu / 8] |= (uint8_t)(1 << cpu % 8);
        }
        p = end;
    }
    return count;
}

/* ---- names ---- */

/* Arm's processors say numbers, not names; these are the ones met in servers. */
static const struct {
    unsigned implementer, part;
    const char *name;
} arm_parts[] = {
    {0x41, 0xd03, "Cortex-A53"},  {0x41, 0xd05, "Cortex-A55"},  {0x41, 0xd07, "Cortex-A57"},
    {0x41, 0xd08, "Cortex-A72"},  {0x41, 0xd09, "Cortex-A73"},  {0x41, 0xd0a, "Cortex-A75"},
    {0x41, 0xd0b, "Cortex-A76"},  {0x41, 0xd0c, "Neoverse-N1"}, {0x41, 0xd40, "Neoverse-V1"},
    {0x41, 0xd49, "Neoverse-N2"}, {0x41, 0xd4f, "Neoverse-V2"}, {0x41, 0xd83, "Neoverse-V3"},
    {0x41, 0xd84, "Neoverse-V3"}, {0x41, 0xd8e, "Neoverse-N3"}, {0x43, 0x0af, "ThunderX2"},
    {0x46, 0x001, "A64FX"},       {0x48, 0xd01, "Kunpeng-920"}, {0x61, 0x022, "Apple M1"},
    {0xc0, 0xac3, "AmpereOne"},   {0xc0, 0xac4, "AmpereOne"},
};

static const char *arm_name(unsigned long implementer, unsigned long part) {
    for (size_t i = 0; i < ARRAY_LEN(arm_parts); i++)
        if (arm_parts[i].implementer == implementer && arm_parts[i].part == part)
            return arm_parts[i].name;
    return NULL;
}

static void add_arm_model(struct str *out, char *cpuinfo) {
    char copy[4096], model[200];
    strcpy(copy, cpuinfo);
    const char *implementer = facts_value(copy, "CPU implementer", ':');
    const char *part = facts_value(cpuinfo, "CPU part", ':');
    if (!implementer || !part) {
        put_file(out, "cpu_model", "/proc/device-tree/model");
        return;
    }
    const char *name = arm_name(strtoul(implementer, NULL, 0), strtoul(part, NULL, 0));
    snprintf(model, sizeof(model), "implementer %.20s part %.20s", implementer, part);
    put_text(out, "cpu_model", name ? name : model);
}

/* Only the beginning of /proc/cpuinfo is read: the kernel takes its time for every CPU in it. */
static void add_model(struct str *out) {
    char text[4096], copy[4096];
    if (!file_start("/proc/cpuinfo", text, sizeof(text)))
        text[0] = '\0';
    strcpy(copy, text);
    put_text(out, "cpu_microcode", facts_value(copy, "microcode", ':'));
    strcpy(copy, text);
    const char *name = facts_value(copy, "model name", ':');
    if (name)
        put_text(out, "cpu_model", name);
    else
        add_arm_model(out, text);
}

/* ---- topology ---- */

static bool topology(long cpu, const char *file, char *out, size_t size) {
    char path[128];
    snprintf(path, sizeof(path), CPU "cpu%ld/topology/%s", cpu, file);
    return file_line(path, out, size);
}

/* How many CPUs of `online` are in the list, 0 when there is none; they are added to *seen. */
static int siblings(long cpu, const char *file, const struct set *online, struct set *seen) {
    char list[8192];
    struct set all = {0};
    int count = 0;
    if (!topology(cpu, file, list, sizeof(list)))
        return 0;
    set_add_list(&all, list);
    for (long i = 0; i < CPUS_MAX; i++)
        if (set_has(&all, i) && set_has(online, i) && !set_has(seen, i)) {
            seen->bits[i / 8] |= (uint8_t)(1 << i % 8);
            count++;
        }
    return count;
}

/*
 * Sockets are counted by the lists of CPUs that share one, because some Arm machines number their
 * packages -1: these have no sockets that could be told.
 */
static int count_sockets(const struct set *online) {
    struct set seen = {0};
    int sockets = 0;
    for (long cpu = 0; cpu < CPUS_MAX; cpu++) {
        char package[32];
        if (!set_has(online, cpu) || set_has(&seen, cpu))
            continue;
        if (siblings(cpu, "core_siblings_list", online, &seen) > 0)
            sockets += topology(cpu, "physical_package_id", package, sizeof(package)) &&
                       isdigit((unsigned char)*package);
    }
    return sockets;
}

/*
 * Where threads share cores at all, by the lists of CPUs that share one; on large machines, whose
 * cores are of one kind, by the first of these lists.
 */
static int count_cores(const struct set *online, int threads, bool smt) {
    struct set seen = {0};
    int cores = 0;
    if (!smt)
        return threads;
    for (long cpu = 0; cpu < CPUS_MAX; cpu++) {
        if (!set_has(online, cpu) || set_has(&seen, cpu))
            continue;
        int width = siblings(cpu, "thread_siblings_list", online, &seen);
        if (width > 0 && threads > EXACT_UP_TO)
            return (threads + width - 1) / width;
        cores += width > 0;
    }
    return cores;
}

static void add_topology(struct str *out) {
    static struct set online;
    char list[8192];
    int64_t active;
    memset(&online, 0, sizeof(online));
    int threads = file_line(CPU "online", list, sizeof(list)) ? set_add_list(&online, list) : 0;
    bool told = file_number(CPU "smt/active", &active);
    int sockets = count_sockets(&online);
    int cores = count_cores(&online, threads, !told || active != 0);
    put_count(out, "sockets", sockets > 0 ? sockets : -1);
    put_count(out, "cores", cores > 0 ? cores : -1);
    put_count(out, "threads", threads > 0 ? threads : sysconf(_SC_NPROCESSORS_ONLN));
    put_flag(out, "smt", told ? active != 0 : cores > 0 ? cores < threads : -1);
}

static void add_node(struct str *out, long node) {
    char path[96], text[512];
    int64_t kib = -1;
    put_key(out, NULL);
    str_add_char(out, '{');
    snprintf(path, sizeof(path), NODE "node%ld/cpulist", node);
    put_file(out, "cpus", path);
    snprintf(path, sizeof(path), NODE "node%ld/meminfo", node);
    const char *total = file_start(path, text, sizeof(text)) ? strstr(text, "MemTotal:") : NULL;
    if (!total || !file_parse_number(total + 9 + strspn(total + 9, " "), &kib) ||
        kib > INT64_MAX / 1024)
        kib = -1;
    put_count(out, "memory_bytes", kib >= 0 ? kib * 1024 : -1);
    str_add_char(out, '}');
}

static void add_nodes(struct str *out) {
    static struct set nodes;
    char list[4096];
    memset(&nodes, 0, sizeof(nodes));
    int count = file_line(NODE "online", list, sizeof(list)) ? set_add_list(&nodes, list) : 0;
    put_key(out, "numa_nodes");
    if (count == 0) {
        str_add(out, "null");
        return;
    }
    str_add_char(out, '[');
    int shown = 0;
    for (long node = 0; node < CPUS_MAX && shown < NODES_MAX; node++)
        if (set_has(&nodes, node)) {
            add_node(out, node);
            shown++;
        }
    str_add_char(out, ']');
    if (count > shown)
        put_count(out, "numa_nodes_more", count - shown);
}

/* ---- frequency ---- */

static void add_mhz(struct str *out, const char *key, const char *path, int64_t per_mhz) {
    int64_t n;
    put_count(out, key, file_number(path, &n) && n >= per_mhz ? n / per_mhz : -1);
}

static void add_frequency(struct str *out) {
    int64_t n;
    put_file(out, "cpu_driver", CPU "cpu0/cpufreq/scaling_driver");
    put_file(out, "cpu_governor", CPU "cpu0/cpufreq/scaling_governor");
    if (file_number(CPU "cpu0/cpufreq/base_frequency", &n))
        add_mhz(out, "cpu_base_mhz", CPU "cpu0/cpufreq/base_frequency", 1000);
    else
        add_mhz(out, "cpu_base_mhz", CPU "cpu0/acpi_cppc/nominal_freq", 1);
    add_mhz(out, "cpu_max_mhz", CPU "cpu0/cpufreq/cpuinfo_max_freq", 1000);
    int turbo = -1;
    if (file_number(CPU "intel_pstate/no_turbo", &n))
        turbo = n == 0;
    else if (file_number(CPU "cpufreq/boost", &n))
        turbo = n != 0;
    put_flag(out, "turbo", turbo);
}

static void add_mitigations(struct str *out) {
    DIR *dir = file_folder(CPU "vulnerabilities");
    put_key(out, "mitigations");
    if (!dir) {
        str_add(out, "null");
        return;
    }
    str_add_char(out, '{');
    int count = 0;
    for (struct dirent *entry; (entry = readdir(dir)) && count < MITIGATIONS_MAX;) {
        char path[160], text[256];
        if (entry->d_name[0] == '.' || strlen(entry->d_name) > 60)
            continue;
        snprintf(path, sizeof(path), CPU "vulnerabilities/%.60s", entry->d_name);
        if (!file_line(path, text, sizeof(text)) || strcmp(text, "Not affected") == 0)
            continue;
        put_long_text(out, entry->d_name, text, 200);
        count++;
    }
    closedir(dir);
    str_add_char(out, '}');
}

void facts_add_cpu(struct str *out) {
    static int cpus[CPUS_MAX];
    int allowed = cpus_allowed(cpus);
    add_model(out);
    add_topology(out);
    add_nodes(out);
    add_frequency(out);
    add_mitigations(out);
    put_count(out, "allowed", allowed > 0 ? allowed : -1);
    put_number(out, "quota", cpus_quota());
}
