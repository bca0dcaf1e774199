/*
 * facts: see facts.h.
 *
 *   hostname, kernel, os, arch, cpu_model   texts
 *   sockets, cores, threads                 what is online in the machine: packages, physical
 *                                           cores, and the CPUs that the kernel schedules
 *   allowed, quota                          how many CPUs this session may run on, and how many
 *                                           CPUs' worth of time its control group grants
 *   memory_bytes                            of the machine
 *   lock                                    whether the server-wide lock works
 *
 * Reads /proc and /sys; no state.
 */
#include "facts.h"

#include "answer.h"
#include "cpus.h"
#include "file.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

static void add_text(struct str *out, const char *key, const char *value) {
    str_addf(out, "\"%s\":", key);
    answer_text(out, value && *value ? value : NULL);
    str_add_char(out, ',');
}

static void add_count(struct str *out, const char *key, int64_t n) {
    if (n > 0)
        str_addf(out, "\"%s\":%lld,", key, (long long)n);
    else
        str_addf(out, "\"%s\":null,", key);
}

/*
 * The value after `key` and a separator in a file of such lines, without quotes and spaces around
 * it; NULL when there is none. Cuts `text` up.
 */
static char *value_of(char *text, const char *key, char separator) {
    size_t n = strlen(key);
    for (char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n) != 0)
            continue;
        char *p = line + n + strspn(line + n, " \t");
        if (*p++ != separator)
            continue;
        p += strspn(p, " \t\"'");
        char *end = p + strcspn(p, "\n");
        while (end > p && (isspace((unsigned char)end[-1]) || end[-1] == '"' || end[-1] == '\''))
            end--;
        *end = '\0';
        return p;
    }
    return NULL;
}

static void add_os(struct str *out) {
    char text[4096];
    char *name = NULL;
    if (file_start("/etc/os-release", text, sizeof(text)) ||
        file_start("/usr/lib/os-release", text, sizeof(text)))
        name = value_of(text, "PRETTY_NAME", '=');
    add_text(out, "os", name);
}

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

static void add_arm_model(struct str *out, char *cpuinfo) {
    char copy[4096], model[200];
    strcpy(copy, cpuinfo);
    const char *implementer = value_of(copy, "CPU implementer", ':');
    const char *part = value_of(cpuinfo, "CPU part", ':');
    if (!implementer || !part) {
        bool tree = file_line("/proc/device-tree/model", model, sizeof(model));
        add_text(out, "cpu_model", tree ? model : NULL);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(arm_parts); i++)
        if (arm_parts[i].implementer == strtoul(implementer, NULL, 0) &&
            arm_parts[i].part == strtoul(part, NULL, 0)) {
            add_text(out, "cpu_model", arm_parts[i].name);
            return;
        }
    snprintf(model, sizeof(model), "implementer %.20s part %.20s", implementer, part);
    add_text(out, "cpu_model", model);
}

/* Only the beginning of /proc/cpuinfo is read: the kernel takes its time for every CPU in it. */
static void add_cpu_model(struct str *out) {
    char text[4096], copy[4096];
    if (!file_start("/proc/cpuinfo", text, sizeof(text)))
        text[0] = '\0';
    strcpy(copy, text);
    const char *name = value_of(copy, "model name", ':');
    if (name)
        add_text(out, "cpu_model", name);
    else
        add_arm_model(out, text);
}

/* The first CPU in the list at `file` of the CPU's topology, or -1. */
static int first_sibling(int cpu, const char *file) {
    char path[128], text[64];
    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/%s", cpu, file);
    return file_line(path, text, sizeof(text)) && isdigit((unsigned char)text[0]) ? atoi(text) : -1;
}

static bool has_package(int cpu) {
    char path[128], text[32];
    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/physical_package_id", cpu);
    return file_line(path, text, sizeof(text)) && atoi(text) >= 0;
}

/*
 * Cores and sockets are counted by their first CPU. Numbers of cores and packages would not do:
 * cores are numbered anew in each die on some machines, and many Arm ones have no packages.
 */
static void add_topology(struct str *out) {
    int64_t sockets = 0, cores = 0;
    char online[4096];
    if (!file_line("/sys/devices/system/cpu/online", online, sizeof(online)))
        online[0] = '\0';
    for (char *p = online; isdigit((unsigned char)*p); p += *p == ',') {
        long first = strtol(p, &p, 10);
        long last = *p == '-' ? strtol(p + 1, &p, 10) : first;
        for (long cpu = first; cpu <= last && cpu < CPUS_MAX; cpu++) {
            cores += first_sibling((int)cpu, "thread_siblings_list") == cpu;
            sockets +=
                first_sibling((int)cpu, "core_siblings_list") == cpu && has_package((int)cpu);
        }
    }
    add_count(out, "sockets", sockets);
    add_count(out, "cores", cores);
    add_count(out, "threads", sysconf(_SC_NPROCESSORS_ONLN));
}

void facts_add(struct str *out, bool lock) {
    struct utsname uts = {0};
    struct sysinfo info = {0};
    static int cpus[CPUS_MAX];
    uname(&uts);
    sysinfo(&info);
    str_add_char(out, '{');
    add_text(out, "hostname", uts.nodename);
    add_text(out, "kernel", uts.release);
    add_os(out);
    add_text(out, "arch", AGENT_ARCH);
    add_cpu_model(out);
    add_topology(out);
    add_count(out, "allowed", cpus_allowed(cpus));
    double quota = cpus_quota();
    if (isfinite(quota))
        str_addf(out, "\"quota\":%.2f,", quota);
    else
        str_add(out, "\"quota\":null,");
    add_count(out, "memory_bytes", (int64_t)info.totalram * info.mem_unit);
    str_addf(out, "\"lock\":%s}", lock ? "true" : "false");
}
