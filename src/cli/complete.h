/*
 * complete: `muster complete`, which the scripts in completions/ ask what may stand where the
 * cursor is. It is in no list of commands: the scripts and it are one.
 *
 *     muster complete bash LINE WORD     the line up to the cursor, what readline will replace
 *     muster complete zsh WORD...        the words up to the cursor, without their quotes
 *     muster complete fish WORD...
 *
 * The first line of what it prints is one of these, and the number of bytes of the last word that
 * stand before what is completed (`--config=`, or nothing):
 *
 *     words N    what follows are candidates
 *     parts N    the same, and each goes on: no blank behind it
 *     files N    the shell's own completion of files
 *     unknown N  an option whose values nobody has told
 *
 * A candidate is one line. For bash it is as it is to stand in the line instead of WORD; for zsh
 * it is without quotes and without the N bytes, for fish with them, both with a description behind
 * a tab if there is one. Nothing is connected to, run or written, nothing is said on standard
 * error, and the status is 0.
 */
#pragma once

int cmd_complete(int argc, char **argv);
