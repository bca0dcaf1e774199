/*
 * simulated: the transport to servers that do not exist.
 *
 * session_start() ignores its command: the session speaks as the agent does (wire/wire.h). It says
 * hello, and answers one request line after another: a benchmark with the metric "score" in points,
 * a whole number where the range has one, and a command with such a number as its output. It beats
 * as the lease says, which it holds for ever: no simulated connection is cut in silence.
 *
 * In a modelled fleet (transport/simulation.h) the answers are those of transport/simreport.
 *
 * How long an answer takes and what it says is a function of the seed, the server's name, the
 * benchmark (or command) and the trial alone, a trial being counted in its session; never of the
 * clock, the order or the fan-out. A share of the servers errs, each in one way that its name
 * decides: it cannot be reached; its connection is lost while it works; its benchmarks crash; it
 * answers garbage; or its agent has an internal error. A request whose time-out passes first is
 * answered with a time-out, as the agent does.
 */
#pragma once

#include "sync/cancel.h"
#include "transport/simulation.h"
#include "transport/transport.h"

/* Copies *s. The token must outlive the transport. Fails with ERROR_INTERNAL. */
int transport_simulated_new(const struct simulation *s, struct cancel *cancel,
                            struct transport **ret, struct error *err) must_use;

/*
 * When a session of this transport next has something to read, for whoever waits for many of them:
 * a deadline that may have passed, or DEADLINE_NEVER until it is asked for something.
 */
int64_t simulated_due(const struct session *session);
