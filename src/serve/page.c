/* page: see page.h. */
#include "serve/page.h"

#include "report/assets.h"

#include <string.h>

/*
 * The library copies none of it. A browser asks each time whether what it has is still it: the
 * addresses of assets do not tell their versions, and all of them are small.
 */
static int send_asset(struct request *q, struct answer *a, const struct asset *asset,
                      struct error *err) {
    const char *has = request_header(q, "If-None-Match");
    a->type = asset->type;
    a->cache = "no-cache";
    answer_header(a, "ETag", "\"%s\"", asset->sha256);
    if (has && strstr(has, asset->sha256)) {
        a->status = MHD_HTTP_NOT_MODIFIED;
        return 0;
    }
    a->response = MHD_create_response_from_buffer(asset->len, (void *)(uintptr_t)asset->data,
                                                  MHD_RESPMEM_PERSISTENT);
    return a->response ? 0 : error_memory(err);
}

int page_shell(struct request *q, struct answer *a, struct error *err) {
    return send_asset(q, a, &asset_page, err);
}

int page_style(struct request *q, struct answer *a, struct error *err) {
    return send_asset(q, a, &asset_css, err);
}

int page_program(struct request *q, struct answer *a, struct error *err) {
    return send_asset(q, a, &asset_js, err);
}
