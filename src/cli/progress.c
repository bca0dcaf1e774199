/*
 * progress: see progress.h.
 *
 * The log's thread draws: it alone writes to the terminal. It looks at the board, which workers and
 * the orchestrator keep up to date, a few times a second.
 */
#include "cli/progress.h"

#include "cli/terminal.h"
#include "live/block.h"
#include "live/estimate.h"

#include <unistd.h>

int progress_init(struct progress *p, const struct run_output *o, size_t benchmarks,
                  const struct cancel *cancel, struct error *err) {
    p->cancel = cancel;
    p->shown = !o->quiet && !o->no_progress && terminal_moves(STDERR_FILENO);
    p->colour = terminal_colours(STDERR_FILENO);
    return board_new(benchmarks, &p->board, err);
}

void progress_done(struct progress *p) {
    board_free(p->board);
    *p = (struct progress){0};
}

static void draw(void *arg, int columns, int rows, struct str *out) {
    const struct progress *p = arg;
    struct board_view v;
    if (!board_look(p->board, &v))
        return;
    block_add(out, &v, estimate_left(&v), cancel_fired(p->cancel),
              (struct block_room){columns, rows, p->colour});
    board_view_done(&v);
}

struct footer_drawing progress_drawing(struct progress *p) {
    return (struct footer_drawing){.draw = draw, .arg = p, .reflows = terminal_reflows()};
}

int64_t progress_period(const struct progress *p) {
    return p->shown ? 0 : PROGRESS_PERIOD;
}
