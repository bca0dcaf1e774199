/*
 * offer: see offer.h.
 *
 * Of types of host keys libssh logs both sides' lists, a line each; ours never has a certificate.
 * It cuts lines off somewhere above a thousand characters, so a long one tells nothing, and neither
 * does a log that has other lines than these.
 */
#include "transport/offer.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <string.h>

#define SIDES 2
#define WHOLE 1000

static void on_line(int priority __attribute__((unused)),
                    const char *function __attribute__((unused)), const char *text, void *data) {
    struct offer *o = data;
    if (!o)
        return;
    if (!o->mismatch.len && strstr(text, "no match for method "))
        str_add(&o->mismatch, text);
    if (!strstr(text, "server host key algo: "))
        return;
    o->lists++;
    o->certificate |= strstr(text, "-cert-v") != NULL || strlen(text) >= WHOLE;
}

void offer_listen(struct offer *o, bool lists) {
    ssh_set_log_userdata(o);
    ssh_set_log_callback(on_line);
    ssh_set_log_level(lists ? SSH_LOG_FUNCTIONS : SSH_LOG_WARN);
}

void offer_stop(void) {
    ssh_set_log_level(SSH_LOG_NONE);
    ssh_set_log_userdata(NULL);
}

bool offer_has_certificate(const struct offer *o) {
    return o->certificate || o->lists != SIDES;
}
