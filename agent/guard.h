/*
 * guard: the process between whoever started the agent and the agent, which outlives it.
 */
#pragma once

/*
 * Splits this process in two. Returns 0 in the agent's, which is a new session; the guard stays
 * behind, where whoever waits for the agent waits for it, and ends when all is gone. Returns -1
 * with errno when there can be no second process. Once, before there is any other process.
 */
int guard_start(void);

/* The agent goes on without its session: the guard is to let go of it, too. */
void guard_let_go(void);
