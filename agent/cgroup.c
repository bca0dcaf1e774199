/*
 * cgroup: see cgroup.h.
 *
 * A limit in force is the smallest from the process's group up to the root, in version 2 or 1 of
 * control groups, which may both be there. Inside a container the path that /proc names may not
 * exist below the mounted root; walking up from it ends at the container's own group.
 */
#include "cgroup.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The least from the group at `path` below `root` up to the root. */
static double least_up(const char *root, const char *path, bool version2,
                       double (*limit)(const char *group, bool version2)) {
    char group[512];
    size_t root_len = strlen(root);
    if ((size_t)snprintf(group, sizeof(group), "%s%s", root, path) >= sizeof(group))
        return NAN;
    double least = NAN;
    for (;;) {
        least = fmin(least, limit(group, version2));
        char *slash = strrchr(group, '/');
        if (!slash || (size_t)(slash - group) < root_len)
            return least;
        *slash = '\0';
    }
}

/* Whether the list of controllers, `cpu,cpuacct`, has this one in it. */
static bool has(const char *controllers, const char *controller) {
    size_t n = strlen(controller);
    for (const char *p = controllers; p; p = strchr(p, ',')) {
        p += *p == ',';
        if (strncmp(p, controller, n) == 0 && (p[n] == ',' || p[n] == '\0'))
            return true;
    }
    return false;
}

double cgroup_least(const char *controller, double (*limit)(const char *group, bool version2)) {
    FILE *f = fopen("/proc/self/cgroup", "re");
    if (!f)
        return NAN;
    double least = NAN;
    char line[512], root[300];
    /* hierarchy:controllers:path */
    while (fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        controllers++;
        if (*controllers == '\0') {
            least = fmin(least, least_up("/sys/fs/cgroup", path, true, limit));
        } else if (has(controllers, controller)) {
            snprintf(root, sizeof(root), "/sys/fs/cgroup/%.200s", controllers);
            least = fmin(least, least_up(root, path, false, limit));
            snprintf(root, sizeof(root), "/sys/fs/cgroup/%s", controller);
            least = fmin(least, least_up(root, path, false, limit));
        }
    }
    fclose(f);
    return least;
}
