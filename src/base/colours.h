/*
 * colours: the few that muster uses on a terminal, of the sixteen that every one of them has, so
 * that its owner's palette decides how they look. Nothing is told by colour alone.
 */
#pragma once

#define COLOUR_DIM "\x1b[2m"
#define COLOUR_PASSED "\x1b[32m"  /* green */
#define COLOUR_FAILED "\x1b[31m"  /* red */
#define COLOUR_ERROR "\x1b[35m"   /* magenta */
#define COLOUR_RUNNING "\x1b[36m" /* cyan */
#define COLOUR_DOUBT "\x1b[33m"   /* yellow */
#define COLOUR_NONE "\x1b[0m"
