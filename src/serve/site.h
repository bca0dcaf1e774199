/*
 * site: what all requests share. Nobody changes it while requests are answered.
 */
#pragma once

#include "sync/cancel.h"

#include <stdbool.h>

struct auth;
struct watches;

struct site {
    const char *store;     /* its URL, or NULL */
    struct cancel *cancel; /* the end of the program */
    struct auth *auth;     /* NULL: nobody has to show a token */
    struct watches *watches;
    bool check_host; /* requests come from this machine's browsers, which may have been misled */
};
