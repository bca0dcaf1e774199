/*
 * main: the agent that muster puts on a server to run benchmarks there.
 *
 *   agent --run RUN    serves one session on standard input and output
 *   agent --hash       prints the SHA-256 of its own file
 *   agent --describe   prints what muster has to know of its benchmarks
 *
 * src/wire/wire.h of muster is the protocol. The agent says hello with its facts, then answers one
 * request after the other until its input closes, its lease is over or a signal tells it to end;
 * then it kills what it started, removes its temporary files and is gone, within a second, whatever
 * it was doing. When it is killed itself, its guard does all that (guard.h). Only where its lease
 * lets it linger (session.h) does it stay when its input closes.
 *
 * It is one small static program, because nothing may be expected of a server. One thread; trials
 * and commands run in processes of their own (job.h).
 */
#include "benchmark.h"
#include "lock.h"
#include "session.h"
#include "sha256.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    char hash[65];
    if (argc == 2 && strcmp(argv[1], "--hash") == 0) {
        if (sha256_own(hash) != 0)
            return 1;
        return puts(hash) < 0 || fflush(stdout) != 0;
    }
    if (argc == 2 && strcmp(argv[1], "--describe") == 0)
        return benchmark_describe() != 0;
    if (argc == 3 && strcmp(argv[1], "--run") == 0 && lock_run_valid(argv[2]))
        return session_run(argv[2]);
    fputs("usage: agent --run RUN | agent --hash | agent --describe\n", stderr);
    return 2;
}
