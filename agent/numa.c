/*
 * numa: see numa.h. Reads /sys; no state.
 */
#include "numa.h"

#include "cpus.h"
#include "file.h"

#include <stdio.h>
#include <string.h>

#define NODES_MAX 1024

static void assign(const int *cpus, int *nodes, int count) {
    char path[80], online[512], list[4096];
    if (!file_line("/sys/devices/system/node/online", online, sizeof(online)))
        return;
    for (int node = 0; node < NODES_MAX; node++) {
        snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist", node);
        if (!cpus_in_list(online, node) || !file_line(path, list, sizeof(list)))
            continue;
        for (int i = 0; i < count; i++)
            if (cpus_in_list(list, cpus[i]))
                nodes[i] = node;
    }
}

void numa_sort(int *cpus, int *nodes, int count) {
    memset(nodes, 0, (size_t)count * sizeof(*nodes));
    assign(cpus, nodes, count);
    /* they come sorted by number, so few of them move, and a simple sort that keeps order will do
     */
    for (int i = 1; i < count; i++)
        for (int j = i; j > 0 && nodes[j - 1] > nodes[j]; j--) {
            int cpu = cpus[j], node = nodes[j];
            cpus[j] = cpus[j - 1], nodes[j] = nodes[j - 1];
            cpus[j - 1] = cpu, nodes[j - 1] = node;
        }
}

int numa_run(const int *nodes, int count) {
    int n = 1;
    while (n < count && nodes[n] == nodes[0])
        n++;
    return n;
}
