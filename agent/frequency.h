/*
 * frequency: how fast the CPUs run.
 */
#pragma once

#include <stdbool.h>

struct frequency {
    double now;  /* MHz, of the fastest CPU that was looked at */
    double full; /* MHz that it should run at under load */
    bool base;   /* `full` is what is guaranteed with all cores at work; else one core's most */
};

/* Finds CPUs to look at; closes them. */
void frequency_open(void);
void frequency_close(void);

/* False: not known here, as on most virtual machines. */
bool frequency_read(struct frequency *ret);
