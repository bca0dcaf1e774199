/*
 * diskplace: see diskplace.h.
 *
 * A file system in memory is refused by its name, whoever asks for it: what it measures is memory.
 * One that lies elsewhere (NFS and its like) is only used when the user names it.
 */
#include "diskplace.h"

#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MIB (1024.0 * 1024.0)

/* Numbers of linux/magic.h, and of file systems that have theirs in their own sources. */
static const struct {
    long type;
    const char *name;
    enum { IN_MEMORY, ELSEWHERE } kind;
} not_disks[] = {
    {0x01021994, "tmpfs", IN_MEMORY},     {0x858458f6, "ramfs", IN_MEMORY},
    {0x958458f6, "hugetlbfs", IN_MEMORY}, {0x9fa0, "proc", IN_MEMORY},
    {0x62656572, "sysfs", IN_MEMORY},     {0x6969, "nfs", ELSEWHERE},
    {0xff534d42, "cifs", ELSEWHERE},      {0xfe534d42, "smb2", ELSEWHERE},
    {0x00c36400, "ceph", ELSEWHERE},      {0x01021997, "9p", ELSEWHERE},
    {0x65735546, "fuse", ELSEWHERE},      {0x0bd00bd0, "lustre", ELSEWHERE},
    {0x47504653, "gpfs", ELSEWHERE},      {0x5346414f, "afs", ELSEWHERE},
    {0x19830326, "fhgfs", ELSEWHERE},     {0x73717368, "squashfs", IN_MEMORY},
};

/* The index of the folder's file system among those, or -1: it is on a disk. */
static int not_disk(const struct statfs *fs) {
    for (size_t i = 0; i < ARRAY_LEN(not_disks); i++)
        if ((long)((unsigned long)fs->f_type & 0xffffffff) == not_disks[i].type)
            return (int)i;
    return -1;
}

static int open_file(const char *folder) {
    int fd = open(folder, O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    /* a file system that knows no files without a name */
    char path[4096];
    int len = snprintf(path, sizeof(path), "%s/.muster-disk.XXXXXX", folder);
    if (len < 0 || (size_t)len >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC | O_DIRECT);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static int use(const char *folder, int64_t size, struct failure *f) {
    struct statfs fs;
    int fd = open_file(folder);
    if (fd < 0)
        return failure_set(f, "unsupported", "no file can be made in %s for direct access: %s",
                           folder, strerror(errno));
    if (fstatfs(fd, &fs) == 0 && (double)fs.f_bavail * (double)fs.f_bsize >= 2 * (double)size)
        return fd;
    close(fd);
    return failure_set(f, "unsupported", "%s has %.0f MiB free, and twice %.0f MiB are needed",
                       folder, (double)fs.f_bavail * (double)fs.f_bsize / MIB, (double)size / MIB);
}

static int use_given(const char *path, int64_t size, struct failure *f) {
    struct stat st;
    struct statfs fs;
    if (stat(path, &st) != 0 || statfs(path, &fs) != 0)
        return failure_set(f, "unsupported", "cannot look at %s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return failure_set(f, "unsupported", "%s is not a folder", path);
    int i = not_disk(&fs);
    if (i >= 0 && not_disks[i].kind == IN_MEMORY)
        return failure_set(f, "unsupported", "%s is not on a disk but on %s", path,
                           not_disks[i].name);
    return use(path, size, f);
}

int diskplace_open(const char *path, int64_t size, const char **where, struct failure *f) {
    static const char *const usual[] = {"/var/tmp", "/tmp", "/var/lib", "/srv", "/home", "/"};
    const char *home = getenv("HOME");
    struct failure first = {0}, why;
    int fd = -1;
    *where = path;
    if (path)
        return use_given(path, size, f);
    for (size_t i = 0; fd < 0 && i <= ARRAY_LEN(usual); i++) {
        struct statfs fs;
        *where = i < ARRAY_LEN(usual) ? usual[i] : home;
        if (!*where || statfs(*where, &fs) != 0 || not_disk(&fs) >= 0)
            continue;
        fd = use(*where, size, &why);
        if (fd < 0 && !first.reason)
            first = why;
    }
    if (fd < 0 && first.reason)
        *f = first;
    else if (fd < 0)
        failure_set(f, "unsupported", "disk: none of the usual folders lies on a disk");
    return fd;
}

/* Whether the SCSI disk is one that a hypervisor plays. */
static bool is_played(const char *device) {
    static const char *const vendors[] = {"QEMU", "VMware", "Msft", "Google", "VBOX", "Xen"};
    char path[600], vendor[64];
    snprintf(path, sizeof(path), "%s/device/vendor", device);
    if (!file_line(path, vendor, sizeof(vendor)))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(vendors); i++)
        if (strncmp(vendor, vendors[i], strlen(vendors[i])) == 0)
            return true;
    return false;
}

/* Replaces the folder of a volume or a partition by that of what it lies on. False: by nothing. */
static bool go_down(char device[512]) {
    char path[600];
    snprintf(path, sizeof(path), "%s/partition", device);
    if (access(path, F_OK) == 0) {
        char *slash = strrchr(device, '/');
        *slash = '\0';
        return true;
    }
    snprintf(path, sizeof(path), "%s/slaves", device);
    DIR *slaves = opendir(path);
    struct dirent *entry = NULL;
    while (slaves && (entry = readdir(slaves)) && entry->d_name[0] == '.')
        ;
    bool found = entry != NULL;
    if (found) {
        snprintf(path, sizeof(path), "%s/slaves/%.60s", device, entry->d_name);
        char *real = realpath(path, NULL);
        found = real && strlen(real) < 512;
        if (found)
            strcpy(device, real);
        free(real);
    }
    if (slaves)
        closedir(slaves);
    return found;
}

const char *diskplace_class(int fd) {
    struct stat st;
    char path[64], device[512], rotational[8];
    if (fstat(fd, &st) != 0)
        return NULL;
    snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
    cleanup(free_ptr) char *real = realpath(path, NULL);
    if (!real || strlen(real) >= sizeof(device))
        return NULL;
    strcpy(device, real);
    for (int levels = 0; levels < 8 && go_down(device); levels++)
        ;
    const char *name = strrchr(device, '/') + 1;
    if (strncmp(name, "nvme", 4) == 0)
        return "nvme";
    if (strncmp(name, "vd", 2) == 0 || strncmp(name, "xvd", 3) == 0 || is_played(device))
        return "virtual";
    if (strncmp(name, "sd", 2) != 0)
        return NULL;
    char queue[600];
    snprintf(queue, sizeof(queue), "%s/queue/rotational", device);
    if (!file_line(queue, rotational, sizeof(rotational)))
        return NULL;
    return rotational[0] == '1' ? "hdd" : "ssd";
}
