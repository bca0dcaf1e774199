/*
 * page: what a browser shows. It is one page for every address, with one program (report/assets.h),
 * which asks the API for what the address is of.
 */
#pragma once

#include "serve/route.h"

route_fn page_shell;   /* / and all below it that is no asset */
route_fn page_style;   /* /assets/app.css */
route_fn page_program; /* /assets/app.js */
