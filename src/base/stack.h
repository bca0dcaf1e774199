/*
 * stack: memory of stacks that are not in use.
 *
 * A thread that waits keeps what its deepest call has touched: of one that has made a connection,
 * most of it is the key exchange's. Where ten thousand wait, that is a sixth of all their memory.
 */
#pragma once

#define STACK_DEPTH (128 * 1024) /* bytes below the caller that are looked at */

/*
 * Gives the pages below the caller's frame back to the kernel; deeper calls get new ones. For
 * threads with a stack that has STACK_DEPTH below the caller; costs a system call. Any thread.
 */
void stack_trim(void);
