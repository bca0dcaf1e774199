/*
 * facts_devices: see factrooms.h.
 *
 * Disks are name, model, size_bytes, rotational and transport (nvme, sata, sas, scsi, fc, iscsi,
 * usb, mmc, virtio, xen); not what is made of them or of memory (dm, md, loop, ram, zram).
 *
 * Network are physical cards: name, driver, link (up or not), speed_mbps of an up link.
 *
 * GPUs are PCI devices that are display controllers, the one of a server's management controller
 * among them: address, vendor_id, device_id, driver; of NVIDIA's also model, vbios and firmware.
 * nvidia_driver is its version.
 *
 * Each of them that is behind a PCIe link has pcie_width, pcie_width_max and pcie_gts, which the
 * kernel reads from the device's registers at that moment.
 *
 * A list ends after LIST_MAX; disks_more and so on say how many there are beyond. Serial numbers,
 * addresses of cards and UUIDs are not read.
 */
#include "factrooms.h"

#include "base/attr.h"
#include "file.h"
#include "put.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIST_MAX 48
#define NAME_MAX_SHOWN 64
#define LANES_MAX 32 /* 255: the device does not answer */
#define GTS_MAX 1000

struct list {
    struct str text;
    int count, more;
};

/* Opens an object in the list. False when it is full. */
static bool list_next(struct list *l) {
    if (l->count == LIST_MAX) {
        l->more++;
        return false;
    }
    l->count++;
    put_key(&l->text, NULL);
    str_add_char(&l->text, '{');
    return true;
}

static void list_put(struct str *out, const char *key, struct list *l, bool known) {
    put_key(out, key);
    if (known)
        str_addf(out, "[%s]", l->text.data ? l->text.data : "");
    else
        str_add(out, "null");
    if (l->more > 0) {
        char more[40];
        snprintf(more, sizeof(more), "%s_more", key);
        put_count(out, more, l->more);
    }
    str_done(&l->text);
}

/* Calls each() with the names in a folder, in their order; false when it cannot be read. */
static bool each_name(const char *folder, void (*each)(struct list *l, int at, const char *name),
                      struct list *l) {
    DIR *dir = file_folder(folder);
    if (!dir)
        return false;
    char(*names)[NAME_MAX_SHOWN] = NULL;
    size_t count = 0, room = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.' || strlen(entry->d_name) >= NAME_MAX_SHOWN)
            continue;
        if (count == room) {
            room = room ? 2 * room : 64;
            void *more = realloc(names, room * sizeof(*names));
            if (!more)
                break;
            names = more;
        }
        strcpy(names[count++], entry->d_name);
    }
    if (count > 0)
        qsort(names, count, sizeof(*names), (int (*)(const void *, const void *))strcmp);
    for (size_t i = 0; i < count; i++)
        each(l, dirfd(dir), names[i]);
    free(names);
    closedir(dir);
    return true;
}

/* ---- PCIe ---- */

/*
 * The link of the PCI device in a folder of /sys: lanes, the most that the device could have, and
 * billions of transfers a second in each. Nothing is put where there is no link: a virtual
 * function, a device that is off (which says 0 or 255 lanes), anything that is no PCIe device.
 */
static bool put_pcie(struct str *out, const char *device) {
    char path[200], speed[32];
    int64_t width, most;
    snprintf(path, sizeof(path), "%s/current_link_width", device);
    if (!file_number(path, &width) || width < 1 || width > LANES_MAX)
        return false;
    put_count(out, "pcie_width", width);
    snprintf(path, sizeof(path), "%s/max_link_width", device);
    bool known = file_number(path, &most) && most >= width && most <= LANES_MAX;
    put_count(out, "pcie_width_max", known ? most : -1);
    snprintf(path, sizeof(path), "%s/current_link_speed", device);
    double gts = file_line(path, speed, sizeof(speed)) ? strtod(speed, NULL) : 0;
    put_number(out, "pcie_gts", gts > 0 && gts < GTS_MAX ? gts : NAN);
    return true;
}

/* ---- disks ---- */

/* How a disk is attached, by the path of its device; NULL: it is none, but made of others. */
static const char *transport_of(const char *name, const char *device) {
    static const struct {
        const char *part, *transport;
    } known[] = {
        {"/nvme", "nvme"}, {"/usb", "usb"},   {"/virtio", "virtio"}, {"/end_device", "sas"},
        {"/ata", "sata"},  {"/rport-", "fc"}, {"/session", "iscsi"}, {"/mmc", "mmc"},
        {"/vbd-", "xen"},  {"/host", "scsi"},
    };
    if (strncmp(name, "sr", 2) == 0 || strncmp(name, "fd", 2) == 0)
        return NULL;
    if (strstr(device, "/virtual/") && !strstr(device, "/virtual/nvme-subsystem/"))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strstr(device, known[i].part))
            return known[i].transport;
    return "other";
}

/*
 * The controller of an NVMe disk is its parent, or, where the kernel can use several ways to one
 * disk, what is named like it below its subsystem: nvme0 of nvme0n1.
 */
static void put_nvme(struct str *out, const char *name) {
    char path[160];
    snprintf(path, sizeof(path), "/sys/block/%s/device/device", name);
    if (put_pcie(out, path))
        return;
    int controller = (int)(strcspn(name + 4, "n") + 4);
    snprintf(path, sizeof(path), "/sys/block/%s/device/%.*s/device", name, controller, name);
    put_pcie(out, path);
}

static void add_disk(struct list *l, int at, const char *name) {
    char device[PATH_MAX], path[160];
    ssize_t n = readlinkat(at, name, device, sizeof(device) - 1);
    device[n > 0 ? n : 0] = '\0';
    const char *transport = n > 0 ? transport_of(name, device) : NULL;
    int64_t sectors, rotational;
    snprintf(path, sizeof(path), "/sys/block/%s/size", name);
    if (!transport || !file_number(path, &sectors) || sectors == 0 || !list_next(l))
        return;
    put_text(&l->text, "name", name);
    snprintf(path, sizeof(path), "/sys/block/%s/device/model", name);
    put_file(&l->text, "model", path);
    put_count(&l->text, "size_bytes", sectors < INT64_MAX / 512 ? sectors * 512 : -1);
    snprintf(path, sizeof(path), "/sys/block/%s/queue/rotational", name);
    put_flag(&l->text, "rotational", file_number(path, &rotational) ? rotational != 0 : -1);
    put_text(&l->text, "transport", transport);
    if (strncmp(name, "nvme", 4) == 0)
        put_nvme(&l->text, name);
    str_add_char(&l->text, '}');
}

/* ---- network ---- */

static void add_card(struct list *l, int at, const char *name) {
    char path[160], text[64];
    snprintf(path, sizeof(path), "%s/device", name);
    if (faccessat(at, path, F_OK, 0) != 0 || !list_next(l))
        return;
    put_text(&l->text, "name", name);
    snprintf(path, sizeof(path), "/sys/class/net/%s/device/driver", name);
    put_text(&l->text, "driver", file_link(path, text, sizeof(text)) ? text : NULL);
    snprintf(path, sizeof(path), "/sys/class/net/%s/operstate", name);
    bool known = file_line(path, text, sizeof(text)), up = known && strcmp(text, "up") == 0;
    put_flag(&l->text, "link", known ? up : -1);
    int64_t speed;
    snprintf(path, sizeof(path), "/sys/class/net/%s/speed", name);
    /* 2^32 - 1 is how some say that they do not know */
    bool told = up && file_number(path, &speed) && speed > 0 && speed < UINT32_MAX;
    put_count(&l->text, "speed_mbps", told ? speed : -1);
    snprintf(path, sizeof(path), "/sys/class/net/%s/device", name);
    put_pcie(&l->text, path);
    str_add_char(&l->text, '}');
}

/* ---- GPUs ---- */

static void add_nvidia(struct str *out, const char *address) {
    char path[160], text[4096], copy[4096];
    snprintf(path, sizeof(path), "/proc/driver/nvidia/gpus/%s/information", address);
    if (!file_start(path, text, sizeof(text)))
        return;
    static const char *const keys[][2] = {
        {"model", "Model"}, {"vbios", "Video BIOS"}, {"firmware", "GPU Firmware"}};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        strcpy(copy, text);
        put_text(out, keys[i][0], facts_value(copy, keys[i][1], ':'));
    }
}

static void add_gpu(struct list *l, int at, const char *name) {
    char path[160], text[64] = "";
    snprintf(path, sizeof(path), "%s/class", name);
    int fd = openat(at, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
    if (fd >= 0)
        close(fd);
    if (n < 4 || strncmp(text, "0x03", 4) != 0 || !list_next(l))
        return;
    put_text(&l->text, "address", name);
    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vendor", name);
    put_file(&l->text, "vendor_id", path);
    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/device", name);
    put_file(&l->text, "device_id", path);
    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", name);
    put_text(&l->text, "driver", file_link(path, text, sizeof(text)) ? text : NULL);
    add_nvidia(&l->text, name);
    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", name);
    put_pcie(&l->text, path);
    str_add_char(&l->text, '}');
}

/* `NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug ...`: the first number. */
static void add_nvidia_driver(struct str *out) {
    char text[256], version[32] = "";
    if (file_line("/proc/driver/nvidia/version", text, sizeof(text)))
        for (char *word = strtok(text, " "); word && !*version; word = strtok(NULL, " "))
            if (isdigit((unsigned char)*word) && strchr(word, '.'))
                snprintf(version, sizeof(version), "%.30s", word);
    put_text(out, "nvidia_driver", version);
}

void facts_add_devices(struct str *out) {
    struct list disks = {0}, cards = {0}, gpus = {0};
    bool known = each_name("/sys/block", add_disk, &disks);
    list_put(out, "disks", &disks, known);
    known = each_name("/sys/class/net", add_card, &cards);
    list_put(out, "network", &cards, known);
    known = each_name("/sys/bus/pci/devices", add_gpu, &gpus);
    list_put(out, "gpus", &gpus, known);
    add_nvidia_driver(out);
}
