/*
 * session: the conversation with muster, from the hello to the end.
 */
#pragma once

/* Serves muster on standard input and output for the run. Returns the exit status. */
int session_run(const char *run);
