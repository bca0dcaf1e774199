/*
 * machine: see machine.h.
 *
 * The limit of a control group holds for all groups below it, so each one from the process's own up
 * to the root is looked at, in version 2 and in version 1, and the one with the least room is the
 * one that counts. Inside a container the path that /proc names may not exist below the mounted
 * root; walking up from it ends at the container's own group.
 *
 * Memory that holds files is given back when it is asked for, so it is not in use.
 *
 * The user's threads are counted, over all of /proc, only where the limit could be met if all
 * threads of the machine were the user's.
 */
#include "exec/machine.h"

#include "base/fd.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1 << 20)
#define NOT_KNOWN (-1)
#define CAN_SYS_ADMIN (1ULL << 21)
#define CAN_SYS_RESOURCE (1ULL << 24)

/* ---- files --------------------------------------------------------------------------------- */

/* The text of a file below `root`; NULL when it cannot be read. */
static const char *text_of(const char *root, const char *path, struct str *out) {
    cleanup(str_done) struct str full = {0};
    struct error ignored;
    str_addf(&full, "%s%s", root, path);
    str_clear(out);
    if (full.failed || fd_read_file(full.data, FILE_MAX, out, &ignored) != 0)
        return NULL;
    return out->data ? out->data : "";
}

/* A whole number of at least 0, at the beginning of a text. */
static int64_t number_at(const char *text) {
    if (!text)
        return NOT_KNOWN;
    text += strspn(text, " \t");
    return isdigit((unsigned char)*text) ? strtoll(text, NULL, 10) : NOT_KNOWN;
}

static int64_t number_in(const char *root, const char *path) {
    cleanup(str_done) struct str text = {0};
    return number_at(text_of(root, path, &text));
}

/* What stands behind `key` at the beginning of a line; NULL when no line has it. */
static const char *after_key(const char *text, const char *key) {
    size_t n = strlen(key);
    while (text && strncmp(text, key, n) != 0) {
        const char *end = strchr(text, '\n');
        text = end ? end + 1 : NULL;
    }
    return text ? text + n : NULL;
}

static struct supply supply(int64_t limit, int64_t used) {
    return (struct supply){.limit = limit < 0 ? SUPPLY_UNLIMITED : limit,
                           .used = used < 0 ? 0 : used};
}

/* ---- threads and processes ----------------------------------------------------------------- */

/* All threads of the machine: behind the slash of "0.20 0.18 0.12 1/671 11206". */
static int64_t all_threads(const char *root) {
    cleanup(str_done) struct str text = {0};
    const char *load = text_of(root, "/proc/loadavg", &text);
    const char *slash = load ? strchr(load, '/') : NULL;
    return slash ? number_at(slash + 1) : NOT_KNOWN;
}

/* Whether the limit of a user's processes does not hold for this one. */
static bool is_exempt(const char *root, const char *status, int64_t user) {
    cleanup(str_done) struct str text = {0};
    const char *map = text_of(root, "/proc/self/uid_map", &text);
    unsigned long long first, to, count;
    /* the root of a container that has users of its own is any user to the kernel */
    if (map && sscanf(map, "%llu %llu %llu", &first, &to, &count) == 3 &&
        (first != 0 || to != 0 || count < UINT32_MAX))
        return false;
    const char *may = after_key(status, "CapEff:");
    unsigned long long able = may ? strtoull(may, NULL, 16) : 0;
    return user == 0 || (able & (CAN_SYS_ADMIN | CAN_SYS_RESOURCE));
}

static int64_t threads_of(const char *root, const char *process, int64_t user) {
    cleanup(str_done) struct str text = {0};
    char path[300];
    snprintf(path, sizeof(path), "/proc/%s/status", process);
    const char *status = text_of(root, path, &text);
    if (number_at(after_key(status, "Uid:")) != user)
        return 0;
    int64_t threads = number_at(after_key(status, "Threads:"));
    return threads < 0 ? 0 : threads;
}

static int64_t count_threads(const char *root, int64_t user) {
    cleanup(str_done) struct str path = {0};
    str_addf(&path, "%s/proc", root);
    DIR *folder = path.failed ? NULL : opendir(path.data);
    if (!folder)
        return 0;
    int64_t count = 0;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (isdigit((unsigned char)*entry->d_name))
            count += threads_of(root, entry->d_name, user);
    closedir(folder);
    return count;
}

static struct supply user_processes(const char *root, int64_t limit, int64_t threads,
                                    int64_t wanted) {
    cleanup(str_done) struct str text = {0};
    const char *status = text_of(root, "/proc/self/status", &text);
    int64_t user = number_at(after_key(status, "Uid:"));
    if (limit < 0 || user < 0 || is_exempt(root, status, user))
        return supply(NOT_KNOWN, 0);
    bool matters = threads < 0 || limit - threads < wanted;
    return supply(limit, matters ? count_threads(root, user) : threads);
}

/* ---- control groups ------------------------------------------------------------------------ */

/* The files of a resource in a group, in each version. */
struct controller {
    const char *name;
    const char *limit[2], *used[2];
    const char *files[2][2]; /* keys of memory.stat that say what holds files */
};

static const struct controller PIDS = {
    .name = "pids", .limit = {"pids.max", "pids.max"}, .used = {"pids.current", "pids.current"}};
static const struct controller MEMORY = {
    .name = "memory",
    .limit = {"memory.limit_in_bytes", "memory.max"},
    .used = {"memory.usage_in_bytes", "memory.current"},
    .files = {{"total_inactive_file ", "total_active_file "}, {"inactive_file ", "active_file "}}};

static int64_t number_of_group(const char *root, const char *group, const char *file) {
    char path[GROUP_TEXT + 40];
    snprintf(path, sizeof(path), "%s/%s", group, file);
    return number_in(root, path);
}

static int64_t held_by_files(const struct controller *c, const char *root, const char *group,
                             bool version2) {
    cleanup(str_done) struct str text = {0};
    char path[GROUP_TEXT + 40];
    int64_t sum = 0;
    snprintf(path, sizeof(path), "%s/memory.stat", group);
    const char *stat = c->files[version2][0] ? text_of(root, path, &text) : NULL;
    for (size_t i = 0; stat && i < 2; i++) {
        int64_t n = number_at(after_key(stat, c->files[version2][i]));
        sum += n > 0 ? n : 0;
    }
    return sum;
}

static struct supply supply_of_group(const struct controller *c, const char *root,
                                     const char *group, bool version2) {
    int64_t limit = number_of_group(root, group, c->limit[version2]);
    if (limit < 0) /* "max", or a root's */
        return supply(NOT_KNOWN, 0);
    int64_t used = number_of_group(root, group, c->used[version2]);
    struct supply s = supply(limit, used - held_by_files(c, root, group, version2));
    snprintf(s.group, sizeof(s.group), "%s", group);
    return s;
}

/* Looks at the group at `path` below `mount` and at all above it. */
static void least_up(const struct controller *c, const char *root, const char *mount,
                     const char *path, bool version2, struct supply *least) {
    char group[GROUP_TEXT];
    size_t top = strlen(mount);
    path = strstr(path, "/..") ? "" : path; /* outside of what can be seen */
    if ((size_t)snprintf(group, sizeof(group), "%s%s", mount, path) >= sizeof(group))
        return;
    for (char *slash = group; slash;) {
        struct supply s = supply_of_group(c, root, group, version2);
        if (s.limit - s.used < least->limit - least->used)
            *least = s;
        slash = strrchr(group, '/');
        if (slash && (size_t)(slash - group) < top)
            return;
        *slash = '\0';
    }
}

/* Whether the list of controllers, `cpu,cpuacct`, has this one in it. */
static bool lists(const char *list, const char *name) {
    size_t n = strlen(name);
    for (const char *p = list; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, name, n) == 0 && (p[n] == ',' || p[n] == '\0'))
            return true;
    }
    return false;
}

/* One line of /proc/self/cgroup: hierarchy:controllers:path. */
static void look_at_line(const struct controller *c, const char *root, char *line,
                         struct supply *least) {
    char mount[GROUP_TEXT];
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return;
    *controllers++ = '\0';
    *path++ = '\0';
    if (!*controllers) {
        least_up(c, root, "/sys/fs/cgroup", path, true, least);
        least_up(c, root, "/sys/fs/cgroup/unified", path, true, least);
    } else if (lists(controllers, c->name)) {
        snprintf(mount, sizeof(mount), "/sys/fs/cgroup/%.100s", controllers);
        least_up(c, root, mount, path, false, least);
        if (strcmp(controllers, c->name) == 0)
            return;
        snprintf(mount, sizeof(mount), "/sys/fs/cgroup/%s", c->name);
        least_up(c, root, mount, path, false, least);
    }
}

static struct supply of_groups(const struct controller *c, const char *root) {
    cleanup(str_done) struct str text = {0};
    struct supply least = supply(NOT_KNOWN, 0);
    char *state = NULL;
    if (!text_of(root, "/proc/self/cgroup", &text) || !text.data)
        return least;
    for (char *line = strtok_r(text.data, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
        look_at_line(c, root, line, &least);
    return least;
}

/* ---- the rest ------------------------------------------------------------------------------ */

static int64_t count_maps(const char *root) {
    cleanup(str_done) struct str text = {0};
    int64_t lines = 0;
    for (const char *p = text_of(root, "/proc/self/maps", &text); p && (p = strchr(p, '\n')); p++)
        lines++;
    return lines;
}

/* How many ports from `low` to `high` are in a list like "8080,9148-9150". */
static int64_t count_reserved(const char *list, int64_t low, int64_t high) {
    int64_t count = 0;
    while (list && isdigit((unsigned char)*list)) {
        char *end;
        int64_t first = strtoll(list, &end, 10);
        int64_t last = *end == '-' ? strtoll(end + 1, &end, 10) : first;
        first = first < low ? low : first;
        last = last > high ? high : last;
        count += last >= first ? last - first + 1 : 0;
        list = *end == ',' ? end + 1 : end;
    }
    return count;
}

static struct supply ports(const char *root) {
    cleanup(str_done) struct str range = {0};
    cleanup(str_done) struct str reserved = {0};
    const char *text = text_of(root, "/proc/sys/net/ipv4/ip_local_port_range", &range);
    long long low, high;
    if (!text || sscanf(text, "%lld %lld", &low, &high) != 2 || low > high)
        return supply(NOT_KNOWN, 0);
    const char *list = text_of(root, "/proc/sys/net/ipv4/ip_local_reserved_ports", &reserved);
    return supply(high - low + 1 - count_reserved(list, low, high), 0);
}

static struct supply available_memory(const char *root) {
    cleanup(str_done) struct str text = {0};
    int64_t kib = number_at(after_key(text_of(root, "/proc/meminfo", &text), "MemAvailable:"));
    return supply(kib < 0 ? NOT_KNOWN : kib * 1024, 0);
}

void machine_read(const char *root, int64_t files, int64_t processes, int64_t wanted,
                  struct machine *ret) {
    int64_t threads = all_threads(root);
    ret->of[RESOURCE_FILES] = supply(files, 0);
    ret->of[RESOURCE_PROCESSES] = user_processes(root, processes, threads, wanted);
    ret->of[RESOURCE_CGROUP_PIDS] = of_groups(&PIDS, root);
    ret->of[RESOURCE_THREADS] = supply(number_in(root, "/proc/sys/kernel/threads-max"), threads);
    ret->of[RESOURCE_PIDS] = supply(number_in(root, "/proc/sys/kernel/pid_max"), threads);
    ret->of[RESOURCE_MAPS] =
        supply(number_in(root, "/proc/sys/vm/max_map_count"), count_maps(root));
    ret->of[RESOURCE_PORTS] = ports(root);
    ret->of[RESOURCE_CONNTRACK] =
        supply(number_in(root, "/proc/sys/net/netfilter/nf_conntrack_max"),
               number_in(root, "/proc/sys/net/netfilter/nf_conntrack_count"));
    ret->of[RESOURCE_CGROUP_MEMORY] = of_groups(&MEMORY, root);
    ret->of[RESOURCE_MEMORY] = available_memory(root);
}
