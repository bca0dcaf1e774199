/* output: see output.h. */
#include "cli/output.h"

#include "cli/terminal.h"
#include "fleet/sites.h"
#include "report/document.h"
#include "report/summary.h"
#include "store/crew.h"

#include <stdio.h>
#include <unistd.h>

int output_summary(struct store *store, const struct run *run, const struct outcome *outcomes,
                   struct error *err) {
    cleanup(str_done) struct str text = {0};
    cleanup(free_ptr) char *notes = NULL;
    if (store_notes(store, run->id, &notes, err) < 0)
        return -1;
    summary_add(&text, run, outcomes, notes, terminal_colours(STDOUT_FILENO));
    if (store_is_shared(store) && run_goes_on(run) && sites_say(&text, store, run, err) < 0)
        return -1;
    if (text.failed)
        return error_memory(err);
    fwrite(text.data, 1, text.len, stdout);
    return 0;
}

static int add_server(void *arg, const char *server, const struct server_result *result,
                      struct error *err) {
    bool *first = arg;
    int rc = document_add(stdout, *first, server, result, err);
    *first = false;
    return rc;
}

int output_document(struct store *store, const struct run *run, const struct outcome *outcomes,
                    struct error *err) {
    bool first = true;
    cleanup(free_ptr) char *notes = NULL;
    if (store_notes(store, run->id, &notes, err) < 0 ||
        document_begin(stdout, run, outcomes, notes, err) < 0 ||
        store_each(store, run->id, add_server, &first, err) < 0)
        return -1;
    document_end(stdout);
    return 0;
}
