/*
 * server: see server.h.
 *
 * A name reaches other programs as an argument (ssh, the template of the command transport), files
 * that are read back as inventory, and logs. So the alphabet is small: nothing that a shell, a
 * pattern or an inventory would take for its own, and nothing that could be an option.
 *
 * Pure but for the copies; any thread.
 */
#include "model/server.h"

#include "base/text.h"
#include "model/labels.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

/* The parts of a name, as pieces of it; user and port are NULL when they are not given. */
struct parts {
    const char *user;
    size_t user_len;
    const char *host;
    size_t host_len;
    int port;
};

enum char_class { BAD, SIMPLE, PLAIN, BLANK, CONTROL, HIGH, BRACKET, BACKSLASH };

static enum char_class class_of(unsigned char c) {
    switch (c) {
    case '0' ... '9':
    case 'A' ... 'Z':
    case 'a' ... 'z':
    case '.':
    case '_':
    case '-':
        return SIMPLE;
    case '+':
    case '~':
    case '%':
    case ':':
    case '@':
        return PLAIN;
    case '[':
    case ']':
        return BRACKET;
    case '\\':
        return BACKSLASH;
    case ' ':
    case '\t':
        return BLANK;
    case 0x80 ... 0xff:
        return HIGH;
    default:
        return c < ' ' || c == 0x7f ? CONTROL : BAD;
    }
}

/* Looks at each byte by itself; brackets and backslashes are judged by where they stand, later. */
static const char *check_bytes(const char *name, size_t n, size_t *at) {
    for (size_t i = 0; i < n;) {
        size_t len = 1;
        *at = i;
        switch (class_of((unsigned char)name[i])) {
        case SIMPLE:
        case PLAIN:
        case BRACKET:
        case BACKSLASH:
            break;
        case BLANK:
            return "a blank cannot be part of a name; join several by commas";
        case CONTROL:
            return "a control character cannot be part of a name";
        case HIGH:
            len = text_utf8_length(name + i, n - i);
            if (len == 0)
                return "this byte is not valid UTF-8";
            if (memcmp(name + i, "\xef\xbb\xbf", len) == 0) /* one to be seen nowhere */
                return "a byte order mark cannot be part of a name";
            if (!text_is_printable(name + i, len))
                return "a control character cannot be part of a name";
            break;
        default:
            return "this character cannot be part of a name";
        }
        i += len;
    }
    return NULL;
}

/* For a user or a host; `allowed` are the bytes that are good here beside the plain ones. */
static const char *check_part(const char *p, size_t n, const char *allowed, size_t *at) {
    if (n > 0 && p[0] == '-') {
        *at = 0;
        return "a name that begins with '-' would be read as an option";
    }
    for (size_t i = 0; i < n; i++) {
        enum char_class c = class_of((unsigned char)p[i]);
        *at = i;
        if (i == SERVER_PART_MAX)
            return "this part is longer than 255 bytes";
        if (c != SIMPLE && c != PLAIN && c != HIGH && !strchr(allowed, p[i]))
            return "this character cannot be part of a name";
    }
    return NULL;
}

/* An IPv6 address, a scope (fe80::1%eth0) allowed behind it. */
static bool is_ipv6(const char *p, size_t n) {
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    const char *scope = memchr(p, '%', n);
    size_t len = scope ? (size_t)(scope - p) : n;
    if (len >= sizeof(text) || (scope && (n - len == 1 || n - len > IF_NAMESIZE)))
        return false;
    memcpy(text, p, len);
    text[len] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* `p` is what follows the host: nothing, or a colon and the port. */
static const char *read_port(const char *p, size_t n, int *ret, size_t *at) {
    int port = 0;
    *at = 0;
    if (n == 0)
        return NULL;
    if (p[0] != ':')
        return "a ':' and a port, or nothing, must follow the address in brackets";
    *at = 1;
    for (size_t i = 1; i < n && i <= 5; i++)
        port = p[i] >= '0' && p[i] <= '9' && port >= 0 ? port * 10 + (p[i] - '0') : -1;
    if (n == 1 || n > 6 || port < 1 || port > 65535)
        return "a port is a number from 1 to 65535";
    *ret = port;
    return NULL;
}

/* [address] or [address]:port */
static const char *read_bracketed(const char *p, size_t n, struct parts *ret, size_t *at) {
    const char *end = memchr(p, ']', n);
    *at = 0;
    if (!end)
        return "this '[' has no ']'";
    ret->host = p + 1;
    ret->host_len = (size_t)(end - p) - 1;
    *at = 1;
    if (!is_ipv6(ret->host, ret->host_len))
        return "what stands in brackets is not an IPv6 address";
    size_t used = ret->host_len + 2;
    const char *mistake = read_port(p + used, n - used, &ret->port, at);
    *at += used;
    return mistake;
}

static const char *read_host(const char *p, size_t n, struct parts *ret, size_t *at) {
    if (n > 0 && p[0] == '[')
        return read_bracketed(p, n, ret, at);
    const char *colon = memchr(p, ':', n);
    ret->host = p;
    ret->host_len = n;
    *at = 0;
    if (colon && memchr(colon + 1, ':', n - (size_t)(colon - p) - 1))
        return is_ipv6(p, n) ? NULL
                             : "with several colons, a name must be an IPv6 address (and with a "
                               "port, [address]:port)";
    if (colon)
        ret->host_len = (size_t)(colon - p);
    if (ret->host_len == 0)
        return "the name of the host is empty";
    const char *mistake = check_part(p, ret->host_len, "", at);
    if (mistake || !colon)
        return mistake;
    mistake = read_port(colon, n - ret->host_len, &ret->port, at);
    *at += ret->host_len;
    return mistake;
}

/* Whether the name is a host and cannot be anything else; nearly all are, and there may be
 * millions. */
static bool is_simple(const char *name, size_t n) {
    if (n == 0 || n > SERVER_PART_MAX || name[0] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (class_of((unsigned char)name[i]) != SIMPLE)
            return false;
    return true;
}

/* Fills *ret, or says what is wrong and at which offset. */
static const char *split(const char *name, size_t n, struct parts *ret, size_t *at) {
    *ret = (struct parts){.host = name, .host_len = n};
    if (is_simple(name, n))
        return NULL;
    const char *mistake = check_bytes(name, n, at);
    if (mistake)
        return mistake;
    const char *sign = memrchr(name, '@', n);
    size_t start = 0;
    if (sign) {
        ret->user = name;
        ret->user_len = (size_t)(sign - name);
        start = ret->user_len + 1;
        *at = 0;
        if (ret->user_len == 0)
            return "the user before '@' is empty";
        mistake = check_part(name, ret->user_len, "\\", at);
        if (mistake)
            return mistake;
    }
    mistake = read_host(name + start, n - start, ret, at);
    *at += start;
    return mistake;
}

const char *server_mistake(const char *name, size_t n, size_t *column) {
    struct parts parts;
    size_t at = 0;
    const char *mistake = split(name, n, &parts, &at);
    if (mistake)
        *column = at + 1;
    return mistake;
}

int server_parse(const char *name, struct server *ret, struct error *err) {
    struct parts parts;
    size_t at = 0;
    const char *mistake = split(name, strlen(name), &parts, &at);
    if (mistake) {
        cleanup(str_done) struct str shown = {0};
        text_add_printable(&shown, name, strlen(name), 100);
        return error_set(err, ERROR_USAGE, "'%s', column %zu: %s", shown.data ? shown.data : "",
                         at + 1, mistake);
    }
    struct server s = {.name = strdup(name), .port = parts.port};
    s.host = strndup(parts.host, parts.host_len);
    if (parts.user)
        s.user = strndup(parts.user, parts.user_len);
    if (!s.name || !s.host || (parts.user && !s.user)) {
        server_done(&s);
        return error_memory(err);
    }
    *ret = s;
    return 0;
}

void server_done(struct server *s) {
    free(s->name);
    free(s->host);
    free(s->user);
    free(s->identity);
    free(s->kind);
    free(s->labels);
    *s = (struct server){0};
}

void servers_done(struct servers *list) {
    for (size_t i = 0; i < list->count; i++)
        server_done(&list->items[i]);
    free(list->items);
    *list = (struct servers){0};
}

bool servers_have_label(const struct servers *list, const char *key) {
    struct label label;
    for (size_t i = 0; i < list->count; i++)
        if (labels_find(list->items[i].labels, key, &label))
            return true;
    return false;
}
