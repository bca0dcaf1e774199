/*
 * diskplace: where the disk benchmark may put its file.
 */
#pragma once

#include "answer.h"

#include <stdint.h>

/*
 * Opens a file without a name, past the page cache, in the folder `path` (NULL: the first of the
 * usual places that lies on a disk of this machine), where twice `size` bytes are free. Returns its
 * descriptor with the folder in *where, or -1: `unsupported`.
 */
int diskplace_open(const char *path, int64_t size, const char **where, struct failure *f);

/*
 * What kind of device the file lies on: "nvme", "ssd", "hdd", "virtual", or NULL when that is not
 * known. A volume over several devices counts as the first of them.
 */
const char *diskplace_class(int fd);
