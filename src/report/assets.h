/*
 * assets: what browsers are sent: the page, its style and its program (web/), as part of muster.
 *
 * They are bytes, and end in a NUL that does not count. The hashes are what a Content-Security-
 * Policy allows a style or a script by that stands in a page itself: 'sha256-HASH'.
 */
#pragma once

#include <stddef.h>

struct asset {
    const char *data;
    size_t len;
    const char *type;   /* for a Content-Type */
    const char *sha256; /* of the bytes, in base64 */
};

/*
 * asset_page: the page of every address of `muster serve` but /api and /assets. It asks for
 * /assets/app.css and /assets/app.js, which look at the address for what to show:
 *
 *     /                        the runs
 *     /runs/ID                 a run, live while it is in progress (ID may be `last`)
 *     /runs/ID/log             its log; ?server=NAME&level=LEVEL
 *     /history/NAME            what a server was found to do over all runs
 *     /compare?from=ID&to=ID   what changed between two runs
 *
 * Its policy is to be: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';
 * img-src data:
 */
extern const struct asset asset_page;
extern const struct asset asset_css;
extern const struct asset asset_js;
