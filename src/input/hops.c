/* hops: see hops.h. Pure; any thread. */
#include "input/hops.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char URI[] = "ssh://";

void hop_done(struct hop *h) {
    free(h->host);
    free(h->user);
    free(h->before);
    *h = (struct hop){0};
}

static int digit(char c) {
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

/* %40 and the like, in place. Whether all of it could be read. */
static bool decode(char *text) {
    char *to = text;
    for (const char *p = text; *p; p++) {
        if (*p != '%') {
            *to++ = *p;
            continue;
        }
        int high = digit(p[1]), low = high < 0 ? -1 : digit(p[2]);
        if (low < 0 || (high == 0 && low == 0))
            return false;
        *to++ = (char)(high * 16 + low);
        p += 2;
    }
    *to = '\0';
    return true;
}

/* ":port", or nothing; in a URI the number may be missing. */
static bool read_port(const char *text, int *port) {
    char *end;
    *port = 0;
    if (*text != ':')
        return !*text;
    if (!text[1])
        return true;
    long n = strtol(text + 1, &end, 10);
    *port = (int)n;
    return !*end && text[1] >= '0' && text[1] <= '9' && n > 0 && n <= 65535;
}

/* Splits the text, which it writes to; what it gives points into it. */
static bool split(char *text, char **user, char **host, int *port) {
    bool uri = strncmp(text, URI, sizeof(URI) - 1) == 0;
    if (uri) {
        text += sizeof(URI) - 1;
        size_t n = strlen(text);
        if (n > 0 && text[n - 1] == '/')
            text[n - 1] = '\0';
        if (strchr(text, '/'))
            return false;
    }
    char *at = strrchr(text, '@');
    *user = at ? text : NULL;
    *host = at ? at + 1 : text;
    if (at)
        *at = '\0';
    if (uri && at) {
        text[strcspn(text, ";")] = '\0'; /* parameters of the connection, which ssh ignores */
        if (!decode(text))
            return false;
    }
    bool bracket = **host == '[';
    *host += bracket;
    char *end = *host + strcspn(*host, bracket ? "]" : ":");
    if (bracket && *end != ']')
        return false;
    bool ok = read_port(bracket ? end + 1 : end, port);
    *end = '\0';
    return ok && **host && **host != '-' && !(at && !**user);
}

int hop_last(const char *list, struct hop *ret, struct error *err) {
    const char *comma = strrchr(list, ',');
    cleanup(free_ptr) char *text = strdup(comma ? comma + 1 : list);
    char *user, *host;
    struct hop h = {0};
    if (!text)
        return error_memory(err);
    if (!split(text, &user, &host, &h.port) || comma == list)
        return error_set(err, ERROR_UNREACHABLE, "ProxyJump %.200s names no host", list);
    h.host = strdup(host);
    h.user = user ? strdup(user) : NULL;
    h.before = comma ? strndup(list, (size_t)(comma - list)) : NULL;
    if (!h.host || (user && !h.user) || (comma && !h.before)) {
        hop_done(&h);
        return error_memory(err);
    }
    *ret = h;
    return 0;
}
