/*
 * offer: see offer.h.
 *
 * libssh logs both sides' lists, a line each; ours never has a certificate. It cuts lines off
 * somewhere above a thousand characters, so a long one tells nothing.
 */
#include "transport/offer.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <string.h>

#define SIDES 2
#define WHOLE 1000

static void on_line(int priority __attribute__((unused)),
                    const char *function __attribute__((unused)), const char *text,
                    void *userdata) {
    struct offer *o = userdata;
    if (!strstr(text, "server host key algo: "))
        return;
    o->lists++;
    o->certificate |= strstr(text, "-cert-v") != NULL || strlen(text) >= WHOLE;
}

void offer_begin(struct offer *o) {
    *o = (struct offer){0};
    ssh_set_log_userdata(o);
    ssh_set_log_callback(on_line);
    ssh_set_log_level(SSH_LOG_FUNCTIONS);
}

bool offer_end(struct offer *o) {
    ssh_set_log_level(SSH_LOG_NONE);
    ssh_set_log_callback(NULL);
    ssh_set_log_userdata(NULL);
    return o->certificate || o->lists != SIDES;
}
