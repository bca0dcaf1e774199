/*
 * proxycommand: a command of the user's whose standard input and output are the connection to a
 * server (ProxyCommand).
 *
 * It is run as ssh runs it, by the user's shell, which is replaced by it, in a process group of its
 * own; its standard error goes to the log, a line at a time. The carrier's end ends it: SIGHUP, as
 * ssh does, and, half a second later, whatever is left of its group is killed.
 */
#pragma once

#include "transport/sshlink.h"

/*
 * Starts the command of the request's options. Fails with ERROR_UNREACHABLE when the shell cannot
 * be run, and with ERROR_INTERNAL. Any thread; the carrier belongs to it.
 */
int proxycommand_start(const struct sshlink_request *request, struct carrier **carrier, int *fd,
                       char address[ADDRESS_TEXT], struct error *err) must_use;
