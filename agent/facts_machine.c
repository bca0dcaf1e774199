/*
 * facts_machine: see factrooms.h.
 *
 *   os, kernel_command_line        the values of words that look like secrets, and UUIDs, are `***`
 *   machine_maker, machine_model, board_maker, board_model    as the firmware names them
 *   bios_maker, bios_version, bios_date
 *   hypervisor                     kvm, vmware, hyper-v, xen...; none; null where it is not known
 *   container                      docker, podman, lxc...; null where there is no sign of one
 *   uptime_seconds, load_average   of the last minute
 *
 *   machine_id, board_serial, product_uuid    what this machine is known by, whatever its name
 *                                  is; root alone may read the last two
 *
 * Other serial numbers, asset tags and UUIDs are not read.
 */
#include "factrooms.h"

#include "base/attr.h"
#include "file.h"
#include "put.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#define DMI "/sys/class/dmi/id/"
#define COMMAND_LINE_MAX 2048

static void add_os(struct str *out) {
    char text[4096];
    char *name = NULL;
    if (file_start("/etc/os-release", text, sizeof(text)) ||
        file_start("/usr/lib/os-release", text, sizeof(text)))
        name = facts_value(text, "PRETTY_NAME", '=');
    put_text(out, "os", name);
}

/* ---- command line ---- */

static bool is_secret(const char *word, size_t n) {
    static const char *const parts[] = {"pass", "secret", "token", "key", "uuid", "serial"};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        for (size_t at = 0; at + strlen(parts[i]) <= n; at++)
            if (strncasecmp(word + at, parts[i], strlen(parts[i])) == 0)
                return true;
    return false;
}

/* The length of a UUID at `p`, 8-4-4-4-12 digits; 0: there is none. */
static size_t uuid_length(const char *p) {
    size_t i;
    for (i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? p[i] != '-' : !isxdigit((unsigned char)p[i]))
            return 0;
    }
    return i;
}

/* One word, n bytes. */
static void add_word(struct str *out, const char *word, size_t n) {
    const char *last = memrchr(word, '=', n);
    size_t name = last ? (size_t)(last - word) : 0;
    if (last && is_secret(word, name)) {
        str_add_bytes(out, word, (size_t)((const char *)memchr(word, '=', n) - word));
        str_add(out, "=***");
        return;
    }
    for (const char *p = word; p < word + n;) {
        size_t uuid = (size_t)(word + n - p) >= 36 ? uuid_length(p) : 0;
        if (uuid > 0)
            str_add(out, "***");
        else
            str_add_char(out, *p);
        p += uuid > 0 ? uuid : 1;
    }
}

static void add_command_line(struct str *out) {
    char text[COMMAND_LINE_MAX];
    cleanup(str_done) struct str shown = {0};
    if (!file_line("/proc/cmdline", text, sizeof(text)))
        text[0] = '\0';
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, " ");
        add_word(&shown, p, n);
        p += n;
        if (*p)
            str_add_char(&shown, *p++);
    }
    put_long_text(out, "kernel_command_line", shown.data, COMMAND_LINE_MAX);
}

/* ---- virtual machines and containers ---- */

#ifdef __x86_64__
static const struct {
    const char *told, *name;
} hypervisors[] = {
    {"KVMKVMKVM", "kvm"},          {"Linux KVM Hv", "kvm"},        {"VMwareVMware", "vmware"},
    {"Microsoft Hv", "hyper-v"},   {"XenVMMXenVMM", "xen"},        {"TCGTCGTCGTCG", "qemu"},
    {"bhyve bhyve ", "bhyve"},     {"VBoxVBoxVBox", "virtualbox"}, {"ACRNACRNACRN", "acrn"},
    {"prl hyperv  ", "parallels"},
};

/* What the CPU says; "" where it cannot. */
static const char *cpu_hypervisor(char text[13]) {
    unsigned a, b = 0, c = 0, d = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d))
        return "";
    if (!(c & 1u << 31))
        return "none";
    __cpuid(0x40000000, a, b, c, d);
    memcpy(text, &b, 4);
    memcpy(text + 4, &c, 4);
    memcpy(text + 8, &d, 4);
    text[12] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(hypervisors); i++)
        if (strcmp(hypervisors[i].told, text) == 0)
            return hypervisors[i].name;
    return text;
}
#else
static const char *cpu_hypervisor(char text[13]) {
    (void)text;
    return "";
}
#endif

/* What the firmware's names say, where the CPU cannot. */
static const char *firmware_hypervisor(void) {
    static const struct {
        const char *maker, *model, *name;
    } known[] = {
        {"QEMU", "", "qemu"},
        {"VMware", "", "vmware"},
        {"Microsoft", "Virtual", "hyper-v"},
        {"Xen", "", "xen"},
        {"Google", "Compute Engine", "kvm"},
        {"Amazon EC2", ".metal", "none"},
        {"Amazon EC2", "", "kvm"},
        {"OpenStack", "", "kvm"},
        {"Parallels", "", "parallels"},
    };
    char maker[128], model[128] = "";
    if (!file_line(DMI "sys_vendor", maker, sizeof(maker)))
        return NULL;
    if (!file_line(DMI "product_name", model, sizeof(model)))
        model[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strncmp(maker, known[i].maker, strlen(known[i].maker)) == 0 &&
            strstr(model, known[i].model))
            return known[i].name;
    return NULL;
}

static void add_hypervisor(struct str *out) {
    char text[64];
    const char *name = cpu_hypervisor(text);
    if (*name == '\0' && file_line("/sys/hypervisor/type", text, sizeof(text)))
        name = text;
    if (*name == '\0' && file_line("/proc/device-tree/hypervisor/compatible", text, sizeof(text)))
        name = strcmp(text, "linux,kvm") == 0 ? "kvm" : text;
    if (*name == '\0')
        name = firmware_hypervisor();
    put_text(out, "hypervisor", name);
}

static bool is_there(const char *path) {
    int fd = file_open(path);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void add_container(struct str *out) {
    char text[64];
    const char *name = NULL;
    if (file_line("/run/systemd/container", text, sizeof(text)))
        name = text;
    else if (is_there("/.dockerenv"))
        name = "docker";
    else if (is_there("/run/.containerenv"))
        name = "podman";
    put_text(out, "container", name);
}

/* ---- the whole ---- */

static double first_number(const char *path) {
    char text[64], *end;
    if (!file_line(path, text, sizeof(text)) || !isdigit((unsigned char)*text))
        return NAN;
    double n = strtod(text, &end);
    return *end == ' ' || *end == '\0' ? n : NAN;
}

void facts_add_machine(struct str *out) {
    static const char *const names[][2] = {
        {"machine_maker", DMI "sys_vendor"},  {"machine_model", DMI "product_name"},
        {"board_maker", DMI "board_vendor"},  {"board_model", DMI "board_name"},
        {"bios_maker", DMI "bios_vendor"},    {"bios_version", DMI "bios_version"},
        {"bios_date", DMI "bios_date"},       {"machine_id", "/etc/machine-id"},
        {"board_serial", DMI "board_serial"}, {"product_uuid", DMI "product_uuid"},
    };
    add_os(out);
    add_command_line(out);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        put_file(out, names[i][0], names[i][1]);
    add_hypervisor(out);
    add_container(out);
    put_number(out, "uptime_seconds", first_number("/proc/uptime"));
    put_number(out, "load_average", first_number("/proc/loadavg"));
}
