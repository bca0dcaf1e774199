/*
 * cgroup: what the control groups that this process is in allow it.
 */
#pragma once

#include <stdbool.h>

/*
 * The least of what limit(group, version2) tells for the group of `controller` ("cpu", "memory")
 * that this process is in and for those above it; NAN, which stands for no limit, when none has
 * one. `group` is the group's folder.
 */
double cgroup_least(const char *controller, double (*limit)(const char *group, bool version2));
