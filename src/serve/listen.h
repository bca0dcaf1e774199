/*
 * listen: the socket that clients connect to.
 *
 *     127.0.0.1:8475  [::1]:8475  localhost:8475  unix:PATH
 *
 * A port of 0 is any that is free. A Unix socket is its owner's alone (mode 0600); one that was
 * left behind is replaced, one on which somebody listens is not.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <sys/stat.h>

#define LISTEN_DEFAULT "127.0.0.1:8475"

struct listening {
    int fd;
    char url[300]; /* for people: http://127.0.0.1:8475/, or unix:PATH */
    char *path;    /* of a Unix socket, or NULL; owned */
    dev_t device;  /* of that socket's file */
    ino_t inode;
    bool loopback; /* only this machine can connect */
};

/* Opens it. ERROR_USAGE says what is wrong with the address, or who has it already. */
int listen_open(const char *address, struct listening *ret, struct error *err) must_use;

/* Closes it, and removes the file of a Unix socket if it is still the one that was made. */
void listen_done(struct listening *l);
