/* commands: the table of them. Each stands at the end of its own source file. */
#include "cli/cli.h"

#include <string.h>

/* clang-format off */ /* one a line */
const struct cli_command *const cli_commands[] = {
    &command_run,
    &command_servers,
    &command_benchmarks,
    &command_runs,
    &command_show,
    &command_history,
    &command_log,
    &command_compare,
    &command_judge,
    &command_resume,
    &command_submit,
    &command_worker,
    &command_wait,
    &command_baseline,
    &command_report,
    &command_serve,
    &command_store,
    &command_init,
    NULL,
};
/* clang-format on */

const struct cli_command *cli_find(const char *name) {
    const struct cli_command *const *c = cli_commands;
    while (*c && strcmp((*c)->name, name) != 0)
        c++;
    return *c;
}
