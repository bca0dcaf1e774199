/* sshpattern: see sshpattern.h. Pure; any thread. */
#include "input/sshpattern.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/*
 * Only the last '*' ever needs another try: what stands before it has matched as far to the left
 * as it can. So the time is the product of both lengths at most, whatever the pattern.
 */
bool ssh_pattern_match(const char *text, const char *pattern) {
    const char *star = NULL, *again = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            again = text;
        } else if (*pattern && (*pattern == '?' || *pattern == *text)) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++again;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

bool ssh_pattern_is_literal(const char *pattern) {
    return !strpbrk(pattern, "*?");
}

bool ssh_pattern_list_match(const char *text, const char *list, bool lower) {
    char pattern[1024];
    bool found = false;
    while (*list) {
        bool negated = *list == '!';
        list += negated;
        size_t n = strcspn(list, ",");
        if (n >= sizeof(pattern) - 1)
            return false;
        for (size_t i = 0; i < n; i++)
            pattern[i] = lower ? (char)tolower((unsigned char)list[i]) : list[i];
        pattern[n] = '\0';
        if (ssh_pattern_match(text, pattern)) {
            if (negated)
                return false;
            found = true;
        }
        list += n;
        list += *list == ',';
    }
    return found;
}

struct network {
    int family;
    unsigned char bytes[16];
    unsigned bits; /* of all that an address of the family has, those that count */
};

static unsigned family_bits(int family) {
    return family == AF_INET ? 32 : 128;
}

static bool read_address(const char *text, struct network *ret) {
    *ret = (struct network){.family = strchr(text, ':') ? AF_INET6 : AF_INET};
    ret->bits = family_bits(ret->family);
    return inet_pton(ret->family, text, ret->bytes) == 1;
}

static bool same_start(const unsigned char *a, const unsigned char *b, unsigned bits) {
    unsigned whole = bits / 8, rest = bits % 8;
    return memcmp(a, b, whole) == 0 && (!rest || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

/* 10.0.0.0/8; bits set behind those that count make it none. */
static bool read_network(char *text, struct network *ret) {
    char *slash = strchr(text, '/'), *end = NULL;
    if (slash)
        *slash++ = '\0';
    if (!read_address(text, ret))
        return false;
    if (!slash)
        return true;
    unsigned long bits = isdigit((unsigned char)*slash) ? strtoul(slash, &end, 10) : 0;
    if (!end || *end || bits > ret->bits)
        return false;
    unsigned char masked[16] = {0};
    memcpy(masked, ret->bytes, bits / 8);
    if (bits % 8)
        masked[bits / 8] = ret->bytes[bits / 8] & (unsigned char)(0xff00 >> bits % 8);
    ret->bits = (unsigned)bits;
    return memcmp(masked, ret->bytes, sizeof(masked)) == 0;
}

int ssh_network_list_match(const char *address, const char *list) {
    struct network own, network;
    if (address && !read_address(address, &own))
        return 0;
    int found = 0;
    for (bool more = true; more;) {
        char text[INET6_ADDRSTRLEN + 4];
        size_t n = strcspn(list, ",");
        if (n == 0 || n >= sizeof(text))
            return -1;
        memcpy(text, list, n);
        text[n] = '\0';
        if (!read_network(text, &network))
            return -1;
        if (address && own.family == network.family &&
            same_start(own.bytes, network.bytes, network.bits))
            found = 1;
        more = list[n] == ',';
        list += n + more;
    }
    return found;
}
