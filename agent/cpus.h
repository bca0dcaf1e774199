/*
 * cpus: which CPUs this process may run on.
 */
#pragma once

#include <stdbool.h>

#define CPUS_MAX 8192

/*
 * Fills `cpus` with the numbers of the CPUs that the affinity allows, ascending. Returns how many,
 * or 0 when the system does not tell.
 */
int cpus_allowed(int cpus[CPUS_MAX]);

/* How many CPUs the machine has that the kernel schedules on, or 0 when the system does not tell.
 */
int cpus_online(void);

/* Binds the calling thread to one CPU, if it can be done. */
void cpus_pin(int cpu);

/* The CPUs' worth of time that the control groups grant; NAN when they set no limit. */
double cpus_quota(void);

/* Whether a list such as "0-3,8", as the kernel writes them, has the number in it. */
bool cpus_in_list(const char *list, int number);
