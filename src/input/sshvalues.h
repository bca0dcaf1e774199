/*
 * sshvalues: how numbers, times, sizes, ports and jump hosts are written in ssh_config(5).
 */
#pragma once

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads a whole number from 0 to `max` as strtonum(3) does. NULL, or what is wrong: "invalid", "too
 * small" or "too large".
 */
const char *ssh_number_mistake(const char *text, long long max, long long *ret);

/* 90, 5m, 1h30m in seconds; -1: it is no time. */
long ssh_seconds_read(const char *text);

/* As ssh_seconds_read(), of what was checked before; "none" is 0. */
int ssh_time_read(const char *text);

/* 16, 1.5G in bytes; -1: it is no size. */
int64_t ssh_size_read(const char *text);

/* A number or a service of TCP; 0: neither, or the port 0. */
int ssh_port_read(const char *text);

/* Whether a flag's word means that it is on. */
bool ssh_flag_read(const char *text);

/* Letters, digits and '_', at least one. */
bool ssh_variable_name_valid(const char *name);

/* Letters, digits, '-', '_' and single dots, the first one a letter or a digit. */
bool ssh_domain_valid(const char *name);

/* A jump host as "[user@]host[:port]" or "ssh://...". */
struct ssh_jump {
    char *user; /* NULL: not given */
    char *host; /* without brackets */
    int port;   /* 0: not given */
};

/* Reads `n` bytes. Returns 0, -1 when they are no jump host, or -2 when memory ran out. */
int ssh_jump_parse(const char *text, size_t n, struct ssh_jump *ret) must_use;
void ssh_jump_done(struct ssh_jump *j);
