/*
 * simreport: what a server of a modelled fleet says of itself, in the words of the agent's facts
 * and sensors (agent/facts.c, agent/conditions.c).
 *
 * Servers of a kind agree in all but their identity, and a fault shows where it does in life: a
 * governor that saves power, a DIMM that is missing or slow, turbo switched off; heat and a count
 * of throttling; memory errors that are corrected; another BIOS and microcode. Pure.
 */
#pragma once

#include "base/str.h"
#include "transport/simserver.h"

/* Appends the object of the facts. */
void simreport_add_facts(struct str *out, const struct simserver *who);

/* Appends the members `metrics`, `sensors` and, where there is something to say, `conditions`, of
 * one trial of `seconds`; arguments as those of simserver_value(). */
void simreport_add_metrics(struct str *out, const struct simulation *s, const struct simserver *who,
                           uint64_t benchmark, uint64_t trial, double seconds);
