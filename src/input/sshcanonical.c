/*
 * sshcanonical: see sshcanonical.h. Any thread; names are looked up by whom the question names.
 *
 * Numeric addresses are brought into their usual form by the C library, without any look-up.
 */
#include "input/sshcanonical.h"

#include "base/str.h"
#include "input/sshpattern.h"
#include "input/sshvalues.h"

#include <ctype.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

int ssh_answer_family(const struct ssh_answer *a) {
    const char *family = ssh_answer_text(a, SSH_ADDRESSFAMILY);
    if (!family || strcasecmp(family, "any") == 0)
        return AF_UNSPEC;
    return strcasecmp(family, "inet6") == 0 ? AF_INET6 : AF_INET;
}

bool ssh_canonicalizes(const struct ssh_answer *a) {
    const char *how = ssh_answer_text(a, SSH_CANONICALIZEHOSTNAME);
    return how && strcasecmp(how, "no") != 0 && strcasecmp(how, "false") != 0;
}

/* ---- addresses ----------------------------------------------------------------------------- */

/* Can be nothing but an address, though perhaps a wrong one. */
static bool looks_numeric(const char *host) {
    return strpbrk(host, "%:") || host[strspn(host, "0123456789.")] == '\0';
}

/* Replaces an address by its usual form. Returns whether it was one. */
static int use_address(char **host, int family, struct error *err) {
    char text[NI_MAXHOST];
    struct addrinfo *list = NULL;
    struct addrinfo hints = {.ai_family = family,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    /* the C library takes more than decimal numbers, but all begin with a digit */
    if (!isdigit((unsigned char)**host) && !strchr(*host, ':'))
        return 0;
    if (getaddrinfo(*host, NULL, &hints, &list) != 0)
        return 0;
    int rc =
        getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(list);
    if (rc != 0)
        return 0;
    char *usual = strdup(text);
    if (!usual)
        return error_memory(err);
    free(*host);
    *host = usual;
    return 1;
}

/* ---- names --------------------------------------------------------------------------------- */

/* Whether the name may be exchanged for the one that its aliases lead to. */
static bool is_permitted(const struct ssh_answer *a, const char *name, const char *canonical) {
    const struct ssh_directive *rules = a->won[SSH_CANONICALIZEPERMITTEDCNAMES];
    if (!rules || strcmp(name, canonical) == 0)
        return false;
    for (size_t i = 0; i < rules->words.count; i++) {
        const char *rule = rules->words.items[i], *target = strchr(rule, ':');
        if (strcasecmp(rule, "none") == 0)
            return false;
        cleanup(free_ptr) char *source = strndup(rule, target ? (size_t)(target - rule) : 1);
        if (source && ssh_pattern_list_match(name, source, true) &&
            ssh_pattern_list_match(canonical, target ? target + 1 : rule, true))
            return true;
    }
    return false;
}

static int look_up(const struct ssh_question *q, const struct ssh_answer *a, const char *name,
                   char **canonical, struct error *err) {
    if (!q->lookup)
        return error_set(err, ERROR_UNREACHABLE,
                         "CanonicalizeHostname is set: %s is to be looked "
                         "up, and nothing here can",
                         name);
    return q->lookup(q->lookup_arg, name, ssh_answer_family(a), q->deadline, canonical, err);
}

/* Exchanges the name for the one that its aliases lead to, where that is permitted. */
static int follow(const struct ssh_answer *a, char *canonical, char **host) {
    if (!canonical || !ssh_domain_valid(canonical))
        return 0;
    size_t n = strlen(canonical);
    if (canonical[n - 1] == '.')
        canonical[n - 1] = '\0';
    if (!is_permitted(a, *host, canonical))
        return 0;
    free(*host);
    *host = strdup(canonical);
    return *host ? 0 : -1;
}

/* Looks up `full`, which ends in a '.', and replaces *host by what is found. */
static int try_name(const struct ssh_question *q, const struct ssh_answer *a, const char *full,
                    char **host, struct error *err) {
    cleanup(free_ptr) char *canonical = NULL;
    int rc = look_up(q, a, full, &canonical, err);
    if (rc <= 0)
        return rc;
    char *found = strndup(full, strlen(full) - 1);
    if (!found)
        return error_memory(err);
    free(*host);
    *host = found;
    return follow(a, canonical, host) < 0 ? error_memory(err) : 1;
}

static size_t count_dots(const char *host) {
    size_t n = 0;
    for (; *host; host++)
        n += *host == '.';
    return n;
}

/* Tries the name with each of the domains behind it. */
static int try_domains(const struct ssh_question *q, const struct ssh_answer *a, char **host,
                       struct error *err) {
    const struct ssh_directive *domains = a->won[SSH_CANONICALDOMAINS];
    for (size_t i = 0; domains && i < domains->words.count; i++) {
        const char *domain = domains->words.items[i];
        if (strcasecmp(domain, "none") == 0)
            break;
        cleanup(str_done) struct str full = {0};
        str_addf(&full, "%s.%s.", *host, domain);
        if (full.failed)
            return error_memory(err);
        int rc = try_name(q, a, full.data, host, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Whether another program will look the name up. */
static bool is_proxied(const struct ssh_answer *a) {
    return ssh_answer_value(a, SSH_PROXYCOMMAND) || a->won[SSH_PROXYJUMP];
}

/* Completes the name. Returns 1 when it was found, 0 when it stays. */
static int complete(const struct ssh_question *q, const struct ssh_answer *a, char **host,
                    struct error *err) {
    const char *max_dots = ssh_answer_text(a, SSH_CANONICALIZEMAXDOTS);
    int rc;
    if (**host && (*host)[strlen(*host) - 1] == '.') {
        cleanup(free_ptr) char *full = strdup(*host);
        rc = full ? try_name(q, a, full, host, err) : error_memory(err);
    } else {
        if (count_dots(*host) > (max_dots ? strtoul(max_dots, NULL, 10) : 1))
            return 0;
        rc = try_domains(q, a, host, err);
    }
    if (rc != 0 || ssh_answer_flag(a, SSH_CANONICALIZEFALLBACKLOCAL, true))
        return rc;
    return error_set(err, ERROR_UNREACHABLE, "Could not resolve host \"%s\"", *host);
}

/* A name that was not completed may still be an alias. */
static int follow_plain(const struct ssh_question *q, const struct ssh_answer *a, char **host,
                        struct error *err) {
    cleanup(free_ptr) char *canonical = NULL;
    const struct ssh_directive *rules = a->won[SSH_CANONICALIZEPERMITTEDCNAMES];
    if (!rules || strcasecmp(rules->words.items[0], "none") == 0)
        return 0;
    int rc = look_up(q, a, *host, &canonical, err);
    if (rc < 0)
        return -1;
    if (rc == 0 && !is_proxied(a))
        return error_set(err, ERROR_UNREACHABLE, "Could not resolve hostname %s", *host);
    return rc == 0 || follow(a, canonical, host) == 0 ? 0 : error_memory(err);
}

int ssh_canonicalize(const struct ssh_question *q, const struct ssh_answer *a, char **host,
                     struct error *err) {
    int rc = use_address(host, ssh_answer_family(a), err);
    if (rc != 0 || looks_numeric(*host))
        return rc < 0 ? -1 : 0;
    for (char *p = *host; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    const char *how = ssh_answer_text(a, SSH_CANONICALIZEHOSTNAME);
    if (!ssh_canonicalizes(a) || (is_proxied(a) && strcasecmp(how, "always") != 0))
        return 0;
    rc = complete(q, a, host, err);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    return follow_plain(q, a, host, err);
}
