/* line: how far a run is, as a line of the log. */
#pragma once

#include "live/board.h"

/* Where memory runs out there is none. */
void line_log(struct board *b);
