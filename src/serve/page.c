/* page: see page.h. */
#include "serve/page.h"

static const char front[] = "<!doctype html>\n"
                            "<html lang=\"en\"><meta charset=\"utf-8\"><title>muster</title>\n"
                            "<h1>muster</h1>\n"
                            "<p><a href=\"/api/runs\">The runs in the store</a>, and the\n"
                            "<a href=\"/api/runs/last\">last one</a>, as JSON.</p>\n"
                            "</html>\n";

int page_front(struct request *q, struct answer *a, struct error *err) {
    (void)q;
    a->type = ANSWER_HTML;
    if (spool_begin(&a->body, err) < 0)
        return -1;
    fputs(front, a->body.out);
    return 0;
}
