/*
 * page: what a browser shows.
 */
#pragma once

#include "serve/route.h"

route_fn page_front; /* / */
