/* facts: what they make of machines that are not here, out of fake trees of /proc and /sys. */
#include "test.h"

#include "base/clock.h"
#include "facts.h"
#include "fake_tree.h"
#include "smbios.h"
#include "wire/wire.h"

#include <jansson.h>
#include <stdio.h>

/* The facts, as muster gets them. */
static json_t *facts(void) {
    struct str line = {0};
    str_addf(&line, "{\"muster\":1,\"type\":\"hello\",\"version\":\"1\",\"hash\":\"%064d\",", 0);
    str_add(&line, "\"arch\":\"x\",\"facts\":");
    facts_add(&line, true);
    str_add(&line, "}");
    struct wire_message m;
    struct error err = {0};
    if (line.failed || wire_parse(line.data, line.len, &m, &err) < 0)
        fail_msg("%s", err.text);
    json_t *object = json_loads(m.facts, 0, NULL);
    assert_non_null(object);
    wire_message_done(&m);
    str_done(&line);
    return object;
}

/* The member as JSON text, to be freed. */
static char *member(json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);
    if (!value)
        fail_msg("there is no %s", key);
    return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
}

static void expect(json_t *object, const char *key, const char *expected) {
    char *text = member(object, key);
    if (strcmp(text, expected) != 0)
        fail_msg("%s is %s, not %s", key, text, expected);
    free(text);
}

static void fake_cpu(int cpu, const char *package, const char *core_siblings, const char *threads) {
    static const char *const topology = "/sys/devices/system/cpu/cpu%d/topology/%s";
    fake_filef(package, topology, cpu, "physical_package_id");
    fake_filef(core_siblings, topology, cpu, "core_siblings_list");
    fake_filef(threads, topology, cpu, "thread_siblings_list");
}

static void two_sockets_with_smt(UNUSED void **state) {
    fake_file("/proc/cpuinfo", "processor\t: 0\nmodel name\t: Xeon(R) Gold 6338 @ 2.00GHz\n"
                               "microcode\t: 0xd0003a5\nprocessor\t: 1\n");
    fake_file("/sys/devices/system/cpu/online", "0-7\n");
    fake_file("/sys/devices/system/cpu/smt/active", "1\n");
    for (int cpu = 0; cpu < 8; cpu++) {
        char threads[16];
        snprintf(threads, sizeof(threads), "%d,%d\n", cpu % 4, cpu % 4 + 4);
        fake_cpu(cpu, cpu % 4 < 2 ? "0\n" : "1\n", cpu % 4 < 2 ? "0-1,4-5\n" : "2-3,6-7\n",
                 threads);
    }
    fake_file("/sys/devices/system/node/online", "0-1\n");
    fake_file("/sys/devices/system/node/node0/cpulist", "0-1,4-5\n");
    fake_file("/sys/devices/system/node/node1/cpulist", "2-3,6-7\n");
    fake_file("/sys/devices/system/node/node0/meminfo", "Node 0 MemTotal:       1024 kB\n");
    fake_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver", "intel_pstate\n");
    fake_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
    fake_file("/sys/devices/system/cpu/cpu0/cpufreq/base_frequency", "2000000\n");
    fake_file("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "3200000\n");
    fake_file("/sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
    fake_file("/sys/devices/system/cpu/vulnerabilities/meltdown", "Not affected\n");
    fake_file("/sys/devices/system/cpu/vulnerabilities/retbleed", "Mitigation: Enhanced IBRS\n");
    fake_file("/sys/class/dmi/id/sys_vendor", "Dell Inc.\n");
    fake_file("/sys/class/dmi/id/product_name", "PowerEdge R750  \n");
    fake_file("/sys/class/dmi/id/product_serial", "SECRET1\n");
    fake_file("/sys/class/dmi/id/product_uuid", "4C4C4544-0042\n");
    fake_file("/sys/class/dmi/id/board_serial", "CN7475\n");
    fake_file("/sys/class/dmi/id/chassis_serial", "SECRET2\n");
    fake_file("/etc/machine-id", "0123abcd\n");
    fake_file("/sys/class/dmi/id/bios_version", "1.5.4\n");
    fake_file("/proc/uptime", "123.25 4.00\n");
    fake_file("/proc/loadavg", "0.50 0.40 0.30 1/200 99\n");
    json_t *f = facts();
    expect(f, "cpu_model", "\"Xeon(R) Gold 6338 @ 2.00GHz\"");
    expect(f, "cpu_microcode", "\"0xd0003a5\"");
    expect(f, "sockets", "2");
    expect(f, "cores", "4");
    expect(f, "threads", "8");
    expect(f, "smt", "true");
    expect(f, "numa_nodes",
           "[{\"cpus\":\"0-1,4-5\",\"memory_bytes\":1048576},"
           "{\"cpus\":\"2-3,6-7\",\"memory_bytes\":null}]");
    expect(f, "cpu_driver", "\"intel_pstate\"");
    expect(f, "cpu_governor", "\"performance\"");
    expect(f, "cpu_base_mhz", "2000");
    expect(f, "cpu_max_mhz", "3200");
    expect(f, "turbo", "false");
    expect(f, "mitigations", "{\"retbleed\":\"Mitigation: Enhanced IBRS\"}");
    expect(f, "machine_maker", "\"Dell Inc.\"");
    expect(f, "machine_model", "\"PowerEdge R750\"");
    expect(f, "bios_version", "\"1.5.4\"");
    expect(f, "bios_maker", "null");
    expect(f, "machine_id", "\"0123abcd\"");
    expect(f, "board_serial", "\"CN7475\"");
    expect(f, "product_uuid", "\"4C4C4544-0042\"");
    expect(f, "uptime_seconds", "123.25");
    expect(f, "load_average", "0.5");
    char *text = json_dumps(f, 0);
    assert_null(strstr(text, "SECRET"));
    free(text);
    json_decref(f);
}

/* Large machines are counted by one core's threads, and the kernel may switch SMT off. */
static void large_machines(UNUSED void **state) {
    fake_file("/sys/devices/system/cpu/online", "0-255\n");
    fake_cpu(0, "0\n", "0-63,128-191\n", "0,128\n");
    fake_cpu(64, "1\n", "64-127,192-255\n", "64,192\n");
    json_t *f = facts();
    expect(f, "sockets", "2");
    expect(f, "cores", "128");
    expect(f, "threads", "256");
    expect(f, "smt", "true");
    json_decref(f);
    fake_file("/sys/devices/system/cpu/smt/active", "0\n");
    f = facts();
    expect(f, "cores", "256");
    expect(f, "smt", "false");
    json_decref(f);
}

static void an_arm_server(UNUSED void **state) {
    fake_file("/proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n");
    fake_file("/sys/devices/system/cpu/online", "0-2\n");
    for (int cpu = 0; cpu < 3; cpu++) {
        char self[16];
        snprintf(self, sizeof(self), "%d\n", cpu);
        fake_cpu(cpu, "-1\n", "0-2\n", self);
    }
    fake_file("/sys/devices/system/cpu/cpu0/acpi_cppc/nominal_freq", "3000\n");
    fake_file("/sys/devices/system/cpu/cpufreq/boost", "1\n");
    json_t *f = facts();
    expect(f, "cpu_model", "\"Neoverse-N1\"");
    expect(f, "sockets", "null");
    expect(f, "cores", "3");
    expect(f, "smt", "false");
    expect(f, "cpu_base_mhz", "3000");
    expect(f, "turbo", "true");
    json_decref(f);
    fake_file("/proc/cpuinfo", "CPU implementer\t: 0x99\nCPU part\t: 0x001\n");
    f = facts();
    expect(f, "cpu_model", "\"implementer 0x99 part 0x001\"");
    json_decref(f);
}

static void a_machine_without_files(UNUSED void **state) {
    static const char *const unknown[] = {"cpu_model",
                                          "cpu_microcode",
                                          "sockets",
                                          "cores",
                                          "smt",
                                          "numa_nodes",
                                          "cpu_governor",
                                          "turbo",
                                          "mitigations",
                                          "dimms",
                                          "dimm_slots",
                                          "memory_errors_corrected",
                                          "disks",
                                          "network",
                                          "gpus",
                                          "nvidia_driver",
                                          "bios_date",
                                          "os",
                                          "kernel_command_line",
                                          "uptime_seconds",
                                          "container"};
    json_t *f = facts();
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++)
        expect(f, unknown[i], "null");
    expect(f, "lock", "true");
    assert_true(json_integer_value(json_object_get(f, "memory_bytes")) > 0);
    json_decref(f);
}

static void fake_pcie(const char *device, const char *width, const char *most, const char *speed) {
    fake_filef(width, "%s/current_link_width", device);
    fake_filef(most, "%s/max_link_width", device);
    fake_filef(speed, "%s/current_link_speed", device);
}

static void disks_cards_and_gpus(UNUSED void **state) {
    char target[128];
    fake_folder("/sys/block");
    fake_link("/sys/block/nvme0n1", "../fake/nvme/nvme0/nvme0n1");
    fake_file("/sys/fake/nvme/nvme0/nvme0n1/size", "2000\n");
    fake_file("/sys/fake/nvme/nvme0/nvme0n1/queue/rotational", "0\n");
    fake_file("/sys/fake/nvme/nvme0/nvme0n1/device/model", "PM9A3 3.84TB      \n");
    fake_file("/sys/fake/nvme/nvme0/nvme0n1/device/serial", "SECRET3\n");
    fake_pcie("/sys/fake/nvme/nvme0/nvme0n1/device/device", "2\n", "4\n", "16.0 GT/s PCIe\n");
    /* two ways to one disk: the controllers are below its subsystem */
    fake_link("/sys/block/nvme1n1", "../devices/virtual/nvme-subsystem/nvme-subsys1/nvme1n1");
    fake_file("/sys/devices/virtual/nvme-subsystem/nvme-subsys1/nvme1n1/size", "2\n");
    fake_pcie("/sys/devices/virtual/nvme-subsystem/nvme-subsys1/nvme1n1/device/nvme1/device", "4",
              "4", "8 GT/s");
    fake_link("/sys/block/sda", "../fake/ata1/host0/sda");
    fake_file("/sys/fake/ata1/host0/sda/size", "4096\n");
    fake_file("/sys/fake/ata1/host0/sda/queue/rotational", "1\n");
    fake_link("/sys/block/sdb", "../fake/host1/port-1:0/end_device-1:0/sdb");
    fake_file("/sys/fake/host1/port-1:0/end_device-1:0/sdb/size", "8\n");
    static const char *const not_disks[] = {"loop0", "dm-0", "zram0", "ram0", "md127"};
    for (size_t i = 0; i < ARRAY_LEN(not_disks); i++) {
        char path[64];
        snprintf(path, sizeof(path), "/sys/block/%s", not_disks[i]);
        snprintf(target, sizeof(target), "../devices/virtual/block/%s", not_disks[i]);
        fake_link(path, target);
        snprintf(path, sizeof(path), "/sys/devices/virtual/block/%s/size", not_disks[i]);
        fake_file(path, "100\n");
    }
    fake_folder("/sys/class/net/lo");
    fake_file("/sys/class/net/eth0/device/vendor", "0x8086\n");
    fake_link("/sys/class/net/eth0/device/driver", "../../bus/pci/drivers/ice");
    fake_file("/sys/class/net/eth0/operstate", "up\n");
    fake_file("/sys/class/net/eth0/speed", "25000\n");
    fake_pcie("/sys/class/net/eth0/device", "8\n", "8\n", "Unknown speed\n");
    fake_file("/sys/class/net/eth1/device/vendor", "0x8086\n");
    fake_pcie("/sys/class/net/eth1/device", "0\n", "0\n", "2.5 GT/s PCIe\n"); /* a function */
    fake_pcie("/sys/class/net/eth2/device", "255\n", "255\n", "Unknown\n");   /* one that is off */
    fake_file("/sys/class/net/eth1/operstate", "down\n");
    fake_file("/sys/class/net/eth1/speed", "-1\n");
    fake_file("/sys/class/net/eth2/device/vendor", "0x8086\n");
    fake_file("/sys/class/net/eth2/operstate", "up\n");
    fake_file("/sys/class/net/eth2/speed", "4294967295\n");
    fake_file("/sys/bus/pci/devices/0000:00:1f.0/class", "0x020000\n");
    fake_file("/sys/bus/pci/devices/0000:17:00.0/class", "0x030200\n");
    fake_pcie("/sys/bus/pci/devices/0000:17:00.0", "8\n", "16\n", "2.5 GT/s PCIe\n");
    fake_file("/sys/bus/pci/devices/0000:17:00.0/vendor", "0x10de\n");
    fake_file("/sys/bus/pci/devices/0000:17:00.0/device", "0x20b5\n");
    fake_link("/sys/bus/pci/devices/0000:17:00.0/driver", "../../../bus/pci/drivers/nvidia");
    fake_file("/proc/driver/nvidia/gpus/0000:17:00.0/information",
              "Model: \t\t NVIDIA A100 80GB PCIe\nIRQ:   \t\t 42\nGPU UUID: \t GPU-SECRET4\n"
              "Video BIOS: \t 92.00.68.00.01\nGPU Firmware: \t 535.104.05\n");
    fake_file("/proc/driver/nvidia/version",
              "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15\n");
    json_t *f = facts();
    expect(f, "disks",
           "[{\"name\":\"nvme0n1\",\"model\":\"PM9A3 3.84TB\",\"size_bytes\":1024000,"
           "\"rotational\":false,\"transport\":\"nvme\",\"pcie_width\":2,"
           "\"pcie_width_max\":4,\"pcie_gts\":16},"
           "{\"name\":\"nvme1n1\",\"model\":null,\"size_bytes\":1024,\"rotational\":null,"
           "\"transport\":\"nvme\",\"pcie_width\":4,\"pcie_width_max\":4,\"pcie_gts\":8},"
           "{\"name\":\"sda\",\"model\":null,\"size_bytes\":2097152,\"rotational\":true,"
           "\"transport\":\"sata\"},"
           "{\"name\":\"sdb\",\"model\":null,\"size_bytes\":4096,\"rotational\":null,"
           "\"transport\":\"sas\"}]");
    expect(f, "network",
           "[{\"name\":\"eth0\",\"driver\":\"ice\",\"link\":true,\"speed_mbps\":25000,"
           "\"pcie_width\":8,\"pcie_width_max\":8,\"pcie_gts\":null},"
           "{\"name\":\"eth1\",\"driver\":null,\"link\":false,\"speed_mbps\":null},"
           "{\"name\":\"eth2\",\"driver\":null,\"link\":true,\"speed_mbps\":null}]");
    expect(f, "gpus",
           "[{\"address\":\"0000:17:00.0\",\"vendor_id\":\"0x10de\",\"device_id\":\"0x20b5\","
           "\"driver\":\"nvidia\",\"model\":\"NVIDIA A100 80GB PCIe\",\"vbios\":\"92.00.68.00.01\","
           "\"firmware\":\"535.104.05\",\"pcie_width\":8,\"pcie_width_max\":16,"
           "\"pcie_gts\":2.5}]");
    expect(f, "nvidia_driver", "\"535.104.05\"");
    char *text = json_dumps(f, 0);
    assert_null(strstr(text, "SECRET"));
    free(text);
    json_decref(f);
}

static void the_command_line_keeps_its_secrets(UNUSED void **state) {
    fake_file("/proc/cmdline",
              "BOOT_IMAGE=/vmlinuz root=UUID=0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f ro "
              "resume=/dev/disk/by-id/x-0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f quiet "
              "rd.iscsi.Password=hunter2 mitigations=off luks.key=abc=def isolcpus=1-3\n");
    json_t *f = facts();
    expect(f, "kernel_command_line",
           "\"BOOT_IMAGE=/vmlinuz root=*** ro resume=/dev/disk/by-id/x-*** quiet "
           "rd.iscsi.Password=*** mitigations=off luks.key=*** isolcpus=1-3\"");
    json_decref(f);
}

/* Two hundred disks and many network devices, all with the longest and oddest names. */
static void more_than_fits(UNUSED void **state) {
    char path[200], odd[300];
    memset(odd, '\x01', sizeof(odd));
    memset(odd + 100, '"', 100);
    odd[299] = '\0';
    fake_folder("/sys/block");
    for (int i = 0; i < 200; i++) {
        char target[100];
        snprintf(path, sizeof(path), "/sys/block/sd%03d", i);
        snprintf(target, sizeof(target), "../fake/host%d/sd%03d", i, i);
        fake_link(path, target);
        fake_filef("4096\n", "/sys/fake/host%d/sd%03d/size", i, i);
        fake_filef(odd, "/sys/fake/host%d/sd%03d/device/model", i, i);
    }
    for (int i = 0; i < 500; i++) {
        snprintf(path, sizeof(path), "/sys/class/net/veth%04d", i);
        fake_folder(path);
    }
    for (int i = 0; i < 60; i++) {
        fake_filef("1\n", "/sys/class/net/eth%02d/device/vendor", i);
        fake_filef("0x030000\n", "/sys/bus/pci/devices/0000:%02x:00.0/class", i);
        fake_filef(odd, "/sys/bus/pci/devices/0000:%02x:00.0/vendor", i);
        snprintf(path, sizeof(path), "/sys/class/net/eth%02d/device", i);
        fake_pcie(path, "16\n", "16\n", "32.0 GT/s PCIe\n");
        snprintf(path, sizeof(path), "/sys/bus/pci/devices/0000:%02x:00.0", i);
        fake_pcie(path, "16\n", "16\n", "32.0 GT/s PCIe\n");
        fake_filef(odd, "/sys/devices/system/cpu/vulnerabilities/v%d", i);
    }
    int64_t begin = clock_now();
    json_t *f = facts();
    assert_true(clock_now() - begin < CLOCK_S);
    assert_int_equal(json_array_size(json_object_get(f, "disks")), 48);
    expect(f, "disks_more", "152");
    assert_int_equal(json_array_size(json_object_get(f, "network")), 48);
    expect(f, "network_more", "12");
    assert_int_equal(json_array_size(json_object_get(f, "gpus")), 48);
    expect(f, "gpus_more", "12");
    json_decref(f);
}

/* Files of any content and length where numbers and names should be. */
static void hostile_files(UNUSED void **state) {
    static const char *const files[] = {
        "/proc/cpuinfo",
        "/proc/cmdline",
        "/proc/uptime",
        "/proc/loadavg",
        "/etc/os-release",
        "/sys/devices/system/cpu/online",
        "/sys/devices/system/cpu/smt/active",
        "/sys/devices/system/cpu/cpu0/topology/core_siblings_list",
        "/sys/devices/system/cpu/cpu0/topology/thread_siblings_list",
        "/sys/devices/system/cpu/cpu0/topology/physical_package_id",
        "/sys/devices/system/cpu/cpu0/cpufreq/base_frequency",
        "/sys/devices/system/node/online",
        "/sys/devices/system/node/node0/meminfo",
        "/sys/devices/system/cpu/vulnerabilities/x",
        "/sys/firmware/dmi/tables/DMI",
        "/sys/class/dmi/id/sys_vendor",
        "/sys/class/net/eth0/device/x",
        "/sys/class/net/eth0/speed",
        "/sys/bus/pci/devices/0000:00:00.0/class",
        "/proc/driver/nvidia/version",
        "/run/systemd/container",
        "/sys/devices/system/edac/mc/mc0/ce_count",
    };
    static const char *const contents[] = {
        "",
        "\n",
        "-1\n",
        "99999999999999999999999\n",
        "0-99999999999\n",
        "0-4294967296,-,,5-\n",
        "7-3\n",
        "0,0,0,1-1",
        "\xff\xfe\x80",
        "\"\\\n\"",
        "MemTotal:",
        "MemTotal:  -5 kB",
        "model name\t:",
        "CPU implementer\t:\nCPU part\t: x",
        "PRETTY_NAME=\"",
        "0x03",
        "a=",
        "=",
    };
    static char huge[300000];
    for (size_t i = 0; i < sizeof(huge); i++)
        huge[i] = (char)(i * 7919 >> 3);
    for (size_t c = 0; c <= ARRAY_LEN(contents); c++) {
        for (size_t i = 0; i < ARRAY_LEN(files); i++)
            if (c < ARRAY_LEN(contents))
                fake_file(files[i], contents[c]);
            else
                fake_bytes(files[i], huge, sizeof(huge));
        json_t *f = facts();
        expect(f, "lock", "true");
        json_decref(f);
    }
}

/* ---- memory modules ---- */

/* A memory device by the table of the standard, with three texts. */
static size_t memory_device(uint8_t *to, uint8_t length, uint16_t size, uint32_t extended,
                            const char *texts, size_t texts_length) {
    memset(to, 0, length);
    to[0] = 17;
    to[1] = length;
    to[0x0c] = (uint8_t)size, to[0x0d] = (uint8_t)(size >> 8);
    to[0x10] = 1;
    to[0x12] = 0x22;
    to[0x15] = 0xe0, to[0x16] = 0x15; /* 5600 */
    to[0x17] = 2;
    to[0x18] = 3; /* the serial number */
    to[0x1a] = 4;
    memcpy(to + 0x1c, &extended, 4);
    to[0x20] = 0x30, to[0x21] = 0x11; /* 4400 */
    memcpy(to + length, texts, texts_length);
    return length + texts_length;
}

static size_t table(uint8_t *to) {
    static const char texts[] = "DIMM_A1\0Samsung \0SECRET5\0M321R4GA3BB6\0";
    static const char empty[] = "DIMM_A2\0";
    uint8_t *p = to;
    memcpy(p,
           "\x00\x04\x00\x00"
           "BIOS\0",
           10);
    p += 10;
    p += memory_device(p, 0x28, 0x7fff, 32768, texts, sizeof(texts));
    p += memory_device(p, 0x28, 0, 0, empty, sizeof(empty));
    p += memory_device(p, 0x28, 0x8000 | 512, 0, texts, sizeof(texts));
    memcpy(p, "\x7f\x04\x00\x00\0\0", 6);
    return (size_t)(p + 6 - to);
}

static void memory_modules(UNUSED void **state) {
    uint8_t bytes[1024];
    size_t n = table(bytes);
    fake_bytes("/sys/firmware/dmi/tables/DMI", bytes, n);
    fake_file("/sys/devices/system/edac/mc/mc0/ce_count", "3\n");
    fake_file("/sys/devices/system/edac/mc/mc1/ce_count", "4\n");
    json_t *f = facts();
    expect(f, "dimm_slots", "3");
    expect(f, "dimms",
           "[{\"slot\":\"DIMM_A1\",\"size_bytes\":34359738368,\"type\":\"DDR5\","
           "\"speed_mts\":5600,\"configured_mts\":4400,\"maker\":\"Samsung\","
           "\"part\":\"M321R4GA3BB6\"},"
           "{\"slot\":\"DIMM_A1\",\"size_bytes\":524288,\"type\":\"DDR5\",\"speed_mts\":5600,"
           "\"configured_mts\":4400,\"maker\":\"Samsung\",\"part\":\"M321R4GA3BB6\"}]");
    expect(f, "memory_errors_corrected", "7");
    expect(f, "memory_errors_uncorrected", "null");
    json_decref(f);
}

static void count(void *arg, const struct dimm *d) {
    assert_true(memchr(d->slot, 0, sizeof(d->slot)) && memchr(d->part, 0, sizeof(d->part)));
    ++*(int *)arg;
}

/* Cut anywhere, and with any one byte changed: under the sanitizers nothing is read beyond it. */
static void broken_tables(UNUSED void **state) {
    uint8_t bytes[1024];
    size_t n = table(bytes);
    int slots = 0;
    smbios_dimms(bytes, n, count, &slots);
    assert_int_equal(slots, 3);
    for (size_t cut = 0; cut <= n; cut++) {
        uint8_t *copy = malloc(cut + 1);
        memcpy(copy, bytes, cut);
        copy = realloc(copy, cut ? cut : 1);
        smbios_dimms(copy, cut, count, &slots);
        free(copy);
    }
    for (size_t at = 0; at < n; at++)
        for (int value = 0; value < 256; value += 5) {
            uint8_t *copy = malloc(n);
            memcpy(copy, bytes, n);
            copy[at] = (uint8_t)value;
            smbios_dimms(copy, n, count, &slots);
            free(copy);
        }
}

int main(void) {
#define in_tree(f) cmocka_unit_test_setup_teardown(f, fake_tree_begin, fake_tree_end)
    const struct CMUnitTest tests[] = {
        in_tree(two_sockets_with_smt), in_tree(large_machines),
        in_tree(an_arm_server),        in_tree(a_machine_without_files),
        in_tree(disks_cards_and_gpus), in_tree(the_command_line_keeps_its_secrets),
        in_tree(more_than_fits),       in_tree(hostile_files),
        in_tree(memory_modules),       cmocka_unit_test(broken_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
