/*
 * route: the table of what there is to be asked for.
 */
#pragma once

#include "serve/answer.h"

typedef int route_fn(struct request *q, struct answer *a, struct error *err);

/* Answers the request: with what its route makes, or with why there is none. */
enum MHD_Result route_answer(struct request *q, const char *path);
