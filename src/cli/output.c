/* output: see output.h. */
#include "cli/output.h"

#include "cli/terminal.h"
#include "fleet/sites.h"
#include "report/document.h"
#include "report/summary.h"
#include "store/crew.h"

#include <stdio.h>
#include <unistd.h>

int output_summary(FILE *to, struct store *store, const struct run *run,
                   const struct outcome *outcomes, struct error *err) {
    cleanup(str_done) struct str text = {0};
    cleanup(free_ptr) char *notes = NULL;
    int rc = store_notes(store, run->id, &notes, err);
    summary_add(&text, run, outcomes, notes, terminal_colours(STDOUT_FILENO));
    if (rc == 0 && store_is_shared(store) && run_goes_on(run))
        rc = sites_say(&text, store, run, err);
    if (text.failed)
        return error_memory(err);
    fwrite(text.data, 1, text.len, to);
    return rc;
}

struct written {
    FILE *to;
    bool first; /* it has no server yet */
};

static int add_server(void *arg, const char *server, const struct server_result *result,
                      struct error *err) {
    struct written *w = arg;
    int rc = document_add(w->to, w->first, server, result, err);
    w->first = false;
    return rc;
}

int output_document(FILE *to, struct store *store, const struct run *run,
                    const struct outcome *outcomes, struct error *err) {
    struct written w = {to, true};
    cleanup(free_ptr) char *notes = NULL;
    if (store_notes(store, run->id, &notes, err) < 0 ||
        document_begin(to, run, outcomes, notes, err) < 0 ||
        store_each(store, run->id, add_server, &w, err) < 0)
        return -1;
    document_end(to);
    return 0;
}
