/*
 * local: the transport to this machine. Every server is this one: commands are run by sh.
 */
#pragma once

#include "sync/cancel.h"
#include "transport/transport.h"

/* The token must outlive the transport. Fails with ERROR_INTERNAL. */
int transport_local_new(struct cancel *cancel, struct transport **ret, struct error *err) must_use;
