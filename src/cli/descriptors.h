/* descriptors: room for a fan-out under the limit of open files. */
#pragma once

/*
 * Raises the process's soft limit of open files, when it is too low for `fanout` sessions that hold
 * `each` descriptors and `start` more while one of the first 64 starts. Returns the fan-out that
 * there is room for under the hard limit: `fanout`, or less, but never below 1.
 */
int descriptors_make_room(int fanout, int each, int start);
