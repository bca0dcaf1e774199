/* sshvalues: see sshvalues.h. Pure but for getservbyname_r(); any thread. */
#include "input/sshvalues.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *ssh_number_mistake(const char *text, long long max, long long *ret) {
    char *end;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    if (end == text || *end)
        return "invalid";
    if (*ret < 0 || (errno == ERANGE && *ret == LLONG_MIN))
        return "too small";
    return *ret > max || errno == ERANGE ? "too large" : NULL;
}

static long unit_seconds(char unit) {
    switch (tolower((unsigned char)unit)) {
    case '\0':
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 60 * 60;
    case 'd':
        return 24 * 60 * 60;
    case 'w':
        return 7 * 24 * 60 * 60;
    default:
        return 0;
    }
}

long ssh_seconds_read(const char *text) {
    long total = 0;
    if (!*text)
        return -1;
    while (*text) {
        char *end;
        errno = 0;
        long n = strtol(text, &end, 10);
        long unit = unit_seconds(*end);
        if (end == text || errno == ERANGE || n < 0 || !unit || n > INT_MAX / unit ||
            total > INT_MAX - n * unit)
            return -1;
        total += n * unit;
        text = end + (*end != '\0');
    }
    return total;
}

int ssh_time_read(const char *text) {
    return strcmp(text, "none") == 0 ? 0 : (int)ssh_seconds_read(text);
}

static int unit_shift(char unit) {
    static const char units[] = "BKMGTPE";
    const char *at = unit ? strchr(units, toupper((unsigned char)unit)) : NULL;
    return at ? (int)(at - units) * 10 : -1;
}

int64_t ssh_size_read(const char *text) {
    text += strspn(text, " \t\n\v\f\r");
    text += *text == '+';
    size_t whole_digits = strspn(text, "0123456789");
    const char *p = text + whole_digits;
    double fraction = 0, place = 1;
    if (*p == '.')
        for (p++; isdigit((unsigned char)*p); p++)
            fraction += (*p - '0') * (place /= 10);
    errno = 0;
    long long whole = whole_digits ? strtoll(text, NULL, 10) : 0;
    if (errno || whole_digits > 18)
        return -1;
    if (!*p)
        return whole;
    int shift = unit_shift(*p);
    if (shift < 0 || isalnum((unsigned char)p[1]) || whole > LLONG_MAX >> shift)
        return -1;
    return (whole << shift) + (int64_t)(fraction * (double)(1LL << shift));
}

int ssh_port_read(const char *text) {
    long long n;
    if (!ssh_number_mistake(text, 65535, &n))
        return (int)n;
    char room[1024];
    struct servent entry, *found = NULL;
    getservbyname_r(text, "tcp", &entry, room, sizeof(room), &found);
    return found ? (unsigned char)((char *)&found->s_port)[0] << 8 |
                       (unsigned char)((char *)&found->s_port)[1]
                 : 0;
}

bool ssh_flag_read(const char *text) {
    return strcasecmp(text, "yes") == 0 || strcasecmp(text, "true") == 0;
}

bool ssh_variable_name_valid(const char *name) {
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '_')
            return false;
    return *name;
}

/* ---- jump hosts ---------------------------------------------------------------------------- */

void ssh_jump_done(struct ssh_jump *j) {
    free(j->user);
    free(j->host);
    *j = (struct ssh_jump){0};
}

bool ssh_domain_valid(const char *name) {
    if (!isalnum((unsigned char)*name))
        return false;
    for (const char *p = name; *p; p++)
        if (!(isalnum((unsigned char)*p) || strchr("-_.", *p)) || (*p == '.' && p[1] == '.'))
            return false;
    return true;
}

/* Cuts "host[:port]" or "[host][:port]" in place. False: it is neither. */
static bool cut_host(char *text, char **host, char **port) {
    char *end = *text == '[' ? strchr(text, ']') : text + strcspn(text, ":/");
    if (!end)
        return false;
    *host = text;
    if (*text == '[') {
        (*host)++;
        *end++ = '\0';
    }
    if (*end && !strchr(":/", *end))
        return false;
    *port = *end ? end + 1 : NULL;
    *end = '\0';
    return **host;
}

static int hex_digit(char c) {
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Decodes %XX and '+' in place; false: a '%' stands alone. */
static bool decode_uri(char *text) {
    char *to = text;
    for (; *text; text++) {
        int high = *text == '%' ? hex_digit(text[1]) : 0;
        int low = *text == '%' && high >= 0 ? hex_digit(text[2]) : 0;
        if (high < 0 || low < 0 || (*text == '%' && !high && !low))
            return false;
        bool coded = *text == '%';
        *to++ = (char)(coded ? high << 4 | low : *text == '+' ? ' ' : *text);
        text += coded ? 2 : 0;
    }
    *to = '\0';
    return true;
}

/* user;parameters@ of a URI; what stands behind the ';' counts for nothing. */
static bool cut_uri_user(char **text, char **user) {
    char *at = strchr(*text, '@');
    if (!at)
        return true;
    *at = '\0';
    *user = *text;
    *text = at + 1;
    (*user)[strcspn(*user, ";")] = '\0';
    return **user && decode_uri(*user);
}

static bool cut_jump(char *text, char **user, char **host, char **port) {
    static const char scheme[] = "ssh://";
    if (strncmp(text, scheme, strlen(scheme)) == 0) {
        text += strlen(scheme);
        size_t n = strlen(text);
        if (n && text[n - 1] == '/') /* an empty path */
            text[n - 1] = '\0';
        return cut_uri_user(&text, user) && !strchr(text, '/') && cut_host(text, host, port) &&
               ssh_domain_valid(*host);
    }
    char *at = strrchr(text, '@');
    if (at) {
        *at = '\0';
        *user = text;
        text = at + 1;
    }
    return (!*user || **user) && cut_host(text, host, port);
}

int ssh_jump_parse(const char *text, size_t n, struct ssh_jump *ret) {
    cleanup(free_ptr) char *copy = strndup(text, n);
    char *user = NULL, *host = NULL, *port = NULL;
    if (!copy)
        return -2;
    if (!cut_jump(copy, &user, &host, &port))
        return -1;
    *ret = (struct ssh_jump){.port = port && *port ? ssh_port_read(port) : 0};
    if (port && *port && ret->port <= 0)
        return -1;
    ret->host = strdup(host);
    ret->user = user ? strdup(user) : NULL;
    if (ret->host && (!user || ret->user))
        return 0;
    ssh_jump_done(ret);
    return -2;
}
