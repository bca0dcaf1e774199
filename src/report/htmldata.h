/*
 * htmldata: the servers of a run as blocks of an HTML report, each of a few servers with all that
 * is known of them and their lines of the log.
 *
 *     <script type="application/octet-stream" class="servers" data-first="0" data-last="31">
 *     (JSON, deflated without a header, in base64)
 *     </script>
 *
 * The JSON is an array of {"server": its object of `show --json`, "log": [objects of its lines]}.
 * A page unpacks a block when one of its servers is opened.
 */
#pragma once

#include "report/report.h"

/*
 * Writes all blocks. A log that cannot be read or is not there leaves the lists of lines empty. Its
 * lines are numbered first, 24 bytes of memory a line; besides, there is one block in memory.
 */
int htmldata_write(FILE *out, const struct report_source *from, struct error *err) must_use;
