/*
 * thermal: how hot the CPUs are.
 */
#pragma once

#include <stdbool.h>

/* Finds the sensors; closes them. */
void thermal_open(void);
void thermal_close(void);

/*
 * The temperature that is nearest to its limit, in degrees Celsius; *limit is 0 where none is
 * known. False: there is none to read.
 */
bool thermal_read(double *celsius, double *limit);
