/*
 * process: a session whose remote commands are run by a program on this machine.
 *
 * session_start() runs the program with the remote command line as one more, last argument; no
 * shell of ours stands between. The program gets a session and process group of its own (so it
 * cannot ask anything on the terminal, and all of it can be ended at once), default signal
 * dispositions, an empty signal mask, three pipes and no other descriptor.
 *
 * Standard error is read whenever the session waits, so that it never holds up the program; what
 * comes after its first 4 KiB is thrown away. A write goes on while the program prints: up to 1 MiB
 * of what it prints is kept for later reads.
 *
 * A program that ends early ends the output: session_read() returns 0, and session_finish() has the
 * status and session_stderr() the reason. A write that it no longer reads is ERROR_CONNECTION_LOST.
 * session_finish() ends what is left of the process group once the program has ended.
 * session_close() closes the pipes and gives the program 500 ms to end by itself, as a transport
 * program does at the end of its input, then sends SIGTERM and at last SIGKILL to the group.
 */
#pragma once

#include "sync/cancel.h"
#include "transport/transport.h"

/*
 * `argv` ends with NULL, holds at least the program, and is copied. `address_prefix`, copied too,
 * stands before "pid 4711" in session_address(), which is empty before the first start; NULL for
 * none. Nothing is run yet: a program that cannot be run makes session_start() fail with
 * ERROR_UNREACHABLE, its name in the sentence. Fails with ERROR_INTERNAL.
 */
int process_open(const char *const *argv, struct cancel *cancel, const char *address_prefix,
                 struct session **ret, struct error *err) must_use;
