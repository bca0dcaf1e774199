/*
 * explain: how servers will be reached, for `muster servers --explain`.
 */
#pragma once

#include "cli/cli.h"

/* As in struct ssh_settings: NULL and 0 are not given. */
struct explain_options {
    const char *config; /* muster.yaml, as -c */
    const char *ssh_config;
    const char *user;
    int port;
};

/*
 * Prints for each server where and through what it will be reached, whether by muster itself or by
 * the ssh program and why, and which options of OpenSSH count for it, with their files and lines.
 * Nothing is connected to. Returns the exit status.
 */
int explain_servers(const struct explain_options *o, const struct servers *servers);
