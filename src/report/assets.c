/* assets: see assets.h. The bytes are written by assets.py when muster is built. */
#include "report/assets.h"

#include "report/assets_text.h"

const struct asset asset_page = {(const char *)page_html, sizeof(page_html) - 1,
                                 "text/html; charset=utf-8", page_html_sha256};
const struct asset asset_css = {(const char *)app_css, sizeof(app_css) - 1,
                                "text/css; charset=utf-8", app_css_sha256};
const struct asset asset_js = {(const char *)app_js, sizeof(app_js) - 1,
                               "text/javascript; charset=utf-8", app_js_sha256};
