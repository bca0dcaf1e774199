/*
 * numa: to which node of the memory a CPU belongs.
 */
#pragma once

/*
 * Fills nodes[i] with the node of cpus[i] (0 where the system does not tell), and sorts both by
 * node, the CPUs of a node ascending.
 */
void numa_sort(int *cpus, int *nodes, int count);

/* How many CPUs at the start of `nodes` are of one node. */
int numa_run(const int *nodes, int count);
