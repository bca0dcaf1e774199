/*
 * gate: whether a request is let in, and the form by which a browser asks.
 *
 * Without a token, what protects the documents is that only this machine can connect. A browser of
 * this machine can be led here by a page of somebody else's, under a name of theirs that leads to
 * 127.0.0.1 (DNS rebinding): so a request must call this server by an address of this machine.
 * With a token that name does no harm, as a browser has a cookie for the true one only.
 */
#pragma once

#include "serve/route.h"

/*
 * Returns 0 when the request may be answered, 1 when *a is an answer instead (a form for a
 * browser), or -1 with the status of the refusal.
 */
int gate_check(struct request *q, const char *path, struct answer *a, struct error *err) must_use;

/* GET /login: the form. */
route_fn gate_form;

/* POST /login, its body read: a cookie for who shows the token, the form for who does not. */
int gate_login(struct request *q, struct answer *a, struct error *err) must_use;
