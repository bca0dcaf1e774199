/*
 * route: the table of what there is to be asked for.
 */
#pragma once

#include "serve/answer.h"

typedef int route_fn(struct request *q, struct answer *a, struct error *err);

/* Whether the request's body is to be read before it is answered. */
bool route_has_body(const struct request *q, const char *path);

/* Answers the request: with what its route makes, or with why there is none. */
enum MHD_Result route_answer(struct request *q, const char *path);
